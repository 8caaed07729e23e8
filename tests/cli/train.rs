//! `asma train`.

use std::fs;

use asma::checkpoint::Checkpoint;
use asma::model::Model;

use crate::support::Workshop;

const TINY: &str = "--base 4 --depth 2 --batch 4 --epochs 2 --warm-up 2";

/// Ten images with a bright square and their masks, in `images` and `masks`.
fn with_pairs() -> Workshop {
    let workshop = Workshop::new();
    for folder in ["images", "masks"] {
        fs::create_dir(workshop.path(folder)).unwrap();
    }
    for index in 0..10 {
        pair(&workshop, index, 32, 255);
    }
    workshop
}

fn pair(workshop: &Workshop, index: u32, size: u32, label: u8) {
    let inside = |x: u32, y: u32| x.abs_diff(10 + index) < 6 && y.abs_diff(16) < 6;
    image::RgbImage::from_fn(size, size, |x, y| match inside(x, y) {
        true => image::Rgb([230, 200, 180]),
        false => image::Rgb([90, 40, (x % 30) as u8]),
    })
    .save(workshop.path(&format!("images/{index}.png")))
    .unwrap();
    workshop.mask(&format!("masks/{index}.png"), size, |x, y| {
        label * u8::from(inside(x, y))
    });
}

/// Runs a training that must fail with this exit code and say each of `words`, in one line.
#[track_caller]
fn refused(workshop: &Workshop, arguments: &str, code: i32, words: &[&str]) {
    let output = workshop
        .asma(&format!("train {TINY} {arguments}"))
        .assert()
        .code(code);
    let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    let last = stderr.lines().last().unwrap_or_default().to_string();
    for word in words {
        assert!(
            last.contains(word),
            "`{word}` is not in the last line of: {stderr}"
        );
    }
}

const FOLDERS: &str = "--images images --masks masks --validation 0.2 --device cpu";

#[test]
fn trains_on_folders_and_leaves_weights_that_other_commands_take() {
    let workshop = with_pairs();
    fs::copy(workshop.path("images/0.png"), workshop.path("images/lonely.png")).unwrap();
    let output = workshop
        .asma(&format!("train {TINY} {FOLDERS} --out out --json"))
        .assert()
        .success();
    let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(stderr.contains("lonely.png has no partner"), "{stderr}");
    assert_eq!(
        workshop.files("out"),
        [
            "history.csv",
            "loss_curve.svg",
            "summary.json",
            "training.safetensors",
            "weights.safetensors"
        ]
    );
    let summary: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(summary["training_samples"], 8);
    assert_eq!(summary["validation_samples"], 2);
    assert_eq!(summary["epochs_done"], 2);
    let history = fs::read_to_string(workshop.path("out/history.csv")).unwrap();
    assert_eq!(history.lines().count(), 3, "{history}");
    assert!(history.starts_with("epoch,training_loss,validation_loss,validation_iou,learning_rate"));
    let weights = Checkpoint::open(workshop.path("out/weights.safetensors")).unwrap();
    assert!(Model::from_checkpoint(&weights).is_ok());
    workshop
        .asma("segment --image images/0.png --weights out/weights.safetensors --device cpu --out segmented")
        .assert()
        .success();
}

#[test]
fn trains_on_synthetic_images_of_both_kinds_and_on_three_classes() {
    let workshop = Workshop::new();
    for (out, kind) in [
        ("fundus", "fundus"),
        ("lesion", "lesion"),
        ("cup", "fundus --classes 3"),
    ] {
        workshop
            .asma(&format!(
                "train {TINY} --synthetic {kind} --count 10 --size 32 --device cpu --out {out}"
            ))
            .assert()
            .success();
        assert_eq!(workshop.files(out).len(), 5, "{kind}");
    }
}

#[test]
fn resumes_to_the_same_weights_and_does_not_overwrite_a_run() {
    let workshop = with_pairs();
    let run = |arguments: &str| workshop.asma(&format!("train {TINY} {FOLDERS} {arguments}"));
    run("--out whole").assert().success();
    refused(
        &workshop,
        &format!("{FOLDERS} --out whole"),
        2,
        &["training.safetensors", "--resume"],
    );
    // A finished run has nothing left to do, and does not change.
    let state = fs::read(workshop.path("whole/training.safetensors")).unwrap();
    run("--out whole --resume").assert().success();
    assert_eq!(
        fs::read(workshop.path("whole/training.safetensors")).unwrap(),
        state
    );
    refused(
        &workshop,
        &format!("{FOLDERS} --out whole --resume --seed 3"),
        2,
        &["seed was 0 and is now 3"],
    );
    refused(
        &workshop,
        &format!("{FOLDERS} --out nowhere --resume"),
        1,
        &["nowhere"],
    );
    // The same tensors fit a network of other padding, and other images have the same names.
    refused(
        &workshop,
        &format!("{FOLDERS} --out whole --resume --padding valid"),
        2,
        &["padding"],
    );
    pair(&workshop, 2, 32, 0);
    refused(
        &workshop,
        &format!("{FOLDERS} --out whole --resume"),
        2,
        &["other images or masks"],
    );
}

#[test]
fn goes_on_from_given_weights() {
    let workshop = with_pairs();
    workshop
        .asma(&format!(
            "train --batch 4 --epochs 1 {FOLDERS} --initial weights.safetensors --out out"
        ))
        .assert()
        .success();
    let weights = Checkpoint::open(workshop.path("out/weights.safetensors")).unwrap();
    let before = Checkpoint::open(workshop.path("weights.safetensors")).unwrap();
    assert!(weights.names().eq(before.names()));

    // From several files it begins with their mean, which of equal ones are they.
    workshop
        .asma(&format!(
            "train --batch 4 --epochs 1 {FOLDERS} --initial weights.safetensors --initial weights.safetensors --out twice"
        ))
        .assert()
        .success();
    let read = |file: &str| fs::read(workshop.path(file)).unwrap();
    assert_eq!(read("out/weights.safetensors"), read("twice/weights.safetensors"));
}

#[test]
fn folders_that_cannot_be_trained_on_are_refused() {
    let workshop = with_pairs();
    fs::create_dir(workshop.path("empty")).unwrap();
    let folders =
        |images: &str, masks: &str| format!("--images {images} --masks {masks} --device cpu --out out");
    refused(&workshop, &folders("empty", "masks"), 1, &["empty"]);
    refused(
        &workshop,
        &folders("images", "empty"),
        1,
        &["empty", "no image file"],
    );
    refused(&workshop, &folders("nowhere", "masks"), 1, &["nowhere"]);
    pair(&workshop, 3, 32, 7);
    refused(&workshop, &folders("images", "masks"), 1, &["masks/3.png", "7"]);
    pair(&workshop, 3, 32, 255);
    workshop.mask("masks/4.png", 20, |_, _| 0);
    refused(&workshop, &folders("images", "masks"), 1, &["4.png", "20", "32"]);
    pair(&workshop, 4, 48, 255);
    refused(&workshop, &folders("images", "masks"), 1, &["4.png", "`resize="]);
    pair(&workshop, 4, 1, 255);
    refused(&workshop, &folders("images", "masks"), 1, &["4.png", "1"]);
    assert_eq!(workshop.files("out"), Vec::<String>::new());
}

#[test]
fn settings_that_cannot_be_are_refused_before_any_work() {
    let workshop = with_pairs();
    let folders = format!("{FOLDERS} --out out");
    for (arguments, words) in [
        ("--learning-rate 0", &["learning rate is 0"][..]),
        ("--classes 1", &["--classes 1"]),
        ("--class-weights 1,2,3", &["3 class weights"]),
        ("--rotation 270", &["rotation"]),
        ("--clip=-1", &["largest gradient norm is -1"]),
    ] {
        refused(&workshop, &format!("{folders} {arguments}"), 2, words);
    }
    let synthetic = "--synthetic lesion --device cpu --out out";
    refused(&workshop, &format!("{synthetic} --count 1"), 2, &["--count 1"]);
    refused(
        &workshop,
        &format!("{synthetic} --classes 3"),
        2,
        &["--classes 3", "lesion"],
    );
    refused(&workshop, &format!("{synthetic} --size 9"), 2, &["9"]);
    refused(
        &workshop,
        "--images images --masks masks --validation 1.5 --out out",
        2,
        &["1.5", "between 0 and 1"],
    );
    workshop.asma("train --out out").assert().code(2);
    assert_eq!(workshop.files("out"), Vec::<String>::new());
}

#[test]
fn a_diverging_run_keeps_the_checkpoint_of_the_epoch_before() {
    let workshop = with_pairs();
    // Two steps an epoch: in the first ones of the warm-up the numbers are large but finite.
    let output = workshop
        .asma(&format!(
            "train --base 4 --depth 2 --batch 4 --epochs 60 --warm-up 60 --clip 0 --learning-rate 3e3 {FOLDERS} \
             --out out"
        ))
        .assert()
        .code(1);
    let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(stderr.contains("diverged at step"), "{stderr}");
    assert!(stderr.contains("lower the learning rate"), "{stderr}");
    let weights = workshop.path("out/weights.safetensors");
    let named = format!("best epoch before that are in {}", "out/weights.safetensors");
    assert!(stderr.contains(&named), "{stderr}");
    assert!(Model::from_checkpoint(&Checkpoint::open(weights).unwrap()).is_ok());
    let state = Checkpoint::open(workshop.path("out/training.safetensors")).unwrap();
    assert!(state.names().any(|name| name == "first_moment.conv_final.bias"));
}
