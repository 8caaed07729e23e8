use asma::kernels::Extent;
use asma::kernels::reshape::Params;

use super::support::{Case, ROUNDING, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(81);
    let cases = (0..ROUNDS).map(|_| {
        let input_extent = random.extent();
        let Extent { n, c, h, w } = input_extent;
        let [n, c, h, w] = random.choose(&[
            [1, 1, n * c, h * w],
            [n, h, w, c],
            [w, c, 1, n * h],
            [1, 1, 1, n * c * h * w],
            [n * c * h * w, 1, 1, 1],
        ]);
        let extent = Extent { n, c, h, w };
        let (input, input_length) = random.view(input_extent);
        let (output, output_length) = random.view(extent);
        let params = Params {
            input,
            output,
            input_extent,
            extent,
            accumulate: random.below(2),
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(input_length)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), ROUNDING);
}
