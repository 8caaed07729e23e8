use asma::kernels::elu::Params;

use super::support::{Case, ROUNDING, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(51);
    let cases = (0..ROUNDS).map(|round| {
        let extent = random.extent();
        let (input, input_length) = random.view(extent);
        let (output, output_length) = random.view(extent);
        let params = Params {
            input,
            output,
            extent,
            alpha: random.choose(&[1.0, 0.3]),
        };
        Case {
            params: params.into(),
            // Also where a careless exponential overflows.
            reads: vec![match round % 2 {
                0 => random.floats(input_length),
                _ => random.logits(input_length),
            }],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), ROUNDING);
}
