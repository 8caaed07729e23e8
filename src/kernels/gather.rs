//! Copies of chosen elements, `output[k] = source[indices[k]]`: how parameters that training changes come into
//! the layouts that the other kernels read (packed weights, pairs of bias and slope).

use super::{KernelParams, PIXELS_PER_WORKGROUP, Variant, fold, kernel, shader};

kernel! {
    "gather", "gather";
    parameters {
        /// Elements of `indices` and of `output`.
        length: u32,
    }
    reads {
        // At least as many as the largest index says, which `indices` below has checked.
        source: Float, first(|_| 1);
        // Each inside `source`.
        indices: Word, first(|call| call.length.into());
    }
    writes {
        output: Float, first(|call| call.length.into());
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("gather"), |call| {
            let [x, y] = fold(call.length.div_ceil(PIXELS_PER_WORKGROUP));
            [x, y, 1]
        })];

    fn indices() -> Option<[usize; 2]> {
        Some([1, 0])
    }

    fn elements_moved(&self) -> Vec<u64> {
        vec![u64::from(self.length); 3]
    }

    fn samples() -> Vec<Params> {
        vec![Params { length: 100 }]
    }
}
