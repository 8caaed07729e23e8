//! `asma synth`.

use std::collections::BTreeSet;
use std::fs;

use asma::data::{SyntheticKind, SyntheticOptions, generate, read_image, read_mask};

use crate::support::Workshop;

/// Runs a command that must fail with exit code 2, say `word` and write nothing.
fn refused(workshop: &Workshop, arguments: &str, word: &str) {
    let output = workshop.asma(arguments).assert().code(2);
    let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
    assert!(output.get_output().stdout.is_empty());
    assert_eq!(workshop.files("out"), Vec::<String>::new());
}

#[test]
fn writes_the_images_of_the_series_and_their_masks() {
    let workshop = Workshop::new();
    let output = workshop
        .asma("synth --kind fundus --count 3 --size 48 --seed 9 --out out")
        .assert()
        .success();
    let stdout = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    let names = ["00000.png", "00001.png", "00002.png"];
    assert_eq!(workshop.files("out"), ["images", "masks"]);
    assert_eq!(workshop.files("out/images"), names);
    assert_eq!(workshop.files("out/masks"), names);
    let options = SyntheticOptions {
        kind: SyntheticKind::Fundus,
        size: 48,
        seed: 9,
        cup: false,
    };
    for (index, name) in names.into_iter().enumerate() {
        let (image, labels) = generate(&options, index as u64).unwrap();
        assert_eq!(read_image(workshop.path("out/images").join(name)).unwrap(), image);
        let mask = workshop.path("out/masks").join(name);
        assert_eq!(read_mask(&mask, 2).unwrap(), labels);
        let values: BTreeSet<u8> = image::open(&mask)
            .unwrap()
            .to_luma8()
            .into_raw()
            .into_iter()
            .collect();
        assert_eq!(values, BTreeSet::from([0, 255]));
    }
}

#[test]
fn writes_the_cup_as_a_third_class() {
    let workshop = Workshop::new();
    let output = workshop
        .asma("synth --kind fundus --cup --count 4 --size 64x64 --out out --json")
        .assert()
        .success();
    let json: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!((&json["count"], &json["classes"]), (&4.into(), &3.into()));
    assert_eq!((&json["kind"], &json["size"]), (&"fundus".into(), &64.into()));
    let mut values = BTreeSet::new();
    for name in workshop.files("out/masks") {
        let mask = image::open(workshop.path("out/masks").join(name)).unwrap();
        values.extend(mask.to_luma8().into_raw());
    }
    assert_eq!(values, BTreeSet::from([0, 1, 2]));
}

#[test]
fn a_folder_with_files_is_left_as_it_is() {
    for filled in ["images", "masks"] {
        let workshop = Workshop::new();
        let folder = workshop.path("mine").join(filled);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("00000.png"), "mine").unwrap();
        let output = workshop
            .asma("synth --kind lesion --count 2 --size 32 --out mine")
            .assert()
            .code(2);
        let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(
            stderr.contains(filled) && stderr.contains("not empty"),
            "{stderr}"
        );
        assert_eq!(workshop.files("mine"), [filled]);
        assert_eq!(fs::read(folder.join("00000.png")).unwrap(), b"mine");
    }
    let workshop = Workshop::new();
    fs::create_dir_all(workshop.path("out/images")).unwrap();
    workshop
        .asma("synth --kind lesion --count 2 --size 32 --out out")
        .assert()
        .success();
    assert_eq!(workshop.files("out/images").len(), 2);
}

#[test]
fn what_cannot_be_is_refused() {
    let workshop = Workshop::new();
    refused(&workshop, "synth --kind fundus --count 0 --out out", "--count 0");
    refused(
        &workshop,
        "synth --kind fundus --count 100001 --out out",
        "100000",
    );
    refused(
        &workshop,
        "synth --kind moon --count 1 --out out",
        "fundus or lesion",
    );
    refused(
        &workshop,
        "synth --kind fundus --count 1 --size 31 --out out",
        "32 to 2048",
    );
    refused(
        &workshop,
        "synth --kind fundus --count 1 --size 64x48 --out out",
        "square",
    );
    refused(
        &workshop,
        "synth --kind fundus --count 1 --size big --out out",
        "big",
    );
    refused(&workshop, "synth --kind lesion --cup --count 1 --out out", "cup");
}
