//! resize and its adjoint.

use asma::kernels::{resize, resize_adjoint};
use asma::{Shape, cpu};
use asma_definitions::{index, places};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::gradient::check_adjoint;
use crate::strided::{Strided, Tolerance, many, small_shape};

const FORWARD: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-6,
};
/// Each pixel sums up to some dozens of weights.
const ADJOINT: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-5,
};

/// For each resampled place along one axis, the lower of the two it is mixed from, and the weight of the other.
type Axis = Vec<(usize, f32)>;

/// Rising places, some of them repeated or left out, with weights of which some are 0.
fn axis(random: &mut StdRng, inputs: usize, outputs: usize) -> Axis {
    let offset = random.random_range(-1.0..2.0f64);
    let step = random.random_range(0.3..1.7) * inputs as f64 / outputs as f64;
    (0..outputs)
        .map(|i| {
            let place = (offset + step * i as f64).clamp(0.0, (inputs - 1) as f64) as usize;
            let weight = match random.random_range(0..3) {
                0 => 0.0,
                _ => random.random_range(0.0..1.0),
            };
            (place, weight)
        })
        .collect()
}

/// Weight of input place `from` in a resampled place.
fn weight((low, weight): (usize, f32), from: usize, inputs: usize) -> f64 {
    let high = (low + 1).min(inputs - 1);
    let weight = weight as f64;
    (low == from) as u32 as f64 * (1.0 - weight) + (high == from) as u32 as f64 * weight
}

fn forward([rows, columns]: [&Axis; 2], shape: Shape, outer: Shape, input: &[f64]) -> Vec<f64> {
    places(outer)
        .map(|[n, c, y, x]| {
            let mut sum = 0.0;
            for from_y in 0..shape.h {
                for from_x in 0..shape.w {
                    let weight = weight(rows[y], from_y, shape.h) * weight(columns[x], from_x, shape.w);
                    sum += weight * input[index(shape, [n, c, from_y, from_x])];
                }
            }
            sum
        })
        .collect()
}

fn uses(axis: &Axis, inputs: usize) -> Vec<f32> {
    (0..inputs)
        .flat_map(|place| {
            let uses: Vec<usize> = (0..axis.len())
                .filter(|&i| weight(axis[i], place, inputs) != 0.0)
                .collect();
            let first = uses.first().copied().unwrap_or(0);
            [first, uses.last().map_or(0, |last| last + 1)].map(|place| place as f32)
        })
        .collect()
}

#[test]
fn resize_and_adjoint() {
    many(|random| {
        let shape = small_shape(random);
        let outer = Shape::new(
            shape.n,
            shape.c,
            random.random_range(1..20),
            random.random_range(1..30),
        );
        let (rows, columns) = (axis(random, shape.h, outer.h), axis(random, shape.w, outer.w));
        let axes = [&rows, &columns];
        let sources: Vec<f32> = axes
            .iter()
            .flat_map(|axis| axis.iter().flat_map(|&(place, weight)| [place as f32, weight]))
            .collect();
        let (input, output) = (Strided::random(random, shape), Strided::random(random, outer));
        let params = resize::Params {
            input: input.view,
            output: output.view,
            input_extent: shape.into(),
            output_extent: outer.into(),
        };
        let run = |out: &mut [f32]| cpu::resize::run(&params, &input.buffer, &sources, out);
        output.check(FORWARD, false, run, &forward(axes, shape, outer, &input.dense()));

        let accumulate = random.random_bool(0.5);
        let (gradient, result) = (output, Strided::random(random, shape));
        let params = resize_adjoint::Params {
            gradient: gradient.view,
            output: result.view,
            input_extent: shape.into(),
            output_extent: outer.into(),
            accumulate: accumulate as u32,
        };
        let upstream = gradient.dense();
        let mut expected = vec![0.0; shape.elements()];
        for ([n, c, y, x], dy) in places(outer).zip(&upstream) {
            for to_y in 0..shape.h {
                for to_x in 0..shape.w {
                    expected[index(shape, [n, c, to_y, to_x])] +=
                        weight(rows[y], to_y, shape.h) * weight(columns[x], to_x, shape.w) * dy;
                }
            }
        }
        let uses = [uses(&rows, shape.h), uses(&columns, shape.w)].concat();
        let run = |out: &mut [f32]| cpu::resize_adjoint::run(&params, &gradient.buffer, &sources, &uses, out);
        let adjoint = result.check(ADJOINT, accumulate, run, &expected);
        let forward = |x: &[f64]| forward(axes, shape, outer, x);
        check_adjoint(random, ADJOINT, forward, &input.dense(), &upstream, &adjoint);
    });
}
