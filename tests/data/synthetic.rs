//! Synthetic photographs: the same on every machine and in any order, varied, and with labels that fit.

use asma::data::{SyntheticKind, SyntheticOptions, generate};
use asma::{LabelMap, Shape, Tensor};

use crate::support::assert_says;

/// How many images the statistics look at.
const COUNT: u64 = 60;

fn options(kind: SyntheticKind) -> SyntheticOptions {
    SyntheticOptions {
        kind,
        size: 64,
        seed: 5,
        cup: false,
    }
}

fn series(options: &SyntheticOptions) -> Vec<(Tensor, LabelMap)> {
    (0..COUNT)
        .map(|index| generate(options, index).expect("generates"))
        .collect()
}

/// FNV-1a over the image's bytes and then the labels.
fn hash(image: &Tensor, labels: &LabelMap) -> u64 {
    let bytes = image.data().iter().map(|value| (255.0 * value).round() as u8);
    bytes
        .chain(labels.labels().iter().copied())
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        })
}

/// The share of pixels that carry a label other than 0.
fn foreground(labels: &LabelMap) -> f64 {
    1.0 - labels.count(0) as f64 / labels.labels().len() as f64
}

/// The mean of a channel over the pixels that `wanted` picks by row, column and label, if there are any.
fn mean(
    image: &Tensor,
    labels: &LabelMap,
    channel: usize,
    wanted: impl Fn(usize, usize, u8) -> bool,
) -> Option<f64> {
    let width = labels.width();
    let picked: Vec<f64> = image
        .plane(0, channel)
        .iter()
        .zip(labels.labels())
        .enumerate()
        .filter(|(index, (_, label))| wanted(index / width, index % width, **label))
        .map(|(_, (value, _))| f64::from(*value))
        .collect();
    (!picked.is_empty()).then(|| picked.iter().sum::<f64>() / picked.len() as f64)
}

/// Whether a background pixel lies within `reach` pixels of the foreground, rows and columns alike.
fn near_foreground(labels: &LabelMap, row: usize, column: usize, reach: usize) -> bool {
    (row.saturating_sub(reach)..=row + reach).any(|y| {
        (column.saturating_sub(reach)..=column + reach)
            .any(|x| labels.get(y, x).is_some_and(|label| label > 0))
    })
}

fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

#[test]
fn the_same_bits_as_ever() {
    let hashes = |kind, size, cup| {
        let options = SyntheticOptions {
            size,
            cup,
            ..options(kind)
        };
        [0, 1, 7, u64::MAX].map(|index| {
            let (image, labels) = generate(&options, index).unwrap();
            hash(&image, &labels)
        })
    };
    let found = [
        hashes(SyntheticKind::Fundus, 64, false),
        hashes(SyntheticKind::Fundus, 97, true),
        hashes(SyntheticKind::Lesion, 64, false),
        hashes(SyntheticKind::Lesion, 97, false),
    ];
    // Another machine, compiler or number of threads must not change them; a change of the generator does.
    let expected: [[u64; 4]; 4] = [
        [
            0xEF1F_4EB2_0BA4_BCEA,
            0x55CE_84FA_2385_3813,
            0x309E_D7B9_091C_CF44,
            0x86A0_EAD2_4BE8_3BFD,
        ],
        [
            0x2A8F_348A_E121_C69B,
            0x3B36_94CB_75E2_392A,
            0xA05B_3959_F32D_15CB,
            0x56C2_7BE5_2745_F830,
        ],
        [
            0xAB8E_D795_7824_FFAE,
            0x4865_758E_03D6_D53E,
            0x0155_F2D7_EB52_2603,
            0xD8BB_011A_717F_C78D,
        ],
        [
            0xD46E_A82F_B81A_2998,
            0xD0FD_399B_E621_6084,
            0xF9CA_9358_F104_025C,
            0x8CF7_39E1_71A3_6511,
        ],
    ];
    assert_eq!(found, expected, "found {found:#018x?}");
}

#[test]
fn an_image_depends_on_its_options_and_index_alone() {
    for kind in [SyntheticKind::Fundus, SyntheticKind::Lesion] {
        let options = options(kind);
        let forwards: Vec<_> = (0..6).map(|index| generate(&options, index).unwrap()).collect();
        for index in (0..6).rev() {
            assert_eq!(generate(&options, index as u64).unwrap(), forwards[index]);
        }
        let other = SyntheticOptions { seed: 6, ..options };
        for (index, (image, labels)) in forwards.iter().enumerate() {
            assert_ne!(image, &generate(&other, index as u64).unwrap().0);
            for (later, _) in &forwards[index + 1..] {
                assert_ne!(image, later);
            }
            assert_eq!(image.shape(), Shape::new(1, 3, 64, 64));
            assert_eq!((labels.height(), labels.width()), (64, 64));
            for value in image.data() {
                assert!((0.0..=1.0).contains(value));
                assert_eq!(*value, (255.0 * value).round() / 255.0, "not of 8 bits");
            }
        }
    }
}

#[test]
fn discs_have_their_size_and_stand_out() {
    let mut areas = Vec::new();
    let mut brighter = 0;
    let mut visible = 0;
    let mut contrasts = Vec::new();
    for (image, labels) in series(&options(SyntheticKind::Fundus)) {
        let area = foreground(&labels);
        // Diameters of 12 to 60 % cover 1.1 to 28 % of the image, less what lies beyond its border, bumps more.
        assert!((0.001..0.36).contains(&area), "a disc of {area}");
        assert!(labels.labels().iter().all(|&label| label <= 1));
        areas.push(area);
        let inside = mean(&image, &labels, 1, |_, _, label| label > 0).unwrap();
        let around = mean(&image, &labels, 1, |row, column, label| {
            label == 0 && near_foreground(&labels, row, column, 6)
        })
        .unwrap();
        brighter += usize::from(inside > around);
        contrasts.push(inside / around);
        let squares = [0, 1, 2].map(|channel| {
            let inside = mean(&image, &labels, channel, |_, _, label| label > 0).unwrap();
            let around = mean(&image, &labels, channel, |row, column, label| {
                label == 0 && near_foreground(&labels, row, column, 3)
            });
            (inside - around.unwrap()).powi(2)
        });
        visible += usize::from(squares.iter().sum::<f64>().sqrt() > 0.05);
    }
    // Discs may be dim; in green, where they show best, nearly all are brighter than what is around them.
    assert!(brighter as u64 >= COUNT * 85 / 100, "{brighter} brighter discs");
    assert!(
        visible as u64 >= COUNT * 90 / 100,
        "{visible} discs that can be seen"
    );
    let mean_contrast = contrasts.iter().sum::<f64>() / COUNT as f64;
    assert!((1.2..3.0).contains(&mean_contrast), "{mean_contrast}");
    assert!(areas.iter().any(|&area| area < 0.03) && areas.iter().any(|&area| area > 0.12));
}

#[test]
fn discs_have_no_holes_where_vessels_cross_them() {
    for (_, labels) in series(&options(SyntheticKind::Fundus)) {
        // The disc is nearly an ellipse: in any row and column its pixels are one run.
        for line in 0..64 {
            let row: Vec<u8> = (0..64).map(|x| labels.get(line, x).unwrap()).collect();
            let column: Vec<u8> = (0..64).map(|y| labels.get(y, line).unwrap()).collect();
            for pixels in [row, column] {
                let starts = pixels.windows(2).filter(|pair| pair[0] < pair[1]).count();
                assert!(starts + usize::from(pixels[0] > 0) <= 1, "a hole in {pixels:?}");
            }
        }
    }
}

#[test]
fn the_cup_lies_inside_the_disc_and_changes_nothing_else_about_it() {
    let plain = options(SyntheticKind::Fundus);
    let cupped = SyntheticOptions { cup: true, ..plain };
    assert_eq!((plain.class_count(), cupped.class_count()), (2, 3));
    let mut with_cup = 0;
    for index in 0..COUNT {
        let (_, disc) = generate(&plain, index).unwrap();
        let (_, both) = generate(&cupped, index).unwrap();
        assert!(both.labels().iter().all(|&label| label <= 2));
        assert_eq!(disc.count(0), both.count(0));
        for (disc, both) in disc.labels().iter().zip(both.labels()) {
            assert_eq!(*disc > 0, *both > 0);
        }
        let (cup, rim) = (both.count(2), both.count(1));
        assert!(rim > 0, "a cup without a rim");
        with_cup += u64::from(cup > 0);
        // A cup's edge never is the disc's, but at the border of the image or its aperture.
        let neighbours = |y: usize, x: usize| {
            let above = y.checked_sub(1).and_then(|y| both.get(y, x));
            let left = x.checked_sub(1).and_then(|x| both.get(y, x));
            let around = [above, left, both.get(y + 1, x), both.get(y, x + 1)];
            around.into_iter().filter(|&label| label == Some(0)).count()
        };
        let touching = (0..64 * 64)
            .filter(|pixel| both.labels()[*pixel] == 2 && neighbours(pixel / 64, pixel % 64) > 0)
            .count();
        assert!(
            3 * touching <= rim + cup,
            "{touching} of {cup} pixels touch the outside"
        );
    }
    assert!(with_cup >= COUNT * 9 / 10, "{with_cup} images with a cup");
}

#[test]
fn lesions_are_darker_than_skin() {
    let mut differences = Vec::new();
    for (image, labels) in series(&options(SyntheticKind::Lesion)) {
        let area = foreground(&labels);
        assert!((0.01..0.9).contains(&area), "a lesion of {area}");
        let brightness = |wanted: u8| {
            // In the middle of the image, where no dark corners are.
            let middle = |row: usize, column: usize| row.abs_diff(32) < 28 && column.abs_diff(32) < 28;
            let channels: Vec<f64> = (0..3)
                .filter_map(|channel| {
                    mean(&image, &labels, channel, |row, column, label| {
                        label == wanted && middle(row, column)
                    })
                })
                .collect();
            channels.iter().sum::<f64>() / channels.len() as f64
        };
        differences.push(brightness(0) - brightness(1));
    }
    let darker = differences.iter().filter(|&&difference| difference > 0.0).count();
    assert!(darker as u64 >= COUNT * 85 / 100, "{darker} darker lesions");
    let mean = differences.iter().sum::<f64>() / COUNT as f64;
    assert!((0.08..0.5).contains(&mean), "{mean}");
}

#[test]
fn images_of_a_series_differ_widely() {
    for kind in [SyntheticKind::Fundus, SyntheticKind::Lesion] {
        let series = series(&options(kind));
        for channel in 0..3 {
            let means: Vec<f64> = series
                .iter()
                .map(|(image, labels)| mean(image, labels, channel, |_, _, _| true).unwrap())
                .collect();
            let spread = deviation(&means);
            assert!(spread > 0.06, "{kind}: channel {channel} varies by {spread}");
        }
        let areas: Vec<f64> = series.iter().map(|(_, labels)| foreground(labels)).collect();
        assert!(deviation(&areas) > 0.03, "{kind}: areas {areas:?}");
        let red_share: Vec<f64> = series
            .iter()
            .map(|(image, labels)| {
                let [red, green] =
                    [0, 1].map(|channel| mean(image, labels, channel, |_, _, _| true).unwrap());
                green / red
            })
            .collect();
        assert!(deviation(&red_share) > 0.05, "{kind}: one tint, {red_share:?}");
    }
}

#[test]
fn all_sizes_are_of_the_same_scene() {
    for kind in [SyntheticKind::Fundus, SyntheticKind::Lesion] {
        for index in 0..8 {
            let area = |size| {
                let options = SyntheticOptions {
                    size,
                    ..options(kind)
                };
                foreground(&generate(&options, index).unwrap().1)
            };
            let (small, large) = (area(48), area(150));
            assert!(
                (small - large).abs() < 0.04,
                "{kind} {index}: {small} and {large}"
            );
        }
    }
}

#[test]
fn sizes_out_of_range_and_misplaced_cups_are_refused() {
    let fundus = options(SyntheticKind::Fundus);
    for size in [0, 31, 2049, usize::MAX] {
        let options = SyntheticOptions { size, ..fundus };
        assert_says(generate(&options, 0), None, &[&size.to_string(), "32", "2048"]);
    }
    let smallest = SyntheticOptions { size: 32, ..fundus };
    assert_eq!(
        generate(&smallest, 0).unwrap().0.shape(),
        Shape::new(1, 3, 32, 32)
    );
    let cup = SyntheticOptions {
        cup: true,
        ..options(SyntheticKind::Lesion)
    };
    assert_says(generate(&cup, 0), None, &["cup", "lesion", "fundus"]);
}

#[test]
fn kinds_are_written_as_they_are_read() {
    for kind in [SyntheticKind::Fundus, SyntheticKind::Lesion] {
        assert_eq!(kind.to_string().parse::<SyntheticKind>().unwrap(), kind);
    }
    assert_says(
        "Fundus".parse::<SyntheticKind>(),
        None,
        &["Fundus", "fundus", "lesion"],
    );
}
