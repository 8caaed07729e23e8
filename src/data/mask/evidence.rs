//! What one mask tells about how it is to be read, and its numbers in words.

use super::instances;
use super::levels::{Histogram, Levels, Source};
use super::soft_edges;
use crate::labels::IGNORE;

/// Up to here, numbers that are no classes of the network are taken for classes of another one.
pub(super) const MOST_LIKELY_CLASSES: u16 = 63;

/// So many different values at most are listed one by one.
pub(super) const MOST_LISTED: usize = 8;

/// What one mask tells about how it is to be read.
pub(in crate::data) struct Evidence {
    pub(super) histogram: Histogram,
    /// Of stored numbers to those in the histogram.
    pub(super) step: u16,
    pub(super) lossy: bool,
    pub(super) source: Source,
    /// Why it is not black and white with soft edges.
    pub(super) no_soft_edges: Option<String>,
    /// How many objects it seems to number.
    pub(super) instances: Option<usize>,
}

impl Evidence {
    /// What the numbers tell for a network of `class_count` classes.
    pub(super) fn of(levels: &Levels, class_count: usize) -> Evidence {
        let histogram = levels.histogram();
        let few = histogram.len() <= 2;
        let indices = are_indices(&histogram, levels.lossy, class_count.max(2));
        let greys = matches!(
            levels.source,
            Source::Grey | Source::GreyPalette | Source::Alpha(_)
        );
        Evidence {
            no_soft_edges: match (few, indices, greys) {
                (true, _, _) => None,
                (_, true, _) => Some("its values are class indices".into()),
                (_, _, false) => Some("its values are colours".into()),
                (_, _, true) => soft_edges::check(levels).err(),
            },
            instances: match few || indices {
                true => None,
                false => instances::count(levels, &histogram),
            },
            histogram,
            step: levels.step,
            lossy: levels.lossy,
            source: levels.source.clone(),
        }
    }

    pub(super) fn is_indices(&self, class_count: usize) -> bool {
        are_indices(&self.histogram, self.lossy, class_count)
    }

    /// Whether 255 occurs, and no class but 0.
    pub(super) fn is_zero_and_255(&self) -> bool {
        let values = &self.histogram;
        values.contains_key(&u16::from(IGNORE))
            && values
                .keys()
                .all(|&value| value == 0 || value == u16::from(IGNORE))
    }

    pub(super) fn has_class(&self) -> bool {
        self.histogram
            .keys()
            .any(|&value| value > 0 && value != u16::from(IGNORE))
    }
}

/// Whether all numbers are classes or 255. Lossy compression makes ones beside a white area of two classes.
fn are_indices(histogram: &Histogram, lossy: bool, class_count: usize) -> bool {
    let ignored = u16::from(IGNORE);
    let strays = lossy && class_count == 2 && histogram.len() > 2 && histogram.contains_key(&ignored);
    !strays
        && histogram
            .keys()
            .all(|&value| is_class(value, class_count) || value == ignored)
}

pub(super) fn is_class(value: u16, class_count: usize) -> bool {
    usize::from(value) < class_count
}

impl Evidence {
    /// Where the numbers stand in the file, where that is not plain; behind `values`.
    pub(super) fn origin(&self) -> String {
        match &self.source {
            Source::Grey | Source::Colours(_) => String::new(),
            Source::GreyPalette => ", the greys of its palette".into(),
            Source::ColourPalette(colours) => {
                let of = |index: &u16| colours.get(usize::from(*index)).copied().map(hexadecimal);
                let named = self.histogram.keys().take(MOST_LISTED);
                let named: Vec<String> = named
                    .filter_map(|index| Some(format!("{index} {}", of(index)?)))
                    .collect();
                let more = if self.histogram.len() > named.len() {
                    ", …"
                } else {
                    ""
                };
                format!(", the indices of its palette ({}{more})", named.join(", "))
            }
            Source::Alpha([red, green, blue]) => format!(
                ", which are those of its alpha channel, as all its pixels have the colour ({red}, {green}, {blue})"
            ),
        }
    }

    /// A value as the user may name it.
    pub(super) fn name(&self, value: u16) -> String {
        match &self.source {
            Source::Colours(colours) => {
                hexadecimal(colours.get(usize::from(value)).copied().unwrap_or_default())
            }
            _ => value.saturating_mul(self.step).to_string(),
        }
    }

    /// The values found with their shares, the most frequent ones where there are many.
    pub(super) fn found(&self) -> String {
        let total: u64 = self.histogram.values().sum();
        let mut values: Vec<(u16, u64)> = self
            .histogram
            .iter()
            .map(|(&value, &count)| (value, count))
            .collect();
        let count = values.len();
        if count > MOST_LISTED {
            values.sort_by_key(|&(value, count)| (std::cmp::Reverse(count), value));
            values.truncate(MOST_LISTED / 2);
            values.sort_unstable();
        }
        let share = |count: u64| {
            let percent = 100.0 * count as f64 / total.max(1) as f64;
            let digits = if percent < 1.0 { 2 } else { 1 };
            format!("{percent:.digits$} %")
        };
        let listed = values
            .iter()
            .map(|&(value, count)| format!("{} ({})", self.name(value), share(count)));
        let listed = listed.collect::<Vec<_>>().join(", ");
        let colours = matches!(self.source, Source::Colours(_));
        let kind = if colours { "colours" } else { "values" };
        let origin = self.origin();
        let (smallest, largest) = (self.histogram.keys().next(), self.histogram.keys().next_back());
        match (count > MOST_LISTED, smallest.zip(largest)) {
            (true, Some((&smallest, &largest))) if !colours => format!(
                "{count} {kind} from {} to {}{origin}, the most frequent {listed}",
                self.name(smallest),
                self.name(largest)
            ),
            (true, _) => format!("{count} {kind}{origin}, the most frequent {listed}"),
            (false, _) => format!("the {kind} {listed}{origin}"),
        }
    }

    /// An example of the option that maps the values.
    pub(super) fn example(&self, class_count: usize) -> String {
        let values: Vec<u16> = self.histogram.keys().copied().collect();
        if values.len() > MOST_LISTED {
            return "0:0,else:1".into();
        }
        let last = class_count - 1;
        // White beside small numbers is what other tools ignore; beside greys it is one of them.
        let small = |value: &u16| *value <= MOST_LIKELY_CLASSES || *value == 255;
        let ignored = values.len() > 2 && values.iter().all(small);
        let entries = values.iter().enumerate().map(|(index, &value)| match value {
            255 if ignored => "255:ignore".to_string(),
            value => format!("{}:{}", self.name(value), index.min(last)),
        });
        let example = entries.collect::<Vec<_>>().join(",");
        match example.contains('#') {
            true => format!("'{example}'"),
            false => example,
        }
    }
}

fn hexadecimal([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
