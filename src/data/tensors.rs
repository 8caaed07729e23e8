//! Tensors of safetensors files as images and masks, so that an attack can be repeated to the digit: exact numbers, nothing
//! scaled, rounded or turned. Written where a file's name is: `FILE.safetensors:NAME`, or `FILE.safetensors:NAME[I]` for
//! sample I of a batch, counted from 0.

use std::path::Path;

use half::{bf16, f16};

use super::image::{ImageOptions, LEAST_RANGE, Photograph};
use super::mask::{Mask, MaskOptions, of_numbers};
use crate::checkpoint::{Checkpoint, Dtype, index_of, quoted, quoted_list};
use crate::error::{Error, Result};
use crate::tensor::{Shape, Tensor};

/// What stands between a file's name and a tensor's.
const ENDING: &str = ".safetensors:";

/// Where a tensor stands, as it is written in place of a file's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorAddress<'a> {
    /// All of it.
    pub whole: &'a Path,
    /// The file.
    pub file: &'a Path,
    /// The tensor's name, maybe with an index behind it.
    pub tensor: &'a str,
}

impl<'a> TensorAddress<'a> {
    /// The address that a path is. None if it is written otherwise, or there is a file of this very name.
    pub fn of(path: &'a Path) -> Option<TensorAddress<'a>> {
        let text = path.to_str()?;
        // As many bytes, whatever the letters.
        let lower = text.to_ascii_lowercase();
        let mut colons = lower
            .match_indices(ENDING)
            .map(|(start, _)| start + ENDING.len() - 1);
        let first = colons.clone().next()?;
        if path.exists() {
            return None;
        }
        // Both names may hold what stands between them.
        let colon = colons
            .find(|&colon| Path::new(&text[..colon]).is_file())
            .unwrap_or(first);
        Some(TensorAddress {
            whole: path,
            file: Path::new(&text[..colon]),
            tensor: &text[colon + 1..],
        })
    }

    /// Reads an image of this many channels: C×H×W or N×C×H×W of floats in \[0, 1\] that float32 holds exactly.
    ///
    /// # Errors
    /// If there is no such tensor or sample, or it is no such image.
    pub(super) fn read_image(&self, channels: usize, options: &ImageOptions) -> Result<Photograph> {
        if let Some(white) = options.white {
            return Err(Error::Usage(format!(
                "`white={white}` is for image files, and the values of {} are taken as they are; leave it out",
                self.whole.display()
            )));
        }
        if let Some(window) = options.window {
            return Err(Error::Usage(format!(
                "`window={window}` is for image files, and the values of {} are taken as they are; leave it out",
                self.whole.display()
            )));
        }
        let checkpoint = Checkpoint::open(self.file)?;
        let sample = self.sample(&checkpoint, &IMAGE)?;
        let [c, h, w] = sample.shape;
        if c != channels {
            let last = match (w == channels, c == 1 && channels == 3) {
                (true, _) => {
                    "; channels come first: x.transpose(2, 0, 1), with a batch x.transpose(0, 3, 1, 2)"
                }
                (_, true) => "; `grey` gives it the same channel three times",
                _ => "",
            };
            return Err(Error::Usage(format!(
                "{}: has {c} channels ({}: channels × rows × columns), and the network takes {channels}{last}",
                self.whole.display(),
                extents(&sample.shape)
            )));
        }
        if !matches!(c, 1 | 3) {
            return Err(Error::Usage(format!(
                "{}: the network takes {c} channels, and pictures have 1 or 3; use the library for others",
                self.whole.display()
            )));
        }
        let mut values = Vec::with_capacity(c * h * w);
        let (mut least, mut most) = (f32::INFINITY, f32::NEG_INFINITY);
        for (position, number) in sample.numbers().enumerate() {
            if !(0.0..=1.0).contains(&number) {
                return Err(self.error(outside(&sample, number, position)));
            }
            let value = number as f32;
            if f64::from(value) != number {
                return Err(self.error(format!(
                    "holds {number}, which float32 does not hold exactly; save it as float32, so that it is what is \
                     attacked: x.astype(numpy.float32)"
                )));
            }
            (least, most) = (least.min(value), most.max(value));
            values.push(value);
        }
        let notes = match most < LEAST_RANGE {
            true => vec![format!(
                "{}: the largest value is {}, so the image is almost black; want 1 for white",
                self.whole.display(),
                shortly(most)
            )],
            false => Vec::new(),
        };
        Ok(Photograph {
            image: Tensor::new(Shape::new(1, c, h, w), values)?,
            grey: c == 1,
            description: format!(
                "{}, values {} to {}",
                sample.described,
                shortly(least),
                shortly(most)
            ),
            notes,
        })
    }

    /// Reads labels for a network of this many classes, of which one means two: H×W, N×H×W or N×1×H×W of whole numbers
    /// that are class indices, or 255 to be ignored, or what `options` say of values.
    ///
    /// # Errors
    /// If there is no such tensor or sample, or it holds anything else.
    pub(super) fn read_labels(&self, classes: usize, options: &MaskOptions) -> Result<Mask> {
        if let Some(threshold) = options.threshold {
            return Err(Error::Usage(format!(
                "`mask-threshold={threshold}` is for greys, and {} holds class indices; leave it out, or say what its values \
                 mean by `mask-values`",
                self.whole.display()
            )));
        }
        let checkpoint = Checkpoint::open(self.file)?;
        let sample = self.sample(&checkpoint, &LABELS)?;
        let [h, w] = sample.shape;
        let mut values = Vec::with_capacity(h * w);
        for (position, number) in sample.numbers().enumerate() {
            if number.fract() != 0.0 || !(0.0..=f64::from(u16::MAX)).contains(&number) {
                return Err(self.error(no_class(&sample, number, position)));
            }
            values.push(number as u16);
        }
        let (labels, reading) = of_numbers(self.whole, [h, w], values, classes, options)?;
        Ok(Mask {
            labels,
            description: format!("{}; {reading}", sample.described),
        })
    }

    /// The sample that is meant, as one of this kind.
    fn sample<'c, const RANK: usize>(
        &self,
        checkpoint: &'c Checkpoint,
        kind: &Kind<RANK>,
    ) -> Result<Sample<'c, RANK>> {
        let (name, index) = self.meant(checkpoint)?;
        let Some((dtype, shape, bytes)) = checkpoint.stored(name) else {
            return Err(self.error("is not there"));
        };
        let tensor = quoted(name);
        if !(kind.takes)(dtype) {
            return Err(self.error(format!("{tensor} is {}; {}", name_of(dtype), kind.dtypes)));
        }
        let Some(Batch { samples, shape }) = (kind.split)(shape) else {
            return Err(self.error(format!("{tensor} is {}; {}", extents(shape), kind.shapes)));
        };
        let (first, count) = match (samples, index) {
            (None, None) => (0, 1),
            (None, Some(index)) => {
                return Err(self.error(format!(
                    "{tensor} is {}, no batch, so there is no [{index}]; leave it out",
                    extents(&shape)
                )));
            }
            (Some(1), None) => (0, 1),
            (Some(count), None) => {
                return Err(self.error(format!(
                    "{tensor} holds {count} samples, and which one is meant is not said; name it: [0] to [{}] behind the name",
                    count - 1
                )));
            }
            (Some(count), Some(index)) if index >= count => {
                return Err(self.error(format!(
                    "{tensor} holds {count} {}, so there is no [{index}]; count from 0",
                    if count == 1 { "sample" } else { "samples" }
                )));
            }
            (Some(count), Some(index)) => (index, count),
        };
        let length = bytes.len() / count;
        let index = index.map_or(String::new(), |index| format!("[{index}]"));
        Ok(Sample {
            shape,
            dtype,
            bytes: bytes
                .get(first * length..(first + 1) * length)
                .unwrap_or_default(),
            described: format!("tensor {tensor}{index}, {}, {}", extents(&shape), name_of(dtype)),
        })
    }

    /// The name of a tensor that is there, and the index behind it. A tensor of this whole name goes first.
    fn meant(&self, checkpoint: &Checkpoint) -> Result<(&'a str, Option<usize>)> {
        if checkpoint.shape_of(self.tensor).is_some() {
            return Ok((self.tensor, None));
        }
        let indexed = self
            .tensor
            .strip_suffix(']')
            .and_then(|rest| rest.rsplit_once('['))
            .and_then(|(name, index)| Some((name, Some(index.parse().ok()?))));
        match indexed {
            Some((name, index)) if checkpoint.shape_of(name).is_some() => Ok((name, index)),
            _ => {
                let names: Vec<&str> = checkpoint.names().collect();
                Err(self.error(format!(
                    "{} has no tensor {}; it holds {} (behind a name, [0] is the first sample of a batch)",
                    self.file.display(),
                    quoted(self.tensor),
                    quoted_list(&names)
                )))
            }
        }
    }

    fn error(&self, problem: impl ToString) -> Error {
        Error::file(self.whole, problem)
    }
}

/// The file that an image or a mask of this path stands in: the path itself, unless it is a tensor's.
pub fn file_of(path: &Path) -> &Path {
    TensorAddress::of(path).map_or(path, |address| address.file)
}

/// What is wanted of a tensor, whose samples have RANK dimensions each.
struct Kind<const RANK: usize> {
    takes: fn(Dtype) -> bool,
    /// What to say where it is stored otherwise.
    dtypes: &'static str,
    /// A shape as one of samples, if it is one.
    split: fn(&[usize]) -> Option<Batch<RANK>>,
    /// What to say where it is none.
    shapes: &'static str,
}

struct Batch<const RANK: usize> {
    /// How many there are, if they are counted.
    samples: Option<usize>,
    /// Of each.
    shape: [usize; RANK],
}

const IMAGE: Kind<3> = Kind {
    takes: |dtype| matches!(dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64),
    dtypes: "an image is floats from 0 to 1: divide it by its white, as in (x / 255).astype(numpy.float32)",
    split: |shape| {
        let (samples, shape) = match *shape {
            [c, h, w] => (None, [c, h, w]),
            [samples, c, h, w] => (Some(samples), [c, h, w]),
            _ => return None,
        };
        Some(Batch { samples, shape })
    },
    shapes: "an image is C×H×W (channels, rows, columns), or N×C×H×W for a batch",
};

const LABELS: Kind<2> = Kind {
    takes: |dtype| NUMBERS.iter().any(|&(known, _)| known == dtype),
    dtypes: "labels are whole numbers: save them as uint8",
    split: |shape| {
        let (samples, shape) = match *shape {
            [h, w] => (None, [h, w]),
            [samples, h, w] | [samples, 1, h, w] => (Some(samples), [h, w]),
            _ => return None,
        };
        Some(Batch { samples, shape })
    },
    shapes: "labels are H×W (rows, columns), or N×H×W or N×1×H×W for a batch; of scores of classes, or a channel for each, \
             take the argmax",
};

/// The element types that are read, with their names.
const NUMBERS: [(Dtype, &str); 13] = [
    (Dtype::BOOL, "bool"),
    (Dtype::U8, "uint8"),
    (Dtype::I8, "int8"),
    (Dtype::U16, "uint16"),
    (Dtype::I16, "int16"),
    (Dtype::U32, "uint32"),
    (Dtype::I32, "int32"),
    (Dtype::U64, "uint64"),
    (Dtype::I64, "int64"),
    (Dtype::F16, "float16"),
    (Dtype::BF16, "bfloat16"),
    (Dtype::F32, "float32"),
    (Dtype::F64, "float64"),
];

fn name_of(dtype: Dtype) -> String {
    match NUMBERS.iter().find(|&&(known, _)| known == dtype) {
        Some((_, name)) => (*name).into(),
        None => dtype.to_string(),
    }
}

/// One image or one mask of a file.
struct Sample<'c, const RANK: usize> {
    /// Without the batch.
    shape: [usize; RANK],
    dtype: Dtype,
    bytes: &'c [u8],
    /// The tensor, its index, shape and element type, in words.
    described: String,
}

impl<'c, const RANK: usize> Sample<'c, RANK> {
    /// Which number stands where, in words.
    fn holds(&self, number: f64, position: usize) -> String {
        let number = match self.dtype {
            Dtype::F16 | Dtype::BF16 | Dtype::F32 => (number as f32).to_string(),
            _ => number.to_string(),
        };
        let index = index_of(position, &self.shape);
        format!("holds {number} at {index:?} of {}", extents(&self.shape))
    }

    /// Its numbers in order. Integers from 2⁵³ on, which stand for nothing here, are rounded.
    fn numbers(&self) -> Box<dyn Iterator<Item = f64> + 'c> {
        fn each<'c, const WIDTH: usize>(
            bytes: &'c [u8],
            number: fn([u8; WIDTH]) -> f64,
        ) -> Box<dyn Iterator<Item = f64> + 'c> {
            let (numbers, _) = bytes.as_chunks::<WIDTH>();
            Box::new(numbers.iter().map(move |&bytes| number(bytes)))
        }
        let bytes = self.bytes;
        match self.dtype {
            Dtype::BOOL => each(bytes, |[byte]| f64::from(u8::from(byte != 0))),
            Dtype::U8 => each(bytes, |[byte]| f64::from(byte)),
            Dtype::I8 => each(bytes, |byte| f64::from(i8::from_le_bytes(byte))),
            Dtype::U16 => each(bytes, |bytes| f64::from(u16::from_le_bytes(bytes))),
            Dtype::I16 => each(bytes, |bytes| f64::from(i16::from_le_bytes(bytes))),
            Dtype::U32 => each(bytes, |bytes| f64::from(u32::from_le_bytes(bytes))),
            Dtype::I32 => each(bytes, |bytes| f64::from(i32::from_le_bytes(bytes))),
            Dtype::U64 => each(bytes, |bytes| u64::from_le_bytes(bytes) as f64),
            Dtype::I64 => each(bytes, |bytes| i64::from_le_bytes(bytes) as f64),
            Dtype::F16 => each(bytes, |bytes| f16::from_le_bytes(bytes).to_f64()),
            Dtype::BF16 => each(bytes, |bytes| bf16::from_le_bytes(bytes).to_f64()),
            Dtype::F32 => each(bytes, |bytes| f64::from(f32::from_le_bytes(bytes))),
            Dtype::F64 => each(bytes, f64::from_le_bytes),
            _ => Box::new(std::iter::empty()),
        }
    }
}

/// What to say of a value that no pixel of an image has.
fn outside(sample: &Sample<'_, 3>, number: f64, position: usize) -> String {
    let advice = match number {
        number if !number.is_finite() => "save it again with finite values",
        number if number > 1.0 && number.fract() == 0.0 => {
            "want values from 0 to 1: divide it by its white, such as 255"
        }
        _ => {
            "want values from 0 to 1, before any normalisation, which is the network's part: see `normalise`, `mean`, `std`"
        }
    };
    format!("{}; {advice}", sample.holds(number, position))
}

/// What to say of a number that is no class.
fn no_class(sample: &Sample<'_, 2>, number: f64, position: usize) -> String {
    let advice = match number {
        number if !number.is_finite() => "save it again with finite values",
        number if number.fract() != 0.0 => {
            "labels are whole numbers; of probabilities, say which class is meant"
        }
        number if number < 0.0 => {
            "negative numbers are no classes; what is to be ignored is 255: labels[labels < 0] = 255"
        }
        _ => "the largest number that can stand for a class is 65535",
    };
    format!("{}; {advice}", sample.holds(number, position))
}

/// A shape such as `3×16×20`.
fn extents(shape: &[usize]) -> String {
    let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
    extents.join("×")
}

/// A value from 0 to 1 in four digits, or few.
fn shortly(value: f32) -> String {
    if value != 0.0 && value < 1e-3 {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}
