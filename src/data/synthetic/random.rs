//! Random numbers that are the same on every machine.

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// A stream of random numbers. Floats are derived from integers here, without any rounding that could
/// differ.
pub(super) struct Random(Pcg64Mcg);

impl Random {
    /// The stream of image `index` of the series `seed`; `kind` keeps kinds of images apart.
    pub fn new(seed: u64, index: u64, kind: u64) -> Self {
        let mut bytes = [0; 16];
        let high = mixed(seed ^ mixed(index ^ mixed(kind)));
        bytes[..8].copy_from_slice(&high.to_le_bytes());
        bytes[8..].copy_from_slice(&mixed(high ^ index).to_le_bytes());
        Random(Pcg64Mcg::from_seed(bytes))
    }

    /// A stream of its own, so that what draws from it may draw more or fewer numbers (say, for each pixel) without
    /// changing anything that comes later.
    pub fn fork(&mut self) -> Self {
        Random::new(self.0.next_u64(), self.0.next_u64(), 0)
    }

    /// In \[0, 1).
    pub fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Uniform between two numbers.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Between two positive numbers, with a uniform logarithm.
    pub fn log_between(&mut self, low: f32, high: f32) -> f32 {
        low * libm::expf(self.unit() * libm::logf(high / low))
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// A whole number from `low` to `high`, both included.
    pub fn whole(&mut self, low: usize, high: usize) -> usize {
        let count = (high - low + 1) as u64;
        low + ((u64::from(self.0.next_u32()) * count) >> 32) as usize
    }

    /// −1 or 1.
    pub fn sign(&mut self) -> f32 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// Close to a normal number of mean 0 and deviation 1: a sum of four uniform ones, which needs no
    /// elementary function.
    pub fn normal(&mut self) -> f32 {
        let bits = self.0.next_u64();
        let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
        // Four uniform numbers sum to 2 with variance 1/3.
        (sum as f32 / 65536.0 - 2.0) * 1.732_050_8
    }

    /// An angle in radians.
    pub fn angle(&mut self) -> f32 {
        self.between(0.0, std::f32::consts::TAU)
    }
}

/// A bijection of 64 bits in which every input bit changes half of the output bits (the finaliser of
/// SplitMix64), so that neighbouring seeds and indices start unrelated streams.
fn mixed(value: u64) -> u64 {
    let mut bits = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}
