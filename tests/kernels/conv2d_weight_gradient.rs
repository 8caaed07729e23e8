use asma::kernels::Extent;
use asma::kernels::conv2d_weight_gradient::Params;

use super::conv2d::Windows;
use super::support::{Case, EXACT, Random, Tolerance, compare};

/// Few kernels, because each is a shader to compile, slowly on a software rasteriser.
const SHAPES: [Windows; 12] = [
    Windows::new([1, 1], [1, 1], 0),
    Windows::new([1, 1], [2, 3], 1),
    Windows::new([3, 3], [1, 1], 0),
    Windows::new([3, 3], [1, 1], 3),
    Windows::new([3, 3], [2, 1], 1),
    Windows::new([3, 3], [3, 2], 2),
    Windows::new([2, 2], [2, 2], 0),
    Windows::new([2, 2], [3, 3], 1),
    Windows::new([7, 7], [2, 2], 5),
    Windows {
        dilation: [3, 2],
        ..Windows::new([3, 3], [1, 2], 3)
    },
    Windows {
        groups: 2,
        ..Windows::new([3, 3], [1, 1], 1)
    },
    Windows {
        groups: 5,
        ..Windows::new([2, 2], [2, 1], 1)
    },
];

/// A call with a window for each pixel of `extent`, the gradient's, with as many channels of each group.
fn case(
    random: &mut Random,
    windows: Windows,
    ins: u32,
    extent: Extent,
    rows_per_chunk: u32,
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
    // The last term is what a strided convolution leaves over, a transposed one's output padding.
    let mut input_size = |axis: usize, count: u32| {
        let covered = (count - 1) * stride[axis] + reach[axis] + random.below(stride[axis]);
        covered.saturating_sub(2 * padding[axis]).max(1)
    };
    let input_extent = Extent {
        c: groups * ins,
        h: input_size(0, extent.h),
        w: input_size(1, extent.w),
        ..extent
    };
    let extent = Extent {
        c: groups * extent.c,
        ..extent
    };
    let (input, input_length) = random.view(input_extent);
    let (gradient, gradient_length) = random.view(extent);
    let params = Params {
        input,
        gradient,
        input_extent,
        gradient_extent: extent,
        kernel,
        stride,
        padding,
        dilation,
        groups,
        rows_per_chunk,
    };
    let written = params.chunks() * extent.c * params.taps() + random.below(3);
    Case {
        params: params.into(),
        reads: vec![values(random, input_length), values(random, gradient_length)],
        // No multiples of ½, so that every sum changes what stood there.
        writes: vec![random.floats(written as usize)],
    }
}

/// With multiples of ½ every product and sum is exact, in any order: not one wrong pixel can hide.
#[test]
fn sums_of_exact_products_are_the_twins() {
    let mut random = Random::new(46);
    let mut cases = Vec::new();
    for shape in SHAPES {
        for _ in 0..5 {
            // Less than the pixels of one step, as many, more; one row and one column.
            let extent = Extent {
                n: random.between(1, 3),
                // Below, at and above the tile.
                c: random.choose(&[1, 3, 31, 32, 33, 70]),
                h: random.choose(&[1, 2, 3, 5, 8]),
                w: random.choose(&[1, 2, 3, 7, 16]),
            };
            let most = if shape.kernel == [7, 7] { 2 } else { 11 };
            let in_channels = random.choose(&[1, 2, 3, most]);
            // One row, chunks that end in the middle of a sample and leave a rest, one chunk of all.
            let rows = random.choose(&[1, 2, 3, 7, extent.n * extent.h]);
            cases.push(case(
                &mut random,
                shape,
                in_channels,
                extent,
                rows,
                |random, length| random.coarse_floats(length),
            ));
        }
    }
    // As many taps as a tile and one more, of kernels of one tap.
    for in_channels in [32, 33] {
        let extent = Extent {
            n: 2,
            c: 64,
            h: 5,
            w: 9,
        };
        cases.push(case(
            &mut random,
            SHAPES[0],
            in_channels,
            extent,
            3,
            |random, length| random.coarse_floats(length),
        ));
    }
    compare(cases, EXACT);
}

/// Sums of 1147 products below 4, which stay below some hundred; each is rounded by 2⁻²⁴ of that.
#[test]
fn long_sums_are_the_twins_but_for_rounding() {
    let mut random = Random::new(47);
    let extent = Extent {
        n: 1,
        c: 3,
        h: 31,
        w: 37,
    };
    let cases = vec![case(&mut random, SHAPES[3], 4, extent, 31, |random, length| {
        random.floats(length)
    })];
    let rounding = Tolerance {
        absolute: 3e-4,
        relative: 1e-6,
    };
    compare(cases, rounding);
}
