//! Every bad input: one line that names what was found and what is wanted, exit code 1 or 2, nothing left behind.

use asma::model::{Padding, SimpleUnet};
use assert_cmd::Command;

use crate::support::{SIZE, Workshop, save_weights, unet};

/// Runs a command that must fail with `code` and one line that contains all of `words`, and leaves no file in
/// the output folder.
fn refused(workshop: &Workshop, mut command: Command, code: i32, words: &[&str]) {
    let output = command.assert().code(code);
    let output = output.get_output();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = stderr.lines().filter(|line| line.starts_with("asma: ")).collect();
    assert_eq!(lines.len(), 1, "want one line of error, got:\n{stderr}");
    assert_eq!(stderr.lines().last(), Some(lines[0]), "{stderr}");
    for word in words {
        assert!(lines[0].contains(word), "`{word}` is not in: {}", lines[0]);
    }
    assert!(output.stdout.is_empty());
    assert_eq!(workshop.files("asma-out"), Vec::<String>::new());
}

/// Runs a command that the argument parser must refuse.
fn refused_by_parser(workshop: &Workshop, mut command: Command, words: &[&str]) {
    let output = command.assert().code(2);
    let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    for word in words {
        assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
    }
    assert_eq!(workshop.files("asma-out"), Vec::<String>::new());
}

#[test]
fn weights_that_are_missing_truncated_or_lying() {
    let workshop = Workshop::new();
    let weights = std::fs::read(workshop.path("weights.safetensors")).unwrap();
    let attack = |name: &str| {
        workshop.asma(&format!(
            "attack --image image.png --target target.png --weights {name}"
        ))
    };
    refused(
        &workshop,
        attack("absent.safetensors"),
        1,
        &["absent.safetensors"],
    );
    workshop.write("truncated.safetensors", &weights[..weights.len() / 2]);
    refused(
        &workshop,
        attack("truncated.safetensors"),
        1,
        &["truncated.safetensors"],
    );
    let mut lying = weights.clone();
    lying[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    workshop.write("lying.safetensors", &lying);
    refused(&workshop, attack("lying.safetensors"), 1, &["lying.safetensors"]);
    refused(&workshop, attack("image.png"), 1, &["image.png"]);
}

#[test]
fn weights_of_the_wrong_shape_or_not_finite() {
    let workshop = Workshop::new();
    let attack = || workshop.asma("attack --image image.png --target target.png --weights bad.safetensors");
    let path = workshop.path("bad.safetensors");
    save_weights(&unet(), &path, |tensors| {
        let (_, weight) = tensors
            .iter_mut()
            .find(|(name, _)| name == "conv2_block.2.weight")
            .unwrap();
        weight.shape = vec![8, 4, 3, 6];
    });
    refused(
        &workshop,
        attack(),
        1,
        &[
            "bad.safetensors",
            "conv2_block.2.weight",
            "[8, 4, 3, 6]",
            "[8, 8, 3, 3]",
        ],
    );
    for value in [f32::NAN, f32::INFINITY] {
        save_weights(&unet(), &path, |tensors| tensors[3].1.data[0] = value);
        let name = &unet().tensors()[3].0;
        refused(&workshop, attack(), 1, &["bad.safetensors", name]);
    }
    save_weights(&unet(), &path, |tensors| drop(tensors.remove(5)));
    refused(
        &workshop,
        attack(),
        1,
        &["bad.safetensors", &unet().tensors()[5].0],
    );
}

#[test]
fn images_that_are_none_or_too_small() {
    let workshop = Workshop::new();
    let attack = |name: &str| {
        workshop.asma(&format!(
            "attack --image {name} --target target.png --weights weights.safetensors"
        ))
    };
    workshop.write("text.png", b"not an image at all");
    refused(&workshop, attack("text.png"), 1, &["text.png"]);
    refused(&workshop, attack("absent.png"), 1, &["absent.png"]);
    let image = std::fs::read(workshop.path("image.png")).unwrap();
    workshop.write("truncated.png", &image[..image.len() / 2]);
    refused(&workshop, attack("truncated.png"), 1, &["truncated.png"]);
    image::RgbImage::from_pixel(1, 1, image::Rgb([9; 3]))
        .save(workshop.path("pixel.png"))
        .unwrap();
    workshop.mask("grey.png", SIZE, |x, _| x as u8);
    refused(
        &workshop,
        attack("grey.png"),
        2,
        &["grey.png", "is grey", "`grey`"],
    );
    // A network of padding `same` takes any size with a border around it; the target is of another size then.
    refused(
        &workshop,
        attack("pixel.png"),
        1,
        &["target.png", "48×48", "1×1", "image's size"],
    );
    let valid = SimpleUnet::doubling(3, 4, 2, 2, Padding::Valid);
    save_weights(&valid, &workshop.path("valid.safetensors"), |_| ());
    refused(
        &workshop,
        workshop.asma("segment --image pixel.png --weights valid.safetensors"),
        2,
        &["pixel.png", "1×1", "nearest", "18x18"],
    );
}

#[test]
fn targets_that_do_not_fit() {
    let workshop = Workshop::new();
    let attack = |target: &str| {
        workshop.asma(&format!(
            "attack --image image.png --target {target} --weights weights.safetensors"
        ))
    };
    workshop.mask("large.png", SIZE + 2, |x, _| 255 * u8::from(x > 9));
    refused(&workshop, attack("large.png"), 1, &["large.png", "50", "48"]);
    workshop.mask("empty.png", SIZE, |_, _| 0);
    refused(&workshop, attack("empty.png"), 1, &["empty.png", "foreground"]);
    image::RgbImage::from_pixel(SIZE, SIZE, image::Rgb([200, 10, 10]))
        .save(workshop.path("colour.png"))
        .unwrap();
    refused(&workshop, attack("colour.png"), 1, &["colour.png"]);
    refused(&workshop, attack("class:9"), 2, &["class 9", "0 to 1"]);
    refused(&workshop, attack("hide:1->7"), 2, &["class 7", "0 to 1"]);
    refused(
        &workshop,
        attack("shift:100,0"),
        2,
        &["shift:100,0", "out of the picture"],
    );
    refused(&workshop, attack("of:image.png"), 2, &["predicts it already"]);
    // Three classes for a network of two; two levels alone are background and foreground.
    workshop.mask("indices.png", SIZE, |x, _| 7 * u8::from(x > 9) + u8::from(x > 20));
    refused(
        &workshop,
        attack("indices.png"),
        1,
        &["indices.png", "8", "`classes`"],
    );
    refused_by_parser(&workshop, attack("shift:oops"), &["shift:DX,DY"]);
    refused_by_parser(&workshop, attack("shfit:1,2"), &["shift:DX,DY"]);
}

#[test]
fn networks_whose_output_overflows() {
    let workshop = Workshop::new();
    save_weights(&unet(), &workshop.path("huge.safetensors"), |tensors| {
        for (_, weight) in tensors {
            weight.data.fill(1e20);
        }
    });
    for command in [
        "segment --image image.png --weights huge.safetensors",
        "attack --image image.png --target target.png --weights huge.safetensors",
    ] {
        refused(&workshop, workshop.asma(command), 1, &["check the weights"]);
    }
}

#[test]
fn regions_that_are_empty_or_of_another_size() {
    let workshop = Workshop::new();
    workshop.mask("empty.png", SIZE, |_, _| 0);
    refused(
        &workshop,
        workshop.attack("--region empty.png"),
        1,
        &["empty.png"],
    );
    workshop.mask("small.png", SIZE - 8, |x, _| 255 * u8::from(x > 3));
    refused(
        &workshop,
        workshop.attack("--region small.png"),
        1,
        &["small.png", "40×40", "48×48"],
    );
}

#[test]
fn settings_that_cannot_be() {
    let workshop = Workshop::new();
    refused(
        &workshop,
        workshop.attack("--tau 1e-7 --beta -1e-6"),
        2,
        &["beta is -0.000001", "0 or more"],
    );
    for cap in ["0", "-0.1", "1.5", "NaN"] {
        refused(
            &workshop,
            workshop.attack(&format!("--cap {cap}")),
            2,
            &["the cap is", "more than 0 and at most 1"],
        );
    }
    refused(&workshop, workshop.attack("--tau -1"), 2, &["tau is -1"]);
    refused(&workshop, workshop.attack("--tau NaN"), 2, &["tau is NaN"]);
    refused(
        &workshop,
        workshop.attack("--tau auto --beta 1e-6"),
        2,
        &["`beta` with a `tau` of your own"],
    );
    refused(&workshop, workshop.attack("--iterations 0"), 2, &["0 iterations"]);
    refused(
        &workshop,
        workshop.attack("--classes 0,5"),
        2,
        &["class 5", "0 to 1"],
    );
    refused(&workshop, workshop.attack("--stop-iou 1.5"), 2, &["1.5"]);
    refused(
        &workshop,
        workshop.attack("--crop 40,40,20,20"),
        2,
        &["40,40,20,20", "48"],
    );
    refused_by_parser(
        &workshop,
        workshop.attack("--schedule three-forward"),
        &["one-forward"],
    );
}

/// Options that say nothing of what they are given to.
#[test]
fn options_that_nothing_reads() {
    let workshop = Workshop::new();
    let of_dag = "is an option of attacks with a budget, and the attack is dag";
    refused(
        &workshop,
        workshop.attack("--attack dag --eps 8/255"),
        2,
        &["`eps`", of_dag],
    );
    refused(
        &workshop,
        workshop.attack("--attack dag --norm l2"),
        2,
        &["`norm`", of_dag],
    );
    refused(
        &workshop,
        workshop.attack("--output logits"),
        1,
        &["weights.safetensors", "no ONNX file", "`output`"],
    );
    refused_by_parser(
        &workshop,
        workshop.attack("--label none.png"),
        &["--label", "--target"],
    );
    refused(
        &workshop,
        workshop.attack("--attack apgd --loss mask-ce-bal --class-weights 0,0"),
        2,
        &["all classes have the weight 0"],
    );
    let output = workshop
        .attack("--attack pgd --steps 1 --class-weights 1,2 --published --alpha 0.2 --out noted")
        .assert()
        .success();
    let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    for note in [
        "weights of classes are of the loss `mask-ce-bal` alone",
        "`published` changes nothing",
        "more than twice",
    ] {
        assert!(stderr.contains(note), "{stderr}");
    }
}

/// The file that is left is what got there.
#[test]
fn a_goal_that_is_reached_is_what_is_saved() {
    let workshop = Workshop::new();
    let attack = "--attack pgd --steps 40 --eps 0.5 --alpha 0.02 --stop-iou 0.5 --out reached";
    workshop.attack(attack).assert().success();
    let summary = asma::report::read_summary(workshop.path("reached/summary.json")).unwrap();
    assert_eq!(summary.stop_reason, "goal reached");
    assert!(
        summary.results.best.iou >= 0.5 && summary.results.best.linf > 0.0,
        "{:?}",
        summary.results
    );
    let again = workshop
        .attack("--attack pgd --steps 40 --eps 0.5 --stop-iou 0.001 --out idle")
        .assert()
        .success();
    let stderr = String::from_utf8_lossy(&again.get_output().stderr).into_owned();
    assert!(stderr.contains("is so with the source as it is"), "{stderr}");
}

/// A file's name need be no Unicode.
#[cfg(target_os = "linux")]
#[test]
fn a_target_may_have_any_name() {
    use std::os::unix::ffi::OsStrExt;
    let workshop = Workshop::new();
    let name = std::ffi::OsStr::from_bytes(b"m\xff.png");
    std::fs::copy(workshop.path("target.png"), workshop.path("").join(name)).unwrap();
    let mut command = workshop
        .asma("attack --image image.png --weights weights.safetensors --iterations 1 --out any --target");
    command.arg(name).assert().success();
}

#[test]
fn an_output_folder_that_cannot_be_written() {
    let workshop = Workshop::new();
    refused(
        &workshop,
        workshop.attack("--out image.png/out"),
        1,
        &["image.png/out", "--out"],
    );
}

#[test]
fn devices_that_are_not_there() {
    let workshop = Workshop::new();
    refused(
        &workshop,
        workshop.attack("--device gpu"),
        1,
        &["no GPU adapter", "take `cpu`"],
    );
    refused(
        &workshop,
        workshop.attack("--device 17"),
        1,
        &["17", "take `cpu`"],
    );
    refused(
        &workshop,
        workshop.attack("--device voodoo2"),
        1,
        &["voodoo2", "take `cpu`"],
    );
}
