use asma::kernels::fill::Params;

use super::support::{Case, EXACT, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(9);
    let cases = (0..ROUNDS).map(|_| {
        let extent = random.extent();
        let (output, output_length) = random.view(extent);
        let params = Params {
            output,
            extent,
            value: random.float(-2.0, 2.0),
        };
        Case {
            params: params.into(),
            reads: vec![],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), EXACT);
}
