//! Twin of [`kernels::upsample`](crate::kernels::upsample).

use super::rows::{for_each_row, row, sizes};
use crate::kernels::upsample::{BILINEAR, BILINEAR_ALIGNED, Params};

/// `output = input` at another size.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, out_h, out_w] = sizes(params.output_extent);
    let columns: Vec<Source> = (0..out_w).map(|x| Source::of(params.mode, x, w, out_w)).collect();
    for_each_row(output, params.output, params.output_extent, |n, c, y, out| {
        let from = Source::of(params.mode, y, h, out_h);
        let low = row(input, params.input, n, c, from.low, w);
        let high = row(input, params.input, n, c, from.high, w);
        for (out, column) in out.iter_mut().zip(&columns) {
            let above = column.mix(low[column.low], low[column.high]);
            let below = column.mix(high[column.low], high[column.high]);
            *out = from.mix(above, below);
        }
    });
}

/// The two places along one axis that a resampled value comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    /// The lower one.
    pub low: usize,
    /// The higher one; the same at the far end, and for the nearest pixel.
    pub high: usize,
    /// Weight of the higher one; the lower one has the rest.
    pub weight: f32,
}

impl Source {
    /// Of place `i` of `outputs` over `inputs` places.
    pub fn of(mode: u32, i: usize, inputs: usize, outputs: usize) -> Source {
        let coordinate = match mode {
            BILINEAR => ((i as f32 + 0.5) * (inputs as f32 / outputs as f32) - 0.5).max(0.0),
            BILINEAR_ALIGNED if outputs > 1 => i as f32 * ((inputs - 1) as f32 / (outputs - 1) as f32),
            BILINEAR_ALIGNED => 0.0,
            _ => {
                let nearest = i * inputs / outputs;
                return Source {
                    low: nearest,
                    high: nearest,
                    weight: 0.0,
                };
            }
        };
        let low = (coordinate as usize).min(inputs - 1);
        Source {
            low,
            high: (low + 1).min(inputs - 1),
            weight: (coordinate - low as f32).clamp(0.0, 1.0),
        }
    }

    fn mix(&self, low: f32, high: f32) -> f32 {
        (1.0 - self.weight) * low + self.weight * high
    }
}
