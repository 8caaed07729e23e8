//! Twin of [`kernels::max_pool2d_adjoint`](crate::kernels::max_pool2d_adjoint).

use rayon::prelude::*;

use super::max_pool2d::window;
use super::rows::{Plane, planes, put, row, sizes};
use super::steps::{interleave, whole_windows, widest, zip_every};
use crate::kernels::max_pool2d_adjoint::Params;

/// `output` = for each pixel, the sum of `gradient` over the windows whose first largest value it is, or
/// added to `output`. A plane has one thread, which finds the tap of each window that has its largest value, and then goes
/// through the rows of pixels.
pub fn run(params: &Params, input: &[f32], gradient: &[f32], output: &mut [f32]) {
    planes(output, params.output, params.input_extent)
        .into_par_iter()
        .for_each_init(Scratch::default, |scratch, mut plane| {
            widest(
                #[inline(always)]
                || {
                    scratch.find(params, input, plane.n, plane.c);
                    scratch.gather(params, input, gradient, &mut plane);
                },
            );
        });
}

/// No tap.
const NONE: u32 = u32::MAX;

/// Memory that a thread uses again for each plane.
#[derive(Default)]
struct Scratch {
    /// Of each window, the tap of the first largest value.
    taps: Vec<u32>,
    /// Of a row of windows, their largest values so far.
    largest: Vec<f32>,
    /// Of a row of pixels, the sums of those with each remainder by the stride, counted from the first column that windows
    /// may cover.
    sums: Vec<f32>,
}

impl Scratch {
    /// Finds the largest values of a plane.
    #[inline(always)]
    fn find(&mut self, params: &Params, input: &[f32], n: usize, c: usize) {
        let [_, _, h, w] = sizes(params.input_extent);
        let [_, _, pooled_h, pooled_w] = sizes(params.output_extent);
        let [kernel, stride, padding] = [params.kernel[1], params.stride[1], params.padding[1]];
        let whole = whole_windows([kernel, stride, padding], w, pooled_w);
        self.taps.clear();
        self.taps.resize(pooled_h * pooled_w, NONE);
        self.largest.resize(whole.len(), 0.0);
        for (y, taps) in self.taps.chunks_exact_mut(pooled_w).enumerate() {
            let rows = window(y, params.kernel[0], params.stride[0], params.padding[0], h);
            // The tap of the first place of a row of the input.
            let tap_of =
                |iy: usize| (iy + params.padding[0] as usize - y * params.stride[0] as usize) as u32 * kernel;
            for x in (0..whole.start).chain(whole.end..pooled_w) {
                let columns = window(x, kernel, stride, padding, w);
                let mut largest = f32::NEG_INFINITY;
                for iy in rows.clone() {
                    let tap = tap_of(iy) as usize + padding as usize;
                    let values = row(input, params.input, n, c, iy, w);
                    for ix in columns.clone() {
                        if taps[x] == NONE || values[ix] > largest {
                            largest = values[ix];
                            taps[x] = (tap + ix - x * stride as usize) as u32;
                        }
                    }
                }
            }
            if whole.is_empty() {
                continue;
            }
            let first = whole.start * stride as usize - padding as usize;
            let taps = &mut taps[whole.clone()];
            for iy in rows.clone() {
                let values = row(input, params.input, n, c, iy, w);
                for column in 0..kernel {
                    let (tap, values) = (tap_of(iy) + column, &values[first + column as usize..]);
                    if iy == rows.start && column == 0 {
                        taps.fill(tap);
                        zip_every(&mut self.largest, values, stride as usize, |largest, value| {
                            *largest = value
                        });
                    } else {
                        replace(&mut self.largest, taps, values, stride as usize, tap);
                    }
                }
            }
        }
    }

    /// Adds up the gradients of a plane.
    #[inline(always)]
    fn gather(&mut self, params: &Params, input: &[f32], gradient: &[f32], plane: &mut Plane<'_>) {
        let [_, _, _, w] = sizes(params.input_extent);
        let [_, _, pooled_h, pooled_w] = sizes(params.output_extent);
        let [kernel, stride, padding] =
            [params.kernel, params.stride, params.padding].map(|pair| pair.map(|value| value as usize));
        let pitch = (params.output.row as usize).max(w);
        let places = (pooled_w + kernel[1].div_ceil(stride[1])).max((w + padding[1]).div_ceil(stride[1]));
        for (iy, out) in plane.values.chunks_mut(pitch).enumerate() {
            self.sums.clear();
            self.sums.resize(stride[1] * places, 0.0);
            let covered = iy + padding[0];
            let end = (covered / stride[0] + 1).min(pooled_h);
            for y in (covered + 1).saturating_sub(kernel[0]).div_ceil(stride[0])..end {
                let gradient = row(gradient, params.gradient, plane.n, plane.c, y, pooled_w);
                let taps = &self.taps[y * pooled_w..][..pooled_w];
                let first = (covered - y * stride[0]) * kernel[1];
                // Windows from left to right for each pixel.
                for column in (0..kernel[1]).rev() {
                    let tap = (first + column) as u32;
                    let sums = &mut self.sums[column % stride[1] * places + column / stride[1]..];
                    for ((sum, gradient), found) in sums.iter_mut().zip(gradient).zip(taps) {
                        *sum += if *found == tap { *gradient } else { 0.0 };
                    }
                }
            }
            let out = &mut out[..w];
            let of = |remainder: usize| {
                let column = remainder + padding[1];
                &self.sums[column % stride[1] * places + column / stride[1]..]
            };
            let accumulate = params.accumulate != 0;
            interleave(out, stride[1], of, |out, sum| put(out, sum, accumulate));
            if params.gated == 1 {
                let values = row(input, params.input, plane.n, plane.c, iy, w);
                for (out, value) in out.iter_mut().zip(values) {
                    *out *= if *value > 0.0 { 1.0 } else { params.slope };
                }
            }
        }
    }
}

/// Where every `step`-th of `values` is larger, it and its tap take the place.
#[inline(always)]
fn replace(largest: &mut [f32], taps: &mut [u32], values: &[f32], step: usize, tap: u32) {
    let take = |largest: &mut f32, found: &mut u32, value: f32| {
        let larger = value > *largest;
        *largest = if larger { value } else { *largest };
        *found = if larger { tap } else { *found };
    };
    match (step, largest.split_last_mut(), taps.split_last_mut()) {
        (2, Some((last, largest)), Some((last_tap, taps))) => {
            take(last, last_tap, values[2 * largest.len()]);
            for ((largest, found), pair) in largest.iter_mut().zip(taps).zip(values.chunks_exact(2)) {
                take(largest, found, pair[0]);
            }
        }
        (1, ..) => {
            for ((largest, found), value) in largest.iter_mut().zip(taps).zip(values) {
                take(largest, found, *value);
            }
        }
        _ => {
            let values = values.iter().step_by(step);
            for ((largest, found), value) in largest.iter_mut().zip(taps).zip(values) {
                take(largest, found, *value);
            }
        }
    }
}
