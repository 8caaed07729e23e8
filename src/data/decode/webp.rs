//! WebP: lossy and lossless, one frame.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{AnimationDecoder, ColorType, ImageDecoder, Limits};

use super::{Decoded, MOST_MEMORY, check_size, chosen, orientation_of, refusal, unsupported};
use crate::data::picture::{Channels, Picture, Samples};

pub(super) fn decode(file: &[u8], wanted_page: Option<usize>) -> Decoded<Picture> {
    let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(|cause| refusal(&cause))?;
    let (width, height) = decoder.dimensions();
    check_size(width.into(), height.into())?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_MEMORY as u64);
    decoder.set_limits(limits).map_err(|cause| refusal(&cause))?;
    let exif = decoder.exif_metadata().ok().flatten();
    let orientation = exif.map_or(Orientation::NoTransforms, |exif| orientation_of(&exif));
    let lossy = is_lossy(file);
    if decoder.has_animation() {
        let count = file.windows(4).filter(|name| *name == b"ANMF").count();
        let (wanted, page) = chosen(wanted_page, count.max(2), "frames (an animation)", "")?;
        let frame = decoder.into_frames().nth(wanted);
        let frame = frame
            .ok_or_else(|| format!("has no frame {}", wanted + 1))?
            .map_err(|cause| refusal(&cause))?;
        return Ok(Picture {
            format: "WebP",
            width: width as usize,
            height: height as usize,
            channels: Channels::RgbAlpha,
            samples: Samples::U8(frame.into_buffer().into_raw()),
            bits: 8,
            palette: None,
            orientation: Orientation::NoTransforms,
            page,
            scan: None,
            lossy,
        }
        .turned(orientation));
    }
    let channels = match decoder.color_type() {
        ColorType::Rgb8 => Channels::Rgb,
        ColorType::Rgba8 => Channels::RgbAlpha,
        other => return Err(unsupported(format!("has {other:?} pixels"))),
    };
    let mut bytes = vec![0; width as usize * height as usize * channels.count()];
    decoder.read_image(&mut bytes).map_err(|cause| refusal(&cause))?;
    let picture = Picture {
        format: "WebP",
        width: width as usize,
        height: height as usize,
        channels,
        samples: Samples::U8(bytes),
        bits: 8,
        palette: None,
        orientation: Orientation::NoTransforms,
        page: None,
        scan: None,
        lossy,
    };
    Ok(picture.turned(orientation))
}

/// Whether a chunk of the file, or of a frame in it, holds lossily compressed pixels.
fn is_lossy(file: &[u8]) -> bool {
    let mut place: usize = 12;
    while let Some(&[a, b, c, d, s0, s1, s2, s3]) = file.get(place..place.saturating_add(8)) {
        match &[a, b, c, d] {
            b"VP8 " => return true,
            // A frame's own chunks stand behind the 16 bytes of where it is drawn.
            b"ANMF" => place = place.saturating_add(8 + 16),
            _ => {
                let length = u32::from_le_bytes([s0, s1, s2, s3]) as usize;
                place = place
                    .saturating_add(8)
                    .saturating_add(length)
                    .saturating_add(length % 2);
            }
        }
    }
    false
}
