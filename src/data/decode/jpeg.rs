//! JPEG: whole, or refused. What its markers say of other kinds of JPEG is told by name.

use image::metadata::Orientation;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::{Decoded, check_size, damaged, orientation_of, unsupported};
use crate::data::picture::{Channels, Picture, Samples};

pub(super) fn decode(file: &[u8], _: Option<usize>) -> Decoded<Picture> {
    let structure = Structure::of(file);
    if let Some(kind) = structure.unread {
        return Err(unsupported(format!("is {kind}")));
    }
    if !structure.ends {
        return Err(
            "cannot be decoded: the image data ends before its end marker; the file is damaged or cut \
                    short, get it again"
                .into(),
        );
    }
    let picture = match decode_pixels(file, true) {
        // The one thing that strictness minds and that loses nothing.
        Err(Failure::Decoder(DecodeErrors::FormatStatic(problem)))
            if problem.contains("Extra bytes between headers") =>
        {
            decode_pixels(file, false)
        }
        decoded => decoded,
    };
    let picture = picture.map_err(|failure| match failure {
        Failure::Refused(problem) => problem,
        Failure::Decoder(DecodeErrors::Unsupported(kind)) => {
            unsupported(format!("cannot be decoded: {kind:?}"))
        }
        // The decoder's words for it are a structure in Rust's notation, or text.
        Failure::Decoder(other) => damaged(format!("{other:?}").replace('"', "")),
    })?;
    let orientation = picture.orientation;
    Ok(picture.turned(orientation))
}

enum Failure {
    Decoder(DecodeErrors),
    Refused(String),
}

impl From<DecodeErrors> for Failure {
    fn from(cause: DecodeErrors) -> Self {
        Failure::Decoder(cause)
    }
}

/// The picture as stored, with the orientation that is still to be applied.
fn decode_pixels(file: &[u8], strict: bool) -> Result<Picture, Failure> {
    let options = DecoderOptions::default()
        .set_strict_mode(strict)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers()?;
    let (width, height) = match decoder.info() {
        Some(info) => (usize::from(info.width), usize::from(info.height)),
        None => (0, 0),
    };
    check_size(width as u64, height as u64).map_err(Failure::Refused)?;
    let stored = decoder.input_colorspace().unwrap_or(ColorSpace::YCbCr);
    let (colours, channels) = match stored {
        ColorSpace::Luma => (ColorSpace::Luma, Channels::Grey),
        ColorSpace::LumaA => (ColorSpace::LumaA, Channels::GreyAlpha),
        ColorSpace::RGBA => (ColorSpace::RGBA, Channels::RgbAlpha),
        _ => (ColorSpace::RGB, Channels::Rgb),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    let orientation = decoder
        .exif()
        .map_or(Orientation::NoTransforms, |exif| orientation_of(exif));
    let pixels = decoder.decode()?;
    if pixels.len() != width * height * channels.count() {
        return Err(Failure::Refused(unsupported(format!(
            "is a JPEG of {stored:?} pixels"
        ))));
    }
    Ok(Picture {
        format: "JPEG",
        width,
        height,
        channels,
        samples: Samples::U8(pixels),
        bits: 8,
        palette: None,
        orientation,
        page: None,
        scan: None,
        lossy: true,
    })
}

/// What the markers of a JPEG file tell without decoding it.
struct Structure {
    /// A kind of JPEG that is not read.
    unread: Option<String>,
    /// Whether the end-of-image marker stands behind the image data.
    ends: bool,
}

impl Structure {
    fn of(file: &[u8]) -> Structure {
        let mut structure = Structure {
            unread: None,
            ends: false,
        };
        let mut place = 2;
        while let Some(&[first, marker]) = file.get(place..).and_then(|rest| rest.first_chunk::<2>()) {
            // Image data, the stuffed zeros in it, restart markers and fill bytes are stepped over.
            if first != 0xff || matches!(marker, 0x00 | 0x01 | 0xd0..=0xd8) {
                place += if first == 0xff && marker != 0xff { 2 } else { 1 };
                continue;
            }
            if marker == 0xff {
                place += 1;
                continue;
            }
            if marker == 0xd9 {
                structure.ends = true;
                return structure;
            }
            let Some(&[high, low]) = file.get(place + 2..).and_then(|rest| rest.first_chunk::<2>()) else {
                return structure;
            };
            let precision = file.get(place + 4).copied().unwrap_or(0);
            structure.unread = structure.unread.or(match marker {
                0xc3 | 0xc5..=0xc7 | 0xcb | 0xcd..=0xcf => {
                    Some("a lossless or hierarchical JPEG".to_string())
                }
                0xf7 => Some("a JPEG-LS file".to_string()),
                0xc0..=0xc2 | 0xc9 | 0xca if precision != 8 => {
                    Some(format!("a JPEG of {precision} bits a sample"))
                }
                0xc9 | 0xca => Some("an arithmetically coded JPEG".to_string()),
                _ => None,
            });
            place += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
        }
        structure
    }
}
