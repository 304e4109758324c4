//! The dress of a file before its ASN.1: PEM, bare base64, nothing.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// As senders write it: with or without padding, trailing bits or not.
pub(crate) const LENIENTE: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Blocks of a PEM file.
const BLOCCHI_MAX: usize = 10_000;

/// Base64 with any white space in it.
pub(crate) fn base64(testo: &[u8]) -> Option<Vec<u8>> {
    let pulito: Vec<u8> = testo.iter().copied().filter(|c| !c.is_ascii_whitespace()).collect();
    if pulito.is_empty() { None } else { LENIENTE.decode(pulito).ok() }
}

/// The blocks of these names in a PEM file.
pub(crate) fn pem(byte: &[u8], nomi: &[&str]) -> Vec<Vec<u8>> {
    let mut v = Vec::new();
    let mut resto = byte;
    while let Some(i) = trova(resto, b"-----BEGIN ")
        && v.len() < BLOCCHI_MAX
    {
        let dopo = &resto[i + 11..];
        let Some(fine_nome) = trova(dopo, b"-----") else { break };
        let nome = &dopo[..fine_nome];
        let corpo = &dopo[fine_nome + 5..];
        let Some(fine) = trova(corpo, b"-----END ") else { break };
        if nomi.iter().any(|n| n.as_bytes() == nome)
            && let Some(d) = base64(&corpo[..fine])
        {
            v.push(d);
        }
        resto = &corpo[fine..];
    }
    v
}

/// Where these bytes begin.
pub(crate) fn trova(dove: &[u8], che: &[u8]) -> Option<usize> {
    memchr::memmem::find(dove, che)
}

/// The ASN.1 of an envelope that may be in PEM or base64; the same bytes when it is already bare. None when there is none.
pub(crate) fn scopri(byte: &[u8]) -> Option<Cow<'_, [u8]>> {
    if byte.first() == Some(&0x30) && byte.get(1).is_some_and(|c| *c >= 0x80 || *c < 0x20) {
        return Some(byte.into());
    }
    let testa = byte.trim_ascii_start();
    let testa = testa.strip_prefix(b"\xef\xbb\xbf").unwrap_or(testa);
    if testa.starts_with(b"-----BEGIN ") {
        return pem(testa, &["PKCS7", "CMS", "PKCS #7 SIGNED DATA"]).into_iter().next().map(Cow::Owned);
    }
    // A SEQUENCE in base64 begins with M.
    if testa.first() != Some(&b'M')
        || !testa.iter().take(64).all(|c| c.is_ascii_alphanumeric() || b"+/=\r\n".contains(c))
    {
        return None;
    }
    base64(testa).filter(|d| d.first() == Some(&0x30)).map(Cow::Owned)
}
