//! `asma evaluate` and `asma merge`.

#![cfg(unix)]

use std::fs;
use std::path::Path;

use asma::checkpoint::Checkpoint;
use asma::data::read_image;
use asma::evaluate::{Record, Summary, Verdict, read_evaluation, read_records};

use crate::robust::{limited, stderr};
use crate::support::{SIZE, Workshop};

pub const FOLDERS: &str =
    "evaluate --images images --masks masks --weights weights.safetensors --device cpu --iterations 3";

/// The workshop with five images and their masks.
pub fn workshop() -> Workshop {
    let workshop = Workshop::new();
    for folder in ["images", "masks"] {
        fs::create_dir(workshop.path(folder)).unwrap();
    }
    for number in 0..5u32 {
        image::RgbImage::from_fn(SIZE, SIZE, |x, y| {
            image::Rgb([
                (4 * x + 10 * number) as u8,
                (5 * y) as u8,
                (x * (y + number) / 12) as u8,
            ])
        })
        .save(workshop.path(&format!("images/{number}.png")))
        .unwrap();
        workshop.mask(&format!("masks/{number}.png"), SIZE, |x, y| {
            255 * u8::from(x.abs_diff(20 + number) < 9 && y.abs_diff(18 + 2 * number) < 8)
        });
    }
    workshop
}

pub fn succeed(workshop: &Workshop, arguments: &str) -> String {
    let output = workshop.asma(arguments).assert().success();
    String::from_utf8_lossy(&output.get_output().stdout).into_owned()
}

/// The records without their times.
fn records(workshop: &Workshop, folder: &str) -> Vec<Record> {
    let mut records = read_records(workshop.path(folder)).unwrap();
    for record in &mut records {
        if let Verdict::Done(measured) = &mut record.verdict {
            measured.seconds = 0.0;
        }
    }
    records
}

/// All files that hold no time, and the records without theirs, as text.
pub fn without_times(workshop: &Workshop, folder: &str) -> Vec<String> {
    let files = workshop.files(folder);
    let text = |name: &String| fs::read_to_string(workshop.path(folder).join(name)).unwrap();
    let timeless = files
        .iter()
        .filter(|name| !["results.jsonl", "summary.json", "report.html", "saved"].contains(&name.as_str()));
    let mut all: Vec<String> = timeless.map(text).collect();
    all.extend(
        records(workshop, folder)
            .iter()
            .map(|record| serde_json::to_string(record).unwrap()),
    );
    all.push(files.join(" "));
    all
}

#[test]
fn the_papers_comparison_is_one_command() {
    let workshop = workshop();
    let json = succeed(
        &workshop,
        &format!("{FOLDERS} --published --ablate mask,multiplier --json --out out"),
    );
    let summary: Summary = serde_json::from_str(&json).unwrap();
    let names: Vec<&str> = summary
        .settings
        .iter()
        .map(|setting| setting.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "asma mask=adaptive multiplier=dynamic",
            "asma mask=adaptive multiplier=static",
            "asma mask=static multiplier=dynamic",
            "asma mask=static multiplier=static",
        ]
    );
    assert_eq!((summary.pairs, summary.done, summary.failed), (5, 20, 0));
    assert_eq!(
        workshop.files("out"),
        [
            "evaluation.json",
            "report.html",
            "results.jsonl",
            "summary.json",
            "table.md",
            "table.tex",
            "traces.jsonl"
        ]
    );
    let evaluation = read_evaluation(workshop.path("out")).unwrap();
    assert_eq!(evaluation.pairing, "random, seed 0");
    let records = records(&workshop, "out");
    assert!(records.iter().zip(0..).all(|(record, task)| record.task == task));
    for (record, pair) in records.iter().step_by(4).zip(&evaluation.pairs) {
        assert_eq!((&record.image, &record.target), (&pair.image, &pair.target));
        assert_ne!(pair.label.as_ref(), Some(&pair.target));
        let Verdict::Done(measured) = &record.verdict else {
            panic!("{record:?}")
        };
        assert!(measured.clean_iou.is_some());
        // Two passes an iteration.
        assert_eq!((measured.forward_passes, measured.backward_passes), (6, 3));
    }
    let table = fs::read_to_string(workshop.path("out/table.md")).unwrap();
    assert_eq!(
        table
            .matches("| asma mask=static multiplier=static | 5 | 0 |")
            .count(),
        2
    );
}

#[test]
fn cut_or_stopped_it_goes_on_to_what_one_run_leaves() {
    let workshop = workshop();
    let command = format!("{FOLDERS} --ablate mask --save");
    succeed(&workshop, &format!("{command} --out whole"));
    let expected = without_times(&workshop, "whole");
    let bytes = fs::read(workshop.path("whole/results.jsonl")).unwrap();
    for cut in [0, bytes.len() / 3, bytes.len() - 1] {
        let _ = fs::remove_dir_all(workshop.path("cut"));
        succeed(&workshop, &format!("{command} --out cut"));
        fs::write(workshop.path("cut/results.jsonl"), &bytes[..cut]).unwrap();
        fs::remove_file(workshop.path("cut/summary.json")).unwrap();
        succeed(&workshop, &format!("{command} --out cut --resume"));
        assert_eq!(without_times(&workshop, "cut"), expected, "cut at {cut}");
    }
    // One at a time comes to the same.
    succeed(&workshop, &format!("{command} --out alone --batch 1"));
    assert_eq!(without_times(&workshop, "alone"), expected);
    // Begun where nothing stands.
    succeed(&workshop, &format!("{command} --out new --resume"));
    assert_eq!(without_times(&workshop, "new"), expected);
}

#[test]
fn slices_join_into_what_one_run_leaves() {
    let workshop = workshop();
    let command = format!("{FOLDERS} --ablate multiplier --save");
    succeed(&workshop, &format!("{command} --out whole"));
    for slice in 1..=3 {
        succeed(
            &workshop,
            &format!("{command} --out slice{slice} --shard {slice}/3"),
        );
    }
    succeed(&workshop, "merge slice1 slice2 slice3 --out merged");
    assert_eq!(
        without_times(&workshop, "merged"),
        without_times(&workshop, "whole")
    );
    for task in 0..10 {
        for name in ["source.png", "adversarial.png", "adversarial.safetensors"] {
            let read =
                |folder: &str| fs::read(workshop.path(&format!("{folder}/saved/{task}/{name}"))).unwrap();
            assert_eq!(read("merged"), read("whole"), "{task} {name}");
        }
    }
    let missing = stderr(&workshop, "merge slice1 slice3 --out two", 2);
    assert!(missing.contains("4 of 10 tasks have no record"), "{missing}");
    assert!(!workshop.path("two").exists());
    let again = stderr(&workshop, "merge slice1 slice2 slice3 --out merged", 2);
    assert!(again.contains("an evaluation stands there"), "{again}");
    let other = stderr(
        &workshop,
        &format!("{command} --out slice1 --shard 2/3 --resume"),
        2,
    );
    assert!(other.contains("holds slice 1/3"), "{other}");
}

#[test]
fn what_is_kept_is_what_is_recorded() {
    let workshop = workshop();
    succeed(&workshop, &format!("{FOLDERS} --limit 2 --save --out out"));
    for record in records(&workshop, "out") {
        let Verdict::Done(measured) = &record.verdict else {
            panic!("{record:?}")
        };
        let folder = workshop.path("out/saved").join(record.task.to_string());
        let source = read_image(folder.join("source.png")).unwrap();
        assert_eq!(source, read_image(workshop.path(&record.image)).unwrap());
        let size = SIZE as usize;
        let exact = Checkpoint::open(folder.join("adversarial.safetensors")).unwrap();
        let exact = exact.tensor_shaped("adversarial", &[3, size, size]).unwrap();
        let distance = |image: &[f32]| -> f64 {
            let pairs = source.data().iter().zip(image);
            pairs
                .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        assert!((distance(&exact.data) - f64::from(measured.float.l2)).abs() < 1e-6);
        let written = read_image(folder.join("adversarial.png")).unwrap();
        assert!((distance(written.data()) - f64::from(measured.as_8_bits.l2)).abs() < 1e-6);
    }
}

#[test]
fn a_broken_image_is_a_record_and_the_run_goes_on() {
    let workshop = workshop();
    let whole = fs::read(workshop.path("images/3.png")).unwrap();
    workshop.write("images/3.png", &whole[..200]);
    let told = stderr(&workshop, &format!("{FOLDERS} --pairs next --out out"), 1);
    assert!(told.contains("1 of 5 attacks failed"), "{told}");
    let failed: Vec<_> = records(&workshop, "out")
        .into_iter()
        .filter_map(|record| match record.verdict {
            Verdict::Failed { reason } => Some((record.pair, reason)),
            Verdict::Done(_) => None,
        })
        .collect();
    assert_eq!(failed.len(), 1);
    assert!(
        failed[0].0 == 3 && failed[0].1.contains("images/3.png"),
        "{failed:?}"
    );
    // Mended, it is as if nothing had been.
    workshop.write("images/3.png", &whole);
    succeed(&workshop, &format!("{FOLDERS} --pairs next --out out --resume"));
    succeed(&workshop, &format!("{FOLDERS} --pairs next --out whole"));
    assert_eq!(without_times(&workshop, "out"), without_times(&workshop, "whole"));
}

/// What an attack on one image remarks, a data set does.
#[test]
fn what_is_likely_a_mistake_is_said_of_images_and_of_how_masks_are_read() {
    let workshop = workshop();
    for number in 0..5u16 {
        image::ImageBuffer::<image::Rgb<u16>, _>::from_fn(SIZE, SIZE, |x, y| {
            image::Rgb([(60 * x) as u16, (50 * y) as u16, 700 * number])
        })
        .save(workshop.path(&format!("images/{number}.png")))
        .unwrap();
    }
    let output = workshop
        .asma(&format!("{FOLDERS} --pairs next --out out"))
        .assert()
        .success();
    let said = String::from_utf8_lossy(&output.get_output().stderr);
    assert!(
        said.contains("masks: two levels read as background (0)"),
        "{said}"
    );
    assert_eq!(said.matches("almost black").count(), 3, "{said}");
    assert!(said.contains("2 more images are like that"), "{said}");
    for record in records(&workshop, "out") {
        let Verdict::Done(measured) = &record.verdict else {
            panic!("{record:?}")
        };
        assert!(measured.notes[0].contains(&format!("images/{}.png", record.pair)));
    }
}

#[test]
fn masks_of_images_of_other_sizes_are_brought_to_one_or_refused() {
    let workshop = workshop();
    let size = SIZE / 2;
    image::RgbImage::from_fn(size, size, |x, y| image::Rgb([(9 * x) as u8, (8 * y) as u8, 90]))
        .save(workshop.path("images/4.png"))
        .unwrap();
    workshop.mask("masks/4.png", size, |x, y| {
        255 * u8::from(x.abs_diff(12) < 6 && y.abs_diff(11) < 5)
    });
    let told = stderr(&workshop, &format!("{FOLDERS} --pairs next --out out"), 1);
    // The one that gets its mask, and the one whose mask it gets.
    assert!(
        told.contains("2 of 5 attacks failed") && told.contains("`resize=WIDTHxHEIGHT`"),
        "{told}"
    );
    succeed(
        &workshop,
        &format!("{FOLDERS} --pairs next --resize 32x32 --out resized"),
    );
}

#[test]
fn several_attacks_run_on_targets_lists_and_labels() {
    let workshop = workshop();
    let json = succeed(
        &workshop,
        "evaluate --images images --masks masks --weights weights.safetensors --device cpu --untargeted --attack pgd,sea \
         --steps 4 --ablate eps=1/255:8/255 --limit 3 --json --out untargeted",
    );
    let summary: Summary = serde_json::from_str(&json).unwrap();
    let names: Vec<&str> = summary
        .settings
        .iter()
        .map(|setting| setting.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["pgd eps=1/255", "pgd eps=8/255", "sea eps=1/255", "sea eps=8/255"]
    );
    let iou: Vec<f64> = summary
        .settings
        .iter()
        .map(|setting| setting.float.iou.unwrap().mean)
        .collect();
    assert!(iou[1] < iou[0], "{iou:?}");
    let worst = summary.settings[3].worst.as_ref().unwrap();
    assert_eq!(worst.losses, ["mask-ce-bal", "mask-ce-avg", "js-avg"]);
    assert!(worst.mean_iou_of_each.iter().all(|each| worst.mean_iou <= *each));
    assert!(summary.settings[0].worst.is_none());
    // Of images alone, and by a list.
    succeed(
        &workshop,
        "evaluate --images images --weights weights.safetensors --device cpu --iterations 2 --target class:1 --out all",
    );
    workshop.mask("images/region.png", SIZE, |x, _| 255 * u8::from(x < 20));
    workshop.write(
        "images/pairs.csv",
        b"image,target,region,label\n0.png,../masks/1.png,region.png,../masks/0.png\n1.png,class:1,,\n",
    );
    succeed(
        &workshop,
        "evaluate --csv images/pairs.csv --weights weights.safetensors --device cpu --iterations 2 --save --out list",
    );
    let listed = records(&workshop, "list");
    let clean: Vec<bool> = listed
        .iter()
        .map(|record| matches!(&record.verdict, Verdict::Done(measured) if measured.clean_iou.is_some()))
        .collect();
    assert_eq!(clean, [true, false]);
    let [source, adversarial] = ["source.png", "adversarial.png"]
        .map(|name| read_image(workshop.path("list/saved/0").join(name)).unwrap());
    let changed = |left: bool| {
        let pixels = source.data().iter().zip(adversarial.data()).enumerate();
        pixels
            .filter(|(index, (a, b))| ((index % SIZE as usize) < 20) == left && a != b)
            .count()
    };
    assert!(changed(true) > 0 && changed(false) == 0);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let workshop = workshop();
    fs::create_dir(workshop.path("empty")).unwrap();
    fs::create_dir(workshop.path("one")).unwrap();
    fs::copy(workshop.path("images/0.png"), workshop.path("one/0.png")).unwrap();
    let rest = "--weights weights.safetensors --device cpu --iterations 2 --out refused";
    for (arguments, code, expected) in [
        ("--images images --masks empty", 1, "holds no image file"),
        ("--images empty --masks masks", 1, "holds no image file"),
        ("--images nowhere --masks masks", 1, "no such folder"),
        ("--images one --masks masks", 2, "1 image with a mask"),
        ("--images images", 2, "nothing to lead to"),
        (
            "--images images --masks masks --ablate wobble",
            2,
            "`wobble` cannot be varied",
        ),
        ("--images images --masks masks --ablate beta", 2, "beta=VALUE"),
        (
            "--images images --masks masks --ablate mask=static:static",
            2,
            "twice",
        ),
        (
            "--images images --masks masks --ablate mask,mask",
            2,
            "names mask twice",
        ),
        (
            "--images images --masks masks --ablate mask=odd",
            2,
            "want one of: adaptive, static",
        ),
        (
            "--images images --masks masks --ablate eps=0.1",
            2,
            "no such setting",
        ),
        (
            "--images images --masks masks --attack pgd --cap 0.1",
            2,
            "`cap` is an option of asma",
        ),
        (
            "--images images --masks masks --attack pgd,pgd",
            2,
            "names pgd twice",
        ),
        (
            "--images images --masks masks --untargeted",
            2,
            "asma leads towards a target",
        ),
        ("--images images --masks masks --limit 0", 2, "--limit 0"),
        ("--images images --masks masks --batch 0", 2, "--batch 0"),
        ("--images images --masks masks --shard 3/2", 2, "want I/N"),
        ("--images images --masks masks --thresholds 1.5", 2, "at most 1"),
        ("--images images --masks masks --thresholds 0", 2, "above 0"),
        (
            "--images images --masks masks --thresholds 0.9,0.5,0.9",
            2,
            "0.9 stands there twice",
        ),
        (
            "--images images --masks masks --tau 1 --ablate tau=0",
            2,
            "tau is 0",
        ),
        ("--csv nowhere.csv", 1, "nowhere.csv"),
    ] {
        let told = stderr(&workshop, &format!("evaluate {arguments} {rest}"), code);
        assert!(told.contains(expected), "{arguments}: {told}");
        assert!(!workshop.path("refused").exists(), "{arguments}");
    }
}

#[test]
fn other_options_in_a_folder_that_is_used_are_refused_and_named() {
    let workshop = workshop();
    succeed(&workshop, &format!("{FOLDERS} --limit 2 --out out"));
    let again = stderr(&workshop, &format!("{FOLDERS} --limit 2 --out out"), 2);
    assert!(again.contains("an evaluation stands there; resume it"), "{again}");
    let before = without_times(&workshop, "out");
    for (option, named) in [
        ("--limit 3", "pairs has 2 entries there and 3 here"),
        (
            "--limit 2 --stop-iou 0.9",
            "settings[0].config.stop_iou is null there and 0.9 here",
        ),
        ("--limit 2 --resize 32x32", "preparation"),
        ("--limit 2 --seed 4", "pair"),
    ] {
        let told = stderr(&workshop, &format!("{FOLDERS} {option} --out out --resume"), 2);
        assert!(
            told.contains("other options") && told.contains(named),
            "{option}: {told}"
        );
    }
    assert_eq!(without_times(&workshop, "out"), before);
}

#[test]
fn a_full_disk_ends_the_run_and_leaves_lines_that_are_whole() {
    let workshop = workshop();
    let command = format!("{FOLDERS} --ablate mask,multiplier,schedule,objective --out out");
    // More than the description of the run takes, less than its records.
    let output = limited(&workshop, 16, &command);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("cannot be written"), "{told}");
    let left = fs::read_to_string(workshop.path("out/results.jsonl")).unwrap();
    assert!(left.ends_with('\n') && left.len() < 16 * 1024, "{}", left.len());
    succeed(&workshop, &format!("{command} --resume"));
    succeed(&workshop, &command.replace("--out out", "--out whole"));
    assert_eq!(without_times(&workshop, "out"), without_times(&workshop, "whole"));
}

#[test]
fn a_folder_that_another_run_holds_is_left_alone() {
    let workshop = workshop();
    fs::create_dir(workshop.path("out")).unwrap();
    let lock = fs::File::create(workshop.path("out/.asma-lock")).unwrap();
    lock.lock().unwrap();
    let told = stderr(&workshop, &format!("{FOLDERS} --out out"), 1);
    assert!(told.contains("writes its results there"), "{told}");
    assert!(!Path::new(&workshop.path("out/evaluation.json")).exists());
}
