//! Twin of [`kernels::gather`](crate::kernels::gather).

use rayon::prelude::*;

use super::rows::SMALLEST_PIECE;
use crate::kernels::gather::Params;

/// `output[k] = source[indices[k]]`.
pub fn run(params: &Params, source: &[f32], indices: &[u32], output: &mut [f32]) {
    output[..params.length as usize]
        .par_iter_mut()
        .with_min_len(SMALLEST_PIECE)
        .zip(indices)
        .for_each(|(out, &index)| *out = source[index as usize]);
}
