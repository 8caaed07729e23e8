//! pad and its adjoint.

use asma::kernels::{pad, pad_adjoint};
use asma::{Shape, cpu};
use asma_definitions::{index, places};
use rand::RngExt;

use crate::gradient::check_adjoint;
use crate::strided::{ROUNDING, Strided, Tolerance, many, small_shape};

/// Up to 200 roundings, where a corner is shown often.
const ADJOINT: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-5,
};

#[test]
fn pad_and_adjoint() {
    many(|random| {
        let shape = small_shape(random);
        let mode = [pad::CONSTANT, pad::REPLICATE, pad::REFLECT][random.random_range(0..3)];
        let value = random.random_range(-1.0..1.0f32);
        let mut margins = |size: usize| {
            let end = if mode == pad::REFLECT { size.min(4) } else { 4 };
            [0; 2].map(|_| random.random_range(0..end))
        };
        let ([top, bottom], [left, right]) = (margins(shape.h), margins(shape.w));
        // The place that is shown at one of the border or inside.
        let shown = |place: usize, before: usize, size: usize| {
            let (place, last) = (place as isize - before as isize, size as isize - 1);
            match mode {
                pad::REFLECT => (last - (last - place.abs()).abs()) as usize,
                _ => place.clamp(0, last) as usize,
            }
        };
        let outer = Shape::new(shape.n, shape.c, top + shape.h + bottom, left + shape.w + right);
        let forward_with = |value: f32, input: &[f64]| -> Vec<f64> {
            places(outer)
                .map(|[n, c, y, x]| {
                    let (inner_y, inner_x) = (shown(y, top, shape.h), shown(x, left, shape.w));
                    if mode == pad::CONSTANT && (inner_y + top, inner_x + left) != (y, x) {
                        value as f64
                    } else {
                        input[index(shape, [n, c, inner_y, inner_x])]
                    }
                })
                .collect()
        };

        let (input, output) = (Strided::random(random, shape), Strided::random(random, outer));
        let params = pad::Params {
            input: input.view,
            output: output.view,
            input_extent: shape.into(),
            output_extent: outer.into(),
            top: top as u32,
            left: left as u32,
            mode,
            value,
        };
        let run = |out: &mut [f32]| cpu::pad::run(&params, &input.buffer, out);
        output.check(ROUNDING, false, run, &forward_with(value, &input.dense()));

        let accumulate = random.random_bool(0.5);
        let (gradient, result) = (output, Strided::random(random, shape));
        let params = pad_adjoint::Params {
            gradient: gradient.view,
            output: result.view,
            input_extent: shape.into(),
            output_extent: outer.into(),
            top: top as u32,
            left: left as u32,
            mode,
            accumulate: accumulate as u32,
        };
        let upstream = gradient.dense();
        let mut expected = vec![0.0; shape.elements()];
        for ([n, c, y, x], dy) in places(outer).zip(&upstream) {
            let inside = (top..top + shape.h).contains(&y) && (left..left + shape.w).contains(&x);
            if inside || mode != pad::CONSTANT {
                let (inner_y, inner_x) = (shown(y, top, shape.h), shown(x, left, shape.w));
                expected[index(shape, [n, c, inner_y, inner_x])] += dy;
            }
        }
        let run = |out: &mut [f32]| cpu::pad_adjoint::run(&params, &gradient.buffer, out);
        let adjoint = result.check(ADJOINT, accumulate, run, &expected);
        let forward = |input: &[f64]| forward_with(value, input);
        check_adjoint(random, ADJOINT, forward, &input.dense(), &upstream, &adjoint);
    });
}
