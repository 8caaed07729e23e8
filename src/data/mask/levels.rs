//! The numbers that a mask's file holds, one for each pixel, and where in the file they stand.

use std::collections::BTreeMap;
use std::path::Path;

use crate::data::picture::{Channels, Picture, Samples};
use crate::error::{Error, Result};

/// Channels of one pixel that differ by no more than this are grey: lossy files bring it about.
const GREY_SPREAD: u16 = 2;

/// The largest number that is more likely a class index than a grey. In a picture that is no brighter the numbers of the
/// channels are classes, of which none is noise.
pub(super) const LARGEST_INDEX: u16 = 20;

/// More colours than this are a photograph, not classes.
const MOST_COLOURS: usize = 256;

/// What the numbers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Greys.
    Grey,
    /// Greys that stand in a palette.
    GreyPalette,
    /// Indices into a palette of these colours.
    ColourPalette(Vec<[u8; 3]>),
    /// The alpha channel, as all pixels have this one colour.
    Alpha([u16; 3]),
    /// Positions in this list of colours.
    Colours(Vec<[u8; 3]>),
}

/// One number for each pixel.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    pub height: usize,
    pub width: usize,
    /// Row-major.
    pub values: Vec<u16>,
    /// The number that is white.
    pub white: u16,
    /// What a step of one is in the file, where 8-bit greys were stretched to 16 bits: 257, else 1.
    pub step: u16,
    /// Whether the file was compressed such that numbers stray.
    pub lossy: bool,
    pub source: Source,
}

/// How often each number occurs.
pub(super) type Histogram = BTreeMap<u16, u64>;

impl Levels {
    /// The numbers in a picture.
    ///
    /// # Errors
    /// If it is in so many colours that it is no mask, or holds fractions outside \[0, 1\].
    pub(super) fn of(path: &Path, picture: &Picture) -> Result<Levels> {
        let (values, white, source) = match (&picture.samples, &picture.palette) {
            (Samples::U8(indices), Some(palette)) => of_palette(indices, palette),
            (Samples::U8(samples), None) => of_samples(
                path,
                picture,
                samples.iter().map(|&value| u16::from(value)),
                GREY_SPREAD,
            )?,
            (Samples::U16(samples), _) => {
                of_samples(path, picture, samples.iter().copied(), 257 * GREY_SPREAD)?
            }
            (Samples::F32(samples), _) => {
                let (samples, white) = whole_numbers(path, samples)?;
                let (values, _, source) = of_samples(path, picture, samples.into_iter(), GREY_SPREAD)?;
                (values, white, source)
            }
            (Samples::Scan(stored), _) => {
                let mut values = labels_of(path, picture, stored)?;
                if picture.scan.as_ref().is_some_and(|scan| scan.inverted) {
                    show_zero_as_white(&mut values);
                }
                let white = if values.iter().any(|&value| value > 255) {
                    65535
                } else {
                    255
                };
                (values, white, Source::Grey)
            }
        };
        let mut levels = Levels {
            height: picture.height,
            width: picture.width,
            values,
            white,
            step: 1,
            lossy: picture.lossy,
            source,
        };
        if levels.white == 1 {
            // One bit is black or white, as in files with more.
            levels.values.iter_mut().for_each(|value| *value *= 255);
            levels.white = 255;
        }
        let largest = levels.values.iter().copied().max().unwrap_or(0);
        if levels.white > 255 && largest <= 255 {
            // 8-bit numbers that lie in 16 bits.
            levels.white = 255;
        } else if levels.white > 255 && levels.values.iter().all(|value| value % 257 == 0) {
            levels.values.iter_mut().for_each(|value| *value /= 257);
            levels.white = 255;
            levels.step = 257;
        }
        Ok(levels)
    }

    /// How often each number occurs.
    pub(super) fn histogram(&self) -> Histogram {
        let mut counts = vec![0u64; 1 << 16];
        for &value in &self.values {
            counts[usize::from(value)] += 1;
        }
        let counts = (0..=u16::MAX).zip(counts);
        counts.filter(|&(_, count)| count > 0).collect()
    }

    /// A number as the file has it.
    pub(super) fn stored(&self, value: u16) -> u16 {
        value.saturating_mul(self.step)
    }

    /// The colour of a number's pixels in 255ths of white, if that is a whole number.
    pub(super) fn colour(&self, value: u16) -> Option<[u8; 3]> {
        match &self.source {
            Source::Colours(colours) | Source::ColourPalette(colours) => {
                colours.get(usize::from(value)).copied()
            }
            Source::Grey | Source::GreyPalette => (self.white == 255).then_some([self.grey(value); 3]),
            Source::Alpha(_) => None,
        }
    }

    /// A number as 255ths of white.
    pub(super) fn grey(&self, value: u16) -> u8 {
        let white = u32::from(self.white.max(1));
        ((u32::from(value) * 255 + white / 2) / white).min(255) as u8
    }
}

/// Greys where all colours in use are grey, else the indices.
fn of_palette(indices: &[u8], palette: &[[u8; 4]]) -> (Vec<u16>, u16, Source) {
    let entry = |index: u8| palette.get(usize::from(index)).copied().unwrap_or([0, 0, 0, 255]);
    let mut used = [false; 256];
    indices.iter().for_each(|&index| used[usize::from(index)] = true);
    let used = (0..=255u8).zip(used).filter(|&(_, used)| used);
    let entries: Vec<[u8; 4]> = used.map(|(index, _)| entry(index)).collect();
    let first = entries.first().copied().unwrap_or([0, 0, 0, 255]);
    let one_colour = entries.iter().all(|entry| entry[..3] == first[..3]);
    let one_opacity = entries.iter().all(|entry| entry[3] == first[3]);
    let largest = entries.iter().flat_map(|entry| &entry[..3]).max();
    let spread = spread_of_greys(largest.copied().unwrap_or(0).into(), GREY_SPREAD);
    let all_grey = entries
        .iter()
        .all(|&[red, green, blue, _]| grey_of([red, green, blue].map(u16::from), spread).is_some());
    let numbers = |number: &dyn Fn(u8) -> u8| indices.iter().map(|&index| u16::from(number(index))).collect();
    if one_colour && !one_opacity {
        let colour = [first[0], first[1], first[2]].map(u16::from);
        (numbers(&|index| entry(index)[3]), 255, Source::Alpha(colour))
    } else if all_grey && !(one_colour && entries.len() > 1) {
        let grey = |index| {
            let [red, green, blue, _] = entry(index);
            grey_of([red, green, blue].map(u16::from), spread).unwrap_or(0) as u8
        };
        (numbers(&grey), 255, Source::GreyPalette)
    } else {
        let colours = palette.iter().map(|&[red, green, blue, _]| [red, green, blue]);
        (
            numbers(&|index| index),
            255,
            Source::ColourPalette(colours.collect()),
        )
    }
}

fn of_samples(
    path: &Path,
    picture: &Picture,
    samples: impl Iterator<Item = u16>,
    spread: u16,
) -> Result<(Vec<u16>, u16, Source)> {
    let white = picture.white().max(1.0) as u16;
    let samples: Vec<u16> = samples.collect();
    let channels = picture.channels.count();
    if picture.channels == Channels::Grey {
        return Ok((samples, white, Source::Grey));
    }
    let colour = |pixel: &[u16]| match picture.channels {
        Channels::Grey | Channels::GreyAlpha => [pixel[0]; 3],
        Channels::Rgb | Channels::RgbAlpha => [pixel[0], pixel[1], pixel[2]],
    };
    let pixels = || samples.chunks_exact(channels);
    let first = samples.chunks_exact(channels).next().unwrap_or(&[0; 4]);
    if picture.channels.has_alpha() && pixels().all(|pixel| colour(pixel) == colour(first)) {
        let alpha = |pixel: &[u16]| pixel[channels - 1];
        if pixels().any(|pixel| alpha(pixel) != alpha(first)) {
            return Ok((pixels().map(alpha).collect(), white, Source::Alpha(colour(first))));
        }
    }
    let largest = pixels().flat_map(colour).max().unwrap_or(0);
    let spread = spread_of_greys(largest, spread);
    let greys: Option<Vec<u16>> = pixels().map(|pixel| grey_of(colour(pixel), spread)).collect();
    if let Some(greys) = greys {
        return Ok((greys, white, Source::Grey));
    }
    let mut colours = BTreeMap::new();
    for pixel in pixels() {
        let next = colours.len() as u16;
        colours.entry(colour(pixel)).or_insert(next);
        if colours.len() > MOST_COLOURS {
            return Err(Error::file(
                path,
                format!(
                    "is a colour picture of more than {MOST_COLOURS} colours, so no mask; a mask is greyscale, each value \
                     a class index, or black and white: convert it to a PNG of that kind"
                ),
            ));
        }
    }
    let positions = pixels().map(|pixel| colours.get(&colour(pixel)).copied().unwrap_or(0));
    let positions = positions.collect();
    let step = if largest > 255 { 257 } else { 1 };
    let mut list = vec![[0; 3]; colours.len()];
    for (colour, position) in colours {
        if let Some(part) = colour.iter().find(|&part| part % step != 0) {
            return Err(Error::file(
                path,
                format!(
                    "is a colour picture of 16 bits with the value {part}, which 8 bits do not hold (no multiple of 257); save \
                     it with 8 bits a channel"
                ),
            ));
        }
        list[usize::from(position)] = colour.map(|part| (part / step) as u8);
    }
    Ok((positions, 255, Source::Colours(list)))
}

/// By how much the channels of a grey may differ where the largest number of the picture is this.
fn spread_of_greys(largest: u16, of_brighter: u16) -> u16 {
    if largest <= LARGEST_INDEX { 0 } else { of_brighter }
}

/// The middle of the three, if they are grey.
fn grey_of(colour: [u16; 3], spread: u16) -> Option<u16> {
    let mut sorted = colour;
    sorted.sort_unstable();
    (sorted[2] - sorted[0] <= spread).then_some(sorted[1])
}

/// Turns 0 and another number about where those are all, so that what is white on the screen is the larger one. More of them
/// number classes.
fn show_zero_as_white(values: &mut [u16]) {
    let largest = values.iter().copied().max().unwrap_or(0);
    if largest > 0 && values.iter().all(|&value| value == 0 || value == largest) {
        values.iter_mut().for_each(|value| *value = largest - *value);
    }
}

/// The measured values of a scan, each of which numbers a class.
fn labels_of(path: &Path, picture: &Picture, stored: &[f64]) -> Result<Vec<u16>> {
    let measured = |stored: f64| picture.scan.as_ref().map_or(stored, |scan| scan.measured(stored));
    let label = |stored: &f64| {
        let value = measured(*stored);
        match value.fract() == 0.0 && (0.0..=65535.0).contains(&value) {
            true => Ok(value as u16),
            false => Err(Error::file(
                path,
                format!(
                    "holds the value {value}; the labels of a {} mask are whole numbers from 0 on: save it so",
                    picture.format
                ),
            )),
        }
    };
    stored.iter().map(label).collect()
}

/// Floating-point numbers as whole ones, and which of those is white: as they are where all are whole, else as
/// 255ths.
fn whole_numbers(path: &Path, samples: &[f32]) -> Result<(Vec<u16>, u16)> {
    let whole = |value: &f32| value.fract() == 0.0 && (0.0..=65535.0).contains(value);
    if samples.iter().all(whole) {
        let white = if samples.iter().any(|&value| value > 255.0) {
            65535
        } else {
            255
        };
        return Ok((samples.iter().map(|&value| value as u16).collect(), white));
    }
    match samples.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        None => Ok((
            samples
                .iter()
                .map(|value| (255.0 * value).round() as u16)
                .collect(),
            255,
        )),
        Some(value) => Err(Error::file(
            path,
            format!(
                "holds the value {value} among others that are not whole; a mask holds whole numbers, or fractions of \
                 1: save it so"
            ),
        )),
    }
}
