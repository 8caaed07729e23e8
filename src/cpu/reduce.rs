//! Twin of [`kernels::reduce`](crate::kernels::reduce).

use std::ops::Range;

use super::blocks::Blocks;
use super::rows::{At, Unlike, for_each_costly_row, for_each_piece, joined, put, repeated_piece};
use super::vectors::{
    each_of_one, each_of_three, each_of_two, larger, largest_of, put_each_of_one, sum_of, vectorised,
};
use crate::kernels::Extent;
use crate::kernels::reduce::{
    LARGEST, NEGATED, OF_DIVISOR, OVER_RIGHT, PLAIN, Params, TIMES_LEFT, TIMES_RIGHT, WHERE_LEFT, reads_left,
    reads_right,
};

/// `output = scale · Σ term` over each block, or the largest term, or that added to `output`.
pub fn run(params: &Params, input: &[f32], left: &[f32], right: &[f32], output: &mut [f32]) {
    let [extent, left_extent, right_extent, output_extent] = extents(params);
    let tensors = Tensors {
        params,
        input,
        left,
        right,
        extent,
        left_extent,
        right_extent,
    };
    let blocks = Blocks::new(extent, output_extent);
    let cost = blocks.largest();
    let (scale, accumulate) = (params.scale, params.accumulate != 0);
    if blocks.size[3] == 1 {
        for_each_piece(output, params.output, output_extent, cost, |at, out| {
            let mut scratch = [0.0; AT_HAND];
            for (index, out) in out.chunks_mut(AT_HAND).enumerate() {
                let x = at.x + index * AT_HAND;
                let rows = blocks.rows(at.n, at.c, at.y).map(|(n, c, y)| At { n, c, y, x });
                tensors.reduce_columns(rows, &mut scratch[..out.len()], out);
            }
        });
        return;
    }
    for_each_costly_row(output, params.output, output_extent, cost, |n, c, y, out| {
        let mut scratch = [0.0; AT_HAND];
        for (x, out) in out.iter_mut().enumerate() {
            let result = tensors.reduce_block(blocks.rows(n, c, y), blocks.range(3, x), &mut scratch);
            put(out, scale * result, accumulate);
        }
    });
}

/// Terms that are worked on together: as many as stay near at hand.
const AT_HAND: usize = 1024;

/// The extents of the input, both others and the output, with each channel in one long row if blocks and views let it.
fn extents(params: &Params) -> [Extent; 4] {
    let (extent, of_output) = (params.extent, params.output_extent);
    let input = (params.input, extent);
    let other = |read: bool, other| if read { other } else { input };
    let left = other(reads_left(params.term), (params.left, params.left_extent));
    let right = other(reads_right(params.term), (params.right, params.right_extent));
    let (rows, columns) = (of_output.h, of_output.w);
    let [of_input, of_left, of_right, of_output] = if (rows, columns) == (extent.h, extent.w) {
        let output = (params.output, of_output);
        joined([input, left, right, output], Unlike::Channels)
    } else if columns == 1 && extent.h.is_multiple_of(rows) && (rows == 1 || params.output.row == 1) {
        // Blocks of whole rows.
        let [of_input, of_left, of_right] = joined([input, left, right], Unlike::Channels);
        let along_the_row = match of_input == extent {
            true => of_output,
            false => Extent {
                h: 1,
                w: rows,
                ..of_output
            },
        };
        [of_input, of_left, of_right, along_the_row]
    } else {
        [extent, left.1, right.1, of_output]
    };
    [of_input, of_left, of_right, of_output]
}

/// 1 where `a` is larger, ½ where neither is.
#[inline(always)]
fn share_of_larger(a: f32, b: f32) -> f32 {
    if a > b {
        1.0
    } else if a == b {
        0.5
    } else {
        0.0
    }
}

struct Tensors<'t> {
    params: &'t Params,
    input: &'t [f32],
    left: &'t [f32],
    right: &'t [f32],
    extent: Extent,
    left_extent: Extent,
    right_extent: Extent,
}

impl Tensors<'_> {
    /// The terms at a place: as many as `scratch` takes, in which they may stand.
    fn terms<'s>(&'s self, at: At, scratch: &'s mut [f32]) -> &'s [f32] {
        let params = self.params;
        let length = scratch.len();
        let input = repeated_piece(self.input, params.input, self.extent, at, length);
        let left = || repeated_piece(self.left, params.left, self.left_extent, at, length);
        let right = || repeated_piece(self.right, params.right, self.right_extent, at, length);
        match params.term {
            PLAIN => return input,
            NEGATED => each_of_one(scratch, input, |_, value| -value),
            TIMES_LEFT => with_one(scratch, input, left(), |value, left| value * left),
            TIMES_RIGHT => with_one(scratch, input, right(), |value, right| value * right),
            OVER_RIGHT => with_one(scratch, input, right(), |value, right| value / right),
            OF_DIVISOR => with_both(scratch, input, left(), right(), |value, left, right| {
                -value * (left / right) / right
            }),
            WHERE_LEFT => with_both(scratch, input, left(), right(), |value, left, right| {
                value * share_of_larger(left, right)
            }),
            _ => with_both(scratch, input, left(), right(), |value, left, right| {
                value * share_of_larger(right, left)
            }),
        }
        scratch
    }

    /// The results of blocks that lie side by side, each of one column of these rows.
    fn reduce_columns(&self, mut rows: impl Iterator<Item = At>, scratch: &mut [f32], out: &mut [f32]) {
        let (scale, accumulate) = (self.params.scale, self.params.accumulate != 0);
        let Some(first) = rows.next() else { return };
        let mut second = rows.next();
        if second.is_none() {
            let terms = self.terms(first, scratch);
            put_each_of_one(out, terms, accumulate, |term| scale * term);
            return;
        }
        let length = out.len();
        if self.params.function == LARGEST {
            let mut results = [f32::NEG_INFINITY; AT_HAND];
            let results = &mut results[..length];
            let mut take = |at| {
                let terms = self.terms(at, scratch);
                each_of_one(results, terms, |result, term| larger(term, result));
            };
            take(first);
            second.take().into_iter().chain(rows).for_each(take);
            put_each_of_one(out, results, accumulate, |result| scale * result);
        } else {
            let mut results = [0.0f64; AT_HAND];
            let results = &mut results[..length];
            let mut take = |at| add_to(results, self.terms(at, scratch));
            take(first);
            second.take().into_iter().chain(rows).for_each(take);
            put_sums(out, results, scale, accumulate);
        }
    }

    /// The result of these columns of these rows.
    fn reduce_block(
        &self,
        rows: impl Iterator<Item = (usize, usize, usize)>,
        columns: Range<usize>,
        scratch: &mut [f32],
    ) -> f32 {
        let mut largest = f32::NEG_INFINITY;
        let mut sum = 0.0;
        for (n, c, y) in rows {
            for x in columns.clone().step_by(AT_HAND) {
                let length = AT_HAND.min(columns.end - x);
                let terms = self.terms(At { n, c, y, x }, &mut scratch[..length]);
                match self.params.function {
                    LARGEST => largest = larger(largest_of(terms), largest),
                    _ => sum += sum_of(terms, terms, |term, _| term),
                }
            }
        }
        match self.params.function {
            LARGEST => largest,
            _ => sum as f32,
        }
    }
}

/// `out = term(input, other)`, where `other` may be one number.
fn with_one(out: &mut [f32], input: &[f32], other: &[f32], term: impl Fn(f32, f32) -> f32) {
    match *other {
        [other] => each_of_one(out, input, |_, value| term(value, other)),
        _ => each_of_two(out, input, other, |_, value, other| term(value, other)),
    }
}

/// `out = term(input, left, right)`, where `left` and `right` may be one number.
fn with_both(
    out: &mut [f32],
    input: &[f32],
    left: &[f32],
    right: &[f32],
    term: impl Fn(f32, f32, f32) -> f32,
) {
    match (left, right) {
        (&[left], right) => with_one(out, input, right, |value, right| term(value, left, right)),
        (left, &[right]) => with_one(out, input, left, |value, left| term(value, left, right)),
        _ => each_of_three(out, input, left, right, |_, value, left, right| {
            term(value, left, right)
        }),
    }
}

vectorised! {
    /// `sums += terms`
    fn add_to[](sums: &mut [f64], terms: &[f32]) {
        for (sum, &term) in sums.iter_mut().zip(terms) {
            *sum += f64::from(term);
        }
    }

    /// `out = scale · sums`, or that added to `out`.
    fn put_sums[](out: &mut [f32], sums: &[f64], scale: f32, accumulate: bool) {
        for (out, &sum) in out.iter_mut().zip(sums) {
            put(out, scale * sum as f32, accumulate);
        }
    }
}
