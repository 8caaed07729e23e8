//! Arithmetic with repetition, reductions of blocks and their adjoints, against plain loops in f64.

use asma::kernels::{Extent, Operation, arithmetic, largest_position, reduce, spread};
use asma::{Shape, cpu};
use asma_definitions::graph::arithmetic;
use asma_definitions::{index, places};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::strided::{ROUNDING, Strided, Tolerance, many, small_shape};

/// Of a few hundred terms that partly cancel.
const SUMS: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-6,
};

/// The same with a size of 1 on some axes.
fn part_of(random: &mut StdRng, shape: Shape) -> Shape {
    let mut size = |size| if random.random_bool(0.5) { 1 } else { size };
    Shape::new(size(shape.n), size(shape.c), size(shape.h), size(shape.w))
}

/// The number of a tensor that is repeated along the axes on which it has a size of 1.
fn repeated(tensor: &Strided, [n, c, y, x]: [usize; 4]) -> f64 {
    let Shape { n: ns, c: cs, h, w } = tensor.shape;
    let place = tensor
        .view
        .at(n.min(ns - 1), c.min(cs - 1), y.min(h - 1), x.min(w - 1));
    f64::from(tensor.buffer[place])
}

#[test]
fn arithmetic_repeats_either_side() {
    many(|random| {
        let shape = small_shape(random);
        let (one, other) = match random.random_range(0..3) {
            0 => (shape, shape),
            1 => (part_of(random, shape), shape),
            _ => (shape, part_of(random, shape)),
        };
        let [left, mut right, output] = [one, other, shape].map(|shape| Strided::random(random, shape));
        for value in &mut right.buffer {
            *value += 0.5f32.copysign(*value);
        }
        for operation in Operation::ALL {
            let tensors = [&left, &right, &output];
            let params = arithmetic::Params::new(
                operation,
                tensors.map(|tensor| (tensor.view, tensor.shape.into())),
            );
            let expected: Vec<f64> = places(shape)
                .map(|place| arithmetic(operation, repeated(&left, place), repeated(&right, place)))
                .collect();
            let run = |out: &mut [f32]| cpu::arithmetic::run(&params, &left.buffer, &right.buffer, out);
            output.check(ROUNDING, false, run, &expected);
        }
    });
}

/// Blocks along an axis, none of them empty.
fn count(random: &mut StdRng, all: usize) -> usize {
    match random.random_range(0..3) {
        0 => 1,
        1 => all,
        _ => all.div_ceil(random.random_range(1..=all)),
    }
}

#[test]
fn blocks_are_reduced() {
    many(|random| {
        let shape = small_shape(random);
        let blocks = Shape::new(
            count(random, shape.n),
            count(random, shape.c),
            count(random, shape.h),
            count(random, shape.w),
        );
        let size = [
            shape.n.div_ceil(blocks.n),
            shape.c.div_ceil(blocks.c),
            shape.h.div_ceil(blocks.h),
            shape.w.div_ceil(blocks.w),
        ];
        let (left, right) = (part_of(random, shape), part_of(random, shape));
        let [input, left, mut right, output] =
            [shape, left, right, blocks].map(|shape| Strided::random(random, shape));
        for value in &mut right.buffer {
            *value += 0.5f32.copysign(*value);
        }
        let accumulate = random.random_bool(0.5);
        for (function, term) in (0..8)
            .map(|term| (reduce::SUM, term))
            .chain([(reduce::LARGEST, 0)])
        {
            let params = reduce::Params {
                input: input.view,
                left: left.view,
                right: right.view,
                output: output.view,
                extent: shape.into(),
                left_extent: left.shape.into(),
                right_extent: right.shape.into(),
                output_extent: blocks.into(),
                function,
                term,
                scale: 0.75,
                accumulate: accumulate.into(),
            };
            let mut expected = vec![
                if function == reduce::SUM {
                    0.0
                } else {
                    f64::NEG_INFINITY
                };
                blocks.elements()
            ];
            for place in places(shape) {
                let (value, a, b) = (
                    repeated(&input, place),
                    repeated(&left, place),
                    repeated(&right, place),
                );
                let share = |a: f64, b: f64| {
                    if a > b {
                        1.0
                    } else if a == b {
                        0.5
                    } else {
                        0.0
                    }
                };
                let term = match term {
                    reduce::PLAIN => value,
                    reduce::NEGATED => -value,
                    reduce::TIMES_LEFT => value * a,
                    reduce::TIMES_RIGHT => value * b,
                    reduce::OVER_RIGHT => value / b,
                    reduce::OF_DIVISOR => -value * a / (b * b),
                    reduce::WHERE_LEFT => value * share(a, b),
                    _ => value * share(b, a),
                };
                let block = [0, 1, 2, 3].map(|axis| place[axis] / size[axis]);
                let result = &mut expected[index(blocks, block)];
                *result = if function == reduce::SUM {
                    *result + term
                } else {
                    result.max(term)
                };
            }
            expected.iter_mut().for_each(|result| *result *= 0.75);
            let run = |out: &mut [f32]| {
                cpu::reduce::run(&params, &input.buffer, &left.buffer, &right.buffer, out);
            };
            output.check(SUMS, accumulate, run, &expected);
        }
    });
}

#[test]
fn the_first_of_the_largest_has_the_number() {
    many(|random| {
        let shape = small_shape(random);
        let reduced = part_of(random, shape);
        let [mut input, output] = [shape; 2].map(|shape| Strided::random(random, shape));
        let gradient = Strided::random(random, reduced);
        // Equal ones among them.
        for value in &mut input.buffer {
            *value = (2.0 * *value).round();
        }
        let mut positions = vec![u32::MAX; reduced.elements()];
        let params = largest_position::Params {
            input: input.view,
            extent: shape.into(),
            blocks: reduced.into(),
        };
        cpu::largest_position::run(&params, &input.buffer, &mut positions);
        let accumulate = random.random_bool(0.5);
        let mut params = spread::Params {
            input: gradient.view,
            output: output.view,
            input_extent: reduced.into(),
            extent: shape.into(),
            scale: 0.75,
            chosen: 1,
            accumulate: accumulate.into(),
        };
        let mut given = vec![false; reduced.elements()];
        let block = |[n, c, y, x]: [usize; 4]| {
            let block = [
                n.min(reduced.n - 1),
                c.min(reduced.c - 1),
                y.min(reduced.h - 1),
                x.min(reduced.w - 1),
            ];
            index(reduced, block)
        };
        let largest = |wanted: usize| {
            let values = places(shape).filter(|&place| block(place) == wanted);
            values
                .map(|place| repeated(&input, place))
                .fold(f64::NEG_INFINITY, f64::max)
        };
        let expected: Vec<f64> = places(shape)
            .map(|place| {
                let block = block(place);
                if given[block] || repeated(&input, place) < largest(block) {
                    return 0.0;
                }
                given[block] = true;
                0.75 * repeated(&gradient, place)
            })
            .collect();
        let run = |out: &mut [f32]| cpu::spread::run(&params, &gradient.buffer, &positions, out);
        output.check(ROUNDING, accumulate, run, &expected);

        params.chosen = 0;
        let expected: Vec<f64> = places(shape)
            .map(|place| 0.75 * repeated(&gradient, place))
            .collect();
        let run = |out: &mut [f32]| cpu::spread::run(&params, &gradient.buffer, &[], out);
        output.check(ROUNDING, accumulate, run, &expected);
    });
}

/// Large blocks are first cut along the longest axis, into pieces of which none is empty and none reaches over a block.
#[test]
fn large_blocks_are_cut() {
    let extent = |n, c, h, w| Extent { n, c, h, w };
    assert_eq!(
        reduce::partial_blocks(extent(1, 64, 16, 16), extent(1, 64, 1, 1)),
        None
    );
    assert_eq!(
        reduce::partial_blocks(extent(1, 512, 572, 572), extent(1, 512, 1, 1)),
        None
    );
    let cut = reduce::partial_blocks(extent(1, 3, 572, 501), extent(1, 3, 1, 1));
    assert_eq!(cut, Some(extent(1, 3, 64, 1)));
    let cut = reduce::partial_blocks(extent(1, 1, 1, 1 << 20), extent(1, 1, 1, 1));
    assert_eq!(cut, Some(extent(1, 1, 1, 256)));
    for h in 1..700 {
        if let Some(partial) = reduce::partial_blocks(extent(2, 3, h, 100), extent(1, 3, 1, 1)) {
            let step = h.div_ceil(partial.h);
            assert!((partial.h - 1) * step < h, "{h}: {partial:?}");
        }
    }
}
