//! C2SP signed notes: a text, an empty line, signatures of Ed25519 keys named by a name and a short hash.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// Longest note, in bytes.
pub const NOTA_BYTE_MAX: usize = 64 * 1024;
/// Most signatures on a note.
pub const FIRME_MAX: usize = 100;
/// Kind of signature: plain Ed25519.
const ED25519: u8 = 0x01;
/// Kind of signature: Ed25519 cosignature with its time (C2SP `tlog-cosignature`).
pub(crate) const COFIRMA: u8 = 0x04;

/// Why a note or a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErroreNota {
    /// Not a signed note.
    #[error("la nota firmata non è ben formata: {0}")]
    Forma(&'static str),
    /// Not a public key in the vkey form.
    #[error("la chiave pubblica non è ben formata: {0}")]
    Chiave(&'static str),
    /// A signature by a known key does not verify.
    #[error("la firma di {0} non è valida")]
    FirmaFalsa(String),
    /// No signature by a known key.
    #[error("nessuna firma di una chiave nota")]
    NessunaFirmaNota,
}

/// A signing key with the name it signs under. Its secret is erased when dropped.
pub struct ChiaveFirma {
    nome: String,
    chiave: SigningKey,
}

impl fmt::Debug for ChiaveFirma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChiaveFirma").field("nome", &self.nome).finish_non_exhaustive()
    }
}

/// A public key with its name: the vkey `name+hash+base64(0x01 ‖ key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChiavePubblica {
    nome: String,
    chiave: VerifyingKey,
}

/// One line of signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirmaNota {
    /// Name of the key.
    pub nome: String,
    /// Short hash of name and key.
    pub identificativo: [u8; 4],
    /// Signature bytes, the hash aside.
    pub firma: Vec<u8>,
}

impl FirmaNota {
    /// The line as it stands in a note, its newline included.
    #[must_use]
    pub fn riga(&self) -> String {
        format!("— {} {}\n", self.nome, STANDARD.encode([&self.identificativo[..], &self.firma].concat()))
    }
}

/// A note that was opened: its text, and the signatures of known keys that verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nota {
    /// The text, its final newline included.
    pub testo: String,
    /// Verified, at least one.
    pub firme: Vec<FirmaNota>,
    /// By keys we do not know: kept, not trusted.
    pub ignote: Vec<FirmaNota>,
}

/// A key name: not empty, no spaces, no plus.
fn nome_valido(nome: &str) -> bool {
    !nome.is_empty()
        && nome.len() <= 255
        && !nome.contains('+')
        && !nome.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// The short hash of a name, a kind of signature and a key.
pub(crate) fn identificativo(nome: &str, tipo: u8, chiave: &VerifyingKey) -> [u8; 4] {
    let h = Sha256::new().chain_update(nome).chain_update([b'\n', tipo]).chain_update(chiave.as_bytes()).finalize();
    [h[0], h[1], h[2], h[3]]
}

/// Refuses what cannot be the name of a key.
pub(crate) fn controlla_nome(nome: &str) -> Result<(), ErroreNota> {
    if nome_valido(nome) { Ok(()) } else { Err(ErroreNota::Chiave("nome con spazi o segno più")) }
}

/// The vkey of a key of that kind.
pub(crate) fn scrivi_vkey(f: &mut fmt::Formatter<'_>, nome: &str, tipo: u8, chiave: &VerifyingKey) -> fmt::Result {
    let byte = [&[tipo], &chiave.as_bytes()[..]].concat();
    write!(f, "{nome}+{:08x}+{}", u32::from_be_bytes(identificativo(nome, tipo, chiave)), STANDARD.encode(byte))
}

/// Name and key of a vkey of that kind.
pub(crate) fn leggi_vkey(testo: &str, tipo: u8) -> Result<(String, VerifyingKey), ErroreNota> {
    let male = ErroreNota::Chiave("deve essere nome+hash+base64");
    let mut parti = testo.trim().splitn(3, '+');
    let (Some(nome), Some(id), Some(dati)) = (parti.next(), parti.next(), parti.next()) else {
        return Err(male);
    };
    if !nome_valido(nome) || id.len() != 8 {
        return Err(male);
    }
    let byte = STANDARD.decode(dati).map_err(|_| male.clone())?;
    let chiave = match byte.split_first() {
        Some((t, chiave)) if *t == tipo => chiave,
        Some((&COFIRMA, _)) => return Err(ErroreNota::Chiave("è di un testimone, non di un registro")),
        Some((&ED25519, _)) => return Err(ErroreNota::Chiave("è di un registro, non di un testimone")),
        _ => return Err(ErroreNota::Chiave("non è una chiave Ed25519")),
    };
    let chiave: [u8; 32] = chiave.try_into().map_err(|_| ErroreNota::Chiave("non ha 32 byte"))?;
    let chiave = VerifyingKey::from_bytes(&chiave).map_err(|_| ErroreNota::Chiave("non è un punto della curva"))?;
    if format!("{:08x}", u32::from_be_bytes(identificativo(nome, tipo, &chiave))) != id {
        return Err(ErroreNota::Chiave("il suo hash non corrisponde"));
    }
    Ok((nome.to_owned(), chiave))
}

impl ChiaveFirma {
    /// From a 32-byte secret drawn by the caller.
    ///
    /// # Errors
    /// A name with spaces or a plus.
    pub fn da_segreto(nome: &str, segreto: &[u8; 32]) -> Result<Self, ErroreNota> {
        controlla_nome(nome)?;
        Ok(Self { nome: nome.to_owned(), chiave: SigningKey::from_bytes(segreto) })
    }

    /// The name it signs under.
    #[must_use]
    pub fn nome(&self) -> &str {
        &self.nome
    }

    /// Its public half.
    #[must_use]
    pub fn pubblica(&self) -> ChiavePubblica {
        ChiavePubblica { nome: self.nome.clone(), chiave: self.chiave.verifying_key() }
    }
}

impl ChiavePubblica {
    /// Its name.
    #[must_use]
    pub fn nome(&self) -> &str {
        &self.nome
    }

    /// The same key under another name: what it signs under one says nothing under the other.
    ///
    /// # Errors
    /// A name with spaces or a plus.
    pub fn con_nome(&self, nome: &str) -> Result<Self, ErroreNota> {
        controlla_nome(nome)?;
        Ok(Self { nome: nome.to_owned(), chiave: self.chiave })
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub fn byte(&self) -> &[u8; 32] {
        self.chiave.as_bytes()
    }

    /// The short hash that signature lines carry.
    #[must_use]
    pub fn identificativo(&self) -> [u8; 4] {
        identificativo(&self.nome, ED25519, &self.chiave)
    }
}

impl fmt::Display for ChiavePubblica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scrivi_vkey(f, &self.nome, ED25519, &self.chiave)
    }
}

impl FromStr for ChiavePubblica {
    type Err = ErroreNota;

    fn from_str(testo: &str) -> Result<Self, ErroreNota> {
        let (nome, chiave) = leggi_vkey(testo, ED25519)?;
        Ok(Self { nome, chiave })
    }
}

/// Signs a text, which must end with a newline, with every key given.
///
/// # Errors
/// A text that cannot stand in a note.
pub fn firma_nota(testo: &str, chiavi: &[&ChiaveFirma]) -> Result<String, ErroreNota> {
    testo_valido(testo)?;
    let mut nota = format!("{testo}\n");
    for k in chiavi {
        let firma = k.chiave.sign(testo.as_bytes()).to_bytes().to_vec();
        let identificativo = k.pubblica().identificativo();
        nota.push_str(&FirmaNota { nome: k.nome.clone(), identificativo, firma }.riga());
    }
    Ok(nota)
}

fn testo_valido(testo: &str) -> Result<(), ErroreNota> {
    if testo.len() > NOTA_BYTE_MAX {
        return Err(ErroreNota::Forma("testo troppo lungo"));
    }
    if !testo.ends_with('\n') {
        return Err(ErroreNota::Forma("il testo non finisce con un a capo"));
    }
    if testo.chars().any(|c| c != '\n' && c.is_control()) {
        return Err(ErroreNota::Forma("carattere di controllo"));
    }
    Ok(())
}

/// Opens a note: every signature by a known key must verify, and one at least must be there. Signatures by other keys
/// (witnesses we do not know) are kept and ignored; a key that signs twice signs once.
///
/// # Errors
/// The form, a false signature, or nobody we know.
pub fn apri_nota(nota: &str, note: &[ChiavePubblica]) -> Result<Nota, ErroreNota> {
    let (testo, firme) = dividi(nota)?;
    let mut aperta = Nota { testo: testo.to_owned(), firme: Vec::new(), ignote: Vec::new() };
    for f in firme {
        let la_stessa = |x: &FirmaNota| (&x.nome, x.identificativo) == (&f.nome, f.identificativo);
        if aperta.firme.iter().any(la_stessa) {
            continue;
        }
        let chiave = note.iter().find(|k| k.nome == f.nome && k.identificativo() == f.identificativo);
        let Some(k) = chiave else {
            aperta.ignote.push(f);
            continue;
        };
        let byte: [u8; 64] = f.firma.as_slice().try_into().map_err(|_| ErroreNota::FirmaFalsa(f.nome.clone()))?;
        k.chiave
            .verify_strict(testo.as_bytes(), &Signature::from_bytes(&byte))
            .map_err(|_| ErroreNota::FirmaFalsa(f.nome.clone()))?;
        aperta.firme.push(f);
    }
    if aperta.firme.is_empty() {
        return Err(ErroreNota::NessunaFirmaNota);
    }
    Ok(aperta)
}

/// The text and the signatures, nothing verified.
///
/// # Errors
/// The form.
pub fn dividi(nota: &str) -> Result<(&str, Vec<FirmaNota>), ErroreNota> {
    if nota.len() > NOTA_BYTE_MAX {
        return Err(ErroreNota::Forma("nota troppo lunga"));
    }
    let posto = nota.rfind("\n\n").ok_or(ErroreNota::Forma("manca la riga vuota prima delle firme"))?;
    let (testo, resto) = nota.split_at(posto + 1);
    testo_valido(testo)?;
    Ok((testo, firme(&resto[1..])?))
}

/// The signatures of some lines, nothing verified: those after a note's empty line, or what a witness answers.
///
/// # Errors
/// The form.
pub fn firme(righe: &str) -> Result<Vec<FirmaNota>, ErroreNota> {
    if righe.is_empty() || !righe.ends_with('\n') {
        return Err(ErroreNota::Forma("mancano le firme"));
    }
    let mut firme = Vec::new();
    for riga in righe[..righe.len() - 1].split('\n') {
        let male = ErroreNota::Forma("riga di firma errata");
        let (nome, dati) = riga.strip_prefix("— ").and_then(|r| r.split_once(' ')).ok_or(male.clone())?;
        let byte = STANDARD.decode(dati).map_err(|_| male.clone())?;
        if !nome_valido(nome) || byte.len() < 5 {
            return Err(male);
        }
        if firme.len() == FIRME_MAX {
            return Err(ErroreNota::Forma("troppe firme"));
        }
        firme.push(FirmaNota {
            nome: nome.to_owned(),
            identificativo: [byte[0], byte[1], byte[2], byte[3]],
            firma: byte[4..].to_vec(),
        });
    }
    Ok(firme)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chiave(nome: &str, n: u8) -> ChiaveFirma {
        ChiaveFirma::da_segreto(nome, &[n; 32]).unwrap()
    }

    /// The example note of golang.org/x/mod/sumdb/note, whose format C2SP took over.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTA_DI_PETER: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\
        \n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_note_of_the_reference_implementation_opens() {
        let peter: ChiavePubblica = PETER.parse().unwrap();
        assert_eq!(peter.to_string(), PETER);
        let nota = apri_nota(NOTA_DI_PETER, std::slice::from_ref(&peter)).unwrap();
        assert!(nota.testo.ends_with("what your problem is.\n"));
        assert_eq!(nota.firme[0].identificativo, peter.identificativo());
        let other = NOTA_DI_PETER.replacen("If", "it", 1);
        assert_eq!(apri_nota(&other, &[peter]), Err(ErroreNota::FirmaFalsa("PeterNeumann".into())));
    }

    #[test]
    fn a_cosignature_by_somebody_unknown_is_kept_and_not_counted() {
        let (nostra, testimone) = (chiave("nostra", 1), chiave("testimone", 2));
        let nota = firma_nota("testo\n", &[&testimone, &nostra]).unwrap();
        let aperta = apri_nota(&nota, &[nostra.pubblica()]).unwrap();
        assert_eq!(aperta.testo, "testo\n");
        assert_eq!((aperta.firme.len(), aperta.firme[0].nome.as_str()), (1, "nostra"));
        assert_eq!((aperta.ignote.len(), aperta.ignote[0].nome.as_str()), (1, "testimone"));
        // A kind of signature that is not ours, of another length, does no harm.
        let odd = format!("{nota}— altro {}\n", STANDARD.encode([9u8; 76]));
        assert_eq!(apri_nota(&odd, &[nostra.pubblica()]).unwrap().ignote.len(), 2);
        assert_eq!(apri_nota(&nota, &[]), Err(ErroreNota::NessunaFirmaNota));
    }

    #[test]
    fn a_signature_under_another_name_or_with_another_key_hash_is_of_nobody() {
        let nota = firma_nota("testo\n", &[&chiave("nostra", 1)]).unwrap();
        assert_eq!(apri_nota(&nota, &[chiave("altra", 1).pubblica()]), Err(ErroreNota::NessunaFirmaNota));
        assert_eq!(apri_nota(&nota, &[chiave("nostra", 2).pubblica()]), Err(ErroreNota::NessunaFirmaNota));
        // The right hash over the signature of somebody else: false, not unknown.
        let (_, firme) = dividi(&nota).unwrap();
        let stolen = [&chiave("nostra", 2).pubblica().identificativo()[..], &firme[0].firma].concat();
        let nota = format!("testo\n\n— nostra {}\n", STANDARD.encode(stolen));
        let errore = apri_nota(&nota, &[chiave("nostra", 2).pubblica()]);
        assert_eq!(errore, Err(ErroreNota::FirmaFalsa("nostra".into())));
    }

    #[test]
    fn a_short_signature_by_a_known_key_is_false() {
        let k = chiave("nostra", 1);
        let byte = [&k.pubblica().identificativo()[..], &[0; 63]].concat();
        let nota = format!("testo\n\n— nostra {}\n", STANDARD.encode(byte));
        assert_eq!(apri_nota(&nota, &[k.pubblica()]), Err(ErroreNota::FirmaFalsa("nostra".into())));
    }

    #[test]
    fn a_note_has_one_form_only() {
        let k = chiave("nostra", 1);
        let nota = firma_nota("testo\n", &[&k]).unwrap();
        let many = format!("testo\n{}", "\n— nostra AAAAAAAA".repeat(FIRME_MAX + 1).replacen('\n', "\n\n", 1) + "\n");
        for odd in [
            String::new(),
            "testo\n".into(),
            "testo\n\n".into(),
            nota.trim_end().into(),
            nota.replace("— ", "- "),
            nota.replace("— nostra", "—  nostra"),
            nota.replace("testo", "te\tsto"),
            nota.replace("testo", "te\rsto"),
            nota.replace("nostra", "no+stra"),
            format!("{nota}\n"),
            format!("{nota}altro\n"),
            "testo\n\n— nostra AAAA\n".into(),
            "testo\n\n— nostra AAAAAAAAA\n".into(),
            many,
            format!("{}\n\n— nostra AAAAAAAA\n", "a".repeat(NOTA_BYTE_MAX)),
        ] {
            let errore = apri_nota(&odd, &[k.pubblica()]);
            assert!(matches!(errore, Err(ErroreNota::Forma(_))), "{:?} {errore:?}", &odd[..odd.len().min(90)]);
        }
        for testo in ["", "senza a capo", "con\u{0}controlli\n"] {
            assert!(matches!(firma_nota(testo, &[&k]), Err(ErroreNota::Forma(_))));
        }
    }

    /// As Go's `sumdb/note`: what a key said once it does not say twice.
    #[test]
    fn a_signature_repeated_counts_once() {
        let k = chiave("protocollo.example/c_z999", 1);
        let nota = firma_nota("uno\n", &[&k]).unwrap();
        let riga = nota.rsplit_once("\n\n").unwrap().1;
        let molte = format!("{}{}", nota, riga.repeat(FIRME_MAX - 1));
        let aperta = apri_nota(&molte, &[k.pubblica()]).unwrap();
        assert_eq!((aperta.firme.len(), aperta.ignote.len()), (1, 0));
        assert!(apri_nota(&format!("{molte}{riga}"), &[k.pubblica()]).is_err(), "too many");
    }

    #[test]
    fn a_public_key_whose_hash_or_kind_is_wrong_is_refused() {
        let good = chiave("protocollo.example/c_z999", 1).pubblica();
        assert_eq!(good.to_string().parse(), Ok(good.clone()));
        let altrove = good.con_nome("altrove.example").unwrap();
        assert_eq!((altrove.byte(), altrove.to_string().parse()), (good.byte(), Ok(altrove.clone())));
        assert!(good.con_nome("a b").is_err() && altrove.identificativo() != good.identificativo());
        assert_eq!(good.byte().len(), 32);
        let upper = PETER.replace("c74f20a3", "C74F20A3");
        for testo in [
            "",
            "a",
            "a+b+c",
            &PETER.replace("c74f20a3", "c74f20a4"),
            &PETER.replace("Peter", "Piero"),
            &upper,
            &PETER.replace("+ARpc", "+AhpC"),
            &format!("{PETER}="),
            &PETER[..PETER.len() - 4],
            &PETER[12..],
        ] {
            assert!(matches!(testo.parse::<ChiavePubblica>(), Err(ErroreNota::Chiave(_))), "{testo}");
        }
        for nome in ["", "a b", "a+b", "a\nb", &"a".repeat(256)] {
            assert!(matches!(ChiaveFirma::da_segreto(nome, &[1; 32]), Err(ErroreNota::Chiave(_))), "{nome:?}");
        }
    }

    #[test]
    fn a_secret_never_shows_in_a_message() {
        let k = chiave("nostra", 1);
        assert_eq!(k.nome(), "nostra");
        assert_eq!(format!("{k:?}"), r#"ChiaveFirma { nome: "nostra", .. }"#);
    }

    proptest! {
        #[test]
        fn what_is_signed_opens(testo in "[^\u{0}-\u{1f}\u{7f}-\u{9f}]{0,80}", n in any::<u8>()) {
            let k = chiave("nostra", n);
            let testo = format!("{testo}\n\n{testo}\n");
            let nota = firma_nota(&testo, &[&k]).unwrap();
            prop_assert_eq!(apri_nota(&nota, &[k.pubblica()]).unwrap().testo, testo);
        }

        #[test]
        fn random_texts_never_panic(testo in any::<String>(), righe in "(a|\n|— |nostra |AAAAAAAA|\\+)*") {
            let k = chiave("nostra", 1).pubblica();
            for testo in [testo, righe] {
                prop_assert!(apri_nota(&testo, std::slice::from_ref(&k)).is_err());
                prop_assert!(testo.parse::<ChiavePubblica>().is_err());
                // Whatever divides does so at its last empty line.
                if let Ok((text, firme)) = dividi(&testo) {
                    prop_assert!(text.ends_with('\n') && !firme.is_empty());
                    prop_assert!(testo.starts_with(text));
                }
            }
        }
    }
}
