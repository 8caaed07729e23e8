//! An adversarial image as a file of 8 bits keeps it, or of any other evenly spaced levels.

use crate::tensor::Tensor;

/// The values from 0 to 1 that a file can hold: `(k + offset) / count` for whole k.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// So many of them lie between 0 and 1, not counting one.
    pub count: f32,
    /// How far the first one lies above 0, of the distance between two; below 1.
    pub offset: f32,
}

impl Levels {
    /// The whole numbers from 0 to 255 of 8 bits.
    pub const EIGHT_BITS: Levels = Levels {
        count: 255.0,
        offset: 0.0,
    };

    /// Where a value lies among them, as a number that is whole for a level.
    fn place(self, value: f32) -> f32 {
        value * self.count - self.offset
    }

    fn value(self, place: f32) -> f32 {
        (place + self.offset) / self.count
    }
}

/// `image` rounded to the levels of 8 bits, still as values from 0 to 1, so that as much of the change from `source` as
/// can be survives.
///
/// Much of a small perturbation is below half a level, and rounding each value by itself would lose it. So what a value
/// loses is handed on to its neighbours to the right and below (Floyd and Steinberg, *An adaptive algorithm for spatial
/// greyscale*, 1976): a network, which sums over neighbourhoods, sees nearly the same. Values that equal the source's are
/// rounded by themselves, so that a region that may not change does not, and with a `cap` none ends further from the
/// source than that, unless rounding the source alone does. `source` and `image` have the same shape, N×C×H×W; planes that
/// only one of them has stay as they are.
pub fn to_8_bits(source: &Tensor, image: &Tensor, cap: Option<f32>) -> Tensor {
    round_towards(source, image, cap, Levels::EIGHT_BITS, TOWARDS[0])
}

/// Where what is lost may be handed on to: to the left instead of the right, above instead of below.
pub(super) const TOWARDS: [[bool; 2]; 4] = [[false, false], [true, false], [false, true], [true, true]];

/// [`to_8_bits`] with what is lost handed on another way, or to other levels.
pub(super) fn round_towards(
    source: &Tensor,
    image: &Tensor,
    cap: Option<f32>,
    levels: Levels,
    [left, above]: [bool; 2],
) -> Tensor {
    let shape = image.shape();
    // An image of no pixels has no planes either.
    let pixels = shape.pixels().max(1);
    let mut result = image.clone();
    for (plane, (values, origins)) in result
        .data_mut()
        .chunks_exact_mut(pixels)
        .zip(source.data().chunks_exact(pixels))
        .enumerate()
    {
        let exact = &image.data()[plane * pixels..][..pixels];
        let [exact, origins] = [exact, origins].map(|plane| mirrored(plane, shape.w, [left, above]));
        let mut rounded = exact.clone();
        diffuse(&mut rounded, &exact, &origins, shape.w, cap, levels);
        values.copy_from_slice(&mirrored(&rounded, shape.w, [left, above]));
    }
    result
}

/// A plane of rows of this width, turned left to right, upside down, or as it is.
fn mirrored(plane: &[f32], width: usize, [left, above]: [bool; 2]) -> Vec<f32> {
    let mut rows: Vec<Vec<f32>> = plane.chunks(width.max(1)).map(<[f32]>::to_vec).collect();
    if left {
        rows.iter_mut().for_each(|row| row.reverse());
    }
    if above {
        rows.reverse();
    }
    rows.concat()
}

/// Rounds one plane, `width` values a row.
fn diffuse(
    values: &mut [f32],
    exact: &[f32],
    origins: &[f32],
    width: usize,
    cap: Option<f32>,
    levels: Levels,
) {
    let last = levels.place(1.0).floor();
    for i in 0..values.len() {
        if exact[i] == origins[i] {
            values[i] = levels.value(levels.place(exact[i]).round());
            continue;
        }
        let wanted = values[i];
        let (mut least, mut most) = (0.0, last);
        if let Some(cap) = cap {
            // A thousandth of a level for what float32 makes of whole ones.
            least = f32::max((levels.place(origins[i] - cap) - 1e-3).ceil(), least);
            most = f32::min((levels.place(origins[i] + cap) + 1e-3).floor(), most);
        }
        values[i] = match least <= most {
            true => levels.value(levels.place(wanted).round().clamp(least, most)),
            false => levels.value(levels.place(origins[i]).round()),
        };
        let lost = wanted - values[i];
        let (x, below) = (i % width, i + width);
        let mut hand_on = |place: usize, sixteenths: f32| {
            if let Some(value) = values.get_mut(place) {
                *value += lost * sixteenths / 16.0;
            }
        };
        if x + 1 < width {
            hand_on(i + 1, 7.0);
            hand_on(below + 1, 1.0);
        }
        if x > 0 {
            hand_on(below - 1, 3.0);
        }
        hand_on(below, 5.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Shape;

    const SHAPE: Shape = Shape::new(1, 2, 40, 37);

    fn source() -> Tensor {
        Tensor::from_fn(SHAPE, |_, c, y, x| {
            ((7 * y + 13 * x + 50 * c) % 256) as f32 / 255.0
        })
    }

    #[test]
    fn levels_are_whole_and_a_change_below_half_a_level_survives_in_the_mean() {
        let source = Tensor::from_fn(SHAPE, |_, _, y, x| ((y + x) % 100 + 50) as f32 / 255.0);
        let image = Tensor::from_fn(SHAPE, |_, c, y, x| source.at(0, c, y, x) + 0.3 / 255.0);
        let rounded = to_8_bits(&source, &image, None);
        let levels = |image: &Tensor| {
            image
                .data()
                .iter()
                .map(|v| f64::from(*v) * 255.0)
                .collect::<Vec<_>>()
        };
        assert!(
            levels(&rounded)
                .iter()
                .all(|level| (level - level.round()).abs() < 1e-4)
        );
        let mean = |image: &Tensor| levels(image).iter().sum::<f64>() / SHAPE.elements() as f64;
        let kept = mean(&rounded) - mean(&source);
        assert!((kept - 0.3).abs() < 0.02, "{kept} of 0.3 levels");
    }

    #[test]
    fn an_image_of_no_pixels_is_one() {
        let nothing = Tensor::zeros(Shape::new(1, 3, 0, 5));
        assert_eq!(to_8_bits(&nothing, &nothing, None), nothing);
    }

    #[test]
    fn every_way_to_hand_on_is_the_first_one_mirrored() {
        let source = source();
        let image = Tensor::from_fn(SHAPE, |_, c, y, x| {
            source.at(0, c, y, x) * 0.9 + 0.001 * (x + 2 * y) as f32 / 2.0
        });
        let turned = |tensor: &Tensor, [left, above]: [bool; 2]| {
            Tensor::from_fn(SHAPE, |_, c, y, x| {
                let y = if above { SHAPE.h - 1 - y } else { y };
                let x = if left { SHAPE.w - 1 - x } else { x };
                tensor.at(0, c, y, x)
            })
        };
        let mut found = Vec::new();
        for towards in TOWARDS {
            let rounded = round_towards(&source, &image, Some(0.1), Levels::EIGHT_BITS, towards);
            let wanted = to_8_bits(&turned(&source, towards), &turned(&image, towards), Some(0.1));
            assert_eq!(turned(&rounded, towards), wanted, "{towards:?}");
            assert!(!found.contains(&rounded), "{towards:?}");
            found.push(rounded);
        }
    }

    #[test]
    fn other_levels_are_kept_as_well_as_those_of_8_bits() {
        // Forty of them, the first a quarter of a step above 0.
        let levels = Levels {
            count: 40.5,
            offset: 0.25,
        };
        let source = Tensor::from_fn(SHAPE, |_, _, y, x| levels.value(((y + x) % 20 + 10) as f32));
        let image = Tensor::from_fn(SHAPE, |_, c, y, x| source.at(0, c, y, x) + 0.3 / levels.count);
        let rounded = round_towards(&source, &image, None, levels, TOWARDS[0]);
        let places = |image: &Tensor| image.data().iter().map(|&v| levels.place(v)).collect::<Vec<_>>();
        assert!(
            places(&rounded)
                .iter()
                .all(|place| (place - place.round()).abs() < 1e-3)
        );
        let mean = |image: &Tensor| places(image).iter().sum::<f32>() / SHAPE.elements() as f32;
        let kept = mean(&rounded) - mean(&source);
        assert!((kept - 0.3).abs() < 0.02, "{kept} of 0.3 levels");
        let white = Tensor::from_fn(SHAPE, |_, _, _, _| 1.0);
        let rounded = round_towards(&source, &white, None, levels, TOWARDS[0]);
        assert!(rounded.data().iter().all(|value| (0.0..=1.0).contains(value)));
    }

    #[test]
    fn what_equals_the_source_stays_as_it_is() {
        let source = source();
        let image = Tensor::from_fn(SHAPE, |_, c, y, x| match x < 20 {
            true => (source.at(0, c, y, x) + 0.004).min(1.0),
            false => source.at(0, c, y, x),
        });
        let rounded = to_8_bits(&source, &image, None);
        for (y, x) in (0..40).flat_map(|y| (20..37).map(move |x| (y, x))) {
            assert!((rounded.at(0, 1, y, x) - source.at(0, 1, y, x)).abs() < 1e-6);
        }
    }

    #[test]
    fn no_value_ends_beyond_the_cap() {
        // Of whole levels and of others.
        for offset in [0.0, 0.4 / 255.0] {
            let source = Tensor::from_fn(SHAPE, |_, c, y, x| (source().at(0, c, y, x) + offset).min(1.0));
            let image = Tensor::from_fn(SHAPE, |_, c, y, x| {
                let change = if (x + y) % 3 == 0 { -0.1 } else { 0.1 };
                (source.at(0, c, y, x) + change).clamp(0.0, 1.0)
            });
            let rounded = to_8_bits(&source, &image, Some(0.1));
            let differences = source
                .data()
                .iter()
                .zip(rounded.data())
                .map(|(a, b)| (a - b).abs());
            let most = differences.fold(0.0, f32::max);
            assert!((0.09..=0.1 + 1e-6).contains(&most), "{most}");
        }
    }
}
