//! Random tensors at random places of larger buffers, and the comparison with what should stand there.

use asma::Shape;
use asma::kernels::View;
use asma_definitions::places;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// `|actual − expected| ≤ absolute + relative · |expected|`.
#[derive(Clone, Copy)]
pub struct Tolerance {
    pub absolute: f64,
    pub relative: f64,
}

/// Of results that take a few roundings.
pub const ROUNDING: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-6,
};

impl Tolerance {
    #[track_caller]
    pub fn check(&self, actual: f64, expected: f64, place: impl std::fmt::Debug) {
        let allowed = self.absolute + self.relative * expected.abs();
        assert!(
            (actual - expected).abs() <= allowed,
            "at {place:?}: {actual} instead of {expected}, {allowed:e} allowed"
        );
    }
}

/// A tensor inside a buffer that also holds other numbers.
#[derive(Clone)]
pub struct Strided {
    pub buffer: Vec<f32>,
    pub view: View,
    pub shape: Shape,
}

impl Strided {
    /// Random numbers in [−1, 1]; the tensor fills its buffer, or is a window of a larger one.
    pub fn random(random: &mut StdRng, shape: Shape) -> Strided {
        let mut margin = || {
            if random.random_bool(0.5) {
                random.random_range(0..4)
            } else {
                0
            }
        };
        let (c, y, x) = (margin(), margin(), margin());
        let outer = Shape::new(
            shape.n,
            shape.c + c + margin(),
            shape.h + y + margin(),
            shape.w + x + margin(),
        );
        Strided {
            buffer: (0..outer.elements())
                .map(|_| random.random_range(-1.0..1.0))
                .collect(),
            view: View::dense(outer).window(c, y, x),
            shape,
        }
    }

    /// The numbers in NCHW order.
    pub fn dense(&self) -> Vec<f64> {
        places(self.shape)
            .map(|[n, c, y, x]| self.buffer[self.view.at(n, c, y, x)] as f64)
            .collect()
    }

    /// Checks what a twin that writes here makes of the buffer: `expected` where the tensor lies, added to
    /// what was there if `accumulate`, and no change anywhere else.
    #[track_caller]
    pub fn check(
        &self,
        tolerance: Tolerance,
        accumulate: bool,
        run: impl FnOnce(&mut [f32]),
        expected: &[f64],
    ) -> Vec<f64> {
        let mut after = self.clone();
        run(&mut after.buffer);
        let written = after.dense();
        let mut result = Vec::new();
        for (((place, actual), before), expected) in
            places(self.shape).zip(&written).zip(self.dense()).zip(expected)
        {
            let before = if accumulate { before } else { 0.0 };
            tolerance.check(*actual, before + expected, place);
            result.push(actual - before);
        }
        assert_eq!(result.len(), expected.len());
        for place in places(self.shape) {
            let [n, c, y, x] = place;
            after.buffer[self.view.at(n, c, y, x)] = self.buffer[self.view.at(n, c, y, x)];
        }
        assert!(after.buffer == self.buffer, "a number outside the tensor changed");
        result
    }
}

/// Calls `case` with generators of many seeds.
pub fn many(mut case: impl FnMut(&mut StdRng)) {
    for seed in 0..60 {
        case(&mut StdRng::seed_from_u64(seed));
    }
}

/// A shape of 1 or 2 samples with odd and even sizes, one pixel and one channel among them.
pub fn small_shape(random: &mut StdRng) -> Shape {
    Shape::new(
        random.random_range(1..3),
        random.random_range(1..6),
        random.random_range(1..10),
        random.random_range(1..12),
    )
}

/// A vector of random numbers in [−1, 1].
pub fn vector(random: &mut StdRng, length: usize) -> Vec<f32> {
    (0..length).map(|_| random.random_range(-1.0..1.0)).collect()
}
