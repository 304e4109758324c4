//! Witnesses: what others cosigned of the logs kept here ([`conserva`]), and what this installation cosigns of
//! the logs of others ([`cofirma`]), in its own file.
//!
//! A cosignature given is a promise for ever: what was cosigned is on disk before the answer leaves, in the transaction
//! that looked at what was seen before, under the only writer. A trigger says the same once more.

use catena::nota::{FirmaNota, dividi};
use catena::testimone::{Richiesta, Rifiuto, giudica};
use catena::{Checkpoint, ChiavePubblica, ChiaveTestimone, Testimone};
use dominio::tempo::Istante;

use crate::chiavi::ChiaveInstallazione;
use crate::motore::{Db, valori};
use crate::store::{Cofirma, Errore, Esito};

/// Most cosignatures served beside one checkpoint.
const COFIRME_MAX: i64 = 32;
/// What the witness's key is wrapped for.
const CONTESTO: &str = "testimone";

fn incoerente(e: impl std::fmt::Display) -> Errore {
    Errore::Incoerente(e.to_string())
}

fn intero(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Seconds of a cosignature as an instant.
pub fn istante(secondi: u64) -> Istante {
    Istante(intero(secondi).saturating_mul(1_000_000))
}

/// The note of a checkpoint of that size.
fn nota(c: &dyn Db, log: i64, dimensione: u64) -> Esito<Option<String>> {
    c.una("SELECT nota FROM checkpoint WHERE log = ? AND dimensione = ?", valori![log, intero(dimensione)], |r| {
        r.proprio(0)
    })
}

/// A checkpoint with the cosignatures that are kept of it.
pub fn con_cofirme(c: &dyn Db, log: i64, dimensione: u64, mut nota: String) -> Esito<String> {
    let sql = "SELECT riga FROM cofirma WHERE log = ? AND dimensione = ? ORDER BY testimone LIMIT ?";
    c.scorri(sql, valori![log, intero(dimensione), COFIRME_MAX], &mut |r| {
        nota.push_str(r.testo(0)?);
        Ok(true)
    })?;
    Ok(nota)
}

/// Keeps what a witness said of the checkpoint of a size, if it verifies. Says whether it is new.
pub fn conserva(c: &dyn Db, log: i64, dimensione: u64, t: &Testimone, firma: &FirmaNota) -> Esito<bool> {
    let nota = nota(c, log, dimensione)?
        .ok_or_else(|| Errore::Incoerente(format!("nessun checkpoint di {dimensione} operazioni da cofirmare")))?;
    let (testo, _) = dividi(&nota).map_err(incoerente)?;
    let secondi = t.controlla(testo, firma).map_err(incoerente)?;
    let righe = c.scrivi_ora(
        "INSERT INTO cofirma(log, testimone, dimensione, istante, riga) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
        valori![log, &t.to_string(), intero(dimensione), istante(secondi).0, &firma.riga()],
    )?;
    Ok(righe == 1)
}

/// The largest checkpoint that a witness cosigned.
pub fn ultima(c: &dyn Db, log: i64, t: &Testimone) -> Esito<Option<Cofirma>> {
    c.una(
        "SELECT dimensione, istante, riga FROM cofirma WHERE log = ? AND testimone = ? ORDER BY dimensione DESC LIMIT 1",
        valori![log, &t.to_string()],
        |r| Ok(Cofirma { dimensione: r.naturale(0)?, istante: Istante(r.intero(1)?), riga: r.proprio(2)? }),
    )
}

/// The key with which this installation cosigns.
fn chiave(c: &dyn Db, installazione: &ChiaveInstallazione) -> Esito<Option<ChiaveTestimone>> {
    let riga =
        c.una("SELECT vkey, privata FROM chiave_testimone", &[], |r| Ok((r.proprio(0)?, r.byte(1)?.to_vec())))?;
    let Some((vkey, privata)) = riga else { return Ok(None) };
    let pubblica: Testimone = vkey.parse().map_err(incoerente)?;
    let segreto = installazione.svolgi(CONTESTO, &privata)?;
    let segreto: [u8; 32] = segreto.try_into().map_err(|_| incoerente("chiave del testimone di lunghezza errata"))?;
    let chiave = ChiaveTestimone::da_segreto(pubblica.nome(), &segreto).map_err(incoerente)?;
    if chiave.pubblica() != pubblica {
        return Err(incoerente("la chiave del testimone non è quella che dichiara"));
    }
    Ok(Some(chiave))
}

/// The key with which this installation cosigns, drawn the first time under that name; the name stays.
pub fn chiave_o_nuova(c: &dyn Db, k: &ChiaveInstallazione, nome: &str, ora: Istante) -> Esito<Testimone> {
    if let Some(chiave) = chiave(c, k)? {
        return Ok(chiave.pubblica());
    }
    let mut segreto = [0u8; 32];
    getrandom::fill(&mut segreto).map_err(|e| Errore::Archivio(e.to_string()))?;
    let pubblica = ChiaveTestimone::da_segreto(nome, &segreto)
        .map_err(|e| Errore::Rifiuto(dominio::errori::Rifiuto::campo("testimoni.nome", e.to_string())))?
        .pubblica();
    c.scrivi(
        "INSERT INTO chiave_testimone(n, vkey, privata, istante) VALUES (?, ?, ?, ?)",
        valori![1, &pubblica.to_string(), &k.avvolgi(CONTESTO, &segreto)?, ora.0],
    )?;
    Ok(pubblica)
}

/// The largest checkpoint cosigned of a log, with its signatures and ours.
pub fn osservato(c: &dyn Db, origine: &str) -> Esito<Option<String>> {
    c.una("SELECT nota FROM osservato WHERE origine = ?", valori![origine], |r| r.proprio(0))
}

/// What a witness answers to a request, looking only: `None` when it may be cosigned and is not yet.
pub fn guarda(c: &dyn Db, r: &Richiesta, osservati: &[ChiavePubblica]) -> Esito<Result<Option<FirmaNota>, Rifiuto>> {
    let nota = osservato(c, &r.checkpoint.origine)?;
    let visto = nota.as_deref().map(|n| {
        let (testo, firme) = dividi(n).map_err(incoerente)?;
        Ok::<_, Errore>((Checkpoint::leggi(testo).map_err(incoerente)?, firme))
    });
    let visto = visto.transpose()?;
    let testo = match giudica(r, osservati, visto.as_ref().map(|v| &v.0)) {
        Ok(testo) => testo,
        Err(rifiuto) => return Ok(Err(rifiuto)),
    };
    // The very same checkpoint: it gets the cosignature it got, at the time it got it.
    let gia = visto.filter(|(v, _)| v.testo() == testo).and_then(|(_, firme)| firme.last().cloned());
    Ok(Ok(gia))
}

/// Cosigns, in the writer's transaction: looks again, signs, keeps.
pub fn cofirma(
    c: &dyn Db,
    k: &ChiaveInstallazione,
    r: &Richiesta,
    osservati: &[ChiavePubblica],
    ora: Istante,
) -> Esito<Result<FirmaNota, Rifiuto>> {
    match guarda(c, r, osservati)? {
        Ok(None) => {}
        Ok(Some(gia)) => return Ok(Ok(gia)),
        Err(rifiuto) => return Ok(Err(rifiuto)),
    }
    let cp = &r.checkpoint;
    let chiave =
        chiave(c, k)?.ok_or_else(|| incoerente("questa installazione non ha ancora una chiave di testimone"))?;
    let prima = c.una("SELECT dimensione FROM osservato WHERE origine = ?", valori![&cp.origine], |r| r.intero(0))?;
    let ora = ora.0.max(0);
    let testo = cp.testo();
    let firma = chiave.cofirma(&testo, ora.unsigned_abs() / 1_000_000).map_err(incoerente)?;
    if prima == Some(intero(cp.dimensione)) {
        // The same tree in other words (another line of extension): nothing more was seen.
        return Ok(Ok(firma));
    }
    // Of the log's signatures only those that were believed; of ours, one.
    let chiavi: Vec<ChiavePubblica> = osservati.iter().filter(|k| k.nome() == cp.origine).cloned().collect();
    let (_, aperta) = Checkpoint::apri(&r.nota, &chiavi).map_err(incoerente)?;
    let firme: String = aperta.firme.iter().map(FirmaNota::riga).collect();
    let nota = format!("{testo}\n{firme}{}", firma.riga());
    // What could not be read again would leave this log without a witness for ever.
    if let Err(e) = dividi(&nota) {
        return Ok(Err(Rifiuto::Malformata(e.to_string())));
    }
    let dimensione = intero(cp.dimensione);
    let aggiornate = c.scrivi_ora(
        "UPDATE osservato SET dimensione = ?, istante = ?, nota = ? WHERE origine = ?",
        valori![dimensione, ora, &nota, &cp.origine],
    )?;
    if aggiornate == 0 {
        c.scrivi(
            "INSERT INTO osservato(origine, dimensione, istante, nota) VALUES (?,?,?,?)",
            valori![&cp.origine, dimensione, ora, &nota],
        )?;
    }
    Ok(Ok(firma))
}
