//! Targets made from the network's own prediction: moved, scaled, turned, or with a class hidden.

use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::labels::{IGNORE, LabelMap};

/// What the attack should make the network predict.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The labels of this mask file, or of a tensor in a file: `FILE.safetensors:NAME`.
    File(std::path::PathBuf),
    /// The network's prediction for this other image.
    Of(std::path::PathBuf),
    /// The network's prediction, moved by columns (to the right) and rows (down).
    Shift {
        /// Columns to the right.
        dx: i64,
        /// Rows down.
        dy: i64,
    },
    /// The network's prediction, its foreground scaled about its centre.
    Scale(f64),
    /// The network's prediction, its foreground turned about its centre, in degrees, clockwise on the screen.
    Rotate(f64),
    /// The network's prediction with one class become another.
    Hide {
        /// The class that vanishes.
        from: u8,
        /// What stands in its place.
        to: u8,
    },
    /// This class everywhere.
    Class(u8),
}

const FORMS: &str = "want a mask file, shift:DX,DY, scale:S, rotate:DEGREES, hide:A->B, class:C or of:IMAGE";

impl TryFrom<OsString> for Target {
    type Error = Error;

    /// As [`Target::from_str`]; a name that is no Unicode is that of a file.
    fn try_from(text: OsString) -> Result<Self> {
        match text.into_string() {
            Ok(text) => text.parse(),
            Err(name) => Ok(Target::File(name.into())),
        }
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |what: &str| Error::Usage(format!("target `{text}` {what}; {FORMS}"));
        let finite = |number: &str| {
            number
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite())
                .ok_or_else(|| bad("has no finite number after the colon"))
        };
        let class = |number: &str| {
            number
                .trim()
                .parse::<u8>()
                .ok()
                .filter(|&class| class != IGNORE)
                .ok_or_else(|| bad("names no class between 0 and 254"))
        };
        let Some((kind, rest)) = text.split_once(':') else {
            if text.is_empty() {
                return Err(bad("is empty"));
            }
            return Ok(Target::File(text.into()));
        };
        if rest.is_empty() {
            return Err(bad("has nothing after the colon"));
        }
        Ok(match kind {
            "shift" => {
                let numbers = rest
                    .split_once(',')
                    .and_then(|(dx, dy)| Some((dx.trim().parse().ok()?, dy.trim().parse().ok()?)));
                let (dx, dy) = numbers.ok_or_else(|| bad("has not two whole numbers after the colon"))?;
                Target::Shift { dx, dy }
            }
            "scale" => {
                let factor = finite(rest)?;
                if factor <= 0.0 {
                    return Err(bad("scales by 0 or less"));
                }
                Target::Scale(factor)
            }
            "rotate" => Target::Rotate(finite(rest)?),
            "hide" => {
                let (from, to) = rest
                    .split_once("->")
                    .ok_or_else(|| bad("has no `->` between two classes"))?;
                Target::Hide {
                    from: class(from)?,
                    to: class(to)?,
                }
            }
            "class" => Target::Class(class(rest)?),
            "of" => Target::Of(rest.into()),
            // A colon may stand in a file's name, as in C:\mask.png, and stands between a file and a tensor in it.
            _ if kind.len() == 1 || names_a_tensor(text) || std::path::Path::new(text).exists() => {
                Target::File(text.into())
            }
            _ => return Err(bad("is neither a file nor a form that is known")),
        })
    }
}

fn names_a_tensor(text: &str) -> bool {
    text.to_ascii_lowercase().contains(".safetensors:")
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::File(path) => write!(f, "{}", path.display()),
            Target::Of(path) => write!(f, "of:{}", path.display()),
            Target::Shift { dx, dy } => write!(f, "shift:{dx},{dy}"),
            Target::Scale(factor) => write!(f, "scale:{factor}"),
            Target::Rotate(degrees) => write!(f, "rotate:{degrees}"),
            Target::Hide { from, to } => write!(f, "hide:{from}->{to}"),
            Target::Class(class) => write!(f, "class:{class}"),
        }
    }
}

impl Target {
    /// Checks what can be checked before the network has run: that its classes are among `class_count`.
    ///
    /// # Errors
    /// If a class is out of range.
    pub fn check(&self, class_count: usize) -> Result<()> {
        let classes = match *self {
            Target::Hide { from, to } => vec![from, to],
            Target::Class(class) => vec![class],
            _ => Vec::new(),
        };
        match classes.iter().find(|&&class| class as usize >= class_count) {
            None => Ok(()),
            Some(class) => Err(Error::Usage(format!(
                "target `{self}` names class {class}; the network has classes 0 to {}",
                class_count.saturating_sub(1)
            ))),
        }
    }

    /// The target made from `prediction`, of a network with `class_count` classes. What moves in from outside
    /// is background, class 0. `None` for [`Target::File`] and [`Target::Of`], which need files read first.
    ///
    /// # Errors
    /// If a class is out of range, or there is no foreground to move or class to hide.
    pub fn from_prediction(&self, prediction: &LabelMap, class_count: usize) -> Result<Option<LabelMap>> {
        let (height, width) = (prediction.height(), prediction.width());
        self.check(class_count)?;
        let moved = |from: &dyn Fn(f64, f64) -> (f64, f64)| {
            LabelMap::from_fn(height, width, |y, x| {
                let (y, x) = from(y as f64, x as f64);
                let (y, x) = (y.round(), x.round());
                let inside = y >= 0.0 && x >= 0.0 && y < height as f64 && x < width as f64;
                if inside {
                    prediction.get(y as usize, x as usize).unwrap_or(0)
                } else {
                    0
                }
            })
        };
        let target = match *self {
            Target::File(_) | Target::Of(_) => return Ok(None),
            Target::Shift { dx, dy } => {
                self.centre(prediction)?;
                moved(&|y, x| (y - dy as f64, x - dx as f64))?
            }
            Target::Scale(factor) => {
                let (cy, cx) = self.centre(prediction)?;
                moved(&|y, x| (cy + (y - cy) / factor, cx + (x - cx) / factor))?
            }
            Target::Rotate(degrees) => {
                let (cy, cx) = self.centre(prediction)?;
                let (sin, cos) = degrees.to_radians().sin_cos();
                moved(&|y, x| {
                    (
                        cy + cos * (y - cy) - sin * (x - cx),
                        cx + sin * (y - cy) + cos * (x - cx),
                    )
                })?
            }
            Target::Hide { from, to } => {
                if prediction.count(from) == 0 {
                    return Err(Error::Usage(format!(
                        "target `{self}`: the network predicts class {from} nowhere in this image"
                    )));
                }
                LabelMap::from_fn(height, width, |y, x| match prediction.get(y, x) {
                    Some(class) if class == from => to,
                    other => other.unwrap_or(0),
                })?
            }
            Target::Class(class) => LabelMap::from_fn(height, width, |_, _| class)?,
        };
        let moves = matches!(self, Target::Shift { .. } | Target::Scale(_) | Target::Rotate(_));
        if moves && target.largest_class().unwrap_or(0) == 0 {
            return Err(Error::Usage(format!(
                "target `{self}` moves all of the predicted foreground out of the picture; move it less"
            )));
        }
        Ok(Some(target))
    }

    /// The mean row and column of the foreground.
    fn centre(&self, prediction: &LabelMap) -> Result<(f64, f64)> {
        let (mut rows, mut columns, mut count) = (0, 0, 0);
        for (index, &label) in prediction.labels().iter().enumerate() {
            if label != 0 && label != IGNORE {
                rows += index / prediction.width();
                columns += index % prediction.width();
                count += 1;
            }
        }
        if count == 0 {
            return Err(Error::Usage(format!(
                "target `{self}`: the network predicts no foreground in this image, so there is nothing to move"
            )));
        }
        Ok((rows as f64 / count as f64, columns as f64 / count as f64))
    }
}
