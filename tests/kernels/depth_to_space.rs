use asma::kernels::Extent;
use asma::kernels::depth_to_space::{COLUMN_FIRST, DEPTH_FIRST, Params};

use super::support::{Case, EXACT, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(73);
    let cases = (0..2 * ROUNDS).map(|round| {
        let wide = random.extent();
        let block = random.between(1, 4);
        let deep = Extent {
            c: wide.c * block * block,
            ..wide
        };
        let wide = Extent {
            h: wide.h * block,
            w: wide.w * block,
            ..wide
        };
        let back = random.below(2);
        let [input_extent, output_extent] = match back {
            0 => [deep, wide],
            _ => [wide, deep],
        };
        let (input, input_length) = random.view(input_extent);
        let (output, output_length) = random.view(output_extent);
        let params = Params {
            input,
            output,
            input_extent,
            output_extent,
            block,
            order: [DEPTH_FIRST, COLUMN_FIRST][round % 2],
            back,
            accumulate: random.below(2),
        };
        Case {
            params: params.into(),
            // Of which sums are exact.
            reads: vec![random.coarse_floats(input_length)],
            writes: vec![random.coarse_floats(output_length)],
        }
    });
    // A word that changes in no case but by chance may stay: what is compared is more than one.
    compare(cases.collect(), EXACT);
}
