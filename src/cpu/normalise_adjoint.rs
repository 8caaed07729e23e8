//! Twin of [`kernels::normalise_adjoint`](crate::kernels::normalise_adjoint).

use super::blocks::Blocks;
use super::rows::{for_each_row, put, row};
use crate::kernels::normalise_adjoint::Params;

/// `output = (h − Σ h/count − x̂ · Σ (h · x̂)/count)/σ` with `h = scale · gradient`, or that added to `output`.
pub fn run(
    params: &Params,
    input: &[f32],
    moments: &[f32],
    coefficients: &[f32],
    gradient: &[f32],
    sums: &[f32],
    output: &mut [f32],
) {
    let blocks = Blocks::new(params.extent, params.blocks);
    let count = blocks.largest() as f32;
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let input = row(input, params.input, n, c, y, out.len());
        let gradient = row(gradient, params.gradient, n, c, y, out.len());
        for (columns, index) in blocks.of_row(n, c, y) {
            let [mean, inverse] = [moments[2 * index], moments[2 * index + 1]];
            let [of_h, of_products] = [sums[2 * index], sums[2 * index + 1]].map(|sum| sum / count);
            let result = |x: f32, h: f32| inverse * (h - of_h - (x - mean) * inverse * of_products);
            let (input, gradient) = (&input[columns.clone()], &gradient[columns.clone()]);
            let out = &mut out[columns.clone()];
            if params.per_column == 1 {
                let pairs = coefficients[2 * columns.start..].chunks_exact(2);
                for (((out, x), gradient), pair) in out.iter_mut().zip(input).zip(gradient).zip(pairs) {
                    put(out, result(*x, pair[0] * gradient), accumulate);
                }
            } else {
                let scale = coefficients[2 * c];
                for ((out, x), gradient) in out.iter_mut().zip(input).zip(gradient) {
                    put(out, result(*x, scale * gradient), accumulate);
                }
            }
        }
    });
}
