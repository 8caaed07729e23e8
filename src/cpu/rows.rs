//! Hands out the rows of a strided tensor to write, in parallel and without overlap.

use rayon::prelude::*;

use crate::kernels::{Extent, View};

/// Elements below which a piece of work is not split further between threads.
pub(super) const SMALLEST_PIECE: usize = 16384;

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
    walk(buffer, view, extent, cost, true, |at, row| {
        body(at.n, at.c, at.y, row)
    });
}

/// Where a piece of a row begins.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub n: usize,
    pub c: usize,
    pub y: usize,
    pub x: usize,
}

/// Calls `body` with each row of a tensor, or with pieces of long ones, where each element is made of `cost` others.
pub(super) fn for_each_piece(
    buffer: &mut [f32],
    view: View,
    extent: Extent,
    cost: usize,
    body: impl Fn(At, &mut [f32]) + Sync,
) {
    walk(buffer, view, extent, cost, false, body);
}

/// Pieces of work for each thread, so that none waits long for another.
const PIECES_PER_THREAD: usize = 4;

/// Rows or pieces of them, some of which one thread does after another.
struct Task<'a> {
    /// The number of the first row.
    first: usize,
    rows: usize,
    /// The columns of each.
    columns: std::ops::Range<usize>,
    /// From the first element of the first row to the last of the last.
    values: &'a mut [f32],
}

fn walk(
    buffer: &mut [f32],
    view: View,
    extent: Extent,
    cost: usize,
    whole_rows: bool,
    body: impl Fn(At, &mut [f32]) + Sync,
) {
    let tasks = tasks(buffer, view, extent, cost, whole_rows);
    run_tasks(tasks, &|task| {
        let start = start_of_row(view, extent, task.first);
        for row in task.first..task.first + task.rows {
            let (n, c, y) = place(extent, row);
            let x = task.columns.start;
            let at = view.at(n, c, y, 0) - start;
            body(At { n, c, y, x }, &mut task.values[at..at + task.columns.len()]);
        }
    });
}

/// Sample, channel and row number of a row of all.
fn place(extent: Extent, row: usize) -> (usize, usize, usize) {
    let [_, channels, h, _] = sizes(extent);
    (row / h / channels, row / h % channels, row % h)
}

fn start_of_row(view: View, extent: Extent, row: usize) -> usize {
    let (n, c, y) = place(extent, row);
    view.at(n, c, y, 0)
}

/// As many as keep all threads busy.
fn tasks(buffer: &mut [f32], view: View, extent: Extent, cost: usize, whole_rows: bool) -> Vec<Task<'_>> {
    let [samples, channels, h, w] = sizes(extent);
    let rows = samples * channels * h;
    if rows == 0 || w == 0 {
        return Vec::new();
    }
    let share = (rows * w).div_ceil(PIECES_PER_THREAD * rayon::current_num_threads());
    let share = share.max(SMALLEST_PIECE.div_ceil(cost.max(1)));
    let columns = if whole_rows || w <= share {
        w
    } else {
        // Pieces of one size, but for the last; not much smaller than a share.
        w.div_ceil(w / share).next_multiple_of(64).min(w)
    };
    let of_task = (share / w).clamp(1, rows);
    let mut tasks = Vec::new();
    let (mut rest, mut before) = (buffer, 0);
    let mut cut = |first: usize, rows: usize, columns: std::ops::Range<usize>| {
        let start = start_of_row(view, extent, first) + columns.start;
        let end = start_of_row(view, extent, first + rows - 1) + columns.end;
        let (values, after) = std::mem::take(&mut rest).split_at_mut(end - before);
        rest = after;
        let values = &mut values[start - before..];
        before = end;
        tasks.push(Task {
            first,
            rows,
            columns,
            values,
        });
    };
    for first in (0..rows).step_by(of_task) {
        if columns == w {
            cut(first, of_task.min(rows - first), 0..w);
        } else {
            (0..w)
                .step_by(columns)
                .for_each(|x| cut(first, 1, x..(x + columns).min(w)));
        }
    }
    tasks
}

/// One loop for all who walk: what a parallel loop is compiled to is larger than the twins that run in it.
fn run_tasks(tasks: Vec<Task<'_>>, run: &(dyn Fn(Task<'_>) + Sync)) {
    if tasks.len() == 1 {
        tasks.into_iter().for_each(run);
    } else {
        tasks.into_par_iter().for_each(run);
    }
}

/// How a tensor may be walked along: which of its axes are as one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unlike {
    /// Channels are treated each in its way.
    Channels,
    /// Every element is treated alike.
    Nothing,
}

/// The extents of a tensor and of others that are seen beside it, with fewer and longer rows where the rows of all of them
/// follow one another, and likewise the channels and samples if these are treated alike. The views stay as they are. The
/// first is the tensor that is walked along; another may have a size of 1 where it is repeated.
pub(super) fn joined<const COUNT: usize>(
    tensors: [(View, Extent); COUNT],
    unlike: Unlike,
) -> [Extent; COUNT] {
    let mut extents = tensors.map(|(_, extent)| extent);
    let whole = extents[0];
    let Some(plane) = whole.h.checked_mul(whole.w) else {
        return extents;
    };
    let full = |extent: Extent| (extent.h, extent.w) == (whole.h, whole.w);
    let rows_join = tensors.iter().all(|(view, extent)| {
        let dense = whole.h == 1 || view.row == whole.w;
        (full(*extent) && dense) || (extent.h, extent.w) == (1, 1)
    });
    if !rows_join {
        return extents;
    }
    for extent in &mut extents {
        let w = if full(*extent) { plane } else { 1 };
        *extent = Extent { h: 1, w, ..*extent };
    }
    let Some(sample) = whole.c.checked_mul(plane) else {
        return extents;
    };
    let channels_join = tensors.iter().zip(&extents).all(|((view, _), extent)| {
        let dense = whole.c == 1 || view.channel == plane;
        ((extent.c, extent.w) == (whole.c, plane) && dense) || (extent.c, extent.w) == (1, 1)
    });
    if unlike == Unlike::Channels || !channels_join {
        return extents;
    }
    for extent in &mut extents {
        let w = if extent.c == whole.c && extent.w == plane {
            sample
        } else {
            1
        };
        *extent = Extent { c: 1, w, ..*extent };
    }
    let Some(all) = whole.n.checked_mul(sample) else {
        return extents;
    };
    let samples_join = tensors.iter().zip(&extents).all(|((view, _), extent)| {
        let dense = whole.n == 1 || view.batch == sample;
        ((extent.n, extent.w) == (whole.n, sample) && dense) || (extent.n, extent.w) == (1, 1)
    });
    if !samples_join {
        return extents;
    }
    for extent in &mut extents {
        let w = if extent.n == whole.n && extent.w == sample {
            all
        } else {
            1
        };
        *extent = Extent { n: 1, w, ..*extent };
    }
    extents
}

/// The extent of tensors of one extent, seen through several views, with fewer and longer rows.
pub(super) fn joined_alike<const COUNT: usize>(
    views: [View; COUNT],
    extent: Extent,
    unlike: Unlike,
) -> Extent {
    joined(views.map(|view| (view, extent)), unlike)[0]
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

/// `length` elements of a row from `at`.
pub(super) fn piece(buffer: &[f32], view: View, at: At, length: usize) -> &[f32] {
    let start = view.at(at.n, at.c, at.y, at.x);
    &buffer[start..start + length]
}

/// `length` elements from `at` of a tensor that is repeated along the axes on which it has a size of 1; one number if
/// that is so of its columns.
pub(super) fn repeated_piece(buffer: &[f32], view: View, extent: Extent, at: At, length: usize) -> &[f32] {
    let row = repeated_row(buffer, view, extent, at.n, at.c, at.y);
    match row {
        [_] => row,
        _ => &row[at.x..at.x + length],
    }
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

/// Writes `value` or adds it.
#[inline(always)]
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
