//! What a sound file holds: every float type, shapes, names, numbers that are not finite.

use asma::checkpoint::{Checkpoint, Dtype};
use half::{bf16, f16};

use crate::{NO_METADATA, file_of, file_of_tensor, little_endian, problem, read, tensor};

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
        // By their bits, so that −0 is not 0.
        let bits: Vec<u32> = tensor.data.iter().map(|number| number.to_bits()).collect();
        assert_eq!(bits, numbers.map(f32::to_bits), "{dtype}");
        assert_eq!(checkpoint.entries().next().unwrap().dtype, dtype);
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
fn tensors_may_lie_in_another_order_than_their_names() {
    let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},
        "z":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let checkpoint = read(file_of(
        header,
        &little_endian([1.0f32, 2.0, 3.0].map(f32::to_le_bytes)),
    ))
    .unwrap();
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["a", "z"]);
    assert_eq!(checkpoint.tensor("a").unwrap().data, [3.0]);
    assert_eq!(checkpoint.tensor("z").unwrap().data, [1.0, 2.0]);
}
