//! PNG: samples and palette indices as stored, nothing stretched or expanded.

use std::io::Cursor;

use image::metadata::Orientation;
use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Transformations};

use super::{Decoded, MOST_MEMORY, check_size, chosen, damaged, orientation_of, too_much_memory, unpack};
use crate::data::picture::{Channels, Picture, Samples};

pub(super) fn decode(file: &[u8], wanted_page: Option<usize>) -> Decoded<Picture> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), Limits { bytes: MOST_MEMORY });
    decoder.set_transformations(Transformations::IDENTITY);
    let header = decoder.read_header_info().map_err(refusal)?;
    check_size(header.width.into(), header.height.into())?;
    let mut reader = decoder.read_info().map_err(refusal)?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    let frames = info
        .animation_control
        .map_or(1, |control| control.num_frames as usize);
    let (frame, page) = chosen(wanted_page, frames, "frames (an animated PNG)", "")?;
    if frame > 0 {
        return Err(
            "is an animated PNG, of which only `page=1` is read; save the frame that is meant as a PNG"
                .into(),
        );
    }
    let colour = info.color_type;
    let depth = info.bit_depth;
    let palette = match colour {
        ColorType::Indexed => Some(palette_of(
            info.palette.as_deref().unwrap_or_default(),
            info.trns.as_deref().unwrap_or_default(),
        )),
        _ => None,
    };
    let mut bytes = vec![0; reader.output_buffer_size().ok_or_else(too_much_memory)?];
    reader.next_frame(&mut bytes).map_err(refusal)?;
    // What stands behind the pixels may be the orientation; a file that ends after them is whole enough.
    let _ = reader.finish();
    let orientation = reader
        .info()
        .exif_metadata
        .as_deref()
        .map_or(Orientation::NoTransforms, orientation_of);
    let channels = match colour {
        ColorType::Grayscale | ColorType::Indexed => Channels::Grey,
        ColorType::GrayscaleAlpha => Channels::GreyAlpha,
        ColorType::Rgb => Channels::Rgb,
        ColorType::Rgba => Channels::RgbAlpha,
    };
    let samples = match depth {
        BitDepth::Sixteen => {
            let (pairs, _) = bytes.as_chunks::<2>();
            Samples::U16(pairs.iter().map(|&pair| u16::from_be_bytes(pair)).collect())
        }
        BitDepth::Eight => Samples::U8(bytes),
        shallow => Samples::U8(unpack(&bytes, width * channels.count(), shallow as u8)),
    };
    let picture = Picture {
        format: "PNG",
        width,
        height,
        channels,
        samples,
        bits: depth as u8,
        palette,
        orientation: Orientation::NoTransforms,
        page,
        scan: None,
        lossy: false,
    };
    Ok(picture.turned(orientation))
}

/// The entries of a palette, with the opacity of the first ones.
fn palette_of(colours: &[u8], opacity: &[u8]) -> Vec<[u8; 4]> {
    let (colours, _) = colours.as_chunks::<3>();
    let entries = colours.iter().enumerate();
    let entries = entries
        .map(|(index, &[red, green, blue])| [red, green, blue, opacity.get(index).copied().unwrap_or(255)]);
    entries.collect()
}

fn refusal(cause: DecodingError) -> String {
    match cause {
        DecodingError::LimitsExceeded => too_much_memory(),
        other => damaged(other),
    }
}
