//! From files to what a network is given: the image, the target and the region of an attack, each read, compared in
//! size as stored, prepared alike, and described. In place of a file a tensor in one can be named, see [`TensorAddress`],
//! or what is in memory be given.

use std::path::Path;

use super::decode::{decode, decode_as};
use super::fit::{Fit, Fitted, fit, nearest_size, unfitted};
use super::image::{ImageOptions, Photograph, photograph};
use super::mask::{Mask, MaskOptions, check_foreground, describe_shares, open_mask};
use super::original::Original;
use super::picture::Picture;
use super::preprocess::Preparation;
use super::tensors::TensorAddress;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::labels::LabelMap;
use crate::tensor::{Shape, Tensor};

/// How files become what a network is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputOptions {
    /// The steps that images and masks go through.
    pub preparation: Preparation,
    /// How images are read.
    pub image: ImageOptions,
    /// How masks are read.
    pub mask: MaskOptions,
    /// What is done where the network does not take the prepared size; [`Fit::Pad`] unless it is said.
    pub fit: Option<Fit>,
}

/// An image as a network is given it.
#[derive(Clone, Debug)]
pub struct Input {
    /// The prepared image, 1×C×H×W in \[0, 1\], with as many channels as the network takes.
    pub image: Tensor,
    /// The network, fitted to the image's size.
    pub network: Fitted,
    /// Rows and columns of the image before it was prepared, upright.
    pub stored: [usize; 2],
    /// The steps that it went through, those that fit it to the network among them.
    pub preparation: Preparation,
    /// The file that it was read from, if it is of a format that keeps more than 8 bits do.
    pub original: Option<Original>,
    /// What was accepted, in one line each.
    pub description: Vec<String>,
    /// What is likely a mistake, in one line each.
    pub notes: Vec<String>,
}

impl InputOptions {
    /// Reads an image and prepares it for the network.
    ///
    /// # Errors
    /// If the file is no image, the preparation does not work on it, or the network does not take its size or
    /// channels.
    pub fn read(&self, path: impl AsRef<Path>, graph: &Graph) -> Result<Input> {
        let path = path.as_ref();
        if let Some(address) = TensorAddress::of(path) {
            let Photograph {
                image,
                description,
                notes,
                ..
            } = address.read_image(graph.input_channels(), &self.image)?;
            let input = self.prepared(Called::tensor(&address), &image, &description, graph)?;
            return Ok(Input { notes, ..input });
        }
        let picture = decode(path, self.image.page)?;
        let input = self.of_picture(path, &picture, graph)?;
        Ok(Input {
            original: Original::of(path, &picture, &self.image, &input.preparation),
            ..input
        })
    }

    /// Reads an image as [`InputOptions::read`] does, from the content of a file of this name.
    ///
    /// # Errors
    /// Those of [`InputOptions::read`].
    pub fn read_bytes(&self, name: &str, bytes: &[u8], graph: &Graph) -> Result<Input> {
        let path = Path::new(name);
        let picture = decode_as(path, bytes, self.image.page)?;
        self.of_picture(path, &picture, graph)
    }

    fn of_picture(&self, path: &Path, picture: &Picture, graph: &Graph) -> Result<Input> {
        let Photograph {
            image,
            grey,
            description,
            notes,
        } = photograph(path, picture, &self.image)?;
        let image = with_channels(path, image, grey, graph.input_channels())?;
        let input = self.prepared(Called::by(path), &image, &description, graph)?;
        Ok(Input { notes, ..input })
    }

    /// Prepares an image that is in memory, 1×C×H×W in \[0, 1\], as [`InputOptions::read`] prepares one from a file.
    /// `name` stands for the file's.
    ///
    /// # Errors
    /// If it is no single image with as many channels as the network takes, a value lies outside \[0, 1\], the
    /// preparation does not work on it, or the network does not take its size.
    pub fn prepare(&self, name: &str, image: &Tensor, graph: &Graph) -> Result<Input> {
        let (shape, wanted) = (image.shape(), graph.input_channels());
        if shape.n != 1 || shape.c != wanted {
            return Err(Error::Usage(format!(
                "{name}: an image of shape {shape} was given; want one sample of {wanted} channels (1×{wanted}×H×W)"
            )));
        }
        if let Some(value) = image.data().iter().find(|value| !(0.0..=1.0).contains(*value)) {
            return Err(Error::Usage(format!(
                "{name}: holds the value {value}; want values between 0 and 1"
            )));
        }
        let description = format!("{}×{}×{} in memory", shape.c, shape.h, shape.w);
        self.prepared(Called::by(Path::new(name)), image, &description, graph)
    }

    /// Prepares an image with the network's channels. Whether the network takes its size is asked before.
    fn prepared(
        &self,
        called: Called<'_>,
        image: &Tensor,
        description: &str,
        graph: &Graph,
    ) -> Result<Input> {
        let path = called.whole;
        let stored = [image.shape().h, image.shape().w];
        let preparation = self
            .fitting(graph, image.shape())
            .map_err(|error| named(path, error))?;
        let (height, width) = preparation
            .prepared_size(stored[0], stored[1])
            .map_err(|error| named(path, error))?;
        let prepared = Shape {
            h: height,
            w: width,
            ..image.shape()
        };
        let network = match self.fit {
            Some(Fit::None) => unfitted(graph, prepared),
            Some(Fit::Pad | Fit::Resize) | None => fit(graph, prepared),
        };
        let network = network.map_err(|error| named(path, error))?;
        let image = preparation
            .apply_image(image)
            .map_err(|error| named(path, error))?;
        let description = vec![
            format!("image: {}: {description}", called.file.display()),
            format!(
                "sizes: {}",
                describe_sizes(stored, &preparation, prepared, &network)
            ),
        ];
        Ok(Input {
            image,
            network,
            stored,
            preparation,
            original: None,
            description,
            notes: Vec::new(),
        })
    }

    /// The steps after which an image of this shape fits the network, if it is to be scaled; else those that are said.
    ///
    /// # Errors
    /// Those of [`Preparation::prepared_size`], and if no size near it fits.
    pub fn fitting(&self, graph: &Graph, stored: Shape) -> Result<Preparation> {
        if self.fit != Some(Fit::Resize) {
            return Ok(self.preparation);
        }
        let (h, w) = self.preparation.prepared_size(stored.h, stored.w)?;
        let wanted = nearest_size(graph, Shape { h, w, ..stored })?;
        self.preparation.resized_to(stored.h, stored.w, wanted)
    }

    /// Reads another image for the network of `like`, such as the one whose prediction is a target.
    ///
    /// # Errors
    /// Those of [`InputOptions::read`], and if it is not of the size of `like` when prepared.
    pub fn read_another(&self, path: impl AsRef<Path>, graph: &Graph, like: &Input) -> Result<Input> {
        let path = path.as_ref();
        let options = match self.fit {
            // To the same size, whatever its own is.
            Some(Fit::Resize) => InputOptions {
                preparation: Preparation {
                    only: self.preparation.only,
                    ..like.preparation
                },
                fit: None,
                ..self.clone()
            },
            _ => self.clone(),
        };
        let other = options.read(path, graph)?;
        let (found, wanted) = (other.image.shape(), like.image.shape());
        if found != wanted {
            return Err(Error::Usage(format!(
                "{}: prepared it has {}×{} pixels, and the attacked image {}×{}; want the same size, see `resize`",
                path.display(),
                found.w,
                found.h,
                wanted.w,
                wanted.h
            )));
        }
        Ok(other)
    }

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

/// What an image or a mask is called.
#[derive(Clone, Copy)]
struct Called<'a> {
    /// In a refusal.
    whole: &'a Path,
    /// Where it is described: of a tensor, the description says the rest.
    file: &'a Path,
}

impl<'a> Called<'a> {
    fn by(path: &'a Path) -> Self {
        Called {
            whole: path,
            file: path,
        }
    }

    fn tensor(address: &TensorAddress<'a>) -> Self {
        Called {
            whole: address.whole,
            file: address.file,
        }
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
    check_foreground(called.whole, &region.labels)?;
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

fn describe_sizes(
    stored: [usize; 2],
    preparation: &Preparation,
    prepared: Shape,
    network: &Fitted,
) -> String {
    let mut text = format!("{}×{}", stored[1], stored[0]);
    if *preparation != Preparation::default() {
        text.push_str(&format!(", {preparation}: {}×{}", prepared.w, prepared.h));
    }
    let output = network.output;
    let [rows, columns] = network.added;
    if [rows, columns] != [0, 0] {
        text.push_str(&format!(
            ", with {columns} more columns and {rows} more rows around it for the network ({}×{}, the edge repeated)",
            prepared.w + columns,
            prepared.h + rows
        ));
    }
    match (output.h, output.w) == (prepared.h, prepared.w) {
        true if network.added != [0, 0] => text.push_str(", its output cut back"),
        true => text.push_str(", output as large"),
        false => text.push_str(&format!(", output {}×{} in its centre", output.w, output.h)),
    }
    text
}

/// The image with as many channels as the network takes: its three, or one if all are the same. What is grey is given to
/// a network of three channels only when that is said, by which the network takes one.
fn with_channels(path: &Path, image: Tensor, grey: bool, wanted: usize) -> Result<Tensor> {
    let (shape, refused) = (image.shape(), |problem: &str| {
        Err(Error::Usage(format!(
            "{}: the network takes {wanted} channels, and {problem}",
            path.display()
        )))
    });
    match wanted {
        3 if grey => refused(
            "the image is grey; say `grey` to give it the same channel three times, or give an image in colour",
        ),
        3 => Ok(image),
        1 if image.plane(0, 0) == image.plane(0, 1) && image.plane(0, 0) == image.plane(0, 2) => {
            Tensor::new(Shape { c: 1, ..shape }, image.plane(0, 0).to_vec())
        }
        1 => refused("the image is in colour; give a greyscale image"),
        _ => refused("image files have 1 or 3; use the library for others"),
    }
}

/// Puts the file's name in front of an error that does not have it.
fn named(path: &Path, error: Error) -> Error {
    match error {
        Error::Usage(problem) => Error::Usage(format!("{}: {problem}", path.display())),
        Error::Network(problem) => Error::Network(format!("{}: {problem}", path.display())),
        other => other,
    }
}
