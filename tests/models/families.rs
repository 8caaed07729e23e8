//! Tiny members of the families, saved by their own packages, in the files that users have of them.

use std::path::PathBuf;

use asma::checkpoint::{Checkpoint, WeightTensor};
use asma::model::{Model, ModelOptions};

use crate::support::{file, open, problem_with, reference, refusal};

/// How far a number may be off: these networks have norms of a few pixels, which rounding is felt in.
const TOLERANCE: f64 = 1e-4;

#[test]
fn members_give_the_numbers_of_their_own_packages() {
    let numbers = Checkpoint::open(file("families.safetensors")).unwrap();
    let files: [(&str, &[&str]); 11] = [
        ("milesial.pth", &["left out", "U-Net of milesial"]),
        ("milesial_bilinear.pth", &["state_dict.module."]),
        ("mateuszbuda.pth", &["num_batches_tracked"]),
        ("monai_basic.pth", &["BasicUNet"]),
        ("monai_residual.pth", &["state_dict.net."]),
        ("monai_plain.pth", &["UNet"]),
        ("monai_batch.pth", &["2 channels in"]),
        ("smp_18.pth", &["model.module."]),
        ("nn_unet_plain.pth", &["network_weights."]),
        ("nn_unet_plain.safetensors", &["stored as F32"]),
        ("nn_unet_residual.pth", &["network_weights."]),
    ];
    let mut problems = Vec::new();
    for (name, words) in files {
        let path = file(&format!("families/{name}"));
        let model = match open(&path) {
            Ok(model) => model,
            Err(error) => {
                problems.push(error.to_string());
                continue;
            }
        };
        for word in words {
            if !model.read_as.contains(word) {
                problems.push(format!("{name}: no `{word}` in: {}", model.read_as));
            }
        }
        let prefix = path.file_stem().unwrap().to_str().unwrap();
        let numbers = reference(&numbers, prefix).unwrap();
        problems.extend(
            problem_with(&model, &numbers, TOLERANCE)
                .map(|problem| format!("{name}: {problem} ({})", model.read_as)),
        );
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn one_network_is_the_same_however_its_tensors_are_stored() {
    let stored = |name: &str| file(&format!("families/stored/{name}"));
    let plain = open(stored("plain.pth")).unwrap();
    for name in ["channels_last.pth", "nested.bin", "compiled.pth"] {
        let model = open(stored(name)).unwrap();
        let pairs = plain.network.parameters().iter().zip(model.network.parameters());
        for (one, other) in pairs {
            assert_eq!(one.shape, other.shape, "{name}");
            assert_eq!(one.data, other.data, "{name}: {}", one.name);
        }
        assert_eq!(plain.name, model.name);
    }
    for (name, share) in [("half.pth", 1e-3), ("bfloat16.pth", 1e-2)] {
        let model = open(stored(name)).unwrap();
        let pairs = plain.network.parameters().iter().zip(model.network.parameters());
        for (one, other) in pairs {
            let pairs = one.data.iter().zip(other.data.iter());
            let off = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(
                off < share && model.read_as.contains("stored as F32"),
                "{name}: {off}"
            );
        }
    }
}

/// The tensors of the tiny nnU-Net, changed.
fn changed(change: impl Fn(&mut Vec<(String, WeightTensor)>)) -> asma::Result<Model> {
    let checkpoint = Checkpoint::open(file("families/nn_unet_plain.safetensors")).unwrap();
    let mut tensors: Vec<(String, WeightTensor)> = checkpoint
        .names()
        .map(|name| (name.to_string(), checkpoint.tensor(name).unwrap()))
        .collect();
    change(&mut tensors);
    let metadata = checkpoint.metadata().clone();
    let bytes = tempfile::NamedTempFile::new().unwrap();
    Checkpoint::from_tensors(tensors, metadata)
        .unwrap()
        .save(bytes.path())
        .unwrap();
    let bytes = std::fs::read(bytes.path()).unwrap();
    let checkpoint = Checkpoint::from_bytes("given.safetensors", bytes).unwrap();
    Model::with_options(&checkpoint, &ModelOptions::default())
}

#[test]
fn surplus_and_missing_tensors_are_named() {
    assert!(changed(|_| {}).is_ok());
    let given = "given.safetensors".as_ref();
    let extra = WeightTensor::new(vec![1], vec![0.0]).unwrap();
    let text = refusal(
        given,
        changed(|tensors| tensors.push(("encoder.attention.weight".into(), extra.clone()))),
    );
    assert!(text.contains("`encoder.attention.weight`"), "{text}");
    assert!(text.contains("torch.onnx.export"), "{text}");
    for missing in ["decoder.transpconvs.0.weight", "decoder.seg_layers.0.weight"] {
        let text = refusal(
            given,
            changed(|tensors| {
                let before = tensors.len();
                tensors.retain(|(name, _)| name != missing);
                assert!(tensors.len() < before, "{missing} was not there");
            }),
        );
        assert!(text.contains(missing), "no `{missing}` in: {text}");
    }
}

#[test]
fn networks_of_no_family_are_refused_with_the_lines_that_export_them() {
    let of_none = |name: &str| -> PathBuf { file(&format!("families/of_none/{name}")) };
    for name in [
        "state_dict.pth",
        "legacy.pth",
        "lightning.ckpt",
        "whole_module.pt",
    ] {
        let text = refusal(&of_none(name), open(of_none(name)));
        for word in ["first.weight", "last.", "torch.onnx.export(model", "model.eval()"] {
            assert!(text.contains(word), "no `{word}` in: {text}");
        }
    }
    for name in ["whole_module_legacy.pt", "torchscript.pt"] {
        let text = refusal(&of_none(name), open(of_none(name)));
        assert!(text.contains("torch.onnx.export(model"), "{text}");
    }
    let text = refusal(&of_none("torchscript.pt"), open(of_none("torchscript.pt")));
    assert!(text.contains("TorchScript"), "{text}");
}

#[test]
fn damaged_files_of_pytorch_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("given.pth");
    for name in ["families/monai_plain.pth", "families/stored/plain.pth"] {
        let bytes = std::fs::read(file(name)).unwrap();
        for end in (0..bytes.len()).step_by(97) {
            std::fs::write(&path, &bytes[..end]).unwrap();
            let text = refusal(&path, open(&path));
            assert!(text.len() < 1500, "{text}");
        }
        for place in (0..bytes.len()).step_by(61) {
            let mut changed = bytes.clone();
            changed[place] ^= 0xff;
            std::fs::write(&path, &changed).unwrap();
            let _ = open(&path);
        }
    }
}

#[test]
fn files_of_other_kinds_are_refused_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    let kinds: [(&[u8], &[&str]); 7] = [
        (
            b"<!DOCTYPE html>\n<html><body>Sign in</body></html>",
            &["web page", "login"],
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n",
            &["git lfs pull"],
        ),
        (
            br#"{"metadata": {"total_size": 1}, "weight_map": {"a": "model-00001-of-00002.safetensors"}}"#,
            &["shard"],
        ),
        (b"GGUF\x03\x00\x00\x00aaaaaaaaaaaaaaaaaaaaaaaaaaa", &["GGUF"]),
        (b"\x89HDF\r\n\x1a\n0000000000000000000000", &["HDF5", "tf2onnx"]),
        (
            b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}            \n",
            &["NumPy"],
        ),
        (&[0; 4096], &["zeros"]),
    ];
    for (bytes, words) in kinds {
        std::fs::write(&path, bytes).unwrap();
        let text = refusal(&path, open(&path));
        for word in words {
            assert!(text.contains(word), "no `{word}` in: {text}");
        }
    }
    std::fs::write(&path, b"").unwrap();
    refusal(&path, open(&path));
    let missing = folder.path().join("gone.onnx");
    refusal(&missing, open(&missing));
    refusal(folder.path(), open(folder.path()));
}

/// nnU-Net's plans lie beside the weights, or beside their fold: they say how images are normalised, and must be of these
/// strides.
#[test]
fn plans_of_nn_unet_are_read() {
    let plans = |schemes: &str, strides: &str| {
        format!(
            r#"{{"dataset_name": "Dataset001", "configurations": {{
                "2d": {{"normalization_schemes": [{schemes}], "architecture": {{"arch_kwargs": {{"strides": {strides}}}}}}},
                "3d_fullres": {{"normalization_schemes": ["ZScoreNormalization"]}}}},
                "foreground_intensity_properties_per_channel": {{
                "0": {{"max": 3000.0, "mean": 80.5, "median": 81.0, "min": -900.0, "percentile_00_5": -950.0,
                    "percentile_99_5": 250.0, "std": 120.0}}}}}}"#
        )
    };
    let strides = "[[1, 1], [2, 2]]";
    let open_with = |plans: &str, in_fold: bool| {
        let folder = tempfile::tempdir().unwrap();
        let weights = match in_fold {
            true => folder.path().join("fold_0/checkpoint_final.pth"),
            false => folder.path().join("checkpoint_final.pth"),
        };
        std::fs::create_dir_all(weights.parent().unwrap()).unwrap();
        std::fs::copy(file("families/nn_unet_plain.pth"), &weights).unwrap();
        std::fs::write(folder.path().join("plans.json"), plans).unwrap();
        open(&weights)
    };
    for in_fold in [false, true] {
        let model = open_with(&plans(r#""CTNormalization""#, strides), in_fold).unwrap();
        assert_eq!(model.preprocessing.bounds, [-950.0, 250.0]);
        assert_eq!(
            (&model.preprocessing.mean[..], &model.preprocessing.std[..]),
            (&[80.5][..], &[120.0][..])
        );
        assert!(model.read_as.contains("plans.json read"), "{}", model.read_as);
    }
    let model = open_with(&plans(r#""ZScoreNormalization""#, strides), false).unwrap();
    assert!(
        model
            .notes
            .iter()
            .any(|note| note.contains("ZScoreNormalization")),
        "{:?}",
        model.notes
    );
    let problem = |plans: &str| open_with(plans, false).err().unwrap().to_string();
    let other = problem(&plans(r#""CTNormalization""#, "[[1, 1], [4, 4]]"));
    assert!(
        other.contains("plans stages of the strides [[1, 1], [4, 4]]"),
        "{other}"
    );
    assert!(problem("{").contains("cannot be read as nnU-Net's plans"));
    assert!(problem("{}").contains("no configuration 2d"));
}
