//! BER read without copying: what certificates, PKCS#12 files and answers of TSAs are made of. Bytes come from outside:
//! lengths are held against what is there, depth and count against limits, and nothing is ever decoded twice.

use std::borrow::Cow;

/// Deepest nesting of values of indefinite length, or of strings in pieces.
const PROFONDITA_MAX: usize = 16;

/// What is wrong with the encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Errore {
    /// The bytes end before the value.
    #[error("i byte finiscono prima del valore")]
    Troncato,
    /// Another value was due here.
    #[error("valore ASN.1 inatteso (etichetta {0:#04x})")]
    Inatteso(u8),
    /// Bytes are left where none should be.
    #[error("byte in più dopo il valore")]
    Avanzo,
    /// Not an encoding that anything of ours reads.
    #[error("codifica ASN.1 non ammessa")]
    Codifica,
}

type Esito<T> = Result<T, Errore>;

/// One value: its tag, what is inside, and all of its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Elemento<'a> {
    /// The tag byte, with class and form.
    pub tag: u8,
    /// Content, without the end mark of indefinite lengths.
    pub contenuto: &'a [u8],
    /// Tag, length and content.
    pub tutto: &'a [u8],
}

impl<'a> Elemento<'a> {
    /// Reads what is inside.
    pub fn dentro(&self) -> Lettore<'a> {
        Lettore { resto: self.contenuto }
    }

    /// The bytes of an OCTET STRING, also in pieces, also under an implicit tag.
    pub fn ottetti(&self) -> Esito<Cow<'a, [u8]>> {
        if self.tag & 0x20 == 0 {
            return Ok(Cow::Borrowed(self.contenuto));
        }
        let mut v = Vec::new();
        self.raccogli(&mut v, PROFONDITA_MAX)?;
        Ok(Cow::Owned(v))
    }

    fn raccogli(&self, v: &mut Vec<u8>, profondita: usize) -> Esito<()> {
        let mut pezzi = self.dentro();
        while let Some(p) = pezzi.forse()? {
            match p.tag {
                0x04 => v.extend_from_slice(p.contenuto),
                0x24 if profondita > 0 => p.raccogli(v, profondita - 1)?,
                t => return Err(Errore::Inatteso(t)),
            }
        }
        Ok(())
    }

    /// An OBJECT IDENTIFIER, dotted.
    pub fn oid(&self) -> Esito<String> {
        if self.tag != 0x06 {
            return Err(Errore::Inatteso(self.tag));
        }
        if self.contenuto.is_empty() || self.contenuto.len() > 64 {
            return Err(Errore::Codifica);
        }
        let (mut testo, mut n, mut primo) = (String::new(), 0u64, true);
        for b in self.contenuto {
            n = n.checked_mul(128).ok_or(Errore::Codifica)? | u64::from(b & 0x7f);
            if b & 0x80 == 0 {
                if primo {
                    let capo = (n / 40).min(2);
                    testo = format!("{capo}.{}", n - capo * 40);
                    primo = false;
                } else {
                    testo.push_str(&format!(".{n}"));
                }
                n = 0;
            }
        }
        if self.contenuto.last().is_some_and(|b| b & 0x80 != 0) {
            return Err(Errore::Codifica);
        }
        Ok(testo)
    }

    /// A small INTEGER, not negative.
    pub fn numero(&self) -> Esito<u64> {
        if self.tag != 0x02 {
            return Err(Errore::Inatteso(self.tag));
        }
        match self.contenuto {
            [] => Err(Errore::Codifica),
            [b, ..] if b & 0x80 != 0 => Err(Errore::Codifica),
            c => {
                let utili = &c[c.iter().take_while(|b| **b == 0).count()..];
                if utili.len() > 8 {
                    return Err(Errore::Codifica);
                }
                Ok(utili.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
            }
        }
    }
}

/// Reads one value after the other.
#[derive(Debug, Clone, Copy)]
pub struct Lettore<'a> {
    resto: &'a [u8],
}

impl<'a> Lettore<'a> {
    /// Over these bytes.
    pub fn nuovo(byte: &'a [u8]) -> Self {
        Self { resto: byte }
    }

    /// The only value of these bytes.
    pub fn solo(byte: &'a [u8], tag: u8) -> Esito<Elemento<'a>> {
        let mut l = Self::nuovo(byte);
        let e = l.atteso(tag)?;
        l.finito()?;
        Ok(e)
    }

    /// The next value, which must be there.
    pub fn prossimo(&mut self) -> Esito<Elemento<'a>> {
        let (e, resto) = leggi(self.resto, PROFONDITA_MAX)?;
        self.resto = resto;
        Ok(e)
    }

    /// The next value, if any.
    pub fn forse(&mut self) -> Esito<Option<Elemento<'a>>> {
        if self.resto.is_empty() { Ok(None) } else { self.prossimo().map(Some) }
    }

    /// The next value, which must be of this tag.
    pub fn atteso(&mut self, tag: u8) -> Esito<Elemento<'a>> {
        match self.se(tag)? {
            Some(e) => Ok(e),
            None => Err(self.resto.first().map_or(Errore::Troncato, |t| Errore::Inatteso(*t))),
        }
    }

    /// The next value if it is of this tag; else nothing is read.
    pub fn se(&mut self, tag: u8) -> Esito<Option<Elemento<'a>>> {
        // An OCTET STRING in pieces stands for one in a single piece.
        match self.resto.first() {
            Some(t) if *t == tag || (tag == 0x04 && *t == 0x24) => self.prossimo().map(Some),
            _ => Ok(None),
        }
    }

    /// Nothing may be left.
    pub fn finito(&self) -> Esito<()> {
        if self.resto.is_empty() { Ok(()) } else { Err(Errore::Avanzo) }
    }
}

fn leggi(byte: &[u8], profondita: usize) -> Esito<(Elemento<'_>, &[u8])> {
    let [tag, primo, dopo @ ..] = byte else { return Err(Errore::Troncato) };
    if tag & 0x1f == 0x1f {
        return Err(Errore::Codifica);
    }
    if *primo == 0x80 {
        return indefinito(*tag, byte, profondita);
    }
    let (lunghezza, dopo) = match *primo {
        n @ 0..0x80 => (usize::from(n), dopo),
        n => {
            let quanti = usize::from(n & 0x7f);
            if quanti > 4 {
                return Err(Errore::Codifica);
            }
            let (cifre, dopo) = dopo.split_at_checked(quanti).ok_or(Errore::Troncato)?;
            (cifre.iter().fold(0, |n, b| n << 8 | usize::from(*b)), dopo)
        }
    };
    let (contenuto, resto) = dopo.split_at_checked(lunghezza).ok_or(Errore::Troncato)?;
    Ok((Elemento { tag: *tag, contenuto, tutto: &byte[..byte.len() - resto.len()] }, resto))
}

/// A value that goes on until its end mark: only constructed ones may.
fn indefinito(tag: u8, byte: &[u8], profondita: usize) -> Esito<(Elemento<'_>, &[u8])> {
    if tag & 0x20 == 0 || profondita == 0 {
        return Err(Errore::Codifica);
    }
    let dentro = &byte[2..];
    let mut resto = dentro;
    while !resto.starts_with(&[0, 0]) {
        resto = leggi(resto, profondita - 1)?.1;
    }
    let contenuto = &dentro[..dentro.len() - resto.len()];
    let resto = &resto[2..];
    Ok((Elemento { tag, contenuto, tutto: &byte[..byte.len() - resto.len()] }, resto))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_cut_short_is_refused() {
        for byte in [&[][..], &[0x30], &[0x30, 2, 5], &[0x30, 0x82, 1], &[0x30, 0x85, 0, 0, 0, 0, 0], &[0x1f, 1, 0]] {
            assert!(Lettore::nuovo(byte).prossimo().is_err(), "{byte:02x?}");
        }
        assert_eq!(Lettore::solo(&[5, 0, 5, 0], 5).unwrap_err(), Errore::Avanzo);
    }

    #[test]
    fn indefinite_lengths_and_strings_in_pieces_are_put_together() {
        let byte = [0x24, 0x80, 4, 2, 1, 2, 0x24, 0x80, 4, 1, 3, 0, 0, 0, 0, 5, 0];
        let mut l = Lettore::nuovo(&byte);
        assert_eq!(&*l.atteso(4).unwrap().ottetti().unwrap(), [1, 2, 3]);
        l.atteso(5).unwrap();
        l.finito().unwrap();
        let mut fondo = [0x30, 0x80].repeat(40);
        fondo.extend([0; 80]);
        assert_eq!(Lettore::nuovo(&fondo).prossimo().unwrap_err(), Errore::Codifica);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(byte in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut l = Lettore::nuovo(&byte);
            while let Ok(Some(e)) = l.forse() {
                let _ = (e.ottetti(), e.oid(), e.numero());
            }
        }

        #[test]
        fn what_we_write_is_read_back(dentro in proptest::collection::vec(any::<u8>(), 0..400), n in any::<u64>()) {
            let byte = crate::der::seq(&[&crate::der::ottetti(&dentro), &crate::der::numero(n)]);
            let mut l = Lettore::solo(&byte, 0x30).unwrap().dentro();
            prop_assert_eq!(&*l.atteso(4).unwrap().ottetti().unwrap(), &dentro[..]);
            prop_assert_eq!(l.atteso(2).unwrap().numero().unwrap(), n);
        }
    }
}
