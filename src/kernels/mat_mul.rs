//! Products of matrices, whose rows and columns are those of the tensors, for each sample and channel. A factor with one
//! sample or channel is used for all; an output with one is the sum over all.

use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, product, samples,
    shader,
};

kernel! {
    "mat_mul", "mat_mul";
    parameters {
        /// Of the left factor.
        left: View,
        /// Of the right factor.
        right: View,
        /// Of the product.
        output: View,
        /// Of the left factor.
        left_extent: Extent,
        /// Of the right factor.
        right_extent: Extent,
        /// Of the product.
        extent: Extent,
        /// 1: the left factor, and the right one, are transposed first.
        transposed: [u32; 2],
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        left: Real, view(left, left_extent);
        right: Real, view(right, right_extent);
    }
    writes {
        output: Real, view(output, extent), also_read(|call| call.accumulate == 1);
    }
}

/// Rows and columns of a workgroup's part of the product.
const TILE: u32 = 64;

impl Params {
    /// Rows and columns of both factors, once they are transposed.
    pub(crate) fn matrices(&self) -> [[u32; 2]; 2] {
        let sizes = |extent: Extent, transposed: u32| match transposed {
            0 => [extent.h, extent.w],
            _ => [extent.w, extent.h],
        };
        [
            sizes(self.left_extent, self.transposed[0]),
            sizes(self.right_extent, self.transposed[1]),
        ]
    }

    /// Samples and channels of which the product is a sum.
    pub(crate) fn summed(&self) -> [u32; 2] {
        let (left, right) = (self.left_extent, self.right_extent);
        let summed = |all: u32, output: u32| if output == 1 { all } else { 1 };
        [
            summed(left.n.max(right.n), self.extent.n),
            summed(left.c.max(right.c), self.extent.c),
        ]
    }

    fn constants(&self) -> Vec<(&'static str, u32)> {
        let [left, right] = self.transposed;
        vec![("LEFT_TRANSPOSED", left), ("RIGHT_TRANSPOSED", right)]
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[
        Variant::<Params>::new("direct", shader!("shared/mat_mul", "mat_mul"), |call| {
            one_thread_per_element(call.extent)
        })
        .with_constants(Params::constants),
        Variant::<Params>::new("tiled", shader!("shared/mat_mul", "mat_mul_tiled"), |call| {
            let Extent { n, c, h, w } = call.extent;
            [w.div_ceil(TILE), h.div_ceil(TILE), n * c]
        })
        .for_hardware()
        .with_constants(Params::constants)
        .suiting(|call, _| call.extent.h.min(call.extent.w) >= 16),
    ];

    fn check(&self) -> Result<(), String> {
        check_flags(&[
            ("transposed", self.transposed[0]),
            ("transposed", self.transposed[1]),
            ("accumulate", self.accumulate),
        ])?;
        let [left, right] = self.matrices();
        if left[1] != right[0] || [left[0], right[1]] != [self.extent.h, self.extent.w] {
            return Err(format!(
                "{}×{} times {}×{} is not {}×{}",
                left[0], left[1], right[0], right[1], self.extent.h, self.extent.w
            ));
        }
        let fits = |left: u32, right: u32, output: u32| {
            let all = left.max(right);
            [left, right, output].iter().all(|&size| size == all || size == 1)
        };
        let (left, right, output) = (self.left_extent, self.right_extent, self.extent);
        match fits(left.n, right.n, output.n) && fits(left.c, right.c, output.c) {
            true => Ok(()),
            false => Err(format!(
                "{}×{} and {}×{} matrices cannot give {}×{}",
                left.n, left.c, right.n, right.c, output.n, output.c
            )),
        }
    }

    fn work(&self) -> String {
        let ([left, right], [n, c]) = (self.matrices(), self.summed());
        let Extent { n: ns, c: cs, .. } = self.extent;
        format!(
            "mat_mul {}x{}x{}, {ns}x{cs} of {n}x{c}, transposed {:?}",
            left[0], left[1], right[1], self.transposed
        )
    }

    fn flops(&self) -> u64 {
        let [[rows, depth], [_, columns]] = self.matrices();
        let [n, c] = self.summed();
        product(&[2, rows, depth, columns, n, c, self.extent.n, self.extent.c])
    }

    fn samples() -> Vec<Params> {
        [[0, 0], [0, 1], [1, 0], [1, 1]]
            .map(|transposed| Params {
                left: samples::view(),
                right: samples::view(),
                output: samples::view(),
                left_extent: samples::extent(),
                right_extent: samples::extent(),
                extent: samples::extent(),
                transposed,
                accumulate: 0,
            })
            .into()
    }
}
