//! A border around each channel: of one value (`CONSTANT`), of the nearest pixel (`REPLICATE`), or of the pixels mirrored at
//! the outermost ones, which are not repeated (`REFLECT`).

use super::{
    Extent, KernelParams, Variant, View, check_choice, kernel, one_thread_per_element, samples, shader,
};

/// The border is of one value.
pub const CONSTANT: u32 = 0;
/// The border repeats the nearest pixel.
pub const REPLICATE: u32 = 1;
/// The border mirrors what lies inside of the outermost pixels; it is narrower than the image.
pub const REFLECT: u32 = 2;

kernel! {
    "pad", "pad";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of the input.
        input_extent: Extent,
        /// Of the output.
        output_extent: Extent,
        /// Rows of border above.
        top: u32,
        /// Columns of border to the left.
        left: u32,
        /// [`CONSTANT`], [`REPLICATE`] or [`REFLECT`].
        mode: u32,
        /// The border's value if it is constant.
        value: f32,
    }
    reads {
        input: Real, view(input, input_extent);
    }
    writes {
        output: Real, view(output, output_extent);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("shared/border", "pad"),
        |call| one_thread_per_element(call.output_extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_bordered(
            self.input_extent,
            self.output_extent,
            [self.top, self.left],
            self.mode,
        )
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::view(),
            output: samples::large_view(),
            input_extent: samples::extent(),
            output_extent: samples::large_extent(),
            top: 8,
            left: 8,
            mode: CONSTANT,
            value: 0.0,
        }]
    }
}

/// What is bordered lies inside what comes of it, and the border shows what there is.
pub(super) fn check_bordered(
    input: Extent,
    output: Extent,
    [top, left]: [u32; 2],
    mode: u32,
) -> Result<(), String> {
    super::max_pool2d::check_pooled(input, output)?;
    check_choice("mode", mode, REFLECT)?;
    let fits = |size: u32, before: u32, whole: u32| u64::from(size) + u64::from(before) <= u64::from(whole);
    if !fits(input.h, top, output.h) || !fits(input.w, left, output.w) {
        return Err(format!(
            "{}×{} pixels with {top} rows above and {left} columns left of them do not lie in {}×{}",
            input.h, input.w, output.h, output.w
        ));
    }
    if mode != CONSTANT && input.elements() == 0 {
        return Err("there is no pixel to repeat".into());
    }
    let mirrored = |size: u32, before: u32, whole: u32| before < size && whole - before - size < size;
    if mode == REFLECT && !(mirrored(input.h, top, output.h) && mirrored(input.w, left, output.w)) {
        return Err(format!(
            "{}×{} pixels cannot be mirrored in a border that makes {}×{} of them",
            input.h, input.w, output.h, output.w
        ));
    }
    Ok(())
}
