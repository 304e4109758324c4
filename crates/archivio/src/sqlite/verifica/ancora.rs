//! Anchors: checkpoints kept where whoever holds the archive cannot reach. The log must extend each of them
//! (contract § 1, `--ancora`; design § 5).

use catena::{Checkpoint, ChiavePubblica, Hash, Nota, apri_nota};

use dominio::epoca::Epoca;

use super::esito::Differenze;
use crate::store::{Discordanza, Errore, Esito};

/// Bytes of a signature.
const FIRMA_BYTE: usize = 64;
/// Most notes in one anchor.
const NOTE_MAX: usize = 100_000;

/// A signed checkpoint from outside.
#[derive(Debug, Clone)]
pub struct Ancora {
    /// Where it was found, for messages.
    pub nome: String,
    /// The note, byte for byte.
    pub nota: String,
    /// What it says, still to be believed.
    pub checkpoint: Checkpoint,
}

impl Ancora {
    /// The notes of a text: one, or several one after the other.
    ///
    /// # Errors
    /// What is there is not signed checkpoints.
    pub fn leggi(nome: &str, testo: &str) -> Esito<Vec<Self>> {
        let male = |e: String| Errore::Incoerente(format!("l'ancora {nome}: {e}"));
        let mut out = Vec::new();
        let mut illeggibile = None;
        for pezzo in note(testo) {
            // Noise, or a note that a crash cut short, harms no other.
            let letta = |nota: &str| {
                let (corpo, firme) = catena::nota::dividi(nota).map_err(|e| e.to_string())?;
                if firme.iter().all(|f| f.firma.len() < FIRMA_BYTE) {
                    return Err("le firme sono troncate".to_owned());
                }
                Checkpoint::leggi(corpo).map_err(|e| e.to_string())
            };
            let nota = senza_rumore(&pezzo);
            match letta(nota) {
                Ok(checkpoint) => out.push(Self { nome: nome.to_owned(), nota: nota.to_owned(), checkpoint }),
                Err(e) => illeggibile = Some(e),
            }
            if out.len() > NOTE_MAX {
                return Err(male(format!("ha più di {NOTE_MAX} note")));
            }
        }
        if out.is_empty() {
            return Err(male(illeggibile.unwrap_or_else(|| "non contiene checkpoint firmati".to_owned())));
        }
        Ok(out)
    }

    /// Of a text where anybody may have written: the checkpoints that one of the keys of their log signed, and how many
    /// pieces were something else.
    pub fn autentici(testo: &str, chiavi: &[ChiavePubblica]) -> (Vec<Checkpoint>, usize) {
        let mut buoni = Vec::new();
        let mut altri = 0;
        for nota in note(testo) {
            let pulita = senza_rumore(&nota);
            altri += usize::from(pulita.len() < nota.len());
            match Checkpoint::apri(pulita, chiavi) {
                Ok((cp, _)) => buoni.push(cp),
                Err(_) => altri += 1,
            }
        }
        (buoni, altri)
    }

    pub(super) fn chiave(&self) -> String {
        format!("{} {}/{}", self.nome, self.checkpoint.origine, self.checkpoint.dimensione)
    }

    /// Opened, when one of these keys signed it.
    pub(super) fn firmata(&self, chiavi: &[ChiavePubblica], d: &mut Differenze) -> Option<Nota> {
        let k = self.chiave();
        let aperta = apri_nota(&self.nota, chiavi);
        if let Err(e) = &aperta {
            let firme = catena::nota::dividi(&self.nota).map(|(_, f)| f).unwrap_or_default();
            let di: Vec<String> =
                firme.iter().map(|f| format!("{}+{:08x}", f.nome, u32::from_be_bytes(f.identificativo))).collect();
            d.nuova("ancora", &k, "firma", "di una chiave del registro", &format!("{e} ({})", di.join(", ")));
        }
        aperta.ok()
    }

    /// Of the history that a restore left behind, as an epoch says (R-N05)?
    fn coperta(&self, epoche: &[Epoca]) -> bool {
        epoche.iter().any(|e| e.copre(self.checkpoint.dimensione, &self.checkpoint.radice))
    }

    /// The log is not this long. Says whether an epoch tells why.
    pub fn oltre(&self, dimensione: u64, epoche: &[Epoca], d: &mut Differenze) -> bool {
        if self.coperta(epoche) {
            return true;
        }
        let (atteso, trovato) = (
            format!("almeno {} operazioni", self.checkpoint.dimensione),
            format!("{dimensione}: il registro è stato accorciato"),
        );
        d.nuova("ancora", &self.chiave(), "dimensione", &atteso, &trovato);
        false
    }

    /// Against the root recomputed over as many operations. Says whether it differs and an epoch tells why.
    pub fn confronta(&self, radice: &Hash, epoche: &[Epoca], d: &mut Differenze) -> bool {
        if &self.checkpoint.radice != radice {
            if self.coperta(epoche) {
                return true;
            }
            let (atteso, trovato) =
                (crate::file::esadecimale(&self.checkpoint.radice), crate::file::esadecimale(radice));
            d.nuova("ancora", &self.chiave(), "radice", &atteso, &trovato);
        }
        false
    }

    /// No log here is of its origin.
    pub fn estranea(&self) -> Discordanza {
        Discordanza {
            tabella: "ancora".to_owned(),
            chiave: self.chiave(),
            campo: "origine".to_owned(),
            atteso: self.checkpoint.origine.clone(),
            trovato: "nessun registro con questa origine".to_owned(),
        }
    }
}

/// A checkpoint has no empty line in it: what stands before the last one that could begin it is not of it.
fn senza_rumore(pezzo: &str) -> &str {
    let firme = pezzo.rfind("\n\n").unwrap_or(0);
    &pezzo[pezzo[..firme].rfind("\n\n").map_or(0, |i| i + 2)..]
}

/// Cuts a text into notes: a signature line followed by anything else ends one.
fn note(testo: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut corrente = String::new();
    let mut firmata = false;
    // Saved from a mail program, lines may end otherwise; in a note no other control character stands.
    for riga in testo.replace("\r\n", "\n").split_inclusive('\n') {
        let firma = riga.starts_with("— ");
        if firmata && !firma {
            out.push(std::mem::take(&mut corrente));
            firmata = false;
        }
        if corrente.is_empty() && riga.trim().is_empty() {
            continue;
        }
        firmata |= firma;
        corrente.push_str(riga);
    }
    if !corrente.trim().is_empty() {
        if !corrente.ends_with('\n') {
            corrente.push('\n');
        }
        out.push(corrente);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use catena::ChiaveFirma;

    fn nota(n: u64) -> String {
        let k = ChiaveFirma::da_segreto("x.example/1", &[3; 32]).unwrap();
        Checkpoint::nuovo("x.example/1", n, [n as u8; 32]).firma(&[&k]).unwrap()
    }

    #[test]
    fn noise_and_a_note_cut_short_hide_no_other() {
        let monca = &nota(7)[..40];
        for testo in [
            format!("{}\n\n{monca}\n\n{}", nota(1), nota(2)),
            format!("rumore\n\n{}\n\n{}\n\nrumore", nota(1), nota(2)),
            format!("{}\n\n{}\n\n{}", nota(1), &nota(7)[..nota(7).len() - 9], nota(2)),
        ] {
            let a = Ancora::leggi("f", &testo).unwrap();
            assert_eq!(a.iter().map(|a| a.checkpoint.dimensione).collect::<Vec<_>>(), [1, 2], "{testo}");
        }
    }

    #[test]
    fn several_notes_in_one_text_are_read_each() {
        for testo in [
            nota(1) + &nota(2),
            (nota(1) + &nota(2)).replace('\n', "\r\n"),
            format!("\n{}\n\n{}", nota(1), nota(2)),
            nota(1) + nota(2).trim_end(),
        ] {
            let a = Ancora::leggi("f", &testo).unwrap();
            assert_eq!(a.iter().map(|a| a.checkpoint.dimensione).collect::<Vec<_>>(), [1, 2]);
        }
        for testo in ["", "ciao", "a\n1\nx\n\n— k AAAA\n"] {
            assert!(Ancora::leggi("f", testo).is_err(), "{testo}");
        }
    }

    #[test]
    fn among_what_anybody_wrote_only_what_the_log_signed_counts() {
        let altra = ChiaveFirma::da_segreto("x.example/1", &[4; 32]).unwrap();
        let falsa = Checkpoint::nuovo("x.example/1", 9_999, [9; 32]).firma(&[&altra]).unwrap();
        let testo = format!("{}\n{falsa}rumore\n\n{}{}", nota(1), nota(2), &nota(3)[..40]);
        let chiave = ChiaveFirma::da_segreto("x.example/1", &[3; 32]).unwrap().pubblica();
        let (buoni, altri) = Ancora::autentici(&testo, &[chiave]);
        assert_eq!((buoni.iter().map(|c| c.dimensione).collect::<Vec<_>>(), altri), (vec![1, 2], 3));
        assert_eq!(Ancora::autentici(&testo, &[]).0, []);
    }
}
