//! Channels to blocks of pixels, or back: of a deep tensor of `C·b·b` channels and a wide one of `C` channels and `b` times
//! the rows and columns, `wide[n, c, y·b + i, x·b + j]` is
//!
//! - `deep[n, (i·b + j)·C + c, y, x]` in the order `DEPTH_FIRST` (ONNX's DCR),
//! - `deep[n, (c·b + i)·b + j, y, x]` in the order `COLUMN_FIRST` (ONNX's CRD, PyTorch's pixel shuffle).
//!
//! Each way is the adjoint of the other.

use super::{
    Extent, KernelParams, Variant, View, check_choice, check_flags, kernel, one_thread_per_element, samples,
    shader,
};

/// A block's places are the outer part of a channel's number.
pub const DEPTH_FIRST: u32 = 0;
/// A block's places are the inner part of a channel's number.
pub const COLUMN_FIRST: u32 = 1;

kernel! {
    "depth_to_space", "depth_to_space";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of the input.
        input_extent: Extent,
        /// Of the output.
        output_extent: Extent,
        /// Rows and columns of a block.
        block: u32,
        /// [`DEPTH_FIRST`] or [`COLUMN_FIRST`].
        order: u32,
        /// 1: the input is the wide one, and the output the deep one.
        back: u32,
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        input: Real, view(input, input_extent);
    }
    writes {
        output: Real, view(output, output_extent), also_read(|call| call.accumulate == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("depth_to_space"),
        |call| one_thread_per_element(call.output_extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_choice("order", self.order, COLUMN_FIRST)?;
        check_flags(&[("back", self.back), ("accumulate", self.accumulate)])?;
        let (deep, wide) = match self.back {
            0 => (self.input_extent, self.output_extent),
            _ => (self.output_extent, self.input_extent),
        };
        let times = |size: u32, count: u64| u64::from(size).checked_mul(count);
        let block = u64::from(self.block);
        let fits = deep.n == wide.n
            && times(wide.c, block * block) == Some(deep.c.into())
            && times(deep.h, block) == Some(wide.h.into())
            && times(deep.w, block) == Some(wide.w.into());
        match block >= 1 && fits {
            true => Ok(()),
            false => Err(format!(
                "{}×{}×{}×{} cannot become {}×{}×{}×{} by blocks of {block}",
                deep.n, deep.c, deep.h, deep.w, wide.n, wide.c, wide.h, wide.w
            )),
        }
    }

    fn samples() -> Vec<Params> {
        let wide = crate::tensor::Shape::new(2, 1, 32, 32);
        vec![Params {
            input: samples::view(),
            output: View::dense(wide),
            input_extent: samples::extent(),
            output_extent: wide.into(),
            block: 2,
            order: DEPTH_FIRST,
            back: 0,
            accumulate: 0,
        }]
    }
}
