//! Which mask belongs to which image.

use std::fs;
use std::path::{Path, PathBuf};

use asma::data::{NameRule, PairPaths, Pairing};

use crate::support::{assert_says, folder, touch, two_folders};

fn pair_by_name(images: impl AsRef<Path>, masks: impl AsRef<Path>) -> asma::Result<Pairing> {
    asma::data::pair_by_name(images, masks, &NameRule::default())
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
        &[
            "image of",
            &masks.join("a.png").display().to_string(),
            &jpg.display().to_string(),
            "keep one",
        ],
    );
    fs::remove_file(jpg).expect("removes");
    touch(&masks, &["b_mask.png"]);
    assert_says(
        pair_by_name(&images, &masks),
        Some(&masks.join("b_mask.png")),
        &[
            "mask of",
            &images.join("b.png").display().to_string(),
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
        // An example of each side, so that it can be seen in what they differ.
        &[
            "no mask",
            "2 images",
            &images.join("a.png").display().to_string(),
            &masks.join("c_mask.png").display().to_string(),
            "`mask-prefix=c_m` and `mask-suffix=sk`",
        ],
    );
    assert_says(
        pair_by_name(&images, &images),
        Some(&images),
        &["2 images", "0 masks", "`mask-suffix`", "folder of their own"],
    );
}

/// Pairs files of these names, and gives each pair as `IMAGE MASK`.
fn paired(images: &[&str], masks: &[&str], rule: &NameRule) -> asma::Result<Vec<String>> {
    let (_folder, image_folder, mask_folder) = two_folders();
    touch(&image_folder, images);
    touch(&mask_folder, masks);
    let pairing = asma::data::pair_by_name(&image_folder, &mask_folder, rule)?;
    let pairs = names(&pairing.pairs);
    Ok(pairs
        .into_iter()
        .map(|(_, image, mask)| format!("{image} {mask}"))
        .collect())
}

#[test]
fn the_conventions_of_published_data_sets_are_known() {
    for (image, mask) in [
        ("case_000_0000.png", "case_000.png"),
        ("image_0.png", "mask_0.png"),
        ("img-7.png", "label_7.png"),
        ("0.jpg", "0.jpg.png"),
        ("fff9b3a5373f_16.jpg", "fff9b3a5373f_16_mask.gif"),
        ("IMD003.bmp", "IMD003_lesion.bmp"),
        ("ISIC_0000000.jpg", "ISIC_0000000_segmentation.png"),
        ("21_training.tif", "21_manual1.gif"),
        ("IMG_0.JPG", "img_0.PNG"),
        // The accent as one character and as two.
        ("pi\u{e8}ce.png", "pie\u{300}ce.png"),
    ] {
        let found = paired(&[image, "other.png"], &[mask], &NameRule::default());
        assert_eq!(found.expect("pairs"), [format!("{image} {mask}")]);
    }
}

#[test]
fn a_nearer_name_goes_before_a_convention() {
    let rule = NameRule::default();
    let found = paired(&["A.png", "a.png"], &["a.png", "A.png"], &rule).expect("pairs");
    assert_eq!(found, ["A.png A.png", "a.png a.png"]);
    let found = paired(&["x_0000.png", "x.png"], &["x.png"], &rule).expect("pairs");
    assert_eq!(found, ["x.png x.png"]);
    // Two images of one case and channel: nobody can know which is meant.
    assert_says(
        paired(&["image_1.png", "img_1.png"], &["mask_1.png"], &rule),
        None,
        &["image of", "image_1.png", "`mask-suffix`"],
    );
}

#[test]
fn the_rule_can_be_said() {
    let rule = NameRule {
        prefix: Some("m-".into()),
        suffix: Some("_hand".into()),
    };
    let found = paired(&["x.png", "y.png"], &["m-x_hand.png", "y.png", "m-y.png"], &rule).expect("pairs");
    assert_eq!(found, ["x.png m-x_hand.png"]);
    // Names suggest the rule.
    assert_says(
        paired(&["x1.png"], &["x1_hand.png"], &NameRule::default()),
        None,
        &["x1.png", "x1_hand.png", "suggest `mask-suffix=_hand`"],
    );
    let suffix = NameRule {
        prefix: None,
        suffix: Some("_hand".into()),
    };
    assert_says(paired(&["x.png"], &["x_mask.png"], &suffix), None, &["NAME_hand"]);
    // What is known of images' names holds beside it.
    let found = paired(&["x_leftImg8bit.png"], &["x_hand.png"], &suffix).expect("pairs");
    assert_eq!(found, ["x_leftImg8bit.png x_hand.png"]);
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_compared_as_bytes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let (_folder, images, masks) = two_folders();
    // Two names that read alike where what is no UTF-8 is replaced.
    for name in [b"pi\xe8ce.png", b"pi\xe9ce.png"] {
        for folder in [&images, &masks] {
            if fs::write(folder.join(OsStr::from_bytes(name)), "").is_err() {
                // A file system that takes text alone.
                return;
            }
        }
    }
    let pairs = pair_by_name(&images, &masks).expect("pairs").pairs;
    assert_eq!(pairs.len(), 2);
    for pair in pairs {
        assert_eq!(pair.image.file_name(), pair.mask.file_name());
    }
}
