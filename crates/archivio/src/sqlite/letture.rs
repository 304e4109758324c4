//! Reading: operations into domain values. Every query is bound to a log, hence to an AOO.

use dominio::analisi;
use dominio::codici::{CodiceUfficio, Impronta, NomeUtente};
use dominio::comandi::puo_vedere;
use dominio::configurazione::Configurazione;
use dominio::operazione::Operazione;
use dominio::permessi::Operatore;
use dominio::piatto::{Campi, CampiLetti};
use dominio::registrazione::{Chiave, Numero, Registrazione, StatoAssegnazione};
use dominio::soggetto::Soggetto;
use dominio::tempo::Istante;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::righe::{self, confini, da_id};
use crate::store::{
    AnnullamentoScritto, Coda, Corrispondente, Errore, Esito, Fascicolo, Fatto, Idempotenza, OperazioneScritta, Pagina,
    Pratica, RichiestaScritta,
};

/// Columns that [`riga_operazione`] reads.
const COLONNE: &str = "id, campi, seme, voce";

fn riga_operazione(r: &Row<'_>) -> rusqlite::Result<(i64, String, Vec<u8>, Vec<u8>)> {
    Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
}

fn scritta((id, campi, seme, voce): (i64, String, Vec<u8>, Vec<u8>)) -> Esito<OperazioneScritta> {
    let male =
        |cosa: &str| Errore::Incoerente(format!("operazione {} del registro {}: {cosa}", da_id(id).1, da_id(id).0));
    Ok(OperazioneScritta {
        indice: da_id(id).1,
        campi: serde_json::from_str::<Campi>(&campi).map_err(|e| male(difetto(&e)))?,
        seme: seme.try_into().map_err(|_| male("seme di lunghezza errata"))?,
        voce: voce.try_into().map_err(|_| male("voce di lunghezza errata"))?,
    })
}

/// What is wrong with a stored text, without any of it: errors reach logs, contents must not (R-L08).
pub fn difetto(e: &serde_json::Error) -> &'static str {
    match e.classify() {
        serde_json::error::Category::Io => "testo non leggibile",
        serde_json::error::Category::Syntax => "JSON malformato",
        serde_json::error::Category::Data => "valore inatteso",
        serde_json::error::Category::Eof => "JSON troncato",
    }
}

fn letta(campi: &str, id: i64) -> Esito<Operazione> {
    let male = |e: &str| Errore::Incoerente(format!("operazione {} del registro {}: {e}", da_id(id).1, da_id(id).0));
    let campi = CampiLetti::leggi(campi).map_err(|e| male(difetto(&e)))?;
    Operazione::da(&campi.annidati()).map_err(|_| male("campi che non sono un'operazione"))
}

/// One operation by id.
pub fn operazione(c: &Connection, id: i64) -> Esito<Option<OperazioneScritta>> {
    c.prepare_cached(&format!("SELECT {COLONNE} FROM operazione WHERE id = ?"))?
        .query_row([id], riga_operazione)
        .optional()?
        .map(scritta)
        .transpose()
}

/// The answer given before to the same request, if any; another request under the same key is refused.
pub fn gia_fatto(c: &Connection, log: i64, idem: Option<&Idempotenza>) -> Esito<Option<Fatto>> {
    let Some(i) = idem else { return Ok(None) };
    let trovata: Option<(Vec<u8>, i64)> = c
        .prepare_cached("SELECT richiesta, op FROM idempotenza WHERE ambito = ? AND chiave = ?")?
        .query_row(params![format!("{log}|{}", i.ambito), i.chiave], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let Some((richiesta, op)) = trovata else { return Ok(None) };
    if richiesta != i.richiesta {
        return Err(Errore::ChiaveRiusata);
    }
    let o = operazione(c, op)?.ok_or_else(|| Errore::Incoerente(format!("operazione {op}")))?;
    let male = || Errore::Incoerente(format!("operazione {} del registro {log}: illeggibile", o.indice));
    let letta = Operazione::leggi(&o.campi).map_err(|_| male())?;
    Ok(Some(Fatto { indice: o.indice, istante: letta.istante, chiave: letta.chiave, voce: o.voce, ripetuta: true }))
}

/// Operations of a log from an index on.
pub fn scan(c: &Connection, log: i64, da: u64, limite: usize) -> Esito<Vec<OperazioneScritta>> {
    let mut s =
        c.prepare_cached(&format!("SELECT {COLONNE} FROM operazione WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"))?;
    let limite = i64::try_from(limite).unwrap_or(i64::MAX);
    let righe = s.query_map(params![righe::id(log, da), confini(log).1, limite], riga_operazione)?;
    righe.map(|r| scritta(r?)).collect()
}

/// The configuration, folded from its operations: the ente's own log first, then each AOO's.
pub fn configurazione(c: &Connection) -> Esito<Configurazione> {
    let mut conf = Configurazione::default();
    applica_configurazione(c, &mut conf, i64::MIN, i64::MAX)?;
    Ok(conf)
}

/// Applies the operations of the configuration between two ids, the second excluded.
pub fn applica_configurazione(c: &Connection, conf: &mut Configurazione, da: i64, a: i64) -> Esito<()> {
    let mut s =
        c.prepare("SELECT id, campi FROM operazione WHERE conf IS NOT NULL AND id >= ? AND id < ? ORDER BY id")?;
    let mut r = s.query([da, a])?;
    while let Some(x) = r.next()? {
        let (id, campi): (i64, String) = (x.get(0)?, x.get(1)?);
        conf.applica(&letta(&campi, id)?);
    }
    Ok(())
}

/// Id of a registration.
pub fn id_di(c: &Connection, log: i64, k: &Chiave) -> Esito<Option<i64>> {
    Ok(c.prepare_cached("SELECT id FROM registrazione WHERE log=? AND registro=? AND anno=? AND numero=?")?
        .query_row(params![log, k.registro.as_str(), k.anno, k.numero.valore()], |r| r.get(0))
        .optional()?)
}

/// Every operation on a registration, oldest first.
pub fn operazioni_di(c: &Connection, reg: i64) -> Esito<Vec<Operazione>> {
    let mut out = Vec::new();
    let prima: Option<String> =
        c.prepare_cached("SELECT campi FROM operazione WHERE id = ?")?.query_row([reg], |r| r.get(0)).optional()?;
    let Some(prima) = prima else { return Ok(out) };
    out.push(letta(&prima, reg)?);
    let mut s = c.prepare_cached("SELECT id, campi FROM operazione WHERE reg = ? ORDER BY id")?;
    let mut r = s.query([reg])?;
    while let Some(x) = r.next()? {
        let (id, campi): (i64, String) = (x.get(0)?, x.get(1)?);
        out.push(letta(&campi, id)?);
    }
    Ok(out)
}

/// A registration now, or after the operation with index `fino`.
pub fn registrazione(c: &Connection, reg: i64, fino: Option<u64>) -> Esito<Option<Registrazione>> {
    let ops = operazioni_di(c, reg)?;
    Ok(Registrazione::da_operazioni(ops.iter().filter(|o| fino.is_none_or(|f| o.indice <= f))))
}

/// Key of a registration by id.
pub fn chiave_di(c: &Connection, reg: i64) -> Esito<Option<Chiave>> {
    let riga: Option<(String, i32, i64)> = c
        .prepare_cached("SELECT registro, anno, numero FROM registrazione WHERE id = ?")?
        .query_row([reg], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    riga.map(|(registro, anno, numero)| {
        let male = || Errore::Incoerente(format!("registrazione {reg}"));
        Ok(Chiave {
            registro: registro.parse().map_err(|_| male())?,
            anno,
            numero: Numero::nuovo(numero).ok_or_else(male)?,
        })
    })
    .transpose()
}

/// Assignments on a desk, oldest first.
pub fn scrivania(
    c: &Connection,
    log: i64,
    uffici: &[CodiceUfficio],
    chi: &NomeUtente,
    stato: StatoAssegnazione,
    conoscenza: bool,
    limite: usize,
) -> Esito<Coda> {
    let (da, a) = confini(log);
    let mut trovate: Vec<(i64, u32)> = Vec::new();
    let mut totale = 0;
    // The person is part of the question: chosen after the limit, somebody else's could fill all the places.
    let dove = "FROM assegnazione WHERE ufficio = ?1 AND stato = ?2 AND tipo = ?3 AND reg >= ?4 AND reg < ?5
         AND (utente IS NULL OR utente = ?6)";
    let mut conta = c.prepare_cached(&format!("SELECT count(*) {dove}"))?;
    let mut s = c.prepare_cached(&format!("SELECT reg, n {dove} ORDER BY reg LIMIT ?7"))?;
    for u in uffici {
        let (stato, conoscenza) = (righe::codice_assegnazione(stato), i64::from(conoscenza));
        let quante: i64 = conta.query_row(params![u.as_str(), stato, conoscenza, da, a, chi.as_str()], |r| r.get(0))?;
        totale += quante.unsigned_abs();
        let limite = i64::try_from(limite).unwrap_or(i64::MAX);
        let righe = s.query_map(params![u.as_str(), stato, conoscenza, da, a, chi.as_str(), limite], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })?;
        for r in righe {
            trovate.push(r?);
        }
    }
    trovate.sort_unstable();
    trovate.truncate(limite);
    let mut out = Vec::with_capacity(trovate.len());
    for (reg, assegnazione) in trovate {
        if let Some(registrazione) = registrazione(c, reg, None)? {
            out.push(Pratica { registrazione, assegnazione });
        }
    }
    Ok(Coda { pratiche: out, totale })
}

/// The register of annulments, newest first (R-B10).
pub fn annullamenti(
    c: &Connection,
    log: i64,
    chi: &Operatore,
    cursore: Option<&str>,
    limite: usize,
) -> Esito<Pagina<AnnullamentoScritto>> {
    let (da, a) = confini(log);
    let prima = match cursore {
        Some(t) => t.parse::<i64>().map_err(|_| cursore_errato())?.min(a),
        None => a,
    };
    let mut s =
        c.prepare_cached("SELECT op, reg FROM annullamento WHERE op >= ? AND op < ? ORDER BY op DESC LIMIT ?")?;
    let n = i64::try_from(limite + 1).unwrap_or(i64::MAX);
    let mut righe: Vec<(i64, i64)> =
        s.query_map(params![da, prima, n], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let altre = righe.len() > limite;
    righe.truncate(limite);
    let successivo = righe.last().filter(|_| altre).map(|(op, _)| op.to_string());
    let mut elementi = Vec::with_capacity(righe.len());
    for (op, reg) in righe {
        let Some(r) = registrazione(c, reg, None)? else { continue };
        // Of what he may not see not even the state is told (R-L08).
        if puo_vedere(chi, &r) {
            elementi.push(AnnullamentoScritto { indice: da_id(op).1, registrazione: r });
        }
    }
    Ok(Pagina { elementi, successivo })
}

/// Requests of annulment that wait, oldest first.
pub fn richieste_in_attesa(
    c: &Connection,
    log: i64,
    chi: &Operatore,
    cursore: Option<&str>,
    limite: usize,
) -> Esito<Pagina<RichiestaScritta>> {
    let (da, a) = confini(log);
    let dopo = match cursore {
        Some(t) => t.parse::<i64>().map_err(|_| cursore_errato())?.max(da - 1),
        None => da - 1,
    };
    let mut s = c.prepare_cached(
        "SELECT op, reg, n FROM richiesta_annullamento WHERE stato = 0 AND op > ? AND op < ? ORDER BY op LIMIT ?",
    )?;
    let n = i64::try_from(limite + 1).unwrap_or(i64::MAX);
    let mut righe: Vec<(i64, i64, u32)> = s
        .query_map(params![dopo, a, n], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let altre = righe.len() > limite;
    righe.truncate(limite);
    let successivo = righe.last().filter(|_| altre).map(|(op, ..)| op.to_string());
    let mut elementi = Vec::with_capacity(righe.len());
    for (_, reg, n) in righe {
        let Some(r) = registrazione(c, reg, None)? else { continue };
        if puo_vedere(chi, &r) {
            elementi.push(RichiestaScritta { registrazione: r, richiesta: n });
        }
    }
    Ok(Pagina { elementi, successivo })
}

/// How many registrations have this entry now.
pub fn conta_voce(c: &Connection, log: i64, voce: &str) -> Esito<u64> {
    let (da, a) = confini(log);
    let n: i64 = c
        .prepare_cached("SELECT count(*) FROM attuale WHERE voce = ? AND reg >= ? AND reg < ?")?
        .query_row(params![voce, da, a], |r| r.get(0))?;
    Ok(n.unsigned_abs())
}

/// Registrations with the same files, or the same sender's number.
pub fn duplicati(
    c: &Connection,
    log: i64,
    impronte: &[Impronta],
    mittente: Option<(&str, &str)>,
) -> Esito<Vec<Chiave>> {
    let (da, a) = confini(log);
    let mut reg: Vec<i64> = Vec::new();
    let mut s = c.prepare_cached(
        "SELECT reg FROM documento WHERE impronta = ? AND reg >= ? AND reg < ? ORDER BY reg DESC LIMIT 10",
    )?;
    for i in impronte.iter().take(100) {
        for r in s.query_map(params![i.0, da, a], |r| r.get(0))? {
            reg.push(r?);
        }
    }
    if let Some((m, n)) = mittente {
        let mut s = c.prepare_cached(
            "SELECT reg FROM riscontro WHERE chiave = ? AND reg >= ? AND reg < ? ORDER BY reg DESC LIMIT 10",
        )?;
        for r in s.query_map(params![righe::riscontro(m, n), da, a], |r| r.get(0))? {
            reg.push(r?);
        }
    }
    reg.sort_unstable_by(|x, y| y.cmp(x));
    reg.dedup();
    reg.truncate(10);
    let mut out = Vec::new();
    for r in reg {
        out.extend(chiave_di(c, r)?);
    }
    Ok(out)
}

/// Under what name a correspondent is listed, and by which words it is found.
pub fn parole_di_corrispondente(s: &Soggetto) -> (String, String) {
    let nome = s.nome_completo();
    let ordine = analisi::riga([nome.as_str()]).trim().to_owned();
    let testo = analisi::riga([Some(nome.as_str()), s.codice(), s.indirizzo_digitale()].into_iter().flatten());
    (ordine, testo)
}

/// Writes a correspondent and its search row.
pub fn scrivi_corrispondente(c: &Connection, op: i64, log: i64, s: &Soggetto) -> Esito<()> {
    let dati = serde_json::to_string(s).map_err(|_| Errore::Incoerente(format!("corrispondente {op}")))?;
    let (ordine, testo) = parole_di_corrispondente(s);
    c.prepare_cached("INSERT INTO corrispondente(op, log, nome, dati) VALUES (?,?,?,?)")?
        .execute(params![op, log, ordine, dati])?;
    c.prepare_cached("INSERT INTO cerca_corrispondente(rowid, testo) VALUES (?,?)")?.execute(params![op, testo])?;
    Ok(())
}

fn corrispondente(op: i64, dati: &str) -> Esito<Corrispondente> {
    let soggetto =
        serde_json::from_str(dati).map_err(|e| Errore::Incoerente(format!("corrispondente {op}: {}", difetto(&e))))?;
    Ok(Corrispondente { id: da_id(op).1, soggetto })
}

/// Correspondents whose words begin so: rubrica first, then those of past registrations.
pub fn corrispondenti(c: &Connection, log: i64, q: &str, limite: usize) -> Esito<Vec<Corrispondente>> {
    let parole = analisi::token(q);
    if parole.is_empty() {
        return Ok(Vec::new());
    }
    let (da, a) = confini(log);
    let cerca = parole.iter().map(|t| format!("\"{t}\"*")).collect::<Vec<_>>().join(" AND ");
    let mut out: Vec<Corrispondente> = Vec::new();
    let mut s = c.prepare_cached(
        "SELECT k.op, k.dati FROM cerca_corrispondente f JOIN corrispondente k ON k.op = f.rowid
         WHERE cerca_corrispondente MATCH ? AND f.rowid >= ? AND f.rowid < ? LIMIT ?",
    )?;
    let n = i64::try_from(limite).unwrap_or(i64::MAX);
    let righe = s.query_map(params![cerca, da, a, n], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?)))?;
    for r in righe {
        let (op, dati) = r?;
        out.push(corrispondente(op, &dati)?);
    }
    out.sort_by_key(|k| k.soggetto.nome_completo());
    if out.len() < limite {
        let condizioni: Vec<_> = parole.iter().map(|t| analisi::Condizione::Prefisso(t.clone())).collect();
        for reg in super::ricerca::per_soggetto(c, log, &condizioni, 60)? {
            let Some(r) = registrazione(c, reg, None)? else { continue };
            if r.dati.riservato {
                continue;
            }
            for (_, s) in r.dati.soggetti() {
                let riga = analisi::riga([s.nome_completo().as_str(), s.codice().unwrap_or_default()]);
                let buono = s.ufficio().is_none() && condizioni.iter().all(|x| x.vale(&riga));
                let noto = out.iter().any(|k| {
                    k.soggetto.codice().is_some() && k.soggetto.codice() == s.codice()
                        || k.soggetto.nome_completo() == s.nome_completo()
                });
                if buono && !noto && out.len() < limite {
                    out.push(Corrispondente { id: 0, soggetto: s.clone() });
                }
            }
        }
    }
    Ok(out)
}

/// The rubrica by name.
pub fn rubrica(c: &Connection, log: i64, cursore: Option<&str>, limite: usize) -> Esito<Pagina<Corrispondente>> {
    let (nome, op) = match cursore {
        Some(t) => {
            let (op, nome) = t.split_once('~').ok_or_else(cursore_errato)?;
            (nome.to_owned(), op.parse::<i64>().map_err(|_| cursore_errato())?)
        }
        None => (String::new(), 0),
    };
    let mut s = c.prepare_cached(
        "SELECT op, dati, nome FROM corrispondente WHERE log = ? AND (nome, op) > (?, ?) ORDER BY nome, op LIMIT ?",
    )?;
    let n = i64::try_from(limite + 1).unwrap_or(i64::MAX);
    let righe = s.query_map(params![log, nome, op, n], |r| {
        Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, r.get::<_, String>(2)?))
    })?;
    let mut tutte = righe.collect::<rusqlite::Result<Vec<_>>>()?;
    let altre = tutte.len() > limite;
    tutte.truncate(limite);
    let successivo = tutte.last().filter(|_| altre).map(|(op, _, nome)| format!("{op}~{nome}"));
    let elementi = tutte.iter().map(|(op, dati, _)| corrispondente(*op, dati)).collect::<Esito<Vec<_>>>()?;
    Ok(Pagina { elementi, successivo })
}

/// A cursor that we never gave.
pub fn cursore_errato() -> Errore {
    dominio::errori::Rifiuto::campo("cursore", "non è un cursore valido").into()
}

/// Fascicoli, newest first.
pub fn fascicoli(c: &Connection, log: i64, cursore: Option<&str>, limite: usize) -> Esito<Pagina<Fascicolo>> {
    let prima = match cursore {
        Some(t) => t.parse::<i64>().map_err(|_| cursore_errato())?,
        None => i64::MAX,
    };
    let mut s = c.prepare_cached(
        "SELECT op, codice, voce, oggetto, ufficio, istante,
                (SELECT count(*) FROM contenuto k WHERE k.log = f.log AND k.codice = f.codice)
         FROM fascicolo f WHERE log = ? AND op < ? ORDER BY op DESC LIMIT ?",
    )?;
    let n = i64::try_from(limite + 1).unwrap_or(i64::MAX);
    let mut r = s.query(params![log, prima, n])?;
    let mut elementi = Vec::new();
    let mut ultimo = None;
    let mut altre = false;
    while let Some(x) = r.next()? {
        if elementi.len() == limite {
            altre = true;
            break;
        }
        let op: i64 = x.get(0)?;
        let male = |_| Errore::Incoerente(format!("fascicolo {op}"));
        elementi.push(Fascicolo {
            codice: x.get(1)?,
            classificazione: x.get::<_, String>(2)?.parse().map_err(male)?,
            oggetto: x.get(3)?,
            ufficio: x.get::<_, Option<String>>(4)?.map(|u| u.parse()).transpose().map_err(male)?,
            apertura: Istante(x.get(5)?),
            documenti: x.get::<_, i64>(6)?.unsigned_abs(),
        });
        ultimo = Some(op);
    }
    Ok(Pagina { elementi, successivo: ultimo.filter(|_| altre).map(|u| u.to_string()) })
}
