//! Files encrypted for somebody, in the form of age (age-encryption.org/v1): who writes needs his public recipient only, and
//! only his identity opens. So a copy can be made by a machine that cannot read the copies it made.
//!
//! Recipients are X25519, `age1…`; identities `AGE-SECRET-KEY-1…`, as `age-keygen` makes them. The body is the very STREAM of
//! [`crate::file`]'s files at rest; here is the header. The program `age` opens what is written here, and the other way round: a
//! test asks it (`docs/decisions/0015`).

use std::fmt;
use std::io::{BufRead, Read, Write};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::file::cifra::{CIFRATA, Cifratore, Decifratore, PEZZO, lungo};
use crate::file::esadecimale;

const INTESTAZIONE: &str = "age-encryption.org/v1";
const DI_DESTINATARIO: &str = "age";
const DI_IDENTITA: &str = "age-secret-key-";
const X25519: &str = "X25519";
/// Of the key of a file, and of the random part of its body's.
const CHIAVE: usize = 16;
const NONCE: usize = 16;
const SIGILLO: usize = 16;
/// Longest line and header that are read, and most recipients, of a file of others.
const RIGA_MAX: usize = 1_024;
const TESTA_MAX: usize = 64 * 1_024;
/// Most recipients of one file.
pub const DESTINATARI_MAX: usize = 20;
/// Longest file of recipients or identities, bytes.
pub const CHIAVI_MAX: usize = 64 * 1_024;

/// Why something was not encrypted, or does not open.
#[derive(Debug, thiserror::Error)]
pub enum ErroreAge {
    /// Not a recipient.
    #[error("«{0}» non è un destinatario di age: si usano quelli che cominciano per age1, come li scrive age-keygen")]
    Destinatario(String),
    /// Not an identity. What was there is not said: it may be a secret.
    #[error(
        "l'identità non si legge: si usano quelle che cominciano per AGE-SECRET-KEY-1, come le scrive age-keygen{0}"
    )]
    Identita(&'static str),
    /// None, or too many.
    #[error("{0}")]
    Quante(String),
    /// Made for others.
    #[error("nessuna delle identità date apre questo file: è stato cifrato per altri")]
    DiAltri,
    /// Not of this form, or altered.
    #[error("il file non è nella forma di age, o la sua testata è alterata: {0}")]
    Testata(&'static str),
    /// Reading or writing.
    #[error(transparent)]
    Disco(#[from] std::io::Error),
}

/// For whom: his public key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destinatario([u8; 32]);

impl FromStr for Destinatario {
    type Err = ErroreAge;

    fn from_str(t: &str) -> Result<Self, ErroreAge> {
        // What is shown of a wrong one is short, and may not be a secret taken for a recipient.
        let segreto = t.get(..DI_IDENTITA.len()).is_some_and(|p| p.eq_ignore_ascii_case(DI_IDENTITA));
        let detto = || if segreto { "AGE-SECRET-KEY-…".to_owned() } else { t.chars().take(80).collect() };
        bech32(DI_DESTINATARIO, t).map(Self).ok_or_else(|| ErroreAge::Destinatario(detto()))
    }
}

impl fmt::Display for Destinatario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bech32::encode_lower_to_fmt::<Bech32, _>(f, Hrp::parse_unchecked(DI_DESTINATARIO), &self.0)
            .map_err(|_| fmt::Error)
    }
}

/// Who opens: his secret.
#[derive(Clone)]
pub struct Identita(StaticSecret);

impl fmt::Debug for Identita {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identita(…)")
    }
}

impl FromStr for Identita {
    type Err = ErroreAge;

    fn from_str(t: &str) -> Result<Self, ErroreAge> {
        bech32(DI_IDENTITA, t).map(|b| Self(StaticSecret::from(b))).ok_or(ErroreAge::Identita(""))
    }
}

impl Identita {
    /// Whom to encrypt for, so that this one opens.
    pub fn destinatario(&self) -> Destinatario {
        Destinatario(PublicKey::from(&self.0).to_bytes())
    }
}

/// 32 bytes written with this prefix, all in one case.
fn bech32(prefisso: &str, t: &str) -> Option<[u8; 32]> {
    let p = CheckedHrpstring::new::<Bech32>(t).ok()?;
    let suo = p.hrp().as_str().eq_ignore_ascii_case(prefisso);
    let byte: Vec<u8> = p.byte_iter().collect();
    byte.try_into().ok().filter(|_| suo)
}

/// Lines of a file of keys, without remarks.
fn righe(testo: &str) -> impl Iterator<Item = &str> {
    testo.lines().map(str::trim).filter(|r| !r.is_empty() && !r.starts_with('#'))
}

/// Recipients, one a line.
///
/// # Errors
/// One is not a recipient; there are none.
pub fn leggi_destinatari(testo: &str) -> Result<Vec<Destinatario>, ErroreAge> {
    let d: Vec<Destinatario> = righe(testo).map(str::parse).collect::<Result<_, _>>()?;
    if d.is_empty() {
        return Err(ErroreAge::Quante("il file dei destinatari non ne ha nessuno".to_owned()));
    }
    Ok(d)
}

/// Identities, one a line, as `age-keygen` writes them.
///
/// # Errors
/// One is not an identity; there are none; the file is itself encrypted.
pub fn leggi_identita(testo: &str) -> Result<Vec<Identita>, ErroreAge> {
    if testo.starts_with(INTESTAZIONE) || testo.starts_with("-----BEGIN AGE") {
        return Err(ErroreAge::Identita("; questo file è protetto da una password: va aperto prima con «age -d»"));
    }
    let i: Vec<Identita> = righe(testo).map(str::parse).collect::<Result<_, _>>()?;
    if i.is_empty() {
        return Err(ErroreAge::Identita("; nel file non ce n'è nessuna"));
    }
    Ok(i)
}

/// For whom copies are made: each once, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destinatari(Vec<Destinatario>);

impl Destinatari {
    /// Of these.
    ///
    /// # Errors
    /// None, or too many.
    pub fn di(mut questi: Vec<Destinatario>) -> Result<Self, ErroreAge> {
        questi.sort();
        questi.dedup();
        if questi.is_empty() || questi.len() > DESTINATARI_MAX {
            return Err(ErroreAge::Quante(format!("i destinatari sono {}: da 1 a {DESTINATARI_MAX}", questi.len())));
        }
        Ok(Self(questi))
    }

    /// Each, as it is written.
    pub fn elenco(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// A short name of them all: what is encrypted for these is not for others.
    pub fn sigla(&self) -> String {
        let mut h = Sha256::new();
        for d in &self.0 {
            h.update(d.0);
        }
        esadecimale(&h.finalize())[..16].to_owned()
    }

    /// How long so many bytes become.
    pub fn lungo(&self, byte: u64) -> u64 {
        // A line for each: its kind and 43 characters, and a body of 43; the last line has the seal.
        let stanza = "-> X25519 \n\n".len() + 43 + 43;
        let testa = INTESTAZIONE.len() + 1 + stanza * self.0.len() + "--- \n".len() + 43 + NONCE;
        testa as u64 + lungo(CIFRATA, byte)
    }
}

fn deriva(ikm: &[u8], salt: &[u8], info: &str) -> [u8; 32] {
    let mut out = [0; 32];
    // 32 bytes are never too many.
    let _ = Hkdf::<Sha256>::new(Some(salt), ikm).expand(info.as_bytes(), &mut out);
    out
}

/// The key that wraps the file's, between an ephemeral key and a recipient.
fn avvolge(segreto: &StaticSecret, di_altri: &PublicKey, effimera: &[u8; 32], destinatario: &[u8; 32]) -> Option<Key> {
    let comune = segreto.diffie_hellman(di_altri);
    // A point of low order would make it everybody's.
    if !comune.was_contributory() {
        return None;
    }
    let salt = [*effimera, *destinatario].concat();
    Some(Key::from(deriva(comune.as_bytes(), &salt, "age-encryption.org/v1/X25519")))
}

fn sigillo(chiave: &[u8; CHIAVE], testa: &[u8]) -> Hmac<Sha256> {
    let k = deriva(chiave, b"", "header");
    // A key of any length will do.
    let mut m = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&k).unwrap_or_else(|_| unreachable!("any length"));
    m.update(testa);
    m
}

fn caso<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut b = [0; N];
    getrandom::fill(&mut b).map_err(std::io::Error::other)?;
    Ok(b)
}

/// Encrypts what is written to it. What was not closed with [`Self::chiudi`] does not open.
pub struct Cifra<W: Write> {
    a: W,
    cifratore: Cifratore,
    pronti: Vec<u8>,
}

impl<W: Write> Cifra<W> {
    /// For these.
    ///
    /// # Errors
    /// The header cannot be written; a recipient that nobody can be.
    pub fn per(destinatari: &Destinatari, mut a: W) -> Result<Self, ErroreAge> {
        let chiave = caso::<CHIAVE>()?;
        let mut testa = format!("{INTESTAZIONE}\n");
        for d in &destinatari.0 {
            let effimero = StaticSecret::from(caso::<32>()?);
            let effimera = PublicKey::from(&effimero).to_bytes();
            let k = avvolge(&effimero, &PublicKey::from(d.0), &effimera, &d.0)
                .ok_or_else(|| ErroreAge::Destinatario(d.to_string()))?;
            let avvolta = ChaCha20Poly1305::new(&k).encrypt(&Nonce::default(), &chiave[..]);
            let avvolta = avvolta.map_err(|_| ErroreAge::Destinatario(d.to_string()))?;
            let (e, corpo) = (STANDARD_NO_PAD.encode(effimera), STANDARD_NO_PAD.encode(avvolta));
            testa += &format!("-> {X25519} {e}\n{corpo}\n");
        }
        testa += "---";
        let mac = sigillo(&chiave, testa.as_bytes()).finalize().into_bytes();
        testa += &format!(" {}\n", STANDARD_NO_PAD.encode(mac));
        let nonce = caso::<NONCE>()?;
        a.write_all(testa.as_bytes())?;
        a.write_all(&nonce)?;
        let cifratore = Cifratore::nuovo(&deriva(&chiave, &nonce, "payload"));
        Ok(Self { a, cifratore, pronti: Vec::with_capacity(PEZZO + SIGILLO) })
    }

    /// The last piece.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn chiudi(mut self) -> std::io::Result<W> {
        self.cifratore.chiudi(&mut self.pronti).map_err(std::io::Error::other)?;
        self.a.write_all(&self.pronti)?;
        Ok(self.a)
    }
}

impl<W: Write> Write for Cifra<W> {
    fn write(&mut self, b: &[u8]) -> std::io::Result<usize> {
        self.cifratore.cifra(b, &mut self.pronti).map_err(std::io::Error::other)?;
        self.a.write_all(&self.pronti)?;
        self.pronti.clear();
        Ok(b.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.a.flush()
    }
}

/// Opens a file with whichever of these identities it was made for; what is read was authenticated, piece by piece, and an end
/// that comes too early is an error.
///
/// # Errors
/// It was made for others, is not of this form, or was altered.
pub fn apri<R: BufRead>(mut da: R, identita: &[Identita]) -> Result<impl Read + use<R>, ErroreAge> {
    let mut testa = Vec::new();
    if riga(&mut da, &mut testa)? != INTESTAZIONE {
        return Err(ErroreAge::Testata("la prima riga non è la sua"));
    }
    let mut chiave = None;
    let mut prossima = riga(&mut da, &mut testa)?;
    let mac = loop {
        if let Some(mac) = prossima.strip_prefix("--- ") {
            break decodifica(mac).ok_or(ErroreAge::Testata("il sigillo non si legge"))?;
        }
        let stanza =
            prossima.strip_prefix("-> ").ok_or(ErroreAge::Testata("una riga non è di destinatario"))?.to_owned();
        let mut corpo = String::new();
        loop {
            let r = riga(&mut da, &mut testa)?;
            corpo += &r;
            // A body ends with a line that is not full.
            if r.len() < 64 {
                break;
            }
        }
        if chiave.is_none() {
            chiave = identita.iter().find_map(|i| svolgi(i, &stanza, &corpo));
        }
        prossima = riga(&mut da, &mut testa)?;
    };
    let chiave = chiave.ok_or(ErroreAge::DiAltri)?;
    // All that was read, up to the dashes of the last line.
    let fino = testa.len() - prossima.len() - 1 + "---".len();
    sigillo(&chiave, &testa[..fino]).verify_slice(&mac).map_err(|_| ErroreAge::Testata("il suo sigillo non torna"))?;
    let mut nonce = [0; NONCE];
    da.read_exact(&mut nonce).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => ErroreAge::Testata("è troncata"),
        _ => e.into(),
    })?;
    Ok(Decifratore::nuovo(&deriva(&chiave, &nonce, "payload"), da)?)
}

/// The key of a file, when a line of its header is for this identity.
fn svolgi(i: &Identita, stanza: &str, corpo: &str) -> Option<[u8; CHIAVE]> {
    let effimera: [u8; 32] = decodifica(stanza.strip_prefix(X25519)?.strip_prefix(' ')?)?.try_into().ok()?;
    let avvolta = decodifica(corpo).filter(|c| c.len() == CHIAVE + SIGILLO)?;
    let k = avvolge(&i.0, &PublicKey::from(effimera), &effimera, &i.destinatario().0)?;
    ChaCha20Poly1305::new(&k).decrypt(&Nonce::default(), &avvolta[..]).ok()?.try_into().ok()
}

fn decodifica(t: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(t).ok()
}

/// A line of the header, which is kept in `testa` with its end.
fn riga(da: &mut impl BufRead, testa: &mut Vec<u8>) -> Result<String, ErroreAge> {
    let prima = testa.len();
    da.by_ref().take(RIGA_MAX as u64).read_until(b'\n', testa)?;
    if testa.len() > TESTA_MAX {
        return Err(ErroreAge::Testata("è troppo lunga"));
    }
    let letta =
        testa[prima..].strip_suffix(b"\n").ok_or(ErroreAge::Testata("è troncata, o ha una riga troppo lunga"))?;
    String::from_utf8(letta.to_vec()).map_err(|_| ErroreAge::Testata("non è testo"))
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    // Of the examples of age's own documentation: made for tests, used for nothing.
    const SEGRETA: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

    fn nuova() -> Identita {
        Identita(StaticSecret::from(caso::<32>().unwrap()))
    }

    fn cifrato(per: &[&Identita], chiaro: &[u8]) -> Vec<u8> {
        let d = Destinatari::di(per.iter().map(|i| i.destinatario()).collect()).unwrap();
        let mut c = Cifra::per(&d, Vec::new()).unwrap();
        c.write_all(chiaro).unwrap();
        let out = c.chiudi().unwrap();
        assert_eq!(out.len() as u64, d.lungo(chiaro.len() as u64));
        out
    }

    fn aperto(da: &[u8], con: &[Identita]) -> Result<Vec<u8>, ErroreAge> {
        let mut out = Vec::new();
        apri(BufReader::new(da), con)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let i: Identita = SEGRETA.parse().unwrap();
        let d = i.destinatario().to_string();
        assert_eq!(d, "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
        assert_eq!(d.parse::<Destinatario>().unwrap(), i.destinatario());
        let storta = d.replace('z', "q");
        for male in ["", "age1", "ssh-ed25519 AAAA", storta.as_str(), SEGRETA, &d[..d.len() - 1]] {
            let e = male.parse::<Destinatario>().unwrap_err().to_string();
            assert!(!e.contains("GFPYYSJZ"), "a secret is not said: {e}");
        }
        let testo = format!("# created: 2026\n# public key: {d}\n{SEGRETA}\n");
        assert_eq!(leggi_identita(&testo).unwrap()[0].destinatario(), i.destinatario());
        for male in ["", "# niente\n", "age-encryption.org/v1\n-> scrypt", &d] {
            assert!(!leggi_identita(male).unwrap_err().to_string().contains(&d));
        }
        assert!(leggi_destinatari(" \n#\n").is_err());
        assert_eq!(format!("{i:?}"), "Identita(…)");
    }

    #[test]
    fn who_it_is_for_opens_and_nobody_else() {
        let (uno, due, altri) = (nuova(), nuova(), nuova());
        for chiaro in [0, 1, PEZZO - 1, PEZZO, PEZZO + 1, 3 * PEZZO].map(|n| vec![7; n]) {
            let c = cifrato(&[&uno, &due], &chiaro);
            for chi in [&uno, &due] {
                assert_eq!(aperto(&c, &[altri.clone(), chi.clone()]).unwrap(), chiaro);
            }
            assert!(matches!(aperto(&c, std::slice::from_ref(&altri)), Err(ErroreAge::DiAltri)));
        }
        assert!(Destinatari::di(Vec::new()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn what_was_altered_or_cut_does_not_open(dove in 0usize..66_000, come in 1u8..=255, taglio in 0usize..66_000) {
            let i = nuova();
            let chiaro = vec![9; PEZZO + 10];
            let buono = cifrato(&[&i], &chiaro);
            let mut male = buono.clone();
            let dove = dove % male.len();
            male[dove] ^= come;
            prop_assert!(aperto(&male, std::slice::from_ref(&i)).is_err(), "altered at {dove}");
            let mut male = buono.clone();
            male.truncate(taglio % male.len());
            prop_assert!(aperto(&male, std::slice::from_ref(&i)).is_err(), "cut");
            let mut male = buono;
            male.push(come);
            prop_assert!(aperto(&male, &[i]).is_err(), "lengthened");
        }

        #[test]
        fn whatever_comes_is_read_in_bounded_time(b in proptest::collection::vec(any::<u8>(), 0..4_000)) {
            let mut con_testa = format!("{INTESTAZIONE}\n-> X25519 ").into_bytes();
            con_testa.extend(&b);
            prop_assert!(aperto(&b, &[nuova()]).is_err() && aperto(&con_testa, &[nuova()]).is_err());
        }
    }
}
