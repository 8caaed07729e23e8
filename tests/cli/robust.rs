//! What goes wrong around a run: terminals that close, disks that fill, a second run, a kill.

#![cfg(unix)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::Workshop;

const ATTACK: &str = "attack --image image.png --target target.png --weights weights.safetensors --iterations 3 \
                      --device cpu";
const TRAIN: &str = "train --synthetic lesion --count 12 --size 32 --base 2 --depth 2 --batch 4 --epochs 2 \
                     --warm-up 2 --device cpu";
const SYNTH: &str = "synth --kind lesion --count 4 --size 32";

/// The program as a process whose streams are the test's to choose.
fn process(workshop: &Workshop, arguments: &str) -> Command {
    let command = workshop.asma(arguments);
    let mut process = Command::new(command.get_program());
    process
        .args(command.get_args())
        .current_dir(workshop.path(""))
        .stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        process.env(name, value.unwrap_or_default());
    }
    process
}

/// A pipe that nobody reads.
fn gone() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

pub fn stderr(workshop: &Workshop, arguments: &str, code: i32) -> String {
    let output = workshop.asma(arguments).assert().code(code);
    String::from_utf8_lossy(&output.get_output().stderr).into_owned()
}

/// The program with no file larger than this, as on a disk that fills.
pub fn limited(workshop: &Workshop, kibibytes: u32, arguments: &str) -> Output {
    let asma = process(workshop, arguments);
    let limit = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$@\"");
    Command::new("bash")
        .args(["-c", &limit, "bash"])
        .arg(asma.get_program())
        .args(asma.get_args())
        .current_dir(workshop.path(""))
        .output()
        .unwrap()
}

/// All files under a folder with their bytes, but for those that hold times.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let (path, name) = entry
            .map(|entry| (entry.path(), entry.file_name().into_string().unwrap()))
            .unwrap();
        if path.is_dir() {
            let inner = contents(&path).into_iter();
            files.extend(inner.map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else if name != "summary.json" {
            files.push((name, fs::read(path).unwrap()));
        }
    }
    files.sort();
    files
}

#[test]
fn work_goes_on_when_nobody_listens() {
    let workshop = Workshop::new();
    for (index, (arguments, last_file)) in [
        (format!("{ATTACK} --json"), "summary.json"),
        (ATTACK.to_string(), "summary.json"),
        (TRAIN.to_string(), "summary.json"),
        (SYNTH.to_string(), "masks/00003.png"),
        (
            "segment --image image.png --weights weights.safetensors".to_string(),
            "overlay.png",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        for (kind, stream) in [("gone", gone as fn() -> Stdio), ("full", full)] {
            // Results for programs that are lost are an error, but for who went away.
            let json = arguments.ends_with("--json");
            for (which, out, error) in [
                ("both", if json { gone() } else { stream() }, stream()),
                ("stderr", Stdio::null(), stream()),
            ] {
                let folder = format!("{kind}-{which}-{index}");
                let status = process(&workshop, &format!("{arguments} --out {folder}"))
                    .stdout(out)
                    .stderr(error)
                    .status()
                    .unwrap();
                assert_eq!(status.code(), Some(0), "{arguments}, {folder}");
                assert!(
                    workshop.path(&folder).join(last_file).is_file(),
                    "{arguments}, {folder}"
                );
            }
        }
    }
}

#[test]
fn who_asks_to_stop_ends_all_losses_of_an_attack() {
    let workshop = Workshop::new();
    let mut attack = process(
        &workshop,
        "attack --attack sea --untargeted --image image.png --weights weights.safetensors --steps 3000 --device cpu --out out",
    )
    .stdout(Stdio::null())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(attack.stderr.take().unwrap()).lines();
    // Three attacks of several seconds each; it is the second that is stopped.
    let begins = |line: &String| line.starts_with("iteration 1/");
    let mut heard = Vec::new();
    while heard.iter().filter(|line| begins(line)).count() < 2 {
        heard.push(lines.next().unwrap().unwrap());
    }
    let interrupted = Command::new("kill")
        .args(["-INT", &attack.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    heard.extend(lines.map(Result::unwrap));
    assert_eq!(attack.wait().unwrap().code(), Some(0), "{heard:?}");
    assert_eq!(heard.iter().filter(|line| begins(line)).count(), 2, "{heard:?}");
    let losses = heard.iter().filter(|line| line.starts_with("loss "));
    assert_eq!(losses.count(), 2, "{heard:?}");
    let devices = heard.iter().filter(|line| line.starts_with("device: "));
    assert_eq!(devices.count(), 1, "{heard:?}");
    let summary = fs::read_to_string(workshop.path("out/summary.json")).unwrap();
    assert!(summary.contains("worst_of"), "{summary}");
}

#[test]
fn lists_end_quietly_without_a_reader_and_say_when_a_disk_is_full() {
    let workshop = Workshop::new();
    for arguments in [
        "devices",
        "shaders",
        "inspect weights.safetensors --size 48x48",
        "--help",
    ] {
        let output = process(&workshop, arguments)
            .stdout(gone())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments}");
        assert!(output.stderr.is_empty(), "{arguments}: {output:?}");
    }
    let output = process(&workshop, &format!("{ATTACK} --json --out out"))
        .stdout(full())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("standard output: cannot be written"), "{words}");
    assert!(workshop.path("out/summary.json").is_file());
}

#[test]
fn a_folder_is_held_by_one_run() {
    let workshop = Workshop::new();
    fs::create_dir(workshop.path("out")).unwrap();
    let lock = File::create(workshop.path("out/.asma-lock")).unwrap();
    lock.lock().unwrap();
    fs::write(workshop.path("out/.asma-lock"), "4711\n").unwrap();
    let segment = "segment --image image.png --weights weights.safetensors";
    let bench = "bench --weights weights.safetensors --size 48x48 --rounds 1 --device cpu";
    for arguments in [ATTACK, TRAIN, SYNTH, segment, "demo --iterations 1"] {
        let words = stderr(&workshop, &format!("{arguments} --out out"), 1);
        assert!(words.contains("out: process 4711"), "{words}");
        assert_eq!(workshop.files("out"), [".asma-lock"], "{arguments}");
    }
    let words = stderr(&workshop, &format!("{bench} --save out"), 1);
    assert!(
        words.contains("process 4711") && words.contains("--save"),
        "{words}"
    );
    // The file is in nobody's way once its process is gone, as after a kill.
    drop(lock);
    for arguments in [ATTACK, SYNTH] {
        workshop
            .asma(&format!("{arguments} --out out"))
            .assert()
            .success();
    }
    assert!(!workshop.path("out/.asma-lock").exists());
}

#[test]
fn what_killed_runs_left_half_written_is_removed_unless_it_is_being_written() {
    let workshop = Workshop::new();
    for folder in ["out", "out/images", "out/masks"] {
        fs::create_dir(workshop.path(folder)).unwrap();
        workshop.write(&format!("{folder}/.asma-a1B2c3"), b"half");
    }
    let busy = File::create(workshop.path("out/.asma-d4E5f6")).unwrap();
    busy.lock().unwrap();
    workshop.asma(&format!("{SYNTH} --out out")).assert().success();
    assert_eq!(workshop.files("out"), [".asma-d4E5f6", "images", "masks"]);
    assert_eq!(workshop.files("out/images").len(), 4);
    assert_eq!(workshop.files("out/masks").len(), 4);
}

#[test]
fn a_refused_run_leaves_no_folder() {
    let workshop = Workshop::new();
    workshop
        .asma("attack --image absent.png --target target.png --weights weights.safetensors --out a/b/c")
        .assert()
        .code(1);
    assert!(!workshop.path("a").exists());
}

#[test]
fn results_of_an_earlier_attack_do_not_stand_beside_new_ones() {
    let workshop = Workshop::new();
    workshop
        .asma(&format!("{ATTACK} --gif --out out"))
        .assert()
        .success();
    assert!(workshop.path("out/animation.gif").is_file());
    workshop.write("out/mine.txt", b"mine");
    workshop.asma(&format!("{ATTACK} --out out")).assert().success();
    assert!(!workshop.path("out/animation.gif").exists());
    assert_eq!(fs::read(workshop.path("out/mine.txt")).unwrap(), b"mine");
    // One that fails between two files leaves no summary that speaks of others.
    fs::remove_file(workshop.path("out/figure.png")).unwrap();
    fs::create_dir(workshop.path("out/figure.png")).unwrap();
    let words = stderr(&workshop, &format!("{ATTACK} --out out"), 1);
    assert!(words.contains("figure.png"), "{words}");
    let left = workshop.files("out");
    assert!(
        !left
            .iter()
            .any(|name| name == "summary.json" || name == "trace.csv"),
        "{left:?}"
    );
}

#[test]
fn an_input_is_not_written_over() {
    let workshop = Workshop::new();
    workshop.asma(&format!("{ATTACK} --out out")).assert().success();
    for arguments in [
        "attack --image out/adversarial.png --target target.png --weights weights.safetensors --out out",
        "attack --image image.png --target of:out/../out/adversarial.png --weights weights.safetensors --out out",
    ] {
        let words = stderr(&workshop, arguments, 2);
        assert!(
            words.contains("adversarial.png") && words.contains("--out"),
            "{words}"
        );
    }
    assert!(workshop.path("out/summary.json").is_file());
}

/// An attack and a segmentation may follow each other in a folder, of whose results only the last are left; an evaluation has
/// one of its own.
#[test]
fn results_of_other_commands_do_not_mix() {
    let workshop = Workshop::new();
    let segment = "segment --image image.png --weights weights.safetensors --device cpu --out out";
    workshop.asma(segment).assert().success();
    workshop.asma(&format!("{ATTACK} --out out")).assert().success();
    assert!(!workshop.path("out/labels.png").exists());
    workshop.asma(segment).assert().success();
    assert!(!workshop.path("out/summary.json").exists());
    assert!(workshop.path("out/labels.png").is_file());
    let evaluate = "evaluate --images in --target shift:5,5 --weights weights.safetensors --device cpu --iterations 1 --save";
    fs::create_dir(workshop.path("in")).unwrap();
    fs::copy(workshop.path("image.png"), workshop.path("in/a.png")).unwrap();
    workshop.asma(&format!("{evaluate} --out all")).assert().success();
    for other in [
        segment.replace("--out out", "--out all"),
        format!("{ATTACK} --out all"),
    ] {
        let words = stderr(&workshop, &other, 2);
        assert!(
            words.contains("an evaluation") && words.contains("--out"),
            "{words}"
        );
    }
    workshop.asma(&format!("{ATTACK} --out one")).assert().success();
    let words = stderr(&workshop, &format!("{evaluate} --out one"), 2);
    assert!(
        words.contains("an attack") && words.contains("trace.csv"),
        "{words}"
    );
    // What it keeps is no input of its own.
    let again = evaluate.replace("--images in", "--images all/saved/0");
    let before = fs::read(workshop.path("all/saved/0/source.png")).unwrap();
    let words = stderr(&workshop, &format!("{again} --out all"), 2);
    assert!(
        words.contains("saved/0") && words.contains("write over"),
        "{words}"
    );
    assert_eq!(fs::read(workshop.path("all/saved/0/source.png")).unwrap(), before);
}

#[test]
fn a_series_that_was_broken_off_goes_on() {
    let workshop = Workshop::new();
    workshop.asma(&format!("{SYNTH} --out whole")).assert().success();
    // Where a file cannot be written, the rest waits.
    fs::create_dir_all(workshop.path("part/masks/00002.png")).unwrap();
    workshop.asma(&format!("{SYNTH} --out part")).assert().code(2);
    fs::remove_dir(workshop.path("part/masks/00002.png")).unwrap();
    // No file may be larger than a kibibyte: images are.
    let output = limited(&workshop, 1, &format!("{SYNTH} --out part"));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("the same command goes on"), "{words}");
    let words = stderr(&workshop, "synth --kind lesion --count 5 --size 32 --out part", 2);
    assert!(
        words.contains("not finished") && words.contains("\"count\":4"),
        "{words}"
    );
    workshop.asma(&format!("{SYNTH} --out part")).assert().success();
    assert_eq!(
        contents(&workshop.path("part")),
        contents(&workshop.path("whole"))
    );
    // Done is done.
    workshop.asma(&format!("{SYNTH} --out part")).assert().code(2);
}

#[test]
fn a_training_broken_off_within_an_epochs_files_goes_on_bit_for_bit() {
    let workshop = Workshop::new();
    workshop.asma(&format!("{TRAIN} --out whole")).assert().success();
    for (index, lost) in [&[][..], &["weights.safetensors"]].iter().enumerate() {
        for file in ["loss_curve.svg", "history.csv"] {
            let folder = format!("{index}-{file}");
            // A folder in the place of a file breaks the first epoch off just there.
            fs::create_dir_all(workshop.path(&folder).join(file)).unwrap();
            let words = stderr(&workshop, &format!("{TRAIN} --out {folder}"), 1);
            assert!(
                words.contains(file) && words.contains("with --resume goes on"),
                "{words}"
            );
            fs::remove_dir(workshop.path(&folder).join(file)).unwrap();
            // As if it had been killed before these, too.
            for name in *lost {
                fs::remove_file(workshop.path(&folder).join(name)).unwrap();
            }
            let words = stderr(&workshop, &format!("{TRAIN} --out {folder}"), 2);
            assert!(words.contains("--resume"), "{words}");
            workshop
                .asma(&format!("{TRAIN} --out {folder} --resume"))
                .assert()
                .success();
            assert_eq!(
                contents(&workshop.path(&folder)),
                contents(&workshop.path("whole")),
                "{folder}"
            );
        }
    }
}

#[test]
fn a_training_whose_first_state_was_not_kept_begins_again() {
    let workshop = Workshop::new();
    workshop.asma(&format!("{TRAIN} --out whole")).assert().success();
    // No file may be larger than two kibibytes, and the state is.
    let output = limited(&workshop, 2, &format!("{TRAIN} --out part"));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("begin again by the same command"), "{words}");
    assert_eq!(workshop.files("part"), Vec::<String>::new());
    let words = stderr(&workshop, &format!("{TRAIN} --out part --resume"), 1);
    assert!(
        words.contains("begin one by the same command without --resume"),
        "{words}"
    );
    workshop.asma(&format!("{TRAIN} --out part")).assert().success();
    assert_eq!(
        contents(&workshop.path("part")),
        contents(&workshop.path("whole"))
    );
}

#[test]
fn weights_without_a_run_are_not_written_over() {
    let workshop = Workshop::new();
    fs::create_dir(workshop.path("out")).unwrap();
    fs::copy(
        workshop.path("weights.safetensors"),
        workshop.path("out/weights.safetensors"),
    )
    .unwrap();
    let words = stderr(&workshop, &format!("{TRAIN} --out out"), 2);
    assert!(
        words.contains("weights.safetensors") && words.contains("move it away"),
        "{words}"
    );
    assert_eq!(workshop.files("out"), ["weights.safetensors"]);
}
