use asma::kernels::Extent;
use asma::kernels::moments::Params;

use super::support::{Case, ROUNDS, Random, Tolerance, compare};

/// Of one over a deviation, of sums of some hundred terms.
pub const MOMENTS: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 2e-5,
};

/// Blocks as normalisations have them: groups of channels, or rows.
pub fn blocks(random: &mut Random, extent: Extent) -> Extent {
    match random.below(3) {
        0 => Extent { w: 1, ..extent },
        1 => Extent { h: 1, w: 1, ..extent },
        _ => Extent {
            c: 1,
            h: 1,
            w: 1,
            ..extent
        },
    }
}

/// Parts of blocks, cut along rows or not at all.
pub fn parts(random: &mut Random, extent: Extent, blocks: Extent) -> Extent {
    match blocks.h == 1 && random.below(2) == 0 {
        true => Extent {
            h: extent.h.div_ceil(random.between(1, extent.h)),
            ..blocks
        },
        false => blocks,
    }
}

/// An extent with so many columns that no block is of one number, whose deviation is 0.
pub fn extent(random: &mut Random) -> Extent {
    let extent = random.extent();
    Extent {
        w: extent.w.max(7),
        ..extent
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(71);
    let cases = (0..2 * ROUNDS).map(|_| {
        let extent = extent(&mut random);
        let (input, input_length) = random.view(extent);
        let blocks = blocks(&mut random, extent);
        let params = Params {
            input,
            extent,
            blocks,
            epsilon: 1e-3,
            finish: random.below(2),
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(input_length)],
            writes: vec![random.floats(2 * blocks.elements() as usize + 1)],
        }
    });
    compare(cases.collect(), MOMENTS);
}
