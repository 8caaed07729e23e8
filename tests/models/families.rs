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
