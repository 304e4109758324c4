//! What every place that holds a key gives: a certificate, its chain, and signatures that are known to hold.

use jiff::Timestamp;

use crate::{Algoritmo, Certificato};

/// Most signatures asked in one go.
pub const FIRME_MAX: usize = 1_000;

/// Why a seal was not made. Who asks must tell apart what to try again from what a person must look at. R-C11.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Errore {
    /// The device or the provider does not answer, or is not well: the same request may go later.
    #[error("sigillo non disponibile ({dove}): {perche}; si può riprovare")]
    NonDisponibile {
        /// Which device or provider.
        dove: String,
        /// What it did.
        perche: String,
    },
    /// It said no, to our credentials or to what we asked: trying again is of no use, and with a PIN it does harm.
    #[error("sigillo rifiutato ({dove}): {perche}; non si riprova da soli, va corretta la configurazione")]
    Rifiutato {
        /// Which device or provider.
        dove: String,
        /// What it said.
        perche: String,
    },
    /// It answered what is no good: another key's signature, nonsense, too much. Nothing was sealed.
    #[error("risposta sbagliata dal sigillo ({dove}): {perche}; nulla è stato sigillato")]
    RispostaSbagliata {
        /// Which device or provider.
        dove: String,
        /// What is wrong.
        perche: String,
    },
    /// File, password, certificate or setting is not what is needed.
    #[error("configurazione del sigillo: {0}")]
    Configurazione(String),
}

impl Errore {
    /// May the same request go again later, without anybody's hand?
    pub fn si_puo_riprovare(&self) -> bool {
        matches!(self, Self::NonDisponibile { .. })
    }
}

/// A signature that was verified with the certificate of the seal: there is no other way to have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firma(Vec<u8>);

impl Firma {
    /// Takes what a device gave, after verifying it: whoever holds the wrong credential would otherwise seal garbage.
    ///
    /// # Errors
    /// [`Errore::RispostaSbagliata`].
    pub fn verificata(sealer: &dyn Sealer, da_firmare: &[u8], firma: Vec<u8>) -> Result<Self, Errore> {
        if sealer.algoritmo().verifica(sealer.certificato().spki(), da_firmare, &firma) {
            Ok(Self(firma))
        } else {
            Err(Errore::RispostaSbagliata {
                dove: sealer.dove(),
                perche: "la firma non corrisponde al certificato del sigillo".into(),
            })
        }
    }

    /// RSA as it is, ECDSA as `r || s`: what XML signatures want.
    pub fn grezza(&self) -> &[u8] {
        &self.0
    }
}

/// Whose the seals are, and how they are signed.
#[derive(Debug, Clone)]
pub struct Identita {
    /// How the key signs.
    pub algoritmo: Algoritmo,
    /// The certificate of the seal.
    pub certificato: Certificato,
    /// Certificates of those above, from the nearest; may be empty.
    pub catena: Vec<Certificato>,
}

impl Identita {
    /// Of a certificate, with those above it among the ones at hand.
    pub(crate) fn nuova(algoritmo: Algoritmo, certificato: Certificato, mut altri: Vec<Certificato>) -> Self {
        let mut catena: Vec<Certificato> = Vec::new();
        let mut sopra = certificato.emittente().to_vec();
        // A certificate that issued itself ends the climb.
        while catena.last().unwrap_or(&certificato).soggetto() != sopra {
            let Some(i) = altri.iter().position(|c| c.soggetto() == sopra) else { break };
            let trovato = altri.swap_remove(i);
            sopra = trovato.emittente().to_vec();
            catena.push(trovato);
        }
        Self { algoritmo, certificato, catena }
    }
}

/// Who seals: a key somewhere, with its certificate. Blocking: who serves requests calls it where blocking is allowed.
/// R-C10, R-C11.
pub trait Sealer: Send + Sync {
    /// Whose the seals are, and how they are signed.
    fn identita(&self) -> &Identita;

    /// Where the key is, in words without secrets.
    fn dove(&self) -> String;

    /// Signs each of these, at most [`FIRME_MAX`], all or nothing.
    ///
    /// # Errors
    /// See [`Errore`].
    fn firma_molti(&self, da_firmare: &[&[u8]]) -> Result<Vec<Firma>, Errore>;

    /// How it signs.
    fn algoritmo(&self) -> Algoritmo {
        self.identita().algoritmo
    }

    /// The certificate of the seal.
    fn certificato(&self) -> &Certificato {
        &self.identita().certificato
    }

    /// Certificates of those above, from the nearest; may be empty.
    fn catena(&self) -> &[Certificato] {
        &self.identita().catena
    }

    /// Signs one.
    ///
    /// # Errors
    /// See [`Errore`].
    fn firma(&self, da_firmare: &[u8]) -> Result<Firma, Errore> {
        let mut firme = self.firma_molti(&[da_firmare])?;
        match (firme.pop(), firme.len()) {
            (Some(firma), 0) => Ok(firma),
            _ => Err(Errore::RispostaSbagliata { dove: self.dove(), perche: "numero di firme diverso da uno".into() }),
        }
    }
}

/// A seal put when its certificate no longer holds, or not yet, is worth nothing: better none, and said. R-C11.
pub(crate) fn in_vigore(sealer: &dyn Sealer, quando: Timestamp) -> Result<(), Errore> {
    let stato = sealer.certificato().stato(quando);
    if stato.in_vigore {
        return Ok(());
    }
    let (dal, al) = (stato.dal, stato.al);
    Err(Errore::Configurazione(format!(
        "il certificato del sigillo ({}) vale dal {dal} al {al}: il {quando} non si può sigillare",
        sealer.dove()
    )))
}
