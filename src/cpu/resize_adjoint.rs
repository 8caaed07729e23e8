//! Twin of [`kernels::resize_adjoint`](crate::kernels::resize_adjoint).

use std::ops::Range;

use rayon::prelude::*;

use super::resize::Source;
use super::rows::{planes, put, row, sizes};
use crate::kernels::resize_adjoint::Params;

/// `output` = for each pixel, the weighted sum of `gradient` over the values that it went into, or added to
/// `output`. Over the rows that it went into first, then over their columns.
pub fn run(params: &Params, gradient: &[f32], sources: &[f32], uses: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, resampled_h, resampled_w] = sizes(params.output_extent);
    if h == 0 || w == 0 {
        return;
    }
    let rows = Shares::new(sources, 0..resampled_h, uses, 0..h);
    let columns = Shares::new(sources, resampled_h..resampled_h + resampled_w, uses, h..h + w);
    let pitch = (params.output.row as usize).max(w);
    planes(output, params.output, params.input_extent)
        .into_par_iter()
        .for_each_init(Vec::new, |sums, plane| {
            for (out, shares) in plane.values.chunks_mut(pitch).zip(rows.iter()) {
                sums.clear();
                sums.resize(resampled_w, 0.0);
                for &(y, weight) in shares {
                    let gradient = row(gradient, params.gradient, plane.n, plane.c, y, resampled_w);
                    for (sum, gradient) in sums.iter_mut().zip(gradient) {
                        *sum += weight * gradient;
                    }
                }
                for (out, shares) in out[..w].iter_mut().zip(columns.iter()) {
                    let sum = shares.iter().map(|&(x, weight)| weight * sums[x]).sum();
                    put(out, sum, params.accumulate != 0);
                }
            }
        });
}

/// For each place along one axis, the resampled places that it goes into and with what weight.
struct Shares {
    all: Vec<(usize, f32)>,
    ranges: Vec<Range<usize>>,
}

impl Shares {
    /// Of the places in `used` of the table of uses, by those in `made` of the table of sources.
    fn new(sources: &[f32], made: Range<usize>, uses: &[f32], used: Range<usize>) -> Shares {
        let sources = Source::all(sources, used.len(), made);
        let (mut all, mut ranges) = (Vec::new(), Vec::with_capacity(used.len()));
        for (place, pair) in uses[2 * used.start..2 * used.end].chunks_exact(2).enumerate() {
            let begin = all.len();
            // Whatever stands in the table, a place lies in the output.
            let [first, end] = [pair[0], pair[1]].map(|place| (place as usize).min(sources.len()));
            for (i, source) in sources.iter().enumerate().take(end).skip(first) {
                let low = if source.low == place {
                    1.0 - source.weight
                } else {
                    0.0
                };
                let high = if source.high == place { source.weight } else { 0.0 };
                all.push((i, low + high));
            }
            ranges.push(begin..all.len());
        }
        Shares { all, ranges }
    }

    fn iter(&self) -> impl Iterator<Item = &[(usize, f32)]> {
        self.ranges.iter().map(|range| &self.all[range.clone()])
    }
}
