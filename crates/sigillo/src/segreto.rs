//! Words that nobody may see: PINs, passwords, client secrets, access tokens, activation data. They have no way to a
//! journal or to an error, and leave memory when they are done with.

use std::fmt;

use zeroize::Zeroizing;

/// A secret. `Debug` says that it is one, and nothing else.
#[derive(Clone)]
pub struct Segreto(Zeroizing<String>);

impl Segreto {
    /// Takes it over.
    pub fn nuovo(testo: impl Into<String>) -> Self {
        Self(Zeroizing::new(testo.into()))
    }

    /// What it is, for who must hand it on to a device or a server.
    pub fn svela(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Segreto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Segreto(…)")
    }
}

impl<'de> serde::Deserialize<'de> for Segreto {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(Self::nuovo)
    }
}

#[cfg(test)]
mod tests {
    use super::Segreto;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Segreto::nuovo("1234")), "Segreto(…)");
    }
}
