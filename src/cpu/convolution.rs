//! All convolutions: plain and transposed, in groups and of each channel by itself.
//!
//! Bands of output rows, and parts of the channels where there are few bands, are computed in parallel. For each, the input
//! is laid out with zeros around it, some channels at a time so that they stay in the cache, in such parts that each tap is
//! a constant shift; then [`Sweep`] adds all terms up. The output pixels of a transposed convolution that have the same
//! remainders `(y+py) mod sy` and `(x+px) mod sx` share their taps, and are a convolution of stride 1 with them.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::laid_out::{LaidOut, PhaseOfBand, Plan};
use super::matrix::Epilogue;
use super::rows::{Band, bands, sizes};
use super::steps::{interleave, widest, zip_every};
use super::sweep::{LANES, Sweep, pack};
use super::taps::Axis;
use crate::kernels::conv2d::Params;

/// Output pixels that a band should have.
const BAND_PIXELS: usize = 1024;
/// The same for groups of few channels, which are little work for what it takes to begin.
const BAND_PIXELS_OF_FEW: usize = 4096;
/// Out channels of a group that are worth laying the input out for each tap.
const MANY: usize = 16;
/// How many places more than there are outputs in a row may be computed, before the input is laid out for each tap.
const MOST_IN_VAIN: f32 = 0.04;
/// How many rows more than there are outputs may be laid out, before they are laid out for each tap.
const FAR_APART: f32 = 2.0;
/// Rows of an input without end.
const FAR: usize = usize::MAX >> 8;
/// Out channels of a single pixel that a thread should have.
const OUTS_OF_PIXEL: usize = 512;
/// Elements of the input that should be laid out at once.
const LAID_OUT: usize = 1 << 16;

/// What a convolution computes with.
pub(super) struct Convolution<'a> {
    /// Of a transposed convolution too.
    pub params: Params,
    pub transposed: bool,
    pub input: &'a [f32],
    pub weight: &'a [f32],
    pub epilogue: Epilogue<'a>,
}

/// Memory that a thread uses again for each piece of work.
#[derive(Default)]
struct Scratch {
    /// `[in channels][parts][rows][columns]`.
    laid_out: Vec<f32>,
    factors: Vec<f32>,
    /// Of each phase, `[out channels][pitch]`.
    sums: Vec<f32>,
    row: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Some rows of some out channels.
pub(super) struct Piece<'a> {
    pub band: Band<'a>,
    /// Those of the band's channels.
    pub channels: Range<usize>,
}

impl Convolution<'_> {
    /// `output = slope(bias + weight ∗ input)`, or `∗ᵀ`; or added to `output`; or gated.
    pub fn run(&self, output: &mut [f32]) {
        if self.suits_winograd() {
            self.run_winograd(output);
        } else {
            self.run_direct(output);
        }
    }

    /// The same, term by term.
    pub(super) fn run_direct(&self, output: &mut [f32]) {
        let params = &self.params;
        let [_, out_channels, h, w] = sizes(params.output_extent);
        if h == 0 || w == 0 {
            return;
        }
        let groups = params.groups as usize;
        let outs = out_channels / groups;
        let input_columns = params.input_extent.w as usize;
        let apart = if outs >= MANY { MOST_IN_VAIN } else { f32::INFINITY };
        let columns = Axis::new(params, self.transposed, 1, [0, w, input_columns], apart);
        let pixels = if outs >= MANY {
            BAND_PIXELS
        } else {
            BAND_PIXELS_OF_FEW
        };
        let multiple = if self.transposed {
            params.stride[0] as usize
        } else {
            1
        };
        let all_rows = [0, h, params.input_extent.h as usize];
        let all_rows = Axis::new(params, self.transposed, 0, all_rows, FAR_APART);
        if groups == 1 && (h, w) == (1, 1) && !self.transposed {
            return self.run_pixel(&all_rows, &columns, output);
        }
        let rows = (pixels / w)
            .max(1)
            .next_multiple_of(multiple)
            .min(h.next_multiple_of(multiple));
        let pieces = self.pieces(output, rows);
        // A band without borders says how many channels are laid out at once in all of them: the order of terms must not
        // differ between bands, or else max pooling tells equals apart.
        let [kernel, stride, padding, dilation] =
            [params.kernel, params.stride, params.padding, params.dilation].map(|pair| pair[0] as usize);
        let inner = [kernel * dilation * stride + padding, rows, FAR];
        let inner = Axis::new(params, self.transposed, 0, inner, FAR_APART);
        let of_channel = LaidOut::new(&inner, &columns).channel;
        let ins = params.input_extent.c as usize / groups;
        let plan = Plan {
            at_once: (LAID_OUT / of_channel.max(1)).clamp(1, ins.max(1)),
            by_rows: all_rows.sees_much_padding(),
            columns,
        };
        pieces.into_par_iter().for_each(|piece| {
            SCRATCH.with_borrow_mut(|scratch| self.compute(&plan, piece, scratch));
        });
    }

    /// Bands of `rows` rows of all out channels, or of parts of them where there are few bands: enough pieces for all threads.
    pub(super) fn pieces<'a>(&self, output: &'a mut [f32], rows: usize) -> Vec<Piece<'a>> {
        let params = &self.params;
        let [samples, out_channels, h, _] = sizes(params.output_extent);
        let groups = params.groups as usize;
        let outs = out_channels / groups;
        let found = (samples * h.div_ceil(rows)).max(1);
        let wanted = (2 * rayon::current_num_threads()).div_ceil(found);
        let together = if groups > 1 {
            outs * groups.div_ceil(wanted)
        } else {
            outs.div_ceil(wanted).next_multiple_of(LANES)
        };
        let mut pieces = Vec::with_capacity(found * wanted);
        for mut band in bands(output, params.output, params.output_extent, rows) {
            let mut first = 0;
            while first < out_channels {
                let end = (first + together).min(out_channels);
                let rest = band.channels.split_off(end - first);
                pieces.push(Piece {
                    band: Band {
                        channels: std::mem::replace(&mut band.channels, rest),
                        ..band
                    },
                    channels: first..end,
                });
                first = end;
            }
        }
        pieces
    }

    /// The same for images of a single pixel, for which no weight is used twice: they are read as they stand.
    fn run_pixel(&self, rows: &Axis, columns: &Axis, output: &mut [f32]) {
        let params = &self.params;
        let [samples, ins, _, _] = sizes(params.input_extent);
        let outs = params.output_extent.c as usize;
        let padded = params.padded_out_channels as usize;
        let [kernel_rows, kernel_columns] = params.kernel.map(|size| size as usize);
        for n in 0..samples {
            let mut sums = vec![0.0; outs];
            sums.par_chunks_mut(OUTS_OF_PIXEL)
                .enumerate()
                .for_each(|(piece, sums)| {
                    widest(
                        #[inline(always)]
                        || {
                            for channel in 0..ins {
                                for down in &rows.phases[0].taps {
                                    for across in &columns.phases[0].taps {
                                        let [y, x] = [rows.place(down), columns.place(across)];
                                        let value = self.input[params.input.at(n, channel, y, x)];
                                        let tap = (channel * kernel_rows + down.index) * kernel_columns
                                            + across.index;
                                        let factors = &self.weight[tap * padded + piece * OUTS_OF_PIXEL..];
                                        zip_every(sums, factors, 1, |sum, factor| *sum += factor * value);
                                    }
                                }
                            }
                        },
                    );
                });
            for (channel, sum) in sums.iter().enumerate() {
                let index = params.output.at(n, channel, 0, 0);
                self.epilogue
                    .apply(channel, &[*sum], &mut output[index..=index], index);
            }
        }
    }

    fn compute(&self, plan: &Plan, piece: Piece<'_>, scratch: &mut Scratch) {
        let (columns, at_once) = (&plan.columns, plan.at_once);
        let params = &self.params;
        let groups = params.groups as usize;
        let [_, in_channels, in_h, _] = sizes(params.input_extent);
        let [ins, outs] = [in_channels, params.output_extent.c as usize].map(|count| count / groups);
        let Piece { mut band, channels } = piece;
        let rows = Axis::new(
            params,
            self.transposed,
            0,
            [band.first, band.count, in_h],
            FAR_APART,
        );
        let laid_out = LaidOut::new(&rows, columns);
        // Channels of one group at a time.
        let step = if groups > 1 { outs } else { channels.len() };
        let phases = laid_out.phases(plan, params.kernel[1] as usize, step);
        let length = phases.iter().map(|phase| step * phase.pitch).sum();
        scratch.sums.resize(length, 0.0);
        // Zeros around the input stay where they are from channel to channel. Sweeps go on for less than one vector behind
        // the last place.
        scratch.laid_out.clear();
        scratch.laid_out.resize(at_once * laid_out.channel + LANES, 0.0);
        let mut outputs = &mut band.channels[..];
        for first_out in channels.step_by(step.max(1)) {
            let first_in = first_out / outs * ins;
            if plan.by_rows {
                scratch.sums.fill(0.0);
            }
            for first in (0..ins.max(1)).step_by(at_once) {
                let count = at_once.min(ins - first);
                let ins = first_in + first..first_in + first + count;
                laid_out.channels(self.input, params, band.n, ins, &mut scratch.laid_out);
                for (phase, terms) in phases
                    .iter()
                    .flat_map(|phase| phase.terms.iter().map(move |terms| (phase, terms)))
                {
                    let all = count * terms.taps.len();
                    scratch.factors.resize(all * step, 0.0);
                    self.pack(
                        &terms.taps,
                        first..first + count,
                        first_out,
                        step,
                        &mut scratch.factors,
                    );
                    let sweep = Sweep {
                        values: &scratch.laid_out[terms.first..],
                        shifts: &terms.shifts[..all],
                        factors: &scratch.factors,
                        channels: step,
                        sums: &mut scratch.sums[phase.begin + terms.first..],
                        pitch: phase.pitch,
                        places: terms.places,
                        accumulate: plan.by_rows || first > 0,
                    };
                    sweep.run();
                }
            }
            let (these, rest) = std::mem::take(&mut outputs).split_at_mut(step);
            outputs = rest;
            for (i, out) in these.iter_mut().enumerate() {
                let place = [band.n, first_out + i, band.first];
                widest(
                    #[inline(always)]
                    || self.finish(&phases, &scratch.sums, i, columns, place, out, &mut scratch.row),
                );
            }
        }
    }

    /// The factors of some in channels of a group for `count` out channels from `first_out` on.
    fn pack(&self, taps: &[usize], ins: Range<usize>, first_out: usize, count: usize, factors: &mut [f32]) {
        let all_taps = (self.params.kernel[0] * self.params.kernel[1]) as usize;
        let padded = self.params.padded_out_channels as usize;
        let terms = ins.len() * taps.len();
        let places = ins.flat_map(|channel| taps.iter().map(move |tap| channel * all_taps + tap));
        let places = places.map(|place| place * padded + first_out);
        if count == 1 {
            for (factor, from) in factors.iter_mut().zip(places) {
                *factor = self.weight[from];
            }
        } else {
            for (term, from) in places.enumerate() {
                pack(term, terms, &self.weight[from..from + count], factors);
            }
        }
    }

    /// Writes the sums of the channel `i` of those of a group to the rows of a band.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn finish(
        &self,
        phases: &[PhaseOfBand<'_>],
        sums: &[f32],
        i: usize,
        columns: &Axis,
        [n, channel, first]: [usize; 3],
        out: &mut [f32],
        row: &mut Vec<f32>,
    ) {
        let w = self.params.output_extent.w as usize;
        let pitch = (self.params.output.row as usize).max(w);
        for phases in phases.chunk_by(|a, b| std::ptr::eq(a.rows, b.rows)) {
            let (rows, stride) = (phases[0].rows, phases[0].rows_stride);
            let lines = out
                .chunks_mut(pitch)
                .enumerate()
                .skip(rows.offset)
                .step_by(stride);
            for (line, (y, out)) in lines.enumerate() {
                let of = |phase: &PhaseOfBand<'_>| {
                    &sums[phase.begin + i * phase.pitch + line * columns.places..][..phase.columns.count]
                };
                let index = self.params.output.at(n, channel, first + y, 0);
                if let [phase] = phases {
                    self.epilogue.apply(channel, of(phase), &mut out[..w], index);
                    continue;
                }
                row.resize(w, 0.0);
                let of_remainder = |i: usize| of(&phases[i]);
                interleave(row, columns.stride, of_remainder, |place, sum| *place = sum);
                self.epilogue.apply(channel, row, &mut out[..w], index);
            }
        }
    }
}
