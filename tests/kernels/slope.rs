use asma::kernels::slope::Params;

use super::support::{Case, EXACT, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(1);
    let cases = (0..ROUNDS).map(|_| {
        let extent = random.extent();
        let (input, input_length) = random.view(extent);
        let (output, output_length) = random.view(extent);
        let params = Params {
            input,
            output,
            extent,
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(input_length), random.floats(extent.c as usize)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), EXACT);
}
