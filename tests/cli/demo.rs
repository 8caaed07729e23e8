//! `asma demo`, whatever its weights are worth.

use asma::data::read_image;
use asma::report::{read_summary, read_trace};

use crate::support::Workshop;

const FILES: [&str; 10] = [
    "adversarial.png",
    "adversarial.safetensors",
    "demo.png",
    "figure.png",
    "fundus.safetensors",
    "perturbation.png",
    "prediction_after.png",
    "prediction_before.png",
    "summary.json",
    "trace.csv",
];

#[test]
fn the_demo_writes_its_files_and_commands_that_work() {
    let workshop = Workshop::new();
    let output = workshop.asma("demo --iterations 3").assert().success();
    assert_eq!(workshop.files("asma-demo"), FILES);
    let summary = read_summary(workshop.path("asma-demo/summary.json")).unwrap();
    assert_eq!(summary.asma().unwrap().iteration_limit, 3);
    assert_eq!(
        read_trace(workshop.path("asma-demo/trace.csv")).unwrap().len(),
        summary.iterations as usize
    );
    let source = read_image(workshop.path("asma-demo/demo.png")).unwrap();
    assert_ne!(
        read_image(workshop.path("asma-demo/adversarial.png")).unwrap(),
        source
    );
    assert_eq!(summary.input_size, [source.shape().h, source.shape().w]);

    let stdout = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    for word in ["before", "wanted", "after", "change", "asma-demo/figure.png"] {
        assert!(stdout.contains(word), "`{word}` is not in: {stdout}");
    }
    let commands: Vec<&str> = stdout
        .lines()
        .filter_map(|line| line.trim().strip_prefix("asma "))
        .collect();
    assert_eq!(commands.len(), 3, "{stdout}");
    for command in commands {
        let shorter = match command.starts_with("attack") {
            true => format!("{command} --iterations 2"),
            false => command.to_string(),
        };
        workshop.asma(&shorter).assert().success();
    }
    assert!(workshop.path("asma-demo/shift/animation.gif").is_file());
}

#[test]
fn the_demo_makes_an_animation_and_prints_json() {
    let workshop = Workshop::new();
    let output = workshop
        .asma("demo --iterations 2 --gif --json --device cpu --out there/and/here")
        .assert()
        .success();
    let json: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(json["iteration_limit"], 2);
    let mut expected: Vec<&str> = [&FILES[..], &["animation.gif"]].concat();
    expected.sort_unstable();
    assert_eq!(workshop.files("there/and/here"), expected);
    assert_eq!(workshop.files("asma-demo"), Vec::<String>::new());
}

#[test]
fn a_demo_that_cannot_be_fails() {
    let workshop = Workshop::new();
    workshop.write("file", b"");
    let output = workshop.asma("demo --iterations 2 --out file").assert().code(1);
    let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(
        stderr.contains("file") && stderr.contains("--out") && stderr.lines().count() == 1,
        "{stderr}"
    );
    workshop.asma("demo --iterations 0").assert().code(2);
    workshop
        .asma("demo --iterations 2 --device nonexistent")
        .assert()
        .code(1);
}
