//! What the charts drawn by plotters share: axes, and how text looks.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::style::{Color, IntoFont, RGBColor, TextStyle};

/// An axis. Its marks are chosen here because plotters' own search for them does not end on some
/// ranges.
pub(crate) struct Axis {
    range: Range<f64>,
    logarithmic: bool,
    marks: Vec<f64>,
}

impl Axis {
    pub(crate) fn linear(range: Range<f64>) -> Self {
        Axis {
            logarithmic: false,
            marks: linear_marks(range.start, range.end),
            range,
        }
    }

    /// For a range above 0.
    pub(crate) fn logarithmic(range: Range<f64>) -> Self {
        Axis {
            logarithmic: true,
            marks: logarithmic_marks(range.start, range.end),
            range,
        }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let place = |value: f64| if self.logarithmic { value.ln() } else { value };
        let (start, end) = (place(self.range.start), place(self.range.end));
        let share = (place(*value) - start) / (end - start);
        first + (share * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.marks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(value: &f64) -> String {
        short(*value)
    }
}

/// Some six round numbers from `start` to `end`.
fn linear_marks(start: f64, end: f64) -> Vec<f64> {
    let step = round_step((end - start) / 6.0);
    let first = (start / step).ceil();
    let marks = (0..20).map(|index| (first + f64::from(index)) * step);
    marks.take_while(|&mark| mark <= end).collect()
}

/// Powers of ten, and 2 and 5 times them where there is room.
fn logarithmic_marks(start: f64, end: f64) -> Vec<f64> {
    let (first, last) = (start.log10().floor() as i32, end.log10().ceil() as i32);
    let multiples: &[f64] = if last - first <= 3 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let apart = (last - first) as usize / 10 + 1;
    (first..=last)
        .step_by(apart)
        .flat_map(|exponent| {
            multiples
                .iter()
                .map(move |multiple| multiple * 10f64.powi(exponent))
        })
        .filter(|mark| (start..=end).contains(mark))
        .collect()
}

/// The next of 1, 2 and 5 times a power of ten.
pub(crate) fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let multiples = [1.0, 2.0, 5.0, 10.0].map(|multiple| multiple * power);
    multiples.into_iter().find(|&step| step >= least).unwrap_or(least)
}

/// A number to six significant digits, as short as it goes.
fn short(value: f64) -> String {
    // What rounding left where 0 was meant.
    if value.abs() < 1e-12 {
        return "0".into();
    }
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    if (1e-3..1e5).contains(&rounded.abs()) {
        rounded.to_string()
    } else {
        format!("{rounded:e}")
    }
}

/// Text of this size in pixels.
pub(crate) fn text(size: i32, colour: RGBColor) -> TextStyle<'static> {
    let mut style = TextStyle::from(("sans-serif", size).into_font());
    style.color = colour.to_backend_color();
    style
}
