use asma::kernels::Extent;
use asma::kernels::average_pool2d::Params;

use super::max_pool2d::outputs;
use super::support::{Case, ROUNDING, ROUNDS, Random, compare};

/// Random windows over `input`, of which every one has a place that counts, and the extent of what is pooled.
pub fn pooling(random: &mut Random, input: Extent) -> (Params, Extent) {
    let kernel = [random.between(1, 4), random.between(1, 4)];
    let stride = [random.between(1, 3), random.between(1, 3)];
    let padding = kernel.map(|length| random.below(length));
    let windows = |axis: usize, size: u32| outputs(size, kernel[axis], stride[axis], padding[axis]);
    let output = Extent {
        h: windows(0, input.h),
        w: windows(1, input.w),
        ..input
    };
    let counts = random.below(2);
    let view = asma::kernels::View::dense(input.into());
    let params = Params {
        input: view,
        output: view,
        input_extent: input,
        output_extent: output,
        kernel,
        stride,
        padding,
        counted_before: padding.map(|length| counts * length),
        counted_after: [counts * random.below(3), counts * random.below(3)],
    };
    (params, output)
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(71);
    let cases = (0..2 * ROUNDS).map(|_| {
        let extent = random.extent();
        let (pooling, pooled) = pooling(&mut random, extent);
        let (input, input_length) = random.view(extent);
        let (output, output_length) = random.view(pooled);
        let params = Params {
            input,
            output,
            ..pooling
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(input_length)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), ROUNDING);
}
