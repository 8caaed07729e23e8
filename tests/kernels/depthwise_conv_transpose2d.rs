use asma::kernels::Extent;
use asma::kernels::depthwise_conv_transpose2d::Params;

use super::conv_transpose2d::case;
use super::conv2d::Windows;
use super::support::{Case, EXACT, Random, Tolerance, compare};

/// Few, because each is a shader to compile, slowly on a software rasteriser.
const SHAPES: [Windows; 5] = [
    Windows::new([3, 3], [1, 1], 2),
    Windows::new([3, 3], [2, 2], 1),
    Windows::new([5, 4], [1, 3], 3),
    Windows {
        dilation: [2, 3],
        ..Windows::new([3, 2], [2, 1], 4)
    },
    Windows {
        dilation: [1, 2],
        ..Windows::new([1, 3], [3, 4], 2)
    },
];

fn cases(
    random: &mut Random,
    rounds: usize,
    values: impl Fn(&mut Random, usize) -> Vec<u32> + Copy,
) -> Vec<Case> {
    let mut cases = Vec::new();
    for windows in SHAPES {
        for round in 0..rounds {
            let windows = Windows {
                groups: random.choose(&[1, 2, 5, 9]),
                ..windows
            };
            // One channel at one side, or at both.
            let (here, there) = [(1, 1), (1, 3), (2, 1)][round % 3];
            let extent = Extent {
                c: here,
                ..random.extent()
            };
            cases.push(case::<Params>(random, windows, there, extent, values));
        }
    }
    cases
}

/// With multiples of ½ every product and sum is exact, in any order: not one wrong tap can hide.
#[test]
fn sums_of_exact_products_are_the_twins() {
    let mut random = Random::new(53);
    compare(
        cases(&mut random, 9, |random, length| random.coarse_floats(length)),
        EXACT,
    );
}

/// Sums of up to 60 products of numbers in [−2, 2), each rounded by 2⁻²⁴ of some tens.
#[test]
fn sums_are_the_twins_but_for_rounding() {
    let mut random = Random::new(54);
    let rounding = Tolerance {
        absolute: 1e-5,
        relative: 1e-5,
    };
    compare(
        cases(&mut random, 2, |random, length| random.floats(length)),
        rounding,
    );
}
