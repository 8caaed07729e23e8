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

/// More levels than so many, float32 tells no longer apart.
const MOST_LEVELS: f64 = 16_777_216.0;
/// As much of a level may be lost to rounding where its place is worked out.
const LEVEL_ROUNDING: f64 = 1e-6;

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
                    "is a scan, of which `window=LOW..HIGH` says what is black and white, not `white={white}`"
                ),
            ));
        }
        let (least, most) = scan.extremes(&picture.samples);
        let (window, words) = match given {
            Some(given) => given,
            None => scan.window.clone().map_err(|reason| {
                Error::file(path, format!("{reason}, and {}", without_window([least, most])))
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

    /// The greys that the file can store, if they are evenly spaced, and further apart than float32 is fine.
    pub(crate) fn levels(&self) -> Option<Levels> {
        match (self.window, self.whole) {
            (Window::Range { low, high }, Some(_)) => {
                let count = ((high - low) / self.slope).abs();
                // The place of black among the numbers, by which that of every level differs from a whole one.
                let black = (low - self.intercept) / self.slope;
                let offset = match (self.slope > 0.0, self.inverted) {
                    (true, false) => -black,
                    (false, false) => black,
                    (true, true) => count + black,
                    (false, true) => count - black,
                };
                // What rounding took from a whole number would make a level of black's next one.
                let offset = (offset + LEVEL_ROUNDING).rem_euclid(1.0) - LEVEL_ROUNDING;
                (1.0..MOST_LEVELS).contains(&count).then_some(Levels {
                    count: count as f32,
                    offset: offset.max(0.0) as f32,
                })
            }
            _ => None,
        }
    }
}

/// What to do where nothing says which values are black and white: the finite ones are these, if there are any.
fn without_window([least, most]: [f64; 2]) -> String {
    let found = match least <= most {
        true => format!("its values are {least} to {most}"),
        false => "none of its values is finite".into(),
    };
    let example = Window::Range {
        low: least,
        high: most,
    };
    let example = match example.is_sound() {
        true => format!(", such as `window={example}`"),
        false => String::new(),
    };
    format!("{found}; say which are black and white: `window=LOW..HIGH`{example}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_is_a_level_where_it_is_a_number() {
        let mut tried = 0;
        for intercept in [-1024.0, -1000.0, 0.0, 0.3] {
            for slope in [1.0, -1.0, 0.5, 0.1, 3.7] {
                for low in -300..300 {
                    for inverted in [false, true] {
                        let scaling = Scaling {
                            slope,
                            intercept,
                            window: Window::Range {
                                low: f64::from(low),
                                high: f64::from(low + 399),
                            },
                            inverted,
                            whole: Some([-32768.0, 32767.0]),
                        };
                        let levels = scaling.levels().unwrap();
                        assert!((0.0..1.0).contains(&levels.offset), "{scaling:?}: {levels:?}");
                        // Every number has a level, and the other way round.
                        let stored = ((100.0 + f64::from(low) - intercept) / slope).round();
                        let place = scaling.level(stored) * levels.count - levels.offset;
                        assert!((place - place.round()).abs() < 1e-2, "{scaling:?}: {place}");
                        tried += usize::from(levels.offset == 0.0);
                    }
                }
            }
        }
        assert!(tried > 3_000, "{tried}");
    }

    #[test]
    fn levels_too_fine_for_float32_are_none() {
        let scaling = Scaling {
            slope: 1e-38,
            intercept: 0.0,
            window: Window::Range {
                low: 0.0,
                high: 1000.0,
            },
            inverted: false,
            whole: Some([-32768.0, 32767.0]),
        };
        assert_eq!(scaling.levels(), None);
    }

    #[test]
    fn an_example_is_given_where_there_is_one() {
        assert!(without_window([-3.0, 7.5]).ends_with("such as `window=-3..7.5`"));
        assert!(
            without_window([0.0, 0.0])
                .ends_with("are 0 to 0; say which are black and white: `window=LOW..HIGH`")
        );
        assert!(
            without_window([f64::INFINITY, f64::NEG_INFINITY]).starts_with("none of its values is finite")
        );
    }
}
