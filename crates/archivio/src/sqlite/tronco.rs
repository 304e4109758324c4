//! The operations log on SQLite: keys, tiles, checkpoints, receipts.

use std::collections::HashMap;
use std::sync::Arc;

use catena::{Albero, Checkpoint, ChiaveFirma, Hash, LettoreHash, PercorsoTessera, Ricevuta, Seme};
use dominio::codici::CodiceAoo;
use dominio::tempo::Istante;
use rusqlite::{Connection, OptionalExtension, params};

use super::letture;
use super::righe::id;
use crate::chiavi::ChiaveInstallazione;
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
pub fn elenco(c: &Connection) -> Esito<HashMap<Option<CodiceAoo>, Arc<LogInfo>>> {
    let mut s = c.prepare_cached(
        "SELECT l.log, l.aoo, l.origine, (SELECT vkey FROM chiave_log k WHERE k.log = l.log ORDER BY n DESC LIMIT 1)
         FROM registro_log l",
    )?;
    let mut r = s.query([])?;
    let mut out = HashMap::new();
    while let Some(x) = r.next()? {
        let aoo: Option<CodiceAoo> =
            x.get::<_, Option<String>>(1)?.map(|a| a.parse()).transpose().map_err(incoerente)?;
        let info = LogInfo { id: x.get(0)?, aoo: aoo.clone(), origine: x.get(2)?, vkey: x.get(3)? };
        out.insert(aoo, Arc::new(info));
    }
    Ok(out)
}

/// Creates a log with its first key.
pub fn crea(
    c: &Connection,
    installazione: &ChiaveInstallazione,
    aoo: Option<&CodiceAoo>,
    origine: &str,
    ora: Istante,
) -> Esito<LogInfo> {
    let log: i64 = match aoo {
        None => 0,
        Some(_) => c.query_row("SELECT max(1, coalesce(max(log), 0) + 1) FROM registro_log", [], |r| r.get(0))?,
    };
    c.execute(
        "INSERT INTO registro_log(log, aoo, origine) VALUES (?,?,?)",
        params![log, aoo.map(|a| a.as_str()), origine],
    )?;
    let vkey = nuova_chiave(c, installazione, log, origine, ora)?;
    Ok(LogInfo { id: log, aoo: aoo.cloned(), origine: origine.to_owned(), vkey })
}

/// Draws a new key for a log, which signs from the next checkpoint on; its vkey.
pub fn nuova_chiave(
    c: &Connection,
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
    c.execute(
        "INSERT INTO chiave_log(log, n, vkey, privata, istante)
         VALUES (?1, (SELECT coalesce(max(n), 0) + 1 FROM chiave_log WHERE log = ?1), ?2, ?3, ?4)",
        params![log, vkey, installazione.avvolgi(origine, &segreto)?, ora.0],
    )?;
    Ok(vkey)
}

/// Public keys of a log, the current one first.
pub fn chiavi(c: &Connection, log: i64) -> Esito<Vec<String>> {
    let mut s = c.prepare_cached("SELECT vkey FROM chiave_log WHERE log = ? ORDER BY n DESC")?;
    let v = s.query_map([log], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(v)
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
pub(super) fn chiavi_di_firma(
    c: &Connection,
    installazione: &ChiaveInstallazione,
    log: &LogInfo,
    nome: &str,
    ora: Istante,
) -> Esito<Vec<ChiaveFirma>> {
    let mut s = c.prepare_cached("SELECT privata, istante FROM chiave_log WHERE log = ? ORDER BY n DESC LIMIT ?")?;
    let righe: Vec<(Vec<u8>, i64)> = s
        .query_map(params![log.id, i64::try_from(FIRME_MAX).unwrap_or(i64::MAX)], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
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
pub fn ultimo(c: &Connection, log: i64) -> Esito<Option<(u64, String)>> {
    Ok(c.prepare_cached("SELECT dimensione, nota FROM checkpoint WHERE log = ? ORDER BY dimensione DESC LIMIT 1")?
        .query_row([log], |r| Ok((r.get::<_, i64>(0)?.unsigned_abs(), r.get(1)?)))
        .optional()?)
}

/// Signs the tree, unless the latest checkpoint is of this size already. Only the writer calls it.
pub fn firma(
    c: &Connection,
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
    c.prepare_cached("INSERT INTO checkpoint(log, dimensione, istante, nota) VALUES (?,?,?,?)")?.execute(params![
        log.id,
        i64::try_from(dimensione).unwrap_or(i64::MAX),
        istante.0,
        nota
    ])?;
    Ok(nota)
}

/// Tiles of a log: full ones are rows, the others come from entries and from the tiles below.
pub struct Tessere<'a> {
    /// Connection.
    pub c: &'a Connection,
    /// Log.
    pub log: i64,
}

impl LettoreHash for Tessere<'_> {
    type Errore = Errore;

    fn tessera(&self, livello: u8, n: u64, larghezza: u16) -> Result<Vec<Hash>, Errore> {
        let piena: Option<Vec<u8>> = self
            .c
            .prepare_cached("SELECT hash FROM tessera WHERE log = ? AND livello = ? AND n = ?")?
            .query_row(params![self.log, livello, i64::try_from(n).unwrap_or(i64::MAX)], |r| r.get(0))
            .optional()?;
        if let Some(b) = piena {
            let hash = b.chunks_exact(32).filter_map(|h| Hash::try_from(h).ok());
            return Ok(hash.take(usize::from(larghezza)).collect());
        }
        if livello == 0 {
            let voci = voci(self.c, self.log, n * 256, usize::from(larghezza))?;
            return Ok(voci.iter().map(catena::foglia).collect());
        }
        // Each hash of this level is the root of a full tile of the level below.
        let primo = n * 256;
        (primo..primo + u64::from(larghezza))
            .map(|sotto| Ok(catena::albero::radice_di(&self.tessera(livello - 1, sotto, 256)?)))
            .collect()
    }
}

/// Entry of one operation.
pub fn voce(c: &Connection, id: i64) -> Esito<Hash> {
    Ok(c.prepare_cached("SELECT voce FROM operazione WHERE id = ?")?.query_row([id], |r| r.get(0))?)
}

/// Entries of a log from an index on.
pub fn voci(c: &Connection, log: i64, da: u64, quante: usize) -> Esito<Vec<Hash>> {
    let mut s = c.prepare_cached("SELECT voce FROM operazione WHERE id >= ? AND id < ? ORDER BY id")?;
    let (primo, ultimo) = (id(log, da), id(log, da + quante as u64));
    let righe = s.query_map([primo, ultimo], |r| r.get::<_, [u8; 32]>(0))?;
    Ok(righe.collect::<rusqlite::Result<Vec<_>>>()?)
}

/// The growing edge of the tree as it is on disk.
pub fn albero(c: &Connection, log: i64, dimensione: u64) -> Esito<Albero> {
    Albero::leggi(dimensione, &Tessere { c, log }).map_err(incoerente)
}

/// Bytes of a tile or of a bundle of entries; `None` past the latest checkpoint.
pub fn servi(c: &Connection, log: i64, percorso: &str) -> Esito<Option<Vec<u8>>> {
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
pub fn coerenza(c: &Connection, log: i64, prima: u64, dopo: u64) -> Esito<Vec<Hash>> {
    catena::prova_coerenza(&Tessere { c, log }, prima, dopo).map_err(incoerente)
}

/// A receipt against the latest checkpoint; `None` when the operation does not exist or no checkpoint covers it.
pub fn ricevuta(
    c: &Connection,
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
