//! Twin of [`kernels::reduce`](crate::kernels::reduce).

use std::borrow::Cow;
use std::ops::Range;

use super::blocks::Blocks;
use super::rows::{for_each_costly_row, put, repeated_row, row};
use crate::kernels::reduce::{
    LARGEST, NEGATED, OF_DIVISOR, OVER_RIGHT, PLAIN, Params, TIMES_LEFT, TIMES_RIGHT, WHERE_LEFT, reads_left,
    reads_right,
};

/// `output = scale · Σ term` over each block, or the largest term, or that added to `output`.
pub fn run(params: &Params, input: &[f32], left: &[f32], right: &[f32], output: &mut [f32]) {
    let tensors = Tensors {
        params,
        input,
        left,
        right,
    };
    match params.term {
        PLAIN => tensors.reduce(output, |value, _, _| value),
        NEGATED => tensors.reduce(output, |value, _, _| -value),
        TIMES_LEFT => tensors.reduce(output, |value, left, _| value * left),
        TIMES_RIGHT => tensors.reduce(output, |value, _, right| value * right),
        OVER_RIGHT => tensors.reduce(output, |value, _, right| value / right),
        OF_DIVISOR => tensors.reduce(output, |value, left, right| -value * (left / right) / right),
        WHERE_LEFT => tensors.reduce(output, |value, left, right| value * share_of_larger(left, right)),
        _ => tensors.reduce(output, |value, left, right| value * share_of_larger(right, left)),
    }
}

/// 1 where `a` is larger, ½ where neither is.
fn share_of_larger(a: f32, b: f32) -> f32 {
    if a > b {
        1.0
    } else if a == b {
        0.5
    } else {
        0.0
    }
}

/// Sums that are added to side by side.
const LANES: usize = 8;

struct Tensors<'t> {
    params: &'t Params,
    input: &'t [f32],
    left: &'t [f32],
    right: &'t [f32],
}

impl Tensors<'_> {
    /// A part of a row of the input and of both others, as long; of one that is not read, anything.
    fn rows(&self, n: usize, c: usize, y: usize, columns: Range<usize>) -> [Cow<'_, [f32]>; 3] {
        let params = self.params;
        let input = &row(self.input, params.input, n, c, y, params.extent.w as usize)[columns.clone()];
        let other = |read: bool, values, view, extent| {
            if !read {
                return Cow::Borrowed(input);
            }
            match repeated_row(values, view, extent, n, c, y) {
                &[value] => Cow::Owned(vec![value; columns.len()]),
                values => Cow::Borrowed(&values[columns.clone()]),
            }
        };
        let left = other(
            reads_left(params.term),
            self.left,
            params.left,
            params.left_extent,
        );
        let right = other(
            reads_right(params.term),
            self.right,
            params.right,
            params.right_extent,
        );
        [Cow::Borrowed(input), left, right]
    }

    fn reduce(&self, output: &mut [f32], term: impl Fn(f32, f32, f32) -> f32 + Sync) {
        match self.params.function {
            LARGEST => self.reduce_by(output, term, f64::NEG_INFINITY, |largest, term| largest.max(term)),
            _ => self.reduce_by(output, term, 0.0, |sum, term| sum + term),
        }
    }

    fn reduce_by(
        &self,
        output: &mut [f32],
        term: impl Fn(f32, f32, f32) -> f32 + Sync,
        nothing: f64,
        together: impl Fn(f64, f64) -> f64 + Sync,
    ) {
        let params = self.params;
        let blocks = Blocks::new(params.extent, params.output_extent);
        let (scale, accumulate) = (params.scale, params.accumulate != 0);
        let cost = blocks.largest();
        for_each_costly_row(
            output,
            params.output,
            params.output_extent,
            cost,
            |n, c, y, out| {
                let rows = || blocks.rows(n, c, y);
                // Each column by itself.
                if blocks.size[3] == 1 {
                    if blocks.largest() == 1 {
                        let [input, left, right] = self.rows(n, c, y, 0..out.len());
                        for (((out, value), left), right) in
                            out.iter_mut().zip(&*input).zip(&*left).zip(&*right)
                        {
                            put(out, scale * term(*value, *left, *right), accumulate);
                        }
                        return;
                    }
                    let mut results = vec![nothing; out.len()];
                    for (n, c, y) in rows() {
                        let [input, left, right] = self.rows(n, c, y, 0..out.len());
                        let terms = input.iter().zip(&*left).zip(&*right);
                        for (result, ((value, left), right)) in results.iter_mut().zip(terms) {
                            *result = together(*result, f64::from(term(*value, *left, *right)));
                        }
                    }
                    for (out, result) in out.iter_mut().zip(results) {
                        put(out, scale * result as f32, accumulate);
                    }
                    return;
                }
                for (x, out) in out.iter_mut().enumerate() {
                    let mut lanes = [nothing; LANES];
                    for (n, c, y) in rows() {
                        let [input, left, right] = self.rows(n, c, y, blocks.range(3, x));
                        let [inputs, lefts, rights] =
                            [&input, &left, &right].map(|row| row.chunks_exact(LANES));
                        let rests = [&inputs, &lefts, &rights].map(|chunks| chunks.remainder());
                        for ((inputs, lefts), rights) in inputs.zip(lefts).zip(rights) {
                            for (lane, result) in lanes.iter_mut().enumerate() {
                                let term = term(inputs[lane], lefts[lane], rights[lane]);
                                *result = together(*result, f64::from(term));
                            }
                        }
                        let [inputs, lefts, rights] = rests;
                        for (result, ((value, left), right)) in
                            lanes.iter_mut().zip(inputs.iter().zip(lefts).zip(rights))
                        {
                            *result = together(*result, f64::from(term(*value, *left, *right)));
                        }
                    }
                    let result = lanes.into_iter().fold(nothing, &together);
                    put(out, scale * result as f32, accumulate);
                }
            },
        );
    }
}
