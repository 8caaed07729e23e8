use asma::kernels::Extent;
use asma::kernels::loss_sums::{Params, TERMS};

use super::support::{Case, Random, Tolerance, compare};

/// Labels of every class, 255 and other numbers that are no class; or none that is one.
pub fn labels(random: &mut Random, extent: Extent, all_ignored: bool) -> Vec<u32> {
    let pixels = extent.n * extent.h * extent.w;
    (0..pixels)
        .map(|_| match all_ignored || random.below(4) == 0 {
            true => random.choose(&[255, extent.c, u32::MAX]),
            false => random.below(extent.c),
        })
        .collect()
}

/// Weights of classes, every third of them 0.
pub fn class_weights(random: &mut Random, classes: u32) -> Vec<u32> {
    (0..classes)
        .map(|_| match random.below(3) {
            0 => 0,
            _ => random.float(0.1, 3.0).to_bits(),
        })
        .collect()
}

/// As [`Random::extent`], and with more classes.
pub fn extent(random: &mut Random) -> Extent {
    Extent {
        c: random.choose(&[1, 2, 2, 3, 5, 19]),
        ..random.extent()
    }
}

fn case(random: &mut Random, pixels_per_chunk: u32, number: usize) -> Case {
    let extent = extent(random);
    let (logits, logits_length) = random.view(extent);
    let params = Params {
        logits,
        extent,
        pixels_per_chunk,
    };
    let written = (params.chunks() * extent.c) as usize * TERMS + random.below(3) as usize;
    Case {
        params: params.into(),
        reads: vec![
            match number % 2 {
                0 => random.floats(logits_length),
                _ => random.logits(logits_length),
            },
            labels(random, extent, number % 5 == 4),
            class_weights(random, extent.c),
        ],
        writes: vec![random.floats(written)],
    }
}

/// Of few pixels each, with a logarithm that WGSL lets be 2⁻²¹ off, times a weight of up to 3, and logits 200
/// apart, whose difference is rounded by 2⁻²⁴ of that.
#[test]
fn short_sums_are_the_twins() {
    let mut random = Random::new(48);
    let cases = (0..30).map(|number| {
        let pixels_per_chunk = random.choose(&[1, 2, 4]);
        case(&mut random, pixels_per_chunk, number)
    });
    let tolerance = Tolerance {
        absolute: 6e-6,
        relative: 1e-6,
    };
    compare(cases.collect(), tolerance);
}

/// Of up to 1054 pixels, most of whose errors are of either sign. No term is negative, so that nothing cancels.
#[test]
fn long_sums_are_the_twins() {
    let mut random = Random::new(49);
    let cases = (0..30).map(|number| {
        let pixels_per_chunk = random.choose(&[63, 64, 130, 2000]);
        case(&mut random, pixels_per_chunk, number)
    });
    let tolerance = Tolerance {
        absolute: 5e-5,
        relative: 2e-6,
    };
    compare(cases.collect(), tolerance);
}
