//! Mask files to label maps.

use std::path::Path;

use asma::LabelMap;
use asma::data::{
    InputOptions, Mask, MaskOptions, MaskValues, Preparation, Preset, check_foreground, open_mask, read_mask,
};
use asma::labels::IGNORE;
use image::{GrayAlphaImage, GrayImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

use crate::support::{assert_says, folder, save_grey, save_raw_png};

fn read_as(path: &Path, classes: usize, values: &str) -> asma::Result<Mask> {
    let options = MaskOptions {
        values: Some(values.parse()?),
        ..MaskOptions::default()
    };
    open_mask(path, classes, &options)
}

#[test]
fn the_values_tell_how_a_mask_is_read() {
    let folder = folder();
    // Values, classes, labels; nothing where they mean nothing.
    type Case<'c> = (&'c [u8], usize, Option<&'c [u8]>);
    let cases: &[Case<'_>] = &[
        (&[0, 0], 2, Some(&[0, 0])),
        (&[0, 1], 2, Some(&[0, 1])),
        (&[0, 1, 255], 2, Some(&[0, 1, 255])),
        (&[1, 255], 2, Some(&[1, 255])),
        (&[0, 255], 2, Some(&[0, 1])),
        (&[255, 255], 2, Some(&[1, 1])),
        (&[0, 255], 1, Some(&[0, 1])),
        (&[0, 128], 2, Some(&[0, 1])),
        // Two levels are background and foreground, whichever they are (refused before if both were dark).
        (&[0, 50], 2, Some(&[0, 1])),
        (&[0, 2], 2, Some(&[0, 1])),
        (&[1, 2], 2, Some(&[0, 1])),
        (&[200, 40], 2, Some(&[1, 0])),
        // But for a class of another network beside pixels to ignore.
        (&[15, 255], 2, None),
        (&[0, 3, 90, 255], 2, None),
        (&[0, 15, 255], 2, None),
        (&[0, 1, 2], 2, None),
        (&[50, 50], 2, None),
        (&[0, 1, 2], 3, Some(&[0, 1, 2])),
        (&[1, 2, 255], 3, Some(&[1, 2, 255])),
        (&[0, 255], 3, None),
        (&[255, 255], 3, None),
        (&[0, 1, 3], 3, None),
    ];
    for &(values, classes, wanted) in cases {
        let path = save_grey(folder.path(), "mask.png", values.len() as u32, values);
        let found = read_mask(&path, classes);
        match wanted {
            Some(labels) => assert_eq!(found.expect("reads").labels(), labels, "{values:?} for {classes}"),
            None => assert_says(found, Some(&path), &["`mask-values="]),
        }
    }
}

#[test]
fn classes_and_objects_are_not_taken_for_greys() {
    let folder = folder();
    // Objects of class 15 with a ring of 255 around each, as VOC has them.
    let path = folder.path().join("voc.png");
    GrayImage::from_fn(48, 48, |x, y| {
        let distance = (x as f32 - 24.0).hypot(y as f32 - 24.0);
        Luma([if distance < 10.0 {
            15
        } else if distance < 13.0 {
            255
        } else {
            0
        }])
    })
    .save(&path)
    .expect("saves");
    assert_says(
        read_mask(&path, 2),
        Some(&path),
        &[
            "up to 15 (and 255 to ignore)",
            "2 classes",
            "`classes`",
            "0:0,15:1,255:ignore",
            "%",
        ],
    );
    assert!(read_mask(&path, 21).expect("reads").count(IGNORE) > 100);

    // Arteries and veins: one level between two is a class, however thin.
    let vessels = folder.path().join("vessels.png");
    GrayImage::from_fn(96, 96, |x, y| {
        Luma([match (x % 24, y % 24) {
            (0..=1, _) => 255,
            (_, 0..=1) => 128,
            _ => 0,
        }])
    })
    .save(&vessels)
    .expect("saves");
    assert_says(
        read_mask(&vessels, 2),
        Some(&vessels),
        &["0", "128", "255", "`mask-values=0:0,128:1,255:1`"],
    );

    // 64 numbered cells.
    let cell = |x: u32, y: u32| {
        if x % 8 < 6 && y % 8 < 6 {
            1 + x / 8 + 8 * (y / 8)
        } else {
            0
        }
    };
    let narrow = folder.path().join("cells.png");
    GrayImage::from_fn(64, 64, |x, y| Luma([3 * cell(x, y) as u8]))
        .save(&narrow)
        .expect("saves");
    let deep = folder.path().join("cells16.png");
    ImageBuffer::<Luma<u16>, _>::from_fn(64, 64, |x, y| Luma([100 * cell(x, y) as u16]))
        .save(&deep)
        .expect("saves");
    for path in [&narrow, &deep] {
        assert_says(
            read_mask(path, 2),
            Some(path),
            &["looks like instance labels", "64 objects", "0:0,else:1"],
        );
        let all = read_as(path, 2, "0:0,else:1").expect("reads").labels;
        assert_eq!(all.count(1), 64 * 36);
    }

    // Three levels, each a whole area: white is background, black the cup, grey the disc.
    let cup = folder.path().join("cup.png");
    GrayImage::from_fn(64, 64, |x, y| {
        let distance = (x as f32 - 32.0).hypot(y as f32 - 32.0);
        Luma([if distance < 8.0 {
            0
        } else if distance < 16.0 {
            128
        } else {
            255
        }])
    })
    .save(&cup)
    .expect("saves");
    assert_says(
        read_mask(&cup, 3),
        Some(&cup),
        &["the values 0", "128", "255", "`mask-values=0:0,128:1,255:2`"],
    );
    let mapped = read_as(&cup, 3, "255:0,128:1,0:2").expect("reads");
    assert_eq!(mapped.labels.get(32, 32), Some(2));
    assert_eq!(mapped.labels.get(32, 20), Some(1));
    assert!(
        mapped.description.contains("`mask-values=255:0,128:1,0:2`"),
        "{}",
        mapped.description
    );

    // A photograph of greys.
    let path = folder.path().join("photo.png");
    GrayImage::from_fn(64, 64, |x, y| Luma([(3 * x + y) as u8]))
        .save(&path)
        .expect("saves");
    assert_says(
        read_mask(&path, 2),
        Some(&path),
        &["main levels", "`mask-threshold=127`"],
    );
}

/// An RGB picture of one row.
fn save_colours(path: &Path, colours: &[[u8; 3]]) {
    RgbImage::from_fn(colours.len() as u32, 1, |x, _| Rgb(colours[x as usize]))
        .save(path)
        .expect("saves");
}

#[test]
fn a_colour_and_a_number_name_pixels_of_greys_colours_and_palettes() {
    let folder = folder();
    let path = folder.path().join("mask.png");
    let labels = |values: &str| read_as(&path, 3, values).expect("reads").labels.labels().to_vec();
    // In colour, though this one has greys alone.
    save_colours(&path, &[[0; 3], [255; 3], [0; 3], [128; 3]]);
    assert_eq!(labels("#ffffff:1,#808080:2,else:0"), [0, 1, 0, 2]);
    save_colours(&path, &[[0; 3], [255; 3], [255, 0, 0], [128; 3]]);
    assert_eq!(labels("#ffffff:1,#ff0000:2,else:0"), [0, 1, 2, 0]);
    assert_eq!(labels("0:0,255:2,else:1"), [0, 2, 1, 1]);
    // Red is the first entry of the palette.
    save_raw_png(&path, 8, 3, 4, Some(&[255, 0, 0, 0, 0, 0]), &[0, 1, 1, 0]);
    assert_eq!(labels("#ff0000:1,else:0"), [1, 0, 0, 1]);
    assert_eq!(labels("0:0,1:2"), [0, 2, 2, 0]);
    let mask = open_mask(&path, 2, &MaskOptions::default()).expect("reads");
    assert!(
        mask.description.contains("its palette (0 #ff0000, 1 #000000)"),
        "{}",
        mask.description
    );
}

#[test]
fn colours_of_16_bits_stay_apart() {
    let folder = folder();
    let path = folder.path().join("mask.png");
    let save = |red: u16| {
        let colours = [[0, 0, 0], [65535, 0, 0], [red, 0, 0]];
        ImageBuffer::<Rgb<u16>, _>::from_fn(3, 1, |x, _| Rgb(colours[x as usize]))
            .save(&path)
            .expect("saves");
    };
    save(0x8080);
    let read = read_as(&path, 3, "#000000:0,#ff0000:1,#800000:2").expect("reads");
    assert_eq!(read.labels.labels(), [0, 1, 2]);
    assert_says(read_mask(&path, 2), Some(&path), &["#ff0000", "#800000"]);
    save(0x8000);
    assert_says(read_mask(&path, 2), Some(&path), &["16 bits", "32768", "8 bits"]);
}

#[test]
fn small_numbers_in_one_channel_are_no_greys() {
    let folder = folder();
    let path = folder.path().join("mask.png");
    save_colours(&path, &[[0; 3], [1, 0, 0], [0, 1, 0]]);
    assert_says(
        read_mask(&path, 3),
        Some(&path),
        &["colour picture", "#010000", "`mask-values="],
    );
    let read = read_as(&path, 3, "#000000:0,#010000:1,#000100:2").expect("reads");
    assert_eq!(read.labels.labels(), [0, 1, 2]);
    save_raw_png(&path, 8, 3, 4, Some(&[0, 0, 0, 1, 0, 0]), &[0, 1, 1, 0]);
    assert_eq!(read_mask(&path, 2).expect("reads").labels(), [0, 1, 1, 0]);
}

#[test]
fn the_users_word_goes_before_what_the_values_tell() {
    let folder = folder();
    let path = save_grey(folder.path(), "mask.png", 4, &[0, 128, 200, 255]);
    for (classes, values, labels) in [
        (2, "0:0,else:1", [0, 1, 1, 1]),
        (3, "0-128:2,200:1,255:ignore", [2, 2, 1, 255]),
        (2, "255=1, else=0", [0, 0, 0, 1]),
    ] {
        assert_eq!(
            read_as(&path, classes, values).expect("reads").labels.labels(),
            labels
        );
    }
    assert_says(
        read_as(&path, 2, "0:0,255:1"),
        Some(&path),
        &["128", "else:CLASS", "does not say"],
    );
    assert_says(read_as(&path, 2, "0:0,else:2"), None, &["class 2", "0 to 1"]);

    let colours = folder.path().join("colours.png");
    RgbImage::from_fn(2, 2, |x, y| Rgb([x as u8 * 255, y as u8 * 100, 0]))
        .save(&colours)
        .expect("saves");
    assert_says(
        read_mask(&colours, 3),
        Some(&colours),
        &["a colour picture", "#ff6400 (25.0 %)", "`mask-values='#000000:0"],
    );
    let read = read_as(&colours, 3, "#000000:0,#ff6400:2,else:1").expect("reads");
    assert_eq!(read.labels.labels(), [0, 1, 1, 2]);

    for text in [
        "",
        "5",
        "5:",
        ":1",
        "5:256",
        "a:1",
        "9-3:1",
        "#ff:1",
        "0:0,0:1",
        "0-9:0,5:1",
    ] {
        assert_says(text.parse::<MaskValues>(), None, &[&format!("`{text}`")]);
    }
}

#[test]
fn masks_of_any_format_become_labels() {
    let folder = folder();
    let indices = save_grey(folder.path(), "indices.png", 2, &[0, 1, 2, 255]);
    let mask = read_mask(&indices, 3).expect("reads");
    assert_eq!((mask.height(), mask.width()), (2, 2));
    assert_eq!(mask.labels(), [0, 1, 2, 255]);

    let rgb = folder.path().join("rgb.png");
    RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8 * 255; 3]))
        .save(&rgb)
        .expect("saves");
    assert_eq!(read_mask(&rgb, 2).expect("reads").labels(), [0, 1]);

    let deep = folder.path().join("deep.png");
    for (stored, expected) in [([0u16, 65535], [0, 1]), ([0, 1], [0, 1]), ([0, 1000], [0, 1])] {
        ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, stored.to_vec())
            .expect("fits")
            .save(&deep)
            .expect("saves");
        assert_eq!(read_mask(&deep, 2).expect("reads").labels(), expected);
    }

    // Two bits a pixel, values 0, 1, 2, 0: the indices as stored, not stretched to 85 and 170.
    let shallow = folder.path().join("shallow.png");
    save_raw_png(&shallow, 2, 0, 4, None, &[0b0001_1000]);
    assert_eq!(read_mask(&shallow, 3).expect("reads").labels(), [0, 1, 2, 0]);
    save_raw_png(&shallow, 1, 0, 4, None, &[0b0101_0000]);
    assert_eq!(read_mask(&shallow, 2).expect("reads").labels(), [0, 1, 0, 1]);
}

#[test]
fn grey_palettes_are_greys_and_others_are_indices() {
    let folder = folder();
    let path = folder.path().join("palette.png");
    // White before black: the colours count, not the indices.
    save_raw_png(&path, 8, 3, 4, Some(&[255, 255, 255, 0, 0, 0]), &[0, 1, 1, 0]);
    assert_eq!(read_mask(&path, 2).expect("reads").labels(), [1, 0, 0, 1]);
    // Black, maroon, green, as VOC begins.
    let colours = [0, 0, 0, 128, 0, 0, 0, 128, 0];
    save_raw_png(&path, 8, 3, 4, Some(&colours), &[0, 1, 2, 1]);
    let mask = open_mask(&path, 3, &MaskOptions::default()).expect("reads");
    assert_eq!(mask.labels.labels(), [0, 1, 2, 1]);
    assert!(
        mask.description.contains("the indices of its palette"),
        "{}",
        mask.description
    );
    assert_says(
        read_mask(&path, 2),
        Some(&path),
        &["indices of its palette", "up to 2"],
    );
    // Two bits a pixel.
    save_raw_png(&path, 2, 3, 4, Some(&colours), &[0b0001_1001]);
    assert_eq!(read_mask(&path, 3).expect("reads").labels(), [0, 1, 2, 1]);

    let gif = folder.path().join("mask.gif");
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, 4, 1, &[0, 0, 0, 255, 255, 255]).expect("begins");
    let frame = |pixels: [u8; 4]| gif::Frame::from_indexed_pixels(4, 1, pixels, None);
    encoder.write_frame(&frame([0, 1, 1, 0])).expect("writes");
    drop(encoder);
    std::fs::write(&gif, &file).expect("writes");
    assert_eq!(read_mask(&gif, 2).expect("reads").labels(), [0, 1, 1, 0]);

    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, 4, 1, &[0, 0, 0, 255, 255, 255]).expect("begins");
    encoder.write_frame(&frame([0, 1, 1, 0])).expect("writes");
    encoder.write_frame(&frame([1, 1, 1, 0])).expect("writes");
    drop(encoder);
    std::fs::write(&gif, &file).expect("writes");
    assert_says(read_mask(&gif, 2), Some(&gif), &["2 frames", "`page="]);
    let second = MaskOptions {
        page: Some(2),
        ..MaskOptions::default()
    };
    assert_eq!(
        open_mask(&gif, 2, &second).expect("reads").labels.labels(),
        [1, 1, 1, 0]
    );
}

#[test]
fn a_mask_in_the_alpha_channel_is_found_there() {
    let folder = folder();
    let path = folder.path().join("alpha.png");
    let opaque = |x: u32| 255 * u8::from(x > 1);
    for colour in [0, 255] {
        RgbaImage::from_fn(4, 1, |x, _| Rgba([colour, colour, colour, opaque(x)]))
            .save(&path)
            .expect("saves");
        let mask = open_mask(&path, 2, &MaskOptions::default()).expect("reads");
        assert_eq!(mask.labels.labels(), [0, 0, 1, 1]);
        assert!(mask.description.contains("alpha channel"), "{}", mask.description);
    }
    GrayAlphaImage::from_fn(4, 1, |x, _| LumaA([7, opaque(x)]))
        .save(&path)
        .expect("saves");
    assert_eq!(read_mask(&path, 2).expect("reads").labels(), [0, 0, 1, 1]);
    // Where the colours say something, they are the mask.
    RgbaImage::from_fn(4, 1, |x, _| {
        Rgba([opaque(3 - x), opaque(3 - x), opaque(3 - x), opaque(x)])
    })
    .save(&path)
    .expect("saves");
    assert_eq!(read_mask(&path, 2).expect("reads").labels(), [1, 1, 0, 0]);
}

#[test]
fn a_target_without_foreground_is_refused() {
    let folder = folder();
    let black = save_grey(folder.path(), "black.png", 2, &[0; 4]);
    let mask = read_mask(&black, 2).expect("reads");
    assert_says(check_foreground(&black, &mask), Some(&black), &["no foreground"]);
    let ignored = LabelMap::new(1, 2, vec![0, IGNORE]).expect("fits");
    assert_says(check_foreground("m.png", &ignored), None, &["no foreground"]);
    let fine = LabelMap::new(1, 2, vec![0, 1]).expect("fits");
    check_foreground("m.png", &fine).expect("has a foreground");
}

#[test]
fn a_preset_and_its_targets_fit_one_size() {
    let folder = folder();
    let corner = save_grey(
        folder.path(),
        "corner.png",
        4,
        &[255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    );
    let options = InputOptions {
        preparation: Preset::RimOne.preparation(),
        ..InputOptions::default()
    };
    let graph = asma::graph::Graph::new(1);
    assert_says(
        options.read(&corner, &graph).map(|input| input.stored),
        Some(&corner),
        &["428×569", "4×4"],
    );
    let plain = InputOptions {
        preparation: Preparation::default(),
        ..options
    };
    let input = plain.read(&corner, &graph).expect("reads");
    assert_eq!(
        plain.read_region(&corner, &input).expect("reads").labels.count(1),
        1
    );
}

proptest! {
    /// What is written as an option is read again as it was.
    #[test]
    fn mask_values_are_parsed_and_shown_alike(
        entries in prop::collection::btree_map(any::<u16>(), any::<u8>(), 1..6),
        otherwise in prop::option::of(0u8..5),
    ) {
        let mut text = entries.iter().map(|(value, class)| format!("{value}:{class}")).collect::<Vec<_>>();
        text.extend(otherwise.map(|class| format!("else:{class}")));
        let values: MaskValues = text.join(",").parse().expect("parses");
        prop_assert_eq!(values.to_string().parse::<MaskValues>().expect("parses"), values);
    }

    /// Any mask of class indices comes back as it was written.
    #[test]
    fn class_indices_survive_a_round_trip(labels in prop::collection::vec(0u8..5, 1..40)) {
        let folder = folder();
        let path = folder.path().join("mask.png");
        let mask = LabelMap::new(1, labels.len(), labels).expect("fits");
        asma::data::write_mask(&path, &mask).expect("writes");
        prop_assert_eq!(read_mask(&path, 5).expect("reads"), mask);
    }
}
