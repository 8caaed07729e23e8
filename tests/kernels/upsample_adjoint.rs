use asma::kernels::upsample::{BILINEAR, BILINEAR_ALIGNED, NEAREST};
use asma::kernels::upsample_adjoint::Params;

use super::support::{Case, ROUNDS, Random, compare};
use super::upsample::{COORDINATES, resampled};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(14);
    let cases = (0..3 * ROUNDS).map(|round| {
        let extent = random.extent();
        let output_extent = resampled(&mut random, extent);
        let (gradient, gradient_length) = random.view(output_extent);
        let (output, output_length) = random.view(extent);
        let params = Params {
            gradient,
            output,
            input_extent: extent,
            output_extent,
            mode: [NEAREST, BILINEAR, BILINEAR_ALIGNED][round % 3],
            accumulate: random.below(2),
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(gradient_length)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), COORDINATES);
}
