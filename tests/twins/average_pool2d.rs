//! average_pool2d and its adjoint.

use asma::kernels::{average_pool2d, average_pool2d_adjoint};
use asma::{Shape, cpu};
use asma_definitions::{index, places};
use rand::RngExt;

use crate::gradient::check_adjoint;
use crate::strided::{ROUNDING, Strided, Tolerance, many, small_shape};

const ADJOINT: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-5,
};

#[test]
fn average_pool2d_and_adjoint() {
    many(|random| {
        let shape = small_shape(random);
        // Kernel, stride, padding before and after, windows.
        let mut axis = |size: usize| {
            let kernel = random.random_range(1..5usize);
            let stride = random.random_range(1..4usize);
            let [before, after] = [0; 2].map(|_| random.random_range(0..kernel));
            // Also the windows that reach out of the padding.
            let all = (size + before + after).saturating_sub(kernel).div_ceil(stride) + 1;
            let most = all.min((size + before).div_ceil(stride));
            (kernel, stride, before, after, random.random_range(1..=most))
        };
        let (rows, columns) = (axis(shape.h), axis(shape.w));
        let pooled = Shape {
            h: rows.4,
            w: columns.4,
            ..shape
        };
        let counts = random.random_bool(0.5);
        // The places of a window that count, and those of them that lie in the image.
        let window = |axis: (usize, usize, usize, usize, usize), i: usize, size: usize| {
            let (kernel, stride, before, after, _) = axis;
            let first = (i * stride) as isize - before as isize;
            let places = first..first + kernel as isize;
            let inside = |place: &isize| (0..size as isize).contains(place);
            let counted = |place: &isize| (-(before as isize)..(size + after) as isize).contains(place);
            let in_image: Vec<usize> = places
                .clone()
                .filter(inside)
                .map(|place| place as usize)
                .collect();
            let count = match counts {
                true => places.filter(counted).count(),
                false => in_image.len(),
            };
            (count as f64, in_image)
        };
        // Calls with the places of input and output, and the weight.
        let for_each_term = |term: &mut dyn FnMut(usize, usize, f64)| {
            for [n, c, y, x] in places(pooled) {
                let ((rows, ys), (columns, xs)) = (window(rows, y, shape.h), window(columns, x, shape.w));
                for (iy, ix) in ys.iter().flat_map(|y| xs.iter().map(move |x| (*y, *x))) {
                    let from = index(shape, [n, c, iy, ix]);
                    term(from, index(pooled, [n, c, y, x]), 1.0 / (rows * columns));
                }
            }
        };
        let forward = |input: &[f64]| {
            let mut output = vec![0.0; pooled.elements()];
            for_each_term(&mut |from, to, weight| output[to] += weight * input[from]);
            output
        };

        let (input, output) = (Strided::random(random, shape), Strided::random(random, pooled));
        let params = average_pool2d::Params {
            input: input.view,
            output: output.view,
            input_extent: shape.into(),
            output_extent: pooled.into(),
            kernel: [rows.0 as u32, columns.0 as u32],
            stride: [rows.1 as u32, columns.1 as u32],
            padding: [rows.2 as u32, columns.2 as u32],
            counted_before: [rows.2, columns.2].map(|margin| counts as u32 * margin as u32),
            counted_after: [rows.3, columns.3].map(|margin| counts as u32 * margin as u32),
        };
        let run = |out: &mut [f32]| cpu::average_pool2d::run(&params, &input.buffer, out);
        output.check(ROUNDING, false, run, &forward(&input.dense()));

        let accumulate = random.random_bool(0.5);
        let (gradient, result) = (output, Strided::random(random, shape));
        let params = average_pool2d_adjoint::Params {
            gradient: gradient.view,
            output: result.view,
            input_extent: params.input_extent,
            output_extent: params.output_extent,
            kernel: params.kernel,
            stride: params.stride,
            padding: params.padding,
            counted_before: params.counted_before,
            counted_after: params.counted_after,
            accumulate: accumulate as u32,
        };
        let upstream = gradient.dense();
        let mut expected = vec![0.0; shape.elements()];
        for_each_term(&mut |from, to, weight| expected[from] += weight * upstream[to]);
        let run = |out: &mut [f32]| cpu::average_pool2d_adjoint::run(&params, &gradient.buffer, out);
        let adjoint = result.check(ADJOINT, accumulate, run, &expected);
        check_adjoint(random, ADJOINT, forward, &input.dense(), &upstream, &adjoint);
    });
}
