//! Twin of [`kernels::resize_adjoint`](crate::kernels::resize_adjoint).

use std::ops::Range;

use rayon::prelude::*;

use super::resize::Source;
use super::rows::{planes, put, row, sizes};
use super::steps::{widest, zip_every};
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
    let accumulate = params.accumulate != 0;
    planes(output, params.output, params.input_extent)
        .into_par_iter()
        .for_each_init(
            Default::default,
            |(of_rows, sums): &mut (Vec<f32>, Vec<f32>), plane| {
                sums.resize(w, 0.0);
                widest(
                    #[inline(always)]
                    || {
                        for (out, shares) in plane.values.chunks_mut(pitch).zip(rows.iter()) {
                            of_rows.clear();
                            of_rows.resize(resampled_w, 0.0);
                            for &(y, weight) in shares {
                                let gradient =
                                    row(gradient, params.gradient, plane.n, plane.c, y, resampled_w);
                                zip_every(of_rows, gradient, 1, |sum, gradient| *sum += weight * gradient);
                            }
                            columns.add_up(of_rows, sums);
                            zip_every(&mut out[..w], sums, 1, |out, sum| put(out, sum, accumulate));
                        }
                    },
                );
            },
        );
}

/// For each place along one axis, the resampled places that it goes into and with what weight.
struct Shares {
    all: Vec<(usize, f32)>,
    ranges: Vec<Range<usize>>,
    /// Places in the middle that have the same shares, each a step after those of the place before.
    alike: Range<usize>,
    step: usize,
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
        let mut shares = Shares {
            all,
            ranges,
            alike: 0..0,
            step: (sources.len() / used.len()).max(1),
        };
        let places = 0..used.len();
        let middle = places.len() / 2;
        let begin = (0..middle)
            .rev()
            .take_while(|place| shares.is_like(*place, middle))
            .count();
        let end = (middle..places.end)
            .take_while(|place| shares.is_like(*place, middle))
            .count();
        shares.alike = middle - begin..middle + end;
        shares
    }

    fn of(&self, place: usize) -> &[(usize, f32)] {
        &self.all[self.ranges[place].clone()]
    }

    fn is_like(&self, place: usize, other: usize) -> bool {
        let [shares, others] = [self.of(place), self.of(other)];
        let [share_at, other_at] = [place, other].map(|place| place * self.step);
        let alike = |(share, other): (&(usize, f32), &(usize, f32))| {
            share.0 + other_at == other.0 + share_at && share.1 == other.1
        };
        shares.len() == others.len() && shares.iter().zip(others).all(alike)
    }

    /// The weighted sum of `values` for each place.
    #[inline(always)]
    fn add_up(&self, values: &[f32], sums: &mut [f32]) {
        for place in (0..self.alike.start).chain(self.alike.end..sums.len()) {
            sums[place] = self.of(place).iter().map(|&(x, weight)| weight * values[x]).sum();
        }
        if !self.alike.is_empty() {
            let sums = &mut sums[self.alike.clone()];
            sums.fill(0.0);
            for &(first, weight) in self.of(self.alike.start) {
                zip_every(sums, &values[first..], self.step, |sum, value| {
                    *sum += weight * value
                });
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &[(usize, f32)]> {
        self.ranges.iter().map(|range| &self.all[range.clone()])
    }
}
