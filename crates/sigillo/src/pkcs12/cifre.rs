//! Ciphers, derivations and authentication codes of PKCS#12: those of RFC 8018 that everybody writes today, and the old
//! ones of RFC 7292 appendix C that Windows and older OpenSSL wrote (and that many a file still has).

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit, KeyIvInit};
use firme::asn1::{self, Elemento, intero_piccolo, oid, tag};
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;
use zeroize::Zeroizing;

use super::Errore;
use crate::segreto::Segreto;

/// Most rounds of a derivation: a second or two. A file that asks for more is an attack on who opens it.
const GIRI_MAX: u64 = 5_000_000;

type Byte = Zeroizing<Vec<u8>>;

/// The password in the two dresses of the norm: BMPString with its end for the old derivation, as it is for PBKDF2.
pub struct Parole {
    bmp: Byte,
    utf8: Byte,
}

impl Parole {
    pub fn di(password: &Segreto) -> Self {
        let mut bmp: Byte = Zeroizing::new(Vec::with_capacity(password.svela().len() * 2 + 2));
        for unita in password.svela().encode_utf16().chain([0]) {
            bmp.extend_from_slice(&unita.to_be_bytes());
        }
        Self { bmp, utf8: Zeroizing::new(password.svela().as_bytes().to_vec()) }
    }

    /// Some write the empty password without its end.
    fn nulla() -> Self {
        Self { bmp: Zeroizing::new(Vec::new()), utf8: Zeroizing::new(Vec::new()) }
    }
}

/// Checks the authentication code and gives the password in the dress that opened it.
pub fn autentica(codice: &Elemento<'_>, dati: &[u8], parole: Parole) -> Result<Parole, Errore> {
    if torna(codice, dati, &parole)? {
        return Ok(parole);
    }
    let nulla = Parole::nulla();
    if parole.utf8.is_empty() && torna(codice, dati, &nulla)? { Ok(nulla) } else { Err(Errore::Password) }
}

fn torna(codice: &Elemento<'_>, dati: &[u8], parole: &Parole) -> Result<bool, Errore> {
    let mut l = codice.dentro();
    let mut info = l.atteso(tag::SEQUENCE)?.dentro();
    let algoritmo = info.atteso(tag::SEQUENCE)?;
    let atteso = info.leggi()?.ottetti()?.unito();
    let sale = l.leggi()?.ottetti()?.unito();
    let giri = l.se(tag::INTEGER)?.map_or(Ok(1), |e| intero_piccolo(&e))?;
    let mut id = algoritmo.dentro();
    let (hmac, chiave) = match oid(&id.leggi()?)?.as_str() {
        // PBMAC1 (RFC 9579), of OpenSSL 3.4 and newer.
        "1.2.840.113549.1.5.14" => {
            let mut p = id.atteso(tag::SEQUENCE)?.dentro();
            let derivazione = p.atteso(tag::SEQUENCE)?;
            let hmac = hmac_di(&oid(&p.atteso(tag::SEQUENCE)?.dentro().leggi()?)?)?;
            let chiave = pbkdf2(&derivazione, parole, hmac.digest_algorithm().output_len())?;
            (hmac, chiave)
        }
        altro => {
            let (come, hmac) = digest_di(altro)?;
            (hmac, derivata(come, 3, parole, &sale, giri, come.output_len())?)
        }
    };
    Ok(hmac::verify(&hmac::Key::new(hmac, &chiave), dati, &atteso).is_ok())
}

fn digest_di(oid: &str) -> Result<(&'static digest::Algorithm, hmac::Algorithm), Errore> {
    Ok(match oid {
        "1.3.14.3.2.26" => (&digest::SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        "2.16.840.1.101.3.4.2.1" => (&digest::SHA256, hmac::HMAC_SHA256),
        "2.16.840.1.101.3.4.2.2" => (&digest::SHA384, hmac::HMAC_SHA384),
        "2.16.840.1.101.3.4.2.3" => (&digest::SHA512, hmac::HMAC_SHA512),
        altro => return Err(Errore::NonGestito(format!("codice di autenticazione con {altro}"))),
    })
}

fn hmac_di(oid: &str) -> Result<hmac::Algorithm, Errore> {
    Ok(match oid {
        "1.2.840.113549.2.7" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "1.2.840.113549.2.9" => hmac::HMAC_SHA256,
        "1.2.840.113549.2.10" => hmac::HMAC_SHA384,
        "1.2.840.113549.2.11" => hmac::HMAC_SHA512,
        altro => return Err(Errore::NonGestito(format!("PBKDF2 con {altro}"))),
    })
}

/// Decrypts what an AlgorithmIdentifier says how.
pub fn decifra(algoritmo: &Elemento<'_>, cifrato: &[u8], parole: &Parole) -> Result<Byte, Errore> {
    let mut l = algoritmo.dentro();
    let nome = oid(&l.leggi()?)?;
    if nome == "1.2.840.113549.1.5.13" {
        return pbes2(&l.atteso(tag::SEQUENCE)?, cifrato, parole);
    }
    let lunghezza = match nome.as_str() {
        "1.2.840.113549.1.12.1.3" => 24,
        "1.2.840.113549.1.12.1.4" | "1.2.840.113549.1.12.1.5" => 16,
        "1.2.840.113549.1.12.1.6" => 5,
        altro => return Err(Errore::NonGestito(format!("cifra {altro}"))),
    };
    let mut p = l.atteso(tag::SEQUENCE)?.dentro();
    let sale = p.leggi()?.ottetti()?.unito();
    let giri = intero_piccolo(&p.atteso(tag::INTEGER)?)?;
    let sha1 = &digest::SHA1_FOR_LEGACY_USE_ONLY;
    let mut chiave = derivata(sha1, 1, parole, &sale, giri, lunghezza)?;
    let iv = derivata(sha1, 2, parole, &sale, giri, 8)?;
    match nome.as_str() {
        "1.2.840.113549.1.12.1.3" => con::<des::TdesEde3>(&chiave, &iv, cifrato),
        "1.2.840.113549.1.12.1.4" => {
            // Two keys: the third is the first again.
            let prima: [u8; 8] = chiave.first_chunk().copied().unwrap_or_default();
            chiave.extend_from_slice(&prima);
            con::<des::TdesEde3>(&chiave, &iv, cifrato)
        }
        _ => {
            let rc2 = rc2::Rc2::new_with_eff_key_len(&chiave, lunghezza * 8);
            let modo = cbc::Decryptor::inner_iv_slice_init(rc2, &iv).map_err(|_| Errore::Password)?;
            modo.decrypt_padded_vec::<Pkcs7>(cifrato).map(Zeroizing::new).map_err(|_| Errore::Password)
        }
    }
}

fn pbes2(parametri: &Elemento<'_>, cifrato: &[u8], parole: &Parole) -> Result<Byte, Errore> {
    let mut l = parametri.dentro();
    let derivazione = l.atteso(tag::SEQUENCE)?;
    let mut cifra = l.atteso(tag::SEQUENCE)?.dentro();
    let nome = oid(&cifra.leggi()?)?;
    // Other ciphers have other parameters: they are named below.
    let iv = cifra.leggi().and_then(|e| e.ottetti()).unwrap_or_default().unito();
    let chiave = |lunghezza| pbkdf2(&derivazione, parole, lunghezza);
    match nome.as_str() {
        "2.16.840.1.101.3.4.1.2" => con::<aes::Aes128>(&chiave(16)?, &iv, cifrato),
        "2.16.840.1.101.3.4.1.22" => con::<aes::Aes192>(&chiave(24)?, &iv, cifrato),
        "2.16.840.1.101.3.4.1.42" => con::<aes::Aes256>(&chiave(32)?, &iv, cifrato),
        "1.2.840.113549.3.7" => con::<des::TdesEde3>(&chiave(24)?, &iv, cifrato),
        altro => Err(Errore::NonGestito(format!("cifra {altro}"))),
    }
}

fn con<C: KeyInit + BlockCipherDecrypt>(chiave: &[u8], iv: &[u8], cifrato: &[u8]) -> Result<Byte, Errore> {
    // A wrong length of the vector is the file's fault, a wrong padding almost surely the password's.
    let modo =
        cbc::Decryptor::<C>::new_from_slices(chiave, iv).map_err(|_| asn1::Errore::Valore("vettore iniziale"))?;
    modo.decrypt_padded_vec::<Pkcs7>(cifrato).map(Zeroizing::new).map_err(|_| Errore::Password)
}

fn pbkdf2(derivazione: &Elemento<'_>, parole: &Parole, lunghezza: usize) -> Result<Byte, Errore> {
    let mut l = derivazione.dentro();
    match oid(&l.leggi()?)?.as_str() {
        "1.2.840.113549.1.5.12" => {}
        altro => return Err(Errore::NonGestito(format!("derivazione {altro}"))),
    }
    let mut p = l.atteso(tag::SEQUENCE)?.dentro();
    let sale = p.leggi()?.ottetti()?.unito();
    let giri = giri(intero_piccolo(&p.atteso(tag::INTEGER)?)?)?;
    p.se(tag::INTEGER)?;
    let hmac = match p.se(tag::SEQUENCE)? {
        Some(e) => hmac_di(&oid(&e.dentro().leggi()?)?)?,
        None => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
    };
    let come = match hmac {
        h if h == hmac::HMAC_SHA256 => pbkdf2::PBKDF2_HMAC_SHA256,
        h if h == hmac::HMAC_SHA384 => pbkdf2::PBKDF2_HMAC_SHA384,
        h if h == hmac::HMAC_SHA512 => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => pbkdf2::PBKDF2_HMAC_SHA1,
    };
    let mut chiave = Zeroizing::new(vec![0; lunghezza]);
    pbkdf2::derive(come, giri, &sale, &parole.utf8, &mut chiave);
    Ok(chiave)
}

fn giri(n: u64) -> Result<NonZeroU32, Errore> {
    u32::try_from(n.min(GIRI_MAX + 1))
        .ok()
        .and_then(NonZeroU32::new)
        .filter(|g| u64::from(g.get()) <= GIRI_MAX)
        .ok_or_else(|| Errore::NonGestito(format!("derivazione di {n} giri, se ne ammettono da 1 a {GIRI_MAX}")))
}

/// The derivation of RFC 7292 appendix B.2, for key (1), vector (2) or authentication code (3).
fn derivata(
    come: &'static digest::Algorithm,
    scopo: u8,
    parole: &Parole,
    sale: &[u8],
    quanti: u64,
    lunghezza: usize,
) -> Result<Byte, Errore> {
    let quanti = giri(quanti)?;
    let v = come.block_len();
    let riempi = |dati: &[u8]| -> Vec<u8> {
        dati.iter().copied().cycle().take(if dati.is_empty() { 0 } else { dati.len().div_ceil(v) * v }).collect()
    };
    let mut i = Zeroizing::new([riempi(sale), riempi(&parole.bmp)].concat());
    let mut uscita: Byte = Zeroizing::new(Vec::with_capacity(lunghezza + come.output_len()));
    while uscita.len() < lunghezza {
        let mut contesto = digest::Context::new(come);
        contesto.update(&vec![scopo; v]);
        contesto.update(&i);
        let mut a = contesto.finish();
        for _ in 1..quanti.get() {
            a = digest::digest(come, a.as_ref());
        }
        uscita.extend_from_slice(a.as_ref());
        let b: Byte = Zeroizing::new(a.as_ref().iter().copied().cycle().take(v).collect());
        for blocco in i.chunks_exact_mut(v) {
            let mut riporto = 1u16;
            for (x, y) in blocco.iter_mut().zip(b.iter()).rev() {
                riporto += u16::from(*x) + u16::from(*y);
                *x = riporto as u8;
                riporto >>= 8;
            }
        }
    }
    uscita.truncate(lunghezza);
    Ok(uscita)
}

/// The key of an authentication code with SHA-256.
pub fn per_codice(password: &Segreto, sale: &[u8], giri: NonZeroU32) -> Result<Byte, Errore> {
    derivata(&digest::SHA256, 3, &Parole::di(password), sale, u64::from(giri.get()), 32)
}
