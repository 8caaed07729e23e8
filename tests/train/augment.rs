//! How images look after a variation, and what settings mean.

use asma::train::{Augmentation, Variation, augment};
use asma::{LabelMap, Shape, Tensor};
use proptest::prelude::*;

use crate::{assert_says, sample};

/// A variation that changes nothing, for an image of three channels.
fn still() -> Variation {
    Variation::draw(&Augmentation::NONE, 3, 0).expect("valid")
}

fn flat(value: f32, height: usize, width: usize) -> (Tensor, LabelMap) {
    let image = Tensor::from_fn(Shape::new(1, 3, height, width), |_, _, _, _| value);
    (image, sample(height, width).1)
}

fn mean(values: impl IntoIterator<Item = f32>) -> f64 {
    let values: Vec<f64> = values.into_iter().map(f64::from).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn without_augmentation_nothing_changes() {
    let (mut image, labels) = sample(9, 6);
    // Not even values that no image should have.
    image.data_mut()[..3].copy_from_slice(&[-0.0, 1.5, -2.0]);
    for seed in 0..20 {
        let (varied, varied_labels) = augment(&image, &labels, &Augmentation::NONE, seed).expect("fits");
        let bits = |image: &Tensor| {
            image
                .data()
                .iter()
                .map(|value| value.to_bits())
                .collect::<Vec<_>>()
        };
        assert_eq!(bits(&varied), bits(&image));
        assert_eq!(varied_labels, labels);
    }
}

#[test]
fn noise_is_normal_with_its_standard_deviation() {
    let (image, labels) = flat(0.5, 128, 128);
    let noisy = |noise_seed: u64| {
        let variation = Variation {
            noise: 0.05,
            noise_seed,
            ..still()
        };
        let (noisy, noisy_labels) = variation.apply(&image, &labels).expect("fits");
        assert_eq!(noisy_labels, labels);
        noisy
    };
    let (first, second) = (noisy(1), noisy(2));
    let moment = |power: i32| {
        mean(
            first
                .data()
                .iter()
                .map(|value| ((value - 0.5) / 0.05).powi(power)),
        )
    };
    // 49152 deviates: four standard deviations of what each moment can come to by chance.
    approx::assert_abs_diff_eq!(moment(1), 0.0, epsilon = 0.018);
    approx::assert_abs_diff_eq!(moment(2), 1.0, epsilon = 0.026);
    approx::assert_abs_diff_eq!(moment(3), 0.0, epsilon = 0.07);
    approx::assert_abs_diff_eq!(moment(4), 3.0, epsilon = 0.18);

    let product = |a: &[f32], b: &[f32]| {
        mean(
            a.iter()
                .zip(b)
                .map(|(a, b)| (a - 0.5) * (b - 0.5) / (0.05 * 0.05)),
        )
    };
    let deviates = first.data();
    let unrelated = [
        product(first.plane(0, 0), first.plane(0, 1)),
        product(deviates, &deviates[1..]),
        product(deviates, second.data()),
    ];
    for correlation in unrelated {
        approx::assert_abs_diff_eq!(correlation, 0.0, epsilon = 0.04);
    }
}

#[test]
fn brightness_is_added_and_cut_to_what_images_hold() {
    let (image, labels) = sample(20, 30);
    for brightness in [0.25, -0.25] {
        let variation = Variation {
            brightness,
            ..still()
        };
        let (varied, varied_labels) = variation.apply(&image, &labels).expect("fits");
        assert_eq!(varied_labels, labels);
        for (&after, &before) in varied.data().iter().zip(image.data()) {
            approx::assert_abs_diff_eq!(after, (before + brightness).clamp(0.0, 1.0), epsilon = 1e-6);
        }
    }
}

#[test]
fn contrast_spreads_about_the_mean_and_gains_act_on_their_channel() {
    let (image, labels) = sample(16, 16);
    let quiet = Tensor::new(
        image.shape(),
        image.data().iter().map(|value| 0.3 + 0.2 * value).collect(),
    );
    let quiet = quiet.expect("fits");
    let middle = mean(quiet.data().iter().copied()) as f32;
    let variation = Variation {
        contrast: 1.5,
        gains: vec![1.2, 1.0, 0.7],
        ..still()
    };
    let (varied, varied_labels) = variation.apply(&quiet, &labels).expect("fits");
    assert_eq!(varied_labels, labels);
    for (channel, gain) in [1.2, 1.0, 0.7].into_iter().enumerate() {
        for (&after, &before) in varied.plane(0, channel).iter().zip(quiet.plane(0, channel)) {
            approx::assert_abs_diff_eq!(after, ((before - middle) * 1.5 + middle) * gain, epsilon = 1e-6);
        }
    }
}

#[test]
fn blur_spreads_a_point_as_a_gaussian_and_leaves_flat_images() {
    let point = Tensor::from_fn(Shape::new(1, 3, 41, 37), |_, _, y, x| {
        f32::from((y, x) == (20, 18))
    });
    let (_, labels) = sample(41, 37);
    for sigma in [0.7, 1.0, 2.5] {
        let variation = Variation {
            blur: sigma,
            ..still()
        };
        let (varied, varied_labels) = variation.apply(&point, &labels).expect("fits");
        assert_eq!(varied_labels, labels);
        let weight = |distance: f64| (-distance * distance / (2.0 * f64::from(sigma * sigma))).exp();
        let sum: f64 = (-30..=30).map(|distance| weight(f64::from(distance))).sum();
        for y in 0..41 {
            for x in 0..37 {
                let expected = weight(y as f64 - 20.0) * weight(x as f64 - 18.0) / (sum * sum);
                // What lies beyond three standard deviations is left out.
                approx::assert_abs_diff_eq!(f64::from(varied.at(0, 2, y, x)), expected, epsilon = 2e-3);
            }
        }
        approx::assert_abs_diff_eq!(varied.plane(0, 0).iter().sum::<f32>(), 1.0, epsilon = 1e-5);

        let (image, labels) = flat(0.3, 3, 2);
        let (varied, _) = variation.apply(&image, &labels).expect("fits");
        for &value in varied.data() {
            approx::assert_abs_diff_eq!(value, 0.3, epsilon = 1e-6);
        }
    }
}

#[test]
fn amounts_fill_their_ranges() {
    let settings = Augmentation::standard();
    let drawn: Vec<Variation> = (0..2000)
        .map(|seed| Variation::draw(&settings, 3, seed).expect("valid"))
        .collect();
    let check = |name: &str, least: f32, most: f32, amount: &dyn Fn(&Variation) -> f32| {
        let amounts: Vec<f32> = drawn.iter().map(amount).collect();
        let near = (most - least) * 0.01;
        let smallest = amounts.iter().copied().fold(f32::INFINITY, f32::min);
        let largest = amounts.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        assert!(
            (least - 1e-6..least + near).contains(&smallest),
            "{name}: {smallest}"
        );
        assert!((most - near..most + 1e-6).contains(&largest), "{name}: {largest}");
        // The standard deviation of the mean is 0.0065 of the range.
        let middle = mean(amounts) as f32;
        assert!(
            (middle - (least + most) / 2.0).abs() < 0.03 * (most - least),
            "{name}: {middle}"
        );
    };
    check("rotation", -20.0, 20.0, &|variation| variation.rotation);
    check("scale", -1.25f32.ln(), 1.25f32.ln(), &|variation| {
        variation.scale.ln()
    });
    check("brightness", -0.1, 0.1, &|variation| variation.brightness);
    check("contrast", 0.8, 1.2, &|variation| variation.contrast);
    check("colour", 0.9, 1.1, &|variation| variation.gains[1]);
    check("noise", 0.0, 0.03, &|variation| variation.noise);
    check("blur", 0.0, 1.0, &|variation| variation.blur);
}

#[test]
fn switching_one_amount_off_leaves_the_others() {
    let all = Augmentation::standard();
    let steady = Augmentation {
        rotation: 0.0,
        flip_vertical: false,
        ..all
    };
    for seed in 0..50 {
        let whole = Variation::draw(&all, 3, seed).expect("valid");
        let without = Variation::draw(&steady, 3, seed).expect("valid");
        assert_eq!(
            without,
            Variation {
                rotation: 0.0,
                flip_vertical: false,
                ..whole
            }
        );
    }
}

#[test]
fn the_same_on_every_machine() {
    let (image, labels) = sample(37, 50);
    // FNV-1a of all bits.
    let mut checksum = 0xcbf2_9ce4_8422_2325u64;
    let mut add = |bytes: &[u8]| {
        for &byte in bytes {
            checksum = (checksum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for seed in 0..10 {
        let (image, labels) = augment(&image, &labels, &Augmentation::standard(), seed).expect("fits");
        image
            .data()
            .iter()
            .for_each(|value| add(&value.to_bits().to_le_bytes()));
        add(labels.labels());
    }
    assert_eq!(checksum, 0xac7b_bd83_4862_e5f7, "found {checksum:#x}");
}

proptest! {
    #[test]
    fn samples_stay_samples(height in 1usize..24, width in 1usize..24, seed: u64, strength in 0.0f32..=1.0) {
        let settings = Augmentation {
            rotation: 180.0 * strength,
            scale: 1.0 + 3.0 * strength,
            brightness: strength,
            contrast: strength,
            colour: strength,
            noise: strength,
            blur: 8.0 * strength,
            ..Augmentation::standard()
        };
        let (image, labels) = sample(height, width);
        let varied = augment(&image, &labels, &settings, seed).expect("fits");
        prop_assert_eq!(varied.0.shape(), image.shape());
        prop_assert_eq!((varied.1.height(), varied.1.width()), (height, width));
        prop_assert!(varied.0.data().iter().all(|value| (0.0..=1.0).contains(value)));
        prop_assert!(varied.1.labels().iter().all(|label| [0, 1, 2, 255].contains(label)));
        prop_assert_eq!(varied, augment(&image, &labels, &settings, seed).expect("fits"));
    }
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    Augmentation::NONE.check().expect("valid");
    Augmentation::standard().check().expect("valid");
    let none = Augmentation::NONE;
    let (image, labels) = sample(2, 2);
    let cases = [
        (
            Augmentation {
                rotation: 181.0,
                ..none
            },
            ["rotation is 181", "0 to 180"],
        ),
        (
            Augmentation {
                rotation: -1.0,
                ..none
            },
            ["rotation is -1", "0 to 180"],
        ),
        (Augmentation { scale: 0.5, ..none }, ["scale is 0.5", "1 to 4"]),
        (
            Augmentation {
                scale: f32::INFINITY,
                ..none
            },
            ["scale is inf", "1 to 4"],
        ),
        (
            Augmentation {
                brightness: 1.5,
                ..none
            },
            ["brightness is 1.5", "0 to 1"],
        ),
        (
            Augmentation {
                contrast: f32::NAN,
                ..none
            },
            ["contrast is NaN", "0 to 1"],
        ),
        (Augmentation { colour: 30.0, ..none }, ["colour is 30", "0 to 1"]),
        (Augmentation { noise: -0.1, ..none }, ["noise is -0.1", "0 to 1"]),
        (Augmentation { blur: 33.0, ..none }, ["blur is 33", "0 to 32"]),
    ];
    for (settings, parts) in cases {
        assert_says(settings.check(), &parts);
        assert_says(augment(&image, &labels, &settings, 1), &parts);
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (image, labels) = sample(4, 5);
    let (_, other) = sample(5, 4);
    let settings = Augmentation::standard();
    assert_says(
        augment(&image, &other, &settings, 1),
        &["1×3×4×5", "5 rows and 4 columns"],
    );
    let two = Tensor::zeros(Shape::new(2, 3, 4, 5));
    assert_says(augment(&two, &labels, &settings, 1), &["2×3×4×5", "one image"]);
    let huge = Tensor::from_fn(image.shape(), |_, _, _, _| f32::MAX);
    assert_says(augment(&huge, &labels, &settings, 1), &["0 to 1"]);
    let missing = Variation {
        gains: vec![1.0],
        ..still()
    };
    assert_says(missing.apply(&image, &labels), &["1 gains", "3 channels"]);
}

#[test]
fn amounts_out_of_range_are_refused_by_name() {
    let (image, labels) = sample(4, 5);
    // 1e38 is finite, and what it makes of an image is not.
    for amount in [f32::NAN, f32::INFINITY, -1e38, 1e38] {
        let bad = [
            (
                "scale",
                Variation {
                    scale: amount,
                    ..still()
                },
            ),
            (
                "blur",
                Variation {
                    blur: amount,
                    ..still()
                },
            ),
            (
                "noise",
                Variation {
                    noise: amount,
                    ..still()
                },
            ),
            (
                "rotation",
                Variation {
                    rotation: amount,
                    ..still()
                },
            ),
            (
                "contrast",
                Variation {
                    contrast: amount,
                    ..still()
                },
            ),
            (
                "brightness",
                Variation {
                    brightness: amount,
                    ..still()
                },
            ),
            (
                "gain",
                Variation {
                    gains: vec![1.0, amount, 1.0],
                    ..still()
                },
            ),
        ];
        for (name, variation) in bad {
            assert_says(variation.apply(&image, &labels), &[name, "give a number from"]);
        }
    }
    for variation in [
        Variation {
            scale: 0.0,
            ..still()
        },
        Variation {
            noise: -1.0,
            ..still()
        },
    ] {
        assert_says(variation.apply(&image, &labels), &["give a number from"]);
    }
}

#[test]
fn the_largest_amounts_give_an_image() {
    let (image, labels) = sample(9, 7);
    for sign in [-1e3, 1e3] {
        let variation = Variation {
            contrast: sign,
            brightness: -sign,
            gains: vec![sign; 3],
            noise: 1e3,
            blur: 32.0,
            rotation: 360.0,
            scale: 1e3,
            ..still()
        };
        let (varied, _) = variation.apply(&image, &labels).unwrap();
        assert!(varied.data().iter().all(|value| (0.0..=1.0).contains(value)));
    }
}

#[test]
fn settings_survive_being_saved() {
    let settings = Augmentation {
        rotation: 7.25,
        flip_vertical: false,
        ..Augmentation::default()
    };
    let text = serde_json::to_string(&settings).expect("serialises");
    assert_eq!(
        serde_json::from_str::<Augmentation>(&text).expect("parses"),
        settings
    );
}
