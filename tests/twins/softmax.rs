//! softmax and its adjoint.

use asma::kernels::{softmax, softmax_adjoint};
use asma::{Shape, cpu};
use asma_definitions::{index, places};
use rand::RngExt;

use crate::gradient::check_adjoint;
use crate::strided::{ROUNDING, Strided, Tolerance, many, small_shape};

const ADJOINT: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-5,
};

fn forward(shape: Shape, axis: usize, logits: &[f64]) -> Vec<f64> {
    places(shape)
        .map(|place| {
            let own = logits[index(shape, place)];
            let others = line(shape, axis, place).map(|other| (logits[other] - own).exp());
            1.0 / others.sum::<f64>()
        })
        .collect()
}

/// The indices of the elements that lie along an axis with one of them.
fn line(shape: Shape, axis: usize, place: [usize; 4]) -> impl Iterator<Item = usize> {
    let length = [shape.n, shape.c, shape.h, shape.w][axis];
    (0..length).map(move |k| {
        let mut other = place;
        other[axis] = k;
        index(shape, other)
    })
}

#[test]
fn softmax_and_adjoint() {
    many(|random| {
        let shape = small_shape(random);
        let axis = random.random_range(0..4);
        let [mut input, gradient, mut output, logits] = [0; 4].map(|_| Strided::random(random, shape));
        for value in &mut input.buffer {
            *value *= 5.0;
        }
        let params = softmax::Params {
            input: input.view,
            output: output.view,
            extent: shape.into(),
            axis: axis as u32,
        };
        let probabilities = forward(shape, axis, &input.dense());
        let run = |out: &mut [f32]| cpu::softmax::run(&params, &input.buffer, out);
        output.check(ROUNDING, false, run, &probabilities);

        cpu::softmax::run(&params, &input.buffer, &mut output.buffer);
        let accumulate = random.random_bool(0.5);
        let params = softmax_adjoint::Params {
            probabilities: output.view,
            gradient: gradient.view,
            output: logits.view,
            extent: shape.into(),
            axis: axis as u32,
            accumulate: accumulate as u32,
        };
        let upstream = gradient.dense();
        let expected: Vec<f64> = places(shape)
            .enumerate()
            .map(|(i, place)| {
                let sum: f64 = line(shape, axis, place)
                    .map(|k| probabilities[k] * upstream[k])
                    .sum();
                probabilities[i] * (upstream[i] - sum)
            })
            .collect();
        let run = |out: &mut [f32]| cpu::softmax_adjoint::run(&params, &output.buffer, &gradient.buffer, out);
        let adjoint = logits.check(ROUNDING, accumulate, run, &expected);
        let forward = |x: &[f64]| forward(shape, axis, x);
        check_adjoint(random, ADJOINT, forward, &input.dense(), &upstream, &adjoint);
    });
}

#[test]
fn softmax_stays_finite_far_out() {
    let shape = Shape::new(1, 2, 1, 1);
    let view = asma::kernels::View::dense(shape);
    let params = softmax::Params {
        input: view,
        output: view,
        extent: shape.into(),
        axis: 1,
    };
    let mut output = [0.5; 2];
    cpu::softmax::run(&params, &[1e4, -1e4], &mut output);
    assert_eq!(output, [1.0, 0.0]);
}
