//! Names in certificates, and the codice fiscale that Italian ones hold in several places.

use crate::asn1::{Elemento, Esito, oid, tag, testo};

/// Attributes of one name.
const ATTRIBUTI_MAX: usize = 64;

/// A distinguished name: attributes in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nome(pub Vec<(String, String)>);

impl Nome {
    pub(crate) fn leggi(nome: &Elemento) -> Esito<Self> {
        let mut v = Vec::new();
        for rdn in nome.dentro().tutti(ATTRIBUTI_MAX)? {
            for a in rdn.atteso(tag::SET)?.dentro().tutti(ATTRIBUTI_MAX)? {
                let mut l = a.atteso(tag::SEQUENCE)?.dentro();
                let tipo = oid(&l.leggi()?)?;
                if let Some(valore) = testo(&l.leggi()?) {
                    v.push((tipo, valore));
                }
            }
        }
        Ok(Self(v))
    }

    /// The first attribute of this type.
    pub fn attributo(&self, oid: &str) -> Option<&str> {
        self.0.iter().find(|(o, _)| o == oid).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// Common name, or name and surname, or organisation.
    pub fn comune(&self) -> Option<String> {
        if let Some(cn) = self.attributo("2.5.4.3") {
            return Some(cn.to_owned());
        }
        match (self.attributo("2.5.4.42"), self.attributo("2.5.4.4")) {
            (Some(n), Some(c)) => Some(format!("{n} {c}")),
            _ => self.organizzazione().or(self.attributo("2.5.4.11")).map(str::to_owned),
        }
    }

    /// Organisation.
    pub fn organizzazione(&self) -> Option<&str> {
        self.attributo("2.5.4.10")
    }

    /// `organizationIdentifier` (`VATIT-…`, `NTRIT-…`, `CF:IT-…`).
    pub fn id_organizzazione(&self) -> Option<&str> {
        self.attributo("2.5.4.97")
    }

    /// The codice fiscale of a person, from wherever Italian certifiers put it: `serialNumber` (`TINIT-…`, `IT:…`, bare),
    /// `dnQualifier`, or a piece of the common name (`ROSSI/MARIO/RSSMRA…/…`).
    pub fn cf(&self) -> Option<String> {
        ["2.5.4.5", "2.5.4.46", "2.5.4.3", "2.5.4.13"].iter().find_map(|o| {
            self.0
                .iter()
                .filter(|(t, _)| t == o)
                .find_map(|(_, v)| v.split(|c: char| !c.is_ascii_alphanumeric()).find_map(codice_fiscale))
        })
    }

    /// As RFC 4514 writes it, the known types by name.
    pub fn esteso(&self) -> String {
        let nomi: Vec<String> = self.0.iter().rev().map(|(o, v)| format!("{}={v}", sigla(o))).collect();
        nomi.join(", ")
    }
}

fn sigla(oid: &str) -> &str {
    match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.13" => "description",
        "2.5.4.42" => "GN",
        "2.5.4.46" => "dnQualifier",
        "2.5.4.97" => "organizationIdentifier",
        "1.2.840.113549.1.9.1" => "emailAddress",
        altro => altro,
    }
}

/// A codice fiscale of a person, in capitals: sixteen characters with letters and digits where they must be (omocodia
/// included) and the right control character.
pub fn codice_fiscale(s: &str) -> Option<String> {
    const OMOCODIA: &[u8] = b"LMNPQRSTUV";
    const DISPARI: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let s = s.to_ascii_uppercase();
    let b: &[u8; 16] = s.as_bytes().try_into().ok()?;
    let forma = b.iter().enumerate().all(|(i, c)| match i {
        6 | 7 | 9 | 10 | 12..=14 => c.is_ascii_digit() || OMOCODIA.contains(c),
        _ => c.is_ascii_uppercase(),
    });
    if !forma {
        return None;
    }
    let somma: u32 = b[..15]
        .iter()
        .enumerate()
        .map(|(i, &c)| {
            let n = if c.is_ascii_digit() { c - b'0' } else { c - b'A' };
            if i % 2 == 0 { DISPARI[usize::from(n)] } else { u32::from(n) }
        })
        .sum();
    (u32::from(b[15] - b'A') == somma % 26).then_some(s)
}

#[cfg(test)]
mod prove {
    use super::*;

    fn nome(oid: &str, valore: &str) -> Nome {
        Nome(vec![(oid.into(), valore.into())])
    }

    #[test]
    fn the_codice_fiscale_is_found_in_each_of_its_places() {
        for (oid, valore) in [
            ("2.5.4.5", "TINIT-RSSMRA80A01H501U"),
            ("2.5.4.5", "IT:RSSMRA80A01H501U"),
            ("2.5.4.5", "rssmra80a01h501u"),
            ("2.5.4.46", "RSSMRA80A01H501U"),
            ("2.5.4.3", "ROSSI/MARIO/RSSMRA80A01H501U/12345"),
        ] {
            assert_eq!(nome(oid, valore).cf().as_deref(), Some("RSSMRA80A01H501U"), "{valore}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_not_taken() {
        for s in ["RSSMRA80A01H501X", "VATIT-01234567890", "IT:01234567890123", "RSSMRA80A01H501", "ÀSSMRA80A01H501U"]
        {
            assert_eq!(nome("2.5.4.5", s).cf(), None, "{s}");
        }
    }
}
