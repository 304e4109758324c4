//! A PKCS#12 file of ours: AES-256, PBKDF2 and an authentication code with SHA-256, which OpenSSL 1.1 and Windows
//! Server 2019 and newer read.

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use firme::cms::nomi;
use firme::impronte::Digesto;
use ring::{hmac, pbkdf2};
use std::num::NonZeroU32;
use zeroize::Zeroizing;

use super::{CERTIFICATO_X509, DATI_CIFRATI, Errore, cifre};
use crate::certificato::Certificato;
use crate::der::{ctx, nullo, numero, oid, ottetti, seq, set, tlv};
use crate::segreto::Segreto;

/// As OWASP advises for PBKDF2-HMAC-SHA256.
const GIRI: NonZeroU32 = NonZeroU32::new(600_000).unwrap();

/// Writes a key (PKCS#8), its certificate and those above it.
///
/// # Errors
/// Only when the system has no randomness to give.
pub fn scrivi(
    chiave: &[u8],
    certificato: &Certificato,
    catena: &[Certificato],
    nome: &str,
    password: &Segreto,
) -> Result<Vec<u8>, Errore> {
    let id = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, certificato.der());
    let attributi = set(vec![
        seq(&[&oid("1.2.840.113549.1.9.21"), &set(vec![ottetti(id.as_ref())])]),
        seq(&[&oid("1.2.840.113549.1.9.20"), &set(vec![bmp(nome)])]),
    ]);
    let mut certificati = vec![sacca_certificato(certificato, &attributi)];
    certificati.extend(catena.iter().map(|c| sacca_certificato(c, &[])));
    let certificati = seq(&certificati.iter().map(Vec::as_slice).collect::<Vec<_>>());

    let (algoritmo, cifrati) = cifra(&certificati, password)?;
    let cifrati = seq(&[&numero(0), &seq(&[&oid(nomi::DATA), &algoritmo, &tlv(0x80, &cifrati)])]);
    let cifrati = seq(&[&oid(DATI_CIFRATI), &ctx(0, &cifrati)]);

    let (algoritmo, cifrata) = cifra(chiave, password)?;
    let cifrata = seq(&[&algoritmo, &ottetti(&cifrata)]);
    let chiavi = seq(&[&seq(&[&oid("1.2.840.113549.1.12.10.1.2"), &ctx(0, &cifrata), &attributi])]);
    let chiavi = seq(&[&oid(nomi::DATA), &ctx(0, &ottetti(&chiavi))]);

    let autenticati = seq(&[&cifrati, &chiavi]);
    let sale = casuali::<16>()?;
    let chiave = cifre::per_codice(password, &sale, GIRI)?;
    let codice = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &chiave), &autenticati);
    let impronta = seq(&[&seq(&[&oid(Digesto::Sha256.oid()), &nullo()]), &ottetti(codice.as_ref())]);
    let codice = seq(&[&impronta, &ottetti(&sale), &numero(u64::from(GIRI.get()))]);
    Ok(seq(&[&numero(3), &seq(&[&oid(nomi::DATA), &ctx(0, &ottetti(&autenticati))]), &codice]))
}

fn sacca_certificato(certificato: &Certificato, attributi: &[u8]) -> Vec<u8> {
    let valore = seq(&[&oid(CERTIFICATO_X509), &ctx(0, &ottetti(certificato.der()))]);
    seq(&[&oid("1.2.840.113549.1.12.10.1.3"), &ctx(0, &valore), attributi])
}

fn bmp(testo: &str) -> Vec<u8> {
    tlv(0x1e, &testo.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>())
}

/// PBES2: what says how it was encrypted, and the bytes.
fn cifra(chiaro: &[u8], password: &Segreto) -> Result<(Vec<u8>, Vec<u8>), Errore> {
    let (sale, iv) = (casuali::<16>()?, casuali::<16>()?);
    let mut chiave = Zeroizing::new([0; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, GIRI, &sale, password.svela().as_bytes(), &mut *chiave);
    let modo = cbc::Encryptor::<aes::Aes256>::new((&*chiave).into(), &iv.into());
    let cifrato = modo.encrypt_padded_vec::<Pkcs7>(chiaro);
    let prf = seq(&[&oid("1.2.840.113549.2.9"), &nullo()]);
    let derivazione = seq(&[&ottetti(&sale), &numero(u64::from(GIRI.get())), &prf]);
    let derivazione = seq(&[&oid("1.2.840.113549.1.5.12"), &derivazione]);
    let aes = seq(&[&oid("2.16.840.1.101.3.4.1.42"), &ottetti(&iv)]);
    Ok((seq(&[&oid("1.2.840.113549.1.5.13"), &seq(&[&derivazione, &aes])]), cifrato))
}

fn casuali<const N: usize>() -> Result<[u8; N], Errore> {
    let mut v = [0; N];
    getrandom::fill(&mut v).map_err(|e| Errore::NonGestito(format!("nessun numero casuale dal sistema: {e}")))?;
    Ok(v)
}
