//! Mask files to label maps.

use std::collections::BTreeSet;

use asma::data::{MaskEncoding, Preparation, Preset, check_foreground, read_mask, read_mask_as, read_target};
use asma::labels::IGNORE;
use asma::{LabelMap, Shape};
use image::{ImageBuffer, Luma, Rgb, RgbImage};

use crate::support::{assert_says, folder, save_grey, save_raw_png};

#[test]
fn the_values_tell_a_masks_encoding() {
    use MaskEncoding::{Binary, ClassIndices};
    let cases: &[(&[u8], usize, Option<MaskEncoding>)] = &[
        (&[0], 2, Some(ClassIndices)),
        (&[0, 1], 2, Some(ClassIndices)),
        (&[0, 1, 255], 2, Some(ClassIndices)),
        (&[0, 255], 2, Some(Binary)),
        (&[255], 2, Some(Binary)),
        (&[0, 255], 1, Some(Binary)),
        (&[0, 3, 90, 255], 2, Some(Binary)),
        (&[0, 2], 2, None),
        (&[0, 50], 2, None),
        (&[0, 128], 2, Some(Binary)),
        (&[0, 1, 2], 3, Some(ClassIndices)),
        (&[1, 2, 255], 3, Some(ClassIndices)),
        (&[0, 255], 3, None),
        (&[255], 3, None),
        (&[0, 1, 3], 3, None),
    ];
    for &(values, classes, expected) in cases {
        let set: BTreeSet<u8> = values.iter().copied().collect();
        assert_eq!(
            MaskEncoding::of_values(&set, classes),
            expected,
            "{values:?} for {classes} classes"
        );
    }
}

#[test]
fn masks_become_labels() {
    let folder = folder();
    let soft = save_grey(folder.path(), "soft.png", 5, &[0, 20, 21, 200, 255]);
    assert_eq!(read_mask(&soft, 2).expect("reads").labels(), [0, 0, 1, 1, 1]);
    let indices = save_grey(folder.path(), "indices.png", 2, &[0, 1, 2, 255]);
    let mask = read_mask(&indices, 3).expect("reads");
    assert_eq!((mask.height(), mask.width()), (2, 2));
    assert_eq!(mask.labels(), [0, 1, 2, 255]);
    assert_eq!(
        read_mask_as(&indices, 2, MaskEncoding::Binary)
            .expect("reads")
            .labels(),
        [0, 0, 0, 1]
    );

    let rgb = folder.path().join("rgb.png");
    RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8 * 255; 3]))
        .save(&rgb)
        .expect("saves");
    assert_eq!(read_mask(&rgb, 2).expect("reads").labels(), [0, 1]);

    let deep = folder.path().join("deep.png");
    for (stored, expected) in [([0u16, 65535], [0, 1]), ([0, 1], [0, 1])] {
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
}

#[test]
fn masks_that_mean_nothing_are_refused_with_the_reason() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);

    let palette = at("palette.png");
    save_raw_png(
        &palette,
        8,
        3,
        3,
        Some(&[0, 0, 0, 128, 0, 0, 0, 128, 0]),
        &[0, 1, 2],
    );
    assert_says(
        read_mask(&palette, 3),
        Some(&palette),
        &["palette picture of 3 colours", "greyscale"],
    );

    let colour = at("colour.png");
    RgbImage::from_fn(2, 1, |x, _| Rgb([0, x as u8 * 200, 0]))
        .save(&colour)
        .expect("saves");
    assert_says(
        read_mask(&colour, 2),
        Some(&colour),
        &["row 0, column 1 is (0, 200, 0)", "greyscale"],
    );

    let out_of_range = save_grey(folder.path(), "range.png", 4, &[0, 1, 2, 7]);
    assert_says(
        read_mask(&out_of_range, 4),
        Some(&out_of_range),
        &["0, 1, 2, 7", "0 to 3"],
    );
    assert_says(
        read_mask_as(&out_of_range, 2, MaskEncoding::ClassIndices),
        Some(&out_of_range),
        &["0 to 1", "black and white"],
    );

    let gradient: Vec<u8> = (0..=255).collect();
    let gradient = save_grey(folder.path(), "gradient.png", 256, &gradient);
    assert_says(
        read_mask(&gradient, 5),
        Some(&gradient),
        &["0, 1, 2, 3, 4, 5, 6, 7, … up to 255", "0 to 4"],
    );

    let deep = at("deep.png");
    ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![0u16, 1000])
        .expect("fits")
        .save(&deep)
        .expect("saves");
    assert_says(read_mask(&deep, 2), Some(&deep), &["16-bit", "1000", "8 bits"]);
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

    // The foreground lies in the corner, which the output window of 2×2 leaves out.
    let mut corner = [0; 16];
    corner[0] = 255;
    let corner = save_grey(folder.path(), "corner.png", 4, &corner);
    let read = |preparation: &Preparation, side: usize, output: usize| {
        let input = Shape::new(1, 3, side, side);
        read_target(&corner, preparation, input, Shape::new(1, 2, output, output))
    };
    let plain = Preparation::default();
    assert_says(read(&plain, 4, 2), Some(&corner), &["no foreground"]);
    assert_eq!(read(&plain, 4, 4).expect("reads").count(1), 1);
    assert_says(
        read(&plain, 6, 4),
        Some(&corner),
        &["4 rows and 4 columns", "has 6 and 6"],
    );
    let outside = Preset::RimOne.preparation();
    assert_says(read(&outside, 572, 388), Some(&corner), &["crop", "4×4"]);
}
