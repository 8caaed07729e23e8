//! affine, copy, fill, slope, and their adjoints.

use asma::cpu;
use asma::kernels::{affine, copy, fill, slope, slope_adjoint};
use asma_definitions::places;
use rand::RngExt;

use crate::gradient::check_adjoint;
use crate::strided::{ROUNDING, Strided, Tolerance, many, small_shape, vector};

const ADJOINT: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-5,
};

#[test]
fn affine_scales_and_shifts_and_is_its_own_adjoint() {
    many(|random| {
        let shape = small_shape(random);
        let [input, output] = [0; 2].map(|_| Strided::random(random, shape));
        let accumulate = random.random_bool(0.5);
        let params = affine::Params {
            input: input.view,
            output: output.view,
            extent: shape.into(),
            accumulate: accumulate as u32,
        };
        let mut coefficients = vector(random, 2 * shape.c);
        let forward = |coefficients: &[f32], input: &[f64]| -> Vec<f64> {
            places(shape)
                .zip(input)
                .map(|([_, c, ..], x)| coefficients[2 * c] as f64 * x + coefficients[2 * c + 1] as f64)
                .collect()
        };
        let expected = forward(&coefficients, &input.dense());
        let run = |out: &mut [f32]| cpu::affine::run(&params, &input.buffer, &coefficients, out);
        output.check(ROUNDING, accumulate, run, &expected);

        // The adjoint: `input` is the upstream gradient, and the shifts are 0.
        let with_shifts = coefficients.clone();
        coefficients
            .iter_mut()
            .skip(1)
            .step_by(2)
            .for_each(|shift| *shift = 0.0);
        let expected = forward(&coefficients, &input.dense());
        let run = |out: &mut [f32]| cpu::affine::run(&params, &input.buffer, &coefficients, out);
        let adjoint = output.check(ROUNDING, accumulate, run, &expected);
        let point = output.dense();
        let forward = |x: &[f64]| forward(&with_shifts, x);
        check_adjoint(random, ADJOINT, forward, &point, &input.dense(), &adjoint);
    });
}

#[test]
fn copy_copies() {
    many(|random| {
        let shape = small_shape(random);
        let [input, output] = [0; 2].map(|_| Strided::random(random, shape));
        let accumulate = random.random_bool(0.5);
        let params = copy::Params {
            input: input.view,
            output: output.view,
            extent: shape.into(),
            accumulate: accumulate as u32,
        };
        let run = |out: &mut [f32]| cpu::copy::run(&params, &input.buffer, out);
        output.check(ROUNDING, accumulate, run, &input.dense());
    });
}

#[test]
fn fill_fills() {
    many(|random| {
        let shape = small_shape(random);
        let output = Strided::random(random, shape);
        let params = fill::Params {
            output: output.view,
            extent: shape.into(),
            value: 0.75,
        };
        let run = |out: &mut [f32]| cpu::fill::run(&params, out);
        output.check(ROUNDING, false, run, &vec![0.75; shape.elements()]);
    });
}

#[test]
fn slope_bends_at_zero() {
    many(|random| {
        let shape = small_shape(random);
        let [mut input, output] = [0; 2].map(|_| Strided::random(random, shape));
        input.buffer[input.view.at(0, 0, 0, 0)] = 0.0;
        let slopes = vector(random, shape.c);
        let params = slope::Params {
            input: input.view,
            output: output.view,
            extent: shape.into(),
        };
        let expected = bend(shape, &slopes, &input.dense());
        let run = |out: &mut [f32]| cpu::slope::run(&params, &input.buffer, &slopes, out);
        output.check(ROUNDING, false, run, &expected);
    });
}

fn bend(shape: asma::Shape, slopes: &[f32], input: &[f64]) -> Vec<f64> {
    places(shape)
        .zip(input)
        .map(|([_, c, ..], &x)| if x >= 0.0 { x } else { slopes[c] as f64 * x })
        .collect()
}

#[test]
fn slope_adjoint_follows_the_reference() {
    many(|random| {
        let shape = small_shape(random);
        let [mut reference, gradient, output] = [0; 3].map(|_| Strided::random(random, shape));
        // Away from the bend, where finite differences mean nothing.
        for value in &mut reference.buffer {
            *value += 0.01f32.copysign(*value);
        }
        let slopes = vector(random, shape.c);
        let (in_place, accumulate) =
            [(true, false), (false, false), (false, true)][random.random_range(0..3)];
        let params = slope_adjoint::Params {
            reference: reference.view,
            gradient: gradient.view,
            output: output.view,
            extent: shape.into(),
            in_place: in_place as u32,
            accumulate: accumulate as u32,
        };
        let upstream = if in_place {
            output.dense()
        } else {
            gradient.dense()
        };
        let expected: Vec<f64> = places(shape)
            .zip(reference.dense().iter().zip(&upstream))
            .map(|([_, c, ..], (&x, dy))| if x > 0.0 { *dy } else { slopes[c] as f64 * dy })
            .collect();
        // In place, the gradient that is bound is not read: here it is even too short to be.
        let bound: &[f32] = if in_place { &[] } else { &gradient.buffer };
        let run = |out: &mut [f32]| cpu::slope_adjoint::run(&params, &reference.buffer, &slopes, bound, out);
        let adjoint = output.check(ROUNDING, accumulate, run, &expected);
        let forward = |x: &[f64]| bend(shape, &slopes, x);
        check_adjoint(random, ADJOINT, forward, &reference.dense(), &upstream, &adjoint);
    });
}

#[test]
fn slope_adjoint_takes_the_negative_side_at_zero() {
    let shape = asma::Shape::new(1, 1, 1, 2);
    let view = asma::kernels::View::dense(shape);
    let params = slope_adjoint::Params {
        reference: view,
        gradient: view,
        output: view,
        extent: shape.into(),
        in_place: 0,
        accumulate: 0,
    };
    let mut output = [0.0; 2];
    cpu::slope_adjoint::run(&params, &[0.0, 1.0], &[0.25], &[8.0, 8.0], &mut output);
    assert_eq!(output, [2.0, 8.0]);
}
