//! Twin of [`kernels::softmax_adjoint`](crate::kernels::softmax_adjoint).

use super::rows::{for_each_row, row, sizes};
use super::softmax::{along, for_each_pile};
use super::vectors::{each_of_two, put_each_of_three, put_each_of_two, sum_of};
use crate::kernels::softmax::lines;
use crate::kernels::softmax_adjoint::Params;

/// `output = p (gradient − Σ p gradient)`, the sum along the axis, or added to `output`.
pub fn run(params: &Params, probabilities: &[f32], gradient: &[f32], output: &mut [f32]) {
    let w = params.extent.w as usize;
    let accumulate = params.accumulate != 0;
    let rows = |n: usize, c: usize, y: usize| {
        (
            row(probabilities, params.probabilities, n, c, y, w),
            row(gradient, params.gradient, n, c, y, w),
        )
    };
    if params.axis == 3 {
        for_each_row(output, params.output, params.extent, |n, c, y, out| {
            let (probabilities, gradient) = rows(n, c, y);
            let sum = sum_of(probabilities, gradient, |p, gradient| p * gradient) as f32;
            put_each_of_two(out, probabilities, gradient, accumulate, |p, gradient| {
                p * (gradient - sum)
            });
        });
        return;
    }
    let subtract = |out: &mut [f32], probabilities: &[f32], gradient: &[f32], sums: &[f32]| {
        put_each_of_three(
            out,
            probabilities,
            gradient,
            sums,
            accumulate,
            |p, gradient, sum| p * (gradient - sum),
        );
    };
    if params.axis == 1 {
        for_each_pile(output, params.output, params.extent, |[n, y, x], channels| {
            let columns = x..x + channels[0].len();
            let mut sums = vec![0.0; columns.len()];
            for c in 0..channels.len() {
                let (probabilities, gradient) = rows(n, c, y);
                let (probabilities, gradient) = (&probabilities[columns.clone()], &gradient[columns.clone()]);
                each_of_two(&mut sums, probabilities, gradient, |sum, p, gradient| {
                    sum + p * gradient
                });
            }
            for (c, out) in channels.iter_mut().enumerate() {
                let (probabilities, gradient) = rows(n, c, y);
                subtract(
                    out,
                    &probabilities[columns.clone()],
                    &gradient[columns.clone()],
                    &sums,
                );
            }
        });
        return;
    }
    // Σ p gradient of each line, for a row of them side by side.
    let sums: Vec<Vec<f32>> = along(params.extent, params.axis, |places| {
        let mut sums = vec![0.0; w];
        for &[n, c, y] in places {
            let (probabilities, gradient) = rows(n, c, y);
            each_of_two(&mut sums, probabilities, gradient, |sum, p, gradient| {
                sum + p * gradient
            });
        }
        sums
    });
    let [_, channels, h, _] = sizes(lines(params.extent, params.axis));
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let mut place = [n, c, y];
        place[params.axis as usize] = 0;
        let sums = &sums[(place[0] * channels + place[1]) * h + place[2]];
        let (probabilities, gradient) = rows(n, c, y);
        subtract(out, probabilities, gradient, sums);
    });
}
