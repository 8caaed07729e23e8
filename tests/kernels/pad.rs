use asma::kernels::Extent;
use asma::kernels::pad::{Params, REPLICATE, ZERO};

use super::support::{Case, EXACT, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(15);
    let cases = (0..2 * ROUNDS).map(|round| {
        let extent = random.extent();
        let [top, left, bottom, right] = [(); 4].map(|()| random.below(4));
        let bordered = Extent {
            h: top + extent.h + bottom,
            w: left + extent.w + right,
            ..extent
        };
        let (input, read_length) = random.view(extent);
        let (output, output_length) = random.view(bordered);
        let params = Params {
            input,
            output,
            input_extent: extent,
            output_extent: bordered,
            top,
            left,
            mode: [ZERO, REPLICATE][round % 2],
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(read_length)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), EXACT);
}
