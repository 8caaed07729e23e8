//! Data sets of images and masks.

use std::fs;
use std::path::{Path, PathBuf};

use asma::Shape;
use asma::data::{
    InputOptions, MaskOptions, MaskReading, NameRule, PairPaths, Preparation, ReadPairs, common_reading,
    read_pairs,
};
use image::{Rgb, RgbImage};

use crate::support::{assert_says, save_grey, two_folders};

fn pairs_in(images: &Path, masks: &Path) -> Vec<PairPaths> {
    asma::data::pair_by_name(images, masks, &NameRule::default())
        .expect("pairs")
        .pairs
}

fn prepared(preparation: &Preparation) -> InputOptions {
    InputOptions {
        preparation: *preparation,
        ..InputOptions::default()
    }
}

fn save_image(folder: &Path, name: &str, width: u32, height: u32) -> PathBuf {
    let path = folder.join(name);
    RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 51]))
        .save(&path)
        .expect("saves");
    path
}

#[test]
fn pairs_become_samples_prepared_alike() {
    let (_folder, images, masks) = two_folders();
    for name in ["c", "a", "b"] {
        save_image(&images, &format!("{name}.png"), 4, 3);
    }
    save_grey(&masks, "a.png", 4, &[0, 1, 2, 0, 0, 0, 1, 1, 2, 2, 2, 2]);
    save_grey(&masks, "b.png", 4, &[0, 0, 0, 0, 0, 1, 255, 0, 0, 0, 0, 0]);
    save_grey(&masks, "c.png", 4, &[0; 12]);
    let pairs = pairs_in(&images, &masks);
    let preparation = Preparation {
        crop: "1,0,2,2".parse().ok(),
        padding: "1:zero".parse().ok(),
        ..Preparation::default()
    };
    let reading = common_reading(&pairs, 3, &MaskOptions::default()).expect("one reading");
    let options = prepared(&preparation);
    let ReadPairs { samples, images, .. } = read_pairs(&pairs, &options, 3, &reading).expect("reads");
    assert_eq!(images, ["4×3 pixels, PNG, 8-bit RGB"; 3]);
    let names: Vec<_> = samples.iter().map(|sample| sample.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    for sample in &samples {
        assert_eq!(sample.image.shape(), Shape::new(1, 3, 4, 4));
        assert_eq!(sample.image.at(0, 0, 1, 2), 2.0 / 255.0);
        assert_eq!(sample.image.at(0, 2, 2, 1), 0.2);
        assert_eq!((sample.labels.height(), sample.labels.width()), (4, 4));
    }
    let ignored = 255;
    assert_eq!(
        samples[0].labels.labels(),
        [
            [ignored; 4],
            [ignored, 1, 2, ignored],
            [ignored, 0, 1, ignored],
            [ignored; 4]
        ]
        .concat()
    );
    assert_eq!(samples[1].labels.labels()[9..11], [1, 255]);
    assert_eq!(samples[2].labels.count(0), 4);
    let none = read_pairs(&[], &options, 3, &reading).expect("nothing to read");
    assert_eq!(none.samples, []);
}

#[test]
fn bad_pairs_are_refused_with_their_names() {
    let (_folder, images, masks) = two_folders();
    let read = |preparation: &Preparation, classes: usize| -> asma::Result<Vec<asma::data::Sample>> {
        let pairs = pairs_in(&images, &masks);
        let reading = common_reading(&pairs, classes, &MaskOptions::default())?;
        Ok(read_pairs(&pairs, &prepared(preparation), classes, &reading)?.samples)
    };
    let plain = Preparation::default();
    for name in ["a", "b"] {
        save_image(&images, &format!("{name}.png"), 4, 3);
        save_grey(
            &masks,
            &format!("{name}.png"),
            4,
            &[0, 1, 2, 0, 0, 0, 1, 1, 2, 2, 2, 2],
        );
    }
    read(&plain, 3).expect("reads");

    // Both are bad, and the first one is told.
    assert_says(
        read(&plain, 2),
        Some(&masks.join("a.png")),
        &["0 (33.3 %), 1 (25.0 %), 2 (41.7 %)", "up to 2", "`classes`"],
    );

    let turned = save_grey(&masks, "b.png", 3, &[0; 12]);
    assert_says(
        read(&plain, 3),
        Some(&turned),
        &[
            "3×4",
            &images.join("b.png").display().to_string(),
            "4×3",
            "image's size",
        ],
    );

    let larger = save_image(&images, "b.png", 5, 3);
    save_grey(&masks, "b.png", 5, &[0; 15]);
    let first = images.join("a.png");
    assert_says(
        read(&plain, 3),
        Some(&larger),
        &["5×3", &first.display().to_string(), "4×3", "`resize="],
    );
    let resize = Preparation {
        resize: "6x6".parse().ok(),
        ..plain
    };
    assert_eq!(read(&resize, 3).expect("reads").len(), 2);

    let crop = Preparation {
        crop: "0,0,5,1".parse().ok(),
        ..plain
    };
    assert_says(read(&crop, 3), Some(&first), &["crop 0,0,5,1", "4×3"]);

    let tiny = save_image(&images, "b.png", 1, 1);
    save_grey(&masks, "b.png", 1, &[1]);
    assert_eq!(read(&resize, 3).expect("reads")[1].labels.count(1), 36);
    assert_says(read(&plain, 3), Some(&tiny), &["1×1"]);

    fs::write(&tiny, "no image").expect("writes");
    assert_says(read(&plain, 3), Some(&tiny), &["begins `no image`"]);
    fs::write(&first, "no image either").expect("writes");
    assert_says(read(&plain, 3), Some(&first), &["begins `no image either`"]);
}

#[test]
fn one_reading_for_all_masks_of_a_data_set() {
    use MaskReading::{ClassIndices, TwoLevels};
    let two = |foreground: u16| TwoLevels {
        background: 0,
        foreground,
    };
    type Case<'a> = (usize, &'a [&'a [u8]], Result<MaskReading, &'a str>);
    let cases: [Case; 12] = [
        (2, &[&[0, 255], &[0, 0], &[255, 255]], Ok(two(255))),
        (2, &[&[0, 0]], Ok(ClassIndices)),
        (2, &[&[0, 1], &[0, 0]], Ok(ClassIndices)),
        (2, &[&[0, 15], &[0, 0]], Ok(two(15))),
        // Alone the second one would be black and white; here its 255 is ignored.
        (2, &[&[0, 1, 255], &[0, 255, 0]], Ok(ClassIndices)),
        (3, &[&[0, 2], &[0, 255]], Ok(ClassIndices)),
        // White is no class of three.
        (3, &[&[0, 255]], Err("black and white")),
        // Nobody can know what 255 is here.
        (2, &[&[0, 255], &[0, 1]], Err("alike")),
        (2, &[&[0, 200, 0], &[0, 1, 255]], Err("alike")),
        // Each alone has two levels; together they are classes.
        (2, &[&[0, 15], &[0, 8]], Err("`classes`")),
        (2, &[&[0, 200], &[0, 255]], Err("`mask-values=")),
        (
            2,
            &[&[0, 15, 255], &[0, 8, 0]],
            Err("up to 15 (and 255 to ignore)"),
        ),
    ];
    for (classes, contents, wanted) in cases {
        let (_folder, images, masks) = two_folders();
        for (number, values) in contents.iter().enumerate() {
            save_image(&images, &format!("{number}.png"), values.len() as u32, 1);
            save_grey(&masks, &format!("{number}.png"), values.len() as u32, values);
        }
        let found = common_reading(&pairs_in(&images, &masks), classes, &MaskOptions::default());
        match wanted {
            Ok(wanted) => assert_eq!(found.ok(), Some(wanted), "{contents:?}"),
            Err(words) => assert_says(found, Some(&masks.join("0.png")), &[words]),
        }
    }
}
