//! The operations log as it is kept: keys, tiles, checkpoints, receipts.

use std::collections::HashMap;
use std::sync::Arc;

use catena::{Albero, Checkpoint, ChiaveFirma, Hash, LettoreHash, PercorsoTessera, Ricevuta, Seme};
use dominio::codici::CodiceAoo;
use dominio::tempo::Istante;

use crate::chiavi::ChiaveInstallazione;
use crate::letture;
use crate::motore::{Db, valori};
use crate::righe::id;
use crate::store::{Errore, Esito};

/// What is known of a log without reading its operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInfo {
    /// Number within the ente; 0 is the ente's own.
    pub id: i64,
    /// AOO.
    pub aoo: Option<CodiceAoo>,
    /// Origin, given once.
    pub origine: String,
    /// Current public key.
    pub vkey: String,
}

fn incoerente(e: impl std::fmt::Display) -> Errore {
    Errore::Incoerente(e.to_string())
}

/// Every log of the file.
pub fn elenco(c: &dyn Db) -> Esito<HashMap<Option<CodiceAoo>, Arc<LogInfo>>> {
    let sql = "SELECT l.log, l.aoo, l.origine,
                      (SELECT vkey FROM chiave_log k WHERE k.log = l.log ORDER BY n DESC LIMIT 1)
               FROM registro_log l";
    let tutti = c.tutte(sql, &[], |r| {
        let aoo: Option<CodiceAoo> = r.testo_o(1)?.map(str::parse).transpose().map_err(incoerente)?;
        let info = LogInfo { id: r.intero(0)?, aoo: aoo.clone(), origine: r.proprio(2)?, vkey: r.proprio(3)? };
        Ok((aoo, Arc::new(info)))
    })?;
    Ok(tutti.into_iter().collect())
}

/// Creates a log with its first key.
pub fn crea(
    c: &dyn Db,
    installazione: &ChiaveInstallazione,
    aoo: Option<&CodiceAoo>,
    origine: &str,
    ora: Istante,
) -> Esito<LogInfo> {
    let log: i64 = match aoo {
        None => 0,
        Some(_) => 1 + c.numero("SELECT coalesce(max(log), 0) FROM registro_log", &[])?.max(0),
    };
    c.scrivi(
        "INSERT INTO registro_log(log, aoo, origine) VALUES (?,?,?)",
        valori![log, aoo.map(|a| a.as_str()), origine],
    )?;
    let vkey = nuova_chiave(c, installazione, log, origine, ora)?;
    Ok(LogInfo { id: log, aoo: aoo.cloned(), origine: origine.to_owned(), vkey })
}

/// Draws a new key for a log, which signs from the next checkpoint on; its vkey.
pub fn nuova_chiave(
    c: &dyn Db,
    installazione: &ChiaveInstallazione,
    log: i64,
    origine: &str,
    ora: Istante,
) -> Esito<String> {
    let mut segreto = [0u8; 32];
    getrandom::fill(&mut segreto).map_err(|e| Errore::Archivio(e.to_string()))?;
    let vkey = ChiaveFirma::da_segreto(origine, &segreto)
        .map_err(|e| Errore::Rifiuto(dominio::errori::Rifiuto::campo("origine", e.to_string())))?
        .pubblica()
        .to_string();
    let n = 1 + c.numero("SELECT coalesce(max(n), 0) FROM chiave_log WHERE log = ?", valori![log])?;
    c.scrivi(
        "INSERT INTO chiave_log(log, n, vkey, privata, istante) VALUES (?,?,?,?,?)",
        valori![log, n, &vkey, &installazione.avvolgi(origine, &segreto)?, ora.0],
    )?;
    Ok(vkey)
}

/// Public keys of a log, the current one first.
pub fn chiavi(c: &dyn Db, log: i64) -> Esito<Vec<String>> {
    c.tutte("SELECT vkey FROM chiave_log WHERE log = ? ORDER BY n DESC", valori![log], |r| r.proprio(0))
}

/// Days in which a retired key signs beside those that came after it.
pub const GIORNI_DOPPIA_FIRMA: i64 = 30;
/// Most keys that sign together; of more, changed within those days, the oldest stop before.
const FIRME_MAX: usize = 16;

/// Until when the key before signs too, when the new one is taken at `ora`.
pub fn fine_doppia_firma(ora: Istante) -> Istante {
    ora.piu_secondi(GIORNI_DOPPIA_FIRMA * 86_400)
}

/// The keys that sign now, the current one first, under a name: the log's origin for its checkpoints. Each retired one goes
/// on for its own days, however many came after it.
pub fn chiavi_di_firma(
    c: &dyn Db,
    installazione: &ChiaveInstallazione,
    log: &LogInfo,
    nome: &str,
    ora: Istante,
) -> Esito<Vec<ChiaveFirma>> {
    let righe: Vec<(Vec<u8>, i64)> = c.tutte(
        "SELECT privata, istante FROM chiave_log WHERE log = ? ORDER BY n DESC LIMIT ?",
        valori![log.id, i64::try_from(FIRME_MAX).unwrap_or(i64::MAX)],
        |r| Ok((r.byte(0)?.to_vec(), r.intero(1)?)),
    )?;
    // A key is retired when the next one is taken.
    let ritirate = righe.iter().take_while(|(_, dal)| ora < fine_doppia_firma(Istante(*dal))).count();
    righe
        .iter()
        .take(1 + ritirate)
        .map(|(avvolta, _)| {
            let segreto: [u8; 32] = installazione
                .svolgi(&log.origine, avvolta)?
                .try_into()
                .map_err(|_| Errore::Incoerente("chiave di firma di lunghezza errata".to_owned()))?;
            ChiaveFirma::da_segreto(nome, &segreto).map_err(incoerente)
        })
        .collect()
}

/// Latest checkpoint: size and note.
pub fn ultimo(c: &dyn Db, log: i64) -> Esito<Option<(u64, String)>> {
    c.una("SELECT dimensione, nota FROM checkpoint WHERE log = ? ORDER BY dimensione DESC LIMIT 1", valori![log], |r| {
        Ok((r.naturale(0)?, r.proprio(1)?))
    })
}

/// Signs the tree, unless the latest checkpoint is of this size already. Only the writer calls it.
pub fn firma(
    c: &dyn Db,
    installazione: &ChiaveInstallazione,
    log: &LogInfo,
    dimensione: u64,
    radice: Hash,
    istante: Istante,
) -> Esito<String> {
    if let Some((d, nota)) = ultimo(c, log.id)?
        && d == dimensione
    {
        return Ok(nota);
    }
    let chiavi = chiavi_di_firma(c, installazione, log, &log.origine, istante)?;
    let chiavi: Vec<&ChiaveFirma> = chiavi.iter().collect();
    let nota = Checkpoint::nuovo(&log.origine, dimensione, radice).firma(&chiavi).map_err(incoerente)?;
    c.scrivi(
        "INSERT INTO checkpoint(log, dimensione, istante, nota) VALUES (?,?,?,?)",
        valori![log.id, i64::try_from(dimensione).unwrap_or(i64::MAX), istante.0, &nota],
    )?;
    Ok(nota)
}

/// Tiles of a log: full ones are rows, the others come from entries and from the tiles below.
pub struct Tessere<'a> {
    /// Connection.
    pub c: &'a dyn Db,
    /// Log.
    pub log: i64,
}

impl LettoreHash for Tessere<'_> {
    type Errore = Errore;

    fn tessera(&self, livello: u8, n: u64, larghezza: u16) -> Result<Vec<Hash>, Errore> {
        let piena = self.c.una(
            "SELECT hash FROM tessera WHERE log = ? AND livello = ? AND n = ?",
            valori![self.log, i64::from(livello), i64::try_from(n).unwrap_or(i64::MAX)],
            |r| {
                let hash = r.byte(0)?.chunks_exact(32).filter_map(|h| Hash::try_from(h).ok());
                Ok(hash.take(usize::from(larghezza)).collect())
            },
        )?;
        if let Some(hash) = piena {
            return Ok(hash);
        }
        if livello == 0 {
            let voci = voci(self.c, self.log, n * 256, usize::from(larghezza))?;
            return Ok(voci.iter().map(catena::foglia).collect());
        }
        // Each hash of this level is the root of a full tile of the level below, all of which are rows.
        let primo = n * 256;
        let sotto = self.c.tutte(
            "SELECT hash FROM tessera WHERE log = ? AND livello = ? AND n >= ? AND n < ? ORDER BY n",
            valori![
                self.log,
                i64::from(livello) - 1,
                i64::try_from(primo).unwrap_or(i64::MAX),
                i64::try_from(primo + u64::from(larghezza)).unwrap_or(i64::MAX)
            ],
            |r| {
                let hash: Vec<Hash> = r.byte(0)?.chunks_exact(32).filter_map(|h| Hash::try_from(h).ok()).collect();
                Ok(catena::albero::radice_di(&hash))
            },
        )?;
        if sotto.len() == usize::from(larghezza) {
            return Ok(sotto);
        }
        (primo..primo + u64::from(larghezza))
            .map(|sotto| Ok(catena::albero::radice_di(&self.tessera(livello - 1, sotto, 256)?)))
            .collect()
    }
}

/// Entry of one operation.
pub fn voce(c: &dyn Db, id: i64) -> Esito<Hash> {
    c.una("SELECT voce FROM operazione WHERE id = ?", valori![id], |r| r.hash(0))?
        .ok_or_else(|| Errore::Incoerente(format!("operazione {id}")))
}

/// Entries of a log from an index on.
pub fn voci(c: &dyn Db, log: i64, da: u64, quante: usize) -> Esito<Vec<Hash>> {
    let (primo, ultimo) = (id(log, da), id(log, da + quante as u64));
    c.tutte("SELECT voce FROM operazione WHERE id >= ? AND id < ? ORDER BY id", valori![primo, ultimo], |r| r.hash(0))
}

/// The growing edge of the tree as it is on disk.
pub fn albero(c: &dyn Db, log: i64, dimensione: u64) -> Esito<Albero> {
    Albero::leggi(dimensione, &Tessere { c, log }).map_err(incoerente)
}

/// Bytes of a tile or of a bundle of entries; `None` past the latest checkpoint.
pub fn servi(c: &dyn Db, log: i64, percorso: &str) -> Esito<Option<Vec<u8>>> {
    let Ok(p) = PercorsoTessera::leggi(percorso) else { return Ok(None) };
    let Some((dimensione, _)) = ultimo(c, log)? else { return Ok(None) };
    if !p.sta_in(dimensione) {
        return Ok(None);
    }
    match p {
        PercorsoTessera::Hash { livello, n, larghezza } => {
            Ok(Some(Tessere { c, log }.tessera(livello, n, larghezza)?.concat()))
        }
        PercorsoTessera::Voci { n, larghezza } => {
            let v = voci(c, log, n * 256, usize::from(larghezza))?;
            Ok(Some(catena::scrivi_pacco(&v).map_err(incoerente)?))
        }
    }
}

/// That the first `prima` operations are the beginning of the first `dopo`.
pub fn coerenza(c: &dyn Db, log: i64, prima: u64, dopo: u64) -> Esito<Vec<Hash>> {
    catena::prova_coerenza(&Tessere { c, log }, prima, dopo).map_err(incoerente)
}

/// A receipt against the latest checkpoint; `None` when the operation does not exist or no checkpoint covers it.
pub fn ricevuta(
    c: &dyn Db,
    log: &LogInfo,
    indice: u64,
    mostra: &(dyn for<'a> Fn(&'a str) -> bool + Send + Sync),
) -> Esito<Option<Ricevuta>> {
    let Some(o) = letture::operazione(c, id(log.id, indice))? else { return Ok(None) };
    let Some((dimensione, nota)) = ultimo(c, log.id)?.filter(|(d, _)| *d > indice) else { return Ok(None) };
    let prova = catena::prova_inclusione(&Tessere { c, log: log.id }, indice, dimensione).map_err(incoerente)?;
    let chiave = log.vkey.parse().map_err(incoerente)?;
    Ricevuta::crea(&log.origine, indice, &o.campi, &Seme(o.seme), mostra, &prova, &nota, Some(&chiave))
        .map(Some)
        .map_err(incoerente)
}
