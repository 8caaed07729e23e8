//! From a file to what a network is given: an image read, prepared, and described. In place of a file a tensor in one can be
//! named, see [`TensorAddress`], or what is in memory be given.

use std::path::Path;

use super::decode::{decode, decode_as};
use super::fit::{Fit, Fitted, fit, nearest_size, unfitted};
use super::image::{ImageOptions, Photograph, photograph};
use super::mask::MaskOptions;
use super::original::Original;
use super::picture::Picture;
use super::preprocess::Preparation;
use super::tensors::TensorAddress;
use crate::error::{Error, Result};
use crate::graph::Graph;
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
}

/// What an image or a mask is called.
#[derive(Clone, Copy)]
pub(super) struct Called<'a> {
    /// In a refusal.
    pub(super) whole: &'a Path,
    /// Where it is described: of a tensor, the description says the rest.
    pub(super) file: &'a Path,
}

impl<'a> Called<'a> {
    pub(super) fn by(path: &'a Path) -> Self {
        Called {
            whole: path,
            file: path,
        }
    }

    pub(super) fn tensor(address: &TensorAddress<'a>) -> Self {
        Called {
            whole: address.whole,
            file: address.file,
        }
    }
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
pub(super) fn named(path: &Path, error: Error) -> Error {
    match error {
        Error::Usage(problem) => Error::Usage(format!("{}: {problem}", path.display())),
        Error::Network(problem) => Error::Network(format!("{}: {problem}", path.display())),
        other => other,
    }
}
