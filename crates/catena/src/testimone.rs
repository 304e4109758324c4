//! C2SP `tlog-witness`: what a witness of other people's logs answers to `add-checkpoint`, and how it is asked.
//!
//! A witness remembers of each log the largest checkpoint it cosigned. [`giudica`] says, from that and from the request
//! alone, whether the new one may be cosigned: signed by a key of the log, and proven to continue what was seen. Who
//! calls it keeps what it accepted, durably and under one lock with the question, **before** answering: so no two trees of
//! one size are ever cosigned, and none that goes back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::nota::{NOTA_BYTE_MAX, dividi};
use crate::prova::{ProvaErrata, verifica_coerenza};
use crate::{Checkpoint, ChiavePubblica, ErroreCheckpoint, Hash, RADICE_VUOTA};

/// Most hashes of the proof in a request.
pub const RIGHE_PROVA_MAX: usize = 63;
/// Longest text of a checkpoint that is cosigned: ours are three lines, and what is kept has room for signatures.
pub const TESTO_BYTE_MAX: usize = NOTA_BYTE_MAX / 4;
/// Longest request, in bytes: the note, and the lines before it.
pub const RICHIESTA_BYTE_MAX: usize = NOTA_BYTE_MAX + 32 + 45 * RIGHE_PROVA_MAX;
/// Largest size a store keeps.
const DIMENSIONE_MAX: u64 = i64::MAX.unsigned_abs();
/// Type of the answer that says how far the witness is.
pub const TIPO_DIMENSIONE: &str = "text/x.tlog.size";

/// Why a checkpoint is not cosigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rifiuto {
    /// 400: not a request.
    #[error("la richiesta non è ben formata: {0}")]
    Malformata(String),
    /// 404: of a log that is not watched.
    #[error("il registro {0} non è tra quelli osservati")]
    OrigineIgnota(String),
    /// 403: no key of the log signed it.
    #[error("nessuna chiave del registro {origine} ha firmato il checkpoint: {motivo}")]
    FirmaAssente {
        /// The log.
        origine: String,
        /// What of the signatures.
        motivo: String,
    },
    /// 409: the witness is at another size.
    #[error("il testimone ha già visto {vista} operazioni, la richiesta parte da {chiesta}")]
    AltraDimensione {
        /// How far the witness is.
        vista: u64,
        /// From where the request starts.
        chiesta: u64,
    },
    /// 409: of the size already cosigned, with another root. The log forked.
    #[error("con {0} operazioni il testimone ha già visto un'altra radice: il registro ha due storie")]
    AltraRadice(u64),
    /// 422: not proven to continue what was seen.
    #[error("la prova non dimostra che il registro continua quello già visto: {0}")]
    ProvaErrata(#[from] ProvaErrata),
}

impl Rifiuto {
    /// The HTTP status that says so.
    #[must_use]
    pub fn stato(&self) -> u16 {
        match self {
            Self::Malformata(_) => 400,
            Self::FirmaAssente { .. } => 403,
            Self::OrigineIgnota(_) => 404,
            Self::AltraDimensione { .. } | Self::AltraRadice(_) => 409,
            Self::ProvaErrata(_) => 422,
        }
    }

    /// The size to be told, with a 409.
    #[must_use]
    pub fn vista(&self) -> Option<u64> {
        match self {
            Self::AltraDimensione { vista, .. } | Self::AltraRadice(vista) => Some(*vista),
            _ => None,
        }
    }
}

/// The body of `add-checkpoint`, still to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Richiesta {
    /// The size the client says the witness is at.
    pub vecchia: u64,
    /// That the checkpoint continues it.
    pub prova: Vec<Hash>,
    /// The signed checkpoint, byte for byte.
    pub nota: String,
    /// What the note says.
    pub checkpoint: Checkpoint,
}

fn male(e: impl ToString) -> Rifiuto {
    Rifiuto::Malformata(e.to_string())
}

/// A size as it is written: decimal, in one form only.
#[must_use]
pub fn dimensione(testo: &str) -> Option<u64> {
    testo.parse().ok().filter(|n: &u64| n.to_string() == testo)
}

impl Richiesta {
    /// Reads a body.
    ///
    /// # Errors
    /// Anything but the one form of the specification.
    pub fn leggi(byte: &[u8]) -> Result<Self, Rifiuto> {
        if byte.len() > RICHIESTA_BYTE_MAX {
            return Err(male("troppo lunga"));
        }
        let testo = std::str::from_utf8(byte).map_err(|_| male("non è testo UTF-8"))?;
        let (testa, nota) = testo.split_once("\n\n").ok_or_else(|| male("manca la riga vuota prima del checkpoint"))?;
        let mut righe = testa.split('\n');
        let vecchia = righe.next().and_then(|r| r.strip_prefix("old ")).and_then(dimensione);
        let vecchia = vecchia.ok_or_else(|| male("la prima riga non è «old» con una dimensione"))?;
        let mut prova = Vec::new();
        for riga in righe {
            if prova.len() == RIGHE_PROVA_MAX {
                return Err(male("troppe righe di prova"));
            }
            let hash = STANDARD.decode(riga).ok().and_then(|h| Hash::try_from(h).ok());
            prova.push(hash.ok_or_else(|| male("una riga di prova non è un hash in base64"))?);
        }
        let (corpo, _) = dividi(nota).map_err(male)?;
        if corpo.len() > TESTO_BYTE_MAX {
            return Err(male("il testo del checkpoint è troppo lungo"));
        }
        let checkpoint = Checkpoint::leggi(corpo).map_err(male)?;
        if vecchia > checkpoint.dimensione {
            return Err(male("la dimensione vecchia supera quella del checkpoint"));
        }
        if checkpoint.dimensione > DIMENSIONE_MAX {
            return Err(male("dimensione oltre i limiti"));
        }
        Ok(Self { vecchia, prova, nota: nota.to_owned(), checkpoint })
    }

    /// The body that asks for it.
    #[must_use]
    pub fn testo(&self) -> String {
        scrivi(self.vecchia, &self.prova, &self.nota)
    }
}

/// The body that asks to cosign a note, proven to continue the size `vecchia`.
#[must_use]
pub fn scrivi(vecchia: u64, prova: &[Hash], nota: &str) -> String {
    let mut t = format!("old {vecchia}\n");
    for h in prova {
        t.push_str(&STANDARD.encode(h));
        t.push('\n');
    }
    t.push('\n');
    t.push_str(nota);
    t
}

/// May this be cosigned, by who watches the logs of these keys and remembers `visto` of this one? Says the text that the
/// log's key signed: what a witness cosigns.
///
/// # Errors
/// Why not.
pub fn giudica(r: &Richiesta, osservati: &[ChiavePubblica], visto: Option<&Checkpoint>) -> Result<String, Rifiuto> {
    let cp = &r.checkpoint;
    let chiavi: Vec<ChiavePubblica> = osservati.iter().filter(|k| k.nome() == cp.origine).cloned().collect();
    if chiavi.is_empty() {
        return Err(Rifiuto::OrigineIgnota(cp.origine.clone()));
    }
    let aperta = match Checkpoint::apri(&r.nota, &chiavi) {
        Ok((_, aperta)) => aperta,
        Err(ErroreCheckpoint::Nota(e)) => {
            return Err(Rifiuto::FirmaAssente { origine: cp.origine.clone(), motivo: e.to_string() });
        }
        Err(e) => return Err(male(e)),
    };
    let (vista, radice) = visto.map_or((0, RADICE_VUOTA), |v| (v.dimensione, v.radice));
    if vista != r.vecchia {
        return Err(Rifiuto::AltraDimensione { vista, chiesta: r.vecchia });
    }
    if vista == cp.dimensione && radice != cp.radice {
        return Err(Rifiuto::AltraRadice(vista));
    }
    verifica_coerenza(vista, cp.dimensione, &radice, &cp.radice, &r.prova)?;
    Ok(aperta.testo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modello::{Tessere, foglie};
    use crate::{ChiaveFirma, prova_coerenza, radice};
    use proptest::prelude::*;

    const ORIGINE: &str = "prova.example/log";

    fn chiave(n: u8) -> ChiaveFirma {
        ChiaveFirma::da_segreto(ORIGINE, &[n; 32]).unwrap()
    }

    /// A log, and another that says the same up to `comuni` and something else after.
    fn registri(comuni: usize, dopo: usize) -> (Tessere, Tessere) {
        let vere = foglie((comuni + dopo) as u64);
        let altre: Vec<Hash> =
            vere.iter().enumerate().map(|(i, h)| if i < comuni { *h } else { [i as u8; 32] }).collect();
        (Tessere::di(&vere).1, Tessere::di(&altre).1)
    }

    fn cp(t: &Tessere, n: u64) -> Checkpoint {
        Checkpoint::nuovo(ORIGINE, n, radice(t, n).unwrap())
    }

    fn richiesta(t: &Tessere, da: u64, a: u64) -> Richiesta {
        let nota = cp(t, a).firma(&[&chiave(1)]).unwrap();
        let prova = if da <= a { prova_coerenza(t, da, a).unwrap() } else { Vec::new() };
        Richiesta::leggi(scrivi(da, &prova, &nota).as_bytes()).unwrap()
    }

    #[test]
    fn a_request_has_one_form_only() {
        let (t, _) = registri(9, 0);
        let r = richiesta(&t, 5, 9);
        let buona = r.testo();
        assert_eq!(Richiesta::leggi(buona.as_bytes()), Ok(r.clone()));
        let riga = STANDARD.encode(r.prova[0]);
        let molte = format!("old 5\n{}\n{}", format!("{riga}\n").repeat(RIGHE_PROVA_MAX + 1), r.nota);
        for odd in [
            String::new(),
            r.nota.clone(),
            buona.replace("old 5", "old 05"),
            buona.replace("old 5", "old  5"),
            buona.replace("old 5", "old +5"),
            buona.replace("old 5", "Old 5"),
            buona.replace("old 5", "old"),
            buona.replace("old 5", "old 10"),
            buona.replace("old 5\n", "old 5\r\n"),
            buona.replace("old 5", "old 18446744073709551616"),
            buona.replacen(&riga, &riga[1..], 1),
            buona.replacen(&riga, &format!(" {riga}"), 1),
            buona.replacen(&riga, "AAAA", 1),
            buona.replacen("\n\n", "\n", 1),
            buona.replacen("\n\n", "\n\n\n", 1),
            buona.replacen(ORIGINE, "", 1),
            buona.trim_end().to_owned(),
            molte,
            "x".repeat(RICHIESTA_BYTE_MAX + 1),
        ] {
            let e = Richiesta::leggi(odd.as_bytes()).unwrap_err();
            assert_eq!(e.stato(), 400, "{:?}: {e}", &odd[..odd.len().min(80)]);
        }
        assert_eq!(Richiesta::leggi(&[b'o', 0xff]).unwrap_err().stato(), 400);
        let huge = Checkpoint::nuovo(ORIGINE, 1 << 63, [1; 32]).firma(&[&chiave(1)]).unwrap();
        assert_eq!(Richiesta::leggi(scrivi(0, &[], &huge).as_bytes()).unwrap_err().stato(), 400);
    }

    /// R-B13, C2SP tlog-witness: each refusal with its status, in the order of the specification.
    #[test]
    fn each_refusal_has_its_status() {
        let (t, fork) = registri(6, 6);
        let k = [chiave(1).pubblica()];
        let visto = cp(&t, 7);
        let dice = |r: &Richiesta, k: &[ChiavePubblica], v: Option<&Checkpoint>| {
            giudica(r, k, v).map_err(|e| (e.stato(), e.vista()))
        };
        // First seen, then grown, then the same again.
        for (da, a, v) in [(0, 7, None), (7, 12, Some(&visto)), (7, 7, Some(&visto)), (0, 0, None)] {
            assert_eq!(dice(&richiesta(&t, da, a), &k, v), Ok(cp(&t, a).testo()), "{da} {a}");
        }
        assert_eq!(dice(&richiesta(&t, 7, 12), &[], Some(&visto)), Err((404, None)));
        let altro = ChiaveFirma::da_segreto("altro.example/log", &[1; 32]).unwrap().pubblica();
        assert_eq!(dice(&richiesta(&t, 7, 12), &[altro], Some(&visto)), Err((404, None)));
        assert_eq!(dice(&richiesta(&t, 7, 12), &[chiave(2).pubblica()], Some(&visto)), Err((403, None)));
        // Either of two keys, while the log changes it.
        assert!(giudica(&richiesta(&t, 7, 12), &[chiave(2).pubblica(), chiave(1).pubblica()], Some(&visto)).is_ok());
        let mut falsa = richiesta(&t, 7, 12);
        falsa.nota = falsa.nota.replacen("\n12\n", "\n11\n", 1);
        falsa.checkpoint.dimensione = 11;
        assert_eq!(dice(&falsa, &k, Some(&visto)), Err((403, None)));
        for da in [0, 6, 8] {
            assert_eq!(dice(&richiesta(&t, da, 12), &k, Some(&visto)), Err((409, Some(7))), "{da}");
        }
        assert_eq!(dice(&richiesta(&t, 0, 5), &k, Some(&visto)), Err((409, Some(7))), "going back");
        assert_eq!(dice(&richiesta(&t, 5, 5), &k, None), Err((409, Some(0))));
        // The same size, another root: two histories.
        assert_eq!(dice(&richiesta(&fork, 7, 7), &k, Some(&visto)), Err((409, Some(7))));
        assert_eq!(giudica(&richiesta(&fork, 7, 7), &k, Some(&visto)), Err(Rifiuto::AltraRadice(7)));
        // Longer, but not the same beginning; a proof missing, touched, or too long.
        assert_eq!(dice(&richiesta(&fork, 7, 12), &k, Some(&visto)), Err((422, None)));
        let mut senza = richiesta(&t, 7, 12);
        senza.prova.pop();
        assert_eq!(dice(&senza, &k, Some(&visto)), Err((422, None)));
        let mut prima = richiesta(&t, 0, 12);
        prima.prova.push([1; 32]);
        assert_eq!(dice(&prima, &k, None), Err((422, None)));
        let mut uguale = richiesta(&t, 7, 7);
        uguale.prova.push([1; 32]);
        assert_eq!(dice(&uguale, &k, Some(&visto)), Err((422, None)));
    }

    proptest! {
        /// Whatever is asked in whatever order, what was cosigned is one history: each tree the beginning of the next.
        #[test]
        fn a_witness_never_cosigns_two_histories(
            comuni in 0usize..20, dopo in 1usize..20,
            passi in prop::collection::vec((any::<bool>(), 0u64..40, 0u64..40), 1..60),
        ) {
            let (vero, fork) = registri(comuni, dopo);
            let max = (comuni + dopo) as u64;
            let k = [chiave(1).pubblica()];
            let mut visto: Option<Checkpoint> = None;
            let mut cofirmati: Vec<Checkpoint> = Vec::new();
            for (quale, da, a) in passi {
                let (t, a) = (if quale { &vero } else { &fork }, a.min(max));
                // Half the times from where the witness is.
                let da = if da % 2 == 0 { visto.as_ref().map_or(0, |v| v.dimensione) } else { da };
                if da > a {
                    continue;
                }
                let r = richiesta(t, da, a);
                if giudica(&r, &k, visto.as_ref()).is_ok() {
                    prop_assert!(visto.as_ref().is_none_or(|v| v.dimensione <= a));
                    visto = Some(r.checkpoint.clone());
                    cofirmati.push(r.checkpoint);
                }
            }
            for c in cofirmati.iter().filter(|c| c.dimensione > comuni as u64) {
                let ultimo = cofirmati.iter().rev().find(|c| c.dimensione > comuni as u64).unwrap();
                let suo = if radice(&vero, ultimo.dimensione).unwrap() == ultimo.radice { &vero } else { &fork };
                prop_assert_eq!(radice(suo, c.dimensione).unwrap(), c.radice);
            }
        }

        #[test]
        fn random_bodies_never_panic_and_what_reads_is_written_the_same(
            byte in any::<Vec<u8>>(), righe in "old [0-9]{1,2}\n([A-Za-z0-9+/]{43}=\n){0,3}\n[a-z]{1,3}\n[0-9]{1,2}\n[A-Za-z0-9+/]{43}=\n\n(— x [A-Za-z0-9+/]{8}\n){0,2}",
        ) {
            for b in [byte, righe.into_bytes()] {
                if let Ok(r) = Richiesta::leggi(&b) {
                    let scritta = r.testo();
                    prop_assert_eq!(scritta.as_bytes(), &b[..]);
                    prop_assert_eq!(Richiesta::leggi(scritta.as_bytes()), Ok(r));
                }
            }
        }
    }
}
