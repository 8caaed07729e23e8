use asma::kernels::loss_gradient::Params;
use asma::kernels::loss_sums::TERMS;

use super::loss_sums::{class_weights, extent, labels};
use super::support::{Case, Random, Tolerance, compare};

/// Probabilities are known to some 2⁻²² (WGSL lets an exponential of x be 3 + 2 |x| units off, which is most
/// near x = −1); the factors on them are at most 2 · 3 and 2 · 1.
const GRADIENT: Tolerance = Tolerance {
    absolute: 3e-6,
    relative: 2e-6,
};

/// Totals as a batch may have them, whose pixels are not all in this call.
fn totals(random: &mut Random, classes: u32, weightless: bool) -> Vec<u32> {
    let mut totals = Vec::new();
    for _ in 0..classes {
        let weights = if weightless { 0.0 } else { random.float(1.0, 20.0) };
        let [predicted, labelled] = [0; 2].map(|_| random.float(2.0, 40.0));
        let overlap = random.float(0.0, 1.0) * predicted.min(labelled);
        let sums: [f32; TERMS] = [1.0, weights, overlap, predicted, labelled];
        totals.extend(sums.map(f32::to_bits));
    }
    totals
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(50);
    let mut cases = Vec::new();
    for (cross_entropy, dice) in [(1.0, 0.0), (0.0, 1.0), (0.5, 2.0)] {
        for number in 0..12 {
            let extent = extent(&mut random);
            let (logits, logits_length) = random.view(extent);
            let (output, output_length) = random.view(extent);
            let params = Params {
                logits,
                output,
                extent,
                cross_entropy,
                dice,
                smoothing: random.choose(&[0.0, 1.0]),
            };
            cases.push(Case {
                params: params.into(),
                reads: vec![
                    match number % 2 {
                        0 => random.floats(logits_length),
                        _ => random.logits(logits_length),
                    },
                    labels(&mut random, extent, number % 6 == 4),
                    class_weights(&mut random, extent.c),
                    totals(&mut random, extent.c, number % 6 == 5),
                ],
                writes: vec![random.floats(output_length)],
            });
        }
    }
    compare(cases, GRADIENT);
}
