//! Files that are not sound safetensors files: each is refused with the reason.

use std::fs;

use asma::checkpoint::{Checkpoint, Dtype};

use crate::{file_of, file_of_tensor, problem, read};

/// A zip archive of empty files of these names: an entry each, then the directory and its end.
fn archive(names: &[&str]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for name in names {
        let length = (name.len() as u16).to_le_bytes();
        let place = (file.len() as u32).to_le_bytes();
        // Version, flags, method, time, date (2 bytes each), checksum and two sizes (4 each), all zero.
        file.extend([&b"PK\x03\x04"[..], &[0; 22], &length, &[0; 2], name.as_bytes()].concat());
        directory.extend(
            [
                &b"PK\x01\x02"[..],
                &[0; 24],
                &length,
                &[0; 12],
                &place,
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let start = (file.len() as u32).to_le_bytes();
    file.extend(&directory);
    file.extend([&b"PK\x05\x06"[..], &[0; 12], &start, &[0; 2]].concat());
    file
}

#[test]
fn files_that_are_not_sound_say_why() {
    let entry = |dtype: &str, shape: &str, start: u64, end: u64| {
        format!(r#"{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{start},{end}]}}"#)
    };
    let one = |entry: String| format!(r#"{{"x":{entry}}}"#);
    let two = |first: String, second: String| format!(r#"{{"x":{first},"y":{second}}}"#);
    let sound = file_of_tensor(Dtype::F32, &[2], &[0; 8]);
    let huge = |length: u64| [&length.to_le_bytes()[..], b"{}"].concat();
    let hole = two(entry("F32", "[1]", 0, 4), entry("F32", "[1]", 8, 12));
    let overlap = two(entry("F32", "[2]", 0, 8), entry("F32", "[1]", 4, 8));
    // Sound but for the file's length, which their end and the header's length would overflow together.
    let most = u64::MAX / 8;
    let wrapping: Vec<String> = (0..8)
        .map(|k| {
            format!(
                r#""t{k}":{}"#,
                entry("U8", &format!("[{most}]"), k * most, (k + 1) * most)
            )
        })
        .collect();

    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("no bytes", vec![], "has 0 bytes, too few"),
        ("a few bytes", vec![1, 2, 3], "has 3 bytes, too few"),
        (
            "header beyond the end",
            huge(3),
            "announces a header of 3 bytes, and 2 bytes follow",
        ),
        (
            "huge header",
            huge(u64::MAX),
            "announces a header of 18446744073709551615 bytes",
        ),
        (
            "header over the format's limit",
            huge(100_000_001),
            "announces a header of 100000001 bytes",
        ),
        ("no header", huge(0)[..8].to_vec(), "its header does not read"),
        ("not JSON", file_of("{nothing", &[]), "its header does not read"),
        (
            "not text",
            [&2u64.to_le_bytes()[..], &[b'{', 0xff]].concat(),
            "its header does not read",
        ),
        (
            "JSON but no object",
            file_of("[1, 2]", &[]),
            "its header does not read",
        ),
        (
            "nested deep",
            file_of(&"[".repeat(100_000), &[]),
            "its header does not read",
        ),
        ("two objects", file_of("{}{}", &[]), "its header does not read"),
        (
            "unknown element type",
            file_of(&one(entry("F\\n31", "[1]", 0, 4)), &[0; 4]),
            "F\\n31",
        ),
        (
            "negative extent",
            file_of(&one(entry("F32", "[-1]", 0, 4)), &[0; 4]),
            "its header does not read",
        ),
        (
            "metadata not text",
            file_of(r#"{"__metadata__":{"a":1}}"#, &[]),
            "its header does not read",
        ),
        (
            "zero extent",
            file_of(&one(entry("F32", "[2,0]", 0, 0)), &[]),
            "`x` has shape [2, 0]",
        ),
        (
            "shape too small",
            file_of(&one(entry("F32", "[1]", 0, 8)), &[0; 8]),
            "`x` of [1] numbers stored as F32",
        ),
        (
            "shape overflows",
            file_of(&one(entry("F32", "[4294967296,4294967296]", 0, 8)), &[0; 8]),
            "`x` of",
        ),
        (
            "half a byte",
            file_of(&one(entry("F4", "[3]", 0, 1)), &[0; 1]),
            "`x` of [3] numbers stored as F4",
        ),
        (
            "hundreds of dimensions",
            file_of(&one(entry("U8", &format!("[1{}]", ",1".repeat(500)), 0, 1)), &[0]),
            "501",
        ),
        (
            "offsets reversed",
            file_of(&one(entry("F32", "[1]", 4, 0)), &[0; 4]),
            "`x` is said to lie at bytes 4 to 0",
        ),
        (
            "offsets late",
            file_of(&one(entry("F32", "[1]", 4, 8)), &[0; 8]),
            "must begin at 0",
        ),
        (
            "a hole",
            file_of(&hole, &[0; 12]),
            "`y` is said to lie at bytes 8 to 12",
        ),
        (
            "an overlap",
            file_of(&overlap, &[0; 8]),
            "`y` is said to lie at bytes 4 to 8",
        ),
        (
            "cut short",
            sound[..sound.len() - 1].to_vec(),
            "of which the file holds 7",
        ),
        (
            "too long",
            [&sound[..], &[0]].concat(),
            "its tensors take 8 bytes, but 9 bytes",
        ),
        (
            "sizes that overflow",
            file_of(&format!("{{{}}}", wrapping.join(",")), &[0; 8]),
            "`t0`",
        ),
        (
            "PyTorch, zip",
            archive(&["model/data.pkl", "model/version", "model/data/0"]),
            "is a PyTorch file",
        ),
        (
            "TorchScript",
            archive(&["model/data.pkl", "model/constants.pkl"]),
            "is a TorchScript file",
        ),
        (
            "NumPy",
            archive(&["a.npy", "b.npy"]),
            "is a zip archive of NumPy arrays",
        ),
        (
            "Keras 3",
            archive(&["metadata.json", "config.json", "model.weights.h5"]),
            "is a Keras model",
        ),
        (
            "an archive of weights",
            archive(&["readme.txt", "unet.safetensors"]),
            "unpack it and name the safetensors file in it",
        ),
        (
            "an archive that was cut short",
            archive(&["readme.txt", "unet.safetensors"])[..60].to_vec(),
            "is a zip archive",
        ),
        (
            "a web page",
            b"\n<!DOCTYPE html>\n<html><head>".to_vec(),
            "is a web page (HTML)",
        ),
        (
            "a hub's refusal",
            b"Access to model nobody/unet is restricted. You must be authenticated".to_vec(),
            "begins `Access to model nobody/unet is restricted",
        ),
        (
            "an index of shards",
            br#"{"metadata": {"total_size": 8}, "weight_map": {"x": "model-00001-of-00002.safetensors"}}"#
                .to_vec(),
            "name the shard itself, or merge them",
        ),
        (
            "another JSON file whose ninth byte is a brace",
            br#"{"meta":{"a": 1}}"#.to_vec(),
            "is a JSON file",
        ),
        (
            "ONNX",
            b"\x08\x08\x12\x07pytorch\x1a\x052.1.0".to_vec(),
            "is an ONNX model",
        ),
        ("nothing but zeros", vec![0; 64], "nothing but zeros"),
        (
            "an image",
            b"\x89PNG\r\n\x1a\n and so on".to_vec(),
            "is a PNG image",
        ),
        (
            "PyTorch, pickle",
            b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.".to_vec(),
            "is a Python pickle (as older PyTorch files are)",
        ),
        (
            "Keras",
            b"\x89HDF\r\n\x1a\n and so on".to_vec(),
            "is an HDF5 file",
        ),
        ("GGUF", b"GGUF\x03\0\0\0 and so on".to_vec(), "is a GGUF file"),
        (
            "Git LFS",
            b"version https://git-lfs.github.com/spec/v1\n".to_vec(),
            "git lfs pull",
        ),
    ];
    for (case, bytes, expected) in cases {
        let text = problem(read(bytes));
        assert!(text.contains(expected), "{case}: {text}");
        assert!(text.len() < 500, "{case}: {text}");
    }
}

#[test]
fn a_header_of_640_bytes_is_not_taken_for_a_pickle() {
    // Its length begins with the bytes 0x80 0x02, as a pickle does.
    let cut = file_of(&format!("{{\"x\":{}", " ".repeat(635)), &[]);
    assert_eq!(cut[..2], [0x80, 0x02]);
    assert!(problem(read(cut)).contains("its header does not read"));
}

#[test]
fn what_is_not_a_file_with_bytes_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.safetensors");
    fs::write(&empty, []).unwrap();
    let cases = [
        (directory.path().to_path_buf(), "is a directory"),
        (directory.path().join("none.safetensors"), "cannot be read"),
        (empty, "is empty"),
    ];
    for (path, expected) in cases {
        let text = Checkpoint::open(&path).unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("{}: {expected}", path.display())),
            "{text}"
        );
        assert!(!text.contains('\n'), "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_is_not_mapped() {
    let text = Checkpoint::open("/dev/zero").unwrap_err().to_string();
    assert!(text.contains("not a regular file"), "{text}");
}
