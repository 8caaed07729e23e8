//! NIfTI files as images and masks: which slice, which way up, which values are black and white.

use std::path::{Path, PathBuf};

use asma::data::{ImageOptions, MaskOptions, Photograph, open_mask, pair_by_name, read_photograph};
use tempfile::TempDir;

use crate::scans::{Nifti, gzipped};
use crate::support::{assert_says, folder, touch, two_folders};

fn save(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = folder();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("writes");
    (folder, path)
}

fn read_with(nifti: &Nifti, options: &ImageOptions) -> asma::Result<Photograph> {
    let (_folder, path) = save("scan.nii", &nifti.file());
    read_photograph(&path, options)
}

fn shown(low: f64, high: f64) -> ImageOptions {
    ImageOptions {
        window: Some(asma::data::Window::Range { low, high }),
        ..Default::default()
    }
}

/// Three columns and two rows.
fn slice() -> Nifti {
    Nifti::of_i16(&[3, 2], &[-10, 0, 10, 20, 30, 40])
}

#[test]
fn the_first_axis_is_a_row() {
    let photograph = read_with(&slice(), &shown(-10.0, 40.0)).expect("reads");
    assert_eq!([photograph.image.shape().h, photograph.image.shape().w], [2, 3]);
    assert_eq!(photograph.image.plane(0, 0), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    assert!(photograph.grey);
    assert_eq!(
        photograph.description,
        "3×2 pixels, NIfTI, 16-bit grey, columns along its first axis and rows along its second, as stored, values -10 to \
         40, window -10..40"
    );
    let turned = Nifti {
        affine: Some([[-2.0, 0.0, 0.1, 5.0], [0.0, 0.1, 3.0, 0.0], [0.0, -2.0, 0.0, 0.0]]),
        ..slice()
    };
    let description = read_with(&turned, &shown(0.0, 1.0)).expect("reads").description;
    assert!(
        description.contains("(columns go to the left, rows to the feet)"),
        "{description}"
    );
}

#[test]
fn values_are_scaled_and_the_range_is_never_guessed() {
    assert_says(
        read_with(&slice(), &ImageOptions::default()),
        None,
        &["cal_min and cal_max", "values are -10 to 40", "`window=-10..40`"],
    );
    let scaled = Nifti {
        scale: [0.5, 100.0],
        ..slice()
    };
    assert_says(
        read_with(&scaled, &ImageOptions::default()),
        None,
        &["values are 95 to 120"],
    );
    assert_says(
        read_with(
            &Nifti {
                scale: [0.5, f32::NAN],
                ..slice()
            },
            &shown(0.0, 1.0),
        ),
        None,
        &["0.5 times", "NaN more"],
    );
    for wrong in [shown(1.0, 1.0), shown(2.0, 1.0), shown(f64::NAN, 1.0)] {
        assert_says(
            read_with(&slice(), &wrong),
            None,
            &["`window=", "the lower first"],
        );
    }
    let shown = Nifti {
        shown: [100.0, 110.0],
        ..scaled
    };
    let photograph = read_with(&shown, &ImageOptions::default()).expect("reads");
    assert_eq!(photograph.image.plane(0, 0), [0.0, 0.0, 0.5, 1.0, 1.0, 1.0]);
    assert!(
        photograph
            .description
            .ends_with("window 100..110 (cal_min and cal_max of the file)")
    );
    let bytes = Nifti {
        datatype: 2,
        voxels: vec![0, 51, 102, 153, 204, 255],
        ..slice()
    };
    let photograph = read_with(&bytes, &ImageOptions::default()).expect("reads");
    assert_eq!(photograph.image.plane(0, 0), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
}

#[test]
fn every_type_and_order_holds_the_same_numbers() {
    let numbers = [-10.0f64, 0.0, 10.0, 20.0, 30.0, 40.0];
    let wanted = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
    let of =
        |to_bytes: &dyn Fn(f64) -> Vec<u8>| numbers.iter().flat_map(|&number| to_bytes(number)).collect();
    let types: [(i16, Vec<u8>); 6] = [
        (256, of(&|number| (number as i8).to_le_bytes().to_vec())),
        (4, of(&|number| (number as i16).to_le_bytes().to_vec())),
        (8, of(&|number| (number as i32).to_le_bytes().to_vec())),
        (1024, of(&|number| (number as i64).to_le_bytes().to_vec())),
        (16, of(&|number| (number as f32).to_le_bytes().to_vec())),
        (64, of(&|number| number.to_le_bytes().to_vec())),
    ];
    for (datatype, voxels) in types {
        for big in [false, true] {
            let nifti = Nifti {
                datatype,
                voxels: voxels.clone(),
                big,
                ..slice()
            };
            let photograph = read_with(&nifti, &shown(-10.0, 40.0)).expect("reads");
            assert_eq!(photograph.image.plane(0, 0), wanted, "{datatype} {big}");
        }
    }
    for (datatype, size) in [(512, 2), (768, 4), (1280, 8)] {
        let voxels = [0u64, 10, 20, 30, 40, 50]
            .iter()
            .flat_map(|number| number.to_le_bytes()[..size].to_vec());
        let nifti = Nifti {
            datatype,
            voxels: voxels.collect(),
            ..slice()
        };
        let photograph = read_with(&nifti, &shown(0.0, 50.0)).expect("reads");
        assert_eq!(photograph.image.plane(0, 0), wanted, "{datatype}");
    }
}

#[test]
fn one_slice_is_named_by_its_page() {
    let voxels: Vec<i16> = (0..12).collect();
    let volume = Nifti {
        shown: [0.0, 11.0],
        ..Nifti::of_i16(&[2, 2, 3], &voxels)
    };
    let named = |page: usize| ImageOptions {
        page: Some(page),
        ..Default::default()
    };
    let advice = &["holds 3 slices along its third axis", "`page=1` to `page=3`"];
    assert_says(read_with(&volume, &ImageOptions::default()), None, advice);
    assert_says(read_with(&volume, &named(4)), None, &["no `page=4`"]);
    assert_says(
        read_with(&slice(), &named(0)),
        None,
        &["no `page=0`", "count from 1"],
    );
    for file in [volume.file(), gzipped(&volume.file())] {
        let (_folder, path) = save("scan.nii.gz", &file);
        let photograph = read_photograph(&path, &named(2)).expect("reads");
        assert_eq!(
            photograph.image.plane(0, 0),
            [4.0, 5.0, 6.0, 7.0].map(|value: f32| value / 11.0)
        );
        assert!(
            photograph.description.contains("page 2 of 3"),
            "{}",
            photograph.description
        );
    }
    let series = Nifti {
        dimensions: vec![2, 1, 3, 2],
        ..volume
    };
    let description = read_with(&series, &named(5)).expect("reads").description;
    assert!(description.contains("slice 2 of 3 in volume 2"), "{description}");
}

/// Whichever slice is asked for: what is behind it is missing all the same.
#[test]
fn a_volume_that_is_cut_short_is_refused() {
    let voxels: Vec<i16> = (0..12).collect();
    let volume = Nifti {
        shown: [0.0, 11.0],
        ..Nifti::of_i16(&[2, 2, 3], &voxels)
    };
    let whole = volume.file();
    let packed = gzipped(&whole);
    let mut wrong_sum = packed.clone();
    let end = wrong_sum.len();
    wrong_sum[end - 8] ^= 1;
    let behind: Vec<u8> = packed.iter().chain(b"and more").copied().collect();
    let first = ImageOptions {
        page: Some(1),
        ..Default::default()
    };
    for file in [
        &whole[..whole.len() - 1],
        &packed[..end - 9],
        &packed[..end - 3],
        &wrong_sum,
        &behind,
    ] {
        let (_folder, path) = save("scan.nii", file);
        assert_says(
            read_photograph(&path, &first),
            Some(&path),
            &["damaged or cut short"],
        );
    }
}

fn mask(nifti: &Nifti, classes: usize) -> asma::Result<(Vec<u8>, String)> {
    let (_folder, path) = save("mask.nii.gz", &gzipped(&nifti.file()));
    let mask = open_mask(&path, classes, &MaskOptions::default())?;
    Ok((mask.labels.labels().to_vec(), mask.description))
}

#[test]
fn labels_are_whole_numbers() {
    let labels = Nifti::of_i16(&[3, 2], &[0, 1, 2, 2, 1, 255]);
    let (classes, description) = mask(&labels, 3).expect("reads");
    assert_eq!(classes, [0, 1, 2, 2, 1, 255]);
    assert!(
        description.contains("NIfTI") && description.ends_with("class indices (255: ignored)"),
        "{description}"
    );
    // As programs that compute with floats leave them.
    let floats = Nifti {
        datatype: 16,
        voxels: [0f32, 1.0, 1.0, 0.0, 0.0, 1.0]
            .iter()
            .flat_map(|label| label.to_le_bytes())
            .collect(),
        ..slice()
    };
    assert_eq!(mask(&floats, 2).expect("reads").0, [0, 1, 1, 0, 0, 1]);
    let soft = Nifti {
        scale: [0.5, 0.0],
        ..labels.clone()
    };
    assert_says(mask(&soft, 3), None, &["holds the value 0.5", "whole numbers"]);
    assert_says(mask(&slice(), 3), None, &["holds the value -10", "whole numbers"]);
    assert_says(
        mask(&Nifti::of_i16(&[2, 1], &[0, 7]), 3),
        None,
        &["`mask-values="],
    );
}

#[test]
fn masks_are_found_by_name_whatever_the_ending() {
    let (_folder, images, masks) = two_folders();
    touch(
        &images,
        &[
            "a_0000.nii.gz",
            "b_0000.nii",
            "c.dcm",
            "d.png",
            "e.tar.gz",
            "f.gz",
        ],
    );
    touch(&masks, &["a.nii.gz", "b.nii.gz", "c.NII.GZ", "d.nii"]);
    let found = pair_by_name(&images, &masks, &Default::default()).expect("pairs");
    let name = |path: &Path| {
        path.file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("")
            .to_string()
    };
    let pairs: Vec<_> = found
        .pairs
        .iter()
        .map(|pair| (pair.name.clone(), name(&pair.image), name(&pair.mask)))
        .collect();
    let pair = |name: &str, image: &str, mask: &str| (name.to_string(), image.to_string(), mask.to_string());
    assert_eq!(
        pairs,
        [
            pair("a_0000", "a_0000.nii.gz", "a.nii.gz"),
            pair("b_0000", "b_0000.nii", "b.nii.gz"),
            pair("c", "c.dcm", "c.NII.GZ"),
            pair("d", "d.png", "d.nii"),
        ]
    );
    assert!(found.unpaired.is_empty());
}

#[test]
fn hostile_files_are_refused_in_one_line() {
    let file = Nifti {
        shown: [0.0, 40.0],
        ..slice()
    }
    .file();
    // What is behind the last number of a packed one need not be there.
    for file in [file.clone(), gzipped(&file)] {
        for length in 0..file.len() - 16 * usize::from(file.starts_with(b"\x1f\x8b")) {
            let (_folder, path) = save("scan.nii", &file[..length]);
            assert_says(read_photograph(&path, &ImageOptions::default()), Some(&path), &[]);
        }
    }
    let sized = |dimensions: &[i16]| Nifti {
        dimensions: dimensions.to_vec(),
        shown: [0.0, 1.0],
        ..slice()
    };
    let refused = |nifti: &Nifti, parts: &[&str]| {
        let options = ImageOptions {
            page: Some(1),
            ..Default::default()
        };
        assert_says(read_with(nifti, &options), None, parts);
    };
    refused(&sized(&[32767, 32767]), &["megapixels"]);
    refused(
        &sized(&[8000, 8000, 32767, 32767, 32767, 32767, 32767]),
        &["MiB unpacked"],
    );
    refused(&sized(&[-3, 2]), &["pixels"]);
    refused(&sized(&[0, 2]), &["damaged"]);
    refused(&sized(&[6]), &["one row"]);
    refused(&sized(&[3, 3]), &["ends before the end of slice 1"]);
    for (datatype, name) in [(128, "Rgb24"), (32, "Complex64"), (7, "7")] {
        refused(
            &Nifti {
                datatype,
                ..sized(&[3, 2])
            },
            &[name],
        );
    }
    let mut elsewhere = file.clone();
    elsewhere[108..112].copy_from_slice(&f32::NAN.to_le_bytes());
    let (_folder, path) = save("scan.nii", &elsewhere);
    assert_says(
        read_photograph(&path, &ImageOptions::default()),
        None,
        &["byte NaN"],
    );
    let nan = Nifti {
        datatype: 16,
        voxels: [f32::NAN, 0.0]
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect(),
        ..sized(&[2, 1])
    };
    refused(&nan, &["NaN"]);
    for (mark, place, name) in [
        (&b"ni1\0"[..], 344, "another file"),
        (&b"n+2\0"[..], 4, "NIfTI-2"),
    ] {
        let mut other = file.clone();
        other[344..348].fill(0);
        other[place..place + 4].copy_from_slice(mark);
        let (_folder, path) = save("scan.nii", &other);
        assert_says(read_photograph(&path, &ImageOptions::default()), None, &[name]);
    }
}
