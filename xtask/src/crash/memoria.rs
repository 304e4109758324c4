//! What the clients were told, and the judgement on what they find afterwards. No I/O.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, bail};

use super::cliente::Numero;

/// The requests of a whole run.
#[derive(Debug, Default)]
pub struct Memoria {
    /// Request number → number acknowledged.
    promesse: BTreeMap<u64, Numero>,
    /// The other way round, to find doubles.
    di_chi: HashMap<Numero, u64>,
    /// Sent and never answered.
    sospese: Vec<u64>,
}

impl Memoria {
    /// The service acknowledged request `n`. R-A08: never another number for it, never the same for another.
    pub fn promessa(&mut self, n: u64, numero: Numero) -> Result<()> {
        if let Some(prima) = self.promesse.get(&n)
            && *prima != numero
        {
            bail!("request {n} had number {prima:?}, its retry got {numero:?}");
        }
        if let Some(altra) = self.di_chi.get(&numero)
            && *altra != n
        {
            bail!("number {numero:?} was given to request {altra} and again to request {n}");
        }
        self.promesse.insert(n, numero);
        self.di_chi.insert(numero, n);
        Ok(())
    }

    /// Request `n` was sent and the connection broke.
    pub fn sospesa(&mut self, n: u64) {
        self.sospese.push(n);
    }

    /// Takes the requests left without an answer, to try them again.
    pub fn prendi_sospese(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.sospese)
    }

    /// Acknowledged requests, oldest first.
    pub fn promesse(&self) -> impl DoubleEndedIterator<Item = (u64, Numero)> + '_ {
        self.promesse.iter().map(|(n, numero)| (*n, *numero))
    }

    /// How many are acknowledged.
    pub fn quante(&self) -> usize {
        self.promesse.len()
    }
}

/// R-A08: numbers listed newest first go down by one to just above `oltre`. Gives the highest.
pub fn senza_buchi_ne_doppi(numeri: &[u64], oltre: u64) -> Result<u64> {
    for coppia in numeri.windows(2) {
        if coppia[1] + 1 != coppia[0] {
            let che_cosa = if coppia[0] == coppia[1] { "a double" } else { "a gap or a disorder" };
            bail!("{che_cosa}: {} is followed by {}", coppia[0], coppia[1]);
        }
    }
    match numeri.last() {
        Some(ultimo) if *ultimo != oltre + 1 => bail!("a gap: the first number after {oltre} is {ultimo}"),
        _ => Ok(numeri.first().copied().unwrap_or(oltre)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Memoria, senza_buchi_ne_doppi};

    #[test]
    fn a_retry_with_another_number_or_a_number_given_twice_is_caught() {
        let mut memoria = Memoria::default();
        memoria.promessa(1, (2026, 10)).unwrap();
        memoria.promessa(1, (2026, 10)).unwrap();
        assert!(memoria.promessa(1, (2026, 11)).is_err());
        assert!(memoria.promessa(2, (2026, 10)).is_err());
        memoria.promessa(2, (2027, 10)).unwrap();
        assert_eq!(memoria.quante(), 2);
    }

    #[test]
    fn gaps_doubles_and_missing_first_numbers_are_caught() {
        assert_eq!(senza_buchi_ne_doppi(&[5, 4, 3, 2, 1], 0).unwrap(), 5);
        assert_eq!(senza_buchi_ne_doppi(&[5, 4], 3).unwrap(), 5);
        assert_eq!(senza_buchi_ne_doppi(&[], 3).unwrap(), 3);
        for (numeri, oltre) in [(&[5, 3][..], 2), (&[5, 5, 4], 3), (&[5, 4], 0), (&[4, 5], 3)] {
            assert!(senza_buchi_ne_doppi(numeri, oltre).is_err(), "{numeri:?}");
        }
    }

    #[test]
    fn unanswered_requests_are_taken_once() {
        let mut memoria = Memoria::default();
        memoria.sospesa(4);
        assert_eq!(memoria.prendi_sospese(), [4]);
        assert!(memoria.prendi_sospese().is_empty());
    }
}
