//! Twin of [`kernels::arithmetic`](crate::kernels::arithmetic).

use super::rows::{for_each_row, repeated_row};
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
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let left = repeated_row(left, params.left, params.left_extent, n, c, y);
        let right = repeated_row(right, params.right, params.right_extent, n, c, y);
        match (left, right) {
            (&[left], right) if right.len() == out.len() => {
                for (out, &right) in out.iter_mut().zip(right) {
                    *out = operation(left, right);
                }
            }
            (left, &[right]) if left.len() == out.len() => {
                for (out, &left) in out.iter_mut().zip(left) {
                    *out = operation(left, right);
                }
            }
            (&[left], &[right]) => out.fill(operation(left, right)),
            (left, right) => {
                for ((out, &left), &right) in out.iter_mut().zip(left).zip(right) {
                    *out = operation(left, right);
                }
            }
        }
    });
}
