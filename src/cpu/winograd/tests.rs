//! Winograd's form against the direct one, which the tests hold against plain loops, and what both promise of their bits.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::super::convolution::Convolution;
use super::super::matrix::Epilogue;
use crate::Shape;
use crate::kernels::View;
use crate::kernels::conv2d::Params;

/// A convolution with numbers of its own.
struct Case {
    params: Params,
    transposed: bool,
    input: Vec<f32>,
    weight: Vec<f32>,
    coefficients: Vec<f32>,
    gate: Vec<f32>,
    output: Vec<f32>,
}

fn numbers(random: &mut SmallRng, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
}

impl Case {
    fn new(random: &mut SmallRng, input: Shape, outs: usize, padding: [usize; 2], transposed: bool) -> Case {
        let size = |size: usize, padding: usize| match transposed {
            true => size + 2 - 2 * padding,
            false => size + 2 * padding - 2,
        };
        let output = Shape::new(
            input.n,
            outs,
            size(input.h, padding[0]),
            size(input.w, padding[1]),
        );
        let padded = outs.next_multiple_of(8);
        let params = Params {
            input: View::dense(input),
            output: View::dense(output),
            input_extent: input.into(),
            output_extent: output.into(),
            kernel: [3, 3],
            stride: [1, 1],
            padding: padding.map(|padding| padding as u32),
            dilation: [1, 1],
            padded_out_channels: padded as u32,
            accumulate: random.random_range(0..2),
            gated: random.random_range(0..2),
            groups: 1,
        };
        Case {
            params,
            transposed,
            input: numbers(random, input.elements()),
            weight: numbers(random, 9 * input.c * padded),
            coefficients: numbers(random, 2 * padded),
            gate: numbers(random, output.elements()),
            output: numbers(random, output.elements()),
        }
    }

    fn convolution(&self) -> Convolution<'_> {
        Convolution {
            params: self.params,
            transposed: self.transposed,
            input: &self.input,
            weight: &self.weight,
            epilogue: Epilogue {
                coefficients: &self.coefficients,
                gate: (self.params.gated == 1).then_some(&self.gate),
                accumulate: self.params.accumulate == 1,
            },
        }
    }

    fn winograd(&self) -> Vec<f32> {
        let mut output = self.output.clone();
        self.convolution().run_winograd(&mut output);
        output
    }

    fn direct(&self) -> Vec<f32> {
        let mut output = self.output.clone();
        self.convolution().run_direct(&mut output);
        output
    }
}

/// Odd and even sizes, one pixel and one channel, several blocks, paddings on both sides of what keeps the size.
fn random_case(random: &mut SmallRng) -> Case {
    let transposed = random.random_bool(0.3);
    let padding = [0; 2].map(|_| random.random_range(0..3));
    let large = random.random_bool(0.3);
    let [ins, outs] = [0; 2].map(|_| random.random_range(1..if large { 100 } else { 20 }));
    let mut side = |padding: usize| {
        let outside = if transposed { padding } else { 2 - padding };
        random.random_range(1..if large { 60 } else { 24 }) + 2 * outside
    };
    let input = Shape::new(1, ins, side(padding[0]), side(padding[1]));
    let samples = random.random_range(1..3);
    Case::new(random, Shape { n: samples, ..input }, outs, padding, transposed)
}

#[test]
fn both_forms_compute_the_same() {
    for seed in 0..150 {
        let case = random_case(&mut SmallRng::seed_from_u64(seed));
        // Of a sum of products of numbers below 1 each term is rounded once, to a sum that grows with the root of their number,
        // and these errors add up as the root of their number again.
        let terms = 9.0 * case.params.input_extent.c as f32;
        let allowed = 0.5 * terms * f32::EPSILON + 2e-6;
        for (place, (found, wanted)) in case.winograd().iter().zip(case.direct()).enumerate() {
            assert!(
                (found - wanted).abs() <= allowed + 1e-6 * wanted.abs(),
                "seed {seed}, {:?}, at {place}: {found} instead of {wanted}",
                case.params
            );
        }
    }
}

/// However the work is parted, and whatever else is in the batch.
#[test]
fn bits_depend_on_the_sample_alone() {
    for seed in 0..12 {
        let random = &mut SmallRng::seed_from_u64(seed);
        let input = Shape::new(2, 1 + seed as usize * 9, 29, 41);
        let both = Case::new(random, input, 19, [1, 1], false);
        let wanted = both.winograd();
        for threads in [1, 2, 5, 16] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let found = pool.map(|pool| pool.install(|| both.winograd()));
            assert!(found.is_ok_and(|found| found == wanted), "{threads} threads");
        }
        let alone = Case {
            input: both.input[both.input.len() / 2..].to_vec(),
            output: both.output[both.output.len() / 2..].to_vec(),
            gate: both.gate[both.gate.len() / 2..].to_vec(),
            params: Params {
                input_extent: Shape { n: 1, ..input }.into(),
                output_extent: Shape::new(1, 19, 29, 41).into(),
                ..both.params
            },
            ..both
        };
        assert_eq!(alone.winograd(), wanted[wanted.len() / 2..]);
    }
}

/// Max pooling must not tell outputs apart that see the same: along a row or a column that does not change, and all over an
/// area that does not.
#[test]
fn equal_surroundings_give_equal_bits() {
    for (along_rows, along_columns) in [(true, false), (false, true), (true, true)] {
        let random = &mut SmallRng::seed_from_u64(7);
        let input = Shape::new(1, 21, 31, 75);
        let mut case = Case::new(random, input, 17, [0, 0], false);
        (case.params.gated, case.params.accumulate) = (0, 0);
        for c in 0..input.c {
            for y in 0..input.h {
                for x in 0..input.w {
                    let [y0, x0] = [if along_columns { 0 } else { y }, if along_rows { 0 } else { x }];
                    let plane = c * input.h * input.w;
                    case.input[plane + y * input.w + x] = case.input[plane + y0 * input.w + x0];
                }
            }
        }
        let output = case.winograd();
        let [h, w] = [29, 73];
        for (place, value) in output.iter().enumerate() {
            let (plane, y, x) = (place / (h * w), place / w % h, place % w);
            let [y, x] = [if along_columns { 0 } else { y }, if along_rows { 0 } else { x }];
            assert_eq!(*value, output[(plane * h + y) * w + x]);
        }
    }
}
