//! Ids, tokens and decisions that look random but follow from a seed.

/// A stream of numbers that follows from its seed alone (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Seeded(u64);

impl Seeded {
    /// Starts the stream that belongs to `seed` and to each of `parts`, in order.
    pub(crate) fn new(seed: u64, parts: &[u64]) -> Self {
        let mut stream = Self(seed);
        for part in parts {
            stream = Self(stream.next() ^ *part);
        }
        stream
    }

    /// Returns the next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns the next number, from 0 up to but not including 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a UUID of version 4.
    pub(crate) fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            8 + ((b >> 60) & 3),
            (b >> 48) & 0xfff,
            b & 0xffff_ffff_ffff
        )
    }

    /// Returns `len` characters of `alphabet`.
    pub(crate) fn text(&mut self, alphabet: &[u8], len: usize) -> String {
        let size = alphabet.len() as u64;
        (0..len)
            .map(|_| {
                let at = usize::try_from(self.next() % size).unwrap_or_default();
                char::from(alphabet[at])
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_follows_from_its_seed_and_parts() {
        let take = |seed, parts: &[u64]| Seeded::new(seed, parts).uuid();
        assert_eq!(take(1, &[2, 3]), take(1, &[2, 3]));
        assert_ne!(take(1, &[2, 3]), take(1, &[3, 2]));
        assert_ne!(take(1, &[2]), take(2, &[2]));
        assert_eq!(take(1, &[2]).len(), 36);
    }

    #[test]
    fn units_spread_over_the_interval() {
        let mut stream = Seeded::new(7, &[]);
        let below = (0..10_000).filter(|_| stream.unit() < 0.1).count();
        assert!((800..1200).contains(&below), "{below}");
    }
}
