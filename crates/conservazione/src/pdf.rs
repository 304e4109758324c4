//! One volume as PDF/A-2a and PDF/UA-1 (R-F06), for who reads: what is authoritative is the XML, whose impronta it carries.

use std::cell::RefCell;

use dominio::annullamento::Campo;
use dominio::codici::Impronta;
use dominio::operazione::{Autore, Evento};
use dominio::registrazione::{
    DatiAssegnazione, DatiRegistrazione, Documento as File, ProtocolloMittente, Registrazione, RuoloDocumento, Stato,
    Tipo, TipoAssegnazione,
};
use dominio::soggetto::Soggetto;
use dominio::tempo::{Istante, in_parole};
use stampa::{Blocco, Brano, Colonna, Cornice, Documento, Foglio, Righe, Tabella};

use crate::errore::Errore;
use crate::registro::RegistroGiornaliero;
use crate::riga::{Lacuna, Modifica, Registrata, Riga};
use crate::scorrimento::Punto;
use crate::testata::Copia;

/// Hours of a day on which the hour does not change.
const ORE: i64 = 24;

/// The bytes of the volume (from 1) whose XML has that impronta.
pub(crate) fn stampa(
    registro: &RegistroGiornaliero<'_>,
    copia: Copia,
    volume: usize,
    xml: &Impronta,
) -> Result<Vec<u8>, Errore> {
    // Rows are drawn by who cannot fail: what goes wrong among them waits here.
    let guasto = RefCell::new(None);
    let documento = componi(registro, copia, volume, xml, &guasto);
    let byte = documento.pdf();
    drop(documento);
    match guasto.into_inner() {
        Some(e) => Err(e),
        None => Ok(byte?),
    }
}

fn componi<'a>(
    registro: &'a RegistroGiornaliero<'_>,
    copia: Copia,
    volume: usize,
    xml: &Impronta,
    guasto: &'a RefCell<Option<Errore>>,
) -> Documento<'a> {
    let t = registro.giudice.testata;
    let come = if t.periodo.un_giorno() { "Registro giornaliero di protocollo" } else { "Registro di protocollo" };
    let mut titolo = format!("{come} {}", t.periodo.in_parole());
    if copia == Copia::Pubblica {
        titolo.push_str(" (copia pubblica)");
    }
    // There is no clock here: a register cannot be complete before its period is over.
    let mut d = Documento::nuovo(titolo, t.ente_denominazione.clone(), (&t.periodo.fine().a_roma()).into());
    d.foglio = Foglio::Orizzontale;
    d.intestazione.riga = match t.aoo_denominazione == t.ente_denominazione {
        true => t.registro_denominazione.clone(),
        false => format!("{}, {}", t.aoo_denominazione, t.registro_denominazione),
    };
    d.soggetto = "Registro giornaliero di protocollo (art. 53, c. 2, DPR 445/2000)".to_owned();
    d.piede = format!("Registro {} {}, n. {}/{}", t.registro, t.periodo.in_parole(), t.progressivo, t.periodo.anno());
    if registro.volumi() > 1 {
        d.piede.push_str(&format!(", volume {volume} di {}", registro.volumi()));
    }
    testata(&mut d, registro, copia, volume, xml);

    let estensione = registro.estensione(volume);
    let parte =
        |da: &'a Punto, a: &'a Punto, tabella: Tabella<'a>, cella: fn(&Riga, &Contesto) -> Option<stampa::Riga>| {
            let contesto = Contesto { copia, un_giorno: t.periodo.un_giorno() };
            let righe = Righe::da(move || {
                registro.righe(volume, da, a).filter_map(move |riga| match riga {
                    Ok(riga) => cella(&riga, &contesto),
                    Err(e) => {
                        guasto.borrow_mut().get_or_insert(e);
                        None
                    }
                })
            });
            Blocco::Tabella(Tabella { righe, ..tabella })
        };
    let (prima, mezzo, fine) = (&estensione.inizio, &estensione.modifiche, &estensione.fine);
    d.blocchi.push(Blocco::Titolo(2, "Registrazioni".to_owned()));
    match prima.righe == mezzo.righe {
        true => d.blocchi.push(nessuna("Nessuna registrazione", registro)),
        false => d.blocchi.push(parte(prima, mezzo, tabella_registrazioni(), cella_registrazione)),
    }
    let tra = |conta: fn(&crate::Conti) -> u64| conta(fine.conti(copia)) - conta(mezzo.conti(copia));
    d.blocchi.push(Blocco::Titolo(2, "Annullamenti".to_owned()));
    match tra(|c| c.annullamenti) {
        0 => d.blocchi.push(nessuna("Nessun annullamento", registro)),
        _ => d.blocchi.push(parte(mezzo, fine, tabella_modifiche("Annullamenti"), cella_annullamento)),
    }
    d.blocchi.push(Blocco::Titolo(2, "Modifiche di classificazione e assegnazione, file aggiunti".to_owned()));
    match tra(|c| c.modifiche + c.modifiche_mascherate) {
        0 => d.blocchi.push(nessuna("Nessuna modifica", registro)),
        _ => d.blocchi.push(parte(mezzo, fine, tabella_modifiche("Modifiche"), cella_modifica)),
    }
    d
}

fn nessuna<'a>(cosa: &str, registro: &RegistroGiornaliero<'_>) -> Blocco<'a> {
    let dove = if registro.volumi() > 1 { " in questo volume" } else { "" };
    Blocco::Paragrafo(vec![Brano::piano(format!("{cosa}{dove}."))])
}

fn testata(d: &mut Documento<'_>, registro: &RegistroGiornaliero<'_>, copia: Copia, volume: usize, xml: &Impronta) {
    let t = registro.giudice.testata;
    let c = registro.conti(copia);
    let quante = match c.registrazioni {
        0 => "Nessuna registrazione".to_owned(),
        1 => "1 registrazione".to_owned(),
        n => format!("{n} registrazioni"),
    };
    let numeri = match (t.ultimo_numero.saturating_add(1), registro.ultimo_numero()) {
        (_, 0) => "Nessun numero dato nell'anno".to_owned(),
        (da, a) if a < da => format!("L'ultimo numero dato nell'anno è {a:07}"),
        (da, a) if a == da => format!("Numero {da:07}"),
        (da, a) => format!("Dal numero {da:07} al {a:07}"),
    };
    d.blocchi.push(Blocco::Riquadro(
        Cornice::Evidenza,
        vec![Blocco::Rilievo(vec![Brano::grassetto(quante)]), Blocco::Paragrafo(vec![Brano::piano(numeri)])],
    ));
    let mut conti = vec![("Entrata", c.entrate), ("Uscita", c.uscite), ("Interna", c.interne)];
    if copia == Copia::Pubblica {
        conti.push(("Riservate", c.mascherate));
    }
    conti.extend([
        ("Totale", c.registrazioni),
        ("Annullamenti", c.annullamenti),
        ("Modifiche", c.modifiche + c.modifiche_mascherate),
        ("Numeri in lacuna", c.numeri_in_lacuna),
    ]);
    d.blocchi.push(Blocco::Tabella(Tabella {
        sommario: "Quante registrazioni, per tipo, e quante modifiche".to_owned(),
        colonne: conti.iter().map(|(nome, _)| Colonna::numero(*nome, 1)).collect(),
        righe: vec![conti.iter().map(|(_, n)| vec![Brano::grassetto(n.to_string())]).collect()].into(),
    }));
    let ore = (t.periodo.fine().0 - t.periodo.inizio().0) / 3_600_000_000;
    let mut periodo = match t.periodo.un_giorno() {
        true => in_parole(t.periodo.dal()),
        false => t.periodo.in_parole(),
    };
    periodo.push_str(", ora di Roma");
    if t.periodo.un_giorno() && ore != ORE {
        periodo.push_str(&format!(": giorno di {ore} ore, per il cambio dell'ora"));
    }
    let mut fatti = vec![
        ("Registro", vec![Brano::piano(format!("{} ({})", t.registro_denominazione, t.registro))]),
        ("Periodo", vec![Brano::piano(periodo)]),
        ("Repertorio", vec![Brano::piano(format!("n. {} del {}", t.progressivo, t.periodo.anno()))]),
    ];
    fatti.push((
        "Registro precedente",
        match &t.precedente {
            None => vec![Brano::piano("nessuno: questo è il primo")],
            Some(p) => {
                let impronta = if copia == Copia::Pubblica { &p.impronta_pubblica } else { &p.impronta };
                let quale = format!("n. {} del {}, SHA-256 ", p.progressivo, p.anno);
                vec![Brano::piano(quale), Brano::fisso(impronta.hex())]
            }
        },
    ));
    if registro.volumi() > 1 {
        fatti.push(("Volume", vec![Brano::piano(format!("{volume} di {}", registro.volumi()))]));
    }
    fatti.push(("Impronta dell'XML (SHA-256)", vec![Brano::fisso(xml.hex())]));
    fatti.push(("Checkpoint del registro delle operazioni", vec![Brano::fisso(t.checkpoint.trim_end())]));
    d.blocchi.push(Blocco::Fatti(fatti.into_iter().map(|(nome, valore)| (nome.to_owned(), valore)).collect()));
    let mut nota =
        "Fa fede il file XML; questo documento ne è la rappresentazione a stampa. Il registro è formato in via \
                    automatica ed è riproducibile: dagli stessi dati si hanno gli stessi byte."
            .to_owned();
    if copia == Copia::Pubblica {
        nota.push_str(" Delle registrazioni riservate questa copia mostra soltanto numero e istante.");
    }
    d.blocchi.push(Blocco::Nota(vec![Brano::piano(nota)]));
}

/// What a cell depends on beside its row.
#[derive(Clone, Copy)]
struct Contesto {
    copia: Copia,
    un_giorno: bool,
}

impl Contesto {
    /// The hour with its offset, which tells the two 02:30 of October apart; the day too where there are several.
    fn quando(self, t: Istante) -> String {
        let ora = t.a_roma().strftime("%H:%M:%S %:z").to_string();
        match self.un_giorno {
            true => ora,
            false => format!("{} {ora}", t.giorno().strftime("%d/%m/%Y")),
        }
    }
}

fn tabella_registrazioni<'a>() -> Tabella<'a> {
    Tabella {
        sommario: "Registrazioni in ordine di numero".to_owned(),
        colonne: vec![
            Colonna::testo("Numero, tipo, ora", 11),
            Colonna::testo("Mittenti e destinatari", 19),
            Colonna::testo("Oggetto", 24),
            Colonna::testo("Classificazione, assegnazione, operatore", 18),
            Colonna::testo("Documenti e impronte SHA-256", 26),
        ],
        righe: Vec::new().into(),
    }
}

fn cella_registrazione(riga: &Riga, x: &Contesto) -> Option<stampa::Riga> {
    match riga {
        Riga::Registrata(r) if x.copia.maschera(&r.nata) => {
            let mut celle = vec![numero(&r.nata, x.quando(r.nata.istante), None), Vec::new()];
            celle.push(vec![Brano::corsivo("riservata")]);
            celle.resize(5, Vec::new());
            Some(celle)
        }
        Riga::Registrata(r) => Some(registrata(r, x)),
        Riga::Lacuna(l) => Some(lacuna(l, x)),
        Riga::Modifica(_) => None,
    }
}

fn numero(r: &Registrazione, quando: String, tipo: Option<Tipo>) -> Vec<Brano> {
    let tipo = match tipo {
        None => "",
        Some(Tipo::Entrata) => "entrata\n",
        Some(Tipo::Uscita) => "uscita\n",
        Some(Tipo::Interna) => "interna\n",
    };
    vec![Brano::grassetto(r.chiave.numero.esteso()), Brano::piano(format!("\n{tipo}{quando}"))]
}

fn registrata(r: &Registrata, x: &Contesto) -> stampa::Riga {
    let d = &r.nata.dati;
    let mut oggetto = Vec::new();
    match r.stato {
        Stato::Valida => oggetto.push(Brano::piano(&*d.oggetto)),
        // R-B04: marked, and readable.
        Stato::Annullata => {
            oggetto.push(Brano::grassetto("ANNULLATA\n"));
            oggetto.push(Brano::barrato(&*d.oggetto));
        }
        Stato::AnnullataInParte => {
            oggetto.push(Brano::grassetto("ANNULLATA IN PARTE\n"));
            oggetto.push(Brano::piano(&*d.oggetto));
        }
    }
    if let Some(p) = &d.protocollo_mittente {
        oggetto.push(Brano::piano(format!("\nProtocollo del mittente: {}", protocollo(p))));
    }
    if d.riservato {
        oggetto.push(Brano::corsivo("\nriservata"));
    }
    let mut atti = vec![Brano::piano(match &d.classificazione_denominazione {
        Some(nome) => format!("{} {nome}", d.classificazione),
        None => d.classificazione.to_string(),
    })];
    if !d.assegnazioni.is_empty() {
        atti.push(Brano::piano(format!("\nA: {}", assegnazioni(&d.assegnazioni))));
    }
    atti.push(Brano::piano(format!("\nOperatore: {}", autore(&r.autore))));
    vec![
        numero(&r.nata, x.quando(r.nata.istante), Some(d.tipo)),
        vec![Brano::piano(corrispondenti(d))],
        oggetto,
        atti,
        file(&d.documenti),
    ]
}

fn lacuna(l: &Lacuna, x: &Contesto) -> stampa::Riga {
    let numeri = if l.da == l.a { format!("{:07}", l.da) } else { format!("da {:07} a {:07}", l.da, l.a) };
    vec![
        vec![Brano::grassetto(numeri), Brano::piano(format!("\n{}", x.quando(l.istante)))],
        Vec::new(),
        vec![
            Brano::grassetto("LACUNA DICHIARATA\n"),
            Brano::piano(format!("Numeri mai dati da qui in poi, dopo un ripristino. {}", l.motivo)),
        ],
        Vec::new(),
        Vec::new(),
    ]
}

fn tabella_modifiche<'a>(sommario: &str) -> Tabella<'a> {
    Tabella {
        sommario: sommario.to_owned(),
        colonne: vec![
            Colonna::testo("Registrazione", 14),
            Colonna::testo("Quando e da chi", 17),
            Colonna::testo("Che cosa e perché", 22),
            Colonna::testo("Prima", 22),
            Colonna::testo("Dopo", 25),
        ],
        righe: Vec::new().into(),
    }
}

fn cella_annullamento(riga: &Riga, x: &Contesto) -> Option<stampa::Riga> {
    match riga {
        Riga::Modifica(m) if annulla(m) && !x.copia.maschera(&m.prima) => Some(modificata(m, x)),
        _ => None,
    }
}

fn cella_modifica(riga: &Riga, x: &Contesto) -> Option<stampa::Riga> {
    match riga {
        Riga::Modifica(m) if x.copia.maschera(&m.prima) => {
            let mut celle = vec![quale(&m.prima), vec![Brano::piano(x.quando(m.operazione.istante))]];
            celle.push(vec![Brano::corsivo("riservata")]);
            celle.resize(5, Vec::new());
            Some(celle)
        }
        Riga::Modifica(m) if !annulla(m) => Some(modificata(m, x)),
        _ => None,
    }
}

fn annulla(m: &Modifica) -> bool {
    matches!(m.operazione.evento, Evento::Annullamento { .. })
}

fn quale(r: &Registrazione) -> Vec<Brano> {
    vec![
        Brano::grassetto(format!("{}/{}", r.chiave.numero.esteso(), r.chiave.anno)),
        Brano::piano(format!("\ndel {}", r.istante.giorno().strftime("%d/%m/%Y"))),
    ]
}

fn modificata(m: &Modifica, x: &Contesto) -> stampa::Riga {
    let op = &m.operazione;
    let (mut cosa, mut prima, mut dopo) = (vec![Brano::grassetto(op.evento.in_parole())], Vec::new(), Vec::new());
    let mut perche = None;
    match &op.evento {
        Evento::Annullamento { intero, campi, motivo, provvedimento: p, .. } => {
            cosa.push(Brano::piano(format!("\nProvvedimento {} del {}", p.numero, in_parole(p.data))));
            perche = Some(motivo);
            let (vecchia, nuova) = (&m.prima.dati, &m.dopo.dati);
            if *intero {
                prima.push(Brano::barrato(format!("{}\n{}", vecchia.oggetto, corrispondenti(vecchia))));
                dopo.push(Brano::grassetto("annullata"));
            }
            for (i, campo) in campi.iter().filter(|_| !*intero).enumerate() {
                let a_capo = if i > 0 { "\n" } else { "" };
                let nome = campo.denominazione();
                prima.push(Brano::piano(format!("{a_capo}{nome}: ")));
                prima.push(Brano::barrato(valore(vecchia, *campo)));
                dopo.push(Brano::piano(format!("{a_capo}{nome}: {}", valore(nuova, *campo))));
            }
        }
        Evento::Classificazione { motivo, .. } => {
            perche = motivo.as_ref();
            for (brani, r) in [(&mut prima, &m.prima), (&mut dopo, &m.dopo)] {
                let (codice, nome) = &r.classificazione;
                brani.push(Brano::piano(match nome {
                    Some(nome) => format!("{codice} {nome}"),
                    None => codice.to_string(),
                }));
            }
        }
        Evento::Assegnazione { assegnazioni: nuove, nota, .. } => {
            perche = nota.as_ref();
            let vecchie: Vec<DatiAssegnazione> = m.prima.assegnazioni.iter().map(|a| a.dati.clone()).collect();
            prima.push(Brano::piano(assegnazioni(&vecchie)));
            dopo.push(Brano::piano(format!("anche a: {}", assegnazioni(nuove))));
        }
        Evento::Allegati { documenti, descrizione } => {
            perche = descrizione.as_ref();
            dopo = file(documenti);
        }
        // Nothing else enters: `entra` says so where rows are made.
        _ => {}
    }
    if let Some(perche) = perche {
        cosa.push(Brano::piano(format!("\n{perche}")));
    }
    let mut chi = format!("{}\n{}", x.quando(op.istante), autore(&op.operatore));
    if let Some(c) = m.dopo.annullamenti.last().filter(|a| a.indice == op.indice).and_then(|a| a.chiesto_da.as_ref()) {
        chi.push_str(&format!("\nchiesto da {}", c.nome));
    }
    vec![quale(&m.prima), vec![Brano::piano(chi)], cosa, prima, dopo]
}

fn elenco<T>(voci: impl IntoIterator<Item = T>, nome: impl Fn(T) -> String) -> String {
    voci.into_iter().map(nome).collect::<Vec<_>>().join("; ")
}

fn corrispondenti(d: &DatiRegistrazione) -> String {
    let mittenti = elenco(d.mittente.iter().chain(&d.altri_mittenti), Soggetto::nome_e_codice);
    let destinatari = destinatari(d);
    match (mittenti.is_empty(), destinatari.is_empty()) {
        (false, false) => format!("Da: {mittenti}\nA: {destinatari}"),
        (false, true) => format!("Da: {mittenti}"),
        (true, false) => format!("A: {destinatari}"),
        (true, true) => String::new(),
    }
}

fn destinatari(d: &DatiRegistrazione) -> String {
    elenco(&d.destinatari, |x| {
        format!("{}{}", x.soggetto.nome_e_codice(), if x.per_conoscenza { " (per conoscenza)" } else { "" })
    })
}

fn protocollo(p: &ProtocolloMittente) -> String {
    let data = p.data.map_or_else(String::new, |g| format!(" del {}", in_parole(g)));
    let registro = p.registro.as_ref().map_or_else(String::new, |r| format!(", registro {r}"));
    format!("{}{data}{registro}", p.numero)
}

fn assegnazioni(tutte: &[DatiAssegnazione]) -> String {
    elenco(tutte, |a| {
        let chi = a.utente.as_ref().map_or_else(String::new, |u| format!("/{u}"));
        let come = if a.tipo == TipoAssegnazione::Conoscenza { " (per conoscenza)" } else { "" };
        format!("{}{chi}{come}", a.ufficio)
    })
}

fn autore(a: &Autore) -> String {
    let ufficio = a.ufficio.as_ref().map_or_else(String::new, |u| format!(", {u}"));
    let per_conto = a.per_conto_di.as_ref().map_or_else(String::new, |p| format!(", per conto di {p}"));
    format!("{} ({}){ufficio}{per_conto}", a.nome, a.id)
}

fn file(documenti: &[File]) -> Vec<Brano> {
    let mut brani = Vec::with_capacity(documenti.len() * 2);
    for (i, d) in documenti.iter().enumerate() {
        let a_capo = if i > 0 { "\n" } else { "" };
        let ruolo = match d.ruolo {
            RuoloDocumento::Primario => "",
            RuoloDocumento::Allegato => "allegato: ",
            RuoloDocumento::Segnatura => "segnatura: ",
        };
        brani.push(Brano::piano(format!("{a_capo}{ruolo}{}\n", d.nome)));
        brani.push(Brano::fisso(d.impronta.hex()));
    }
    brani
}

/// The value of a piece of information that an annulment renews; empty for those that fall with the whole.
fn valore(d: &DatiRegistrazione, campo: Campo) -> String {
    match campo {
        Campo::Oggetto => d.oggetto.clone(),
        Campo::Mittente => elenco(&d.mittente, Soggetto::nome_e_codice),
        Campo::AltriMittenti => elenco(&d.altri_mittenti, Soggetto::nome_e_codice),
        Campo::Destinatari => destinatari(d),
        Campo::Mezzo => serde_json::to_value(d.mezzo).ok().as_ref().and_then(crate::xml::testo).unwrap_or_default(),
        Campo::DataArrivo => d.data_arrivo.map_or_else(String::new, Istante::in_parole),
        Campo::ProtocolloMittente => d.protocollo_mittente.as_ref().map_or_else(String::new, protocollo),
        Campo::UfficioMittente => d.ufficio_mittente.as_ref().map_or_else(String::new, ToString::to_string),
        Campo::Firmatari => d.firmatari.join("; "),
        Campo::Numero | Campo::Data | Campo::Tipo | Campo::Impronta => String::new(),
    }
}
