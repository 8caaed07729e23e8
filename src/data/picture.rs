//! A picture as its file stores it: samples, palette, bits, and how the file says it is turned.

use std::fmt;

use image::metadata::Orientation;

use super::window::Window;

/// What the samples of a pixel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    RgbAlpha,
}

impl Channels {
    /// Samples of one pixel.
    pub(crate) fn count(self) -> usize {
        match self {
            Channels::Grey => 1,
            Channels::GreyAlpha => 2,
            Channels::Rgb => 3,
            Channels::RgbAlpha => 4,
        }
    }

    /// Which of a pixel's samples are red, green and blue.
    pub(crate) fn of_colours(self) -> [usize; 3] {
        match self {
            Channels::Grey | Channels::GreyAlpha => [0, 0, 0],
            Channels::Rgb | Channels::RgbAlpha => [0, 1, 2],
        }
    }

    pub(crate) fn has_alpha(self) -> bool {
        matches!(self, Channels::GreyAlpha | Channels::RgbAlpha)
    }
}

/// The numbers as stored, row-major, the samples of a pixel one behind the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
    F32(Vec<f32>),
    /// Those of a scan, of any type.
    #[cfg_attr(
        not(any(feature = "dicom", feature = "nifti")),
        allow(dead_code, reason = "no file of those formats is read")
    )]
    Scan(Vec<f64>),
}

/// What a scanner's file says of its numbers, of which there is one for each pixel.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    /// A measured value is this many times the stored number,
    pub slope: f64,
    /// and this more.
    pub intercept: f64,
    /// The least and the largest number that can be stored, if only whole ones can be.
    pub whole: Option<[f64; 2]>,
    /// Which measured values are black and white, with where the file says so; or that it does not.
    pub window: Result<(Window, String), String>,
    /// Whether the lowest values are white.
    pub inverted: bool,
    /// What else there is to say of it.
    pub remarks: String,
}

impl Scan {
    /// The measured value of a stored number.
    pub(crate) fn measured(&self, stored: f64) -> f64 {
        self.slope * stored + self.intercept
    }

    /// The least and the largest measured value, those that are no numbers left out.
    pub(crate) fn extremes(&self, samples: &Samples) -> (f64, f64) {
        let Samples::Scan(stored) = samples else {
            return (0.0, 0.0);
        };
        let values = stored.iter().map(|&stored| self.measured(stored));
        let finite = values.filter(|value| value.is_finite());
        let (least, most) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
            (value.min(least), value.max(most))
        });
        (least, most)
    }
}

/// Which of a file's pages or frames this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Counted from 1.
    pub number: usize,
    pub count: usize,
}

/// A decoded picture, already turned as its file says.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// The file's format, such as `PNG`.
    pub format: &'static str,
    pub width: usize,
    pub height: usize,
    pub channels: Channels,
    pub samples: Samples,
    /// Bits of a sample in the file.
    pub bits: u8,
    /// Red, green, blue and alpha of each index, where the samples are indices into a palette.
    pub palette: Option<Vec<[u8; 4]>>,
    /// How the picture was turned.
    pub orientation: Orientation,
    pub page: Option<Page>,
    /// What the numbers mean, if they are those of a scan.
    pub scan: Option<Scan>,
    /// Whether it was compressed such that numbers stray from those that were drawn.
    pub lossy: bool,
}

impl Picture {
    /// The number that stands for white, where the file does not say otherwise: the largest that its bits
    /// hold, or 1 for floating-point numbers.
    pub(crate) fn white(&self) -> f32 {
        match self.samples {
            Samples::F32(_) | Samples::Scan(_) => 1.0,
            Samples::U8(_) | Samples::U16(_) => self.full(),
        }
    }

    /// The stored number at this place among the samples.
    pub(crate) fn number(&self, index: usize) -> f64 {
        match &self.samples {
            Samples::U8(samples) => samples[index].into(),
            Samples::U16(samples) => samples[index].into(),
            Samples::F32(samples) => samples[index].into(),
            Samples::Scan(samples) => samples[index],
        }
    }

    /// The largest whole number that its bits hold.
    pub(crate) fn full(&self) -> f32 {
        ((1u32 << self.bits.min(16)) - 1) as f32
    }

    /// Turns or mirrors the stored rows and columns as `orientation` says.
    pub(crate) fn turned(mut self, orientation: Orientation) -> Picture {
        let channels = self.channels.count();
        let stored = [self.width, self.height];
        self.samples = match self.samples {
            Samples::U8(samples) => Samples::U8(turn(samples, stored, channels, orientation)),
            Samples::U16(samples) => Samples::U16(turn(samples, stored, channels, orientation)),
            Samples::F32(samples) => Samples::F32(turn(samples, stored, channels, orientation)),
            Samples::Scan(samples) => Samples::Scan(turn(samples, stored, channels, orientation)),
        };
        if swaps_sides(orientation) {
            (self.width, self.height) = (self.height, self.width);
        }
        self.orientation = orientation;
        self
    }

    /// How it was turned, in words; nothing if it lay as stored.
    pub(crate) fn turned_how(&self) -> Option<&'static str> {
        match self.orientation {
            Orientation::NoTransforms => None,
            Orientation::FlipHorizontal => Some("mirrored left to right"),
            Orientation::Rotate180 => Some("turned by 180°"),
            Orientation::FlipVertical => Some("mirrored top to bottom"),
            Orientation::Rotate90FlipH => Some("mirrored along its diagonal"),
            Orientation::Rotate90 => Some("turned by 90° clockwise"),
            Orientation::Rotate270FlipH => Some("mirrored along its other diagonal"),
            Orientation::Rotate270 => Some("turned by 90° anticlockwise"),
        }
    }
}

/// Whether rows become columns.
fn swaps_sides(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

fn turn<T: Copy>(
    samples: Vec<T>,
    [width, height]: [usize; 2],
    channels: usize,
    orientation: Orientation,
) -> Vec<T> {
    if orientation == Orientation::NoTransforms {
        return samples;
    }
    let (right, bottom) = (width.saturating_sub(1), height.saturating_sub(1));
    // Where the pixel in row y, column x of the turned picture is stored: row, column.
    let source = |y: usize, x: usize| match orientation {
        Orientation::NoTransforms => (y, x),
        Orientation::FlipHorizontal => (y, right - x),
        Orientation::Rotate180 => (bottom - y, right - x),
        Orientation::FlipVertical => (bottom - y, x),
        Orientation::Rotate90FlipH => (x, y),
        Orientation::Rotate90 => (bottom - x, y),
        Orientation::Rotate270FlipH => (bottom - x, right - y),
        Orientation::Rotate270 => (x, right - y),
    };
    let (columns, rows) = if swaps_sides(orientation) {
        (height, width)
    } else {
        (width, height)
    };
    let mut turned = Vec::with_capacity(samples.len());
    for y in 0..rows {
        for x in 0..columns {
            let (row, column) = source(y, x);
            let first = (row * width + column) * channels;
            turned.extend_from_slice(&samples[first..first + channels]);
        }
    }
    turned
}

impl fmt::Display for Picture {
    /// Size, format, channels, bits, turn and page, such as `428×569 pixels, JPEG, 8-bit RGB, turned by 180°`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{} pixels, {}, ", self.width, self.height, self.format)?;
        let kind = match (&self.palette, self.channels) {
            (Some(_), _) => "palette",
            (None, Channels::Grey) => "grey",
            (None, Channels::GreyAlpha) => "grey with alpha",
            (None, Channels::Rgb) => "RGB",
            (None, Channels::RgbAlpha) => "RGB with alpha",
        };
        match self.samples {
            Samples::F32(_) => write!(f, "float {kind}")?,
            Samples::Scan(_) if self.scan.as_ref().is_some_and(|scan| scan.whole.is_none()) => {
                write!(f, "{}-bit float {kind}", self.bits)?;
            }
            _ => write!(f, "{}-bit {kind}", self.bits)?,
        }
        if let Some(how) = self.turned_how() {
            write!(f, ", {how} as its orientation says")?;
        }
        if let Some(Page { number, count }) = self.page {
            write!(f, ", page {number} of {count}")?;
        }
        if let Some(scan) = self.scan.as_ref().filter(|scan| !scan.remarks.is_empty()) {
            write!(f, ", {}", scan.remarks)?;
        }
        Ok(())
    }
}
