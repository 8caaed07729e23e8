use asma::kernels::normalise::Params;

use super::moments::{MOMENTS, blocks, extent};
use super::support::{Case, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(73);
    let cases = (0..2 * ROUNDS).map(|_| {
        let extent = extent(&mut random);
        let [(input, input_length), (output, output_length)] = [0; 2].map(|_| random.view(extent));
        let blocks = blocks(&mut random, extent);
        let (per_column, activated) = (random.below(2), random.below(2));
        let params = Params {
            input,
            output,
            extent,
            blocks,
            per_column,
            activated,
        };
        let coefficients = if per_column == 1 { extent.w } else { extent.c };
        Case {
            params: params.into(),
            reads: vec![
                random.floats(input_length),
                random.floats(2 * blocks.elements() as usize),
                random.floats(2 * coefficients as usize),
                random.floats(extent.c as usize),
            ],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), MOMENTS);
}
