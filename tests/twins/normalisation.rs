//! Normalisation and its adjoint, against plain loops in f64 and differences.

use asma::kernels::{Extent, combine_moments, moments, normalise, normalise_adjoint, normalise_sums};
use asma::{Shape, cpu};
use asma_definitions::{index, places};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::gradient::check_adjoint;
use crate::strided::{Strided, Tolerance, many, vector};

const NORMALISED: Tolerance = Tolerance {
    absolute: 2e-5,
    relative: 2e-5,
};

const EPSILON: f32 = 1e-2;

struct Case {
    shape: Shape,
    blocks: Shape,
    per_column: bool,
    coefficients: Vec<f32>,
}

impl Case {
    fn random(random: &mut StdRng) -> Case {
        let groups = random.random_range(1..4);
        let shape = Shape::new(
            random.random_range(1..3),
            groups * random.random_range(1..3),
            random.random_range(1..6),
            random.random_range(3..9),
        );
        let per_column = random.random_bool(0.5);
        let blocks = match random.random_range(0..3) {
            0 => Shape { w: 1, ..shape },
            1 => Shape::new(shape.n, groups, 1, 1),
            _ => Shape::new(shape.n, shape.c, 1, 1),
        };
        let count = if per_column { shape.w } else { shape.c };
        Case {
            shape,
            blocks,
            per_column,
            coefficients: vector(random, 2 * count),
        }
    }

    fn block(&self, [n, c, y, x]: [usize; 4]) -> usize {
        let blocks = self.blocks;
        let group = c / (self.shape.c / blocks.c);
        index(blocks, [n, group, y.min(blocks.h - 1), x.min(blocks.w - 1)])
    }

    fn pair(&self, [_, c, _, x]: [usize; 4]) -> usize {
        2 * if self.per_column { x } else { c }
    }

    /// Mean and variance of each block.
    fn moments(&self, values: &[f64]) -> Vec<(f64, f64)> {
        let count = (self.shape.elements() / self.blocks.elements()) as f64;
        let mut moments = vec![(0.0, 0.0); self.blocks.elements()];
        for (place, value) in places(self.shape).zip(values) {
            moments[self.block(place)].0 += value / count;
        }
        for (place, value) in places(self.shape).zip(values) {
            let (mean, variance) = &mut moments[self.block(place)];
            *variance += (value - *mean) * (value - *mean) / count;
        }
        moments
    }

    fn forward(&self, values: &[f64]) -> Vec<f64> {
        let moments = self.moments(values);
        let normalised = |(place, value): ([usize; 4], &f64)| {
            let ((mean, variance), pair) = (moments[self.block(place)], self.pair(place));
            let [scale, shift] = [pair, pair + 1].map(|index| f64::from(self.coefficients[index]));
            (value - mean) / (variance + f64::from(EPSILON)).sqrt() * scale + shift
        };
        places(self.shape).zip(values).map(normalised).collect()
    }
}

/// Mean and one over the deviation, of each block at once or of parts that are then put together.
fn found_moments(case: &Case, input: &Strided, cut: bool) -> Vec<f32> {
    let mut found = vec![0.0; 2 * case.blocks.elements()];
    let mut params = moments::Params {
        input: input.view,
        extent: case.shape.into(),
        blocks: case.blocks.into(),
        epsilon: EPSILON,
        finish: 1,
    };
    if !cut {
        cpu::moments::run(&params, &input.buffer, &mut found);
        return found;
    }
    let parts = Extent {
        h: case.shape.h.div_ceil(2) as u32,
        ..case.blocks.into()
    };
    let mut of_parts = vec![0.0; 2 * parts.elements() as usize];
    (params.blocks, params.finish) = (parts, 0);
    cpu::moments::run(&params, &input.buffer, &mut of_parts);
    let params = combine_moments::Params {
        extent: case.shape.into(),
        parts,
        blocks: case.blocks.into(),
        epsilon: EPSILON,
    };
    cpu::combine_moments::run(&params, &of_parts, &mut found);
    found
}

#[test]
fn normalisation_and_adjoint() {
    many(|random| {
        let case = Case::random(random);
        let shape = case.shape;
        let [input, gradient, output, result] = [0; 4].map(|_| Strided::random(random, shape));
        let cut = case.blocks.h == 1 && random.random_bool(0.5);
        let moments = found_moments(&case, &input, cut);
        let values = input.dense();
        for (found, (mean, variance)) in moments.chunks_exact(2).zip(case.moments(&values)) {
            NORMALISED.check(f64::from(found[0]), mean, "the mean");
            let inverse = 1.0 / (variance + f64::from(EPSILON)).sqrt();
            NORMALISED.check(f64::from(found[1]), inverse, "one over the deviation");
        }

        let mut params = normalise::Params {
            input: input.view,
            output: output.view,
            extent: shape.into(),
            blocks: case.blocks.into(),
            per_column: case.per_column.into(),
            activated: 0,
        };
        let expected = case.forward(&values);
        let run = |out: &mut [f32]| {
            cpu::normalise::run(&params, &input.buffer, &moments, &case.coefficients, &[], out);
        };
        output.check(NORMALISED, false, run, &expected);
        params.activated = 1;
        let slopes = vector(random, shape.c);
        let bent: Vec<f64> = places(shape)
            .zip(&expected)
            .map(|([_, c, ..], &value)| value * if value < 0.0 { f64::from(slopes[c]) } else { 1.0 })
            .collect();
        let run = |out: &mut [f32]| {
            cpu::normalise::run(&params, &input.buffer, &moments, &case.coefficients, &slopes, out);
        };
        output.check(NORMALISED, false, run, &bent);

        let params = normalise_sums::Params {
            input: input.view,
            gradient: gradient.view,
            extent: shape.into(),
            parts: case.blocks.into(),
            blocks: case.blocks.into(),
            per_column: case.per_column.into(),
        };
        let mut sums = vec![0.0; 2 * case.blocks.elements()];
        let [x, dy] = [&input.buffer, &gradient.buffer];
        cpu::normalise_sums::run(&params, x, &moments, &case.coefficients, dy, &mut sums);
        if cut {
            check_sums_of_parts(&case, params, [x, dy], &moments, &sums);
        }

        let accumulate = random.random_bool(0.5);
        let params = normalise_adjoint::Params {
            input: input.view,
            gradient: gradient.view,
            output: result.view,
            extent: shape.into(),
            blocks: case.blocks.into(),
            per_column: case.per_column.into(),
            accumulate: accumulate.into(),
        };
        let upstream = gradient.dense();
        let run = |out: &mut [f32]| {
            cpu::normalise_adjoint::run(&params, x, &moments, &case.coefficients, dy, &sums, out);
        };
        let count = (shape.elements() / case.blocks.elements()) as f64;
        let of_blocks = case.moments(&values);
        let normal = |place: [usize; 4], value: f64| {
            let (mean, variance) = of_blocks[case.block(place)];
            let inverse = 1.0 / (variance + f64::from(EPSILON)).sqrt();
            ((value - mean) * inverse, inverse)
        };
        let h = |place, dy: f64| f64::from(case.coefficients[case.pair(place)]) * dy;
        let mut means = vec![(0.0, 0.0); case.blocks.elements()];
        for ((place, &value), &dy) in places(shape).zip(&values).zip(&upstream) {
            let (of_h, of_products) = &mut means[case.block(place)];
            *of_h += h(place, dy) / count;
            *of_products += h(place, dy) * normal(place, value).0 / count;
        }
        let expected: Vec<f64> = places(shape)
            .zip(values.iter().zip(&upstream))
            .map(|(place, (&value, &dy))| {
                let (normal, inverse) = normal(place, value);
                let (of_h, of_products) = means[case.block(place)];
                inverse * (h(place, dy) - of_h - normal * of_products)
            })
            .collect();
        let adjoint = result.check(NORMALISED, accumulate, run, &expected);
        // Differences of a function this bent are not exact themselves.
        let of_differences = Tolerance {
            absolute: 1e-4,
            relative: 1e-4,
        };
        let forward = |values: &[f64]| case.forward(values);
        check_adjoint(random, of_differences, forward, &values, &upstream, &adjoint);
    });
}

/// The sums of parts add up to those of blocks.
fn check_sums_of_parts(
    case: &Case,
    whole: normalise_sums::Params,
    [input, gradient]: [&[f32]; 2],
    moments: &[f32],
    sums: &[f32],
) {
    let rows = case.shape.h.div_ceil(2);
    let parts = Shape {
        h: rows,
        ..case.blocks
    };
    let params = normalise_sums::Params {
        parts: parts.into(),
        ..whole
    };
    let mut of_parts = vec![0.0; 2 * parts.elements()];
    cpu::normalise_sums::run(
        &params,
        input,
        moments,
        &case.coefficients,
        gradient,
        &mut of_parts,
    );
    for (block, wanted) in sums.chunks_exact(2).enumerate() {
        for (which, &wanted) in wanted.iter().enumerate() {
            let found: f64 = (0..rows)
                .map(|row| f64::from(of_parts[2 * (block * rows + row) + which]))
                .sum();
            NORMALISED.check(found, f64::from(wanted), (block, which));
        }
    }
}

/// A mean that is large beside the deviation costs no more digits than the input has itself.
#[test]
fn a_large_mean_leaves_the_deviation() {
    let shape = Shape::new(1, 1, 64, 64);
    let values: Vec<f32> = (0..shape.elements())
        .map(|index| 1000.0 + (index * 7 % 64) as f32 / 64.0)
        .collect();
    let params = moments::Params {
        input: asma::kernels::View::dense(shape),
        extent: shape.into(),
        blocks: Shape::new(1, 1, 1, 1).into(),
        epsilon: 1e-10,
        finish: 1,
    };
    let mut found = [0.0; 2];
    cpu::moments::run(&params, &values, &mut found);
    // Of the numbers 0 to 63 over 64, each as often.
    let wanted = 1.0 / ((64.0f64 * 64.0 - 1.0) / 12.0 / (64.0 * 64.0)).sqrt();
    assert!(
        (f64::from(found[1]) / wanted - 1.0).abs() < 1e-4,
        "{found:?}, want {wanted}"
    );
}
