use asma::kernels::normalise_adjoint::Params;

use super::moments::{MOMENTS, blocks, extent};
use super::support::{Case, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(75);
    let cases = (0..2 * ROUNDS).map(|_| {
        let extent = extent(&mut random);
        let [
            (input, input_length),
            (gradient, gradient_length),
            (output, output_length),
        ] = [0; 3].map(|_| random.view(extent));
        let blocks = blocks(&mut random, extent);
        let per_column = random.below(2);
        let params = Params {
            input,
            gradient,
            output,
            extent,
            blocks,
            per_column,
            accumulate: random.below(2),
        };
        let coefficients = if per_column == 1 { extent.w } else { extent.c };
        Case {
            params: params.into(),
            reads: vec![
                random.floats(input_length),
                random.floats(2 * blocks.elements() as usize),
                random.floats(2 * coefficients as usize),
                random.floats(gradient_length),
                random.floats(2 * blocks.elements() as usize),
            ],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), MOMENTS);
}
