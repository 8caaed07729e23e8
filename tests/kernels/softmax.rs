use asma::kernels::softmax::Params;

use super::support::{Case, ROUNDING, ROUNDS, Random, compare_variants};

#[test]
fn shaders_are_as_their_twin() {
    let mut random = Random::new(5);
    let cases = (0..2 * ROUNDS).map(|_| {
        let mut extent = random.extent();
        // More columns than threads of a workgroup in some.
        extent.w *= random.choose(&[1, 1, 5]);
        let (input, input_length) = random.view(extent);
        let (output, output_length) = random.view(extent);
        let params = Params {
            input,
            output,
            extent,
            axis: random.below(4),
        };
        Case {
            params: params.into(),
            reads: vec![random.logits(input_length)],
            writes: vec![random.floats(output_length)],
        }
    });
    let cases: Vec<Case> = cases.collect();
    compare_variants::<Params>(&cases, ROUNDING);
}
