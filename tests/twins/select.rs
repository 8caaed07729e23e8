//! select against a sort.

use asma::cpu;
use asma::kernels::Extent;
use asma::kernels::select::{LENGTH, PASSES, Params};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::strided::many;

/// Numbers of all kinds: equal ones, zeros of both signs, and some that differ in the last bit alone.
fn number(random: &mut StdRng) -> f32 {
    match random.random_range(0..5) {
        0 => random.random_range(-3..4) as f32 / 2.0,
        1 => -0.0,
        2 => f32::from_bits(0x3f80_0000 + random.random_range(0..4)),
        3 => f32::from_bits(0xbf80_0000 + random.random_range(0..4)),
        _ => random.random_range(-1e3..1e3),
    }
}

fn select(extent: Extent, values: &[f32], labels: &[u32], ranks: &[u32], selection: &mut [u32]) {
    for number in 0..PASSES {
        let params = Params {
            extent,
            class_count: 3,
            number,
            rank_offset: 1,
            rank_stride: 2,
        };
        cpu::select::run(&params, values, labels, ranks, selection);
    }
}

#[test]
fn the_kth_largest_of_each_sample() {
    many(|random| {
        let extent = Extent {
            n: random.random_range(1..4),
            c: 1,
            h: random.random_range(1..9),
            w: random.random_range(1..40),
        };
        let (samples, pixels) = (extent.n as usize, (extent.h * extent.w) as usize);
        // Two selections one after the other in the same words.
        let mut selection = vec![0; samples * LENGTH];
        for _ in 0..2 {
            let values: Vec<f32> = (0..samples * pixels).map(|_| number(random)).collect();
            let labels: Vec<u32> = (0..samples * pixels).map(|_| random.random_range(0..5)).collect();
            let ranks: Vec<u32> = (0..2 * samples)
                .map(|_| random.random_range(0..pixels as u32 + 2))
                .collect();
            select(extent, &values, &labels, &ranks, &mut selection);
            for n in 0..samples {
                let of_sample = n * pixels..(n + 1) * pixels;
                let mut counted: Vec<f32> = values[of_sample.clone()]
                    .iter()
                    .zip(&labels[of_sample])
                    .filter(|(_, label)| **label < 3)
                    .map(|(value, _)| *value)
                    .collect();
                counted.sort_by(|a, b| b.partial_cmp(a).expect("numbers"));
                let rank = (ranks[1 + 2 * n] as usize).min(counted.len());
                let expected = rank.checked_sub(1).map(|place| counted[place]);
                let found = cpu::select::selected(&selection[n * LENGTH..(n + 1) * LENGTH]);
                assert_eq!(found, expected, "rank {rank} of sample {n}");
            }
        }
    });
}
