//! Documents like those the register prints, as data for tests and examples.

#![allow(dead_code, missing_docs, reason = "each test uses some")]

use stampa::{Blocco, Brano, Colonna, Cornice, Documento, Foglio, Intestazione, Istante, Qr, Righe, Tabella};

pub const QUANDO: Istante =
    Istante { anno: 2026, mese: 3, giorno: 2, ora: 9, minuto: 5, secondo: 7, scarto_minuti: 60 };
pub const VERIFICA: &str =
    "https://protocollo.comune.example.it/verifica/c_x000/AOO1/2026/0001234?impronta=9f86d081884c7d65";

fn intestato(titolo: &str) -> Documento<'static> {
    let mut documento = Documento::nuovo(titolo, "Comune di Montefiascone sul Lago", QUANDO);
    documento.intestazione = Intestazione {
        ente: "Comune di Montefiascone sul Lago".into(),
        riga: "Area organizzativa omogenea AOO1 · Ufficio protocollo · Piazza della Repubblica 1".into(),
    };
    documento.piede = "Documento prodotto dal sistema di protocollo informatico il 02/03/2026 alle 09:05".into();
    documento
}

/// The receipt for the citizen: one page.
pub fn ricevuta() -> Documento<'static> {
    let mut documento = intestato("Ricevuta di registrazione di protocollo");
    documento.soggetto = "Ricevuta della registrazione 0001234 del 2026".into();
    documento.blocchi = vec![
        Blocco::Paragrafo(vec![
            "Si attesta che il documento descritto qui sotto è stato ".into(),
            Brano::grassetto("registrato in arrivo"),
            " ai sensi dell'articolo 53 del d.P.R. 28 dicembre 2000, n. 445.".into(),
        ]),
        Blocco::Riquadro(
            Cornice::Evidenza,
            vec![
                Blocco::Nota(vec!["Numero di protocollo".into()]),
                Blocco::Rilievo(vec!["0001234/2026".into()]),
                Blocco::Paragrafo(vec!["lunedì 2 marzo 2026, ore 09:05:07".into()]),
            ],
        ),
        Blocco::Titolo(2, "Dati della registrazione".into()),
        Blocco::Fatti(vec![
            ("Oggetto".into(), vec!["Richiesta di accesso agli atti relativi al permesso di costruire n. 118/2019, con estrazione di copia degli elaborati grafici".into()]),
            ("Mittente".into(), vec!["Giulia D'Aquì, via dell'Università 3, 01027 Montefiascone (VT)".into()]),
            ("Destinatario".into(), vec!["Settore urbanistica ed edilizia privata".into()]),
            ("Allegati".into(), vec!["2 (documento d'identità, delega)".into()]),
            ("Impronta SHA-256".into(), vec![Brano::fisso("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]),
        ]),
        Blocco::Titolo(2, "Verifica".into()),
        Blocco::Qr(Qr {
            contenuto: VERIFICA.into(),
            lato_mm: 38,
            testo_alternativo: "Codice QR con l'indirizzo per verificare questa ricevuta".into(),
            didascalia: vec![
                "Inquadri il codice con il telefono, oppure apra ".into(),
                Brano::collegamento("protocollo.comune.example.it/verifica", VERIFICA),
                " e inserisca il numero di protocollo: la pagina dice se la registrazione esiste e se è stata annullata.".into(),
            ],
        }),
        Blocco::Nota(vec!["La ricevuta non attesta la regolarità né la completezza di quanto presentato. I termini del procedimento decorrono dalla data di registrazione, salvo richiesta di integrazioni.".into()]),
    ];
    documento
}

/// The statement on the keys of a log: long words that no line holds, one frame.
pub fn dichiarazione() -> Documento<'static> {
    let mut documento = intestato("Dichiarazione delle chiavi del registro delle operazioni");
    let chiave = |in_vigore: &'static str| {
        Blocco::Fatti(vec![
            (
                "Impronta (SHA-256)".into(),
                vec![Brano::fisso("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")],
            ),
            (
                "Chiave (vkey)".into(),
                vec![Brano::fisso(
                    "protocollo.comune.example.it/c_x000/AOO1+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                )],
            ),
            ("In vigore dal".into(), vec![in_vigore.into()]),
        ])
    };
    documento.blocchi = vec![
        Blocco::Titolo(2, "Chiave in vigore".into()),
        Blocco::Riquadro(Cornice::Evidenza, vec![chiave("2 marzo 2026, ore 9:05:07, dall'operazione 1200")]),
        Blocco::Titolo(2, "Chiave precedente, la 1ª".into()),
        chiave("1 gennaio 2026, ore 0:00:01, dall'operazione 0"),
    ];
    documento
}

/// The history of a registration: several pages, an annulment, strange characters.
pub fn storia() -> Documento<'static> {
    let mut documento = intestato("Storia della registrazione 0000987/2026");
    let righe: Vec<Vec<Vec<Brano>>> = (1..=70)
        .map(|n| {
            let prima = Brano::barrato(format!("Oggetto precedente numero {n}"));
            let dopo = match n % 7 {
                0 => "Istanza presentata da 漢字 👨‍👩‍👧 e Иван Жуков, con allegato di nome molto lungo".to_owned(),
                3 => format!(
                    "relazione_tecnica_definitiva_rev{n}_firmata_e_marcata_temporalmente_copia_conforme.pdf.p7m.tsd"
                ),
                _ => format!(
                    "Oggetto corretto numero {n}, con la motivazione della modifica come l'ha scritta l'operatore"
                ),
            };
            vec![
                vec![Brano::piano(n.to_string())],
                vec![format!("0{}/03/2026 1{}:24:07", n % 9 + 1, n % 10).into()],
                vec!["Maria Però".into()],
                vec![prima, " ".into(), dopo.into()],
            ]
        })
        .collect();
    documento.blocchi = vec![
        Blocco::Riquadro(
            Cornice::Avviso,
            vec![
                Blocco::Rilievo(vec!["ANNULLATA".into()]),
                Blocco::Paragrafo(vec![
                    "Registrazione annullata il 5 marzo 2026 con provvedimento n. 12/2026 del responsabile della gestione documentale. Motivo: ".into(),
                    Brano::corsivo("documento registrato due volte"),
                    ".".into(),
                ]),
            ],
        ),
        Blocco::Titolo(2, "Situazione".into()),
        Blocco::Fatti(vec![
            ("Numero".into(), vec![Brano::grassetto("0000987/2026")]),
            ("Registrata".into(), vec!["2 marzo 2026, ore 09:05:07".into()]),
            ("Oggetto".into(), vec![Brano::barrato("Richista di occupazione di suolo publico"), " Richiesta di occupazione di suolo pubblico".into()]),
            ("Vuoto".into(), vec![]),
        ]),
        Blocco::Titolo(2, "Operazioni".into()),
        Blocco::Titolo(4, "In ordine di tempo".into()),
        Blocco::Tabella(Tabella {
            sommario: "Operazioni sulla registrazione in ordine di tempo".into(),
            colonne: vec![
                Colonna::numero("N.", 6),
                Colonna::testo("Quando", 18),
                Colonna::testo("Chi", 14),
                Colonna::testo("Che cosa", 62),
            ],
            righe: righe.into(),
        }),
        Blocco::Riquadro(
            Cornice::Sobria,
            vec![
                Blocco::Titolo(3, "Come leggere questa storia".into()),
                Blocco::Paragrafo(vec!["Ogni riga è un'operazione: il testo ".into(), Brano::barrato("barrato"), " è quello che c'era prima, ".into(), Brano::sottolineato("quello che segue"), " è quello che lo ha sostituito. مرحبا بالعالم.".into()]),
            ],
        ),
        Blocco::Spazio(3),
        Blocco::Collegamento { testo: "Apri la registrazione nel protocollo".into(), url: VERIFICA.into() },
    ];
    documento
}

/// A daily register of so many rows, on paper lying down, its rows made while it prints.
pub fn registro(quante: usize) -> Documento<'static> {
    let mut documento = intestato("Registro giornaliero di protocollo del 2 marzo 2026");
    documento.foglio = Foglio::Orizzontale;
    documento.blocchi = vec![
        Blocco::Paragrafo(vec![format!("Registrazioni del giorno: {quante}.").into()]),
        Blocco::Titolo(2, "Registrazioni".into()),
        Blocco::Tabella(Tabella {
            sommario: "Registrazioni di protocollo del giorno, in ordine di numero".into(),
            colonne: vec![
                Colonna::numero("Numero", 8),
                Colonna::testo("Ora", 8),
                Colonna::testo("Tipo", 8),
                Colonna::testo("Mittente o destinatario", 24),
                Colonna::testo("Oggetto", 40),
                Colonna::testo("Impronta", 16),
            ],
            righe: Righe::da(move || (1..=quante).map(riga)),
        }),
    ];
    documento
}

fn riga(n: usize) -> Vec<Vec<Brano>> {
    let impronta = format!("{:016x}", (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    vec![
        vec![format!("{n:07}").into()],
        vec![format!("{:02}:{:02}:{:02}", 8 + n % 10, n % 60, n * 7 % 60).into()],
        vec![if n.is_multiple_of(3) { "partenza" } else { "arrivo" }.into()],
        vec![format!("Società Cooperativa {} S.r.l.", n % 997).into()],
        vec![
            format!("Trasmissione della documentazione integrativa per la pratica edilizia {} del 2025", n % 4999)
                .into(),
        ],
        vec![Brano::fisso(impronta)],
    ]
}

/// Every kind of block, and text of every kind.
pub fn tutto() -> Documento<'static> {
    let lungo = "Paragrafo lungo quanto basta per andare a capo più volte, con parole di ogni lunghezza. ".repeat(60);
    let mut documento = Documento::nuovo("Ogni blocco: àèìòù € «» 漢", "Ente 👍", QUANDO);
    documento.soggetto = "Prova\u{0}con un controllo".into();
    documento.piede = "Piede molto lungo ".repeat(40);
    let cella = |testo: &str| vec![Brano::piano(testo)];
    documento.blocchi = vec![
        Blocco::Titolo(5, "Salta livelli".into()),
        Blocco::Titolo(2, " \u{200b}".into()),
        Blocco::Paragrafo(vec![]),
        Blocco::Paragrafo(vec![
            Brano {
                grassetto: true,
                corsivo: true,
                barrato: true,
                sottolineato: true,
                fisso: true,
                ..lungo.as_str().into()
            },
            Brano::collegamento("漢", "https://漢.example/漢"),
            Brano::collegamento("due parole legate ".repeat(30), "mailto:protocollo@pec.example.it"),
        ]),
        Blocco::Riquadro(
            Cornice::Evidenza,
            vec![Blocco::Riquadro(Cornice::Avviso, vec![Blocco::Paragrafo(vec![lungo.repeat(3).into()])])],
        ),
        Blocco::Riquadro(Cornice::Sobria, vec![]),
        Blocco::Fatti(vec![]),
        Blocco::Fatti(vec![("".into(), vec![]), ("Lungo".into(), vec![lungo.repeat(3).into()])]),
        Blocco::Qr(Qr { contenuto: "漢".into(), lato_mm: 0, testo_alternativo: String::new(), didascalia: vec![] }),
        Blocco::Qr(Qr {
            contenuto: "largo".into(),
            lato_mm: 255,
            testo_alternativo: "Codice largo".into(),
            didascalia: vec![lungo.as_str().into()],
        }),
        Blocco::Tabella(Tabella {
            sommario: String::new(),
            colonne: vec![Colonna::testo("", 0), Colonna::numero(lungo.repeat(9), 1)],
            righe: vec![vec![cella(""), cella(&lungo.repeat(4))], vec![cella("\u{0}\u{e000}"), vec![]]].into(),
        }),
        Blocco::Tabella(Tabella {
            sommario: "Senza righe".into(),
            colonne: (0..24).map(|n| Colonna::testo(format!("Colonna {n}"), 1)).collect(),
            righe: vec![].into(),
        }),
        Blocco::Rilievo(vec!["Un rilievo che su una riga non ci sta proprio ".repeat(3).into()]),
        Blocco::Paragrafo(vec!["عربي אבג ١٢٣ e\u{301}x\u{302} fi ffi ﬁ Ω Ω K Å\u{a0}ﷺ ⠓ ∑ ½ ①".into()]),
        Blocco::Nota(vec!["\u{10FFFF}\u{FDD0}\u{FFFE}\u{FEFF}\u{202e}\u{7f}\u{85}".into()]),
    ];
    documento
}
