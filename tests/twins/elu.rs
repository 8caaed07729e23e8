//! elu and its adjoint, against numbers in f64 and differences.

use asma::cpu;
use asma::kernels::{elu, elu_adjoint};
use rand::RngExt;

use crate::gradient::check_adjoint;
use crate::strided::{ROUNDING, Strided, Tolerance, many, small_shape};

const ADJOINT: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-5,
};

const ALPHA: f64 = 0.7;

fn forward(values: &[f64]) -> Vec<f64> {
    let unit = |&x: &f64| if x > 0.0 { x } else { ALPHA * x.exp_m1() };
    values.iter().map(unit).collect()
}

#[test]
fn elu_and_adjoint() {
    many(|random| {
        let shape = small_shape(random);
        let [mut input, gradient, mut output, result] = [0; 4].map(|_| Strided::random(random, shape));
        // Differences are taken apart from the edge at 0.
        for value in &mut input.buffer {
            *value += 0.1f32.copysign(*value);
        }
        let params = elu::Params {
            input: input.view,
            output: output.view,
            extent: shape.into(),
            alpha: ALPHA as f32,
        };
        let values = forward(&input.dense());
        let run = |out: &mut [f32]| cpu::elu::run(&params, &input.buffer, out);
        output.check(ROUNDING, false, run, &values);

        cpu::elu::run(&params, &input.buffer, &mut output.buffer);
        let accumulate = random.random_bool(0.5);
        let params = elu_adjoint::Params {
            values: output.view,
            gradient: gradient.view,
            output: result.view,
            extent: shape.into(),
            alpha: ALPHA as f32,
            accumulate: accumulate.into(),
        };
        let upstream = gradient.dense();
        let expected: Vec<f64> = values
            .iter()
            .zip(&upstream)
            .map(|(&value, upstream)| {
                if value > 0.0 {
                    *upstream
                } else {
                    (value + ALPHA) * upstream
                }
            })
            .collect();
        let run = |out: &mut [f32]| cpu::elu_adjoint::run(&params, &output.buffer, &gradient.buffer, out);
        let adjoint = result.check(ADJOINT, accumulate, run, &expected);
        check_adjoint(random, ADJOINT, forward, &input.dense(), &upstream, &adjoint);
    });
}
