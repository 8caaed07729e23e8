use asma::kernels::Operation;
use asma::kernels::arithmetic::Params;

use super::support::{Case, ROUNDING, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(61);
    let cases = (0..2 * ROUNDS).map(|round| {
        let extent = random.extent();
        let [left_extent, right_extent] = match round % 3 {
            0 => [extent, extent],
            1 => [random.part_of(extent), extent],
            _ => [extent, random.part_of(extent)],
        };
        let (left, left_length) = random.view(left_extent);
        let (right, right_length) = random.view(right_extent);
        let (output, output_length) = random.view(extent);
        let operation = Operation::ALL[round % Operation::ALL.len()];
        let places = [(left, left_extent), (right, right_extent), (output, extent)];
        Case {
            params: Params::new(operation, places).into(),
            reads: vec![
                random.floats(left_length),
                match operation {
                    // Away from 0.
                    Operation::Divide => (0..right_length)
                        .map(|_| random.float(0.5, 2.0).to_bits())
                        .collect(),
                    _ => random.floats(right_length),
                },
            ],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), ROUNDING);
}
