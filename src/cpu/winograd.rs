//! Convolutions of 3 × 3 taps side by side by Winograd's F(2 × 2, 3 × 3) (Lavin and Gray, Fast Algorithms for Convolutional
//! Neural Networks, 2016): 16 products for each in channel, out channel and tile of 2 × 2 outputs, where there are 36 taps.
//!
//! With `B`, `G` and `A` as there, `out = Aᵀ [Σ_channel (G w Gᵀ) · (Bᵀ in B)] A` of each tile of 4 × 4 inputs. Tiles lie along
//! the vectors, through all rows of a band one after the other; each of the 16 points is a matrix product of its own, over
//! the channels. A tile is computed in the same way wherever it lies.

use std::cell::RefCell;
use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::convolution::{Convolution, Piece};
use super::in_order::{InOrder, WithInOrder, dispatch};
use super::matrix::{load, store};
use super::rows::sizes;
use super::scratch::{leave, taken};
use super::steps::widest;
use super::sweep::{LANES, Sweep};

mod filters;

/// Points of a transformed tile, in rows of four.
const POINTS: usize = 16;
/// Channels, and tiles of a sample, from which on tiles take less time than taps.
const FEWEST_CHANNELS: usize = 16;
const FEWEST_TILES: usize = 64;
/// Tiles whose products are summed together.
const PART: usize = 3 * LANES;
/// Out channels that are computed together.
const GROUP: usize = 8;
/// Products of a group from a point to the next: so far apart that points do not share the same few places of a cache.
const PRODUCTS_PITCH: usize = GROUP * PART + LANES;
/// Products of a group.
const PRODUCTS: usize = POINTS * PRODUCTS_PITCH;
/// Elements of transformed input that stay in a cache.
const CACHED: usize = 1 << 16;
/// In channels up to which the products of a whole block, of a group, are there before they are summed.
const FEW: usize = 64;
/// Groups whose products of a part are, if there are more: they read the same transformed input.
const GROUPS_TOGETHER: usize = 8;

/// Memory that a thread uses again for each piece of work.
#[derive(Default)]
struct Scratch {
    /// Of one channel, `[rows][pitch]`.
    laid_out: Vec<f32>,
    /// `[points][in channels][tiles]`.
    transformed: Vec<f32>,
    /// `[parts][groups][points][GROUP][PART]`.
    products: Vec<f32>,
    shifts: Vec<usize>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
    /// Transformed filters.
    static FILTERS: RefCell<Vec<f32>> = RefCell::default();
}

/// Tiles that are transformed together, of all rows of a band.
struct Block {
    /// The first column of tiles, and how many.
    first: usize,
    columns: usize,
    rows: usize,
}

/// Neighbouring tiles of a row of tiles.
struct Run {
    /// Of the block.
    row: usize,
    column: usize,
    /// The first one, of the block's tiles.
    first: usize,
    count: usize,
}

impl Convolution<'_> {
    /// Whether [`run_winograd`](Self::run_winograd) computes it, and in less time. It does not with few channels, since a tile
    /// is transformed once for each of them, nor with few tiles, since so are the filters (see the notebook of the benches).
    pub(super) fn suits_winograd(&self) -> bool {
        let params = &self.params;
        let [_, outs, h, w] = sizes(params.output_extent);
        params.kernel == [3, 3]
            && params.stride == [1, 1]
            && params.dilation == [1, 1]
            && params.groups == 1
            && outs.min(params.input_extent.c as usize) >= FEWEST_CHANNELS
            && h.div_ceil(2) * w.div_ceil(2) >= FEWEST_TILES
    }

    /// What [`run`](Self::run) computes, rounded otherwise.
    pub(super) fn run_winograd(&self, output: &mut [f32]) {
        let [_, outs, h, w] = sizes(self.params.output_extent);
        let ins = self.params.input_extent.c as usize;
        let rows = rows_of_block(ins, w.div_ceil(2), h.div_ceil(2));
        let pieces = self.pieces(output, 2 * rows);
        let group = POINTS * ins * GROUP;
        let mut filters = taken(&FILTERS, outs.div_ceil(GROUP) * group);
        filters
            .par_chunks_mut(group.max(1))
            .enumerate()
            .for_each(|(i, filters)| {
                widest(
                    #[inline(always)]
                    || self.transform_filters(i * GROUP, filters),
                )
            });
        pieces.into_par_iter().for_each(|piece| {
            SCRATCH.with_borrow_mut(|scratch| {
                dispatch(Work {
                    convolution: self,
                    filters: &filters,
                    piece,
                    scratch,
                })
            });
        });
        leave(&FILTERS, filters);
    }
}

/// The start of a buffer of `length` elements where vectors do not lie across lines of the cache.
fn aligned(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    buffer.resize(buffer.len().max(length + LANES), 0.0);
    let start = buffer.as_ptr().align_offset(64).min(LANES);
    &mut buffer[start..start + length]
}

/// Some rows of some out channels.
struct Work<'a, 'b> {
    convolution: &'a Convolution<'a>,
    filters: &'a [f32],
    piece: Piece<'b>,
    scratch: &'a mut Scratch,
}

impl WithInOrder for Work<'_, '_> {
    #[inline(always)]
    fn run<S: InOrder>(mut self, simd: S) {
        let params = &self.convolution.params;
        let ins = params.input_extent.c as usize;
        let across = (params.output_extent.w as usize).div_ceil(2);
        let rows = self.piece.band.count.div_ceil(2);
        let columns = columns_of_block(ins, across);
        let Scratch {
            mut laid_out,
            mut transformed,
            mut products,
            mut shifts,
        } = std::mem::take(self.scratch);
        // From a channel to the next, and from a point to the next: so far apart that they do not share the same few places
        // of a cache.
        let most = (rows * columns).next_multiple_of(LANES);
        let pitch = ins * most + LANES;
        shifts.clear();
        shifts.extend((0..ins).map(|channel| channel * most));
        let points = aligned(&mut transformed, POINTS * pitch);
        let channels = self.piece.channels.len();
        let together = if ins <= FEW {
            GROUP
        } else {
            GROUPS_TOGETHER * GROUP
        };
        for first in (0..across).step_by(columns) {
            let block = Block {
                first,
                columns: columns.min(across - first),
                rows,
            };
            let values = aligned(&mut laid_out, (2 * rows + 2) * block.pitch());
            for channel in 0..ins {
                let in_place = self.in_place(&block, channel);
                if in_place.is_none() {
                    self.lay_out(&block, channel, values);
                }
                let (from, from_pitch) = in_place.unwrap_or((values, block.pitch()));
                for row in 0..rows {
                    let from = std::array::from_fn(
                        #[inline(always)]
                        |i| &from[(2 * row + i) * from_pitch..][..block.pitch()],
                    );
                    let points = &mut points[channel * most + row * block.columns..];
                    transform(simd, block.columns, from, points, pitch);
                }
            }
            let tiles = rows * block.columns;
            let vectors = tiles.div_ceil(LANES);
            let parts = vectors.div_ceil(PART / LANES);
            // As even as can be.
            let places = |part: usize| vectors * part / parts * LANES..vectors * (part + 1) / parts * LANES;
            let parts_together = if ins <= FEW { parts } else { 1 };
            let of_part = together / GROUP * PRODUCTS;
            let sums = aligned(&mut products, parts_together * of_part);
            for begin in (0..channels).step_by(together) {
                let channels = begin..(begin + together).min(channels);
                for first_part in (0..parts).step_by(parts_together) {
                    let parts = first_part..first_part + parts_together;
                    for part in parts.clone() {
                        let places = places(part);
                        let sums = &mut sums[(part - first_part) * of_part..][..of_part];
                        for point in 0..POINTS {
                            for channel in channels.clone().step_by(GROUP) {
                                let count = GROUP.min(channels.end - channel);
                                let of_group = (self.piece.channels.start + channel) / GROUP * POINTS + point;
                                let sweep = Sweep {
                                    values: &points[point * pitch + places.start..],
                                    shifts: &shifts,
                                    factors: &self.filters[of_group * ins * GROUP..][..ins * count],
                                    channels: count,
                                    sums: &mut sums
                                        [(channel - begin) / GROUP * PRODUCTS + point * PRODUCTS_PITCH..],
                                    pitch: PART,
                                    places: places.len(),
                                    accumulate: false,
                                };
                                sweep.with_simd(simd);
                            }
                        }
                    }
                    // Channel by channel, so that the output is written in long pieces.
                    for channel in channels.clone() {
                        let at = (channel - begin) / GROUP * PRODUCTS + channel % GROUP * PART;
                        for part in parts.clone() {
                            let places = places(part);
                            let sums = &sums[(part - first_part) * of_part + at..];
                            self.finish(simd, &block, channel, places.start..places.end.min(tiles), sums);
                        }
                    }
                }
            }
        }
        *self.scratch = Scratch {
            laid_out,
            transformed,
            products,
            shifts,
        };
    }
}

/// Tiles that may be transformed together, of that many in channels: as many as stay in a cache, but so many that few vectors
/// are filled in part alone.
fn most_tiles(ins: usize) -> usize {
    (CACHED / (POINTS * ins.max(1))).max(3 * PART)
}

/// Columns of tiles that are transformed together: all, or even shares of them.
fn columns_of_block(ins: usize, across: usize) -> usize {
    let blocks = across.div_ceil(most_tiles(ins));
    across.div_ceil(blocks).next_multiple_of(LANES).min(across)
}

/// Rows of tiles that are transformed together, which fill the most of their vectors.
fn rows_of_block(ins: usize, across: usize, rows: usize) -> usize {
    let vectors = |together: usize| {
        let whole = rows / together * (together * across).div_ceil(LANES);
        whole + (rows % together * across).div_ceil(LANES)
    };
    let most = (most_tiles(ins) / across).clamp(1, rows);
    (1..=most)
        .rev()
        .min_by_key(|&together| vectors(together))
        .unwrap_or(1)
}

impl Block {
    /// Elements from a row that is laid out to the next.
    fn pitch(&self) -> usize {
        2 * self.columns.next_multiple_of(LANES) + LANES
    }

    /// Those of the tiles that lie in one row each.
    fn runs(&self, tiles: Range<usize>) -> impl Iterator<Item = Run> {
        let columns = self.columns;
        let mut tile = tiles.start;
        std::iter::from_fn(move || {
            let column = tile % columns;
            let count = (columns - column).min(tiles.end - tile);
            let first = tile;
            tile += count;
            (count > 0).then_some(Run {
                row: first / columns,
                column,
                first,
                count,
            })
        })
    }
}

/// The values at even places, those at odd ones, and both of two places further on.
#[inline(always)]
fn four<S: InOrder>(simd: S, values: &[f32]) -> [S::f32s; 4] {
    let lanes = S::F32_LANES;
    let values = &values[..2 * lanes + 2];
    let [a, b] = simd.part([load::<S>(values), load::<S>(&values[lanes..])]);
    let [c, d] = simd.part([load::<S>(&values[2..]), load::<S>(&values[lanes + 2..])]);
    [a, b, c, d]
}

/// `Bᵀ` times four numbers.
#[inline(always)]
fn transform_four<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [
        simd.sub_f32s(a, c),
        simd.add_f32s(b, c),
        simd.sub_f32s(c, b),
        simd.sub_f32s(b, d),
    ]
}

/// `Aᵀ` times four numbers.
#[inline(always)]
fn sum_four<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
    [
        simd.add_f32s(simd.add_f32s(a, b), c),
        simd.sub_f32s(simd.sub_f32s(b, c), d),
    ]
}

/// `Bᵀ in B` of a row of tiles of one channel, of the four rows that they lie in; its points `pitch` apart. What is written
/// behind the last tile may be anything.
#[inline(always)]
fn transform<S: InOrder>(simd: S, tiles: usize, [a, b, c, d]: [&[f32]; 4], points: &mut [f32], pitch: usize) {
    for first in (0..tiles).step_by(S::F32_LANES) {
        let at = 2 * first;
        let a = transform_four(simd, four(simd, &a[at..]));
        let b = transform_four(simd, four(simd, &b[at..]));
        let c = transform_four(simd, four(simd, &c[at..]));
        let d = transform_four(simd, four(simd, &d[at..]));
        for x in 0..4 {
            let column = transform_four(simd, [a[x], b[x], c[x], d[x]]);
            for y in 0..4 {
                store::<S>(&mut points[(4 * y + x) * pitch + first..], column[y]);
            }
        }
    }
}

impl<'a> Work<'a, '_> {
    /// The input's row and column that a block begins at, perhaps outside.
    #[inline(always)]
    fn corner(&self, block: &Block) -> [isize; 2] {
        let Convolution {
            params, transposed, ..
        } = self.convolution;
        let [above, left] = params.padding.map(|padding| match transposed {
            true => padding as isize - 2,
            false => -(padding as isize),
        });
        let [top, first] = [self.piece.band.first, 2 * block.first].map(|place| place as isize);
        [above + top, left + first]
    }

    /// The input of a block where it stands, of one channel, and from a row to the next; if all of it is inside.
    #[inline(always)]
    fn in_place(&self, block: &Block, channel: usize) -> Option<(&'a [f32], usize)> {
        let Convolution { params, input, .. } = self.convolution;
        let [_, _, h, w] = sizes(params.input_extent);
        let [top, left] = self.corner(block).map(usize::try_from);
        let (top, left) = (top.ok()?, left.ok()?);
        if top + 2 * block.rows + 2 > h || left + 2 * block.columns + 2 > w {
            return None;
        }
        // Vectors go on behind the last place.
        let length = (2 * block.rows + 1) * params.input.row as usize + block.pitch();
        let start = params.input.at(self.piece.band.n, channel, top, left);
        Some((input.get(start..start + length)?, params.input.row as usize))
    }

    /// Lays the input of a block out, of one channel, with zeros around it.
    #[inline(always)]
    fn lay_out(&self, block: &Block, channel: usize, values: &mut [f32]) {
        let Convolution { params, input, .. } = self.convolution;
        let [_, _, h, w] = sizes(params.input_extent);
        let [top, left] = self.corner(block);
        let width = 2 * block.columns as isize + 2;
        let before = (-left).clamp(0, width);
        let end = (w as isize - left).clamp(before, width);
        for (row, line) in values.chunks_exact_mut(block.pitch()).enumerate() {
            let y = top + row as isize;
            let line = &mut line[..width as usize];
            if y < 0 || y as usize >= h || before == end {
                line.fill(0.0);
                continue;
            }
            let (inside, after) = line.split_at_mut(end as usize);
            let (before_it, inside) = inside.split_at_mut(before as usize);
            before_it.fill(0.0);
            after.fill(0.0);
            let start = params
                .input
                .at(self.piece.band.n, channel, y as usize, (left + before) as usize);
            inside.copy_from_slice(&input[start..start + inside.len()]);
        }
    }

    /// `Aᵀ products A` of a few tiles of a block, of one of the piece's out channels, and the epilogue.
    #[inline(always)]
    fn finish<S: InOrder>(
        &mut self,
        simd: S,
        block: &Block,
        channel: usize,
        tiles: Range<usize>,
        products: &[f32],
    ) {
        let Convolution { params, epilogue, .. } = self.convolution;
        let [_, _, _, w] = sizes(params.output_extent);
        let band = &mut self.piece.band;
        let row_pitch = (params.output.row as usize).max(w);
        let of_all = self.piece.channels.start + channel;
        let out = &mut band.channels[channel];
        let index = params.output.at(band.n, of_all, band.first, 0);
        let (mut row, mut tile) = (tiles.start / block.columns, tiles.start % block.columns);
        for first in (0..tiles.len()).step_by(S::F32_LANES) {
            let mut rows = [[simd.splat_f32s(0.0); 4]; 2];
            for x in 0..4 {
                let point = |y: usize| load::<S>(&products[(4 * y + x) * PRODUCTS_PITCH + first..]);
                let column = sum_four(simd, [point(0), point(1), point(2), point(3)]);
                rows[0][x] = column[0];
                rows[1][x] = column[1];
            }
            let vector = tiles.start + first..(tiles.start + first + S::F32_LANES).min(tiles.end);
            while tile >= block.columns {
                (row, tile) = (row + 1, tile - block.columns);
            }
            let column = 2 * (block.first + tile);
            let whole = tile + S::F32_LANES <= block.columns && column + 2 * S::F32_LANES <= w;
            tile += S::F32_LANES;
            for (i, sums) in rows.into_iter().enumerate() {
                let pair = simd.interleave(sum_four(simd, sums));
                if whole {
                    let y = 2 * row + i;
                    if y < band.count {
                        let at = y * row_pitch + column;
                        epilogue.apply_vectors(simd, of_all, pair, &mut out[at..], index + at);
                    }
                    continue;
                }
                let mut sums = [0.0; 2 * LANES];
                store::<S>(&mut sums, pair[0]);
                store::<S>(&mut sums[S::F32_LANES..], pair[1]);
                for run in block.runs(vector.clone()) {
                    let (y, column) = (2 * run.row + i, 2 * (block.first + run.column));
                    if y < band.count {
                        let at = y * row_pitch + column;
                        let count = (2 * run.count).min(w - column);
                        let sums = &sums[2 * (run.first - vector.start)..][..count];
                        epilogue.apply(of_all, sums, &mut out[at..at + count], index + at);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
