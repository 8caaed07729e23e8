//! Whatever the bytes, a file is read or refused, never a panic; and any tensors come back exactly.

use std::collections::BTreeMap;
use std::fs;

use asma::checkpoint::{Checkpoint, Dtype, WeightTensor};
use proptest::prelude::*;
use safetensors::tensor::TensorView;

use crate::{NO_METADATA, file_of, little_endian, read};

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
