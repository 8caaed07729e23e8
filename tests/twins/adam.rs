//! adam against the equations in f64, over several steps.

use asma::cpu;
use asma::kernels::adam::{Params, step_words};
use rand::RngExt;

use crate::strided::{Tolerance, many, vector};

/// Weights of about 1, each step of which rounds twice by at most 2⁻²⁴ and adds about one learning rate that is
/// known to some 2⁻²⁰; over 12 steps.
const STEPS: Tolerance = Tolerance {
    absolute: 3e-6,
    relative: 1e-6,
};

/// Moments of at most 1 for clipped and some tens for unclipped gradients.
const MOMENTS: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 2e-6,
};

#[test]
fn steps_follow_the_equations() {
    many(|random| {
        let length = random.random_range(1..50);
        let betas: [f64; 2] = [(0.9, 0.999), (0.5, 0.9), (0.0, 0.0)][random.random_range(0..3)].into();
        // A large one, so that its place in the equation shows.
        let epsilon: f64 = [1e-8, 0.1][random.random_range(0..2)];
        let decay: f64 = [0.0, 0.3][random.random_range(0..2)];
        let most_norm: f64 = [0.0, 0.5, 1000.0][random.random_range(0..3)];
        let params = Params {
            length: length as u32,
            beta_1: betas[0] as f32,
            beta_2: betas[1] as f32,
            one_minus_beta_1: (1.0 - betas[0]) as f32,
            one_minus_beta_2: (1.0 - betas[1]) as f32,
            epsilon: epsilon as f32,
            decay: decay as f32,
            most_norm: most_norm as f32,
        };
        // Two more than there are weights, which must not change.
        let mut weights = vector(random, length + 2);
        let [mut first, mut second] = [vec![0.0f32; length + 2], vec![0.0f32; length + 2]];
        let unchanged = weights[length..].to_vec();
        let mut wanted: Vec<[f64; 3]> = weights[..length].iter().map(|&w| [w as f64, 0.0, 0.0]).collect();
        for t in 1..=12 {
            let rate = 0.05 / t as f64;
            let mut gradient = vector(random, length + 2);
            for value in &mut gradient {
                // Zeros and gradients whose squares are far below ε among them.
                *value *= [0.0, 1e-12, 1.0, 3.0][random.random_range(0..4)];
            }
            let square: f64 = gradient[..length].iter().map(|&g| g as f64 * g as f64).sum();
            let step = step_words(t, rate, betas);
            cpu::adam::run(
                &params,
                &gradient,
                &[square as f32],
                &step,
                &mut weights,
                &mut first,
                &mut second,
            );
            let clip = match most_norm > 0.0 {
                true => (most_norm / (square.sqrt() + 1e-6)).min(1.0),
                false => 1.0,
            };
            for (index, [w, m, v]) in wanted.iter_mut().enumerate() {
                let g = clip * gradient[index] as f64;
                *m = betas[0] * *m + (1.0 - betas[0]) * g;
                *v = betas[1] * *v + (1.0 - betas[1]) * g * g;
                let corrected = [
                    *m / (1.0 - betas[0].powi(t as i32)),
                    *v / (1.0 - betas[1].powi(t as i32)),
                ];
                *w = *w - rate * decay * *w - rate * corrected[0] / (corrected[1].sqrt() + epsilon);
                let what = format!("step {t}, weight {index}: {params:?}");
                STEPS.check(weights[index] as f64, *w, &what);
                MOMENTS.check(first[index] as f64, *m, &what);
                MOMENTS.check(second[index] as f64, *v, &what);
            }
        }
        assert_eq!(weights[length..], unchanged);
        assert_eq!([&first[length..], &second[length..]], [&[0.0, 0.0][..]; 2]);
    });
}

/// The first step of plain Adam moves each weight by the learning rate against its gradient.
#[test]
fn first_step_is_the_learning_rate() {
    let params = Params {
        length: 3,
        beta_1: 0.9,
        beta_2: 0.999,
        one_minus_beta_1: 0.1,
        one_minus_beta_2: 0.001,
        epsilon: 1e-8,
        decay: 0.0,
        most_norm: 0.0,
    };
    let (mut weights, mut first, mut second) = ([1.0, 1.0, 1.0], [0.0; 3], [0.0; 3]);
    let step = step_words(1, 0.01, [0.9, 0.999]);
    cpu::adam::run(
        &params,
        &[1e-3, -20.0, 0.0],
        &[0.0],
        &step,
        &mut weights,
        &mut first,
        &mut second,
    );
    for (found, wanted) in weights.into_iter().zip([0.99f32, 1.01, 1.0]) {
        assert!((found - wanted).abs() < 1e-6, "{found} instead of {wanted}");
    }
}
