//! Reading: operations into domain values. Every query is bound to a log, hence to an AOO.

use crate::motore::{Db, Riga, valori};
use crate::righe::{self, confini, da_id};
use crate::store::{
    AnnullamentoScritto, Coda, Corrispondente, Errore, Esito, Fascicolo, Fatto, Idempotenza, OperazioneScritta, Pagina,
    Pratica, RichiestaScritta,
};
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

/// Columns that [`scritta`] reads.
const COLONNE: &str = "id, campi, seme, voce";

fn scritta(r: &dyn Riga) -> Esito<OperazioneScritta> {
    let id = r.intero(0)?;
    let male =
        |cosa: &str| Errore::Incoerente(format!("operazione {} del registro {}: {cosa}", da_id(id).1, da_id(id).0));
    Ok(OperazioneScritta {
        indice: da_id(id).1,
        campi: serde_json::from_str::<Campi>(r.testo(1)?).map_err(|e| male(difetto(&e)))?,
        seme: r.byte(2)?.try_into().map_err(|_| male("seme di lunghezza errata"))?,
        voce: r.byte(3)?.try_into().map_err(|_| male("voce di lunghezza errata"))?,
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
pub fn operazione(c: &dyn Db, id: i64) -> Esito<Option<OperazioneScritta>> {
    c.una(&format!("SELECT {COLONNE} FROM operazione WHERE id = ?"), valori![id], scritta)
}

/// The answer given before to the same request, if any; another request under the same key is refused.
pub fn gia_fatto(c: &dyn Db, log: i64, idem: Option<&Idempotenza>) -> Esito<Option<Fatto>> {
    let Some(i) = idem else { return Ok(None) };
    let Some((richiesta, op)) = c.idempotenza(&format!("{log}|{}", i.ambito), &i.chiave)? else { return Ok(None) };
    if richiesta != i.richiesta {
        return Err(Errore::ChiaveRiusata);
    }
    let o = operazione(c, op)?.ok_or_else(|| Errore::Incoerente(format!("operazione {op}")))?;
    let male = || Errore::Incoerente(format!("operazione {} del registro {log}: illeggibile", o.indice));
    let letta = Operazione::leggi(&o.campi).map_err(|_| male())?;
    Ok(Some(Fatto { indice: o.indice, istante: letta.istante, chiave: letta.chiave, voce: o.voce, ripetuta: true }))
}

/// Operations of a log from an index on.
pub fn scan(c: &dyn Db, log: i64, da: u64, limite: usize) -> Esito<Vec<OperazioneScritta>> {
    let sql = format!("SELECT {COLONNE} FROM operazione WHERE id >= ? AND id < ? ORDER BY id LIMIT ?");
    c.tutte(&sql, valori![righe::id(log, da), confini(log).1, quanti(limite)], scritta)
}

/// The configuration, folded from its operations: the ente's own log first, then each AOO's.
pub fn configurazione(c: &dyn Db) -> Esito<Configurazione> {
    let mut conf = Configurazione::default();
    applica_configurazione(c, &mut conf, i64::MIN, i64::MAX)?;
    Ok(conf)
}

/// Applies the operations of the configuration between two ids, the second excluded.
pub fn applica_configurazione(c: &dyn Db, conf: &mut Configurazione, da: i64, a: i64) -> Esito<()> {
    let sql = "SELECT id, campi FROM operazione WHERE conf IS NOT NULL AND id >= ? AND id < ? ORDER BY id";
    c.scorri(sql, valori![da, a], &mut |r| {
        conf.applica(&letta(r.testo(1)?, r.intero(0)?)?);
        Ok(true)
    })
}

/// Id of a registration.
pub fn id_di(c: &dyn Db, log: i64, k: &Chiave) -> Esito<Option<i64>> {
    c.una(
        "SELECT id FROM registrazione WHERE log=? AND registro=? AND anno=? AND numero=?",
        valori![log, k.registro.as_str(), k.anno, k.numero.valore()],
        |r| r.intero(0),
    )
}

/// Every operation on a registration, oldest first.
pub fn operazioni_di(c: &dyn Db, reg: i64) -> Esito<Vec<Operazione>> {
    let mut out = Vec::new();
    // The one that made it has its id, lower than those of all that followed.
    let sql = "SELECT id, campi FROM operazione WHERE id = ? UNION ALL
               SELECT id, campi FROM operazione WHERE reg = ? ORDER BY 1";
    c.scorri(sql, valori![reg, reg], &mut |r| {
        out.push(letta(r.testo(1)?, r.intero(0)?)?);
        Ok(true)
    })?;
    Ok(out)
}

/// A registration now, or after the operation with index `fino`.
pub fn registrazione(c: &dyn Db, reg: i64, fino: Option<u64>) -> Esito<Option<Registrazione>> {
    let ops = operazioni_di(c, reg)?;
    Ok(Registrazione::da_operazioni(ops.iter().filter(|o| fino.is_none_or(|f| o.indice <= f))))
}

/// Key of a registration by id.
pub fn chiave_di(c: &dyn Db, reg: i64) -> Esito<Option<Chiave>> {
    c.una("SELECT registro, anno, numero FROM registrazione WHERE id = ?", valori![reg], |r| {
        let male = || Errore::Incoerente(format!("registrazione {reg}"));
        Ok(Chiave {
            registro: r.testo(0)?.parse().map_err(|_| male())?,
            anno: r.intero(1)?.try_into().map_err(|_| male())?,
            numero: Numero::nuovo(r.intero(2)?).ok_or_else(male)?,
        })
    })
}

/// Assignments on a desk, oldest first.
pub fn scrivania(
    c: &dyn Db,
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
    let dove = "FROM assegnazione WHERE ufficio = ? AND stato = ? AND tipo = ? AND reg >= ? AND reg < ?
         AND (utente IS NULL OR utente = ?)";
    let (conta, prime) = (format!("SELECT count(*) {dove}"), format!("SELECT reg, n {dove} ORDER BY reg LIMIT ?"));
    for u in uffici {
        let (stato, limite) = (righe::codice_assegnazione(stato), quanti(limite));
        let quante = c.numero(&conta, valori![u.as_str(), stato, conoscenza, da, a, chi.as_str()])?;
        totale += quante.unsigned_abs();
        c.scorri(&prime, valori![u.as_str(), stato, conoscenza, da, a, chi.as_str(), limite], &mut |r| {
            trovate.push((r.intero(0)?, naturale(r.intero(1)?)?));
            Ok(true)
        })?;
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
    c: &dyn Db,
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
    let mut righe = c.tutte(
        "SELECT op, reg FROM annullamento WHERE op >= ? AND op < ? ORDER BY op DESC LIMIT ?",
        valori![da, prima, quanti(limite + 1)],
        |r| Ok((r.intero(0)?, r.intero(1)?)),
    )?;
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
    c: &dyn Db,
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
    let mut righe = c.tutte(
        "SELECT op, reg, n FROM richiesta_annullamento WHERE stato = 0 AND op > ? AND op < ? ORDER BY op LIMIT ?",
        valori![dopo, a, quanti(limite + 1)],
        |r| Ok((r.intero(0)?, r.intero(1)?, naturale(r.intero(2)?)?)),
    )?;
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
pub fn conta_voce(c: &dyn Db, log: i64, voce: &str) -> Esito<u64> {
    let (da, a) = confini(log);
    let n = c.numero("SELECT count(*) FROM attuale WHERE voce = ? AND reg >= ? AND reg < ?", valori![voce, da, a])?;
    Ok(n.unsigned_abs())
}

/// Registrations with the same files, or the same sender's number.
pub fn duplicati(c: &dyn Db, log: i64, impronte: &[Impronta], mittente: Option<(&str, &str)>) -> Esito<Vec<Chiave>> {
    let (da, a) = confini(log);
    let mut reg: Vec<i64> = Vec::new();
    let sql = "SELECT reg FROM documento WHERE impronta = ? AND reg >= ? AND reg < ? ORDER BY reg DESC LIMIT 10";
    for i in impronte.iter().take(100) {
        reg.extend(c.tutte(sql, valori![&i.0, da, a], |r| r.intero(0))?);
    }
    if let Some((m, n)) = mittente {
        let sql = "SELECT reg FROM riscontro WHERE chiave = ? AND reg >= ? AND reg < ? ORDER BY reg DESC LIMIT 10";
        reg.extend(c.tutte(sql, valori![&righe::riscontro(m, n), da, a], |r| r.intero(0))?);
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

/// Of the newest uscite that answer a registration those that the operator may see, newest first (R-C20, R-L08).
pub fn risposte(c: &dyn Db, log: i64, chi: &Operatore, chiave: &Chiave) -> Esito<Vec<Registrazione>> {
    let (da, a) = confini(log);
    let sql = "SELECT reg FROM coinvolto WHERE chi = ? AND reg >= ? AND reg < ? ORDER BY reg DESC LIMIT 50";
    let mut out = Vec::new();
    for reg in c.tutte(sql, valori![&righe::risposta_a(chiave), da, a], |r| r.intero(0))? {
        out.extend(registrazione(c, reg, None)?.filter(|r| puo_vedere(chi, r)));
    }
    Ok(out)
}

/// Under what name a correspondent is listed, and by which words it is found.
pub fn parole_di_corrispondente(s: &Soggetto) -> (String, String) {
    let nome = s.nome_completo();
    let ordine = righe::chiave(analisi::riga([nome.as_str()]).trim().to_owned());
    let testo = analisi::riga([Some(nome.as_str()), s.codice(), s.indirizzo_digitale()].into_iter().flatten());
    (ordine, testo)
}

/// Writes a correspondent and its search row.
pub fn scrivi_corrispondente(c: &dyn Db, op: i64, log: i64, s: &Soggetto) -> Esito<()> {
    let dati = serde_json::to_string(s).map_err(|_| Errore::Incoerente(format!("corrispondente {op}")))?;
    let (ordine, testo) = parole_di_corrispondente(s);
    c.scrivi("INSERT INTO corrispondente(op, log, nome, dati) VALUES (?,?,?,?)", valori![op, log, &ordine, &dati])?;
    c.indicizza_corrispondente(op, &testo)
}

fn corrispondente(op: i64, dati: &str) -> Esito<Corrispondente> {
    let soggetto =
        serde_json::from_str(dati).map_err(|e| Errore::Incoerente(format!("corrispondente {op}: {}", difetto(&e))))?;
    Ok(Corrispondente { id: da_id(op).1, soggetto })
}

/// Correspondents whose words begin so: rubrica first, then those of past registrations.
pub fn corrispondenti(c: &dyn Db, log: i64, q: &str, limite: usize) -> Esito<Vec<Corrispondente>> {
    let parole = analisi::token(q);
    if parole.is_empty() {
        return Ok(Vec::new());
    }
    let (da, a) = confini(log);
    let mut out: Vec<Corrispondente> = Vec::new();
    for (op, dati) in c.per_nome(&parole, da, a, limite)? {
        out.push(corrispondente(op, &dati)?);
    }
    out.sort_by_key(|k| k.soggetto.nome_completo());
    if out.len() < limite {
        let condizioni: Vec<_> = parole.iter().map(|t| analisi::Condizione::Prefisso(t.clone())).collect();
        for reg in crate::ricerca::per_soggetto(c, log, &condizioni, 60)? {
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
pub fn rubrica(c: &dyn Db, log: i64, cursore: Option<&str>, limite: usize) -> Esito<Pagina<Corrispondente>> {
    let (nome, op) = match cursore {
        Some(t) => {
            let (op, nome) = t.split_once('~').ok_or_else(cursore_errato)?;
            (nome.to_owned(), op.parse::<i64>().map_err(|_| cursore_errato())?)
        }
        None => (String::new(), 0),
    };
    let mut tutte = c.tutte(
        "SELECT op, dati, nome FROM corrispondente WHERE log = ? AND (nome, op) > (?, ?) ORDER BY nome, op LIMIT ?",
        valori![log, &nome, op, quanti(limite + 1)],
        |r| Ok((r.intero(0)?, r.proprio(1)?, r.proprio(2)?)),
    )?;
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
pub fn fascicoli(c: &dyn Db, log: i64, cursore: Option<&str>, limite: usize) -> Esito<Pagina<Fascicolo>> {
    let prima = match cursore {
        Some(t) => t.parse::<i64>().map_err(|_| cursore_errato())?,
        None => i64::MAX,
    };
    let sql = "SELECT op, codice, voce, oggetto, ufficio, istante,
                (SELECT count(*) FROM contenuto k WHERE k.log = f.log AND k.codice = f.codice)
         FROM fascicolo f WHERE log = ? AND op < ? ORDER BY op DESC LIMIT ?";
    let mut trovati = c.tutte(sql, valori![log, prima, quanti(limite + 1)], |r| {
        let op = r.intero(0)?;
        let male = |_| Errore::Incoerente(format!("fascicolo {op}"));
        let f = Fascicolo {
            codice: r.proprio(1)?,
            classificazione: r.testo(2)?.parse().map_err(male)?,
            oggetto: r.proprio(3)?,
            ufficio: r.testo_o(4)?.map(str::parse).transpose().map_err(male)?,
            apertura: Istante(r.intero(5)?),
            documenti: r.naturale(6)?,
        };
        Ok((op, f))
    })?;
    let altri = trovati.len() > limite;
    trovati.truncate(limite);
    let successivo = trovati.last().filter(|_| altri).map(|(op, _)| op.to_string());
    Ok(Pagina { elementi: trovati.into_iter().map(|(_, f)| f).collect(), successivo })
}

fn quanti(limite: usize) -> i64 {
    i64::try_from(limite).unwrap_or(i64::MAX)
}

fn naturale(n: i64) -> Esito<u32> {
    n.try_into().map_err(|_| Errore::Incoerente(format!("{n} dove va un progressivo")))
}
