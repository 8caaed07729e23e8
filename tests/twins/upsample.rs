//! upsample and its adjoint.

use asma::kernels::upsample::{BILINEAR, BILINEAR_ALIGNED, NEAREST};
use asma::kernels::{upsample, upsample_adjoint};
use asma::{Shape, cpu};
use rand::RngExt;

use crate::gradient::check_adjoint;
use crate::strided::{Strided, Tolerance, index, many, places, small_shape};

/// Coordinates are computed in f32: at 30 pixels they are off by some 1e-6, and so are the weights.
const FORWARD: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-6,
};
/// Each pixel sums up to some dozens of such weights.
const ADJOINT: Tolerance = Tolerance {
    absolute: 1e-4,
    relative: 1e-5,
};

/// Weight of input place `from` in resampled place `to` along one axis, by the formulas of the contract.
fn weight(mode: u32, to: usize, from: usize, inputs: usize, outputs: usize) -> f64 {
    if mode == NEAREST {
        return (to * inputs / outputs == from) as u32 as f64;
    }
    let coordinate = match mode {
        BILINEAR => ((to as f64 + 0.5) * inputs as f64 / outputs as f64 - 0.5).max(0.0),
        _ if outputs == 1 => 0.0,
        _ => to as f64 * (inputs - 1) as f64 / (outputs - 1) as f64,
    };
    // Beyond the last pixel its value goes on.
    let coordinate = coordinate.min((inputs - 1) as f64);
    (1.0 - (coordinate - from as f64).abs()).max(0.0)
}

fn forward(mode: u32, shape: Shape, outer: Shape, input: &[f64]) -> Vec<f64> {
    places(outer)
        .map(|[n, c, y, x]| {
            let mut sum = 0.0;
            for from_y in 0..shape.h {
                let row = weight(mode, y, from_y, shape.h, outer.h);
                for from_x in 0..shape.w {
                    let column = weight(mode, x, from_x, shape.w, outer.w);
                    sum += row * column * input[index(shape, [n, c, from_y, from_x])];
                }
            }
            sum
        })
        .collect()
}

#[test]
fn upsample_and_adjoint() {
    many(|random| {
        let shape = small_shape(random);
        let outer = Shape::new(
            shape.n,
            shape.c,
            random.random_range(1..20),
            random.random_range(1..30),
        );
        let mode = [NEAREST, BILINEAR, BILINEAR_ALIGNED][random.random_range(0..3)];
        let (input, output) = (Strided::random(random, shape), Strided::random(random, outer));
        let params = upsample::Params {
            input: input.view,
            output: output.view,
            input_extent: shape.into(),
            output_extent: outer.into(),
            mode,
        };
        let run = |out: &mut [f32]| cpu::upsample::run(&params, &input.buffer, out);
        output.check(FORWARD, false, run, &forward(mode, shape, outer, &input.dense()));

        let accumulate = random.random_bool(0.5);
        let (gradient, result) = (output, Strided::random(random, shape));
        let params = upsample_adjoint::Params {
            gradient: gradient.view,
            output: result.view,
            input_extent: shape.into(),
            output_extent: outer.into(),
            mode,
            accumulate: accumulate as u32,
        };
        let upstream = gradient.dense();
        let mut expected = vec![0.0; shape.elements()];
        for ([n, c, y, x], dy) in places(outer).zip(&upstream) {
            for to_y in 0..shape.h {
                for to_x in 0..shape.w {
                    expected[index(shape, [n, c, to_y, to_x])] += weight(mode, y, to_y, shape.h, outer.h)
                        * weight(mode, x, to_x, shape.w, outer.w)
                        * dy;
                }
            }
        }
        let run = |out: &mut [f32]| cpu::upsample_adjoint::run(&params, &gradient.buffer, out);
        let adjoint = result.check(ADJOINT, accumulate, run, &expected);
        let forward = |x: &[f64]| forward(mode, shape, outer, x);
        check_adjoint(random, ADJOINT, forward, &input.dense(), &upstream, &adjoint);
    });
}
