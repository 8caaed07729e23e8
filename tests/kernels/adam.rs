use asma::kernels::adam::{Params, step_words};

use super::support::{Case, Random, Tolerance, compare};

/// A step of at most 2 from weights of at most 2, after some ten roundings of relative 2⁻²⁴ (a division may
/// count for three).
const STEP: Tolerance = Tolerance {
    absolute: 2e-6,
    relative: 1e-6,
};

fn case(random: &mut Random, length: usize, most_norm: f32, decay: f32) -> Case {
    let params = Params {
        length: length as u32,
        beta_1: 0.9,
        beta_2: 0.99,
        one_minus_beta_1: 0.1,
        one_minus_beta_2: 0.01,
        epsilon: random.choose(&[1e-8, 0.3]),
        decay,
        most_norm,
    };
    // Some more numbers than there are weights, which must stay.
    let held = length + random.below(3) as usize;
    let mut gradient = random.floats(held);
    let mut first = random.floats(held);
    let mut second: Vec<u32> = (0..held).map(|_| random.float(0.01, 1.0).to_bits()).collect();
    // Weights that never had a gradient.
    for index in (0..held).step_by(7) {
        (gradient[index], first[index], second[index]) = (0, 0, 0);
    }
    let squared_norm = random.choose(&[0.0f32, 0.2, 30.0, 1e6]);
    let step = step_words(random.between(1, 50), 0.01, [0.9, 0.99]);
    Case {
        params: params.into(),
        reads: vec![
            gradient,
            vec![squared_norm.to_bits()],
            step.map(f32::to_bits).into(),
        ],
        writes: vec![random.floats(held), first, second],
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(43);
    let mut cases = Vec::new();
    for length in [2, 63, 64, 65, 700] {
        for most_norm in [0.0, 1.0, 20.0] {
            for decay in [0.0, 0.5] {
                cases.push(case(&mut random, length, most_norm, decay));
            }
        }
    }
    // More workgroups than fit one dimension of a dispatch.
    cases.push(case(&mut random, 64 * 65536 + 5, 1.0, 0.01));
    compare(cases, STEP);
}
