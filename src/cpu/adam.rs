//! Twin of [`kernels::adam`](crate::kernels::adam).

use rayon::prelude::*;

use super::rows::SMALLEST_PIECE;
use crate::kernels::adam::Params;

/// One step: `weights`, `first_moment` and `second_moment` change in place.
pub fn run(
    params: &Params,
    gradient: &[f32],
    squared_norm: &[f32],
    rates: &[f32],
    weights: &mut [f32],
    first_moment: &mut [f32],
    second_moment: &mut [f32],
) {
    let clip = if params.most_norm > 0.0 {
        (params.most_norm / (squared_norm[0].sqrt() + 1e-6)).min(1.0)
    } else {
        1.0
    };
    let length = params.length as usize;
    let (rate, corrections) = (rates[0], [rates[1], rates[2]]);
    (
        &mut weights[..length],
        &mut first_moment[..length],
        &mut second_moment[..length],
        &gradient[..length],
    )
        .into_par_iter()
        .with_min_len(SMALLEST_PIECE)
        .for_each(|(weight, first, second, gradient)| {
            let clipped = clip * gradient;
            *first = params.beta_1 * *first + params.one_minus_beta_1 * clipped;
            *second = params.beta_2 * *second + params.one_minus_beta_2 * clipped * clipped;
            let decayed = *weight - rate * params.decay * *weight;
            *weight = decayed
                - rate * (*first / corrections[0]) / ((*second / corrections[1]).sqrt() + params.epsilon);
        });
}
