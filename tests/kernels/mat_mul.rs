use asma::kernels::Extent;
use asma::kernels::mat_mul::Params;

use super::support::{Case, ROUNDS, Random, Tolerance, compare_variants};

/// Of some hundred terms of size 4 that partly cancel.
const SUMS: Tolerance = Tolerance {
    absolute: 3e-4,
    relative: 1e-5,
};

fn cases(seed: u64) -> Vec<Case> {
    let mut random = Random::new(seed);
    let case = |_| {
        let [rows, depth, columns] = [0; 3].map(|_| random.choose(&[1, 3, 16, 17, 40, 65, 70]));
        let transposed = [0; 2].map(|_| random.below(2));
        let sizes = |size: [u32; 2], transposed| match transposed {
            0 => size,
            _ => [size[1], size[0]],
        };
        let [left, right] = [
            sizes([rows, depth], transposed[0]),
            sizes([depth, columns], transposed[1]),
        ];
        // Of left, right and product, one has its own samples or channels, or all have.
        let mut batch = |all: u32| match random.below(4) {
            0 => [all, all, 1],
            1 => [all, 1, all],
            2 => [1, all, all],
            _ => [all; 3],
        };
        let (n, c) = (batch(2), batch(3));
        let extent = |which: usize, [h, w]: [u32; 2]| Extent {
            n: n[which],
            c: c[which],
            h,
            w,
        };
        let extents = [extent(0, left), extent(1, right), extent(2, [rows, columns])];
        let [
            (left, left_length),
            (right, right_length),
            (output, output_length),
        ] = extents.map(|extent| random.view(extent));
        let params = Params {
            left,
            right,
            output,
            left_extent: extents[0],
            right_extent: extents[1],
            extent: extents[2],
            transposed,
            accumulate: random.below(2),
        };
        Case {
            params: params.into(),
            reads: vec![random.floats(left_length), random.floats(right_length)],
            writes: vec![random.floats(output_length)],
        }
    };
    (0..ROUNDS).map(case).collect()
}

#[test]
fn shaders_are_as_their_twin() {
    compare_variants::<Params>(&cases(83), SUMS);
}
