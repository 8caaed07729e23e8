//! One small palette for many pictures, so that an animation's colours stay the same from frame to frame.

use std::collections::HashMap;

use image::RgbImage;

type Colour = [u8; 3];

/// Replaces the colours of all pictures by `most` at most, the same for all of them. Colours in `exact` stay
/// as they are; the others become the nearest of a palette that the pictures' colours are cut into (median
/// cut, after Heckbert 1982).
pub(super) fn reduce(pictures: &mut [RgbImage], exact: &[Colour], most: usize) {
    let mut counts: HashMap<Colour, u64> = HashMap::new();
    for picture in pictures.iter() {
        // Counted by runs, as most of a picture is flat.
        for run in picture.as_raw().as_chunks::<3>().0.chunk_by(|a, b| a == b) {
            *counts.entry(run[0]).or_default() += run.len() as u64;
        }
    }
    let mut palette = exact.to_vec();
    palette.sort_unstable();
    palette.dedup();
    let mut others: Vec<(Colour, u64)> = counts
        .iter()
        .filter(|(colour, _)| !palette.contains(*colour))
        .map(|(&colour, &count)| (colour, count))
        .collect();
    // The map's order is another in each run.
    others.sort_unstable();
    palette.extend(cut(others, most.saturating_sub(palette.len())));

    let nearest: HashMap<Colour, Colour> = counts
        .into_keys()
        .map(|colour| {
            let nearest = palette.iter().min_by_key(|&&other| distance(colour, other));
            (colour, nearest.copied().unwrap_or(colour))
        })
        .collect();
    for picture in pictures {
        for pixel in picture.pixels_mut() {
            if let Some(&colour) = nearest.get(&pixel.0) {
                pixel.0 = colour;
            }
        }
    }
}

fn distance(a: Colour, b: Colour) -> u32 {
    let squares = a.into_iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2));
    squares.sum()
}

/// Means of `most` groups of similar colours.
fn cut(colours: Vec<(Colour, u64)>, most: usize) -> Vec<Colour> {
    if colours.is_empty() || most == 0 {
        return Vec::new();
    }
    let mut groups = vec![Group::new(colours)];
    while groups.len() < most {
        let widest = (0..groups.len()).max_by_key(|&index| groups[index].weight());
        let Some(widest) = widest.filter(|&index| groups[index].length > 0) else {
            break;
        };
        let (low, high) = groups.swap_remove(widest).halves();
        groups.extend([low, high]);
    }
    groups.iter().map(Group::mean).collect()
}

/// Colours with their numbers of pixels, and the axis along which they differ most.
struct Group {
    colours: Vec<(Colour, u64)>,
    axis: usize,
    length: u8,
}

impl Group {
    fn new(colours: Vec<(Colour, u64)>) -> Self {
        let length = |axis: usize| {
            let values = || colours.iter().map(|(colour, _)| colour[axis]);
            values().max().unwrap_or(0) - values().min().unwrap_or(0)
        };
        let (length, axis) = (0..3).map(|axis| (length(axis), axis)).max().unwrap_or((0, 0));
        Group {
            colours,
            axis,
            length,
        }
    }

    /// Which group is cut next: one that is long, and more so if many pixels have its colours. A group of one
    /// colour is never cut.
    fn weight(&self) -> u64 {
        let pixels: u64 = self.colours.iter().map(|(_, count)| count).sum();
        u64::from(self.length).pow(2) * pixels.isqrt()
    }

    /// Cuts at the median pixel, so that neither half is empty.
    fn halves(mut self) -> (Group, Group) {
        self.colours.sort_unstable_by_key(|(colour, _)| colour[self.axis]);
        let half = self.colours.iter().map(|(_, count)| count).sum::<u64>() / 2;
        let mut before = 0;
        let middle = self.colours.iter().position(|(_, count)| {
            before += count;
            before > half
        });
        let middle = middle.unwrap_or(0).clamp(1, self.colours.len() - 1);
        let high = self.colours.split_off(middle);
        (Group::new(self.colours), Group::new(high))
    }

    fn mean(&self) -> Colour {
        let pixels: u64 = self.colours.iter().map(|(_, count)| count).sum();
        [0, 1, 2].map(|axis| {
            let sum: u64 = (self.colours.iter())
                .map(|(colour, count)| u64::from(colour[axis]) * count)
                .sum();
            ((sum + pixels / 2) / pixels.max(1)) as u8
        })
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn few_colours_stay_and_many_come_near() {
        let ramp = |x: u32, y: u32| Rgb([(x * 4) as u8, (y * 4) as u8, ((x + y) * 2) as u8]);
        let flat = [[86, 180, 233], [255, 255, 255]];
        let mut pictures = vec![
            RgbImage::from_fn(64, 64, ramp),
            RgbImage::from_fn(64, 64, |x, _| Rgb(flat[x as usize % 2])),
        ];
        let before = pictures.clone();
        reduce(&mut pictures, &flat, 256);
        assert_eq!(pictures[1], before[1]);
        let mut colours: Vec<Colour> = pictures.iter().flat_map(|p| p.pixels().map(|p| p.0)).collect();
        colours.sort_unstable();
        colours.dedup();
        assert!((200..=256).contains(&colours.len()), "{}", colours.len());
        for (a, b) in pictures[0].pixels().zip(before[0].pixels()) {
            assert!(distance(a.0, b.0) <= 3 * 14 * 14, "{a:?} {b:?}");
        }

        // As few as there is room for: no cut is needed.
        let mut few = before.clone();
        reduce(&mut few, &[], 5000);
        assert_eq!(few, before);
    }
}
