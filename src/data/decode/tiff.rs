//! TIFF and BigTIFF: one page, strips or tiles, planes together or apart, greys, colours, palettes.

use std::io::Cursor;

use half::f16;
use image::metadata::Orientation;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::{Decoded, MOST_MEMORY, check_size, chosen, damaged, too_much_memory, unpack, unsupported};
use crate::data::picture::{Channels, Picture, Samples};

/// Pages that are counted before it is too many.
const MOST_PAGES: usize = 1 << 16;

const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u16 = 3;

type Reader<'a> = Decoder<Cursor<&'a [u8]>>;

pub(super) fn decode(file: &[u8], wanted_page: Option<usize>) -> Decoded<Picture> {
    let mut decoder = open(file)?;
    let pages = pages(&mut decoder)?;
    let hint = match description(&mut decoder).contains("<OME") {
        true => {
            " (as an OME-TIFF its pages may be the channels of one image: join them to an RGB image first)"
        }
        false => "",
    };
    let (chosen, page) = chosen(wanted_page, pages.len(), "pages", hint)?;
    let directory = pages.get(chosen).copied().unwrap_or(0);
    decoder.seek_to_image(directory).map_err(refusal)?;
    let (width, height) = decoder.dimensions().map_err(refusal)?;
    let slices = match pages.len() {
        1 => slices_in_one_page(&description(&mut decoder)),
        _ => 1,
    };
    if slices > 1 {
        return Err(format!(
            "holds {slices} slices behind one another in one page, as ImageJ writes them; save the slice that is meant \
             as a TIFF or PNG of its own"
        ));
    }
    check_size(width.into(), height.into())?;
    check_fill_order(&mut decoder)?;

    let orientation = number(&mut decoder, Tag::Orientation)?
        .and_then(|value| Orientation::from_exif(value.min(255) as u8))
        .unwrap_or(Orientation::NoTransforms);
    let photometric = number(&mut decoder, Tag::PhotometricInterpretation)?.unwrap_or(BLACK_IS_ZERO);
    let (picture, palette) = if photometric == PALETTE {
        let palette = read_palette(&mut decoder)?;
        // The decoder does not know palettes. Said to be greys, the indices come as they are stored.
        let greys = as_greys(file, &mut decoder)?;
        let mut decoder = open(&greys)?;
        decoder.seek_to_image(directory).map_err(refusal)?;
        (read_pixels(&mut decoder, [width, height])?, Some(palette))
    } else {
        (read_pixels(&mut decoder, [width, height])?, None)
    };
    let picture = Picture {
        palette,
        page,
        ..picture
    };
    Ok(picture.turned(orientation))
}

fn open(file: &[u8]) -> Decoded<Reader<'_>> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MOST_MEMORY;
    limits.intermediate_buffer_size = MOST_MEMORY;
    let decoder = Decoder::new(Cursor::new(file)).map_err(refusal)?;
    Ok(decoder.with_limits(limits))
}

/// The directories that are pages: not the smaller copies and transparency masks that belong to one.
fn pages(decoder: &mut Reader<'_>) -> Decoded<Vec<usize>> {
    let mut pages = Vec::new();
    for directory in 0..MOST_PAGES {
        let kind = number(decoder, Tag::NewSubfileType)?.unwrap_or(0);
        if directory == 0 || kind & 0b101 == 0 {
            pages.push(directory);
        }
        if !decoder.more_images() {
            break;
        }
        decoder.next_image().map_err(refusal)?;
    }
    decoder.seek_to_image(0).map_err(refusal)?;
    Ok(pages)
}

fn number(decoder: &mut Reader<'_>, tag: Tag) -> Decoded<Option<u16>> {
    let value = decoder.find_tag_unsigned::<u64>(tag).map_err(refusal)?;
    Ok(value.map(|value| value.min(u16::MAX.into()) as u16))
}

fn description(decoder: &mut Reader<'_>) -> String {
    decoder
        .get_tag_ascii_string(Tag::ImageDescription)
        .unwrap_or_default()
}

/// How many slices ImageJ says that the one page's pixels go on for.
fn slices_in_one_page(description: &str) -> usize {
    let images = description.lines().find_map(|line| line.strip_prefix("images="));
    match images.and_then(|count| count.trim().parse().ok()) {
        Some(count) if description.starts_with("ImageJ=") => count,
        _ => 1,
    }
}

fn check_fill_order(decoder: &mut Reader<'_>) -> Decoded<()> {
    match number(decoder, Tag::FillOrder)? {
        Some(2) => {
            let fax = matches!(number(decoder, Tag::Compression)?, Some(2..=4));
            let kind = if fax { "fax TIFF" } else { "TIFF" };
            Err(unsupported(format!(
                "is a {kind} with FillOrder 2 (the lowest bit of a byte comes first)"
            )))
        }
        _ => Ok(()),
    }
}

fn read_palette(decoder: &mut Reader<'_>) -> Decoded<Vec<[u8; 4]>> {
    let map = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(refusal)?;
    let count = map.len() / 3;
    let (reds, rest) = map.split_at(count);
    let (greens, blues) = rest.split_at(count);
    // Some programs write 8-bit colours where 16-bit ones are due.
    let shift = if map.iter().all(|&value| value < 256) {
        0
    } else {
        8
    };
    let colours = reds.iter().zip(greens).zip(blues);
    let colours = colours.map(|((&red, &green), &blue)| {
        [
            (red >> shift) as u8,
            (green >> shift) as u8,
            (blue >> shift) as u8,
            255,
        ]
    });
    Ok(colours.collect())
}

/// The file with its current page said to be of greys instead of a palette.
fn as_greys(file: &[u8], decoder: &mut Reader<'_>) -> Decoded<Vec<u8>> {
    let start = decoder
        .ifd_pointer()
        .ok_or_else(|| damaged("it has no directory"))?
        .0 as usize;
    let mut greys = file.to_vec();
    let little = file.starts_with(b"II");
    let big = matches!(file, [b'I', b'I', 43, ..] | [b'M', b'M', _, 43, ..]);
    let word = |place: usize| -> Option<u16> {
        let bytes = *file.get(place..)?.first_chunk::<2>()?;
        Some(if little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    };
    // The count of entries, then the entries: tag, type, count, value.
    let (first, entry, value) = if big { (8, 20, 12) } else { (2, 12, 8) };
    // BigTIFF counts in 8 bytes, of which the lowest two are enough.
    let count = if big && !little {
        word(start + 6)
    } else {
        word(start)
    };
    for index in 0..usize::from(count.unwrap_or(0)) {
        let place = start + first + index * entry;
        if word(place) == Some(Tag::PhotometricInterpretation.to_u16()) {
            let grey = if little {
                BLACK_IS_ZERO.to_le_bytes()
            } else {
                BLACK_IS_ZERO.to_be_bytes()
            };
            if let Some(bytes) = greys.get_mut(place + value..place + value + 2) {
                bytes.copy_from_slice(&grey);
                return Ok(greys);
            }
        }
    }
    Err(damaged("it does not say how its colours are stored"))
}

fn read_pixels(decoder: &mut Reader<'_>, [width, height]: [u32; 2]) -> Decoded<Picture> {
    let colour = decoder.colortype().map_err(refusal)?;
    let (channels, bits, cmyk) = match colour {
        ColorType::Gray(bits) => (Channels::Grey, bits, false),
        ColorType::GrayA(bits) => (Channels::GreyAlpha, bits, false),
        ColorType::RGB(bits) => (Channels::Rgb, bits, false),
        ColorType::RGBA(bits) => (Channels::RgbAlpha, bits, false),
        ColorType::CMYK(bits @ (8 | 16)) => (Channels::RgbAlpha, bits, true),
        ColorType::Multiband {
            bit_depth,
            num_samples: 2,
        } if has_alpha(decoder)? => (Channels::GreyAlpha, bit_depth, false),
        ColorType::Multiband { num_samples, .. } => {
            return Err(format!(
                "has {num_samples} channels, and does not say which of them are red, green and blue; save it as RGB, \
                 or the channel that is meant as grey"
            ));
        }
        ColorType::YCbCr(_) => {
            return Err(unsupported(
                "is a TIFF of YCbCr pixels, as JPEG compression in TIFF makes them",
            ));
        }
        ColorType::Lab(_) => return Err(unsupported("is a TIFF of L*a*b* pixels")),
        other => return Err(unsupported(format!("is a TIFF of {other:?} pixels"))),
    };
    if !matches!(bits, 1 | 2 | 4 | 8 | 16 | 32 | 64) {
        return Err(unsupported(format!("has {bits} bits a sample")));
    }
    let (columns, rows) = (width as usize, height as usize);
    let row_samples = columns * channels.count();
    let planar = number(decoder, Tag::PlanarConfiguration)? == Some(2) && channels.count() > 1;
    let mut samples = match planar {
        true => planes(decoder, [columns, rows], channels.count(), bits)?,
        false => {
            let mut result = DecodingResult::U8(Vec::new());
            let layout = decoder.read_image_to_buffer(&mut result).map_err(refusal)?;
            if result.as_buffer(0).as_bytes().len() < layout.complete_len {
                return Err(too_much_memory());
            }
            narrowed(result, bits, row_samples)?
        }
    };
    let bits = match samples {
        Samples::U8(_) => bits.min(8),
        Samples::U16(_) => 16,
        Samples::F32(_) | Samples::Scan(_) => bits,
    };
    let wanted = row_samples * rows;
    let found = match &samples {
        Samples::U8(samples) => samples.len(),
        Samples::U16(samples) => samples.len(),
        Samples::F32(samples) => samples.len(),
        Samples::Scan(samples) => samples.len(),
    };
    if found != wanted {
        return Err(damaged(format!("it holds {found} of {wanted} samples")));
    }
    let channels = match cmyk {
        true => {
            samples = match samples {
                Samples::U8(inks) => Samples::U8(printed(&inks, 255)),
                Samples::U16(inks) => Samples::U16(printed(&inks, 65535)),
                _ => return Err(unsupported("has floating-point CMYK pixels")),
            };
            Channels::Rgb
        }
        false => channels,
    };
    // JPEG, old and new.
    let lossy = matches!(number(decoder, Tag::Compression)?, Some(6 | 7));
    Ok(Picture {
        format: "TIFF",
        width: columns,
        height: rows,
        channels,
        samples,
        bits,
        palette: None,
        orientation: Orientation::NoTransforms,
        page: None,
        scan: None,
        lossy,
    })
}

/// Whether the sample beside the grey one is said to be its opacity.
fn has_alpha(decoder: &mut Reader<'_>) -> Decoded<bool> {
    let extra = decoder
        .find_tag_unsigned_vec::<u16>(Tag::ExtraSamples)
        .map_err(refusal)?;
    Ok(matches!(extra.as_deref(), Some([1 | 2, ..])))
}

/// Planes that lie behind one another in the file, joined to pixels chunk by chunk: read as a whole, the decoder
/// fails on those of tiles.
fn planes(
    decoder: &mut Reader<'_>,
    [columns, rows]: [usize; 2],
    planes: usize,
    bits: u8,
) -> Decoded<Samples> {
    let (chunk_columns, chunk_rows) = decoder.chunk_dimensions();
    let (chunk_columns, chunk_rows) = (chunk_columns as usize, chunk_rows as usize);
    if chunk_columns == 0 || chunk_rows == 0 {
        return Err(damaged("its tiles are empty"));
    }
    let across = columns.div_ceil(chunk_columns);
    let in_plane = across * rows.div_ceil(chunk_rows);
    let mut joined: Option<Samples> = None;
    for plane in 0..planes {
        for place in 0..in_plane {
            let index = u32::try_from(plane * in_plane + place).map_err(damaged)?;
            let (stored_columns, _) = decoder.chunk_data_dimensions(index);
            let stored_columns = stored_columns as usize;
            let chunk = decoder.read_chunk(index).map_err(refusal)?;
            let chunk = narrowed(chunk, bits, stored_columns)?;
            let place = Place {
                columns,
                left: place % across * chunk_columns,
                top: place / across * chunk_rows,
                chunk_columns: stored_columns,
                plane,
                planes,
            };
            let count = columns * rows * planes;
            match (&mut joined, chunk) {
                (Some(Samples::U8(all)), Samples::U8(chunk)) => place.write(all, &chunk),
                (Some(Samples::U16(all)), Samples::U16(chunk)) => place.write(all, &chunk),
                (Some(Samples::F32(all)), Samples::F32(chunk)) => place.write(all, &chunk),
                (Some(_), _) => return Err(damaged("its planes are of different kinds")),
                (None, Samples::U8(chunk)) => {
                    let mut all = vec![0; count];
                    place.write(&mut all, &chunk);
                    joined = Some(Samples::U8(all));
                }
                (None, Samples::U16(chunk)) => {
                    let mut all = vec![0; count];
                    place.write(&mut all, &chunk);
                    joined = Some(Samples::U16(all));
                }
                (None, Samples::Scan(_)) => return Err(damaged("its planes are of no known kind")),
                (None, Samples::F32(chunk)) => {
                    let mut all = vec![0.0; count];
                    place.write(&mut all, &chunk);
                    joined = Some(Samples::F32(all));
                }
            }
        }
    }
    joined.ok_or_else(|| damaged("it has no planes"))
}

/// Where a chunk of one plane lies in the whole picture.
struct Place {
    columns: usize,
    left: usize,
    top: usize,
    chunk_columns: usize,
    plane: usize,
    planes: usize,
}

impl Place {
    fn write<T: Copy>(&self, all: &mut [T], chunk: &[T]) {
        let lines = all.chunks_mut(self.columns * self.planes).skip(self.top);
        for (line, row) in lines.zip(chunk.chunks(self.chunk_columns.max(1))) {
            let pixels = line.chunks_mut(self.planes).skip(self.left);
            for (pixel, &sample) in pixels.zip(row) {
                pixel[self.plane] = sample;
            }
        }
    }
}

/// Samples as the decoder gives them, in rows of `row_samples`: bits unpacked, wide numbers as 16-bit ones where
/// they fit.
fn narrowed(numbers: DecodingResult, bits: u8, row_samples: usize) -> Decoded<Samples> {
    let whole = |numbers: &mut dyn Iterator<Item = i64>| -> Decoded<Samples> {
        let numbers = numbers.map(|number| match u16::try_from(number) {
            Ok(number) => Ok(number),
            Err(_) if number < 0 => Err(format!(
                "holds negative values, such as {number} (CT scans do); save the range that is to be seen as 0 to 255 \
                 or 0 to 65535"
            )),
            Err(_) => Err(format!("holds the value {number}; save it with 16 bits, or 8")),
        });
        Ok(Samples::U16(numbers.collect::<Decoded<_>>()?))
    };
    match numbers {
        DecodingResult::U8(packed) if bits < 8 => Ok(Samples::U8(unpack(&packed, row_samples, bits))),
        DecodingResult::U8(samples) => Ok(Samples::U8(samples)),
        DecodingResult::U16(samples) => Ok(Samples::U16(samples)),
        DecodingResult::F16(samples) => Ok(Samples::F32(samples.into_iter().map(f16::to_f32).collect())),
        DecodingResult::F32(samples) => Ok(Samples::F32(samples)),
        DecodingResult::F64(samples) => Ok(Samples::F32(samples.into_iter().map(|v| v as f32).collect())),
        DecodingResult::U32(samples) => whole(&mut samples.into_iter().map(i64::from)),
        DecodingResult::U64(samples) => {
            whole(&mut samples.into_iter().map(|v| i64::try_from(v).unwrap_or(i64::MAX)))
        }
        DecodingResult::I8(samples) => whole(&mut samples.into_iter().map(i64::from)),
        DecodingResult::I16(samples) => whole(&mut samples.into_iter().map(i64::from)),
        DecodingResult::I32(samples) => whole(&mut samples.into_iter().map(i64::from)),
        DecodingResult::I64(samples) => whole(&mut samples.into_iter()),
    }
}

/// Red, green and blue of four inks in pixels of four samples.
fn printed<T: Copy + Into<u32> + TryFrom<u32>>(inks: &[T], most: u32) -> Vec<T> {
    let (pixels, _) = inks.as_chunks::<4>();
    let light = |ink: T, black: T| -> u32 {
        let (ink, black) = (most - ink.into(), most - black.into());
        ((u64::from(ink) * u64::from(black) + u64::from(most / 2)) / u64::from(most)) as u32
    };
    pixels
        .iter()
        .flat_map(|&[cyan, magenta, yellow, black]| [cyan, magenta, yellow].map(|ink| light(ink, black)))
        .filter_map(|light| T::try_from(light).ok())
        .collect()
}

fn refusal(cause: TiffError) -> String {
    match cause {
        TiffError::UnsupportedError(kind) => unsupported(format!("cannot be decoded: {kind}")),
        TiffError::LimitsExceeded => too_much_memory(),
        other => damaged(other),
    }
}
