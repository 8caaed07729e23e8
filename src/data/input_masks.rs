//! The masks that go with an input: the target, the label and the region of an attack, each read, compared in size as stored,
//! prepared as the image was, and described. In place of a file a tensor in one can be named, see [`TensorAddress`], or what is in
//! memory be given.

use std::path::Path;

use super::input::{Called, Input, InputOptions, named};
use super::mask::{Mask, MaskOptions, check_foreground, describe_shares, open_mask};
use super::tensors::TensorAddress;
use crate::error::{Error, Result};
use crate::labels::LabelMap;

impl InputOptions {
    /// Reads the mask that an attack on `input` steers towards, of the size of the network's output. A tensor may have that
    /// size already, and is then taken as it is.
    ///
    /// # Errors
    /// If the file is no mask for the network's classes, is not of the image's size as stored, or has no foreground
    /// where the network's output lies.
    pub fn read_target(&self, path: impl AsRef<Path>, input: &Input) -> Result<Mask> {
        let path = path.as_ref();
        let target = self.read_label(path, input)?;
        check_foreground(path, &target.labels)?;
        Ok(target)
    }

    /// Reads the mask of another image as a target of `input`: prepared as the other image would be, it must come to the same
    /// size, whatever its own is.
    ///
    /// # Errors
    /// Those of [`InputOptions::read_target`], and if it comes to another size.
    pub fn read_target_of_another(&self, path: impl AsRef<Path>, input: &Input) -> Result<Mask> {
        let path = path.as_ref();
        let mask = open_mask(path, input.network.output.c, &self.mask)?;
        let own = [mask.labels.height(), mask.labels.width()];
        if own == input.stored {
            return self.read_target(path, input);
        }
        let steps = &input.preparation;
        let prepared = steps
            .prepared_size(own[0], own[1])
            .map_err(|error| named(path, error))?;
        let wanted = input.image.shape();
        if prepared != (wanted.h, wanted.w) {
            return Err(Error::file(
                path,
                format!(
                    "comes to {}×{} pixels when prepared ({steps}), and the attacked image to {}×{}; scale both to one size \
                     with `resize=WIDTHxHEIGHT`",
                    prepared.1, prepared.0, wanted.w, wanted.h
                ),
            ));
        }
        let output = input.network.output;
        let labels = steps
            .apply_labels(&mask.labels, output.h, output.w)
            .map_err(|error| Error::file(path, error))?;
        check_foreground(path, &labels)?;
        Ok(Mask { labels, ..mask })
    }

    /// Prepares a mask that is in memory as [`InputOptions::read_target`] prepares one from a file. `name` stands for the
    /// file's.
    ///
    /// # Errors
    /// If it names a class that the network does not have, is neither of the image's size before it was prepared nor of
    /// that of the network's output, or has no foreground where that lies.
    pub fn prepare_target(&self, name: &str, labels: &LabelMap, input: &Input) -> Result<Mask> {
        let target = self.prepare_label(name, labels, input)?;
        check_foreground(name, &target.labels)?;
        Ok(target)
    }

    /// Reads the mask that an attack on `input` leads away from, of the size of the network's output. A tensor may have that
    /// size already, and is then taken as it is.
    ///
    /// # Errors
    /// If the file is no mask for the network's classes, or is not of the image's size as stored.
    pub fn read_label(&self, path: impl AsRef<Path>, input: &Input) -> Result<Mask> {
        let path = path.as_ref();
        let classes = input.network.output.c;
        match TensorAddress::of(path) {
            Some(address) => {
                let mask = address.read_labels(classes, &self.mask)?;
                as_label(Called::tensor(&address), mask, input, true)
            }
            None => as_label(
                Called::by(path),
                open_mask(path, classes, &self.mask)?,
                input,
                false,
            ),
        }
    }

    /// Prepares a mask that is in memory as [`InputOptions::read_label`] prepares one from a file. `name` stands for the
    /// file's.
    ///
    /// # Errors
    /// If it names a class that the network does not have, or is neither of the image's size before it was prepared nor of
    /// that of the network's output.
    pub fn prepare_label(&self, name: &str, labels: &LabelMap, input: &Input) -> Result<Mask> {
        let mask = in_memory(name, labels, input.network.output.c)?;
        as_label(Called::by(Path::new(name)), mask, input, true)
    }

    /// Reads the mask of the pixels of `input` that may change: 1 where they may, else 0.
    ///
    /// # Errors
    /// If the file is no mask of two classes, is not of the image's size as stored, or has no foreground.
    pub fn read_region(&self, path: impl AsRef<Path>, input: &Input) -> Result<Mask> {
        let path = path.as_ref();
        // What a mask's values are said to mean is said of the target's classes, as is what a data set's masks tell.
        let options = MaskOptions {
            values: None,
            reading: None,
            ..self.mask.clone()
        };
        match TensorAddress::of(path) {
            Some(address) => {
                let mask = address.read_labels(2, &options)?;
                as_region(Called::tensor(&address), mask, input)
            }
            None => as_region(Called::by(path), open_mask(path, 2, &options)?, input),
        }
    }

    /// Prepares a mask that is in memory, 1 where pixels may change, as [`InputOptions::read_region`] prepares one from a
    /// file. `name` stands for the file's.
    ///
    /// # Errors
    /// If it holds more than two classes, is not of the image's size before it was prepared, or has no foreground.
    pub fn prepare_region(&self, name: &str, labels: &LabelMap, input: &Input) -> Result<Mask> {
        as_region(Called::by(Path::new(name)), in_memory(name, labels, 2)?, input)
    }
}

/// The mask as what the network's output is compared with; if it may be `cut` already, one of the size of the network's
/// output is taken as it is.
fn as_label(called: Called<'_>, mask: Mask, input: &Input, cut: bool) -> Result<Mask> {
    let output = input.network.output;
    let wanted = [output.h, output.w];
    let found = [mask.labels.height(), mask.labels.width()];
    match cut && found == wanted && found != input.stored {
        true => {
            let description = format!("{}, of the size of the network's output", mask.description);
            Ok(described(called, Mask { description, ..mask }, output.c))
        }
        false => prepared_mask(called, mask, input, output.c, wanted),
    }
}

fn as_region(called: Called<'_>, mask: Mask, input: &Input) -> Result<Mask> {
    let shape = input.image.shape();
    let region = prepared_mask(called, mask, input, 2, [shape.h, shape.w])?;
    if region.labels.count(1) == 0 {
        return Err(Error::file(
            called.whole,
            format!(
                "has no foreground in the {} rows and {} columns of the network's input, so nothing may change; give a mask \
                 that is white (or 1) where it may",
                shape.h, shape.w
            ),
        ));
    }
    // What nobody labelled, such as a border of zeros, may not change.
    let labels = LabelMap::from_fn(shape.h, shape.w, |y, x| {
        u8::from(region.labels.get(y, x) == Some(1))
    })?;
    Ok(Mask { labels, ..region })
}

/// A mask prepared as the image of `input` was, cut to its centre of this size.
fn prepared_mask(
    called: Called<'_>,
    mask: Mask,
    input: &Input,
    classes: usize,
    [height, width]: [usize; 2],
) -> Result<Mask> {
    check_stored_size(called.whole, &mask.labels, "the image", input.stored)?;
    let labels = input
        .preparation
        .apply_labels(&mask.labels, height, width)
        .map_err(|error| Error::file(called.whole, error))?;
    Ok(described(called, Mask { labels, ..mask }, classes))
}

/// The mask with what it is called before its description, and the share of each class behind it.
fn described(called: Called<'_>, mask: Mask, classes: usize) -> Mask {
    let shares = describe_shares(&[&mask.labels], classes);
    Mask {
        description: format!("{}: {}; {shares}", called.file.display(), mask.description),
        ..mask
    }
}

/// A mask of labels that are there, for a network of this many classes; one stands for two.
fn in_memory(name: &str, labels: &LabelMap, classes: usize) -> Result<Mask> {
    let classes = classes.max(2);
    match labels.largest_class() {
        Some(class) if usize::from(class) >= classes => Err(Error::Usage(format!(
            "{name}: holds class {class}; want classes 0 to {} (and 255 for pixels to ignore)",
            classes - 1
        ))),
        _ => Ok(Mask {
            labels: labels.clone(),
            description: format!("{}×{} in memory", labels.height(), labels.width()),
        }),
    }
}

/// Checks that a mask has the size of its image, both upright and before any preparation.
///
/// # Errors
/// If it has not, naming both sizes.
pub(super) fn check_stored_size(path: &Path, mask: &LabelMap, image: &str, stored: [usize; 2]) -> Result<()> {
    let found = [mask.height(), mask.width()];
    if found == stored {
        return Ok(());
    }
    let turned = match found == [stored[1], stored[0]] {
        true => " (it lies on its side)",
        false => "",
    };
    Err(Error::file(
        path,
        format!(
            "is {}×{} pixels (columns × rows), and {image} is {}×{} as stored{turned}; give a mask of the image's size",
            found[1], found[0], stored[1], stored[0]
        ),
    ))
}
