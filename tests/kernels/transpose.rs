use asma::kernels::Extent;
use asma::kernels::transpose::Params;

use super::support::{Case, ROUNDING, ROUNDS, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(82);
    let cases = (0..2 * ROUNDS).map(|_| {
        let input_extent = random.extent();
        let mut axes = [0, 1, 2, 3];
        for last in (1..4).rev() {
            axes.swap(last, random.below(last as u32 + 1) as usize);
        }
        let Extent { n, c, h, w } = input_extent;
        let [on, oc, oh, ow] = axes.map(|axis: u32| [n, c, h, w][axis as usize]);
        let extent = Extent {
            n: on,
            c: oc,
            h: oh,
            w: ow,
        };
        let (input, input_length) = random.view(input_extent);
        let (output, output_length) = random.view(extent);
        let params = Params {
            input,
            output,
            input_extent,
            extent,
            outer_axes: [axes[0], axes[1]],
            inner_axes: [axes[2], axes[3]],
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
