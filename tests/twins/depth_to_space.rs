//! depth_to_space, there and back.

use asma::kernels::depth_to_space::{COLUMN_FIRST, DEPTH_FIRST, Params};
use asma::{Shape, cpu};
use asma_definitions::{index, places};
use rand::RngExt;

use crate::gradient::check_adjoint;
use crate::strided::{ROUNDING, Strided, many, small_shape};

/// The place in the deep tensor that a place of the wide one, of `channels` channels, has.
fn deep_place(order: u32, b: usize, channels: usize, [n, c, y, x]: [usize; 4]) -> [usize; 4] {
    let part = y % b * b + x % b;
    let channel = match order {
        DEPTH_FIRST => part * channels + c,
        _ => c * b * b + part,
    };
    [n, channel, y / b, x / b]
}

#[test]
fn depth_to_space_and_back() {
    many(|random| {
        let small = small_shape(random);
        let block = random.random_range(1..4usize);
        let order = [DEPTH_FIRST, COLUMN_FIRST][random.random_range(0..2)];
        let deep = Shape {
            c: small.c * block * block,
            ..small
        };
        let wide = Shape {
            h: small.h * block,
            w: small.w * block,
            ..small
        };
        let forward = |input: &[f64]| -> Vec<f64> {
            places(wide)
                .map(|place| input[index(deep, deep_place(order, block, wide.c, place))])
                .collect()
        };
        let mut run = |input: &Strided, shape: Shape, back: u32, expected: &[f64]| {
            let output = Strided::random(random, shape);
            let accumulate = random.random_bool(0.5);
            let params = Params {
                input: input.view,
                output: output.view,
                input_extent: input.shape.into(),
                output_extent: shape.into(),
                block: block as u32,
                order,
                back,
                accumulate: accumulate as u32,
            };
            let run = |out: &mut [f32]| cpu::depth_to_space::run(&params, &input.buffer, out);
            output.check(ROUNDING, accumulate, run, expected)
        };
        let (input, gradient) = {
            use rand::SeedableRng;
            let mut random = rand::rngs::StdRng::seed_from_u64(block as u64);
            (
                Strided::random(&mut random, deep),
                Strided::random(&mut random, wide),
            )
        };
        run(&input, wide, 0, &forward(&input.dense()));
        let upstream = gradient.dense();
        let mut expected = vec![0.0; deep.elements()];
        for (place, dy) in places(wide).zip(&upstream) {
            expected[index(deep, deep_place(order, block, wide.c, place))] = *dy;
        }
        let adjoint = run(&gradient, deep, 1, &expected);
        check_adjoint(random, ROUNDING, forward, &input.dense(), &upstream, &adjoint);
    });
}
