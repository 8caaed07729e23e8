//! BMP: indices with their palette where it has one.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder};

use super::{Decoded, check_size, refusal, unsupported};
use crate::data::picture::{Channels, Picture, Samples};

pub(super) fn decode(file: &[u8], _: Option<usize>) -> Decoded<Picture> {
    let mut decoder = BmpDecoder::new(Cursor::new(file)).map_err(|cause| refusal(&cause))?;
    let (width, height) = decoder.dimensions();
    check_size(width.into(), height.into())?;
    let palette: Option<Vec<[u8; 4]>> = decoder.get_palette().map(|colours| {
        let entries = colours.iter().map(|&[red, green, blue]| [red, green, blue, 255]);
        entries.collect()
    });
    // Other indices than plain bytes come as colours alone.
    let bytes_of_indices = file.get(28..34) == Some(&[8, 0, 0, 0, 0, 0]);
    decoder.set_indexed_color(palette.is_some() && bytes_of_indices);
    let channels = match decoder.color_type() {
        ColorType::L8 => Channels::Grey,
        ColorType::Rgb8 => Channels::Rgb,
        ColorType::Rgba8 => Channels::RgbAlpha,
        other => return Err(unsupported(format!("has {other:?} pixels"))),
    };
    let mut bytes = vec![0; width as usize * height as usize * channels.count()];
    decoder.read_image(&mut bytes).map_err(|cause| refusal(&cause))?;
    let (bytes, channels) = match &palette {
        Some(palette) if channels != Channels::Grey => {
            (indices_of(&bytes, channels, palette), Channels::Grey)
        }
        _ => (bytes, channels),
    };
    Ok(Picture {
        format: "BMP",
        width: width as usize,
        height: height as usize,
        channels,
        samples: Samples::U8(bytes),
        bits: 8,
        palette,
        orientation: Orientation::NoTransforms,
        page: None,
        scan: None,
        lossy: false,
    })
}

/// The index of each pixel's colour, the first of equal ones.
fn indices_of(pixels: &[u8], channels: Channels, palette: &[[u8; 4]]) -> Vec<u8> {
    let index = |pixel: &[u8]| {
        palette
            .iter()
            .position(|entry| entry[..3] == pixel[..3])
            .unwrap_or(0) as u8
    };
    pixels.chunks_exact(channels.count()).map(index).collect()
}
