//! pad and its adjoint.

use asma::kernels::{pad, pad_adjoint};
use asma::{Shape, cpu};
use rand::RngExt;

use crate::gradient::check_adjoint;
use crate::strided::{ROUNDING, Strided, Tolerance, index, many, places, small_shape};

/// Up to 200 roundings, where a corner is shown often.
const ADJOINT: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-5,
};

#[test]
fn pad_and_adjoint() {
    many(|random| {
        let shape = small_shape(random);
        let [top, bottom, left, right] = [0; 4].map(|_| random.random_range(0..4usize));
        let outer = Shape::new(shape.n, shape.c, top + shape.h + bottom, left + shape.w + right);
        let mode = [pad::ZERO, pad::REPLICATE][random.random_range(0..2)];
        let forward = |input: &[f64]| -> Vec<f64> {
            places(outer)
                .map(|[n, c, y, x]| {
                    let inner_y = (y as isize - top as isize).clamp(0, shape.h as isize - 1) as usize;
                    let inner_x = (x as isize - left as isize).clamp(0, shape.w as isize - 1) as usize;
                    if mode == pad::ZERO && (inner_y + top, inner_x + left) != (y, x) {
                        0.0
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
        };
        let run = |out: &mut [f32]| cpu::pad::run(&params, &input.buffer, out);
        output.check(ROUNDING, false, run, &forward(&input.dense()));

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
            if inside || mode == pad::REPLICATE {
                let inner_y = y.saturating_sub(top).min(shape.h - 1);
                let inner_x = x.saturating_sub(left).min(shape.w - 1);
                expected[index(shape, [n, c, inner_y, inner_x])] += dy;
            }
        }
        let run = |out: &mut [f32]| cpu::pad_adjoint::run(&params, &gradient.buffer, out);
        let adjoint = result.check(ADJOINT, accumulate, run, &expected);
        check_adjoint(random, ADJOINT, forward, &input.dense(), &upstream, &adjoint);
    });
}
