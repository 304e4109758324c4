//! C2SP `tlog-checkpoint`: origin, size and root of a tree, as the text of a signed note.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Hash;
use crate::nota::{ChiaveFirma, ChiavePubblica, ErroreNota, Nota, apri_nota, firma_nota};

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErroreCheckpoint {
    /// The note around it.
    #[error(transparent)]
    Nota(#[from] ErroreNota),
    /// The text is not a checkpoint.
    #[error("il checkpoint non è ben formato: {0}")]
    Forma(&'static str),
    /// Of another log.
    #[error("il checkpoint è del registro {trovata}, non di {attesa}")]
    Origine {
        /// The log wanted.
        attesa: String,
        /// The log it is of.
        trovata: String,
    },
}

/// What a log commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: given when it is created, never changed.
    pub origine: String,
    /// How many entries.
    pub dimensione: u64,
    /// Root over them.
    pub radice: Hash,
    /// Further lines, kept as they are.
    pub estensioni: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extensions.
    #[must_use]
    pub fn nuovo(origine: &str, dimensione: u64, radice: Hash) -> Self {
        Self { origine: origine.to_owned(), dimensione, radice, estensioni: Vec::new() }
    }

    /// The text of the note.
    #[must_use]
    pub fn testo(&self) -> String {
        let mut t = format!("{}\n{}\n{}\n", self.origine, self.dimensione, STANDARD.encode(self.radice));
        for e in &self.estensioni {
            t.push_str(e);
            t.push('\n');
        }
        t
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// Anything but the canonical form.
    pub fn leggi(testo: &str) -> Result<Self, ErroreCheckpoint> {
        let corpo = testo.strip_suffix('\n').ok_or(ErroreCheckpoint::Forma("non finisce con un a capo"))?;
        let mut righe = corpo.split('\n');
        let (Some(origine), Some(dimensione), Some(radice)) = (righe.next(), righe.next(), righe.next()) else {
            return Err(ErroreCheckpoint::Forma("ha meno di tre righe"));
        };
        if origine.is_empty() {
            return Err(ErroreCheckpoint::Forma("manca l'origine"));
        }
        let n: u64 = dimensione.parse().map_err(|_| ErroreCheckpoint::Forma("dimensione errata"))?;
        if n.to_string() != dimensione {
            return Err(ErroreCheckpoint::Forma("dimensione non canonica"));
        }
        let byte = STANDARD.decode(radice).map_err(|_| ErroreCheckpoint::Forma("radice errata"))?;
        let radice: Hash = byte.try_into().map_err(|_| ErroreCheckpoint::Forma("la radice non ha 32 byte"))?;
        let estensioni: Vec<String> = righe.map(str::to_owned).collect();
        if estensioni.iter().any(String::is_empty) {
            return Err(ErroreCheckpoint::Forma("estensione vuota"));
        }
        Ok(Self { origine: origine.to_owned(), dimensione: n, radice, estensioni })
    }

    /// Signs it.
    ///
    /// # Errors
    /// An origin that cannot stand in a note.
    pub fn firma(&self, chiavi: &[&ChiaveFirma]) -> Result<String, ErroreCheckpoint> {
        Ok(firma_nota(&self.testo(), chiavi)?)
    }

    /// Opens a signed checkpoint; at least one of the keys given must have signed it, and bear the name of its origin.
    ///
    /// The name matters to who trusts several logs: the key of one must not vouch for another.
    ///
    /// # Errors
    /// The note's, the form, or a signature of another log only.
    pub fn apri(nota: &str, chiavi: &[ChiavePubblica]) -> Result<(Self, Nota), ErroreCheckpoint> {
        let aperta = apri_nota(nota, chiavi)?;
        let checkpoint = Self::leggi(&aperta.testo)?;
        if let Some(other) = aperta.firme.first()
            && aperta.firme.iter().all(|firma| firma.nome != checkpoint.origine)
        {
            return Err(ErroreCheckpoint::Origine { attesa: other.nome.clone(), trovata: checkpoint.origine });
        }
        Ok((checkpoint, aperta))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RADICE: &str = "CwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBws=";

    fn chiave(n: u8) -> ChiaveFirma {
        ChiaveFirma::da_segreto("protocollo.example/c_z999/AOO1", &[n; 32]).unwrap()
    }

    #[test]
    fn the_text_is_origin_size_and_root_a_line_each() {
        let mut c = Checkpoint::nuovo("protocollo.example/c_z999/AOO1", 17, [7; 32]);
        assert_eq!(c.testo(), "protocollo.example/c_z999/AOO1\n17\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n");
        assert_eq!(Checkpoint::leggi(&c.testo()), Ok(c.clone()));
        c.estensioni = vec!["altro".into(), "ancora altro".into()];
        assert!(c.testo().ends_with("BwcHBwc=\naltro\nancora altro\n"));
        assert_eq!(Checkpoint::leggi(&c.testo()), Ok(c));
    }

    #[test]
    fn a_checkpoint_has_one_form_only() {
        assert!(Checkpoint::leggi(&format!("o\n1\n{RADICE}\n")).is_ok());
        for testo in [
            String::new(),
            "\n".into(),
            "o\n1\n".into(),
            format!("o\n1\n{RADICE}"),
            format!("\n1\n{RADICE}\n"),
            format!("o\n01\n{RADICE}\n"),
            format!("o\n+1\n{RADICE}\n"),
            format!("o\n-1\n{RADICE}\n"),
            format!("o\n 1\n{RADICE}\n"),
            format!("o\n18446744073709551616\n{RADICE}\n"),
            format!("o\n1\n{}\n", RADICE.trim_end_matches('=')),
            format!("o\n1\n{}\n", RADICE.replace("s=", "t=")),
            "o\n1\nBwcH\n".into(),
            format!("o\n1\n{RADICE}\n\n"),
            format!("o\n1\r\n{RADICE}\n"),
        ] {
            assert!(matches!(Checkpoint::leggi(&testo), Err(ErroreCheckpoint::Forma(_))), "{testo:?}");
        }
    }

    /// R-B13: during a change of key both sign, and who knows only one of them goes on verifying.
    #[test]
    fn a_checkpoint_opens_with_either_of_two_keys_that_signed_it_and_with_no_other() {
        let c = Checkpoint::nuovo("protocollo.example/c_z999/AOO1", 17, [7; 32]);
        let firmato = c.firma(&[&chiave(1), &chiave(2)]).unwrap();
        for n in [1, 2] {
            let (letto, nota) = Checkpoint::apri(&firmato, &[chiave(n).pubblica()]).unwrap();
            assert_eq!(letto, c);
            assert_eq!((nota.firme.len(), nota.ignote.len()), (1, 1));
        }
        let errore = Checkpoint::apri(&firmato, &[chiave(3).pubblica()]).unwrap_err();
        assert_eq!(errore, ErroreCheckpoint::Nota(ErroreNota::NessunaFirmaNota));
    }

    /// R-B13: who keeps the keys of two logs is not deceived by the holder of one of them.
    #[test]
    fn the_key_of_one_log_does_not_vouch_for_another() {
        let altra = ChiaveFirma::da_segreto("protocollo.example/c_z999/AOO2", &[2; 32]).unwrap();
        let c = Checkpoint::nuovo("protocollo.example/c_z999/AOO1", 17, [7; 32]);
        let keys = [chiave(1).pubblica(), altra.pubblica()];
        let errore = Checkpoint::apri(&c.firma(&[&altra]).unwrap(), &keys).unwrap_err();
        assert_eq!(
            errore.to_string(),
            "il checkpoint è del registro protocollo.example/c_z999/AOO1, non di protocollo.example/c_z999/AOO2"
        );
        // As a witness beside the log's own key it does no harm.
        assert_eq!(Checkpoint::apri(&c.firma(&[&altra, &chiave(1)]).unwrap(), &keys).unwrap().0, c);
    }

    #[test]
    fn a_signed_note_that_is_no_checkpoint_is_refused() {
        let nota = firma_nota("o\n1\n", &[&chiave(1)]).unwrap();
        let errore = Checkpoint::apri(&nota, &[chiave(1).pubblica()]).unwrap_err();
        assert!(matches!(errore, ErroreCheckpoint::Forma(_)));
        let odd = Checkpoint::nuovo("due\nrighe\u{7}", 1, [7; 32]);
        assert!(matches!(odd.firma(&[&chiave(1)]), Err(ErroreCheckpoint::Nota(ErroreNota::Forma(_)))));
    }

    proptest! {
        #[test]
        fn every_checkpoint_reads_back(origine in "[^\n\r\u{0}]{1,40}", n in any::<u64>(), radice in any::<[u8; 32]>()) {
            let c = Checkpoint::nuovo(&origine, n, radice);
            prop_assert_eq!(Checkpoint::leggi(&c.testo()), Ok(c));
        }

        #[test]
        fn random_texts_never_panic_and_what_reads_is_written_the_same(testo in any::<String>(), due in "o\n[0-9+]{1,3}\n[A-Za-z=\n]{0,60}\n") {
            for testo in [testo, due] {
                if let Ok(c) = Checkpoint::leggi(&testo) {
                    prop_assert_eq!(c.testo(), testo);
                }
            }
        }
    }
}
