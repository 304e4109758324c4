//! One volume as XML (`schemi/registro-giornaliero.xsd`), a row at a time.

use std::io::Write;

use dominio::codici::Impronta;
use dominio::operazione::{Autore, Evento};
use dominio::registrazione::{DatiAssegnazione, Documento, Registrazione, RuoloDocumento, Stato, TipoAssegnazione};
use dominio::soggetto::Soggetto;
use dominio::storia::{StatoCampo, confronta};
use dominio::tempo::Istante;
use segnatura::scrittura::Penna;
use serde_json::Value;

use crate::errore::Errore;
use crate::registro::{RegistroGiornaliero, Volume};
use crate::riga::{Lacuna, Modifica, Registrata, Riga};
use crate::testata::Copia;

/// Namespace of the register, with its version.
pub const NS: &str = "urn:protocollo-informatico:registro-giornaliero:1";

/// What is kept before it is written out, bytes.
const TASCA: usize = 64 * 1024;

pub(crate) fn scrivi(
    registro: &RegistroGiornaliero<'_>,
    copia: Copia,
    volume: usize,
    precedenti: &[Volume],
    w: &mut impl Write,
) -> Result<(), Errore> {
    let mut p = Penna::nuova(false);
    let (questo, tutti) = (volume.to_string(), registro.volumi().to_string());
    let attributi =
        [("xmlns", Some(NS)), ("copia", Some(copia.codice())), ("volume", Some(&*questo)), ("volumi", Some(&*tutti))];
    p.apri("RegistroGiornaliero", &attributi);
    testata(&mut p, registro, copia);
    riepilogo(&mut p, registro, copia);
    if !precedenti.is_empty() {
        p.apri("VolumiPrecedenti", &[]);
        for v in precedenti {
            let (numero, righe, byte) = (v.numero.to_string(), v.righe.to_string(), v.xml_byte.to_string());
            let attributi = [
                ("numero", Some(&*numero)),
                ("righe", Some(&*righe)),
                ("byte", Some(&*byte)),
                ("impronta", Some(&*v.xml.hex())),
            ];
            p.voce_con("Volume", &attributi, "");
        }
        p.chiudi();
    }
    let mut modifiche = false;
    p.apri("Registrazioni", &[]);
    let estensione = registro.estensione(volume);
    for riga in registro.righe(volume, &estensione.inizio, &estensione.fine) {
        match riga? {
            Riga::Registrata(r) if copia.maschera(&r.nata) => riservata(&mut p, &r.nata, r.nata.istante),
            Riga::Registrata(r) => registrata(&mut p, &r),
            Riga::Lacuna(l) => lacuna(&mut p, &l),
            Riga::Modifica(m) => {
                if !modifiche {
                    p.chiudi();
                    p.apri("Modifiche", &[]);
                    modifiche = true;
                }
                match copia.maschera(&m.prima) {
                    true => riservata(&mut p, &m.prima, m.operazione.istante),
                    false => modifica(&mut p, &m),
                }
            }
        }
        if p.lunghezza_byte() > TASCA {
            w.write_all(p.cava()?.as_bytes())?;
        }
    }
    if !modifiche {
        p.chiudi();
        p.voce("Modifiche", "");
    }
    w.write_all(p.finisci()?.as_bytes())?;
    Ok(())
}

fn testata(p: &mut Penna, registro: &RegistroGiornaliero<'_>, copia: Copia) {
    let t = registro.giudice.testata;
    p.apri("Testata", &[]);
    p.voce_con("Ente", &[("codice", Some(t.ente.as_str()))], &t.ente_denominazione);
    p.voce_con("AOO", &[("codice", Some(t.aoo.as_str()))], &t.aoo_denominazione);
    p.voce_con("Registro", &[("codice", Some(t.registro.as_str()))], &t.registro_denominazione);
    let periodo = t.periodo;
    let attributi = [
        ("dal", Some(&*periodo.dal().to_string())),
        ("al", Some(&*periodo.al().to_string())),
        ("inizio", Some(&*periodo.inizio().con_offset())),
        ("fine", Some(&*periodo.fine().con_offset())),
    ];
    p.voce_con("Periodo", &attributi, "");
    let (anno, progressivo) = (periodo.anno().to_string(), t.progressivo.to_string());
    p.voce_con("Repertorio", &[("anno", Some(&anno)), ("progressivo", Some(&progressivo))], "");
    // Allegato 5: generated or put together automatically, in static form (R-F06).
    p.voce("ModalitaDiFormazione", "d");
    if let Some(prima) = &t.precedente {
        let impronta: &Impronta = match copia {
            Copia::Completa => &prima.impronta,
            Copia::Pubblica => &prima.impronta_pubblica,
        };
        let attributi = [
            ("anno", Some(&*prima.anno.to_string())),
            ("progressivo", Some(&*prima.progressivo.to_string())),
            ("impronta", Some(&*impronta.hex())),
        ];
        p.voce_con("RegistroPrecedente", &attributi, "");
    }
    p.voce("Checkpoint", &t.checkpoint);
    p.chiudi();
}

fn riepilogo(p: &mut Penna, registro: &RegistroGiornaliero<'_>, copia: Copia) {
    let c = registro.conti(copia);
    let prima = registro.giudice.testata.ultimo_numero;
    let voci = [
        ("ultimoNumeroPrecedente", prima.to_string()),
        ("ultimoNumero", registro.ultimo_numero().to_string()),
        ("registrazioni", c.registrazioni.to_string()),
        ("entrate", c.entrate.to_string()),
        ("uscite", c.uscite.to_string()),
        ("interne", c.interne.to_string()),
        ("mascherate", c.mascherate.to_string()),
        ("numeriInLacuna", c.numeri_in_lacuna.to_string()),
        ("annullamenti", c.annullamenti.to_string()),
        ("modifiche", c.modifiche.to_string()),
        ("modificheMascherate", c.modifiche_mascherate.to_string()),
    ];
    let attributi: Vec<(&str, Option<&str>)> = voci.iter().map(|(n, v)| (*n, Some(&**v))).collect();
    p.voce_con("Riepilogo", &attributi, "");
}

/// R-F03.
fn registrata(p: &mut Penna, r: &Registrata) {
    let (nata, d) = (&r.nata, &r.nata.dati);
    let attributi = [
        ("numero", Some(&*nata.chiave.numero.esteso())),
        ("istante", Some(&*nata.istante.con_offset())),
        ("tipo", Some(d.tipo.codice())),
        ("stato", Some(stato(r.stato))),
        ("riservata", d.riservato.then_some("true")),
        ("operazione", Some(&*nata.indice.to_string())),
    ];
    p.apri("Registrazione", &attributi);
    p.voce("Oggetto", &d.oggetto);
    for s in d.mittente.iter().chain(&d.altri_mittenti) {
        soggetto(p, "Mittente", s, false);
    }
    for x in &d.destinatari {
        soggetto(p, "Destinatario", &x.soggetto, x.per_conoscenza);
    }
    if let Some(m) = &d.protocollo_mittente {
        let data = m.data.map(|g| g.to_string());
        let attributi = [("numero", Some(&*m.numero)), ("data", data.as_deref()), ("registro", m.registro.as_deref())];
        p.voce_con("ProtocolloMittente", &attributi, "");
    }
    documenti(p, &d.documenti);
    p.voce_con(
        "Classificazione",
        &[("codice", Some(d.classificazione.as_str()))],
        d.classificazione_denominazione.as_deref().unwrap_or_default(),
    );
    assegnazioni(p, &d.assegnazioni);
    autore(p, "Operatore", &r.autore);
    p.chiudi();
}

/// R-F10.
fn riservata(p: &mut Penna, r: &Registrazione, istante: Istante) {
    let attributi = [
        ("anno", Some(&*r.chiave.anno.to_string())),
        ("numero", Some(&*r.chiave.numero.esteso())),
        ("istante", Some(&*istante.con_offset())),
    ];
    p.voce_con("Riservata", &attributi, "");
}

/// R-N05.
fn lacuna(p: &mut Penna, l: &Lacuna) {
    let attributi = [
        ("da", Some(&*format!("{:07}", l.da))),
        ("a", Some(&*format!("{:07}", l.a))),
        ("istante", Some(&*l.istante.con_offset())),
        ("operazione", Some(&*l.indice.to_string())),
    ];
    p.apri("Lacuna", &attributi);
    p.voce("Motivo", &l.motivo);
    p.chiudi();
}

/// R-F04.
fn modifica(p: &mut Penna, m: &Modifica) {
    let op = &m.operazione;
    let chiave = &m.prima.chiave;
    let (anno, numero) = (chiave.anno.to_string(), chiave.numero.esteso());
    let (istante, indice) = (op.istante.con_offset(), op.indice.to_string());
    let mut attributi = vec![("anno", Some(&*anno)), ("numero", Some(&*numero)), ("istante", Some(&*istante))];
    attributi.push(("riservata", m.prima.dati.riservato.then_some("true")));
    attributi.push(("operazione", Some(&*indice)));
    let (nome, motivo) = match &op.evento {
        Evento::Annullamento { intero, motivo, .. } => {
            attributi.push(("intero", Some(if *intero { "true" } else { "false" })));
            ("Annullamento", Some(motivo))
        }
        Evento::Classificazione { motivo, .. } => ("Classificazione", motivo.as_ref()),
        Evento::Assegnazione { nota, .. } => ("Assegnazione", nota.as_ref()),
        Evento::Allegati { descrizione, .. } => ("Allegati", descrizione.as_ref()),
        // Nothing else enters: `entra` says so where rows are made.
        _ => return,
    };
    p.apri(nome, &attributi);
    autore(p, "Operatore", &op.operatore);
    if let Some(a) = m.dopo.annullamenti.last().filter(|a| a.indice == op.indice) {
        if let Some(c) = &a.chiesto_da {
            autore(p, "RichiestoDa", c);
        }
        let data = a.provvedimento.data.to_string();
        p.voce_con("Provvedimento", &[("numero", Some(&a.provvedimento.numero)), ("data", Some(&data))], "");
    }
    p.forse("Motivo", motivo.map(String::as_str));
    for d in confronta(&m.prima, &m.dopo) {
        let racconto = ["annullamenti.", "richiesteAnnullamento."].iter().any(|x| d.campo.starts_with(x));
        if racconto || d.stato == StatoCampo::Invariato {
            continue;
        }
        p.apri("Valore", &[("campo", Some(&d.campo))]);
        if let Some(v) = testo(&d.prima) {
            p.voce("Prima", &v);
        }
        // What a whole annulment leaves readable is no value in force.
        if let Some(v) = testo(&d.dopo).filter(|_| d.prima != d.dopo) {
            p.voce("Dopo", &v);
        }
        p.chiudi();
    }
    p.chiudi();
}

/// A scalar as text.
pub(crate) fn testo(v: &Value) -> Option<String> {
    match v {
        Value::Null => None,
        Value::String(t) => Some(t.clone()),
        v => Some(v.to_string()),
    }
}

fn soggetto(p: &mut Penna, nome: &str, s: &Soggetto, per_conoscenza: bool) {
    let (tipo, aoo, ufficio) = match s {
        Soggetto::PersonaFisica { .. } => ("persona-fisica", None, None),
        Soggetto::PersonaGiuridica { .. } => ("persona-giuridica", None, None),
        Soggetto::Amministrazione { aoo, ufficio, .. } => ("amministrazione", aoo.as_deref(), ufficio.as_deref()),
        Soggetto::AmministrazioneEstera { .. } => ("amministrazione-estera", None, None),
        Soggetto::Ufficio { .. } => ("ufficio", None, None),
    };
    let attributi = [
        ("tipo", Some(tipo)),
        ("codice", s.codice()),
        ("aoo", aoo),
        ("ufficio", ufficio),
        ("indirizzoDigitale", s.indirizzo_digitale()),
        ("perConoscenza", per_conoscenza.then_some("true")),
    ];
    p.voce_con(nome, &attributi, &s.nome_completo());
}

fn documenti(p: &mut Penna, documenti: &[Documento]) {
    for d in documenti {
        let ruolo = match d.ruolo {
            RuoloDocumento::Primario => "primario",
            RuoloDocumento::Allegato => "allegato",
            RuoloDocumento::Segnatura => "segnatura",
        };
        let attributi = [
            ("n", Some(&*d.n.to_string())),
            ("ruolo", Some(ruolo)),
            ("mime", Some(&d.mime)),
            ("byte", Some(&*d.byte.to_string())),
            ("impronta", Some(&*d.impronta.hex())),
        ];
        p.voce_con("Documento", &attributi, &d.nome);
    }
}

fn assegnazioni(p: &mut Penna, assegnazioni: &[DatiAssegnazione]) {
    for a in assegnazioni {
        let tipo = match a.tipo {
            TipoAssegnazione::Competenza => "competenza",
            TipoAssegnazione::Conoscenza => "conoscenza",
        };
        let attributi = [
            ("ufficio", Some(a.ufficio.as_str())),
            ("utente", a.utente.as_ref().map(|u| u.as_str())),
            ("tipo", Some(tipo)),
        ];
        p.voce_con("Assegnazione", &attributi, "");
    }
}

fn autore(p: &mut Penna, nome: &str, a: &Autore) {
    let attributi = [
        ("id", Some(a.id.as_str())),
        ("ufficio", a.ufficio.as_ref().map(|u| u.as_str())),
        ("perContoDi", a.per_conto_di.as_deref()),
    ];
    p.voce_con(nome, &attributi, &a.nome);
}

fn stato(s: Stato) -> &'static str {
    match s {
        Stato::Valida => "valida",
        Stato::Annullata => "annullata",
        Stato::AnnullataInParte => "annullata-in-parte",
    }
}
