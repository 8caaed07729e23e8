//! What is written on a command line, and names.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use asma::attack::{MaskMode, Multiplier, Objective, Schedule, Target};
use asma::data::{Crop, NameRule, Padding, Preset, Resize, SyntheticKind, pair_by_name};
use asma::gpu::DeviceChoice;
use asma::report::{Figure, draw_figure, loss_curve_svg};
use asma::{EpochRow, LabelMap, Scores, Shape, Tensor};

/// What can be read is written such that it reads the same.
fn round_trip<T: FromStr + Display + PartialEq + std::fmt::Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let written = value.to_string();
        match written.parse::<T>() {
            Ok(again) => assert!(again == value, "{text:?}: {value:?} and {again:?}"),
            Err(_) => panic!("{text:?} is read and `{written}` is not"),
        }
    }
}

/// Every text that an option takes.
pub fn texts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(target) = text.parse::<Target>() {
        for classes in [0, 2, 21, 255, usize::MAX] {
            let _ = target.check(classes);
        }
        let prediction = LabelMap::from_fn(5, 4, |y, x| ((y + x) % 3) as u8).expect("not empty");
        if let Ok(Some(wanted)) = target.from_prediction(&prediction, 3) {
            assert_eq!((wanted.height(), wanted.width()), (5, 4));
        }
    }
    let _ = text.parse::<Crop>();
    let _ = text.parse::<Resize>();
    let _ = text.parse::<Padding>();
    let _ = text.parse::<DeviceChoice>();
    let _ = text
        .parse::<asma::model::Padding>()
        .map(|padding| padding.to_string());
    round_trip::<Preset>(&text);
    round_trip::<SyntheticKind>(&text);
    round_trip::<Schedule>(&text);
    round_trip::<MaskMode>(&text);
    round_trip::<Objective>(&text);
    round_trip::<Multiplier>(&text);
}

/// A figure with any names, and a curve with any title and numbers.
pub fn figure(bytes: &[u8]) {
    let (numbers, names) = bytes.split_at(bytes.len().min(40));
    let names = String::from_utf8_lossy(names);
    let (image_name, target_name) = names.split_once('\n').unwrap_or((&names, &names));
    let numbers: Vec<f64> = numbers
        .chunks_exact(8)
        .map(|bytes| f64::from_le_bytes(bytes.try_into().expect("eight bytes")))
        .collect();
    let rows: Vec<EpochRow> = (1..)
        .zip(&numbers)
        .map(|(epoch, &number)| EpochRow {
            epoch,
            training_loss: number,
            validation_loss: -number,
            validation_iou: 1.0 / number,
            learning_rate: number,
        })
        .collect();
    let _ = loss_curve_svg(image_name, &rows);
    let labels = LabelMap::from_fn(2, 2, |y, x| (y + x) as u8).expect("not empty");
    let image = Tensor::zeros(Shape::new(1, 3, 2, 2));
    let score = numbers.first().map_or(0.5, |&number| number as f32);
    let drawn = draw_figure(&Figure {
        image_name: image_name.into(),
        target_name: target_name.into(),
        subtitle: names.to_string(),
        source: image.clone(),
        source_prediction: labels.clone(),
        target: labels.clone(),
        target_kind: image_name.into(),
        mask_name: image_name.into(),
        moments: Vec::new(),
        adversarial: image,
        adversarial_prediction: labels,
        scores: Scores {
            iou: score,
            pixel_accuracy: score,
            l2: score,
            linf: score,
        },
        scores_of: target_name.into(),
        trace: Vec::new(),
    });
    assert!(drawn.is_ok());
}

/// Names of a data set's files, which are paired; empty files will do.
pub fn pairing(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let [images, masks] = ["images", "masks"].map(|name| folder.path().join(name));
    write_names(bytes, [&images, &masks]);
    let given = |index: usize| {
        bytes
            .get(index)
            .filter(|byte| **byte % 4 == 0)
            .map(|_| "_m".to_string())
    };
    let rule = NameRule {
        prefix: given(0),
        suffix: given(1),
    };
    if let Ok(pairing) = pair_by_name(&images, &masks, &rule) {
        assert!(
            pairing
                .pairs
                .iter()
                .all(|pair| pair.image.starts_with(&images) && pair.mask.starts_with(&masks))
        );
    }
}

/// Any prefix and suffix of masks, on a line each, and names, in one folder or two: a mask is called after its image.
pub fn name_rules(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |&byte| byte == b'\n');
    let mut given =
        || Some(String::from_utf8_lossy(lines.next()?).into_owned()).filter(|text| !text.is_empty());
    let rule = NameRule {
        prefix: given(),
        suffix: given(),
    };
    let names = lines.next().unwrap_or_default();
    let folder = tempfile::tempdir().expect("a scratch folder");
    let masks = match names.len() % 2 {
        0 => "images",
        _ => "masks",
    };
    let [images, masks] = ["images", masks].map(|name| folder.path().join(name));
    write_names(names, [&images, &masks]);
    let Ok(pairing) = pair_by_name(&images, &masks, &rule) else {
        return;
    };
    for pair in &pairing.pairs {
        assert!(pair.image != pair.mask);
        let stems = [&pair.image, &pair.mask].map(|path| path.file_stem().and_then(|stem| stem.to_str()));
        let [Some(image), Some(mask)] = stems else {
            continue;
        };
        let given = [&rule.prefix, &rule.suffix].map(|part| part.clone().unwrap_or_default());
        if given.concat().is_empty() || !(image.is_ascii() && mask.is_ascii()) {
            continue;
        }
        let wanted = [&given[0], image, &given[1]].concat();
        assert!(
            mask.eq_ignore_ascii_case(&wanted),
            "{image:?} and {mask:?}, by {rule:?}"
        );
    }
}

/// Files of these names, on a line each, in turn in the two folders.
fn write_names(names: &[u8], folders: [&PathBuf; 2]) {
    for folder in folders {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    for (index, name) in names.split(|&byte| byte == b'\n').take(12).enumerate() {
        // Names that the file system refuses are none.
        let _ = std::fs::write(folders[index % 2].join(name_of(name)), b"");
    }
}

/// A name without separators, of any other bytes where the system takes them.
fn name_of(bytes: &[u8]) -> PathBuf {
    let bytes: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(|&byte| byte != b'/' && byte != 0)
        .collect();
    #[cfg(unix)]
    let name = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes);
    #[cfg(not(unix))]
    let name = String::from_utf8_lossy(&bytes).replace(['\\', ':'], "");
    PathBuf::from(name)
}
