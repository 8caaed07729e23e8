//! Whether an adjoint is the transposed Jacobian of its forward function.

use rand::RngExt;
use rand::rngs::StdRng;

use crate::strided::Tolerance;

/// Step of the central differences, taken in f64.
const STEP: f64 = 1e-4;

/// Checks `adjoint = Jᵀ · upstream`, where `J` is the Jacobian of `forward` at `input`: the central finite
/// difference of `⟨forward(x), upstream⟩` along single elements, and `⟨J v, upstream⟩ = ⟨v, adjoint⟩` along
/// random directions `v`.
#[track_caller]
pub fn check_adjoint(
    random: &mut StdRng,
    tolerance: Tolerance,
    forward: impl Fn(&[f64]) -> Vec<f64>,
    input: &[f64],
    upstream: &[f64],
    adjoint: &[f64],
) {
    assert_eq!(input.len(), adjoint.len());
    let slope = |direction: &[f64]| {
        let moved = |step: f64| -> f64 {
            let input: Vec<f64> = input.iter().zip(direction).map(|(x, v)| x + step * v).collect();
            inner(&forward(&input), upstream)
        };
        (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
    };
    for _ in 0..4 {
        let element = random.random_range(0..input.len());
        let mut direction = vec![0.0; input.len()];
        direction[element] = 1.0;
        tolerance.check(adjoint[element], slope(&direction), element);
    }
    let direction: Vec<f64> = (0..input.len()).map(|_| random.random_range(-1.0..1.0)).collect();
    let scale: f64 = direction.iter().zip(adjoint).map(|(v, a)| (v * a).abs()).sum();
    let of_sums = Tolerance {
        absolute: tolerance.absolute * (1.0 + scale),
        relative: tolerance.relative,
    };
    of_sums.check(
        inner(&direction, adjoint),
        slope(&direction),
        "the inner products",
    );
}

fn inner(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}
