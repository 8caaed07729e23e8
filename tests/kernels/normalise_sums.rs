use asma::kernels::normalise_sums::Params;

use super::moments::{blocks, extent, parts};
use super::support::{Case, ROUNDS, Random, Tolerance, compare};

/// Of some hundred terms of size 8, some of which cancel.
const SUMS: Tolerance = Tolerance {
    absolute: 5e-4,
    relative: 2e-5,
};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(74);
    let cases = (0..2 * ROUNDS).map(|_| {
        let extent = extent(&mut random);
        let [(input, input_length), (gradient, gradient_length)] = [0; 2].map(|_| random.view(extent));
        let blocks = blocks(&mut random, extent);
        let parts = parts(&mut random, extent, blocks);
        let per_column = random.below(2);
        let params = Params {
            input,
            gradient,
            extent,
            parts,
            blocks,
            per_column,
        };
        let coefficients = if per_column == 1 { extent.w } else { extent.c };
        Case {
            params: params.into(),
            reads: vec![
                random.floats(input_length),
                random.floats(2 * blocks.elements() as usize),
                random.floats(2 * coefficients as usize),
                random.floats(gradient_length),
            ],
            writes: vec![random.floats(2 * parts.elements() as usize + 1)],
        }
    });
    compare(cases.collect(), SUMS);
}
