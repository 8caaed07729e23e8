//! Whether a grey mask is black and white with soft edges: as scaled, smoothed or lossily compressed ones are.

use super::levels::{LARGEST_INDEX, Levels};

/// The least part of all pixels that lies at the two main levels.
const LEAST_AT_MAIN_LEVELS: f64 = 0.8;

/// How far from a main level, in 255ths of white, a grey still counts as that level: lossy compression strays.
const STRAY: u8 = 24;

/// How far it may be without being a class of its own.
const NOISE: u8 = 6;

/// The least distance of the two main levels.
const LEAST_CONTRAST: u8 = 100;

/// Within so many pixels of an intermediate grey both main levels are found, along an edge.
const REACH: usize = 8;

/// The most of the intermediate greys that may lie elsewhere.
const MOST_ASTRAY: f64 = 0.05;

/// Checks that nearly all pixels have the two main levels, one dark and one bright, and that the others lie
/// between them along edges. An error is why that is not so.
pub(super) fn check(levels: &Levels) -> Result<(), String> {
    let greys: Vec<u8> = levels.values.iter().map(|&value| levels.grey(value)).collect();
    let mut counts = [0u64; 256];
    greys.iter().for_each(|&grey| counts[usize::from(grey)] += 1);
    let mode = |range: std::ops::RangeInclusive<u8>| {
        range
            .filter(|&grey| counts[usize::from(grey)] > 0)
            .max_by_key(|&grey| counts[usize::from(grey)])
    };
    let (Some(dark), Some(bright)) = (mode(0..=127), mode(128..=255)) else {
        return Err("all its values lie on one side of half grey".into());
    };
    if bright - dark < LEAST_CONTRAST {
        return Err(format!(
            "its main levels {dark} and {bright} of 255 are too near to each other"
        ));
    }
    let others = (1..=254u8).filter(|&grey| counts[usize::from(grey)] > 0);
    if !levels.lossy
        && others.clone().next().is_some()
        && others.clone().all(|grey| u16::from(grey) <= LARGEST_INDEX)
    {
        return Err(format!(
            "its values other than 0 and 255 all lie at or below {LARGEST_INDEX}"
        ));
    }
    let distance = |grey: u8| grey.abs_diff(dark).min(grey.abs_diff(bright));
    let total = greys.len() as f64;
    let near = greys.iter().filter(|&&grey| distance(grey) <= STRAY).count() as f64;
    if near < LEAST_AT_MAIN_LEVELS * total {
        return Err(format!(
            "only {:.0} % of its pixels lie at its two main levels",
            100.0 * near / total
        ));
    }
    let mut between = (dark..=bright).filter(|&grey| distance(grey) > NOISE && counts[usize::from(grey)] > 0);
    // Among the many of lossy compression it is one of them.
    let elsewhere = greys
        .iter()
        .filter(|&&grey| grey != dark && grey != bright)
        .count() as u64;
    if let (Some(grey), None) = (between.next(), between.next())
        && 2 * counts[usize::from(grey)] > elsewhere
    {
        return Err(format!(
            "{grey} is the only level between {dark} and {bright}, and so more likely a class of its own"
        ));
    }
    let outside = greys
        .iter()
        .filter(|&&grey| grey < dark.saturating_sub(STRAY) || grey > bright.saturating_add(STRAY))
        .count();
    if outside > 0 {
        return Err("it has values beyond its two main levels".into());
    }
    let width = levels.width;
    let (flat, beside) = flat_areas(&greys, width, &|grey| distance(grey) > NOISE);
    if flat as f64 > (MOST_ASTRAY * beside as f64).max(2.0) {
        return Err("it has whole areas of other levels".into());
    }
    let dark_near = dilated(&greys, width, &|grey| grey.abs_diff(dark) <= STRAY);
    let bright_near = dilated(&greys, width, &|grey| grey.abs_diff(bright) <= STRAY);
    let between = greys.iter().zip(dark_near.iter().zip(&bright_near));
    let between: Vec<bool> = between
        .filter(|(grey, _)| distance(**grey) > STRAY)
        .map(|(_, (dark, bright))| *dark && *bright)
        .collect();
    let astray = between.iter().filter(|&&at_edge| !at_edge).count();
    if astray as f64 > MOST_ASTRAY * between.len() as f64 {
        return Err("it has greys that lie along no edge".into());
    }
    Ok(())
}

/// How many of the pixels whose grey `counts` lie in the middle of nine equal ones, and how many of them there are.
fn flat_areas(greys: &[u8], width: usize, counts: &dyn Fn(u8) -> bool) -> (usize, usize) {
    let height = greys.len() / width.max(1);
    let (mut flat, mut all) = (0, 0);
    for (index, &grey) in greys.iter().enumerate() {
        if !counts(grey) {
            continue;
        }
        all += 1;
        let (y, x) = (index / width, index % width);
        if y == 0 || x == 0 || y + 1 >= height || x + 1 >= width {
            continue;
        }
        let mut rows = (index - width..=index + width).step_by(width);
        if rows.all(|middle| greys[middle - 1..=middle + 1] == [grey; 3]) {
            flat += 1;
        }
    }
    (flat, all)
}

/// Which pixels have one whose grey `counts` within [`REACH`] rows and columns.
fn dilated(greys: &[u8], width: usize, counts: &dyn Fn(u8) -> bool) -> Vec<bool> {
    let marked: Vec<bool> = greys.iter().map(|&grey| counts(grey)).collect();
    let along_rows = spread(&marked, width, 1, greys.len() / width.max(1));
    // Columns, as lines whose pixels lie `width` apart.
    spread(&along_rows, greys.len() / width.max(1), width, width)
}

/// The marks of each line spread to both sides. A line has `length` pixels, `stride` apart; there are `lines`.
fn spread(marked: &[bool], length: usize, stride: usize, lines: usize) -> Vec<bool> {
    let mut spread = vec![false; marked.len()];
    for line in 0..lines {
        let start = if stride == 1 { line * length } else { line };
        let place = |index: usize| start + index * stride;
        let mut last = None;
        for index in 0..length {
            if marked[place(index)] {
                last = Some(index);
            }
            spread[place(index)] |= last.is_some_and(|last| index - last <= REACH);
        }
        last = None;
        for index in (0..length).rev() {
            if marked[place(index)] {
                last = Some(index);
            }
            spread[place(index)] |= last.is_some_and(|last| last - index <= REACH);
        }
    }
    spread
}
