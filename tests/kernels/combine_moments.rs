use asma::kernels::combine_moments::Params;

use super::moments::{MOMENTS, blocks, extent, parts};
use super::support::{Case, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(72);
    let cases = (0..2 * ROUNDS).map(|_| {
        let extent = extent(&mut random);
        let blocks = blocks(&mut random, extent);
        let parts = parts(&mut random, extent, blocks);
        let params = Params {
            extent,
            parts,
            blocks,
            epsilon: 1e-3,
        };
        Case {
            params: params.into(),
            // Squares are not negative.
            reads: vec![random.probabilities(2 * parts.elements() as usize)],
            writes: vec![random.floats(2 * blocks.elements() as usize + 1)],
        }
    });
    compare(cases.collect(), MOMENTS);
}
