//! How the numbers that a picture's file stores become greys from 0 to 1, and back.

use std::path::Path;

use super::picture::{Picture, Samples};
use super::window::Window;
use crate::attack::Levels;
use crate::error::{Error, Result};

/// From stored numbers to greys: `window(slope · stored + intercept)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scaling {
    slope: f64,
    intercept: f64,
    window: Window,
    /// Whether what the window makes white is black.
    inverted: bool,
    /// The least and the largest number that the file can store, if it stores whole ones.
    whole: Option<[f64; 2]>,
}

impl Scaling {
    /// That of a picture without a palette, and what to say of it.
    ///
    /// # Errors
    /// If neither the file nor `window` says which values are black and white.
    pub(crate) fn of(
        path: &Path,
        picture: &Picture,
        white: Option<f32>,
        window: Option<Window>,
    ) -> Result<(Scaling, String)> {
        let plain = |window| Scaling {
            slope: 1.0,
            intercept: 0.0,
            window,
            inverted: false,
            whole: match picture.samples {
                Samples::F32(_) => None,
                _ => Some([0.0, f64::from(picture.full())]),
            },
        };
        let range = |high: f32| Window::Range {
            low: 0.0,
            high: f64::from(high),
        };
        let given = window.map(|window| (window, format!("window {window}")));
        let Some(scan) = &picture.scan else {
            let as_range = |white: f32| (range(white), format!("{white} is white"));
            let (window, words) = given
                .or(white.map(as_range))
                .unwrap_or((range(picture.white()), String::new()));
            return Ok((plain(window), words));
        };
        if let Some(white) = white {
            return Err(Error::file(
                path,
                format!(
                    "is a scan, of which --window LOW..HIGH says what is black and white, not --white {white}"
                ),
            ));
        }
        let (least, most) = scan.extremes(&picture.samples);
        let (window, words) = match given {
            Some(given) => given,
            None => scan.window.clone().map_err(|reason| {
                Error::file(
                    path,
                    format!(
                        "{reason}, and its values are {least} to {most}; say which are black and white: --window LOW..HIGH, \
                         such as --window {least}..{most}"
                    ),
                )
            })?,
        };
        let scaling = Scaling {
            slope: scan.slope,
            intercept: scan.intercept,
            window,
            inverted: scan.inverted,
            whole: scan.whole,
        };
        let inverted = if scan.inverted {
            ", the lowest is white"
        } else {
            ""
        };
        Ok((scaling, format!("values {least} to {most}, {words}{inverted}")))
    }

    /// The grey of a stored number, from 0 to 1.
    pub(crate) fn level(&self, stored: f64) -> f32 {
        let level = self.window.level(self.slope * stored + self.intercept);
        (if self.inverted { 1.0 - level } else { level }) as f32
    }

    /// The stored number whose grey is nearest to this one.
    pub(crate) fn stored(&self, level: f32) -> f64 {
        let level = f64::from(level);
        let value = self.window.value(if self.inverted { 1.0 - level } else { level });
        let stored = (value - self.intercept) / self.slope;
        match self.whole {
            Some([least, most]) => stored.round().clamp(least, most),
            None => stored,
        }
    }

    /// The greys that the file can store, if they are evenly spaced.
    pub(crate) fn levels(&self) -> Option<Levels> {
        match (self.window, self.whole) {
            (Window::Range { low, high }, Some(_)) => {
                let step = (self.slope / (high - low)).abs();
                let zero = (self.intercept - low) / (high - low);
                let zero = if self.inverted { 1.0 - zero } else { zero };
                let count = 1.0 / step;
                Some(Levels {
                    count: count as f32,
                    offset: (zero * count).rem_euclid(1.0) as f32,
                })
            }
            _ => None,
        }
    }
}
