//! How the input of a band of rows is laid out, so that each tap of a convolution is a constant shift.

use std::ops::Range;

use super::rows::sizes;
use super::steps::{copy, widest, zip_every};
use super::sweep::LANES;
use super::taps::{Axis, Phase, Tap};
use crate::kernels::conv2d::Params;

/// What all bands have in common.
pub(super) struct Plan {
    pub columns: Axis,
    /// In channels whose terms are added together.
    pub at_once: usize,
    /// Whether the rows of taps are added one after the other, each to the outputs that it takes some of the input to.
    pub by_rows: bool,
}

/// Output pixels of a band that have the same taps.
pub(super) struct PhaseOfBand<'a> {
    pub rows: &'a Phase,
    pub columns: &'a Phase,
    /// Rows of the output from one of the phase to the next.
    pub rows_stride: usize,
    /// Added one after the other.
    pub terms: Vec<Terms>,
    /// Sums from a channel to the next.
    pub pitch: usize,
    /// Where in all sums its own begin.
    pub begin: usize,
}

/// Terms that are added together.
pub(super) struct Terms {
    /// The taps of a channel, by their numbers in the kernel.
    pub taps: Vec<usize>,
    /// Of each channel and tap, where in what is laid out its first value is.
    pub shifts: Vec<usize>,
    /// The first place that they are added to.
    pub first: usize,
    /// How many, with those between rows.
    pub places: usize,
}

/// How the input of a band is laid out.
pub(super) struct LaidOut<'a> {
    rows: &'a Axis,
    columns: &'a Axis,
    /// Elements from a channel to the next.
    pub channel: usize,
}

impl LaidOut<'_> {
    pub fn new<'a>(rows: &'a Axis, columns: &'a Axis) -> LaidOut<'a> {
        let parts = rows.parts.len() * columns.parts.len();
        LaidOut {
            rows,
            columns,
            channel: skewed(parts * rows.places * columns.places),
        }
    }

    /// The outputs that have the same taps, of which `channels` are computed together.
    pub fn phases(&self, plan: &Plan, kernel_columns: usize, channels: usize) -> Vec<PhaseOfBand<'_>> {
        let mut begin = 0;
        let mut phases = Vec::with_capacity(self.rows.phases.len() * self.columns.phases.len());
        for rows in &self.rows.phases {
            for columns in &self.columns.phases {
                let places = |rows: usize| match rows {
                    0 => 0,
                    _ => ((rows - 1) * self.columns.places + columns.count).next_multiple_of(LANES),
                };
                let terms = |down: &[Tap], seen: Range<usize>| {
                    let taps = down
                        .iter()
                        .flat_map(|down| columns.taps.iter().map(move |across| (down, across)));
                    let of_channel = taps.clone().map(|(down, across)| {
                        self.shift([down.part, across.part], [down.shift, across.shift])
                    });
                    let of_channel: Vec<usize> = of_channel.collect();
                    let channels = (0..plan.at_once).map(|channel| channel * self.channel);
                    let first = seen.start * self.columns.places / LANES * LANES;
                    Terms {
                        taps: taps
                            .map(|(down, across)| down.index * kernel_columns + across.index)
                            .collect(),
                        shifts: channels
                            .flat_map(|begin| of_channel.iter().map(move |shift| begin + shift))
                            .collect(),
                        first,
                        places: places(seen.end) - first,
                    }
                };
                let terms = if plan.by_rows {
                    let each = rows.taps.iter();
                    each.map(|down| terms(std::slice::from_ref(down), down.seen.clone()))
                        .collect()
                } else {
                    vec![terms(&rows.taps, 0..rows.count)]
                };
                let pitch = skewed(places(rows.count));
                phases.push(PhaseOfBand {
                    rows,
                    columns,
                    rows_stride: self.rows.stride,
                    terms,
                    pitch,
                    begin,
                });
                begin += channels * pitch;
            }
        }
        phases
    }

    /// Where in a channel a place of a part is.
    fn shift(&self, part: [usize; 2], place: [usize; 2]) -> usize {
        let part = part[0] * self.columns.parts.len() + part[1];
        (part * self.rows.places + place[0]) * self.columns.places + place[1]
    }

    /// Lays some channels of a sample out.
    pub fn channels(
        &self,
        input: &[f32],
        params: &Params,
        n: usize,
        channels: Range<usize>,
        values: &mut [f32],
    ) {
        widest(
            #[inline(always)]
            || {
                for (i, channel) in channels.clone().enumerate() {
                    self.channel(input, params, n, channel, &mut values[i * self.channel..]);
                }
            },
        );
    }

    #[inline(always)]
    fn channel(&self, input: &[f32], params: &Params, n: usize, channel: usize, mut values: &mut [f32]) {
        let (view, extent) = (params.input, params.input_extent);
        let [_, _, h, w] = sizes(extent);
        let [step_rows, step] = [self.rows.step, self.columns.step];
        for first_row in &self.rows.parts {
            for &first in &self.columns.parts {
                // The places inside, and the first of them in the input.
                let before = ((-first).max(0) as usize).div_ceil(step).min(self.columns.places);
                let end = ((w as isize - first).max(0) as usize).div_ceil(step);
                let end = end.clamp(before, self.columns.places);
                let start = (first + (before * step) as isize).max(0) as usize;
                for row in 0..self.rows.places {
                    let (line, rest) = std::mem::take(&mut values).split_at_mut(self.columns.places);
                    values = rest;
                    let y = first_row + (row * step_rows) as isize;
                    if y < 0 || y as usize >= h || before == end {
                        continue;
                    }
                    let from = &input[view.at(n, channel, y as usize, start)..];
                    let line = &mut line[before..end];
                    if step == 1 {
                        copy(line, from);
                    } else {
                        zip_every(line, from, step, |place, value| *place = value);
                    }
                }
            }
        }
    }
}

/// At least `length`, an odd number of vectors: channels that far apart do not share the same few places of a cache.
fn skewed(length: usize) -> usize {
    let vectors = length.div_ceil(LANES);
    (vectors | 1) * LANES
}
