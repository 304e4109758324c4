//! PKCS#12 files (RFC 7292), as OpenSSL, Windows and Java make them: the keys and certificates in them. Ciphers and
//! derivations are in [`cifre`]; what is not managed is named in the error.

mod cifre;
mod scrivi;

use std::borrow::Cow;

use firme::asn1::{self, Elemento, Lettore, intero_piccolo, oid, tag};
use firme::cms::nomi;
use zeroize::Zeroizing;

use crate::segreto::Segreto;

pub use scrivi::scrivi;

/// Biggest file that is read.
pub const BYTE_MAX: usize = 1 << 20;
/// Most parts, bags and certificates of a file.
const PEZZI_MAX: usize = 64;

const DATI_CIFRATI: &str = "1.2.840.113549.1.7.6";
const CERTIFICATO_X509: &str = "1.2.840.113549.1.9.22.1";

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Errore {
    /// Bigger than any key file.
    #[error("file PKCS#12 di {0} byte: troppi")]
    TroppoGrande(usize),
    /// Not a PKCS#12 file, or a damaged one.
    #[error("file PKCS#12 illeggibile: {0}")]
    Forma(#[from] asn1::Errore),
    /// The password does not open it, or it was altered.
    #[error("la password non apre il file PKCS#12, oppure il file è alterato")]
    Password,
    /// An algorithm or a structure that we do not read.
    #[error("file PKCS#12 in un formato non gestito: {0}")]
    NonGestito(String),
}

/// What a file held.
#[derive(Default)]
pub struct Contenuto {
    /// Private keys, PKCS#8.
    pub chiavi: Vec<Zeroizing<Vec<u8>>>,
    /// Certificates, DER.
    pub certificati: Vec<Vec<u8>>,
}

/// Opens a file. Its authentication code is checked before anything else of it is believed.
///
/// # Errors
/// See [`Errore`].
pub fn leggi(file: &[u8], password: &Segreto) -> Result<Contenuto, Errore> {
    if file.len() > BYTE_MAX {
        return Err(Errore::TroppoGrande(file.len()));
    }
    let mut l = Lettore::solo(file, tag::SEQUENCE)?.dentro();
    if intero_piccolo(&l.atteso(tag::INTEGER)?)? != 3 {
        return Err(Errore::NonGestito("versione diversa da 3".into()));
    }
    let mut involucro = l.atteso(tag::SEQUENCE)?.dentro();
    match oid(&involucro.leggi()?)?.as_str() {
        nomi::DATA => {}
        altro => return Err(Errore::NonGestito(format!("integrità a chiave pubblica ({altro})"))),
    }
    let autenticati = involucro.atteso(tag::contesto(0))?.dentro().leggi()?.ottetti()?.unito();
    let Some(codice) = l.se(tag::SEQUENCE)? else {
        return Err(Errore::NonGestito("senza codice di autenticazione".into()));
    };
    let parole = cifre::Parole::di(password);
    let parole = cifre::autentica(&codice, &autenticati, parole)?;

    let mut contenuto = Contenuto::default();
    for parte in Lettore::solo(&autenticati, tag::SEQUENCE)?.dentro().tutti(PEZZI_MAX)? {
        let mut l = parte.dentro();
        match oid(&l.leggi()?)?.as_str() {
            nomi::DATA => {
                let chiaro = l.atteso(tag::contesto(0))?.dentro().leggi()?.ottetti()?.unito();
                sacche(&chiaro, &parole, &mut contenuto, 0)?;
            }
            DATI_CIFRATI => {
                let mut l = l.atteso(tag::contesto(0))?.dentro().atteso(tag::SEQUENCE)?.dentro();
                l.atteso(tag::INTEGER)?;
                let mut l = l.atteso(tag::SEQUENCE)?.dentro();
                l.atteso(tag::OID)?;
                let algoritmo = l.atteso(tag::SEQUENCE)?;
                let cifrato = match l.se(tag::contesto_primitivo(0))? {
                    Some(intero) => intero,
                    None => l.atteso(tag::contesto(0))?,
                };
                let cifrato = cifrato.implicito(tag::OCTET_STRING).ottetti()?.unito();
                let chiaro = cifre::decifra(&algoritmo, &cifrato, &parole)?;
                sacche(&chiaro, &parole, &mut contenuto, 0)?;
            }
            altro => return Err(Errore::NonGestito(format!("parte di tipo {altro}"))),
        }
    }
    Ok(contenuto)
}

fn sacche(byte: &[u8], parole: &cifre::Parole, contenuto: &mut Contenuto, profondita: u8) -> Result<(), Errore> {
    let mut elenco = Lettore::solo(byte, tag::SEQUENCE)?.dentro();
    while !elenco.finito() {
        let sacca = elenco.leggi()?;
        if contenuto.chiavi.len() + contenuto.certificati.len() >= PEZZI_MAX {
            return Err(Errore::NonGestito(format!("più di {PEZZI_MAX} chiavi e certificati")));
        }
        let mut l = sacca.dentro();
        let tipo = oid(&l.leggi()?)?;
        let valore = l.atteso(tag::contesto(0))?;
        match tipo.as_str() {
            "1.2.840.113549.1.12.10.1.1" => {
                contenuto.chiavi.push(Zeroizing::new(valore.dentro().atteso(tag::SEQUENCE)?.intero.to_vec()));
            }
            "1.2.840.113549.1.12.10.1.2" => {
                let mut l = valore.dentro().atteso(tag::SEQUENCE)?.dentro();
                let algoritmo = l.atteso(tag::SEQUENCE)?;
                let cifrata = l.leggi()?.ottetti()?.unito();
                contenuto.chiavi.push(cifre::decifra(&algoritmo, &cifrata, parole)?);
            }
            "1.2.840.113549.1.12.10.1.3" => {
                if let Some(certificato) = certificato(&valore)? {
                    contenuto.certificati.push(certificato.into_owned());
                }
            }
            "1.2.840.113549.1.12.10.1.6" if profondita < 4 => {
                sacche(valore.dentro().atteso(tag::SEQUENCE)?.intero, parole, contenuto, profondita + 1)?;
            }
            // Revocation lists and secrets are of no use here.
            _ => {}
        }
    }
    Ok(())
}

fn certificato<'a>(valore: &Elemento<'a>) -> Result<Option<Cow<'a, [u8]>>, asn1::Errore> {
    let mut l = valore.dentro().atteso(tag::SEQUENCE)?.dentro();
    if oid(&l.leggi()?)? != CERTIFICATO_X509 {
        return Ok(None);
    }
    Ok(Some(l.atteso(tag::contesto(0))?.dentro().leggi()?.ottetti()?.unito()))
}
