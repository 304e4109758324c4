//! A lenient BER reader that keeps the received bytes: what was signed is verified as it came, never re-encoded (R-H09).
//!
//! DER, definite and indefinite lengths, OCTET STRINGs in pieces. Nothing is copied: elements are slices of the input; depth,
//! pieces and lengths are bounded.

mod valori;

pub use valori::{intero_piccolo, istante, oid, oid_in_der, senza_zeri, testo};

/// Elements one inside the other that are followed to find the end of an indefinite length.
const PROFONDITA_MAX: usize = 32;
/// Pieces of one OCTET STRING.
const PEZZI_MAX: usize = 1_000_000;
/// Bytes of a length: 4 GiB, more than anything that is read.
const CIFRE_MAX: usize = 4;

/// Universal tags met here.
pub mod tag {
    #![expect(missing_docs, reason = "the names of X.680")]
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const OID: u8 = 0x06;
    pub const ENUMERATED: u8 = 0x0a;
    pub const UTC_TIME: u8 = 0x17;
    pub const GENERALIZED_TIME: u8 = 0x18;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;
    /// Context-specific, constructed.
    pub const fn contesto(n: u8) -> u8 {
        0xa0 | n
    }
    /// Context-specific, primitive.
    pub const fn contesto_primitivo(n: u8) -> u8 {
        0x80 | n
    }
}

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Errore {
    /// They end before they should.
    #[error("ASN.1 troncato")]
    Troncato,
    /// Another element was expected.
    #[error("ASN.1: atteso {atteso:#04x}, trovato {trovato:#04x}")]
    Tag {
        /// What was expected.
        atteso: u8,
        /// What is there.
        trovato: u8,
    },
    /// A length, tag or value of no use here.
    #[error("ASN.1: {0}")]
    Valore(&'static str),
    /// Over a limit.
    #[error("ASN.1 oltre i limiti: {0}")]
    Limite(&'static str),
}

/// Bytes are left where none should be.
pub const AVANZO: Errore = Errore::Valore("byte in più dopo il valore");

/// Result of reading.
pub type Esito<T> = Result<T, Errore>;

/// One element: tag, length, value.
#[derive(Debug, Clone, Copy)]
pub struct Elemento<'a> {
    /// Identifier octet.
    pub tag: u8,
    /// Everything, as received.
    pub intero: &'a [u8],
    /// The value.
    pub contenuto: &'a [u8],
}

impl<'a> Elemento<'a> {
    /// Its elements, when it is constructed.
    pub fn dentro(&self) -> Lettore<'a> {
        Lettore { resto: self.contenuto }
    }

    /// The same, when the tag is this one.
    ///
    /// # Errors
    /// When it is another.
    pub fn atteso(self, atteso: u8) -> Esito<Self> {
        if self.tag == atteso { Ok(self) } else { Err(Errore::Tag { atteso, trovato: self.tag }) }
    }

    /// The same, freed of an implicit tag: what it would be with the tag of its own type, in one piece or in more.
    pub fn implicito(self, tipo: u8) -> Self {
        Self { tag: self.tag & 0x20 | tipo, ..self }
    }

    /// The octets of an OCTET STRING, primitive or in pieces.
    ///
    /// # Errors
    /// Not an OCTET STRING, or too many pieces.
    pub fn ottetti(&self) -> Esito<Pezzi<'a>> {
        let mut pezzi = Pezzi(Vec::new());
        raccogli(self, &mut pezzi, 0)?;
        Ok(pezzi)
    }

    /// The octets of a BIT STRING of whole bytes.
    ///
    /// # Errors
    /// Not a BIT STRING of whole bytes.
    pub fn bit(&self) -> Esito<&'a [u8]> {
        self.atteso(tag::BIT_STRING)?;
        match self.contenuto {
            [0, resto @ ..] => Ok(resto),
            _ => Err(Errore::Valore("BIT STRING non a byte interi")),
        }
    }
}

fn raccogli<'a>(e: &Elemento<'a>, pezzi: &mut Pezzi<'a>, livello: usize) -> Esito<()> {
    match e.tag {
        tag::OCTET_STRING => {
            if !e.contenuto.is_empty() {
                pezzi.0.push(e.contenuto);
            }
            if pezzi.0.len() > PEZZI_MAX {
                return Err(Errore::Limite("pezzi"));
            }
            Ok(())
        }
        0x24 if livello < PROFONDITA_MAX => {
            let mut l = e.dentro();
            while !l.finito() {
                raccogli(&l.leggi()?, pezzi, livello + 1)?;
            }
            Ok(())
        }
        trovato => Err(Errore::Tag { atteso: tag::OCTET_STRING, trovato }),
    }
}

/// Octets that may be in several pieces, none of them copied.
#[derive(Debug, Clone, Default)]
pub struct Pezzi<'a>(pub Vec<&'a [u8]>);

impl<'a> Pezzi<'a> {
    /// How many octets.
    pub fn len(&self) -> usize {
        self.0.iter().map(|p| p.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In one piece; copied only when they are in more.
    pub fn unito(&self) -> std::borrow::Cow<'a, [u8]> {
        match self.0.as_slice() {
            [] => (&[][..]).into(),
            [uno] => (*uno).into(),
            molti => molti.concat().into(),
        }
    }
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Lettore<'a> {
    resto: &'a [u8],
}

impl<'a> Lettore<'a> {
    /// Over these bytes.
    pub fn nuovo(byte: &'a [u8]) -> Self {
        Self { resto: byte }
    }

    /// The only element of these bytes, which must have this tag.
    ///
    /// # Errors
    /// As [`Self::atteso`], or bytes after it.
    pub fn solo(byte: &'a [u8], atteso: u8) -> Esito<Elemento<'a>> {
        let mut l = Self::nuovo(byte);
        let e = l.atteso(atteso)?;
        if l.finito() { Ok(e) } else { Err(AVANZO) }
    }

    /// Nothing more to read.
    pub fn finito(&self) -> bool {
        self.resto.is_empty()
    }

    /// What was not read yet.
    pub fn resto(&self) -> &'a [u8] {
        self.resto
    }

    /// The tag of the next element.
    pub fn prossimo(&self) -> Option<u8> {
        self.resto.first().copied()
    }

    /// The next element.
    ///
    /// # Errors
    /// Truncated, or of a shape not met in signatures.
    pub fn leggi(&mut self) -> Esito<Elemento<'a>> {
        let (e, resto) = elemento(self.resto, 0)?;
        self.resto = resto;
        Ok(e)
    }

    /// The next element, which must have this tag.
    ///
    /// # Errors
    /// As [`Self::leggi`], or another tag.
    pub fn atteso(&mut self, atteso: u8) -> Esito<Elemento<'a>> {
        match self.prossimo() {
            Some(t) if t == atteso => self.leggi(),
            Some(trovato) => Err(Errore::Tag { atteso, trovato }),
            None => Err(Errore::Troncato),
        }
    }

    /// The next element, when it has this tag.
    ///
    /// # Errors
    /// As [`Self::leggi`].
    pub fn se(&mut self, tag: u8) -> Esito<Option<Elemento<'a>>> {
        if self.prossimo() == Some(tag) { self.leggi().map(Some) } else { Ok(None) }
    }

    /// All that is left, at most so many.
    ///
    /// # Errors
    /// As [`Self::leggi`], or too many.
    pub fn tutti(mut self, massimo: usize) -> Esito<Vec<Elemento<'a>>> {
        let mut v = Vec::new();
        while !self.finito() {
            if v.len() == massimo {
                return Err(Errore::Limite("elementi"));
            }
            v.push(self.leggi()?);
        }
        Ok(v)
    }
}

fn elemento(b: &[u8], livello: usize) -> Esito<(Elemento<'_>, &[u8])> {
    let (&tag, &primo) = (b.first().ok_or(Errore::Troncato)?, b.get(1).ok_or(Errore::Troncato)?);
    if tag & 0x1f == 0x1f {
        return Err(Errore::Valore("tag lungo"));
    }
    if primo == 0x80 {
        return indefinito(b, tag, livello);
    }
    let (testa, lunghezza) = if primo < 0x80 {
        (2, usize::from(primo))
    } else {
        let quanti = usize::from(primo & 0x7f);
        if quanti > CIFRE_MAX {
            return Err(Errore::Valore("lunghezza"));
        }
        let cifre = b.get(2..2 + quanti).ok_or(Errore::Troncato)?;
        (2 + quanti, cifre.iter().fold(0, |n, &c| n << 8 | usize::from(c)))
    };
    let fine = testa.checked_add(lunghezza).ok_or(Errore::Valore("lunghezza"))?;
    let intero = b.get(..fine).ok_or(Errore::Troncato)?;
    Ok((Elemento { tag, intero, contenuto: &intero[testa..] }, &b[fine..]))
}

fn indefinito(b: &[u8], tag: u8, livello: usize) -> Esito<(Elemento<'_>, &[u8])> {
    if tag & 0x20 == 0 {
        return Err(Errore::Valore("lunghezza indefinita di un primitivo"));
    }
    if livello >= PROFONDITA_MAX {
        return Err(Errore::Limite("profondità"));
    }
    let dentro = &b[2..];
    let mut resto = dentro;
    loop {
        if let [0, 0, dopo @ ..] = resto {
            let lungo = dentro.len() - resto.len();
            let e = Elemento { tag, intero: &b[..lungo + 4], contenuto: &dentro[..lungo] };
            return Ok((e, dopo));
        }
        resto = elemento(resto, livello + 1)?.1;
    }
}

/// A DER element around these bytes.
pub fn avvolgi(tag: u8, contenuto: &[u8]) -> Vec<u8> {
    let n = contenuto.len();
    let mut v = Vec::with_capacity(n + 10);
    v.push(tag);
    if n < 0x80 {
        v.push(n as u8);
    } else {
        let cifre = n.to_be_bytes();
        let cifre = senza_zeri(&cifre);
        v.push(0x80 | cifre.len() as u8);
        v.extend_from_slice(cifre);
    }
    v.extend_from_slice(contenuto);
    v
}

#[cfg(test)]
mod prove {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn indefinite_lengths_and_pieces_are_followed() {
        let b = [0x24, 0x80, 0x04, 2, 1, 2, 0x24, 3, 0x04, 1, 3, 0x04, 0, 0, 0, 9];
        let mut l = Lettore::nuovo(&b);
        let e = l.leggi().unwrap();
        assert_eq!(e.ottetti().unwrap().unito().as_ref(), [1, 2, 3]);
        assert_eq!(l.resto(), [9]);
        // Under an implicit tag too.
        for b in [&[0xa0, 0x80, 0x04, 2, 1, 2, 0x04, 1, 3, 0, 0][..], &[0x80, 3, 1, 2, 3]] {
            let e = Lettore::nuovo(b).leggi().unwrap().implicito(tag::OCTET_STRING);
            assert_eq!(e.ottetti().unwrap().unito().as_ref(), [1, 2, 3]);
        }
    }

    #[test]
    fn indefinite_lengths_and_strings_in_pieces_are_put_together() {
        let byte = [0x24, 0x80, 4, 2, 1, 2, 0x24, 0x80, 4, 1, 3, 0, 0, 0, 0, 5, 0];
        let mut l = Lettore::nuovo(&byte);
        assert_eq!(l.leggi().unwrap().ottetti().unwrap().unito().as_ref(), [1, 2, 3]);
        l.atteso(5).unwrap();
        assert!(l.finito());
        let mut fondo = [0x30, 0x80].repeat(40);
        fondo.extend([0; 80]);
        assert_eq!(Lettore::nuovo(&fondo).leggi().unwrap_err(), Errore::Limite("profondità"));
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        for byte in [&[][..], &[0x30], &[0x30, 2, 5], &[0x30, 0x82, 1], &[0x30, 0x85, 0, 0, 0, 0, 0], &[0x1f, 1, 0]] {
            assert!(Lettore::nuovo(byte).leggi().is_err(), "{byte:02x?}");
        }
        assert_eq!(Lettore::solo(&[5, 0, 5, 0], 5).unwrap_err(), AVANZO);
    }

    #[test]
    fn lies_about_length_and_depth_are_refused() {
        assert_eq!(Lettore::nuovo(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).leggi().unwrap_err(), Errore::Troncato);
        assert_eq!(
            Lettore::nuovo(&[0x04, 0x80, 0, 0]).leggi().unwrap_err(),
            Errore::Valore("lunghezza indefinita di un primitivo")
        );
        assert!(Lettore::nuovo(&[0x30, 0x88, 255, 255, 255, 255, 255, 255, 255, 255]).leggi().is_err());
        let abisso = [0x30, 0x80].repeat(100_000);
        assert_eq!(Lettore::nuovo(&abisso).leggi().unwrap_err(), Errore::Limite("profondità"));
    }

    proptest! {
        #[test]
        fn what_is_wrapped_is_read_back(tag in 0u8..0x1f, v in prop::collection::vec(any::<u8>(), 0..600)) {
            let b = avvolgi(tag, &v);
            let e = Lettore::nuovo(&b).leggi().unwrap();
            prop_assert_eq!(e.tag, tag);
            prop_assert_eq!(e.contenuto, &v[..]);
        }

        #[test]
        fn no_bytes_break_the_reader(v in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut l = Lettore::nuovo(&v);
            while let Ok(e) = l.leggi() {
                let _ = (e.ottetti(), istante(&e), oid(&e), testo(&e), intero_piccolo(&e));
            }
        }
    }
}
