//! Checkpoints: what is written is read back, by this library and by the format's own; and what is not a
//! sound file is refused in one line that names it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use asma::checkpoint::{Checkpoint, Dtype, WeightTensor};
use half::{bf16, f16};
use proptest::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

const NO_METADATA: [(&str, &str); 0] = [];

/// A file of this header and data, whatever they say.
fn file_of(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// A file of one tensor `x`, written by the format's own library.
fn file_of_tensor(dtype: Dtype, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let view = TensorView::new(dtype, shape.to_vec(), data).unwrap();
    safetensors::serialize([("x", view)], None).unwrap()
}

fn little_endian<const N: usize>(numbers: impl IntoIterator<Item = [u8; N]>) -> Vec<u8> {
    numbers.into_iter().flatten().collect()
}

fn tensor(shape: &[usize], data: &[f32]) -> WeightTensor {
    WeightTensor::new(shape.to_vec(), data.to_vec()).unwrap()
}

fn read(bytes: Vec<u8>) -> asma::Result<Checkpoint> {
    Checkpoint::from_bytes("given.safetensors", bytes)
}

/// The error's text, after checking that it is one line that begins with the name `given.safetensors`.
#[track_caller]
fn problem<T>(result: asma::Result<T>) -> String {
    let text = result.err().expect("an error").to_string();
    assert!(text.starts_with("given.safetensors: "), "names no file: {text}");
    assert!(!text.contains('\n'), "more than one line: {text}");
    text
}

fn names_in(directory: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into())
        .collect();
    names.sort();
    names
}

#[test]
fn every_float_type_reads_as_f32() {
    // Exact in every one of the four types, bfloat16's 8 significant bits included.
    let numbers = [0.0f32, -0.0, 1.0, -2.5, 0.15625, 240.0];
    let cases = [
        (Dtype::F32, little_endian(numbers.map(f32::to_le_bytes))),
        (
            Dtype::F64,
            little_endian(numbers.map(|number| f64::from(number).to_le_bytes())),
        ),
        (
            Dtype::F16,
            little_endian(numbers.map(|number| f16::from_f32(number).to_le_bytes())),
        ),
        (
            Dtype::BF16,
            little_endian(numbers.map(|number| bf16::from_f32(number).to_le_bytes())),
        ),
    ];
    for (dtype, data) in cases {
        let checkpoint = read(file_of_tensor(dtype, &[2, 3], &data)).unwrap();
        let tensor = checkpoint.tensor("x").unwrap();
        assert_eq!(tensor.shape, [2, 3], "{dtype}");
        assert_eq!(tensor.data.map_bits(), numbers.to_vec().map_bits(), "{dtype}");
        assert_eq!(checkpoint.entries().next().unwrap().dtype, dtype);
    }
}

/// Compares floats by their bits, so that −0 is not 0.
trait MapBits {
    fn map_bits(&self) -> Vec<u32>;
}

impl MapBits for Vec<f32> {
    fn map_bits(&self) -> Vec<u32> {
        self.iter().map(|number| number.to_bits()).collect()
    }
}

#[test]
fn f64_rounds_to_the_nearest_f32_and_half_subnormals_survive() {
    let checkpoint = read(file_of_tensor(Dtype::F64, &[1], &0.1f64.to_le_bytes())).unwrap();
    assert_eq!(checkpoint.tensor("x").unwrap().data, [0.1f32]);
    let checkpoint = read(file_of_tensor(Dtype::F16, &[1], &1u16.to_le_bytes())).unwrap();
    assert_eq!(checkpoint.tensor("x").unwrap().data, [2.0f32.powi(-24)]);
}

#[test]
fn other_element_types_are_listed_but_refused_by_name() {
    let cases = [
        (Dtype::I64, 8),
        (Dtype::I32, 4),
        (Dtype::U8, 1),
        (Dtype::BOOL, 1),
        (Dtype::C64, 8),
        (Dtype::F8_E4M3, 1),
    ];
    for (dtype, width) in cases {
        let checkpoint = read(file_of_tensor(dtype, &[3], &vec![0; 3 * width])).unwrap();
        assert_eq!(checkpoint.shape_of("x"), Some([3].as_slice()));
        let text = problem(checkpoint.tensor("x"));
        assert!(
            text.contains("`x`") && text.contains(&format!("stored as {dtype},")),
            "{text}"
        );
    }
}

#[test]
fn numbers_that_are_not_finite_are_located() {
    let mut numbers = [1.0f32; 12];
    numbers[7] = f32::NEG_INFINITY;
    numbers[9] = f32::NAN;
    let checkpoint = read(file_of_tensor(
        Dtype::F32,
        &[2, 3, 2],
        &little_endian(numbers.map(f32::to_le_bytes)),
    ));
    let text = problem(checkpoint.unwrap().tensor("x"));
    assert!(text.contains("`x` has 2 of 12 numbers"), "{text}");
    assert!(text.contains("the first -inf at index [1, 0, 1]"), "{text}");

    // Finite where it is stored, but beyond the largest 32-bit float.
    let checkpoint = read(file_of_tensor(Dtype::F64, &[1], &1e300f64.to_le_bytes()));
    assert!(problem(checkpoint.unwrap().tensor("x")).contains("not finite as 32-bit floats"));

    let from_memory = Checkpoint::from_tensors([("x", tensor(&[2], &[0.0, f32::NAN]))], NO_METADATA);
    let text = from_memory.unwrap_err().to_string();
    assert!(
        text.contains("`x` has 1 of 2 numbers") && text.contains("NaN at index [1]"),
        "{text}"
    );
}

#[test]
fn a_saved_file_reads_back_here_and_in_the_formats_own_library() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("saved.safetensors");
    let image: Vec<f32> = (0..3 * 4 * 5).map(|number| number as f32 / 60.0).collect();
    let tensors = [
        ("b.weight", tensor(&[3, 4, 5], &image)),
        ("a.scale", tensor(&[], &[-1.5])),
    ];
    let metadata = [("tool", "asma"), ("note", "größer\n\"quoted\"")];
    Checkpoint::from_tensors(tensors, metadata)
        .unwrap()
        .save(&path)
        .unwrap();
    assert_eq!(names_in(directory.path()), [Path::new("saved.safetensors")]);

    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.path(), Some(path.as_path()));
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["a.scale", "b.weight"]);
    assert_eq!(
        checkpoint.tensor_shaped("b.weight", &[3, 4, 5]).unwrap().data,
        image
    );
    assert_eq!(checkpoint.tensor_shaped("a.scale", &[]).unwrap().data, [-1.5]);
    assert_eq!(checkpoint.metadata()["note"], "größer\n\"quoted\"");
    assert_eq!(checkpoint.element_count(), 61);

    let bytes = fs::read(&path).unwrap();
    let (header_length, header) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header_length % 8, 0, "the data is not aligned");
    let expected: HashMap<String, String> = metadata
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .into();
    assert_eq!(header.metadata(), &Some(expected));
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.tensor("b.weight").unwrap().shape(), [3, 4, 5]);
    assert_eq!(
        theirs.tensor("b.weight").unwrap().data(),
        little_endian(image.iter().map(|n| n.to_le_bytes()))
    );
    assert_eq!(theirs.len(), 2);
}

#[test]
fn the_same_tensors_give_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let save = |name: &str, order: [usize; 8]| {
        let path = directory.path().join(name);
        let tensors = order.map(|index| (format!("t{index}"), tensor(&[1], &[index as f32])));
        let metadata = order.map(|index| (format!("key{index}"), index.to_string()));
        Checkpoint::from_tensors(tensors, metadata)
            .unwrap()
            .save(&path)
            .unwrap();
        fs::read(path).unwrap()
    };
    assert_eq!(
        save("one", [0, 1, 2, 3, 4, 5, 6, 7]),
        save("two", [7, 2, 5, 0, 1, 6, 3, 4])
    );
}

#[test]
fn a_checkpoint_saved_again_keeps_its_element_types() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("half.safetensors");
    let half = little_endian([0.5f32, 2.0].map(|number| f16::from_f32(number).to_le_bytes()));
    read(file_of_tensor(Dtype::F16, &[2], &half))
        .unwrap()
        .save(&path)
        .unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.entries().next().unwrap().dtype, Dtype::F16);
    assert_eq!(checkpoint.tensor("x").unwrap().data, [0.5, 2.0]);
}

#[test]
fn tensors_that_cannot_be_are_refused() {
    let misfits: [(Vec<usize>, usize); 4] = [
        (vec![2, 3], 5),
        (vec![2, 0], 0),
        (vec![], 0),
        (vec![usize::MAX, 2], 2),
    ];
    for (shape, count) in misfits {
        assert!(
            WeightTensor::new(shape.clone(), vec![0.0; count]).is_err(),
            "{shape:?} of {count}"
        );
        let unchecked = WeightTensor {
            shape: shape.clone(),
            data: vec![0.0; count],
        };
        let text = Checkpoint::from_tensors([("x", unchecked)], NO_METADATA)
            .unwrap_err()
            .to_string();
        assert!(text.contains("`x`"), "{text}");
    }
    let twice = [("x", tensor(&[1], &[0.0])), ("x", tensor(&[1], &[1.0]))];
    let text = Checkpoint::from_tensors(twice, NO_METADATA)
        .unwrap_err()
        .to_string();
    assert_eq!(text, "two tensors are called `x`");
    let reserved = [("__metadata__", tensor(&[1], &[0.0]))];
    assert!(Checkpoint::from_tensors(reserved, NO_METADATA).is_err());
}

#[test]
fn a_wrong_shape_or_name_is_named_with_what_is_wanted() {
    let checkpoint = read(file_of_tensor(Dtype::F32, &[2, 3], &[0; 24])).unwrap();
    assert_eq!(
        problem(checkpoint.tensor_shaped("x", &[3, 2])),
        "given.safetensors: the tensor `x` has shape [2, 3], but [3, 2] is wanted"
    );
    assert_eq!(
        problem(checkpoint.tensor_shaped("y", &[3])),
        "given.safetensors: the tensor `y` is missing; one of shape [3] is wanted"
    );
    assert_eq!(
        problem(checkpoint.tensor("y")),
        "given.safetensors: the tensor `y` is missing"
    );
    assert_eq!(checkpoint.shape_of("y"), None);
}

#[test]
fn missing_and_surplus_tensors_are_named() {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let tensors = names.map(|name| (name, tensor(&[1], &[0.0])));
    let checkpoint = Checkpoint::from_tensors(tensors, NO_METADATA).unwrap();
    checkpoint.expect_only(names).unwrap();
    checkpoint.expect_only(names.map(String::from)).unwrap();

    let text = checkpoint
        .expect_only(["a", "b", "c", "d", "e", "f", "z"])
        .unwrap_err()
        .to_string();
    assert!(
        text.ends_with("missing `z`; not part of the network: `g`"),
        "{text}"
    );
    let text = checkpoint.expect_only(["a"]).unwrap_err().to_string();
    assert!(
        text.ends_with("`b`, `c`, `d`, `e`, `f` and 1 more") && !text.contains("missing"),
        "{text}"
    );
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
            b"PK\x03\x04 and so on, as zip files go".to_vec(),
            "is a PyTorch file",
        ),
        (
            "PyTorch, pickle",
            b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.".to_vec(),
            "is a PyTorch file",
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

#[test]
fn a_save_that_fails_leaves_everything_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint::from_tensors([("x", tensor(&[1], &[1.0]))], NO_METADATA).unwrap();

    // The last step, the rename, fails: a directory stands where the file should go.
    let occupied = directory.path().join("occupied");
    fs::create_dir(&occupied).unwrap();
    fs::write(occupied.join("inside"), "kept").unwrap();
    let text = checkpoint.save(&occupied).unwrap_err().to_string();
    assert!(
        text.starts_with(&format!("{}: cannot be written", occupied.display())),
        "{text}"
    );
    assert_eq!(names_in(directory.path()), [Path::new("occupied")]);
    assert_eq!(names_in(&occupied), [Path::new("inside")]);

    // The first step fails: nothing can be made beside the file.
    let file = directory.path().join("file");
    fs::write(&file, "kept").unwrap();
    for unwritable in [
        file.join("x.safetensors"),
        directory.path().join("none").join("x.safetensors"),
    ] {
        checkpoint.save(&unwritable).unwrap_err();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    assert_eq!(
        names_in(directory.path()),
        [Path::new("file"), Path::new("occupied")]
    );
}

#[test]
fn a_file_is_replaced_whole_even_while_it_is_mapped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.safetensors");
    let save = |number: f32| {
        Checkpoint::from_tensors([("x", tensor(&[1], &[number]))], NO_METADATA)
            .unwrap()
            .save(&path)
            .unwrap();
    };
    save(1.0);
    let before = Checkpoint::open(&path).unwrap();
    // Windows lets nobody replace a file that is mapped.
    if cfg!(unix) {
        save(2.0);
        assert_eq!(before.tensor("x").unwrap().data, [1.0]);
        assert_eq!(Checkpoint::open(&path).unwrap().tensor("x").unwrap().data, [2.0]);
    }
    assert_eq!(names_in(directory.path()), [Path::new("x.safetensors")]);
}

#[cfg(unix)]
#[test]
fn a_saved_file_has_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let (saved, ordinary) = (directory.path().join("saved"), directory.path().join("ordinary"));
    Checkpoint::from_tensors([("x", tensor(&[1], &[1.0]))], NO_METADATA)
        .unwrap()
        .save(&saved)
        .unwrap();
    fs::write(&ordinary, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&saved), mode(&ordinary));
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_is_not_mapped() {
    let text = Checkpoint::open("/dev/zero").unwrap_err().to_string();
    assert!(text.contains("not a regular file"), "{text}");
}

/// Reads everything there is to read; whether it succeeds is not the question, but that it returns.
fn read_everything(bytes: Vec<u8>) -> bool {
    let Ok(checkpoint) = read(bytes) else { return false };
    let _ = checkpoint.element_count();
    for entry in checkpoint.entries() {
        if let Ok(tensor) = checkpoint.tensor(entry.name) {
            assert_eq!(tensor.data.len(), entry.shape.iter().product::<usize>());
            assert!(tensor.data.iter().all(|number| number.is_finite()));
        }
    }
    true
}

fn some_tensors() -> impl Strategy<Value = BTreeMap<String, WeightTensor>> {
    let tensor = prop::collection::vec(1usize..4, 0..5).prop_flat_map(|shape| {
        let count: usize = shape.iter().product();
        prop::collection::vec(-1e30f32..1e30, count).prop_map(move |data| WeightTensor {
            shape: shape.clone(),
            data,
        })
    });
    prop::collection::btree_map(".{0,8}", tensor, 0..5)
}

fn some_file() -> impl Strategy<Value = Vec<u8>> {
    some_tensors().prop_map(|tensors| {
        let data: BTreeMap<&String, Vec<u8>> = tensors
            .iter()
            .map(|(name, tensor)| (name, little_endian(tensor.data.iter().map(|n| n.to_le_bytes()))))
            .collect();
        let views = tensors.iter().map(|(name, tensor)| {
            (
                name,
                TensorView::new(Dtype::F32, tensor.shape.clone(), &data[name]).unwrap(),
            )
        });
        safetensors::serialize(views, None).unwrap()
    })
}

/// Numbers where arithmetic goes wrong, and small ones that may by chance fit.
fn awkward_number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..20,
        (0u64..70).prop_map(|shift| u64::MAX.checked_shr(shift as u32).unwrap_or(0)),
        any::<u64>()
    ]
}

proptest! {
    #[test]
    fn any_tensors_come_back_exactly(tensors in some_tensors()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.safetensors");
        Checkpoint::from_tensors(tensors.clone(), NO_METADATA).unwrap().save(&path).unwrap();
        let checkpoint = Checkpoint::open(&path).unwrap();
        checkpoint.expect_only(tensors.keys()).unwrap();
        for (name, tensor) in &tensors {
            prop_assert_eq!(&checkpoint.tensor(name).unwrap(), tensor);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_everything(bytes);
    }

    #[test]
    fn any_header_text_is_read_or_refused(header in ".{0,60}", data in prop::collection::vec(any::<u8>(), 0..20)) {
        read_everything(file_of(&header, &data));
    }

    #[test]
    fn any_shapes_and_offsets_are_read_or_refused(
        entries in prop::collection::vec(
            (
                prop::sample::select(vec!["F32", "F16", "BF16", "F64", "U8", "F4", "I64"]),
                prop::collection::vec(awkward_number(), 0..4),
                awkward_number(),
                awkward_number(),
            ),
            0..5,
        ),
        chained: bool,
        data in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut earlier_end = 0;
        let fields: Vec<String> = entries
            .iter()
            .enumerate()
            .map(|(index, (dtype, shape, start, end))| {
                let start = if chained { earlier_end } else { *start };
                earlier_end = *end;
                format!(r#""t{index}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#)
            })
            .collect();
        read_everything(file_of(&format!("{{{}}}", fields.join(",")), &data));
    }

    #[test]
    fn a_file_cut_anywhere_is_refused(file in some_file(), cut: prop::sample::Index) {
        let kept = cut.index(file.len());
        prop_assert!(!read_everything(file[..kept].to_vec()), "{kept} of {} bytes were accepted", file.len());
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(
        mut file in some_file(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for (place, byte) in damage {
            let place = place.index(file.len());
            file[place] = byte;
        }
        // Through the memory map, which must behave as bytes in memory do.
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.safetensors");
        fs::write(&path, &file).unwrap();
        let opened = Checkpoint::open(&path).is_ok();
        prop_assert_eq!(opened, read_everything(file));
    }
}
