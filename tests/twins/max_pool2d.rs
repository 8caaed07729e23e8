//! max_pool2d and its adjoint.

use asma::kernels::{View, max_pool2d, max_pool2d_adjoint, slope_adjoint};
use asma::{Shape, cpu};
use asma_definitions::{index, places};
use rand::RngExt;
use rand::seq::SliceRandom;

use crate::gradient::check_adjoint;
use crate::strided::{ROUNDING, Strided, Tolerance, many, small_shape};

const ADJOINT: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-5,
};

struct Windows {
    kernel: [u32; 2],
    stride: [u32; 2],
    padding: [u32; 2],
}

impl Windows {
    fn places(&self, shape: Shape, y: usize, x: usize) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        for ky in 0..self.kernel[0] {
            for kx in 0..self.kernel[1] {
                let iy = (y as u32 * self.stride[0] + ky).checked_sub(self.padding[0]);
                let ix = (x as u32 * self.stride[1] + kx).checked_sub(self.padding[1]);
                if let (Some(iy), Some(ix)) = (iy, ix)
                    && (iy as usize) < shape.h
                    && (ix as usize) < shape.w
                {
                    places.push((iy as usize, ix as usize));
                }
            }
        }
        places
    }

    /// The index of the first largest value of each window.
    fn largest(&self, shape: Shape, pooled: Shape, input: &[f64]) -> Vec<usize> {
        places(pooled)
            .map(|[n, c, y, x]| {
                let window = self
                    .places(shape, y, x)
                    .into_iter()
                    .map(|(y, x)| index(shape, [n, c, y, x]));
                window
                    .reduce(|a, b| if input[b] > input[a] { b } else { a })
                    .expect("a window is not empty")
            })
            .collect()
    }
}

#[test]
fn max_pool2d_and_adjoint() {
    many(|random| {
        let mut axis = |size: usize| {
            let kernel = random.random_range(1..=size.min(4) as u32);
            let stride = random.random_range(1..4);
            let padding = random.random_range(0..=kernel / 2);
            let pooled = (size as u32 + 2 * padding - kernel) / stride + 1;
            (kernel, stride, padding, pooled as usize)
        };
        let (rows, columns) = (axis(7), axis(9));
        let small = small_shape(random);
        let shape = Shape { h: 7, w: 9, ..small };
        let pooled = Shape {
            h: rows.3,
            w: columns.3,
            ..small
        };
        let windows = Windows {
            kernel: [rows.0, columns.0],
            stride: [rows.1, columns.1],
            padding: [rows.2, columns.2],
        };

        // Values 0.01 apart, so that finite differences don't change the order.
        let (mut input, output) = (Strided::random(random, shape), Strided::random(random, pooled));
        let mut ranks: Vec<usize> = (0..input.buffer.len()).collect();
        ranks.shuffle(random);
        for (value, rank) in input.buffer.iter_mut().zip(ranks) {
            *value = 0.01 * rank as f32 - 2.0;
        }
        let largest = windows.largest(shape, pooled, &input.dense());
        let params = max_pool2d::Params {
            input: input.view,
            output: output.view,
            input_extent: shape.into(),
            output_extent: pooled.into(),
            kernel: windows.kernel,
            stride: windows.stride,
            padding: windows.padding,
        };
        let dense = input.dense();
        let expected: Vec<f64> = largest.iter().map(|&i| dense[i]).collect();
        let run = |out: &mut [f32]| cpu::max_pool2d::run(&params, &input.buffer, out);
        output.check(ROUNDING, false, run, &expected);

        let accumulate = random.random_bool(0.5);
        let (gradient, result) = (output, Strided::random(random, shape));
        let params = max_pool2d_adjoint::Params {
            input: input.view,
            gradient: gradient.view,
            output: result.view,
            input_extent: shape.into(),
            output_extent: pooled.into(),
            kernel: windows.kernel,
            stride: windows.stride,
            padding: windows.padding,
            accumulate: accumulate as u32,
            gated: 0,
            slope: 1.0,
        };
        let upstream = gradient.dense();
        let mut expected = vec![0.0; shape.elements()];
        for (&place, dy) in largest.iter().zip(&upstream) {
            expected[place] += dy;
        }
        let run =
            |out: &mut [f32]| cpu::max_pool2d_adjoint::run(&params, &input.buffer, &gradient.buffer, out);
        let adjoint = result.check(ADJOINT, accumulate, run, &expected);
        check_gate(&params, &input.buffer, &gradient.buffer, &result.buffer);
        let forward = |x: &[f64]| -> Vec<f64> {
            let largest = windows.largest(shape, pooled, x);
            largest.iter().map(|&i| x[i]).collect()
        };
        check_adjoint(random, ADJOINT, forward, &dense, &upstream, &adjoint);
    });
}

#[test]
fn of_equal_values_the_first_has_the_gradient() {
    let (shape, pooled) = (Shape::new(1, 1, 2, 2), Shape::new(1, 1, 1, 1));
    let params = max_pool2d_adjoint::Params {
        input: View::dense(shape),
        gradient: View::dense(pooled),
        output: View::dense(shape),
        input_extent: shape.into(),
        output_extent: pooled.into(),
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        accumulate: 0,
        gated: 0,
        slope: 1.0,
    };
    let mut output = [5.0; 4];
    cpu::max_pool2d_adjoint::run(&params, &[1.0, 2.0, 2.0, 2.0], &[3.0], &mut output);
    assert_eq!(output, [0.0, 3.0, 0.0, 0.0]);
}

/// Gated, the adjoint is followed by that of the activation whose values were pooled.
fn check_gate(params: &max_pool2d_adjoint::Params, input: &[f32], gradient: &[f32], result: &[f32]) {
    let slope = 0.25;
    let mut wanted = result.to_vec();
    cpu::max_pool2d_adjoint::run(params, input, gradient, &mut wanted);
    let activation = slope_adjoint::Params {
        reference: params.input,
        gradient: params.output,
        output: params.output,
        extent: params.input_extent,
        in_place: 1,
        accumulate: 0,
    };
    let slopes = vec![slope; params.input_extent.c as usize];
    cpu::slope_adjoint::run(&activation, input, &slopes, &[], &mut wanted);
    let gated = max_pool2d_adjoint::Params {
        gated: 1,
        slope,
        ..*params
    };
    let mut found = result.to_vec();
    cpu::max_pool2d_adjoint::run(&gated, input, gradient, &mut found);
    assert_eq!(found, wanted, "{gated:?}");
}
