//! What the CPU can do at most, measured.

use rayon::prelude::*;
use web_time::Instant;

use super::matrix::{Matrix, multiply};
use crate::program::Ceilings;

/// Floats of a copied buffer: 64 MiB, more than caches hold.
const COPIED: usize = 16 << 20;
/// Rows, columns and depth of the matrices that each thread multiplies, which its caches hold.
const SIDE: usize = 256;
/// Products of each thread in a round.
const PRODUCTS: usize = 32;
/// Rounds of which the fastest counts.
const ROUNDS: usize = 5;

/// Copies a buffer and multiplies matrices on all threads.
pub(super) fn measure() -> Ceilings {
    let threads = rayon::current_num_threads();
    let source = vec![1.0f32; COPIED];
    let mut sink = vec![0.0f32; COPIED];
    let part = COPIED.div_ceil(threads);
    let copying = fastest(|| {
        sink.par_chunks_mut(part)
            .zip(source.par_chunks(part))
            .for_each(|(sink, source)| sink.copy_from_slice(source));
    });
    let factor = vec![0.5f32; SIDE * SIDE];
    let mut products = vec![0.0f32; threads * SIDE * SIDE];
    let computing = fastest(|| {
        products.par_chunks_mut(SIDE * SIDE).for_each(|product| {
            let factor = Matrix {
                values: &factor,
                row_stride: 1,
                column_stride: SIDE,
            };
            for _ in 0..PRODUCTS {
                multiply([SIDE; 3], factor, factor, product, false);
            }
        });
    });
    Ceilings {
        bytes_per_second: (2 * 4 * COPIED) as f64 / copying,
        matrix_flops_per_second: None,
        flops_per_second: (2 * SIDE * SIDE * SIDE * PRODUCTS * threads) as f64 / computing,
    }
}

/// Seconds of the fastest of several rounds.
fn fastest(mut round: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        round();
        least = least.min(start.elapsed().as_secs_f64());
    }
    least
}
