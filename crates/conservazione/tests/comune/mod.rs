//! Days of a register, made up; a source over the operations of a log held in memory.
#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses its part; a test that cannot go on says so")]

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use conservazione::{
    Copia, Errore, Flusso, Fonte, Formato, Guasto, Periodo, Precedente, RegistroGiornaliero, Testata, Volume, entra,
};
use dominio::annullamento::{Campo, Provvedimento, Valori};
use dominio::codici::Impronta;
use dominio::epoca::{Lacuna, Salto};
use dominio::operazione::{Autore, Evento, Operazione};
use dominio::permessi::Porta;
use dominio::registrazione::{
    Chiave, DatiAssegnazione, DatiRegistrazione, Destinatario, Documento, Mezzo, Numero, ProtocolloMittente,
    RuoloDocumento, Tipo, TipoAssegnazione,
};
use dominio::soggetto::Soggetto;
use dominio::tempo::{Giorno, Istante};

pub fn giorno(testo: &str) -> Giorno {
    testo.parse().unwrap()
}

pub fn istante(testo: &str) -> Istante {
    Istante::leggi(testo).unwrap()
}

/// `24 novembre`, after the 41 that came before.
pub fn testata() -> Testata {
    Testata {
        ente: "c_z999".parse().unwrap(),
        ente_denominazione: "Comune di Montefiascone sul Lago".into(),
        aoo: "AOO1".parse().unwrap(),
        aoo_denominazione: "Protocollo generale".into(),
        registro: "PG".parse().unwrap(),
        registro_denominazione: "Registro ufficiale".into(),
        periodo: Periodo::giorno(giorno("2026-11-24")),
        ultimo_numero: 41,
        progressivo: 328,
        precedente: Some(Precedente {
            anno: 2026,
            progressivo: 327,
            impronta: Impronta([0x5a; 32]),
            impronta_pubblica: Impronta([0xa5; 32]),
        }),
        checkpoint: "esempio.it/log/c_z999/AOO1\n90210\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n".into(),
    }
}

pub fn autore() -> Autore {
    Autore {
        id: "anna.neri".parse().unwrap(),
        nome: "Anna Neri".into(),
        ufficio: Some("URP".parse().unwrap()),
        per_conto_di: None,
    }
}

pub fn chiave(anno: i32, numero: i64) -> Chiave {
    Chiave { registro: "PG".parse().unwrap(), anno, numero: Numero::nuovo(numero).unwrap() }
}

pub fn operazione(indice: u64, istante: Istante, chiave: Option<Chiave>, evento: Evento) -> Operazione {
    Operazione {
        ente: "c_z999".parse().unwrap(),
        aoo: Some("AOO1".parse().unwrap()),
        indice,
        istante,
        operatore: autore(),
        porta: Porta::Pagina,
        chiave,
        evento,
    }
}

pub fn persona(cognome: &str, nome: &str) -> Soggetto {
    Soggetto::PersonaFisica {
        cognome: cognome.into(),
        nome: Some(nome.into()),
        codice_fiscale: None,
        pec: None,
        email: None,
        indirizzo: None,
    }
}

pub fn file(n: u32, nome: &str) -> Documento {
    let ruolo = if n == 1 { RuoloDocumento::Primario } else { RuoloDocumento::Allegato };
    let impronta = Impronta([u8::try_from(n % 251).unwrap(); 32]);
    Documento { n, ruolo, nome: nome.into(), mime: "application/pdf".into(), byte: 1234, impronta }
}

pub fn dati(oggetto: &str) -> DatiRegistrazione {
    DatiRegistrazione {
        tipo: Tipo::Entrata,
        oggetto: oggetto.into(),
        mittente: Some(persona("Rossi", "Mario")),
        altri_mittenti: Vec::new(),
        destinatari: Vec::new(),
        mezzo: Mezzo::Pec,
        data_arrivo: None,
        protocollo_mittente: None,
        classificazione: "1.6".parse().unwrap(),
        classificazione_denominazione: Some("Archivio generale".into()),
        assegnazioni: vec![DatiAssegnazione {
            ufficio: "URP".parse().unwrap(),
            utente: None,
            tipo: TipoAssegnazione::Competenza,
        }],
        riservato: false,
        ufficio_mittente: None,
        firmatari: Vec::new(),
        prima_registrazione: None,
        riferimenti: Vec::new(),
        risponde_a: None,
        fascicolo: None,
        tipologia: None,
        note: None,
        differimento: None,
        documenti: vec![file(1, "istanza.pdf")],
        sigillo_richiesto: false,
        anomalie: Vec::new(),
    }
}

pub fn registra(indice: u64, quando: &str, numero: i64, dati: DatiRegistrazione) -> Operazione {
    let t = istante(quando);
    operazione(indice, t, Some(chiave(t.anno(), numero)), Evento::Registrazione(Box::new(dati)))
}

pub fn annulla(indice: u64, quando: &str, chiave: Chiave) -> Operazione {
    operazione(
        indice,
        istante(quando),
        Some(chiave),
        Evento::Annullamento {
            richiesta: None,
            motivo: "Registrata due volte".into(),
            provvedimento: Provvedimento { numero: "D-17".into(), data: giorno("2026-11-24") },
            intero: true,
            campi: Vec::new(),
            nuovi_valori: Valori::default(),
        },
    )
}

pub fn rinnova_oggetto(indice: u64, quando: &str, chiave: Chiave, oggetto: &str) -> Operazione {
    let mut op = annulla(indice, quando, chiave);
    if let Evento::Annullamento { intero, campi, nuovi_valori, motivo, .. } = &mut op.evento {
        *intero = false;
        *campi = vec![Campo::Oggetto];
        nuovi_valori.oggetto = Some(oggetto.into());
        *motivo = "Oggetto scritto male".into();
    }
    op
}

pub fn lacuna(indice: u64, quando: &str, da: i64, a: i64) -> Operazione {
    let salti = vec![Salto { registro: "PG".parse().unwrap(), anno: 2026, da, a }];
    let lacuna = Lacuna { epoca: 2, ultimo: None, salti, accessi: None, motivo: "Guasto del disco".into() };
    operazione(indice, istante(quando), None, Evento::LacunaDichiarata(lacuna))
}

/// Zero, one and three registrations; every kind of row.
pub fn tre_righe() -> Vec<Operazione> {
    let mut uscita = dati("Risposta <urgente> & \"riservata\"\u{2028}漢字 \u{645}\u{631}\u{62d}\u{628}\u{627} 😀 ]]>");
    uscita.tipo = Tipo::Uscita;
    uscita.mittente = None;
    let pec = Some("a&b@pec.esempio.it".to_owned());
    uscita.destinatari = vec![
        Destinatario {
            soggetto: Soggetto::Amministrazione {
                denominazione: "Regione Lazio".into(),
                ipa: Some("r_lazio".into()),
                aoo: Some("GR".into()),
                ufficio: Some("Bilancio".into()),
                pec,
            },
            per_conoscenza: false,
            conferma_ricezione: None,
            canale: None,
        },
        Destinatario {
            soggetto: persona("العربية", "😀"),
            per_conoscenza: true,
            conferma_ricezione: None,
            canale: None,
        },
    ];
    uscita.documenti.push(file(2, "allegato <1>.p7m"));
    let mut riservata = dati("Segnalazione disciplinare");
    riservata.riservato = true;
    riservata.mittente = Some(persona("Segreti", "Silvia"));
    let mut entrata = dati("Richiesta di accesso agli atti");
    entrata.protocollo_mittente = Some(ProtocolloMittente {
        numero: "A/77".into(),
        data: Some(giorno("2026-11-20")),
        registro: Some("PROT".into()),
    });
    vec![
        registra(10, "2026-11-20T10:00:00.5+01:00", 7, dati("Vecchia istanza")),
        registra(100, "2026-11-24T00:00:00+01:00", 42, entrata),
        registra(101, "2026-11-24T09:12:05.123456+01:00", 43, riservata),
        operazione(
            102,
            istante("2026-11-24T09:30:00+01:00"),
            Some(chiave(2026, 43)),
            Evento::Classificazione {
                classificazione: "2.1".parse().unwrap(),
                classificazione_denominazione: Some("Personale".into()),
                precedente: "1.6".parse().unwrap(),
                motivo: None,
            },
        ),
        registra(103, "2026-11-24T23:59:59.999999+01:00", 44, uscita),
        annulla(104, "2026-11-24T23:59:59.999999+01:00", chiave(2026, 42)),
        rinnova_oggetto(105, "2026-11-24T23:59:59.999999+01:00", chiave(2026, 7), "Istanza"),
        operazione(
            106,
            istante("2026-11-24T23:59:59.999999+01:00"),
            Some(chiave(2026, 7)),
            Evento::Assegnazione {
                primo: 2,
                assegnazioni: vec![DatiAssegnazione {
                    ufficio: "TRIB".parse().unwrap(),
                    utente: Some("ugo.verdi".parse().unwrap()),
                    tipo: TipoAssegnazione::Conoscenza,
                }],
                nota: Some("Per il seguito".into()),
            },
        ),
        operazione(
            107,
            istante("2026-11-24T23:59:59.999999+01:00"),
            Some(chiave(2026, 44)),
            Evento::Allegati { documenti: vec![file(3, "ricevuta.eml")], descrizione: None },
        ),
    ]
}

/// A log held in memory, in order of index.
pub struct Registro {
    pub operazioni: Vec<Operazione>,
    pub periodo: Periodo,
}

impl Registro {
    pub fn nuovo(testata: &Testata, operazioni: Vec<Operazione>) -> Self {
        Self { operazioni, periodo: testata.periodo }
    }

    fn nel_periodo(&self, op: &Operazione) -> bool {
        (self.periodo.inizio()..self.periodo.fine()).contains(&op.istante)
    }
}

impl Fonte for Registro {
    fn registrazioni(&self, dopo: i64) -> Flusso<'_> {
        let mut righe: BTreeMap<i64, Vec<Operazione>> = BTreeMap::new();
        for op in self.operazioni.iter().filter(|o| self.nel_periodo(o)) {
            let Some(k) = &op.chiave else { continue };
            let nasce = matches!(op.evento, Evento::Registrazione(_));
            match righe.get_mut(&k.numero.valore()) {
                Some(riga) => riga.push(op.clone()),
                None if nasce && k.numero.valore() > dopo => {
                    righe.insert(k.numero.valore(), vec![op.clone()]);
                }
                None => {}
            }
        }
        Box::new(righe.into_values().map(Ok))
    }

    fn modifiche(&self, da: u64) -> Flusso<'_> {
        let entrano = self.operazioni.iter().filter(move |o| o.indice >= da && entra(&o.evento) && self.nel_periodo(o));
        Box::new(entrano.map(|op| {
            let sue = self.operazioni.iter().filter(|o| o.chiave == op.chiave && o.indice <= op.indice);
            Ok(sue.cloned().collect())
        }))
    }

    fn lacune(&self) -> Result<Vec<Operazione>, Guasto> {
        let sono = |o: &&Operazione| matches!(o.evento, Evento::LacunaDichiarata(_)) && self.nel_periodo(o);
        Ok(self.operazioni.iter().filter(sono).cloned().collect())
    }
}

/// What was written: volumes with XML and PDF.
pub struct Scritto {
    pub volumi: Vec<Volume>,
    pub xml: Vec<Vec<u8>>,
    pub pdf: Vec<Vec<u8>>,
}

impl Scritto {
    pub fn testo(&self, volume: usize) -> &str {
        std::str::from_utf8(&self.xml[volume - 1]).unwrap()
    }
}

#[derive(Clone, Default)]
struct Memoria(Arc<Mutex<Vec<u8>>>);

impl Write for Memoria {
    fn write(&mut self, byte: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(byte);
        Ok(byte.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn scrivi(registro: &RegistroGiornaliero<'_>, copia: Copia) -> Result<Scritto, Errore> {
    let (mut xml, mut pdf) = (Vec::new(), Vec::new());
    let volumi = registro.scrivi(copia, |_, formato| {
        let memoria = Memoria::default();
        match formato {
            Formato::Xml => xml.push(memoria.clone()),
            Formato::Pdf => pdf.push(memoria.clone()),
        }
        Ok(Box::new(memoria))
    })?;
    let byte = |tutti: Vec<Memoria>| tutti.iter().map(|m| m.0.lock().unwrap().clone()).collect();
    Ok(Scritto { volumi, xml: byte(xml), pdf: byte(pdf) })
}

/// A register of the day, in one volume.
pub fn di(testata: &Testata, operazioni: Vec<Operazione>, copia: Copia) -> Result<Scritto, Errore> {
    let fonte = Registro::nuovo(testata, operazioni);
    scrivi(&RegistroGiornaliero::nuovo(testata, &fonte)?, copia)
}

/// Is a judge here? Under `cargo xtask test` one that is missing is a failure.
fn manca(programma: &str) {
    assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "{programma} is missing");
    eprintln!("{programma} is not installed: not asked");
}

/// What a program says, or `None` where it is not installed.
pub fn chiedi(programma: &str, argomenti: &[&str], file: &[PathBuf]) -> Option<String> {
    let Ok(uscita) = Command::new(programma).args(argomenti).args(file).output() else {
        manca(programma);
        return None;
    };
    let errori = String::from_utf8_lossy(&uscita.stderr);
    assert!(uscita.status.success(), "{programma}: {errori}");
    Some(String::from_utf8_lossy(&uscita.stdout).into_owned())
}

/// xmllint takes them all as valid by our schema.
pub fn xmllint(documenti: &[Vec<u8>]) {
    let cartella = tempfile::tempdir().unwrap();
    let file = posa(cartella.path(), "xml", documenti);
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemi/registro-giornaliero.xsd");
    chiedi("xmllint", &["--noout", "--nonet", "--schema", schema.to_str().unwrap()], &file);
}

/// Writes them in a folder.
pub fn posa(cartella: &Path, estensione: &str, documenti: &[Vec<u8>]) -> Vec<PathBuf> {
    let scrivi = |(i, d): (usize, &Vec<u8>)| {
        let file = cartella.join(format!("{i}.{estensione}"));
        std::fs::write(&file, d).unwrap();
        file
    };
    documenti.iter().enumerate().map(scrivi).collect()
}
