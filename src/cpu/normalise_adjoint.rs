//! Twin of [`kernels::normalise_adjoint`](crate::kernels::normalise_adjoint).

use super::blocks::{Blocks, joined};
use super::rows::{for_each_row, put, row};
use super::vectors::{put_each_of_two, vectorised};
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
    let views = [params.output, params.input, params.gradient];
    let (extent, blocks) = match (params.per_column, params.blocks.h) {
        (0, 1) => joined(views, params.extent, [params.blocks]),
        _ => (params.extent, [params.blocks]),
    };
    let blocks = Blocks::new(extent, blocks[0]);
    let count = blocks.largest() as f32;
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, extent, |n, c, y, out| {
        let input = row(input, params.input, n, c, y, out.len());
        let gradient = row(gradient, params.gradient, n, c, y, out.len());
        for (columns, index) in blocks.of_row(n, c, y) {
            let block = Block {
                mean: moments[2 * index],
                inverse: moments[2 * index + 1],
                of_h: sums[2 * index] / count,
                of_products: sums[2 * index + 1] / count,
            };
            let (input, gradient) = (&input[columns.clone()], &gradient[columns.clone()]);
            let out = &mut out[columns.clone()];
            if params.per_column == 1 {
                let pairs = &coefficients.as_chunks::<2>().0[columns];
                by_columns(out, input, gradient, pairs, block, accumulate);
            } else {
                let scale = coefficients[2 * c];
                put_each_of_two(out, input, gradient, accumulate, |x, gradient| {
                    block.result(x, scale * gradient)
                });
            }
        }
    });
}

/// What the elements of a block share.
#[derive(Clone, Copy)]
struct Block {
    mean: f32,
    /// 1/σ
    inverse: f32,
    /// `Σ h/count`
    of_h: f32,
    /// `Σ (h · x̂)/count`
    of_products: f32,
}

impl Block {
    #[inline(always)]
    fn result(self, x: f32, h: f32) -> f32 {
        self.inverse * (h - self.of_h - (x - self.mean) * self.inverse * self.of_products)
    }
}

vectorised! {
    /// With a scale for each column.
    fn by_columns[](
        out: &mut [f32],
        input: &[f32],
        gradient: &[f32],
        pairs: &[[f32; 2]],
        block: Block,
        accumulate: bool,
    ) {
        for (((out, x), gradient), [scale, _]) in out.iter_mut().zip(input).zip(gradient).zip(pairs) {
            put(out, block.result(*x, scale * gradient), accumulate);
        }
    }
}
