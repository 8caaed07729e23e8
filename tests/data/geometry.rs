//! From a photograph to a network's input, and its mask to the output.

use asma::data::{Crop, Padding, PaddingMode, Preparation, Preset, Resize};
use asma::labels::IGNORE;
use asma::{LabelMap, Shape, Tensor};

use crate::support::assert_says;

#[test]
fn rim_one_cuts_the_target_where_the_authors_network_looks() {
    // Every pixel of the photograph can be told by its label and its neighbours.
    let label = |y: usize, x: usize| ((7 * y + 13 * x) % 251) as u8;
    let photograph = LabelMap::from_fn(569, 428, label).expect("not empty");
    let rim_one = Preset::RimOne.preparation();
    let target = rim_one.apply_labels(&photograph, 388, 388).expect("fits");
    let expected = LabelMap::from_fn(388, 388, |y, x| label(80 + y, 20 + x)).expect("not empty");
    assert_eq!(target, expected);

    let image = Tensor::from_fn(Shape::new(1, 3, 569, 428), |_, c, y, x| {
        (c * 1_000_000 + y * 1000 + x) as f32
    });
    let input = rim_one.apply_image(&image).expect("fits");
    let expected = Tensor::from_fn(Shape::new(1, 3, 572, 572), |_, c, y, x| {
        let inside = |position: usize| position.clamp(82, 82 + 407) - 82;
        (c * 1_000_000 + (70 + inside(y)) * 1000 + 10 + inside(x)) as f32
    });
    assert_eq!(input, expected);
}

#[test]
fn steps_run_in_the_order_crop_resize_pad() {
    let image = Tensor::from_fn(Shape::new(1, 1, 4, 6), |_, _, y, x| (10 * y + x) as f32 / 100.0);
    let mask = LabelMap::from_fn(4, 6, |y, x| (10 * y + x) as u8).expect("not empty");
    let mut steps = Preparation {
        crop: "1,2,4,2".parse().ok(),
        ..Preparation::default()
    };
    let cropped = steps.apply_image(&image).expect("fits");
    assert_eq!(cropped.data(), [0.21, 0.22, 0.23, 0.24, 0.31, 0.32, 0.33, 0.34]);

    steps.resize = "2x1".parse().ok();
    let resized = steps.apply_image(&image).expect("fits");
    assert_eq!(resized.shape(), Shape::new(1, 1, 1, 2));
    let (left, right) = (resized.at(0, 0, 0, 0), resized.at(0, 0, 0, 1));
    // The triangle of half-width 2 about 1 weighs columns 0, 1, 2 as 3, 3, 1, and the other side mirrored.
    approx::assert_abs_diff_eq!(
        left,
        0.05 + (3.0 * 0.21 + 3.0 * 0.22 + 0.23) / 7.0,
        epsilon = 1e-6
    );
    approx::assert_abs_diff_eq!(
        right,
        0.05 + (0.22 + 3.0 * 0.23 + 3.0 * 0.24) / 7.0,
        epsilon = 1e-6
    );

    steps.padding = "1:zero".parse().ok();
    let padded = steps.apply_image(&image).expect("fits");
    assert_eq!(padded.shape(), Shape::new(1, 1, 3, 4));
    assert_eq!(&padded.data()[..4], [0.0; 4]);
    assert_eq!(&padded.data()[4..8], [0.0, left, right, 0.0]);
    let labels = steps.apply_labels(&mask, 3, 4).expect("fits");
    // No label is mixed from its neighbours, and nobody labelled the border.
    let (a, b) = (labels.labels()[5], labels.labels()[6]);
    assert!([21, 22, 31, 32].contains(&a) && [23, 24, 33, 34].contains(&b));
    assert_eq!(labels.count(IGNORE), 10);

    steps.padding = "1".parse().ok();
    let labels = steps.apply_labels(&mask, 3, 4).expect("fits");
    assert_eq!(labels.labels(), [a, a, b, b, a, a, b, b, a, a, b, b]);
    assert_eq!(steps.apply_labels(&mask, 1, 2).expect("fits").labels(), [a, b]);
}

#[test]
fn resizing_introduces_no_8_bit_rounding() {
    let image = Tensor::new(Shape::new(1, 1, 1, 2), vec![0.1234567, 0.1234567]).expect("fits");
    let steps = Preparation {
        resize: "5x3".parse().ok(),
        ..Preparation::default()
    };
    for &value in steps.apply_image(&image).expect("fits").data() {
        approx::assert_abs_diff_eq!(value, 0.1234567, epsilon = 1e-7);
    }
}

#[test]
fn impossible_preparations_name_the_numbers() {
    let image = Tensor::zeros(Shape::new(1, 3, 20, 30));
    let mask = LabelMap::new(20, 30, vec![0; 600]).expect("fits");
    let crop = |text: &str| Preparation {
        crop: text.parse().ok(),
        ..Preparation::default()
    };
    for text in ["25,0,6,20", "0,10,30,11", "0,0,31,1"] {
        assert_says(crop(text).apply_image(&image), None, &[text, "30×20"]);
        assert_says(crop(text).apply_labels(&mask, 1, 1), None, &[text, "30×20"]);
    }
    assert_says(
        crop("0,0,8,4").apply_labels(&mask, 5, 8),
        None,
        &["4 rows and 8 columns", "5 and 8"],
    );
    let vast = Preparation {
        crop: Some(Crop {
            x: usize::MAX,
            y: 0,
            width: 2,
            height: 2,
        }),
        ..Preparation::default()
    };
    assert_says(vast.apply_image(&image), None, &["30×20"]);
    let empty = Crop {
        x: 0,
        y: 0,
        width: 0,
        height: 3,
    };
    let around_nothing = Preparation {
        crop: Some(empty),
        padding: "3".parse().ok(),
        ..Preparation::default()
    };
    assert_says(around_nothing.apply_image(&image), None, &["after each step"]);
    let padded = Preparation {
        padding: "20000".parse().ok(),
        ..Preparation::default()
    };
    assert_says(padded.apply_image(&image), None, &["32768"]);
    // Both sides are allowed, and all of it is not: refused before any of it is allocated.
    for text in ["10000", "16000:zero"] {
        let vast = Preparation {
            padding: text.parse().ok(),
            ..Preparation::default()
        };
        assert_says(vast.apply_image(&image), None, &["megapixels", "67.1"]);
    }
    let vast = Preparation {
        resize: "16384x16384".parse().ok(),
        ..Preparation::default()
    };
    assert_says(
        vast.apply_image(&image),
        None,
        &["16384×16384", "268.4 megapixels", "67.1"],
    );
}

#[test]
fn a_preset_fits_its_size_alone() {
    let rim_one = Preset::RimOne.preparation();
    for (height, width) in [(600, 600), (428, 569), (1072, 1424)] {
        let image = Tensor::zeros(Shape::new(1, 1, height, width));
        assert_says(
            rim_one.apply_image(&image),
            None,
            &["428×569", &format!("{width}×{height}"), "`preset`"],
        );
    }
}

#[test]
fn the_command_lines_strings_are_parsed_and_shown_alike() {
    let rim_one: Preset = "rim-one".parse().expect("a preset");
    let shown = rim_one.preparation().to_string();
    assert_eq!(shown, "crop 10,70,408,408, pad 82:edge");
    assert_eq!(Preparation::default().to_string(), "as it is");
    let zero = Padding {
        pixels: 5,
        mode: PaddingMode::Zero,
    };
    assert_eq!("5:zero".parse::<Padding>().expect("a padding"), zero);
    let size = Resize {
        width: 640,
        height: 480,
    };
    assert_eq!("640x480".parse::<Resize>().expect("a size"), size);
    assert_eq!(size.to_string(), "640x480");

    for text in ["", "1,2,3", "1,2,3,4,5", "1,2,0,4", "-1,2,3,4", "a,b,c,d"] {
        assert_says(
            text.parse::<Crop>(),
            None,
            &[&format!("`{text}`"), "x,y,width,height"],
        );
    }
    for text in ["", "5", "0x5", "5x", "5x99999999", "5.5x3"] {
        assert_says(
            text.parse::<Resize>(),
            None,
            &[&format!("`{text}`"), "WIDTHxHEIGHT"],
        );
    }
    for text in ["", "-3", "3:mirror", ":edge", "99999999"] {
        assert_says(text.parse::<Padding>(), None, &[&format!("`{text}`"), ":zero"]);
    }
    assert_says("rimone".parse::<Preset>(), None, &["`rimone`", "rim-one"]);
}
