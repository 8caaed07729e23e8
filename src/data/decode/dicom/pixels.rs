//! The pixels of a DICOM file as it stores them: how many bits, where they lie, and the bytes of one frame.

use std::borrow::Cow;
use std::ops::Range;

use dicom_core::DicomValue;
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::Endianness;
use dicom_encoding::transfer_syntax::TransferSyntax;
use jpeg_decoder::{ColorTransform, Decoder, PixelFormat};

use super::dataset::Dataset;
use super::run_lengths::unpacked;
use crate::data::decode::{Decoded, MOST_MEMORY, check_size, damaged};

/// What the numbers of a pixel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One, of which the lowest is black.
    Grey,
    /// One, of which the lowest is white.
    InvertedGrey,
    /// Three.
    Rgb,
}

/// How pixels are stored.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub rows: usize,
    pub columns: usize,
    pub frames: usize,
    pub kind: Kind,
    /// 8 or 16, in which a number lies.
    pub allocated: usize,
    /// How many of them it takes, up to the highest one.
    pub stored: u32,
    high: u32,
    pub signed: bool,
    /// Whether the three colours lie behind one another and not side by side.
    planar: bool,
    /// Whether the photometric interpretation is that of colours which a decoder turned into RGB.
    pub converted: bool,
}

impl Layout {
    pub(super) fn of(dataset: &Dataset<'_>) -> Decoded<Layout> {
        let number = |tag, name| dataset.number(tag, name);
        let (rows, columns) = (number(tags::ROWS, "rows")?, number(tags::COLUMNS, "columns")?);
        check_size(columns.into(), rows.into())?;
        let samples = number(tags::SAMPLES_PER_PIXEL, "samples per pixel")?;
        let allocated = number(tags::BITS_ALLOCATED, "bits allocated")?;
        if !matches!(allocated, 8 | 16) {
            return Err(format!(
                "is DICOM of {allocated} bits a pixel, and 8 or 16 are read; save it with 16, or as NIfTI"
            ));
        }
        let stored = dataset
            .optional_number(tags::BITS_STORED, "bits stored")?
            .unwrap_or(allocated);
        let high = match dataset.optional_number(tags::HIGH_BIT, "high bit")? {
            Some(high) => high,
            None => stored.saturating_sub(1),
        };
        if stored == 0 || high >= allocated || stored > high + 1 {
            return Err(damaged(format!(
                "of {allocated} bits allocated it cannot have {stored} stored up to the high bit {high}"
            )));
        }
        let signed = dataset.optional_number(tags::PIXEL_REPRESENTATION, "pixel representation")? == Some(1);
        let photometric = dataset
            .text(tags::PHOTOMETRIC_INTERPRETATION)
            .ok_or_else(|| damaged("it does not say its photometric interpretation"))?;
        let lossy = is_lossy_jpeg(dataset.syntax);
        let (kind, converted) = match (photometric.as_str(), samples) {
            ("MONOCHROME2", 1) => (Kind::Grey, false),
            ("MONOCHROME1", 1) => (Kind::InvertedGrey, false),
            ("RGB", 3) => (Kind::Rgb, false),
            // As its decoder turns it into RGB.
            ("YBR_FULL" | "YBR_FULL_422", 3) if lossy => (Kind::Rgb, true),
            (other, samples) => {
                return Err(format!(
                    "is DICOM of the photometric interpretation {other} with {samples} samples a pixel, and MONOCHROME1 and \
                     MONOCHROME2 with 1 and RGB with 3 are read; convert it to RGB: pydicom.pixels.apply_color_lut for \
                     PALETTE COLOR, convert_color_space for YBR"
                ));
            }
        };
        if kind == Kind::Rgb && (signed || allocated != stored) {
            return Err(format!(
                "is DICOM of RGB with {stored} of {allocated} bits{}; all of them, without a sign, are read: save it so",
                if signed { " and a sign" } else { "" }
            ));
        }
        let frames = dataset
            .optional_number(tags::NUMBER_OF_FRAMES, "number of frames")?
            .unwrap_or(1)
            .max(1);
        Ok(Layout {
            rows: rows as usize,
            columns: columns as usize,
            frames: frames as usize,
            kind,
            allocated: allocated as usize,
            stored,
            high,
            signed,
            planar: dataset.optional_number(tags::PLANAR_CONFIGURATION, "planar configuration")? == Some(1)
                && !dataset.syntax.is_encapsulated_pixel_data(),
            converted,
        })
    }

    /// Numbers of a pixel.
    pub(super) fn samples(&self) -> usize {
        match self.kind {
            Kind::Grey | Kind::InvertedGrey => 1,
            Kind::Rgb => 3,
        }
    }

    /// Numbers of a frame.
    pub(super) fn numbers(&self) -> usize {
        self.rows * self.columns * self.samples()
    }

    /// Bytes of a frame.
    pub(super) fn frame_bytes(&self) -> usize {
        self.numbers() * self.allocated / 8
    }

    /// The least and the largest number that can be stored.
    pub(super) fn range(&self) -> [f64; 2] {
        let span = f64::from(1u32 << self.stored);
        match self.signed {
            true => [-span / 2.0, span / 2.0 - 1.0],
            false => [0.0, span - 1.0],
        }
    }

    /// Where a number lies in a frame's bytes; they are counted pixel by pixel.
    fn place(&self, index: usize) -> usize {
        let samples = self.samples();
        let place = match self.planar {
            true => index % samples * self.rows * self.columns + index / samples,
            false => index,
        };
        place * self.allocated / 8
    }

    fn word(&self, bytes: &[u8], place: usize, big: bool) -> u32 {
        match (self.allocated, big) {
            (8, _) => bytes[place].into(),
            (_, true) => u16::from_be_bytes([bytes[place], bytes[place + 1]]).into(),
            (_, false) => u16::from_le_bytes([bytes[place], bytes[place + 1]]).into(),
        }
    }

    /// A number of a frame.
    pub(super) fn get(&self, frame: &Frame<'_>, index: usize) -> i32 {
        let word = self.word(&frame.bytes, self.place(index), frame.big);
        let bits = (word >> (self.high + 1 - self.stored)) & self.mask();
        match self.signed && bits >> (self.stored - 1) == 1 {
            true => bits as i32 - (1 << self.stored),
            false => bits as i32,
        }
    }

    /// Puts a number into a frame's bytes; bits beside it, in which overlays may lie, stay.
    pub(super) fn set(&self, bytes: &mut [u8], big: bool, index: usize, number: i32) {
        let place = self.place(index);
        let shift = self.high + 1 - self.stored;
        let others = self.word(bytes, place, big) & !(self.mask() << shift);
        let word = others | ((number as u32 & self.mask()) << shift);
        match (self.allocated, big) {
            (8, _) => bytes[place] = word as u8,
            (_, true) => bytes[place..place + 2].copy_from_slice(&(word as u16).to_be_bytes()),
            (_, false) => bytes[place..place + 2].copy_from_slice(&(word as u16).to_le_bytes()),
        }
    }

    fn mask(&self) -> u32 {
        (1 << self.stored) - 1
    }
}

/// The bytes of one frame, uncompressed.
pub(super) struct Frame<'a> {
    pub bytes: Cow<'a, [u8]>,
    /// Whether of two bytes the higher comes first.
    pub big: bool,
}

/// Where the frames of an uncompressed file lie in its data set.
pub(super) fn native_place(dataset: &Dataset<'_>, layout: &Layout) -> Decoded<Range<usize>> {
    let pixels = dataset.element(tags::PIXEL_DATA).ok_or_else(|| {
        let other = [tags::FLOAT_PIXEL_DATA, tags::DOUBLE_FLOAT_PIXEL_DATA];
        match other.iter().any(|&tag| dataset.element(tag).is_some()) {
            true => {
                "is DICOM of floating-point pixels, which are not read; save it with 16 bits, or as NIfTI"
                    .to_string()
            }
            false => "is DICOM without an image (it has no Pixel Data); name a file with one".to_string(),
        }
    })?;
    let place = pixels
        .value
        .clone()
        .ok_or_else(|| damaged("its pixels lie in fragments, and are said to be uncompressed"))?;
    let wanted = layout.frame_bytes().saturating_mul(layout.frames);
    match place.len() >= wanted {
        true => Ok(place),
        false => Err(damaged(format!(
            "it holds {} of {wanted} bytes of pixels",
            place.len()
        ))),
    }
}

/// One frame, uncompressed.
pub(super) fn frame<'a>(dataset: &'a Dataset<'_>, layout: &Layout, number: usize) -> Decoded<Frame<'a>> {
    if !dataset.syntax.is_encapsulated_pixel_data() {
        let place = native_place(dataset, layout)?;
        let start = place.start + number * layout.frame_bytes();
        let big = dataset.syntax.endianness() == Endianness::Big;
        if big && layout.allocated == 8 {
            return Err("is big-endian DICOM of 8 bits, whose bytes may be swapped or not; save it as Explicit VR Little Endian".into());
        }
        return Ok(Frame {
            bytes: Cow::Borrowed(&dataset.bytes[start..start + layout.frame_bytes()]),
            big,
        });
    }
    let bytes = match dataset.meta.transfer_syntax() {
        uids::RLE_LOSSLESS => unpacked(
            &fragments(dataset, layout, number)?,
            layout.rows * layout.columns,
            layout.samples(),
            layout.allocated / 8,
        )?,
        _ if is_jpeg(dataset.syntax) => jpeg(dataset, layout, number)?,
        _ => {
            return Err(format!(
                "is DICOM compressed as {}, which is not read; decompress it: gdcmconv --raw IN OUT, or \
                 dataset.decompress() of pydicom",
                dataset.syntax.name()
            ));
        }
    };
    match bytes.len() == layout.frame_bytes() {
        true => Ok(Frame {
            bytes: Cow::Owned(bytes),
            big: false,
        }),
        false => Err(damaged(format!(
            "its frame has {} bytes uncompressed, and {} are wanted",
            bytes.len(),
            layout.frame_bytes()
        ))),
    }
}

fn is_lossy_jpeg(syntax: &TransferSyntax) -> bool {
    matches!(syntax.uid(), uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT)
}

fn is_jpeg(syntax: &TransferSyntax) -> bool {
    is_lossy_jpeg(syntax) || matches!(syntax.uid(), uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1)
}

/// The fragments of one frame.
fn fragments<'a>(dataset: &'a Dataset<'_>, layout: &Layout, number: usize) -> Decoded<Cow<'a, [u8]>> {
    let fragments = match dataset
        .object
        .get(tags::PIXEL_DATA)
        .map(|element| element.value())
    {
        Some(DicomValue::PixelSequence(sequence)) => sequence.fragments(),
        _ => {
            return Err(damaged(
                "its pixels are said to be compressed, and lie in no fragments",
            ));
        }
    };
    match (fragments.len(), layout.frames) {
        (count, frames) if count == frames => Ok(Cow::Borrowed(
            fragments.get(number).map_or(&[][..], |bytes| bytes),
        )),
        (_, 1) => Ok(Cow::Owned(fragments.concat())),
        (count, frames) => Err(format!(
            "is DICOM of {frames} frames in {count} fragments, which is not read; decompress it: dataset.decompress() \
             of pydicom"
        )),
    }
}

fn jpeg(dataset: &Dataset<'_>, layout: &Layout, number: usize) -> Decoded<Vec<u8>> {
    let whole = fragments(dataset, layout, number)?;
    let mut decoder = Decoder::new(&whole[..]);
    decoder.set_max_decoding_buffer_size(MOST_MEMORY);
    if layout.kind == Kind::Rgb {
        // The data set says which it is; the JPEG within may not.
        decoder.set_color_transform(if layout.converted {
            ColorTransform::YCbCr
        } else {
            ColorTransform::RGB
        });
    }
    decoder.read_info().map_err(damaged)?;
    let info = decoder.info().ok_or_else(|| damaged("its JPEG has no header"))?;
    let wanted = match (layout.kind, layout.allocated) {
        (Kind::Rgb, _) => PixelFormat::RGB24,
        (_, 8) => PixelFormat::L8,
        (_, _) => PixelFormat::L16,
    };
    let size = [usize::from(info.width), usize::from(info.height)];
    if size != [layout.columns, layout.rows] || info.pixel_format != wanted {
        return Err(damaged(format!(
            "it is said to be {}×{} pixels, and its JPEG is {}×{} of {:?}",
            layout.columns, layout.rows, size[0], size[1], info.pixel_format
        )));
    }
    let mut bytes = decoder.decode().map_err(damaged)?;
    if wanted == PixelFormat::L16 && cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(2).for_each(|pair| pair.reverse());
    }
    Ok(bytes)
}
