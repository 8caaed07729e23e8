//! Tensors in place of image and mask files, on the command line.

use asma::checkpoint::{Checkpoint, WeightTensor};
use asma::data::{read_image, read_mask};
use asma::report::{read_summary, read_trace};
use assert_cmd::Command;

use crate::support::{SIZE, Workshop};

/// The usual image and target, and a region, as tensors of one file: two samples, of which the second is the usual one.
fn save_tensors(workshop: &Workshop) {
    let side = SIZE as usize;
    let image = read_image(workshop.path("image.png")).unwrap();
    let other: Vec<f32> = image.data().iter().map(|value| 0.5 * value).collect();
    let target = read_mask(workshop.path("target.png"), 2).unwrap();
    let labels: Vec<f32> = target.labels().iter().map(|&label| label.into()).collect();
    let region: Vec<f32> = (0..side * side)
        .map(|pixel| f32::from(pixel % side < 20))
        .collect();
    let twice = |first: &[f32], second: &[f32]| [first, second].concat();
    let tensors = [
        ("image", vec![2, 3, side, side], twice(&other, image.data())),
        ("target", vec![2, side, side], twice(&region, &labels)),
        ("region", vec![side, side], region.clone()),
        ("labels", vec![side, side], vec![7.0; side * side]),
    ];
    let tensors = tensors.map(|(name, shape, data)| (name, WeightTensor::new(shape, data).unwrap()));
    Checkpoint::from_tensors(tensors, Vec::<(String, String)>::new())
        .unwrap()
        .save(workshop.path("pair.safetensors"))
        .unwrap();
}

fn said(command: &mut Command) -> String {
    let output = command.assert().success();
    String::from_utf8_lossy(&output.get_output().stderr).into_owned()
}

#[test]
fn an_attack_on_tensors_is_that_on_the_files_they_came_from() {
    let workshop = Workshop::new();
    save_tensors(&workshop);
    workshop.mask("region.png", SIZE, |x, _| 255 * u8::from(x < 20));
    said(&mut workshop.attack("--iterations 8 --region region.png --out files"));
    let stderr = said(&mut workshop.asma(
        "attack --image pair.safetensors:image[1] --target pair.safetensors:target[1] --region \
         pair.safetensors:region --weights weights.safetensors --iterations 8 --out tensors",
    ));
    for line in [
        "image: pair.safetensors: tensor `image`[1], 3×48×48, float32, values 0 to 0.9216",
        "region: pair.safetensors: tensor `region`, 48×48, float32; values read as class indices (255: ignored); \
         background 58.33 %, foreground 41.67 %",
        "target: pair.safetensors: tensor `target`[1], 48×48, float32; values read as class indices (255: ignored); \
         background 87.63 %, foreground 12.37 %",
    ] {
        assert!(stderr.lines().any(|found| found == line), "{line}\n{stderr}");
    }
    for file in [
        "adversarial.png",
        "trace.csv",
        "perturbation.png",
        "prediction_after.png",
    ] {
        let [files, tensors] =
            ["files", "tensors"].map(|folder| std::fs::read(workshop.path(folder).join(file)).unwrap());
        assert!(files == tensors, "{file}");
    }
    let summary = read_summary(workshop.path("tensors/summary.json")).unwrap();
    assert_eq!(
        [&summary.image[..], &summary.target],
        ["pair.safetensors:image[1]", "pair.safetensors:target[1]"]
    );
    assert_eq!(summary.region.as_deref(), Some("pair.safetensors:region"));
    assert_eq!(read_trace(workshop.path("tensors/trace.csv")).unwrap().len(), 8);
}

#[test]
fn a_label_may_be_a_tensor_of_the_size_of_the_output() {
    let workshop = Workshop::new();
    save_tensors(&workshop);
    let attack = |label: &str| {
        workshop.asma(&format!(
            "attack --attack pgd --untargeted --steps 3 --image pair.safetensors:image[1] --label {label} \
             --weights weights.safetensors --out out"
        ))
    };
    let stderr = said(&mut attack("pair.safetensors:target[1]"));
    let label = "label: pair.safetensors: tensor `target`[1], 48×48, float32; ";
    assert!(stderr.lines().any(|line| line.starts_with(label)), "{stderr}");
    let output = attack("pair.safetensors:target").assert().code(1);
    let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(stderr.contains("holds 2 samples"), "{stderr}");
    let written = attack("out/adversarial.safetensors:adversarial").assert().code(2);
    let stderr = String::from_utf8_lossy(&written.get_output().stderr).into_owned();
    assert!(stderr.contains("written over"), "{stderr}");
}

#[test]
fn what_an_attack_left_can_be_attacked_and_segmented_again() {
    let workshop = Workshop::new();
    said(&mut workshop.attack("--iterations 5 --out first"));
    let exact = "first/adversarial.safetensors:adversarial";
    said(&mut workshop.asma(&format!(
        "segment --image {exact} --weights weights.safetensors --out segment"
    )));
    let after = image::open(workshop.path("first/prediction_after.png")).unwrap();
    let seen = image::open(workshop.path("segment/prediction.png")).unwrap();
    assert_eq!(after.into_rgb8(), seen.into_rgb8());
    said(&mut workshop.asma(&format!(
        "attack --image image.png --target of:{exact} --weights weights.safetensors --iterations 2 --out of"
    )));
    // Into the folder that it stands in, it would be written over.
    for command in [
        format!("attack --image {exact} --target class:1 --weights weights.safetensors --out first"),
        format!("attack --image image.png --target of:{exact} --weights weights.safetensors --out first"),
    ] {
        let output = workshop.asma(&command).assert().code(2);
        let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(
            stderr.contains("adversarial.safetensors") && stderr.contains("--out"),
            "{stderr}"
        );
    }
}

#[test]
fn tensors_that_do_not_fit_are_refused_in_one_line() {
    let workshop = Workshop::new();
    save_tensors(&workshop);
    let attack = |image: &str, target: &str, more: &str| {
        workshop.asma(&format!(
            "attack --image {image} --target {target} --weights weights.safetensors {more}"
        ))
    };
    let (image, target) = ("pair.safetensors:image[1]", "pair.safetensors:target[1]");
    for (mut command, code, words) in [
        (
            attack("pair.safetensors:image", target, ""),
            1,
            ["holds 2 samples", "[0] to [1]"],
        ),
        (
            attack("pair.safetensors:image[2]", target, ""),
            1,
            ["holds 2 samples", "no [2]"],
        ),
        (
            attack("pair.safetensors:photo", target, ""),
            1,
            ["`photo`", "`image`, `labels`, `region`, `target`"],
        ),
        (
            attack("pair.safetensors:region", target, ""),
            1,
            ["48×48", "C×H×W"],
        ),
        (
            attack("pair.safetensors", target, ""),
            1,
            ["no image", "FILE.safetensors:NAME"],
        ),
        (
            attack("absent.safetensors:image", target, ""),
            1,
            ["absent.safetensors", "cannot be read"],
        ),
        (
            attack("absent.safetensor:image", target, ""),
            1,
            ["absent.safetensor:image", "no such file"],
        ),
        (
            attack(image, "pair.safetensors:image[1]", ""),
            1,
            ["2×3×48×48", "argmax"],
        ),
        (
            attack(image, "pair.safetensors:labels", ""),
            1,
            ["holds 7", "classes 0 to 1"],
        ),
        (
            attack(image, target, "--region pair.safetensors:labels"),
            1,
            ["holds 7", "0 to 1"],
        ),
        (
            attack(image, target, "--white 255"),
            2,
            ["`white=255`", "as they are"],
        ),
    ] {
        let output = command.assert().code(code);
        let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        let lines: Vec<&str> = stderr.lines().filter(|line| line.starts_with("asma: ")).collect();
        assert_eq!(lines.len(), 1, "{stderr}");
        for word in words {
            assert!(lines[0].contains(word), "`{word}` is not in: {}", lines[0]);
        }
        assert_eq!(workshop.files("asma-out"), Vec::<String>::new());
    }
}
