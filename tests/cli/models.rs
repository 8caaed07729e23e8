//! Networks of other formats on the command line: checked against numbers, inspected, converted, given images that do not
//! fit.

use std::path::{Path, PathBuf};

use asma::checkpoint::{Checkpoint, WeightTensor};
use assert_cmd::Command;

use crate::support::Workshop;

/// A file of the tests of networks.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(name)
}

/// The exit status, standard output and standard error.
fn ran(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().expect("an exit status"),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Writes a reference for `ends_in_sigmoid.onnx`, whose weights do not matter at x = 0 but for the bias.
fn reference(workshop: &Workshop, names: &[&str], y: Option<f32>) {
    let numbers = Checkpoint::open(file("operators.safetensors")).unwrap();
    let stored = |name: &str| numbers.tensor(&format!("ends_in_sigmoid/0/{name}")).unwrap();
    let made = |of: &WeightTensor, value: &dyn Fn(usize) -> f64| {
        let data = (0..of.data.len()).map(|index| value(index) as f32).collect();
        WeightTensor::new(of.shape.clone(), data).unwrap()
    };
    let tensors = names.iter().map(|name| {
        let tensor = match *name {
            "x" => made(&stored("dx"), &|index| {
                ((index * 7919 + 13) % 1009) as f64 / 1009.0
            }),
            "w" => made(&stored("y"), &|index| {
                ((index * 104729 + 7) % 2003) as f64 / 1001.0 - 1.0
            }),
            "y" => {
                let mut tensor = stored("y");
                tensor.data[3] = y.unwrap_or(tensor.data[3]);
                tensor
            }
            other => stored(other),
        };
        (name.to_string(), tensor)
    });
    let none: [(&str, &str); 0] = [];
    Checkpoint::from_tensors(tensors.collect::<Vec<_>>(), none)
        .unwrap()
        .save(workshop.path("reference.safetensors"))
        .unwrap();
}

#[test]
fn a_network_is_checked_against_numbers_and_the_exit_status_says_whether_it_holds() {
    let workshop = Workshop::new();
    let model = file("operators/ends_in_sigmoid.onnx");
    let check = |more: &str| {
        ran(workshop.asma(&format!(
            "check {} --reference reference.safetensors --device cpu {more}",
            model.display()
        )))
    };
    reference(&workshop, &["x", "y", "w", "dx"], None);
    let (status, stdout, stderr) = check("");
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.contains("y ") && stdout.contains("dx "), "{stdout}");
    let (status, stdout, _) = check("--json");
    assert_eq!(status, 0);
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["comparisons"].as_array().unwrap().len(), 2);
    assert!(json["comparisons"][1]["relative"].as_f64().unwrap() < 1e-5);
    // Without a gradient the output alone.
    for names in [&["x", "y"][..], &["x", "y", "w"], &["x", "y", "dx"]] {
        reference(&workshop, names, None);
        let (status, stdout, _) = check("");
        assert_eq!(status, 0);
        assert!(!stdout.contains("dx"), "{stdout}");
    }
    reference(&workshop, &["x", "y", "w", "dx"], Some(9.0));
    let (status, stdout, stderr) = check("");
    assert_eq!(status, 1);
    assert!(stdout.contains("off by at most"), "{stdout}");
    assert!(
        stderr.contains("y is off by") && stderr.contains("--tolerance"),
        "{stderr}"
    );
    assert!(!stderr.contains("dx is off"), "{stderr}");
    assert_eq!(check("--tolerance 1").0, 0);
    for wrong in ["0", "-1", "nan", "inf"] {
        assert_ne!(check(&format!("--tolerance={wrong}")).0, 0, "{wrong}");
    }
    reference(&workshop, &["x"], None);
    let (status, _, stderr) = check("");
    assert_eq!(status, 1);
    assert!(
        stderr.contains("reference.safetensors") && stderr.contains('y'),
        "{stderr}"
    );
}

#[test]
fn every_format_is_inspected() {
    let workshop = Workshop::new();
    let onnx = file("operators/opset_11.onnx");
    let (status, _, stderr) =
        ran(workshop.asma(&format!("convert {} converted.safetensors", onnx.display())));
    assert_eq!(status, 0, "{stderr}");
    for (path, word) in [
        (onnx.clone(), "opset 11"),
        (workshop.path("converted.safetensors"), "converted from"),
        (file("families/monai_plain.pth"), "MONAI"),
        (file("families/nn_unet_plain.safetensors"), "nnU-Net"),
        (workshop.path("weights.safetensors"), "SimpleUnet"),
    ] {
        let inspect = format!("inspect {} --size 32x32", path.display());
        let (status, stdout, stderr) = ran(workshop.asma(&inspect));
        assert_eq!(status, 0, "{}: {stderr}", path.display());
        assert!(stdout.contains(word), "no `{word}` in: {stdout}");
        let (status, stdout, _) = ran(workshop.asma(&format!("{inspect} --json")));
        assert_eq!(status, 0);
        let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert!(json["read_as"].as_str().unwrap().contains(word), "{json}");
    }
    // Not over itself.
    let (status, _, stderr) = ran(workshop.asma("convert converted.safetensors converted.safetensors"));
    assert_ne!(status, 0);
    assert!(stderr.contains("written over"), "{stderr}");
}

#[test]
fn an_image_is_fitted_to_a_network_of_one_size_when_told() {
    let workshop = Workshop::new();
    // For images of 6×4 pixels of two channels; the workshop's are in colour.
    let onnx = file("operators/heads.onnx");
    let segment = |more: &str| {
        ran(workshop.asma(&format!(
            "segment --model {} --image image.png --out out {more}",
            onnx.display()
        )))
    };
    let (status, _, stderr) = segment("");
    assert_ne!(status, 0);
    assert!(stderr.contains("2 channels"), "{stderr}");
    let weights = "--weights weights.safetensors --image image.png --out out --device cpu";
    let (status, _, stderr) = ran(workshop.asma(&format!("segment {weights} --resize 45x47 --fit resize")));
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("output as large"), "{stderr}");
    let (status, _, stderr) = ran(workshop.asma(&format!("segment {weights} --resize 45x47 --fit pad")));
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("cut back"), "{stderr}");
    let (status, _, stderr) = ran(workshop.asma(&format!("segment {weights} --fit shrink")));
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("pad or resize"), "{stderr}");
}
