use asma::kernels::Extent;
use asma::kernels::upsample::{BILINEAR, BILINEAR_ALIGNED, NEAREST, Params};

use super::support::{Case, ROUNDS, Random, Tolerance, compare};

/// Source coordinates of up to 17 round differently: the shader has them as fractions of integers.
pub const COORDINATES: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-5,
};

/// The extent of the resampled tensor: twice the size, or any other.
pub fn resampled(random: &mut Random, extent: Extent) -> Extent {
    if random.below(3) == 0 {
        return Extent {
            h: 2 * extent.h,
            w: 2 * extent.w,
            ..extent
        };
    }
    let other = random.extent();
    Extent {
        h: other.h,
        w: other.w,
        ..extent
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(13);
    let cases = (0..3 * ROUNDS).map(|round| {
        let extent = random.extent();
        let output_extent = resampled(&mut random, extent);
        let (input, input_length) = random.view(extent);
        let (output, output_length) = random.view(output_extent);
        let params = Params {
            input,
            output,
            input_extent: extent,
            output_extent,
            mode: [NEAREST, BILINEAR, BILINEAR_ALIGNED][round % 3],
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(input_length)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), COORDINATES);
}
