use asma::kernels::Extent;
use asma::kernels::max_pool2d_adjoint::Params;

use super::max_pool2d::outputs;
use super::support::{Case, ROUNDING, ROUNDS, Random, compare_variants};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(12);
    let cases = (0..2 * ROUNDS).map(|_| {
        let extent = random.extent();
        let kernel = [random.between(1, 3), random.between(1, 3)];
        // Half of them with windows side by side, for which there is a variant.
        let apart = random.below(2) == 0;
        let stride = match apart {
            true => kernel,
            false => [random.between(1, 3), random.between(1, 3)],
        };
        let padding = kernel.map(|length| if apart { 0 } else { random.below(length / 2 + 1) });
        let windows = |axis: usize, size: u32| outputs(size, kernel[axis], stride[axis], padding[axis]);
        let pooled = Extent {
            h: windows(0, extent.h),
            w: windows(1, extent.w),
            ..extent
        };
        let (input, input_length) = random.view(extent);
        let (gradient, gradient_length) = random.view(pooled);
        let (output, output_length) = random.view(extent);
        let params = Params {
            input,
            gradient,
            output,
            input_extent: extent,
            output_extent: pooled,
            kernel,
            stride,
            padding,
            accumulate: random.below(2),
            gated: random.below(2),
            slope: random.choose(&[0.0, 0.25]),
        };
        Case {
            params: params.into(),
            // Many equal values: the first in row-major order has the gradient.
            reads: vec![random.coarse_floats(input_length), random.floats(gradient_length)],
            writes: vec![random.floats(output_length)],
        }
    });
    let cases: Vec<Case> = cases.collect();
    compare_variants::<Params>(&cases, ROUNDING);
}
