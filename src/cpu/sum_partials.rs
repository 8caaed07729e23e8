//! Twin of [`kernels::sum_partials`](crate::kernels::sum_partials).

use rayon::prelude::*;

use super::rows::{SMALLEST_PIECE, put};
use crate::kernels::sum_partials::Params;

/// `output[offset + i] = Σ_chunk partials[chunk, i]`, or added to `output`.
pub fn run(params: &Params, partials: &[f32], output: &mut [f32]) {
    let [length, chunks, offset] = [params.length, params.chunks, params.offset].map(|count| count as usize);
    output[offset..offset + length]
        .par_iter_mut()
        .with_min_len(SMALLEST_PIECE.div_ceil(chunks.max(1)))
        .enumerate()
        .for_each(|(index, out)| {
            let sum = (0..chunks).map(|chunk| partials[chunk * length + index]).sum();
            put(out, sum, params.accumulate != 0);
        });
}
