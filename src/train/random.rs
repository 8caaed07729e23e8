//! Random numbers that are the same on every machine: integers from a generator with a fixed algorithm, and
//! elementary functions that do not come from the machine's own library.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// A stream of random numbers that its seed determines.
pub(crate) struct Random(Pcg64Mcg);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(Pcg64Mcg::seed_from_u64(seed))
    }

    /// Any 64 bits, such as another seed.
    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in \[0, 1).
    pub(super) fn unit(&mut self) -> f32 {
        fraction((self.bits() >> 32) as u32)
    }

    /// A number from −`most` to `most`.
    pub(super) fn around_zero(&mut self, most: f32) -> f32 {
        (2.0 * self.unit() - 1.0) * most
    }

    /// Yes or no, as likely as each other.
    pub(super) fn coin(&mut self) -> bool {
        self.bits() >> 63 == 1
    }

    /// An index in 0..`count`; 0 where `count` is 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        // The high half of the product. That some indices are likelier by 2⁻⁶⁴·count does not matter here.
        ((u128::from(self.bits()) * count as u128) >> 64) as usize
    }

    /// Two independent normal deviates of mean 0 and standard deviation 1 (Box–Muller).
    // Noise takes one pair for each two values of an image: a call that is not inlined costs a third more.
    #[inline]
    pub(super) fn normal_pair(&mut self) -> (f32, f32) {
        let bits = self.bits();
        // 1 − u lies in (0, 1], where the logarithm is finite.
        let radius = (-2.0 * libm::logf(1.0 - fraction((bits >> 32) as u32))).sqrt();
        let (sine, cosine) = libm::sincosf(std::f32::consts::TAU * fraction(bits as u32));
        (radius * cosine, radius * sine)
    }
}

/// A number in \[0, 1) from the upper 24 of 32 bits, as many as a float holds exactly.
fn fraction(bits: u32) -> f32 {
    (bits >> 8) as f32 / (1 << 24) as f32
}

/// A seed of its own for each list of numbers, such as one for each epoch and sample. Near numbers give
/// unrelated seeds, and adding them up in another way does not give the same one again.
pub fn derived_seed(seed: u64, numbers: &[u64]) -> u64 {
    numbers.iter().fold(seed, |seed, &number| {
        // The output function of SplitMix64.
        let mut mixed = seed
            .rotate_left(23)
            .wrapping_add(number)
            .wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}
