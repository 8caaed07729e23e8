//! What poolings share: their windows.

use super::margins::Margins;
use super::operator::{MOST_SETTING, Misfit, check_settings};
use crate::tensor::Shape;

/// Refuses windows that might hold no pixel at all.
pub(super) fn check_pooling(kernel: [usize; 2], stride: [usize; 2], padding: Margins) -> Result<(), String> {
    check_settings("window", &kernel, 1..=MOST_SETTING)?;
    check_settings("stride", &stride, 1..=MOST_SETTING)?;
    let narrow = |margins: [usize; 2]| (0..2).all(|axis| margins[axis] < kernel[axis]);
    match narrow(padding.before()) && narrow(padding.after()) {
        true => Ok(()),
        false => Err(format!(
            "has a padding of {:?} rows above and below, columns left and right; want less than the window {kernel:?}",
            padding.sides()
        )),
    }
}

/// The shape of what is pooled from `input`: with `ceil`, also from incomplete windows at the bottom and right that begin
/// inside the input or before it, as in PyTorch and ONNX.
pub(super) fn pooled(
    input: Shape,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Margins,
    ceil: bool,
) -> Result<Shape, Misfit> {
    let windows = |size: usize, axis: usize| {
        let (before, stride) = (padding.before()[axis], stride[axis]);
        let room = size + padding.together()[axis];
        match (ceil, room.checked_sub(kernel[axis])) {
            (false, Some(rest)) => Ok(rest / stride + 1),
            (true, Some(rest)) => Ok((rest.div_ceil(stride) + 1).min((size + before).div_ceil(stride))),
            // One window, if less is missing of it than the next one would be further on.
            (true, None) if kernel[axis] - room < stride => Ok(1),
            (_, None) => Err(Misfit::TooSmall),
        }
    };
    Ok(Shape {
        h: windows(input.h, 0)?,
        w: windows(input.w, 1)?,
        ..input
    })
}
