use asma::kernels::Extent;
use asma::kernels::max_pool2d::Params;

use super::support::{Case, EXACT, ROUNDS, Random, compare};

/// Windows along an axis of `size` places: as many as begin inside the image, the last one perhaps reaching
/// out of it (PyTorch's ceil mode, the most general).
pub fn outputs(size: u32, kernel: u32, stride: u32, padding: u32) -> u32 {
    let all = (size + 2 * padding).saturating_sub(kernel).div_ceil(stride) + 1;
    let begin_inside = (size + padding).div_ceil(stride);
    all.min(begin_inside)
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(11);
    let cases = (0..2 * ROUNDS).map(|_| {
        let extent = random.extent();
        let kernel = [random.between(1, 3), random.between(1, 3)];
        let stride = [random.between(1, 3), random.between(1, 3)];
        let padding = kernel.map(|length| random.below(length / 2 + 1));
        let windows = |axis: usize, size: u32| outputs(size, kernel[axis], stride[axis], padding[axis]);
        let pooled = Extent {
            h: windows(0, extent.h),
            w: windows(1, extent.w),
            ..extent
        };
        let (input, input_length) = random.view(extent);
        let (output, output_length) = random.view(pooled);
        let params = Params {
            input,
            output,
            input_extent: extent,
            output_extent: pooled,
            kernel,
            stride,
            padding,
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(input_length)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), EXACT);
}
