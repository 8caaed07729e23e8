use asma::kernels::Extent;
use asma::kernels::channel_sums::{GRADIENT, NEGATIVE_PRODUCT, PRODUCT, Params};

use super::support::{Case, EXACT, Random, Tolerance, compare};

fn case(
    random: &mut Random,
    extent: Extent,
    mode: u32,
    pixels_per_chunk: u32,
    mut values: impl FnMut(&mut Random, usize) -> Vec<u32>,
) -> Case {
    let (input, input_length) = random.view(extent);
    let (gradient, gradient_length) = random.view(extent);
    let params = Params {
        input,
        gradient,
        extent,
        mode,
        pixels_per_chunk,
    };
    let written = params.chunks() * extent.c + random.below(3);
    Case {
        params: params.into(),
        reads: vec![
            // Where only the gradient is summed, the input is not read.
            match mode {
                GRADIENT => vec![0],
                _ => values(random, input_length),
            },
            values(random, gradient_length),
        ],
        // No multiples of ½, so that every sum changes what stood there.
        writes: vec![random.floats(written as usize)],
    }
}

fn cases(random: &mut Random, values: impl Fn(&mut Random, usize) -> Vec<u32>) -> Vec<Case> {
    let mut cases = Vec::new();
    for mode in [GRADIENT, PRODUCT, NEGATIVE_PRODUCT] {
        // One pixel; chunks that end within rows and samples and leave a rest; one chunk; less than one.
        for pixels_per_chunk in [1, 7, 64, 65, 150, 100_000] {
            for _ in 0..3 {
                let extent = random.extent();
                cases.push(case(random, extent, mode, pixels_per_chunk, &values));
            }
        }
        let long = Extent {
            n: 3,
            c: 2,
            h: 37,
            w: 29,
        };
        cases.push(case(random, long, mode, 1024, &values));
    }
    cases
}

/// With multiples of ½ every product and sum is exact, in any order.
#[test]
fn sums_of_exact_products_are_the_twins() {
    let mut random = Random::new(44);
    compare(
        cases(&mut random, |random, length| random.coarse_floats(length)),
        EXACT,
    );
}

/// Up to 1054 terms below 4, whose partial sums stay below some hundred: in turn 17 by each thread, then 6 down
/// the tree, each rounded by 2⁻²⁴ of that.
#[test]
fn sums_are_the_twins_but_for_rounding() {
    let mut random = Random::new(45);
    let rounding = Tolerance {
        absolute: 1e-4,
        relative: 1e-6,
    };
    compare(
        cases(&mut random, |random, length| random.floats(length)),
        rounding,
    );
}
