use asma::kernels::slope_adjoint::Params;

use super::support::{Case, ROUNDING, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(10);
    let cases = (0..ROUNDS).map(|_| {
        let extent = random.extent();
        let (reference, reference_length) = random.view(extent);
        let (gradient, gradient_length) = random.view(extent);
        let (output, output_length) = random.view(extent);
        let (in_place, accumulate) = random.choose(&[(0, 0), (0, 1), (1, 0)]);
        let params = Params {
            reference,
            gradient,
            output,
            extent,
            in_place,
            accumulate,
        };
        let gradient = match in_place {
            1 => vec![0],
            _ => random.floats(gradient_length),
        };
        Case {
            params: params.into(),
            reads: vec![
                // Zeros among them: the slope there is that of the negative side.
                random.coarse_floats(reference_length),
                random.floats(extent.c as usize),
                gradient,
            ],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), ROUNDING);
}
