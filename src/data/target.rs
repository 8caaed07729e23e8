//! The attack's target: a mask file, brought to the network's output.

use std::path::Path;

use super::mask::{check_foreground, read_mask};
use super::preprocess::Preparation;
use crate::error::{Error, Result};
use crate::labels::LabelMap;
use crate::tensor::Shape;

/// Reads the mask that the attack steers towards. `input` is the shape of the prepared image, and `output`
/// that of the network's logits for it, which also tell the number of classes.
///
/// # Errors
/// If the file is no mask for these classes, if the mask does not come to the size of `input` by the same
/// preparation, or if no foreground is left inside the output window.
pub fn read_target(
    path: impl AsRef<Path>,
    preparation: &Preparation,
    input: Shape,
    output: Shape,
) -> Result<LabelMap> {
    let path = path.as_ref();
    let mask = read_mask(path, output.c)?;
    let named = |cause: Error| Error::file(path, cause);
    let (height, width) = preparation
        .prepared_size(mask.height(), mask.width())
        .map_err(named)?;
    if (height, width) != (input.h, input.w) {
        return Err(Error::file(
            path,
            format!(
                "has {} rows and {} columns, prepared {height} and {width}, where the prepared image has {} \
                 and {}; give a mask of the image's size, or scale both with --resize",
                mask.height(),
                mask.width(),
                input.h,
                input.w
            ),
        ));
    }
    let target = preparation
        .apply_labels(&mask, output.h, output.w)
        .map_err(named)?;
    check_foreground(path, &target)?;
    Ok(target)
}
