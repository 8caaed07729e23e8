use asma::kernels::average_pool2d_adjoint::Params;

use super::average_pool2d::pooling;
use super::support::{Case, ROUNDING, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(72);
    let cases = (0..2 * ROUNDS).map(|_| {
        let extent = random.extent();
        let (pooling, pooled) = pooling(&mut random, extent);
        let (gradient, gradient_length) = random.view(pooled);
        let (output, output_length) = random.view(extent);
        let params = Params {
            gradient,
            output,
            input_extent: extent,
            output_extent: pooled,
            kernel: pooling.kernel,
            stride: pooling.stride,
            padding: pooling.padding,
            counted_before: pooling.counted_before,
            counted_after: pooling.counted_after,
            accumulate: random.below(2),
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(gradient_length)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), ROUNDING);
}
