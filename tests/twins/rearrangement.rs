//! Reshape, exchange of axes and the product of matrices, against plain loops in f64.

use asma::kernels::{mat_mul, reshape, transpose};
use asma::{Shape, cpu};
use asma_definitions::{index, places};
use rand::RngExt;

use crate::strided::{ROUNDING, Strided, Tolerance, many, small_shape};

#[test]
fn reshape_keeps_the_order() {
    many(|random| {
        let shape = small_shape(random);
        let Shape { n, c, h, w } = shape;
        let other = [
            Shape::new(1, 1, n * c, h * w),
            Shape::new(w, n, c, h),
            Shape::new(1, h * w * n, 1, c),
        ][random.random_range(0..3)];
        let [input, output] = [shape, other].map(|shape| Strided::random(random, shape));
        let accumulate = random.random_bool(0.5);
        let params = reshape::Params {
            input: input.view,
            output: output.view,
            input_extent: shape.into(),
            extent: other.into(),
            accumulate: accumulate.into(),
        };
        let run = |out: &mut [f32]| cpu::reshape::run(&params, &input.buffer, out);
        output.check(ROUNDING, accumulate, run, &input.dense());
    });
}

#[test]
fn axes_are_exchanged() {
    many(|random| {
        let shape = small_shape(random);
        let mut axes = [0, 1, 2, 3];
        for last in (1..4).rev() {
            axes.swap(last, random.random_range(0..=last));
        }
        let sizes = [shape.n, shape.c, shape.h, shape.w];
        let other = Shape::new(sizes[axes[0]], sizes[axes[1]], sizes[axes[2]], sizes[axes[3]]);
        let [input, output] = [shape, other].map(|shape| Strided::random(random, shape));
        let accumulate = random.random_bool(0.5);
        let params = transpose::Params {
            input: input.view,
            output: output.view,
            input_extent: shape.into(),
            extent: other.into(),
            outer_axes: [axes[0], axes[1]].map(|axis| axis as u32),
            inner_axes: [axes[2], axes[3]].map(|axis| axis as u32),
            accumulate: accumulate.into(),
        };
        let values = input.dense();
        let expected: Vec<f64> = places(other)
            .map(|place| {
                let mut source = [0; 4];
                for (axis, index) in axes.into_iter().zip(place) {
                    source[axis] = index;
                }
                values[index(shape, source)]
            })
            .collect();
        let run = |out: &mut [f32]| cpu::transpose::run(&params, &input.buffer, out);
        output.check(ROUNDING, accumulate, run, &expected);
    });
}

#[test]
fn matrices_are_multiplied() {
    let tolerance = Tolerance {
        absolute: 1e-5,
        relative: 1e-5,
    };
    many(|random| {
        let [rows, depth, columns] = [0; 3].map(|_| random.random_range(1..20));
        let transposed = [0; 2].map(|_| random.random_bool(0.5));
        let mut batch =
            |all: usize| [[all, all, 1], [all, 1, all], [1, all, all], [all; 3]][random.random_range(0..4)];
        let (n, c) = (batch(2), batch(3));
        let shape = |which: usize, [h, w]: [usize; 2], transposed: bool| match transposed {
            false => Shape::new(n[which], c[which], h, w),
            true => Shape::new(n[which], c[which], w, h),
        };
        let [left, right, output] = [
            shape(0, [rows, depth], transposed[0]),
            shape(1, [depth, columns], transposed[1]),
            shape(2, [rows, columns], false),
        ]
        .map(|shape| Strided::random(random, shape));
        let accumulate = random.random_bool(0.5);
        let params = mat_mul::Params {
            left: left.view,
            right: right.view,
            output: output.view,
            left_extent: left.shape.into(),
            right_extent: right.shape.into(),
            extent: output.shape.into(),
            transposed: transposed.map(u32::from),
            accumulate: accumulate.into(),
        };
        let factor = |tensor: &Strided, transposed: bool, [n, c, row, column]: [usize; 4]| {
            let (n, c) = (n.min(tensor.shape.n - 1), c.min(tensor.shape.c - 1));
            let place = match transposed {
                false => tensor.view.at(n, c, row, column),
                true => tensor.view.at(n, c, column, row),
            };
            f64::from(tensor.buffer[place])
        };
        let mut expected = vec![0.0; output.shape.elements()];
        for (sample, channel) in (0..2).flat_map(|n| (0..3).map(move |c| (n, c))) {
            let of_output = [sample.min(n[2] - 1), channel.min(c[2] - 1)];
            for row in 0..rows {
                for column in 0..columns {
                    let sum: f64 = (0..depth)
                        .map(|k| {
                            factor(&left, transposed[0], [sample, channel, row, k])
                                * factor(&right, transposed[1], [sample, channel, k, column])
                        })
                        .sum();
                    expected[index(output.shape, [of_output[0], of_output[1], row, column])] += sum;
                }
            }
        }
        let run = |out: &mut [f32]| cpu::mat_mul::run(&params, &left.buffer, &right.buffer, out);
        output.check(tolerance, accumulate, run, &expected);
    });
}
