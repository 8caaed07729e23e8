//! softmax and its adjoint.

use asma::kernels::{softmax, softmax_adjoint};
use asma::{Shape, cpu};
use rand::RngExt;

use crate::gradient::check_adjoint;
use crate::strided::{ROUNDING, Strided, Tolerance, index, many, places, small_shape};

const ADJOINT: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-5,
};

fn forward(shape: Shape, logits: &[f64]) -> Vec<f64> {
    places(shape)
        .map(|[n, c, y, x]| {
            let of = |c: usize| logits[index(shape, [n, c, y, x])];
            1.0 / (0..shape.c).map(|k| (of(k) - of(c)).exp()).sum::<f64>()
        })
        .collect()
}

#[test]
fn softmax_and_adjoint() {
    many(|random| {
        let shape = small_shape(random);
        let [mut input, gradient, mut output, logits] = [0; 4].map(|_| Strided::random(random, shape));
        for value in &mut input.buffer {
            *value *= 5.0;
        }
        let params = softmax::Params {
            input: input.view,
            output: output.view,
            extent: shape.into(),
        };
        let probabilities = forward(shape, &input.dense());
        let run = |out: &mut [f32]| cpu::softmax::run(&params, &input.buffer, out);
        output.check(ROUNDING, false, run, &probabilities);

        cpu::softmax::run(&params, &input.buffer, &mut output.buffer);
        let accumulate = random.random_bool(0.5);
        let params = softmax_adjoint::Params {
            probabilities: output.view,
            gradient: gradient.view,
            output: logits.view,
            extent: shape.into(),
            accumulate: accumulate as u32,
        };
        let upstream = gradient.dense();
        let expected: Vec<f64> = places(shape)
            .enumerate()
            .map(|(i, [n, _, y, x])| {
                let sum: f64 = (0..shape.c)
                    .map(|k| index(shape, [n, k, y, x]))
                    .map(|k| probabilities[k] * upstream[k])
                    .sum();
                probabilities[i] * (upstream[i] - sum)
            })
            .collect();
        let run = |out: &mut [f32]| cpu::softmax_adjoint::run(&params, &output.buffer, &gradient.buffer, out);
        let adjoint = logits.check(ROUNDING, accumulate, run, &expected);
        let forward = |x: &[f64]| forward(shape, x);
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
    };
    let mut output = [0.5; 2];
    cpu::softmax::run(&params, &[1e4, -1e4], &mut output);
    assert_eq!(output, [1.0, 0.0]);
}
