//! Adds up the partial sums that the chunks of a long sum gave, in the order of the chunks:
//! `output[offset + i] = Σ_chunk partials[chunk · length + i]`.

use super::{KernelParams, PIXELS_PER_WORKGROUP, Variant, check_flags, fold, kernel, shader};

kernel! {
    "sum_partials", "sum_partials";
    parameters {
        /// Sums.
        length: u32,
        /// Terms of each.
        chunks: u32,
        /// Index of the first sum in `output`.
        offset: u32,
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        partials: Float, first(|call| u64::from(call.chunks) * u64::from(call.length));
    }
    writes {
        output: Float, first(|call| u64::from(call.offset) + u64::from(call.length)),
            also_read(|call| call.accumulate == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("sum_partials"),
        |call| {
            let [x, y] = fold(call.length.div_ceil(PIXELS_PER_WORKGROUP));
            [x, y, 1]
        },
    )];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("accumulate", self.accumulate)])
    }

    fn elements_moved(&self) -> Vec<u64> {
        let length = u64::from(self.length);
        vec![
            u64::from(self.chunks) * length,
            (1 + u64::from(self.accumulate)) * length,
        ]
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            length: 4,
            chunks: 2,
            offset: 0,
            accumulate: 0,
        }]
    }
}
