//! Hands out the rows of a strided tensor to write, in parallel and without overlap.

use rayon::prelude::*;

use crate::kernels::{Extent, View};

/// Elements below which a piece of work is not split further between threads.
pub(super) const SMALLEST_PIECE: usize = 8192;

/// One channel of one sample.
pub(super) struct Plane<'a> {
    pub n: usize,
    pub c: usize,
    /// From the first element of the first row to the last of the last, `row` apart.
    pub values: &'a mut [f32],
}

/// Cuts the planes of a tensor out of its buffer, sample by sample and channel by channel, in which order
/// they must lie in the buffer too.
pub(super) fn planes(buffer: &mut [f32], view: View, extent: Extent) -> Vec<Plane<'_>> {
    let [samples, channels, h, w] = sizes(extent);
    if h == 0 || w == 0 {
        return Vec::new();
    }
    let mut planes = Vec::with_capacity(samples * channels);
    let mut rest = buffer;
    let mut begin = 0;
    for n in 0..samples {
        for c in 0..channels {
            let (first, last) = (view.at(n, c, 0, 0), view.at(n, c, h - 1, w - 1));
            let (values, after) = rest.split_at_mut(last + 1 - begin);
            planes.push(Plane {
                n,
                c,
                values: &mut values[first - begin..],
            });
            rest = after;
            begin = last + 1;
        }
    }
    planes
}

/// Calls `body` with sample, channel, row number and row for each row of a tensor.
pub(super) fn for_each_row(
    buffer: &mut [f32],
    view: View,
    extent: Extent,
    body: impl Fn(usize, usize, usize, &mut [f32]) + Sync,
) {
    for_each_costly_row(buffer, view, extent, 1, body);
}

/// The same where each element is made of `cost` others.
pub(super) fn for_each_costly_row(
    buffer: &mut [f32],
    view: View,
    extent: Extent,
    cost: usize,
    body: impl Fn(usize, usize, usize, &mut [f32]) + Sync,
) {
    let width = extent.w as usize;
    // The pitch of a single row means nothing and may be 0.
    let pitch = (view.row as usize).max(width);
    planes(buffer, view, extent).into_par_iter().for_each(|plane| {
        plane
            .values
            .par_chunks_mut(pitch)
            .with_min_len(SMALLEST_PIECE.div_ceil(width * cost.max(1)))
            .enumerate()
            .for_each(|(y, row)| body(plane.n, plane.c, y, &mut row[..width]));
    });
}

/// Rows `first..first + count` of every channel of one sample.
pub(super) struct Band<'a> {
    pub n: usize,
    pub first: usize,
    pub count: usize,
    /// For each channel, from the first element of the first row to the last of the last.
    pub channels: Vec<&'a mut [f32]>,
}

/// Cuts a tensor into bands of `rows` rows each (the last of a sample may have fewer).
pub(super) fn bands(buffer: &mut [f32], view: View, extent: Extent, rows: usize) -> Vec<Band<'_>> {
    let [_, channels, h, w] = sizes(extent);
    let pitch = (view.row as usize).max(w);
    let mut bands: Vec<Band<'_>> = Vec::new();
    for plane in planes(buffer, view, extent) {
        if plane.c == 0 {
            bands.extend((0..h).step_by(rows).map(|first| Band {
                n: plane.n,
                first,
                count: rows.min(h - first),
                channels: Vec::with_capacity(channels),
            }));
        }
        let of_sample = bands.len() - h.div_ceil(rows);
        for (band, values) in bands[of_sample..]
            .iter_mut()
            .zip(plane.values.chunks_mut(rows * pitch))
        {
            band.channels.push(values);
        }
    }
    bands
}

/// The row `y` of channel `c` of sample `n`.
pub(super) fn row(buffer: &[f32], view: View, n: usize, c: usize, y: usize, width: usize) -> &[f32] {
    let start = view.at(n, c, y, 0);
    &buffer[start..start + width]
}

/// The row of a tensor that is repeated along the axes on which it has a size of 1; of one number if that is so of its
/// columns.
pub(super) fn repeated_row(
    buffer: &[f32],
    view: View,
    extent: Extent,
    n: usize,
    c: usize,
    y: usize,
) -> &[f32] {
    let [samples, channels, h, w] = sizes(extent);
    row(
        buffer,
        view,
        n.min(samples - 1),
        c.min(channels - 1),
        y.min(h - 1),
        w,
    )
}

/// Sums that are added to side by side.
const LANES: usize = 16;

/// Terms that are added up in float32 before they go into a sum in float64.
const PIECE: usize = 32 * LANES;

/// The sum of `term` over the elements of two slices of one length, in a fixed order.
pub(super) fn sum_of(left: &[f32], right: &[f32], term: impl Fn(f32, f32) -> f32) -> f64 {
    let mut sum = 0.0;
    for (left, right) in left.chunks(PIECE).zip(right.chunks(PIECE)) {
        let mut lanes = [0.0f32; LANES];
        let (lefts, rights) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
        let (left, right) = (lefts.remainder(), rights.remainder());
        for (lefts, rights) in lefts.zip(rights) {
            for ((lane, &left), &right) in lanes.iter_mut().zip(lefts).zip(rights) {
                *lane += term(left, right);
            }
        }
        for ((lane, &left), &right) in lanes.iter_mut().zip(left).zip(right) {
            *lane += term(left, right);
        }
        sum += lanes.into_iter().map(f64::from).sum::<f64>();
    }
    sum
}

/// Writes `value` or adds it.
#[inline]
pub(super) fn put(place: &mut f32, value: f32, accumulate: bool) {
    *place = if accumulate { *place + value } else { value };
}

/// Samples, channels, rows, columns.
pub(super) fn sizes(extent: Extent) -> [usize; 4] {
    [extent.n, extent.c, extent.h, extent.w].map(|size| size as usize)
}

/// The pixels of a chunk, counted through all samples.
pub(super) fn pixels_of(chunk: usize, pixels_per_chunk: u32, extent: Extent) -> std::ops::Range<usize> {
    let [samples, _, h, w] = sizes(extent);
    let first = chunk * pixels_per_chunk as usize;
    first..(first + pixels_per_chunk as usize).min(samples * h * w)
}

/// The same pixels as pieces of rows: sample, row and columns.
pub(super) fn row_pieces(
    chunk: usize,
    pixels_per_chunk: u32,
    extent: Extent,
) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
    let [_, _, h, w] = sizes(extent);
    let pixels = pixels_of(chunk, pixels_per_chunk, extent);
    let lines = pixels.start / w..pixels.end.div_ceil(w);
    lines.map(move |line| {
        let first = pixels.start.max(line * w) - line * w;
        let end = pixels.end.min((line + 1) * w) - line * w;
        (line / h, line % h, first..end)
    })
}
