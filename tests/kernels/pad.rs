use asma::kernels::Extent;
use asma::kernels::pad::{CONSTANT, Params, REFLECT, REPLICATE};

use super::support::{Case, EXACT, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(15);
    let cases = (0..3 * ROUNDS).map(|round| {
        let extent = random.extent();
        let mode = [CONSTANT, REPLICATE, REFLECT][round % 3];
        let (rows, columns) = match mode {
            REFLECT => (extent.h.min(4), extent.w.min(4)),
            _ => (4, 4),
        };
        let [top, bottom] = [(); 2].map(|()| random.below(rows));
        let [left, right] = [(); 2].map(|()| random.below(columns));
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
            mode,
            value: random.float(-2.0, 2.0),
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(read_length)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), EXACT);
}
