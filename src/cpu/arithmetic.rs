//! Twin of [`kernels::arithmetic`](crate::kernels::arithmetic).

use super::rows::{Unlike, for_each_piece, joined, repeated_piece};
use super::vectors::{each_of_one, each_of_two};
use crate::kernels::arithmetic::{Operation, Params};

/// `output = left ∘ right`, each repeated where it has one number on an axis.
pub fn run(params: &Params, left: &[f32], right: &[f32], output: &mut [f32]) {
    let of = |operation: Operation| params.operation == operation as u32;
    if of(Operation::Add) {
        each(params, left, right, output, |a, b| a + b);
    } else if of(Operation::Subtract) {
        each(params, left, right, output, |a, b| a - b);
    } else if of(Operation::Multiply) {
        each(params, left, right, output, |a, b| a * b);
    } else if of(Operation::Divide) {
        each(params, left, right, output, |a, b| a / b);
    } else if of(Operation::Maximum) {
        each(params, left, right, output, f32::max);
    } else {
        each(params, left, right, output, f32::min);
    }
}

/// Loops of their own for each operation.
fn each(
    params: &Params,
    left: &[f32],
    right: &[f32],
    output: &mut [f32],
    operation: impl Fn(f32, f32) -> f32 + Sync,
) {
    let tensors = [
        (params.output, params.extent),
        (params.left, params.left_extent),
        (params.right, params.right_extent),
    ];
    let [extent, left_extent, right_extent] = joined(tensors, Unlike::Nothing);
    for_each_piece(output, params.output, extent, 1, |at, out| {
        let left = repeated_piece(left, params.left, left_extent, at, out.len());
        let right = repeated_piece(right, params.right, right_extent, at, out.len());
        match (left, right) {
            (&[left], &[right]) => out.fill(operation(left, right)),
            (&[left], right) => each_of_one(out, right, |_, right| operation(left, right)),
            (left, &[right]) => each_of_one(out, left, |_, left| operation(left, right)),
            (left, right) => each_of_two(out, left, right, |_, left, right| operation(left, right)),
        }
    });
}
