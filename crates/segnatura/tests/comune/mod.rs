//! What the tests share: where the reference files are, the outside judge, and documents made at random.
#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses its part; a test that cannot go on says so")]

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use segnatura::modello::*;

pub const SEGNATURA_XSD: &str = "segnatura_protocollo.xsd";
pub const PEC_XSD: &str = "pec_message.xsd";

/// A signature that the schema takes and nobody could verify.
pub const FIRMA_FINTA: &str = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
    <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod>\
    <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod>\
    <ds:Reference URI=\"\"><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
    <ds:DigestValue>AAAA</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue>AAAA</ds:SignatureValue>\
    <ds:KeyInfo><ds:X509Data><ds:X509Certificate>AAECAwQ=</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>";

/// A folder of the reference files; the test goes on without them, and says so.
pub fn riferimenti(nome: &str) -> Option<PathBuf> {
    let dove = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference").join(nome);
    if !dove.exists() {
        eprintln!("{nome} is not here: not read");
        return None;
    }
    Some(dove)
}

pub fn dati(nome: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dati").join(nome)).unwrap()
}

pub fn schema(nome: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemi").join(nome)
}

/// Which of these documents xmllint takes as valid, by a schema or a DTD of ours; `None` where xmllint is not installed.
pub fn xmllint<D: AsRef<[u8]>>(schema_o_dtd: &str, documenti: &[D]) -> Option<Vec<bool>> {
    let cartella = tempfile::tempdir().unwrap();
    let nome = |i: usize| format!("{i}.xml");
    for (i, d) in documenti.iter().enumerate() {
        std::fs::write(cartella.path().join(nome(i)), d).unwrap();
    }
    let mut comando = Command::new("xmllint");
    let come = if schema_o_dtd.ends_with(".dtd") { "--dtdvalid" } else { "--schema" };
    comando.args(["--noout", "--nonet", come]).arg(schema(schema_o_dtd)).current_dir(cartella.path());
    comando.args((0..documenti.len()).map(nome));
    let Ok(detto) = comando.output() else {
        assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "xmllint is missing");
        eprintln!("xmllint is not installed: not asked");
        return None;
    };
    let detto = String::from_utf8_lossy(&detto.stderr).into_owned();
    let mut no: HashSet<&str> = HashSet::new();
    for riga in detto.lines() {
        assert!(!riga.contains("Schemas parser error") && !riga.contains("Could not parse DTD"), "{riga}");
        if let Some(resto) = riga.strip_suffix(" fails to validate") {
            no.insert(resto);
        } else if let Some((resto, _)) = riga.strip_prefix("Document ").and_then(|r| r.split_once(" does not validate"))
        {
            no.insert(resto);
        } else if let Some((file, _)) = riga.split_once(':').filter(|(_, r)| r.contains("parser error")) {
            no.insert(file);
        }
    }
    Some((0..documenti.len()).map(|i| !no.contains(nome(i).as_str())).collect())
}

/// Text of all kinds: markup, quotes, blanks, other alphabets.
pub fn testo() -> impl Strategy<Value = String> {
    "[ -~àèéìòù€漢😀\t\n\r<>&\"']{0,24}".prop_map(|s| s)
}

/// Text that says something.
pub fn pieno() -> impl Strategy<Value = String> {
    (testo(), "[a-zA-Z0-9à]").prop_map(|(t, c)| format!("{t}{c}"))
}

pub fn codice() -> impl Strategy<Value = CodiceIpa> {
    ("[A-Za-z0-9_]{1,8}", of(testo())).prop_map(|(valore, descrizione)| CodiceIpa { valore, descrizione })
}

pub fn identificatore() -> impl Strategy<Value = Identificatore> {
    (
        codice(),
        codice(),
        "[A-Za-z0-9_.-]{1,16}",
        0_u64..99_999_999_999,
        (1990_u32..2100, 1_u32..=12, 1_u32..=28),
        of((0_u32..24, 0_u32..60, 0_u32..60, prop_oneof![Just(""), Just("Z"), Just("+01:00"), Just(".250+02:00")])),
    )
        .prop_map(|(codice_amministrazione, codice_aoo, registro, numero, (a, m, g), ora)| Identificatore {
            codice_amministrazione,
            codice_aoo,
            codice_registro: Some(registro),
            numero_registrazione: sette_cifre(numero),
            data_registrazione: format!("{a:04}-{m:02}-{g:02}"),
            ora_registrazione: ora.map(|(o, m, s, z)| format!("{o:02}:{m:02}:{s:02}{z}")),
        })
}

fn classifica() -> impl Strategy<Value = Classifica> {
    let livello = (testo(), of(testo())).prop_map(|(valore, descrizione)| Livello { valore, descrizione });
    let codice =
        prop_oneof![testo().prop_map(CodiceClassifica::Unico), vec(livello, 1..4).prop_map(CodiceClassifica::Livelli)];
    (testo(), codice).prop_map(|(denominazione, codice)| Classifica { denominazione, codice })
}

fn fascicolo() -> impl Strategy<Value = Fascicolo> {
    (testo(), testo()).prop_map(|(denominazione, codice)| Fascicolo { denominazione, codice })
}

fn contatti() -> impl Strategy<Value = Contatti> {
    let tipo = prop_oneof![
        Just(TipoIndirizzo::Smtp),
        Just(TipoIndirizzo::Url),
        Just(TipoIndirizzo::Altro("other".to_owned()))
    ];
    let telematico =
        (tipo, testo(), of(testo())).prop_map(|(tipo, valore, note)| IndirizzoTelematico { tipo, valore, note });
    (vec(telematico, 0..3), vec(testo(), 0..2)).prop_map(|(telematici, telefoni)| Contatti {
        telematici,
        telefoni,
        ..Contatti::default()
    })
}

fn persona() -> impl Strategy<Value = PersonaFisica> {
    let cf = "[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]";
    (testo(), testo(), of(testo()), of(cf), of(contatti())).prop_map(
        |(nome, cognome, titolo, codice_fiscale, contatti)| PersonaFisica {
            nome,
            cognome,
            titolo,
            codice_fiscale,
            contatti,
        },
    )
}

fn soggetto() -> impl Strategy<Value = Soggetto> {
    let amministrazione = (
        testo(),
        of("[0-9]{11}"),
        codice(),
        (of(contatti()), of(codice()), of(contatti()), of(codice()), of(contatti())),
        vec(persona(), 0..2),
    )
        .prop_map(
            |(denominazione, codice_fiscale, ipa, (contatti, aoo, contatti_aoo, uo, contatti_uo), persone)| {
                Soggetto::Amministrazione(Box::new(Amministrazione {
                    denominazione,
                    codice_fiscale,
                    codice_ipa: Some(ipa),
                    contatti,
                    aoo,
                    contatti_aoo,
                    uo,
                    contatti_uo,
                    persone,
                }))
            },
        );
    let giuridica = (testo(), of("[0-9]{11}"), of(contatti()), vec(persona(), 0..2)).prop_map(
        |(denominazione, partita_iva, contatti, persone)| {
            Soggetto::PersonaGiuridica(PersonaGiuridica { denominazione, partita_iva, contatti, persone })
        },
    );
    let estera = (testo(), of(testo()), of(contatti())).prop_map(|(denominazione, ufficio, contatti)| {
        Soggetto::AmministrazioneEstera(AmministrazioneEstera { denominazione, ufficio, contatti })
    });
    prop_oneof![amministrazione, giuridica, persona().prop_map(Soggetto::PersonaFisica), estera]
}

fn sottoscrizione() -> impl Strategy<Value = Sottoscrizione> {
    let file = (pieno(), of(testo()), 0_u32..9).prop_map(|(nome_file, mime_type, ordine)| FileSeparato {
        nome_file,
        mime_type,
        ordine: ordine.to_string(),
    });
    prop_oneof![Just(Sottoscrizione::Interna), vec(file, 1..3).prop_map(Sottoscrizione::Separata)]
}

fn documento() -> impl Strategy<Value = Documento> {
    let impronta = prop_oneof![
        any::<[u8; 32]>().prop_map(|b| Impronta::sha256(&b)),
        any::<[u8; 32]>().prop_map(|b| Impronta { algoritmo: None, ..Impronta::sha256(&b) }),
    ];
    let collocazione =
        (of(0_u32..99_999), of(testo()), of(testo())).prop_map(|(durata, utente, password)| Collocazione {
            host: Some("files.esempio.example".to_owned()),
            percorso: "/a/b%20c".to_owned(),
            durata_ms: durata.map(|d| d.to_string()),
            utente,
            password: password.map(Segreto),
        });
    (
        pieno(),
        pieno(),
        of(testo()),
        impronta,
        of(collocazione),
        (of(sottoscrizione()), of(sottoscrizione()), of(sottoscrizione())),
    )
        .prop_map(|(nome, mime, descrizione, impronta, collocazione, (firmato, sigillato, marcato))| Documento {
            nome_file: Some(nome),
            mime_type: Some(mime),
            descrizione,
            impronta: Some(impronta),
            collocazione,
            firmato,
            sigillato,
            marcato,
            ..Documento::default()
        })
}

/// A segnatura that can be written.
pub fn segnatura() -> impl Strategy<Value = Segnatura> {
    let riservato = (any::<bool>(), of(testo())).prop_map(|(valore, note)| Riservato { valore, note });
    let testa = (identificatore(), of(identificatore()), pieno(), classifica(), of(fascicolo()), of(riservato))
        .prop_map(|(identificatore, prima_registrazione, oggetto, classifica, fascicolo, riservato)| Intestazione {
            identificatore,
            prima_registrazione,
            oggetto,
            classifiche: vec![classifica],
            fascicolo,
            riservato,
            ..Intestazione::default()
        });
    let riferimento = (identificatore(), of(identificatore()), testo(), classifica(), of(fascicolo())).prop_map(
        |(identificatore, prima_registrazione, oggetto, classifica, fascicolo)| Riferimento {
            identificatore: Some(identificatore),
            prima_registrazione,
            oggetto: Some(oggetto),
            classifica: Some(classifica),
            fascicolo,
            ..Riferimento::default()
        },
    );
    let destinatario =
        (soggetto(), any::<bool>(), any::<bool>()).prop_map(|(s, conferma_ricezione, per_conoscenza)| Destinatario {
            soggetto: Some(s),
            indirizzo: None,
            conferma_ricezione,
            per_conoscenza,
        });
    let corpo = (soggetto(), vec(destinatario, 1..3), documento(), vec(documento(), 0..3));
    (testa, of(riferimento), corpo).prop_map(
        |(intestazione, riferimento, (mittente, destinatari, mut primario, mut allegati))| {
            // File names are those of the parts of a message: none twice.
            let mut i = 0;
            for d in std::iter::once(&mut primario).chain(&mut allegati) {
                let separati = [&mut d.firmato, &mut d.sigillato, &mut d.marcato].into_iter().flatten();
                let separati = separati.flat_map(|s| match s {
                    Sottoscrizione::Interna => [].as_mut_slice(),
                    Sottoscrizione::Separata(file) => file.as_mut_slice(),
                });
                for nome in separati.map(|f| &mut f.nome_file).chain(&mut d.nome_file) {
                    nome.push_str(&format!("-{i}"));
                    i += 1;
                }
            }
            Segnatura {
                intestazione,
                riferimenti: riferimento.into_iter().collect(),
                descrizione: Descrizione {
                    mittente: Some(mittente),
                    destinatari,
                    documento_primario: Some(primario),
                    allegati,
                    ..Descrizione::default()
                },
                docarea: None,
            }
        },
    )
}

/// A return message that can be written.
pub fn messaggio() -> impl Strategy<Value = MessaggioDiRitorno> {
    let ricevuto = prop_oneof![
        (identificatore(), of(identificatore())).prop_map(|(identificatore, prima_registrazione)| {
            MessaggioRicevuto::Registrato { identificatore, prima_registrazione }
        }),
        testo().prop_map(|descrizione| MessaggioRicevuto::Descritto { descrizione }),
    ];
    let pezzi = (0_u8..4, identificatore(), any::<bool>(), ricevuto, pieno(), pieno());
    pezzi.prop_map(|(quale, identificatore, registrato, messaggio_ricevuto, motivo, provvedimento)| match quale {
        0 => MessaggioDiRitorno::ConfermaRicezione(Conferma { identificatore, messaggio_ricevuto }),
        1 => MessaggioDiRitorno::AggiornamentoConferma(Conferma { identificatore, messaggio_ricevuto }),
        2 => MessaggioDiRitorno::NotificaEccezione(Eccezione {
            identificatore: registrato.then_some(identificatore),
            messaggio_ricevuto,
            motivo,
        }),
        _ => MessaggioDiRitorno::AnnullamentoProtocollazione(Annullamento { identificatore, motivo, provvedimento }),
    })
}

/// The same message as an old generation can say it: no names beside codes, no time, no register in 2001.
pub fn come_vecchio(m: &MessaggioDiRitorno, generazione: Generazione) -> MessaggioDiRitorno {
    let i = |i: &Identificatore| Identificatore {
        codice_amministrazione: CodiceIpa::nuovo(i.codice_amministrazione.valore.clone()),
        codice_aoo: CodiceIpa::nuovo(i.codice_aoo.valore.clone()),
        codice_registro: i.codice_registro.clone().filter(|_| generazione != Generazione::V2001),
        ora_registrazione: None,
        ..i.clone()
    };
    let r = |r: &MessaggioRicevuto| match r {
        MessaggioRicevuto::Registrato { identificatore, prima_registrazione } => MessaggioRicevuto::Registrato {
            identificatore: i(identificatore),
            prima_registrazione: prima_registrazione.as_ref().map(i),
        },
        altro => altro.clone(),
    };
    let c =
        |c: &Conferma| Conferma { identificatore: i(&c.identificatore), messaggio_ricevuto: r(&c.messaggio_ricevuto) };
    match m {
        MessaggioDiRitorno::ConfermaRicezione(x) => MessaggioDiRitorno::ConfermaRicezione(c(x)),
        MessaggioDiRitorno::AggiornamentoConferma(x) => MessaggioDiRitorno::AggiornamentoConferma(c(x)),
        MessaggioDiRitorno::NotificaEccezione(e) => MessaggioDiRitorno::NotificaEccezione(Eccezione {
            identificatore: e.identificatore.as_ref().map(i),
            messaggio_ricevuto: r(&e.messaggio_ricevuto),
            motivo: e.motivo.clone(),
        }),
        MessaggioDiRitorno::AnnullamentoProtocollazione(a) => {
            MessaggioDiRitorno::AnnullamentoProtocollazione(Annullamento {
                identificatore: i(&a.identificatore),
                ..a.clone()
            })
        }
    }
}

/// A segnatura as an office would write it.
pub fn esempio() -> Segnatura {
    let mittente = Amministrazione {
        denominazione: "Comune di Valdoro".to_owned(),
        codice_fiscale: Some("01234567890".to_owned()),
        codice_ipa: Some(CodiceIpa::nuovo("c_z999")),
        contatti: Some(Contatti {
            telematici: vec![IndirizzoTelematico::posta("protocollo@pec.valdoro.example")],
            ..Contatti::default()
        }),
        aoo: Some(CodiceIpa::nuovo("AOO1")),
        uo: Some(CodiceIpa { valore: "RAG".to_owned(), descrizione: Some("Ragioneria".to_owned()) }),
        ..Amministrazione::default()
    };
    let identificatore = Identificatore {
        codice_amministrazione: CodiceIpa::nuovo("c_z999"),
        codice_aoo: CodiceIpa::nuovo("AOO1"),
        codice_registro: Some("PG".to_owned()),
        numero_registrazione: sette_cifre(123),
        data_registrazione: "2026-11-23".to_owned(),
        ora_registrazione: Some("10:00:00+01:00".to_owned()),
    };
    let classifica = Classifica {
        denominazione: "Bilancio".to_owned(),
        codice: CodiceClassifica::Livelli(vec![
            Livello { valore: "4".to_owned(), descrizione: Some("Titolo".to_owned()) },
            Livello { valore: "2".to_owned(), descrizione: Some("Classe".to_owned()) },
        ]),
    };
    let documento = |nome: &str, byte: u8| Documento {
        nome_file: Some(nome.to_owned()),
        mime_type: Some("application/pdf".to_owned()),
        impronta: Some(Impronta::sha256(&[byte; 32])),
        ..Documento::default()
    };
    Segnatura {
        intestazione: Intestazione {
            identificatore: identificatore.clone(),
            oggetto: "Pagamento <saldo> & rendiconto, perché dovuto".to_owned(),
            classifiche: vec![classifica.clone()],
            fascicolo: Some(Fascicolo { denominazione: "Rendiconto".to_owned(), codice: "2026/4.2/1".to_owned() }),
            riservato: Some(Riservato { valore: false, note: None }),
            ..Intestazione::default()
        },
        riferimenti: vec![Riferimento {
            identificatore: Some(Identificatore { ora_registrazione: None, ..identificatore }),
            oggetto: Some("Richiesta".to_owned()),
            classifica: Some(classifica),
            ..Riferimento::default()
        }],
        descrizione: Descrizione {
            mittente: Some(Soggetto::Amministrazione(Box::new(mittente))),
            destinatari: vec![Destinatario {
                soggetto: Some(Soggetto::PersonaGiuridica(PersonaGiuridica {
                    denominazione: "Prova S.r.l.".to_owned(),
                    partita_iva: Some("09876543210".to_owned()),
                    ..PersonaGiuridica::default()
                })),
                conferma_ricezione: true,
                ..Destinatario::default()
            }],
            documento_primario: Some(Documento {
                firmato: Some(Sottoscrizione::Interna),
                ..documento("lettera.pdf", 1)
            }),
            allegati: vec![documento("conto \"finale\".pdf", 2)],
            ..Descrizione::default()
        },
        docarea: None,
    }
}
