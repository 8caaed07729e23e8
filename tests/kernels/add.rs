use asma::kernels::add::Params;

use super::support::{Case, EXACT, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(3);
    let cases = (0..ROUNDS).map(|_| {
        let extent = random.extent();
        let (left, left_length) = random.view(extent);
        let (right, right_length) = random.view(extent);
        let (output, output_length) = random.view(extent);
        let params = Params {
            left,
            right,
            output,
            extent,
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(left_length), random.floats(right_length)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), EXACT);
}
