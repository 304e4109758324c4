//! The few options of the verbs: `--name` or `--name value`.

use std::str::FromStr;

use anyhow::{Context, Result, bail};

/// Options as typed, in order.
#[derive(Debug, Default)]
pub struct Argomenti(Vec<(String, Option<String>)>);

impl Argomenti {
    /// Reads what follows the verb. An option takes the next word as its value unless that is an option too.
    pub fn leggi(parole: impl Iterator<Item = String>) -> Result<Self> {
        let mut letti: Vec<(String, Option<String>)> = Vec::new();
        for parola in parole {
            match parola.strip_prefix("--") {
                Some(nome) => match nome.split_once('=') {
                    Some((nome, valore)) => letti.push((nome.to_owned(), Some(valore.to_owned()))),
                    None => letti.push((nome.to_owned(), None)),
                },
                None => match letti.last_mut() {
                    Some((_, valore @ None)) => *valore = Some(parola),
                    _ => bail!("what is \"{parola}\"? Options are --name or --name value"),
                },
            }
        }
        Ok(Self(letti))
    }

    /// Refuses options the verb does not know: a typing error must not pass for a default.
    pub fn solo(&self, noti: &[&str]) -> Result<()> {
        for (nome, _) in &self.0 {
            if !noti.contains(&nome.as_str()) {
                bail!("no option --{nome} here; there are: {}", noti.join(", "));
            }
        }
        Ok(())
    }

    /// Was `--name` typed?
    pub fn presente(&self, nome: &str) -> bool {
        self.0.iter().any(|(n, _)| n == nome)
    }

    /// The value of `--name`.
    pub fn testo(&self, nome: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == nome).and_then(|(_, v)| v.as_deref())
    }

    /// The value of `--name`, a number.
    pub fn numero<N: FromStr<Err: std::error::Error + Send + Sync + 'static>>(&self, nome: &str) -> Result<Option<N>> {
        match self.0.iter().find(|(n, _)| n == nome) {
            None => Ok(None),
            Some((_, None)) => bail!("--{nome} wants a number"),
            Some((_, Some(v))) => Ok(Some(v.parse().with_context(|| format!("--{nome} {v}"))?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Argomenti;

    fn leggi(riga: &str) -> anyhow::Result<Argomenti> {
        Argomenti::leggi(riga.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn values_follow_their_option_or_its_equal_sign() {
        let a = leggi("--giri 5 --tutto --solo=fmt").unwrap();
        assert_eq!(a.numero::<u32>("giri").unwrap(), Some(5));
        assert!(a.presente("tutto"));
        assert_eq!(a.testo("solo"), Some("fmt"));
        assert_eq!(a.numero::<u32>("seme").unwrap(), None);
    }

    #[test]
    fn stray_words_unknown_options_and_bad_numbers_are_refused() {
        assert!(leggi("giri").is_err());
        assert!(leggi("--giri 5 6").is_err());
        assert!(leggi("--giro 5").unwrap().solo(&["giri"]).is_err());
        assert!(leggi("--giri molti").unwrap().numero::<u32>("giri").is_err());
        assert!(leggi("--giri").unwrap().numero::<u32>("giri").is_err());
    }
}
