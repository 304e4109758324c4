//! Chance that can be had again: one seed, the same choices.

/// `SplitMix64`: small, good enough to scatter instants and bytes, not for secrets.
#[derive(Debug, Clone)]
pub struct Caso(u64);

impl Caso {
    /// From a seed.
    pub fn nuovo(seme: u64) -> Self {
        Self(seme)
    }

    /// Another source that depends only on this seed and on `n`.
    pub fn ramo(seme: u64, n: u64) -> Self {
        let mut padre = Self(seme ^ n.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        Self(padre.prossimo())
    }

    /// The next 64 bits.
    pub fn prossimo(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `min` to `max`, both included.
    pub fn tra(&mut self, min: u64, max: u64) -> u64 {
        min + self.prossimo() % (max - min + 1)
    }

    /// Bytes that do not compress.
    pub fn byte(&mut self, quanti: usize) -> Vec<u8> {
        let mut uscita = Vec::with_capacity(quanti + 8);
        while uscita.len() < quanti {
            uscita.extend_from_slice(&self.prossimo().to_le_bytes());
        }
        uscita.truncate(quanti);
        uscita
    }
}

#[cfg(test)]
mod tests {
    use super::Caso;

    #[test]
    fn the_same_seed_gives_the_same_choices_and_another_does_not() {
        let serie = |seme| Caso::nuovo(seme).byte(100);
        assert_eq!(serie(7), serie(7));
        assert_ne!(serie(7), serie(8));
        assert_ne!(Caso::ramo(7, 1).prossimo(), Caso::ramo(7, 2).prossimo());
    }

    #[test]
    fn instants_stay_between_their_bounds_and_reach_both() {
        let mut caso = Caso::nuovo(1);
        let visti: Vec<u64> = (0..1000).map(|_| caso.tra(5, 9)).collect();
        assert!(visti.iter().all(|v| (5..=9).contains(v)));
        assert!((5..=9).all(|v| visti.contains(&v)));
    }
}
