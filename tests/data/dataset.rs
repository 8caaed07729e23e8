//! Folders of images and masks.

use std::fs;
use std::path::{Path, PathBuf};

use asma::Shape;
use asma::data::{MaskEncoding, PairPaths, Preparation, common_encoding, pair_by_name, read_pairs};
use image::{Rgb, RgbImage};
use tempfile::TempDir;

use crate::support::{assert_says, folder, save_grey};

/// A folder with the folders `images` and `masks` in it.
fn two_folders() -> (TempDir, PathBuf, PathBuf) {
    let folder = folder();
    let (images, masks) = (folder.path().join("images"), folder.path().join("masks"));
    fs::create_dir(&images).expect("creates");
    fs::create_dir(&masks).expect("creates");
    (folder, images, masks)
}

/// Empty files: pairing looks at names only.
fn touch(folder: &Path, names: &[&str]) {
    for name in names {
        fs::write(folder.join(name), "").expect("writes");
    }
}

/// The names of images and masks, without their folders.
fn names(pairs: &[PairPaths]) -> Vec<(&str, String, String)> {
    let last = |path: &Path| path.file_name().expect("a file").to_string_lossy().into_owned();
    pairs
        .iter()
        .map(|pair| (pair.name.as_str(), last(&pair.image), last(&pair.mask)))
        .collect()
}

fn owned<'a>(name: &'a str, image: &str, mask: &str) -> (&'a str, String, String) {
    (name, image.to_string(), mask.to_string())
}

fn save_image(folder: &Path, name: &str, width: u32, height: u32) -> PathBuf {
    let path = folder.join(name);
    RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 51]))
        .save(&path)
        .expect("saves");
    path
}

#[test]
fn files_of_one_name_are_pairs_whatever_their_ending() {
    let (_folder, images, masks) = two_folders();
    touch(
        &images,
        &[
            "c.PNG",
            "a.jpg",
            "b.v2.TIFF",
            "z.webp",
            "d.jpeg",
            "e.tif",
            "f.bmp",
        ],
    );
    touch(
        &images,
        &[".hidden.png", "Thumbs.db", "readme", "notes.txt", "lonely.png"],
    );
    fs::create_dir(images.join("folder.png")).expect("creates");
    touch(
        &masks,
        &[
            "a.png",
            "b.v2_mask.png",
            "c_Segmentation.png",
            "z_seg.bmp",
            "d_label.tif",
        ],
    );
    touch(
        &masks,
        &[
            "e-mask.png",
            "f_GT.png",
            "nobody_mask.png",
            "nobody_gt.png",
            "._a.png",
            "a.csv",
        ],
    );
    let pairing = pair_by_name(&images, &masks).expect("pairs");
    assert_eq!(
        names(&pairing.pairs),
        [
            owned("a", "a.jpg", "a.png"),
            owned("b.v2", "b.v2.TIFF", "b.v2_mask.png"),
            owned("c", "c.PNG", "c_Segmentation.png"),
            owned("d", "d.jpeg", "d_label.tif"),
            owned("e", "e.tif", "e-mask.png"),
            owned("f", "f.bmp", "f_GT.png"),
            owned("z", "z.webp", "z_seg.bmp"),
        ]
    );
    assert_eq!(pairing.pairs[0].image, images.join("a.jpg"));
    assert_eq!(pairing.pairs[0].mask, masks.join("a.png"));
    assert_eq!(
        pairing.unpaired,
        [
            images.join("lonely.png"),
            masks.join("nobody_gt.png"),
            masks.join("nobody_mask.png")
        ]
    );
}

#[test]
fn an_image_called_like_a_mask_keeps_its_own() {
    let (_folder, images, masks) = two_folders();
    touch(&images, &["x.png", "x_seg.png", "_mask.png"]);
    touch(&masks, &["x_seg.png", "x_mask.png", "_mask.png"]);
    let pairing = pair_by_name(&images, &masks).expect("pairs");
    assert_eq!(
        names(&pairing.pairs),
        [
            owned("_mask", "_mask.png", "_mask.png"),
            owned("x", "x.png", "x_mask.png"),
            owned("x_seg", "x_seg.png", "x_seg.png"),
        ]
    );
    assert_eq!(pairing.unpaired, [] as [PathBuf; 0]);
}

#[test]
fn in_one_folder_the_suffix_tells_the_mask() {
    let folder = folder();
    let path = folder.path();
    touch(
        path,
        &[
            "b.png",
            "a.jpg",
            "a_mask.png",
            "b_gt.png",
            "c.png",
            "d_seg.png",
            "naïve-ß.png",
        ],
    );
    // Another spelling of the same folder.
    let pairing = pair_by_name(path, path.join(".")).expect("pairs");
    assert_eq!(
        names(&pairing.pairs),
        [owned("a", "a.jpg", "a_mask.png"), owned("b", "b.png", "b_gt.png")]
    );
    assert_eq!(
        pairing.unpaired,
        ["c.png", "d_seg.png", "naïve-ß.png"].map(|name| path.join(name))
    );
}

#[test]
fn two_candidates_for_one_place_are_refused() {
    let (_folder, images, masks) = two_folders();
    touch(&images, &["a.png", "a.jpg", "b.png"]);
    touch(&masks, &["b.png"]);
    // Without a mask nothing depends on which is meant.
    assert_eq!(pair_by_name(&images, &masks).expect("pairs").unpaired.len(), 2);
    touch(&masks, &["a.png"]);
    let (jpg, png) = (images.join("a.jpg"), images.join("a.png"));
    assert_says(
        pair_by_name(&images, &masks),
        Some(&png),
        &["image of `a`", &jpg.display().to_string(), "keep one"],
    );
    fs::remove_file(jpg).expect("removes");
    touch(&masks, &["b_mask.png"]);
    assert_says(
        pair_by_name(&images, &masks),
        Some(&masks.join("b_mask.png")),
        &[
            "mask of `b`",
            &masks.join("b.png").display().to_string(),
            "keep one",
        ],
    );
}

#[test]
fn folders_without_a_pair_are_refused_with_the_reason() {
    let (folder, images, masks) = two_folders();
    let missing = folder.path().join("missing");
    assert_says(
        pair_by_name(&missing, &masks),
        Some(&missing),
        &["no such folder", "check the path"],
    );
    let file = folder.path().join("file.png");
    fs::write(&file, "").expect("writes");
    assert_says(pair_by_name(&file, &file), Some(&file), &["is no folder"]);

    touch(&images, &["notes.txt", ".a.png"]);
    assert_says(
        pair_by_name(&images, &masks),
        Some(&images),
        &["holds no image file", "png, jpg"],
    );
    touch(&images, &["a.png", "b.png"]);
    assert_says(
        pair_by_name(&images, &masks),
        Some(&masks),
        &["holds no image file"],
    );
    assert_says(
        pair_by_name(&images, &missing),
        Some(&missing),
        &["no such folder"],
    );
    touch(&masks, &["c_mask.png"]);
    assert_says(
        pair_by_name(&images, &masks),
        Some(&masks),
        &["no mask", "2 images", &images.display().to_string(), "_mask"],
    );
    assert_says(
        pair_by_name(&images, &images),
        Some(&images),
        &["2 images", "no mask", "_mask", "folder of their own"],
    );
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
    let pairs = pair_by_name(&images, &masks).expect("pairs").pairs;
    let preparation = Preparation {
        crop: "1,0,2,2".parse().ok(),
        padding: "1:zero".parse().ok(),
        ..Preparation::default()
    };
    let encoding = common_encoding(&pairs, 3).expect("one encoding");
    let samples = read_pairs(&pairs, &preparation, 3, encoding).expect("reads");
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
    assert_eq!(
        read_pairs(&[], &preparation, 3, encoding).expect("nothing to read"),
        []
    );
}

#[test]
fn bad_pairs_are_refused_with_their_names() {
    let (_folder, images, masks) = two_folders();
    let read = |preparation: &Preparation, classes: usize| {
        let pairs = pair_by_name(&images, &masks).expect("pairs").pairs;
        read_pairs(&pairs, preparation, classes, common_encoding(&pairs, classes)?)
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
        &["0, 1, 2", "0 to 1"],
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
        &["5×3", &first.display().to_string(), "4×3", "--resize"],
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
    assert_says(read(&plain, 3), Some(&tiny), &["does not hold an image"]);
    fs::write(&first, "no image either").expect("writes");
    assert_says(read(&plain, 3), Some(&first), &["does not hold an image"]);
}

#[test]
fn one_encoding_for_all_masks_of_a_data_set() {
    type Case<'a> = (usize, &'a [&'a [u8]], Option<MaskEncoding>);
    let cases: [Case; 9] = [
        (2, &[&[0, 255], &[0, 0], &[255, 255]], Some(MaskEncoding::Binary)),
        (2, &[&[0, 255], &[0, 200]], Some(MaskEncoding::Binary)),
        (2, &[&[0, 0]], Some(MaskEncoding::ClassIndices)),
        (2, &[&[0, 1], &[0, 0]], Some(MaskEncoding::ClassIndices)),
        // Alone the second one would be black and white; here its 255 is ignored.
        (2, &[&[0, 1, 255], &[0, 255, 0]], Some(MaskEncoding::ClassIndices)),
        (3, &[&[0, 2], &[0, 255]], Some(MaskEncoding::ClassIndices)),
        (3, &[&[0, 255]], Some(MaskEncoding::ClassIndices)),
        // Nobody can know what 255 is here.
        (2, &[&[0, 1], &[0, 255]], None),
        (2, &[&[0, 1, 255], &[0, 200, 0]], None),
    ];
    for (classes, contents, wanted) in cases {
        let (_folder, images, masks) = two_folders();
        for (number, values) in contents.iter().enumerate() {
            save_image(&images, &format!("{number}.png"), values.len() as u32, 1);
            save_grey(&masks, &format!("{number}.png"), values.len() as u32, values);
        }
        let pairs = pair_by_name(&images, &masks).expect("pairs").pairs;
        let found = common_encoding(&pairs, classes);
        match wanted {
            Some(_) => assert_eq!(found.ok(), wanted, "{contents:?}"),
            None => {
                let other = masks.join("0.png").display().to_string();
                assert_says(
                    found,
                    Some(&masks.join("1.png")),
                    &["black and white", &other, "alike"],
                );
            }
        }
    }
}
