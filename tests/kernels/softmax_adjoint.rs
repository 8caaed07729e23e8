use asma::kernels::softmax_adjoint::Params;

use super::support::{Case, ROUNDING, ROUNDS, Random, compare_variants};

#[test]
fn shaders_are_as_their_twin() {
    let mut random = Random::new(6);
    let cases = (0..2 * ROUNDS).map(|_| {
        let mut extent = random.extent();
        // More columns than threads of a workgroup in some.
        extent.w *= random.choose(&[1, 1, 5]);
        let (probabilities, probabilities_length) = random.view(extent);
        let (gradient, gradient_length) = random.view(extent);
        let (output, output_length) = random.view(extent);
        let params = Params {
            probabilities,
            gradient,
            output,
            extent,
            axis: random.below(4),
            accumulate: random.below(2),
        };
        Case {
            params: params.into(),
            reads: vec![
                random.probabilities(probabilities_length),
                random.floats(gradient_length),
            ],
            writes: vec![random.floats(output_length)],
        }
    });
    let cases: Vec<Case> = cases.collect();
    compare_variants::<Params>(&cases, ROUNDING);
}
