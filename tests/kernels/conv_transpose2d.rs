use asma::kernels::Extent;
use asma::kernels::conv_transpose2d::Params;
use asma::kernels::conv2d::{self, CHANNEL_BLOCK};

use super::conv2d::{Windows, gated_in_turn};
use super::support::{Case, EXACT, Random, Tolerance, compare_variants, compare_variants_plainly};

/// Few, because each is a shader to compile, slowly on a software rasteriser.
const SHAPES: [Windows; 9] = [
    Windows::new([2, 2], [2, 2], 0),
    Windows::new([3, 3], [2, 2], 1),
    Windows::new([3, 3], [1, 1], 2),
    Windows::new([4, 3], [2, 3], 2),
    Windows::new([5, 2], [3, 1], 1),
    // Kernel smaller than stride: some phases have no tap at all.
    Windows::new([1, 2], [2, 3], 0),
    // Dilations that have a divisor in common with the stride, and that have not.
    Windows {
        dilation: [2, 3],
        ..Windows::new([3, 3], [4, 2], 3)
    },
    Windows {
        dilation: [3, 2],
        ..Windows::new([2, 3], [1, 3], 2)
    },
    // Groups whose out channels share the 8 of a thread, or have some of several.
    Windows {
        groups: 3,
        ..Windows::new([3, 2], [2, 1], 1)
    },
];

/// A call on an input of `extent` with as many channels of each group; `values` makes buffers of input, weights,
/// coefficients, output.
pub fn case<P: From<conv2d::Params> + Into<asma::kernels::Params>>(
    random: &mut Random,
    windows: Windows,
    outs: u32,
    extent: Extent,
    mut values: impl FnMut(&mut Random, usize) -> Vec<u32>,
) -> Case {
    let Windows {
        kernel,
        stride,
        most_padding,
        dilation,
        groups,
        ..
    } = windows;
    let reach = windows.reach();
    let padding = [random.between(0, most_padding), random.between(0, most_padding)];
    let after = [random.between(0, most_padding), random.between(0, most_padding)];
    // The last term is PyTorch's output padding.
    let mut output_size = |axis: usize, size: u32| {
        let full = (size - 1) * stride[axis] + reach[axis] + random.below(stride[axis]);
        full.saturating_sub(padding[axis] + after[axis]).max(1)
    };
    let input_extent = Extent {
        c: groups * extent.c,
        ..extent
    };
    let output_extent = Extent {
        c: groups * outs,
        h: output_size(0, extent.h),
        w: output_size(1, extent.w),
        ..extent
    };
    let (input, input_length) = random.view(input_extent);
    let (output, output_length) = random.view(output_extent);
    // Now and then by a block more than the channels need.
    let padded_out_channels = (output_extent.c + CHANNEL_BLOCK as u32 * (random.below(4) / 3))
        .next_multiple_of(CHANNEL_BLOCK as u32);
    let taps = extent.c * kernel[0] * kernel[1];
    let mut weight = values(random, (taps * padded_out_channels) as usize);
    for taps in weight.chunks_mut(padded_out_channels as usize) {
        taps[output_extent.c as usize..].fill(0);
    }
    let params = P::from(conv2d::Params {
        input,
        output,
        input_extent,
        output_extent,
        kernel,
        stride,
        padding,
        dilation,
        padded_out_channels,
        accumulate: random.below(2),
        gated: windows.gate(random),
        groups,
    });
    Case {
        params: params.into(),
        reads: vec![
            values(random, input_length),
            weight,
            values(random, 2 * padded_out_channels as usize),
            values(random, output_length),
        ],
        writes: vec![values(random, output_length)],
    }
}

/// With multiples of ½ every product and sum is exact, in any order: not one wrong tap can hide.
#[test]
fn sums_of_exact_products_are_the_twins() {
    let mut random = Random::new(41);
    let mut cases = Vec::new();
    for shape in gated_in_turn(SHAPES) {
        for _ in 0..10 {
            let extent = random.extent();
            let out_channels = random.choose(&[1, 2, 8, 11, 33, 70]);
            cases.push(case::<Params>(
                &mut random,
                shape,
                out_channels,
                extent,
                |random, length| random.coarse_floats(length),
            ));
        }
    }
    compare_variants::<Params>(&cases, EXACT);
}

/// More pixels of a phase than one workgroup computes, across and down.
#[test]
fn many_workgroups_are_the_twins() {
    let mut random = Random::new(42);
    // Of phases with several taps, and of phases that are a product of one matrix.
    let cases = [SHAPES[0], SHAPES[1]].map(|shape| {
        [(1, 2, 43, 45), (2, 3, 1, 700), (1, 1, 517, 2)].map(|(n, c, h, w)| {
            let extent = Extent { n, c, h, w };
            case::<Params>(&mut random, shape, 9, extent, |random, length| {
                random.coarse_floats(length)
            })
        })
    });
    let cases = cases.concat();
    compare_variants_plainly::<Params>(&cases, EXACT);
}

/// Sums of up to 400 products of numbers in [−2, 2), which cancel to within some tens: each of the
/// roundings is of at most 2⁻²⁴ · 100.
#[test]
fn long_sums_are_the_twins_but_for_rounding() {
    let mut random = Random::new(43);
    let mut cases = Vec::new();
    for shape in [SHAPES[0], SHAPES[3]] {
        let extent = Extent {
            c: 100,
            ..random.extent()
        };
        cases.push(case::<Params>(&mut random, shape, 9, extent, |random, length| {
            random.floats(length)
        }));
    }
    let rounding = Tolerance {
        absolute: 1e-4,
        relative: 1e-5,
    };
    compare_variants::<Params>(&cases, rounding);
}
