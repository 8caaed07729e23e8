//! GIF: the indices of one frame with their palette.

use gif::{ColorOutput, DecodeOptions, MemoryLimit};
use image::metadata::Orientation;

use super::{Decoded, MOST_MEMORY, check_size, chosen, damaged};
use crate::data::picture::{Channels, Picture, Samples};

/// Frames that are counted before it is too many.
const MOST_FRAMES: usize = 1 << 16;

pub(super) fn decode(file: &[u8], wanted_page: Option<usize>) -> Decoded<Picture> {
    let frames = count_frames(file)?;
    let (wanted, page) = chosen(wanted_page, frames, "frames (an animation)", "")?;
    let mut decoder = options().read_info(file).map_err(damaged)?;
    let (width, height) = (usize::from(decoder.width()), usize::from(decoder.height()));
    check_size(width as u64, height as u64)?;
    for _ in 0..wanted {
        decoder.read_next_frame().map_err(damaged)?;
    }
    let frame = decoder
        .read_next_frame()
        .map_err(damaged)?
        .ok_or_else(|| damaged("it holds no frame"))?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (columns, rows) = (usize::from(frame.width), usize::from(frame.height));
    let whole = [left, top, columns, rows] == [0, 0, width, height];
    // Such a frame is laid over the ones before it, which would have to be drawn first.
    if wanted > 0 && (!whole || frame.transparent.is_some()) {
        return Err(format!(
            "holds an animation whose frame {} only changes a part of the ones before it; save that frame as a PNG",
            wanted + 1
        ));
    }
    let transparent = frame.transparent;
    let indices = frame.buffer.to_vec();
    let local = frame.palette.clone();
    let colours = local
        .or_else(|| decoder.global_palette().map(<[u8]>::to_vec))
        .ok_or_else(|| damaged("it has no palette"))?;
    let (colours, _) = colours.as_chunks::<3>();
    let mut palette: Vec<[u8; 4]> = colours
        .iter()
        .enumerate()
        .map(|(index, &[red, green, blue])| {
            let opaque = transparent.map(usize::from) != Some(index);
            [red, green, blue, if opaque { 255 } else { 0 }]
        })
        .collect();
    let samples = if whole {
        indices
    } else {
        // What the first frame leaves free shows the background, which viewers leave transparent.
        let background = decoder.bg_color().unwrap_or(0).min(255) as u8;
        let mut canvas = vec![background; width * height];
        let rows = indices.chunks(columns.max(1)).take(rows);
        for (line, row) in canvas.chunks_mut(width).skip(top).zip(rows) {
            for (pixel, &index) in line.iter_mut().skip(left).zip(row) {
                *pixel = index;
            }
        }
        canvas
    };
    let largest = samples.iter().copied().max().unwrap_or(0);
    palette.resize(palette.len().max(usize::from(largest) + 1), [0, 0, 0, 255]);
    Ok(Picture {
        format: "GIF",
        width,
        height,
        channels: Channels::Grey,
        samples: Samples::U8(samples),
        bits: 8,
        palette: Some(palette),
        orientation: Orientation::NoTransforms,
        page,
        scan: None,
        lossy: false,
    })
}

fn options() -> DecodeOptions {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    if let Some(most) = std::num::NonZeroU64::new(MOST_MEMORY as u64) {
        options.set_memory_limit(MemoryLimit::Bytes(most));
    }
    options.check_frame_consistency(true);
    options
}

fn count_frames(file: &[u8]) -> Decoded<usize> {
    let mut options = options();
    options.skip_frame_decoding(true);
    let mut decoder = options.read_info(file).map_err(damaged)?;
    let mut count = 0;
    while count < MOST_FRAMES && decoder.next_frame_info().map_err(damaged)?.is_some() {
        count += 1;
    }
    Ok(count)
}
