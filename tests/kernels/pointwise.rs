use asma::graph::ops::Function;
use asma::kernels::pointwise::Params;

use super::support::{Case, Random, Tolerance, compare};

/// A power of the device's, which may be some units of its last place off, and what is made of it.
pub const FUNCTION: Tolerance = Tolerance {
    absolute: 4e-6,
    relative: 4e-6,
};

/// The settings of a call of function `number`, and inputs at which nothing overflows that does not have to, some of them
/// far out if they may be.
pub fn function(random: &mut Random, number: u32, length: usize, far: bool) -> ([f32; 2], Vec<u32>) {
    let [above_zero, narrow] = [&[11, 16][..], &[10, 13, 15]].map(|some| some.contains(&number));
    let settings = match number {
        0 => [random.float(-1.0, 0.0), random.float(0.0, 1.0)],
        15 => [random.choose(&[2.0, 3.0, -1.0, -2.0, 0.0, 4.0]), 0.0],
        _ => [random.float(0.1, 1.0), random.float(0.1, 1.0)],
    };
    let wide = far && !above_zero && !narrow && random.below(2) == 0;
    let value = |random: &mut Random| match (above_zero, wide) {
        (true, _) => random.float(0.1, 3.0),
        (_, true) => random.float(-100.0, 100.0),
        // Powers and quotients at some distance from 0.
        _ if narrow => random.float(0.4, 2.0).copysign(random.float(-1.0, 1.0)),
        _ => random.float(-2.0, 2.0),
    };
    let values = (0..length).map(|_| value(random).to_bits()).collect();
    (settings, values)
}

/// As many functions as there are.
pub fn count() -> u32 {
    asma::kernels::samples_of_all()
        .iter()
        .filter(|params| matches!(params, asma::kernels::Params::Pointwise(_)))
        .count() as u32
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(51);
    let cases = (0..count() * 6).map(|round| {
        let extent = random.extent();
        let (input, input_length) = random.view(extent);
        let (output, output_length) = random.view(extent);
        let number = round % count();
        let ([a, b], values) = function(&mut random, number, input_length, true);
        let params = Params {
            input,
            output,
            extent,
            function: number,
            a,
            b,
        };
        Case {
            params: params.into(),
            reads: vec![values],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), FUNCTION);
}

/// What a careless formula makes infinite or no number of.
#[test]
fn numbers_at_the_extremes_stay_numbers() {
    let mut random = Random::new(53);
    let far = [-3e38f32, -1e20, -100.0, -0.0, 0.0, 100.0, 1e20, 3e38];
    let bounded = [
        Function::Clip { low: -1.0, high: 6.0 },
        Function::HardSigmoid {
            alpha: 0.2,
            beta: 0.5,
        },
        Function::HardSwish,
        Function::Silu,
        Function::Gelu,
        Function::GeluTanh,
        Function::Tanh,
        Function::Softplus,
        Function::Sigmoid,
        Function::Elu { alpha: 1.0 },
        Function::Abs,
        Function::Erf,
        Function::Mish,
        Function::Softsign,
    ];
    let extent = asma::kernels::Extent {
        n: 1,
        c: 1,
        h: 1,
        w: far.len() as u32,
    };
    let view = asma::kernels::View::dense(extent.into());
    let mut cases = Vec::new();
    for function in bounded {
        let (number, [a, b]) = (function.number(), function.settings());
        let params = Params {
            input: view,
            output: view,
            extent,
            function: number,
            a,
            b,
        };
        cases.push(Case {
            params: params.into(),
            reads: vec![far.iter().map(|value| value.to_bits()).collect()],
            writes: vec![random.floats(far.len())],
        });
        let params = asma::kernels::pointwise_adjoint::Params {
            input: view,
            gradient: view,
            output: view,
            extent,
            function: number,
            a,
            b,
            in_place: 0,
            accumulate: 0,
        };
        cases.push(Case {
            params: params.into(),
            reads: vec![
                far.iter().map(|value| value.to_bits()).collect(),
                random.floats(far.len()),
            ],
            writes: vec![random.floats(far.len())],
        });
    }
    for written in super::support::run(&cases, super::support::Halves::None) {
        for (case, written) in cases.iter().zip(written) {
            let values = written[0].iter().map(|&word| f32::from_bits(word));
            assert!(
                values.clone().all(|value| value.is_finite() || value == 3e38),
                "{:?} {:?}",
                case.params,
                values.collect::<Vec<_>>()
            );
        }
    }
}
