//! Twin of [`kernels::resize`](crate::kernels::resize).

use rayon::prelude::*;

use super::rows::{Plane, planes, row, sizes};
use super::steps::{interleave, widest};
use crate::kernels::resize::Params;

/// `output = input` at another size. The columns of a row of the input are mixed first, once for all the rows that it goes
/// into, and then two such rows.
pub fn run(params: &Params, input: &[f32], sources: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, out_h, out_w] = sizes(params.output_extent);
    let rows = Source::all(sources, h, 0..out_h);
    let columns = Source::all(sources, w, out_h..out_h + out_w);
    // Each place so many times, as nearest ones by a whole factor are.
    let times = out_w.checked_div(w).unwrap_or(1).max(1);
    let repeated = columns.iter().enumerate();
    let repeated = repeated.map(|(x, column)| (column.low, column.weight) == (x / times, 0.0));
    let times = repeated.min().unwrap_or(false).then_some(times);
    let pitch = (params.output.row as usize).max(out_w);
    planes(output, params.output, params.output_extent)
        .into_par_iter()
        .for_each_init(Widened::default, |widened, plane| {
            let Plane { n, c, .. } = plane;
            widened.forget();
            widest(
                #[inline(always)]
                || {
                    for (out, source) in plane.values.chunks_mut(pitch).zip(&rows) {
                        let row = |y| row(input, params.input, n, c, y, w);
                        let [low, high] = widened.rows([source.low, source.high], row, &columns, times);
                        let out = &mut out[..out_w];
                        if source.weight == 0.0 {
                            out.copy_from_slice(low);
                        } else {
                            for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
                                *out = source.mix(*low, *high);
                            }
                        }
                    }
                },
            );
        });
}

/// Two rows of the input with the columns of the output.
#[derive(Default)]
struct Widened {
    rows: [Vec<f32>; 2],
    /// Which rows they are.
    places: [Option<usize>; 2],
}

impl Widened {
    /// The rows are those of another plane.
    fn forget(&mut self) {
        self.places = [None; 2];
    }

    /// Two rows, the same one or neighbours, of those that `row` gives; each value `times` times, or mixed as `columns` say.
    #[inline(always)]
    fn rows<'a>(
        &mut self,
        wanted: [usize; 2],
        row: impl Fn(usize) -> &'a [f32],
        columns: &[Source],
        times: Option<usize>,
    ) -> [&[f32]; 2] {
        for y in wanted {
            if self.places[y % 2] != Some(y) {
                self.places[y % 2] = Some(y);
                let (widened, row) = (&mut self.rows[y % 2], row(y));
                widened.resize(columns.len(), 0.0);
                if let Some(times) = times {
                    interleave(widened, times, |_| row, |widened, value| *widened = value);
                } else {
                    for (widened, column) in widened.iter_mut().zip(columns) {
                        *widened = column.mix(row[column.low], row[column.high]);
                    }
                }
            }
        }
        wanted.map(|y| &self.rows[y % 2][..])
    }
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

    #[inline(always)]
    fn mix(&self, low: f32, high: f32) -> f32 {
        (1.0 - self.weight) * low + self.weight * high
    }
}
