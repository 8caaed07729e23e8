use asma::kernels::spread::Params;

use super::support::{Case, ROUNDING, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(64);
    let cases = (0..2 * ROUNDS).map(|_| {
        let extent = random.extent();
        let input_extent = random.part_of(extent);
        let (input, input_length) = random.view(input_extent);
        let (output, output_length) = random.view(extent);
        let chosen = random.below(2);
        let params = Params {
            input,
            output,
            input_extent,
            extent,
            scale: random.float(0.5, 1.0),
            chosen,
            accumulate: random.below(2),
        };
        let blocks = input_extent.elements();
        let of_block = extent.elements() / blocks;
        Case {
            params: params.into(),
            reads: vec![
                random.floats(input_length),
                random.integers(blocks as usize, of_block as u32),
            ],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), ROUNDING);
}
