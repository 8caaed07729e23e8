//! Twin of [`kernels::resize`](crate::kernels::resize).

use rayon::prelude::*;

use super::rows::{planes, row, sizes};
use crate::kernels::resize::Params;

/// `output = input` at another size. Two rows of the input are mixed first, then their columns.
pub fn run(params: &Params, input: &[f32], sources: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, out_h, out_w] = sizes(params.output_extent);
    let rows = Source::all(sources, h, 0..out_h);
    let columns = Source::all(sources, w, out_h..out_h + out_w);
    let pitch = (params.output.row as usize).max(out_w);
    planes(output, params.output, params.output_extent)
        .into_par_iter()
        .for_each_init(Vec::new, |mixed, plane| {
            mixed.resize(w, 0.0);
            let mut before: Option<&Source> = None;
            for (out, source) in plane.values.chunks_mut(pitch).zip(&rows) {
                // Of the same places as the row before, as all nearest ones are: mixed already.
                if before.is_none_or(|before| before != source) {
                    let low = row(input, params.input, plane.n, plane.c, source.low, w);
                    if source.weight == 0.0 {
                        mixed.copy_from_slice(low);
                    } else {
                        let high = row(input, params.input, plane.n, plane.c, source.high, w);
                        for ((mixed, low), high) in mixed.iter_mut().zip(low).zip(high) {
                            *mixed = source.mix(*low, *high);
                        }
                    }
                    before = Some(source);
                }
                for (out, column) in out.iter_mut().zip(&columns) {
                    *out = column.mix(mixed[column.low], mixed[column.high]);
                }
            }
        });
}

/// The two places along one axis that a resampled value comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Source {
    /// The lower one.
    pub low: usize,
    /// The higher one; the same where there is none or it has no weight.
    pub high: usize,
    /// Weight of the higher one; the lower one has the rest.
    pub weight: f32,
}

impl Source {
    /// Those of the places in `range` of a table, among `inputs` places.
    pub fn all(sources: &[f32], inputs: usize, range: std::ops::Range<usize>) -> Vec<Source> {
        let pairs = sources[2 * range.start..2 * range.end].chunks_exact(2);
        pairs
            .map(|pair| {
                // Whatever stands in the table, a place lies in the input.
                let low = (pair[0] as usize).min(inputs - 1);
                let high = if pair[1] == 0.0 {
                    low
                } else {
                    (low + 1).min(inputs - 1)
                };
                Source {
                    low,
                    high,
                    weight: pair[1],
                }
            })
            .collect()
    }

    fn mix(&self, low: f32, high: f32) -> f32 {
        (1.0 - self.weight) * low + self.weight * high
    }
}
