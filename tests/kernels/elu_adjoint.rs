use asma::kernels::elu_adjoint::Params;

use super::support::{Case, ROUNDING, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(52);
    let cases = (0..ROUNDS).map(|_| {
        let extent = random.extent();
        let (values, values_length) = random.view(extent);
        let (gradient, gradient_length) = random.view(extent);
        let (output, output_length) = random.view(extent);
        let params = Params {
            values,
            gradient,
            output,
            extent,
            alpha: 1.0,
            accumulate: random.below(2),
        };
        Case {
            params: params.into(),
            reads: vec![
                // Zeros among them.
                random.coarse_floats(values_length),
                random.floats(gradient_length),
            ],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), ROUNDING);
}
