//! DER written piece by piece: what signatures, requests and certificates are made of. Lengths are always definite and
//! minimal, sets are sorted; what is read is read by [`firme::asn1`].

use firme::asn1::senza_zeri;
pub use firme::asn1::{avvolgi as tlv, oid_in_der as oid};

/// SEQUENCE of values already encoded.
pub fn seq(parti: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parti.concat())
}

/// SET OF values already encoded, in the order DER asks.
pub fn set(mut parti: Vec<Vec<u8>>) -> Vec<u8> {
    parti.sort();
    tlv(0x31, &parti.concat())
}

/// Explicit context tag `[n]` around a value already encoded.
pub fn ctx(n: u8, dentro: &[u8]) -> Vec<u8> {
    tlv(0xa0 | n, dentro)
}

/// INTEGER, not negative, from its big-endian bytes.
pub fn intero(byte: &[u8]) -> Vec<u8> {
    let utili = senza_zeri(byte);
    let mut v = Vec::with_capacity(utili.len() + 1);
    if utili.first().is_none_or(|b| b & 0x80 != 0) {
        v.push(0);
    }
    v.extend_from_slice(utili);
    tlv(0x02, &v)
}

/// INTEGER from a small number.
pub fn numero(n: u64) -> Vec<u8> {
    intero(&n.to_be_bytes())
}

/// OCTET STRING.
pub fn ottetti(byte: &[u8]) -> Vec<u8> {
    tlv(0x04, byte)
}

/// BIT STRING without unused bits.
pub fn bit(byte: &[u8]) -> Vec<u8> {
    let mut v = Vec::with_capacity(byte.len() + 1);
    v.push(0);
    v.extend_from_slice(byte);
    tlv(0x03, &v)
}

/// UTF8String.
pub fn utf8(testo: &str) -> Vec<u8> {
    tlv(0x0c, testo.as_bytes())
}

/// BOOLEAN TRUE.
pub fn vero() -> Vec<u8> {
    vec![0x01, 0x01, 0xff]
}

/// NULL.
pub fn nullo() -> Vec<u8> {
    vec![0x05, 0x00]
}

/// A time as certificates and CMS want it (RFC 5280 § 4.1.2.5): UTCTime until 2049, GeneralizedTime after.
pub fn tempo(quando: jiff::Timestamp) -> Vec<u8> {
    let t = jiff::tz::TimeZone::UTC.to_datetime(quando);
    if (1950..2050).contains(&t.year()) {
        tlv(0x17, t.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
    } else {
        tlv(0x18, t.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes())
    }
}

/// An ECDSA signature as X.509 and CMS want it, from `r || s`.
pub fn ecdsa(r_s: &[u8]) -> Vec<u8> {
    let (r, s) = r_s.split_at(r_s.len() / 2);
    seq(&[&intero(r), &intero(s)])
}

#[cfg(test)]
mod tests {
    use firme::asn1::{Lettore, intero_piccolo};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_and_numbers_are_minimal() {
        assert_eq!(tlv(4, &[7; 0x7f])[..2], [4, 0x7f]);
        assert_eq!(tlv(4, &[7; 0x80])[..3], [4, 0x81, 0x80]);
        assert_eq!(tlv(4, &[7; 0x1234])[..4], [4, 0x82, 0x12, 0x34]);
        assert_eq!(numero(0), [2, 1, 0]);
        assert_eq!(numero(127), [2, 1, 127]);
        assert_eq!(numero(128), [2, 2, 0, 128]);
        assert_eq!(intero(&[0, 0, 1, 2]), [2, 2, 1, 2]);
    }

    #[test]
    fn identifiers_are_those_of_the_norm() {
        assert_eq!(oid("1.2.840.113549.1.7.2"), [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]);
        assert_eq!(oid("2.5.4.97"), [6, 3, 0x55, 4, 97]);
        assert_eq!(oid("2.16.840.1.101.3.4.2.1"), [6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]);
    }

    #[test]
    fn a_time_after_2049_is_written_whole() {
        assert_eq!(tempo("2026-11-28T10:00:00Z".parse().unwrap()), b"\x17\x0d261128100000Z");
        assert_eq!(tempo("2050-01-01T00:00:00Z".parse().unwrap()), b"\x18\x0f20500101000000Z");
    }

    proptest! {
        #[test]
        fn what_we_write_is_read_back(dentro in proptest::collection::vec(any::<u8>(), 0..400), n in any::<u64>()) {
            let byte = seq(&[&ottetti(&dentro), &numero(n)]);
            let mut l = Lettore::solo(&byte, 0x30).unwrap().dentro();
            prop_assert_eq!(&*l.leggi().unwrap().ottetti().unwrap().unito(), &dentro[..]);
            prop_assert_eq!(intero_piccolo(&l.atteso(2).unwrap()).unwrap(), n);
        }
    }
}
