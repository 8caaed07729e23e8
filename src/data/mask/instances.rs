//! Whether a mask numbers its objects, as Cellpose and StarDist do.

use super::levels::{Histogram, Levels};

/// Fewer numbers than this may as well be classes.
const LEAST: usize = 5;

/// The least part of the numbers that occur in one place alone.
const IN_ONE_PLACE: f64 = 0.8;

/// How many objects the mask numbers, if most of its numbers beside 0 are one connected area of some size each.
pub(super) fn count(levels: &Levels, histogram: &Histogram) -> Option<usize> {
    let numbers = histogram.keys().filter(|&&value| value != 0).count();
    let pixels: u64 = histogram
        .iter()
        .filter(|(value, _)| **value != 0)
        .map(|(_, count)| count)
        .sum();
    // The greys of an edge are many and small.
    if numbers < LEAST || pixels < 8 * numbers as u64 {
        return None;
    }
    let mut areas = vec![0u32; 1 << 16];
    let mut seen = vec![false; levels.values.len()];
    let mut open = Vec::new();
    for start in 0..levels.values.len() {
        let value = levels.values[start];
        if seen[start] || value == 0 {
            continue;
        }
        areas[usize::from(value)] += 1;
        seen[start] = true;
        open.push(start);
        while let Some(place) = open.pop() {
            let (y, x) = (place / levels.width, place % levels.width);
            let rows = y.saturating_sub(1)..=(y + 1).min(levels.height - 1);
            for row in rows {
                for column in x.saturating_sub(1)..=(x + 1).min(levels.width - 1) {
                    let next = row * levels.width + column;
                    if !seen[next] && levels.values[next] == value {
                        seen[next] = true;
                        open.push(next);
                    }
                }
            }
        }
    }
    let single = areas.iter().filter(|&&areas| areas == 1).count();
    (single as f64 >= IN_ONE_PLACE * numbers as f64).then_some(numbers)
}
