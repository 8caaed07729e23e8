//! How the numbers of masks are read: told from all masks of a data set together, or refused with the numbers
//! found and what to do.

use std::fmt;
use std::path::Path;

use super::evidence::{Evidence, MOST_LIKELY_CLASSES, MOST_LISTED, is_class};
use super::levels::{LARGEST_INDEX, Levels, Source};
use super::values::MaskValues;
use crate::error::{Error, Result};
use crate::labels::{IGNORE, LabelMap};

/// Half grey: what lies above is foreground.
pub const HALF: u8 = 127;

/// What a file does not say of itself, and how masks are read where nothing else is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskOptions {
    /// The page or frame of a file that has several, counted from 1.
    pub page: Option<usize>,
    /// Read any grey mask as black and white: what is brighter than this, in 255ths of white, is foreground.
    pub threshold: Option<u8>,
    /// The threshold of masks that are found to be black and white with soft edges, in place of half grey.
    pub soft_threshold: Option<u8>,
    /// What the values mean.
    pub values: Option<MaskValues>,
    /// How all masks of a data set are read, where that was told from all of them.
    pub reading: Option<MaskReading>,
}

/// How a mask's numbers become classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MaskReading {
    /// The number is the class, and 255 is ignore.
    ClassIndices,
    /// One number is background and the other is foreground.
    TwoLevels {
        /// The lower one, class 0.
        background: u16,
        /// The higher one, class 1.
        foreground: u16,
    },
    /// What is brighter than this, in 255ths of white, is foreground.
    Threshold {
        /// The brightest background.
        above: u8,
    },
    /// As the user says.
    Mapped(MaskValues),
}

/// How all these masks are read for a network of `class_count` classes; one class means a network with one
/// channel, which separates two.
///
/// 1. What `options` say goes first.
/// 2. Numbers below the class count are class indices, and 255 beside them is *ignore*; only 0 and 255, or 255
///    alone, is black and white.
/// 3. For two classes, two numbers are background and foreground.
/// 4. For two classes, nearly all pixels at two main levels and the others between them along edges are black and
///    white with soft edges.
///
/// # Errors
/// If the numbers fit none of these, or two masks contradict each other.
pub(in crate::data) fn common(
    masks: &[(&Path, &Evidence)],
    class_count: usize,
    options: &MaskOptions,
) -> Result<MaskReading> {
    let class_count = class_count.max(2);
    if let Some(values) = &options.values {
        return mapped(values, class_count);
    }
    let colours = masks
        .iter()
        .find(|(_, mask)| matches!(mask.source, Source::Colours(_)));
    if let Some((path, mask)) = colours {
        return Err(misfit(path, mask, class_count));
    }
    if let Some(above) = options.threshold {
        return threshold(above, class_count, masks);
    }
    if let (true, Some((path, mask))) = (class_count > 2, masks.iter().find(|(_, mask)| mask.lossy)) {
        return Err(Error::file(
            path,
            format!(
                "is compressed with loss, and so holds numbers beside those that were drawn: {}; save the class indices 0 to \
                 {} as a PNG, or say what each value means by `mask-values`",
                mask.found(),
                class_count - 1
            ),
        ));
    }
    let first = |wanted: &dyn Fn(&Evidence) -> bool| masks.iter().find(|(_, mask)| wanted(mask));
    let black_and_white = first(&|mask| mask.is_zero_and_255());
    if masks.iter().all(|(_, mask)| mask.is_indices(class_count)) {
        let both = first(&|mask| mask.has_class() && mask.histogram.contains_key(&u16::from(IGNORE)));
        let indices = first(&|mask| mask.has_class());
        return match (black_and_white, indices) {
            (Some(one), Some(other)) if both.is_none() && class_count == 2 => Err(contradiction(one, other)),
            (Some((path, mask)), None) if class_count > 2 => Err(misfit(path, mask, class_count)),
            (Some(_), None) => Ok(MaskReading::TwoLevels {
                background: 0,
                foreground: 255,
            }),
            _ => Ok(MaskReading::ClassIndices),
        };
    }
    let stranger = first(&|mask| !mask.is_indices(class_count));
    if class_count > 2 {
        return match stranger {
            Some((path, mask)) => Err(misfit(path, mask, class_count)),
            None => Ok(MaskReading::ClassIndices),
        };
    }
    if let Some(reading) = two_levels(masks) {
        return Ok(reading);
    }
    let soft = |mask: &Evidence| mask.histogram.len() > 2 && mask.no_soft_edges.is_none();
    let above = options.soft_threshold.unwrap_or(HALF);
    if let Some(grey) = first(&soft) {
        // Beside soft ones, masks of one or two levels are black, white or both.
        let plain = |mask: &Evidence| {
            mask.histogram.len() <= 2 && mask.histogram.keys().all(|&value| value == 0 || value >= 128)
        };
        return match first(&|mask| !soft(mask) && !plain(mask)) {
            None => Ok(MaskReading::Threshold { above }),
            Some(other) if other.1.is_indices(2) => Err(contradiction(grey, other)),
            Some((path, mask)) => Err(misfit(path, mask, class_count)),
        };
    }
    let several = first(&|mask| mask.histogram.len() > 2 && !mask.is_indices(class_count));
    let indices = first(&|mask| mask.is_indices(class_count) && mask.has_class());
    match (several, stranger, indices) {
        (Some((path, mask)), _, _) => Err(misfit(path, mask, class_count)),
        (None, Some(one), Some(other)) => Err(contradiction(one, other)),
        // Each has two levels at most, and they are not the same two.
        (None, Some(one), None) => {
            match first(&|mask| {
                mask.histogram
                    .keys()
                    .any(|value| !one.1.histogram.contains_key(value))
            }) {
                Some(other) => Err(different_levels(one, other)),
                None => Err(misfit(one.0, one.1, class_count)),
            }
        }
        (None, None, _) => Ok(MaskReading::ClassIndices),
    }
}

/// As the user says.
///
/// # Errors
/// If that names a class that the network does not have.
pub(super) fn mapped(values: &MaskValues, class_count: usize) -> Result<MaskReading> {
    let largest = usize::from(values.largest_class());
    if largest >= class_count {
        return Err(Error::Usage(format!(
            "`mask-values={values}` names class {largest}; the network has classes 0 to {}",
            class_count - 1
        )));
    }
    Ok(MaskReading::Mapped(values.clone()))
}

fn threshold(above: u8, class_count: usize, masks: &[(&Path, &Evidence)]) -> Result<MaskReading> {
    if class_count > 2 {
        return Err(Error::Usage(format!(
            "`mask-threshold` makes background and foreground, and the network has {class_count} classes; say what each \
             value means by `mask-values`"
        )));
    }
    match masks
        .iter()
        .find(|(_, mask)| matches!(mask.source, Source::ColourPalette(_)))
    {
        Some((path, mask)) => Err(misfit(path, mask, class_count)),
        None => Ok(MaskReading::Threshold { above }),
    }
}

/// Background and foreground, where all masks together have two levels.
fn two_levels(masks: &[(&Path, &Evidence)]) -> Option<MaskReading> {
    let mut all: Vec<u16> = masks
        .iter()
        .flat_map(|(_, mask)| mask.histogram.keys().copied())
        .collect();
    all.sort_unstable();
    all.dedup();
    match all[..] {
        // A class of another network with pixels to ignore beside it.
        [1..=LARGEST_INDEX, 255] => None,
        [background, foreground] => Some(MaskReading::TwoLevels {
            background,
            foreground,
        }),
        // One level alone that is no class: all of it is foreground if it is bright.
        [only] if only >= 128 => Some(MaskReading::TwoLevels {
            background: 0,
            foreground: only,
        }),
        _ => None,
    }
}

impl MaskReading {
    /// The classes of a mask that is read so.
    ///
    /// # Errors
    /// If a number has no class.
    pub(super) fn apply(&self, path: &Path, levels: &Levels, class_count: usize) -> Result<LabelMap> {
        let class_count = class_count.max(2);
        let class_of = |value: u16| -> Option<u8> {
            match self {
                MaskReading::ClassIndices if value == u16::from(IGNORE) => Some(IGNORE),
                MaskReading::ClassIndices => is_class(value, class_count).then_some(value as u8),
                MaskReading::TwoLevels { background, .. } if value == *background => Some(0),
                MaskReading::TwoLevels { foreground, .. } if value == *foreground => Some(1),
                MaskReading::TwoLevels { .. } => None,
                MaskReading::Threshold { above } => Some(u8::from(levels.grey(value) > *above)),
                MaskReading::Mapped(values) => match (&levels.source, levels.colour(value)) {
                    // A number names the grey with so much of each colour.
                    (Source::Colours(_), Some(colour)) => {
                        let grey = (colour == [colour[0]; 3]).then_some(u16::from(colour[0]));
                        values.class_of(grey, Some(colour))
                    }
                    (_, colour) => values.class_of(Some(levels.stored(value)), colour),
                },
            }
        };
        let histogram = levels.histogram();
        let largest = histogram.keys().copied().max().unwrap_or(0);
        let mut classes = vec![None; usize::from(largest) + 1];
        for &value in histogram.keys() {
            let class = class_of(value).ok_or_else(|| {
                let evidence = Evidence::of(levels, class_count);
                match self {
                    MaskReading::Mapped(values) => Error::file(
                        path,
                        format!(
                            "holds {}, and `mask-values={values}` does not say what {} is; add it, or else:CLASS",
                            evidence.found(),
                            evidence.name(value)
                        ),
                    ),
                    _ => misfit(path, &evidence, class_count),
                }
            })?;
            classes[usize::from(value)] = Some(class);
        }
        let labels = levels
            .values
            .iter()
            .map(|&value| classes[usize::from(value)].unwrap_or(IGNORE));
        LabelMap::new(levels.height, levels.width, labels.collect())
    }
}

impl fmt::Display for MaskReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaskReading::ClassIndices => f.write_str("values read as class indices (255: ignored)"),
            MaskReading::TwoLevels {
                background,
                foreground,
            } => write!(
                f,
                "two levels read as background ({background}) and foreground ({foreground})"
            ),
            MaskReading::Threshold { above } => write!(f, "greys above {above} of 255 read as foreground"),
            MaskReading::Mapped(values) => write!(f, "values read as `mask-values={values}` says"),
        }
    }
}

/// What is found in a mask that fits nothing, what was wanted, and what to do.
fn misfit(path: &Path, mask: &Evidence, class_count: usize) -> Error {
    let last = class_count - 1;
    let found = mask.found();
    let wanted = match class_count {
        2 => "0 and 1, or black and white".to_string(),
        _ => format!("the class indices 0 to {last} (and 255 for pixels to ignore)"),
    };
    let example = mask.example(class_count);
    let highest = mask
        .histogram
        .keys()
        .copied()
        .filter(|&value| value != 255)
        .max()
        .unwrap_or(0);
    let ignored = if mask.histogram.contains_key(&255) {
        " (and 255 to ignore)"
    } else {
        ""
    };
    let problem = if let Source::Colours(_) = mask.source {
        format!(
            "is a colour picture: it holds {found}; say which class each colour is: `mask-values={example}`"
        )
    } else if let Some(objects) = mask.instances {
        format!(
            "looks like instance labels, {objects} objects with a number each: it holds {found}; \
             `mask-values=0:0,else:1` takes all of them for foreground"
        )
    } else if mask.is_zero_and_255() {
        format!(
            "holds {found}: black and white, and the network has {class_count} classes, so wanted is {wanted}; say what \
             the values mean: `mask-values={example}`"
        )
    } else if highest <= MOST_LIKELY_CLASSES {
        format!(
            "holds {found}: class indices up to {highest}{ignored} for a network of {class_count} classes, which wants \
             {wanted}; see `classes`, or say what they mean: `mask-values={example}`"
        )
    } else if let (Some(why), 2, true) = (
        &mask.no_soft_edges,
        class_count,
        mask.histogram.len() > MOST_LISTED,
    ) {
        format!(
            "holds {found}; wanted is {wanted}, maybe with soft edges, and {why}; `mask-threshold={HALF}` takes what is \
             brighter than half for foreground all the same, or say what the values mean: `mask-values={example}`"
        )
    } else {
        format!("holds {found}; wanted is {wanted}; say what they mean: `mask-values={example}`")
    };
    Error::file(path, problem)
}

fn contradiction(one: &(&Path, &Evidence), other: &(&Path, &Evidence)) -> Error {
    Error::file(
        one.0,
        format!(
            "is black and white, and {} holds class indices; save all masks of a data set alike",
            other.0.display()
        ),
    )
}

fn different_levels(one: &(&Path, &Evidence), other: &(&Path, &Evidence)) -> Error {
    Error::file(
        one.0,
        format!(
            "holds {}, and {} holds {}: together no background and foreground; see `classes`, or say what they mean: \
             `mask-values=0:0,else:1`",
            one.1.found(),
            other.0.display(),
            other.1.found()
        ),
    )
}
