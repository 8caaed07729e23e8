//! `asma segment`, `inspect`, `devices`, `shaders`.

use crate::support::{SIZE, Workshop};

#[test]
fn segment_writes_prediction_overlay_and_labels() {
    let workshop = Workshop::new();
    let output = workshop
        .asma("segment --image image.png --weights weights.safetensors --json --out out")
        .assert()
        .success();
    assert_eq!(
        workshop.files("out"),
        ["labels.png", "overlay.png", "prediction.png"]
    );
    let labels = asma::data::read_mask(workshop.path("out/labels.png"), 2).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    let pixels: u64 = json["pixels_per_class"]
        .as_array()
        .unwrap()
        .iter()
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(pixels, (SIZE * SIZE) as u64);
    assert_eq!(json["pixels_per_class"][1], labels.count(1));
}

#[test]
fn inspect_counts_parameters_and_operations() {
    let workshop = Workshop::new();
    let output = workshop
        .asma("inspect weights.safetensors --size 48x40 --json")
        .assert()
        .success();
    let json: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    // conv1_block: 3→4, 4→4; conv2_block: 4→8, 8→8; up 8→4; conv_up: 8→4, 4→4; final 4→2.
    let parameters = (3 * 4 + 4 * 4 + 4 * 8 + 8 * 8 + 8 * 4 + 4 * 4) * 9
        + 8 * 4 * 4
        + 4 * 2
        + (4 + 4 + 8 + 8 + 4 + 4 + 4 + 2);
    assert_eq!(json["parameters"], parameters);
    let full = 48 * 40;
    let half = 24 * 20;
    let multiply_adds =
        full * 9 * (3 * 4 + 4 * 4 + 8 * 4 + 4 * 4) + half * (9 * (4 * 8 + 8 * 8) + 8 * 4 * 4) + full * 4 * 2;
    assert_eq!(json["flops_forward"], 2 * multiply_adds);
    let layers = json["layers"].as_array().unwrap();
    let sum: u64 = layers.iter().map(|layer| layer["flops"].as_u64().unwrap()).sum();
    assert_eq!(sum, 2 * multiply_adds);
    workshop.asma("inspect weights.safetensors").assert().success();
}

#[test]
fn inspect_refuses_what_it_does_not_know() {
    let workshop = Workshop::new();
    workshop.asma("inspect image.png").assert().code(1);
    workshop
        .asma("inspect weights.safetensors --size 1x1")
        .assert()
        .code(1);
}

#[test]
fn devices_lists_the_cpu() {
    let workshop = Workshop::new();
    let output = workshop.asma("devices").assert().success();
    assert!(String::from_utf8_lossy(&output.get_output().stdout).contains(" cpu  "));
}

#[test]
fn shaders_are_emitted_in_every_language() {
    let workshop = Workshop::new();
    for (language, extension) in [
        ("wgsl", "wgsl"),
        ("spirv", "spv"),
        ("msl", "metal"),
        ("hlsl", "hlsl"),
    ] {
        workshop
            .asma(&format!("shaders --emit {language} --out {language}"))
            .assert()
            .success();
        workshop
            .asma(&format!(
                "shaders --emit {language} --precision f16 --out {language}-f16"
            ))
            .assert()
            .success();
        let halves = std::fs::read(workshop.path(&format!("{language}-f16/fill.fill.direct.{extension}")));
        let words = std::fs::read(workshop.path(&format!("{language}/fill.fill.direct.{extension}")));
        assert_ne!(halves.unwrap(), words.unwrap(), "{language}");
        workshop
            .asma(&format!(
                "shaders --emit {language} --checked --out {language}-checked"
            ))
            .assert()
            .success();
        let text = |folder: &str| {
            let name = format!("{folder}/conv2d.conv2d.tiled 64.{extension}");
            std::fs::read(workshop.path(&name)).ok()
        };
        // WGSL has the text from before any checks.
        let same = text(language) == text(&format!("{language}-checked"));
        assert_eq!(same, language == "wgsl", "{language}");
        let files = workshop.files(language);
        for kernel in [
            "objective.objective",
            "asma_update.update",
            "conv2d.conv2d",
            "fill.fill",
        ] {
            assert!(
                files
                    .iter()
                    .any(|file| file.starts_with(kernel) && file.ends_with(extension)),
                "{kernel} is missing among {files:?}"
            );
        }
    }
}
