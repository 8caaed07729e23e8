use asma::kernels::Extent;
use asma::kernels::reduce::{LARGEST, PLAIN, Params, SUM, WHERE_RIGHT};

use super::support::{Case, ROUNDS, Random, Tolerance, compare_variants};

/// Of sums of some thousand terms of size 1, some of which cancel.
const SUMS: Tolerance = Tolerance {
    absolute: 2e-4,
    relative: 1e-5,
};

/// Blocks along each axis, of any size that leaves no block empty.
fn blocks(random: &mut Random, extent: Extent) -> Extent {
    let mut count = |all: u32| match random.below(3) {
        0 => 1,
        1 => all,
        _ => all.div_ceil(random.between(1, all)),
    };
    Extent {
        n: count(extent.n),
        c: count(extent.c),
        h: count(extent.h),
        w: count(extent.w),
    }
}

fn cases(seed: u64) -> Vec<Case> {
    let mut random = Random::new(seed);
    let case = |round: usize| {
        let extent = match round % 4 {
            // More than the threads of a workgroup have at once.
            0 => Extent {
                n: 2,
                c: 3,
                h: 17,
                w: 71,
            },
            _ => random.extent(),
        };
        let (function, term) = match round % 9 {
            8 => (LARGEST, PLAIN),
            term => (SUM, term as u32),
        };
        let [left_extent, right_extent] = [0; 2].map(|_| random.part_of(extent));
        let output_extent = blocks(&mut random, extent);
        let [
            (input, input_length),
            (left, left_length),
            (right, right_length),
            (output, output_length),
        ] = [extent, left_extent, right_extent, output_extent].map(|extent| random.view(extent));
        let params = Params {
            input,
            left,
            right,
            output,
            extent,
            left_extent,
            right_extent,
            output_extent,
            function,
            term,
            scale: random.float(0.5, 1.0),
            accumulate: random.below(2),
        };
        Case {
            params: params.into(),
            reads: vec![
                random.floats(input_length),
                match term {
                    // Equal ones among them.
                    6.. => random.coarse_floats(left_length),
                    _ => random.floats(left_length),
                },
                match term {
                    6.. => random.coarse_floats(right_length),
                    _ => (0..right_length)
                        .map(|_| random.float(0.5, 2.0).to_bits())
                        .collect(),
                },
            ],
            writes: vec![random.floats(output_length)],
        }
    };
    // Where nothing of the larger one is one of the smaller one's, a sum that is added changes nothing.
    let mut all: Vec<Case> = (0..3 * ROUNDS).map(case).collect();
    all.retain(|case| match case.params {
        asma::kernels::Params::Reduce(params) => {
            params.term < WHERE_RIGHT - 1 || params.extent.elements() > 100
        }
        _ => false,
    });
    all
}

#[test]
fn shaders_are_as_their_twin() {
    compare_variants::<Params>(&cases(62), SUMS);
}
