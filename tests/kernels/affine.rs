use asma::kernels::affine::Params;

use super::support::{Case, ROUNDING, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(4);
    let cases = (0..ROUNDS).map(|_| {
        let extent = random.extent();
        let (input, input_length) = random.view(extent);
        let (output, output_length) = random.view(extent);
        let params = Params {
            input,
            output,
            extent,
            accumulate: random.below(2),
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(input_length), random.floats(2 * extent.c as usize)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), ROUNDING);
}
