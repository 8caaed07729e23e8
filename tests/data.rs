//! Image and mask files in and out, the geometry between them, and label statistics.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use asma::data::{
    Crop, MaskEncoding, Padding, PaddingMode, Preparation, Preset, Resize, check_foreground, read_image,
    read_mask, read_mask_as, read_target, round_to_8_bits, to_rgb_image, write_image,
};
use asma::files::write_atomically;
use asma::labels::{IGNORE, compare, scored_classes};
use asma::{Error, LabelMap, Shape, Tensor};
use image::{GrayImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use tempfile::TempDir;

/// A folder of its own for one test.
fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn save_grey(folder: &Path, name: &str, width: u32, values: &[u8]) -> PathBuf {
    let path = folder.join(name);
    let height = values.len() as u32 / width;
    GrayImage::from_raw(width, height, values.to_vec())
        .expect("values fill the picture")
        .save(&path)
        .expect("saves");
    path
}

/// A PNG of one row of bytes, stored with the colour type and depth of `header`, for what the image crate
/// does not write.
fn save_raw_png(path: &Path, bit_depth: u8, colour_type: u8, width: u32, palette: Option<&[u8]>, row: &[u8]) {
    fn crc(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for &byte in bytes {
            crc ^= u32::from(byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
            }
        }
        !crc
    }
    fn chunk(png: &mut Vec<u8>, name: &[u8], content: &[u8]) {
        let named = [name, content].concat();
        png.extend((content.len() as u32).to_be_bytes());
        png.extend(&named);
        png.extend(crc(&named).to_be_bytes());
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [width.to_be_bytes(), 1u32.to_be_bytes()].concat();
    header.extend([bit_depth, colour_type, 0, 0, 0]);
    chunk(&mut png, b"IHDR", &header);
    if let Some(palette) = palette {
        chunk(&mut png, b"PLTE", palette);
    }
    // zlib: one stored block of a filter byte and the row, then its Adler-32 sum.
    let block = [&[0], row].concat();
    let length = block.len() as u16;
    let mut zlib = vec![0x78, 0x01, 0x01];
    zlib.extend(length.to_le_bytes());
    zlib.extend((!length).to_le_bytes());
    zlib.extend(&block);
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in &block {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    zlib.extend((b << 16 | a).to_be_bytes());
    chunk(&mut png, b"IDAT", &zlib);
    chunk(&mut png, b"IEND", &[]);
    fs::write(path, png).expect("writes");
}

/// The message of an error that must name `path`, stand on one line and hold each of `parts`.
#[track_caller]
fn assert_says<T: std::fmt::Debug>(result: asma::Result<T>, path: Option<&Path>, parts: &[&str]) {
    let message = result.expect_err("an error").to_string();
    assert!(!message.contains('\n'), "not one line: {message}");
    if let Some(path) = path {
        assert!(message.starts_with(&path.display().to_string()), "{message}");
    }
    for part in parts {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}

#[test]
fn eight_bit_values_are_divided_by_255_and_survive_a_round_trip() {
    let folder = folder();
    let source = folder.path().join("all.png");
    let picture = RgbImage::from_fn(256, 1, |x, _| Rgb([x as u8, 255 - x as u8, 7]));
    picture.save(&source).expect("saves");
    let image = read_image(&source).expect("reads");
    assert_eq!(image.shape(), Shape::new(1, 3, 1, 256));
    for value in 0..256 {
        assert_eq!(image.at(0, 0, 0, value), value as f32 / 255.0);
        assert_eq!(image.at(0, 1, 0, value), (255 - value) as f32 / 255.0);
    }
    assert_eq!(round_to_8_bits(&image), image);
    let copy = folder.path().join("copy.png");
    write_image(&copy, &image).expect("writes");
    assert_eq!(image::open(&copy).expect("opens").to_rgb8(), picture);
}

#[test]
fn grey_alpha_and_16_bits_become_three_channels() {
    let folder = folder();
    let grey = save_grey(folder.path(), "grey.png", 2, &[0, 51]);
    assert_eq!(
        read_image(grey).expect("reads").data(),
        [0.0, 0.2, 0.0, 0.2, 0.0, 0.2]
    );

    let alpha = folder.path().join("alpha.png");
    RgbaImage::from_pixel(1, 1, Rgba([255, 0, 51, 3]))
        .save(&alpha)
        .expect("saves");
    assert_eq!(read_image(alpha).expect("reads").data(), [1.0, 0.0, 0.2]);

    for name in ["deep.png", "deep.tiff"] {
        let deep = folder.path().join(name);
        ImageBuffer::<Rgb<u16>, _>::from_pixel(1, 1, Rgb([65535u16, 1, 256]))
            .save(&deep)
            .expect("saves");
        assert_eq!(
            read_image(deep).expect("reads").data(),
            [1.0, 1.0 / 65535.0, 256.0 / 65535.0]
        );
    }
}

#[test]
fn the_content_and_not_the_name_tells_the_format() {
    let folder = folder();
    let path = folder.path().join("photograph.png");
    RgbImage::from_pixel(5, 4, Rgb([9, 9, 9]))
        .save_with_format(&path, image::ImageFormat::Bmp)
        .expect("saves");
    assert_eq!(read_image(path).expect("reads").shape(), Shape::new(1, 3, 4, 5));
}

#[test]
fn rounding_goes_half_away_from_zero_and_clips() {
    let image = Tensor::new(
        Shape::new(1, 1, 1, 6),
        vec![-0.1, 0.5, 0.49 / 255.0, 2.51 / 255.0, 1.0, 1.7],
    )
    .expect("fits");
    let expected = [0.0, 128.0, 0.0, 3.0, 255.0, 255.0].map(|value: f32| value / 255.0);
    assert_eq!(round_to_8_bits(&image).data(), expected);
    let bytes = to_rgb_image(&image).expect("a picture").into_raw();
    assert_eq!(
        bytes.iter().step_by(3).collect::<Vec<_>>(),
        [&0, &128, &0, &3, &255, &255]
    );
}

#[test]
fn pictures_that_cannot_be_shown_are_refused() {
    let two_samples = Tensor::zeros(Shape::new(2, 3, 1, 1));
    assert_says(to_rgb_image(&two_samples), None, &["2×3×1×1"]);
    let two_channels = Tensor::zeros(Shape::new(1, 2, 1, 1));
    assert_says(to_rgb_image(&two_channels), None, &["1×2×1×1"]);
    let empty = Tensor::zeros(Shape::new(1, 3, 0, 1));
    assert_says(to_rgb_image(&empty), None, &["1×3×0×1"]);
    let nan = Tensor::new(Shape::new(1, 1, 1, 1), vec![f32::NAN]).expect("fits");
    assert!(matches!(to_rgb_image(&nan), Err(Error::NotFinite(_))));
}

#[test]
fn unreadable_images_are_refused_with_the_reason() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);

    let missing = at("missing.png");
    assert_says(read_image(&missing), Some(&missing), &["no such file"]);
    assert_says(read_image(folder.path()), Some(folder.path()), &[]);

    let text = at("text.png");
    fs::write(&text, "these are words").expect("writes");
    assert_says(
        read_image(&text),
        Some(&text),
        &["does not hold an image", "PNG, JPEG"],
    );
    let empty = at("empty.jpg");
    fs::write(&empty, "").expect("writes");
    assert_says(read_image(&empty), Some(&empty), &["does not hold an image"]);

    let gif = at("moving.gif");
    fs::write(&gif, b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").expect("writes");
    assert_says(read_image(&gif), Some(&gif), &["convert it to PNG"]);

    let whole = at("whole.png");
    RgbImage::from_fn(64, 64, |x, y| Rgb([x as u8 * 3, y as u8 * 5, (x * y) as u8]))
        .save(&whole)
        .expect("saves");
    let bytes = fs::read(&whole).expect("reads");
    let cut = at("cut.png");
    for length in [20, bytes.len() / 2] {
        fs::write(&cut, &bytes[..length]).expect("writes");
        assert_says(read_image(&cut), Some(&cut), &["damaged or cut short"]);
        assert_says(read_mask(&cut, 2), Some(&cut), &["damaged or cut short"]);
    }

    let vast = at("vast.png");
    save_raw_png(&vast, 8, 0, 2_000_000, None, &[0]);
    assert_says(read_image(&vast), Some(&vast), &["2000000×1", "32768"]);
}

#[test]
fn one_pixel_is_an_image() {
    let folder = folder();
    let path = save_grey(folder.path(), "one.png", 1, &[255]);
    assert_eq!(read_image(&path).expect("reads").data(), [1.0; 3]);
    assert_eq!(read_mask(&path, 2).expect("reads").labels(), [1]);
}

#[test]
fn the_values_tell_a_masks_encoding() {
    use MaskEncoding::{Binary, ClassIndices};
    let cases: &[(&[u8], usize, Option<MaskEncoding>)] = &[
        (&[0], 2, Some(ClassIndices)),
        (&[0, 1], 2, Some(ClassIndices)),
        (&[0, 1, 255], 2, Some(ClassIndices)),
        (&[0, 255], 2, Some(Binary)),
        (&[255], 2, Some(Binary)),
        (&[0, 255], 1, Some(Binary)),
        (&[0, 3, 90, 255], 2, Some(Binary)),
        (&[0, 2], 2, Some(Binary)),
        (&[0, 1, 2], 3, Some(ClassIndices)),
        (&[1, 2, 255], 3, Some(ClassIndices)),
        (&[0, 255], 3, None),
        (&[255], 3, None),
        (&[0, 1, 3], 3, None),
    ];
    for &(values, classes, expected) in cases {
        let set: BTreeSet<u8> = values.iter().copied().collect();
        assert_eq!(
            MaskEncoding::of_values(&set, classes),
            expected,
            "{values:?} for {classes} classes"
        );
    }
}

#[test]
fn masks_become_labels() {
    let folder = folder();
    let soft = save_grey(folder.path(), "soft.png", 5, &[0, 20, 21, 200, 255]);
    assert_eq!(read_mask(&soft, 2).expect("reads").labels(), [0, 0, 1, 1, 1]);
    let indices = save_grey(folder.path(), "indices.png", 2, &[0, 1, 2, 255]);
    let mask = read_mask(&indices, 3).expect("reads");
    assert_eq!((mask.height(), mask.width()), (2, 2));
    assert_eq!(mask.labels(), [0, 1, 2, 255]);
    assert_eq!(
        read_mask_as(&indices, 2, MaskEncoding::Binary)
            .expect("reads")
            .labels(),
        [0, 0, 0, 1]
    );

    let rgb = folder.path().join("rgb.png");
    RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8 * 255; 3]))
        .save(&rgb)
        .expect("saves");
    assert_eq!(read_mask(&rgb, 2).expect("reads").labels(), [0, 1]);

    let deep = folder.path().join("deep.png");
    for (stored, expected) in [([0u16, 65535], [0, 1]), ([0, 1], [0, 1])] {
        ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, stored.to_vec())
            .expect("fits")
            .save(&deep)
            .expect("saves");
        assert_eq!(read_mask(&deep, 2).expect("reads").labels(), expected);
    }

    // Two bits a pixel, values 0, 1, 2, 0: the indices as stored, not stretched to 85 and 170.
    let shallow = folder.path().join("shallow.png");
    save_raw_png(&shallow, 2, 0, 4, None, &[0b0001_1000]);
    assert_eq!(read_mask(&shallow, 3).expect("reads").labels(), [0, 1, 2, 0]);
}

#[test]
fn masks_that_mean_nothing_are_refused_with_the_reason() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);

    let palette = at("palette.png");
    save_raw_png(
        &palette,
        8,
        3,
        3,
        Some(&[0, 0, 0, 128, 0, 0, 0, 128, 0]),
        &[0, 1, 2],
    );
    assert_says(
        read_mask(&palette, 3),
        Some(&palette),
        &["palette picture of 3 colours", "greyscale"],
    );

    let colour = at("colour.png");
    RgbImage::from_fn(2, 1, |x, _| Rgb([0, x as u8 * 200, 0]))
        .save(&colour)
        .expect("saves");
    assert_says(
        read_mask(&colour, 2),
        Some(&colour),
        &["row 0, column 1 is (0, 200, 0)", "greyscale"],
    );

    let out_of_range = save_grey(folder.path(), "range.png", 4, &[0, 1, 2, 7]);
    assert_says(
        read_mask(&out_of_range, 4),
        Some(&out_of_range),
        &["0, 1, 2, 7", "0 to 3"],
    );
    assert_says(
        read_mask_as(&out_of_range, 2, MaskEncoding::ClassIndices),
        Some(&out_of_range),
        &["0 to 1", "black and white"],
    );

    let gradient: Vec<u8> = (0..=255).collect();
    let gradient = save_grey(folder.path(), "gradient.png", 256, &gradient);
    assert_says(
        read_mask(&gradient, 5),
        Some(&gradient),
        &["0, 1, 2, 3, 4, 5, 6, 7, … up to 255", "0 to 4"],
    );

    let deep = at("deep.png");
    ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![0u16, 1000])
        .expect("fits")
        .save(&deep)
        .expect("saves");
    assert_says(read_mask(&deep, 2), Some(&deep), &["16-bit", "1000", "8 bits"]);
}

#[test]
fn a_target_without_foreground_is_refused() {
    let folder = folder();
    let black = save_grey(folder.path(), "black.png", 2, &[0; 4]);
    let mask = read_mask(&black, 2).expect("reads");
    assert_says(check_foreground(&black, &mask), Some(&black), &["no foreground"]);
    let ignored = LabelMap::new(1, 2, vec![0, IGNORE]).expect("fits");
    assert_says(check_foreground("m.png", &ignored), None, &["no foreground"]);
    let fine = LabelMap::new(1, 2, vec![0, 1]).expect("fits");
    check_foreground("m.png", &fine).expect("has a foreground");

    // The foreground lies in the corner, which the output window of 2×2 leaves out.
    let mut corner = [0; 16];
    corner[0] = 255;
    let corner = save_grey(folder.path(), "corner.png", 4, &corner);
    let read = |preparation: &Preparation, side: usize, output: usize| {
        let input = Shape::new(1, 3, side, side);
        read_target(&corner, preparation, input, Shape::new(1, 2, output, output))
    };
    let plain = Preparation::default();
    assert_says(read(&plain, 4, 2), Some(&corner), &["no foreground"]);
    assert_eq!(read(&plain, 4, 4).expect("reads").count(1), 1);
    assert_says(
        read(&plain, 6, 4),
        Some(&corner),
        &["4 rows and 4 columns", "has 6 and 6"],
    );
    let outside = Preset::RimOne.preparation();
    assert_says(read(&outside, 572, 388), Some(&corner), &["crop", "4×4"]);
}

#[test]
fn rim_one_cuts_the_target_where_the_authors_network_looks() {
    // Every pixel of the photograph can be told by its label and its neighbours.
    let label = |y: usize, x: usize| ((7 * y + 13 * x) % 251) as u8;
    let photograph = LabelMap::from_fn(569, 428, label).expect("not empty");
    let rim_one = Preset::RimOne.preparation();
    let target = rim_one.apply_labels(&photograph, 388, 388).expect("fits");
    let expected = LabelMap::from_fn(388, 388, |y, x| label(80 + y, 20 + x)).expect("not empty");
    assert_eq!(target, expected);

    let image = Tensor::from_fn(Shape::new(1, 3, 569, 428), |_, c, y, x| {
        (c * 1_000_000 + y * 1000 + x) as f32
    });
    let input = rim_one.apply_image(&image).expect("fits");
    let expected = Tensor::from_fn(Shape::new(1, 3, 572, 572), |_, c, y, x| {
        let inside = |position: usize| position.clamp(82, 82 + 407) - 82;
        (c * 1_000_000 + (70 + inside(y)) * 1000 + 10 + inside(x)) as f32
    });
    assert_eq!(input, expected);
}

#[test]
fn steps_run_in_the_order_crop_resize_pad() {
    let image = Tensor::from_fn(Shape::new(1, 1, 4, 6), |_, _, y, x| (10 * y + x) as f32 / 100.0);
    let mask = LabelMap::from_fn(4, 6, |y, x| (10 * y + x) as u8).expect("not empty");
    let mut steps = Preparation {
        crop: "1,2,4,2".parse().ok(),
        ..Preparation::default()
    };
    let cropped = steps.apply_image(&image).expect("fits");
    assert_eq!(cropped.data(), [0.21, 0.22, 0.23, 0.24, 0.31, 0.32, 0.33, 0.34]);

    steps.resize = "2x1".parse().ok();
    let resized = steps.apply_image(&image).expect("fits");
    assert_eq!(resized.shape(), Shape::new(1, 1, 1, 2));
    let (left, right) = (resized.at(0, 0, 0, 0), resized.at(0, 0, 0, 1));
    // The triangle of half-width 2 about 1 weighs columns 0, 1, 2 as 3, 3, 1, and the other side mirrored.
    approx::assert_abs_diff_eq!(
        left,
        0.05 + (3.0 * 0.21 + 3.0 * 0.22 + 0.23) / 7.0,
        epsilon = 1e-6
    );
    approx::assert_abs_diff_eq!(
        right,
        0.05 + (0.22 + 3.0 * 0.23 + 3.0 * 0.24) / 7.0,
        epsilon = 1e-6
    );

    steps.padding = "1:zero".parse().ok();
    let padded = steps.apply_image(&image).expect("fits");
    assert_eq!(padded.shape(), Shape::new(1, 1, 3, 4));
    assert_eq!(&padded.data()[..4], [0.0; 4]);
    assert_eq!(&padded.data()[4..8], [0.0, left, right, 0.0]);
    let labels = steps.apply_labels(&mask, 3, 4).expect("fits");
    // No label is mixed from its neighbours, and nobody labelled the border.
    let (a, b) = (labels.labels()[5], labels.labels()[6]);
    assert!([21, 22, 31, 32].contains(&a) && [23, 24, 33, 34].contains(&b));
    assert_eq!(labels.count(IGNORE), 10);

    steps.padding = "1".parse().ok();
    let labels = steps.apply_labels(&mask, 3, 4).expect("fits");
    assert_eq!(labels.labels(), [a, a, b, b, a, a, b, b, a, a, b, b]);
    assert_eq!(steps.apply_labels(&mask, 1, 2).expect("fits").labels(), [a, b]);
}

#[test]
fn resizing_introduces_no_8_bit_rounding() {
    let image = Tensor::new(Shape::new(1, 1, 1, 2), vec![0.1234567, 0.1234567]).expect("fits");
    let steps = Preparation {
        resize: "5x3".parse().ok(),
        ..Preparation::default()
    };
    for &value in steps.apply_image(&image).expect("fits").data() {
        approx::assert_abs_diff_eq!(value, 0.1234567, epsilon = 1e-7);
    }
}

#[test]
fn impossible_preparations_name_the_numbers() {
    let image = Tensor::zeros(Shape::new(1, 3, 20, 30));
    let mask = LabelMap::new(20, 30, vec![0; 600]).expect("fits");
    let crop = |text: &str| Preparation {
        crop: text.parse().ok(),
        ..Preparation::default()
    };
    for text in ["25,0,6,20", "0,10,30,11", "0,0,31,1"] {
        assert_says(crop(text).apply_image(&image), None, &[text, "30×20"]);
        assert_says(crop(text).apply_labels(&mask, 1, 1), None, &[text, "30×20"]);
    }
    assert_says(
        crop("0,0,8,4").apply_labels(&mask, 5, 8),
        None,
        &["4 rows and 8 columns", "5 and 8"],
    );
    let vast = Preparation {
        crop: Some(Crop {
            x: usize::MAX,
            y: 0,
            width: 2,
            height: 2,
        }),
        ..Preparation::default()
    };
    assert_says(vast.apply_image(&image), None, &["30×20"]);
    let empty = Crop {
        x: 0,
        y: 0,
        width: 0,
        height: 3,
    };
    let around_nothing = Preparation {
        crop: Some(empty),
        resize: None,
        padding: "3".parse().ok(),
    };
    assert_says(around_nothing.apply_image(&image), None, &["after each step"]);
    let padded = Preparation {
        padding: "20000".parse().ok(),
        ..Preparation::default()
    };
    assert_says(padded.apply_image(&image), None, &["32768"]);
}

#[test]
fn the_command_lines_strings_are_parsed_and_shown_alike() {
    let rim_one: Preset = "rim-one".parse().expect("a preset");
    let shown = rim_one.preparation().to_string();
    assert_eq!(shown, "crop 10,70,408,408, pad 82:edge");
    assert_eq!(Preparation::default().to_string(), "as it is");
    let zero = Padding {
        pixels: 5,
        mode: PaddingMode::Zero,
    };
    assert_eq!("5:zero".parse::<Padding>().expect("a padding"), zero);
    let size = Resize {
        width: 640,
        height: 480,
    };
    assert_eq!("640x480".parse::<Resize>().expect("a size"), size);
    assert_eq!(size.to_string(), "640x480");

    for text in ["", "1,2,3", "1,2,3,4,5", "1,2,0,4", "-1,2,3,4", "a,b,c,d"] {
        assert_says(
            text.parse::<Crop>(),
            None,
            &[&format!("`{text}`"), "x,y,width,height"],
        );
    }
    for text in ["", "5", "0x5", "5x", "5x99999999", "5.5x3"] {
        assert_says(
            text.parse::<Resize>(),
            None,
            &[&format!("`{text}`"), "WIDTHxHEIGHT"],
        );
    }
    for text in ["", "-3", "3:mirror", ":edge", "99999999"] {
        assert_says(text.parse::<Padding>(), None, &[&format!("`{text}`"), ":zero"]);
    }
    assert_says("rimone".parse::<Preset>(), None, &["`rimone`", "rim-one"]);
}

#[test]
fn the_first_of_the_largest_logits_wins() {
    let logits = Tensor::new(
        Shape::new(2, 3, 1, 2),
        vec![0.0, 9.0, 1.0, 9.0, 1.0, 8.0, -1.0, -3.0, -2.0, -2.0, 5.0, -1.0],
    )
    .expect("fits");
    let labels = |sample| LabelMap::from_logits(&logits, sample).expect("has the sample");
    assert_eq!(labels(0).labels(), [1, 0]);
    assert_eq!(labels(1).labels(), [2, 2]);
    assert_says(LabelMap::from_logits(&logits, 2), None, &["2×3×1×2", "sample 2"]);

    let one_channel = Tensor::new(Shape::new(1, 1, 1, 3), vec![-1.0, 0.0, 0.1]).expect("fits");
    assert_eq!(
        LabelMap::from_logits(&one_channel, 0).expect("labels").labels(),
        [0, 0, 1]
    );
    let too_many = Tensor::zeros(Shape::new(1, 256, 1, 1));
    assert_says(LabelMap::from_logits(&too_many, 0), None, &["256 channels"]);
}

#[test]
fn label_statistics_follow_the_definition() {
    let map = |labels: &[u8]| LabelMap::new(1, labels.len(), labels.to_vec()).expect("fits");
    let target = map(&[0, 1, 1, 1, 0, 255]);
    let prediction = map(&[0, 1, 1, 0, 1, 1]);
    assert_eq!(
        compare(&target, &prediction, &[1]).expect("same size"),
        (0.5, 0.6)
    );
    let iou_of_both = (0.5 + 1.0 / 3.0) / 2.0;
    let (iou, _) = compare(&target, &prediction, &[0, 1]).expect("same size");
    approx::assert_abs_diff_eq!(iou, iou_of_both, epsilon = 1e-7);
    // Class 2 is in neither, which is as it should be.
    assert_eq!(compare(&target, &prediction, &[1, 2]).expect("same size").0, 0.75);
    let ignored = map(&[255; 6]);
    assert_eq!(
        compare(&ignored, &prediction, &[1]).expect("same size"),
        (1.0, 1.0)
    );

    assert_says(compare(&target, &map(&[0]), &[1]), None, &["6", "1"]);
    assert_says(compare(&target, &prediction, &[]), None, &["at least one"]);
    assert_eq!(scored_classes(1, &[0, 1]), [1]);
    assert_eq!(scored_classes(2, &[0, 1]), [1]);
    assert_eq!(scored_classes(4, &[0, 3]), [0, 3]);
    assert_eq!(
        LabelMap::adaptive_mask(&target, &prediction).expect("same size"),
        map(&[255, 255, 255, 1, 0, 255])
    );
    assert_says(LabelMap::new(2, 3, vec![0; 5]), None, &["2 rows", "5 labels"]);
    assert_says(LabelMap::new(0, 3, vec![]), None, &["at least one pixel"]);
}

#[test]
fn files_are_written_whole_or_not_at_all() {
    let folder = folder();
    let path = folder.path().join("file");
    let write = |content: &'static [u8], fail: bool| {
        write_atomically(&path, |file| {
            std::io::Write::write_all(file, content)?;
            if fail {
                return Err(std::io::Error::other("the source ran dry"));
            }
            Ok(())
        })
    };
    assert_says(write(b"half", true), Some(&path), &["the source ran dry"]);
    assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 0);
    write(b"old", false).expect("writes");
    assert_says(write(b"half", true), Some(&path), &["cannot be written"]);
    assert_eq!(fs::read(&path).expect("reads"), b"old");
    write(b"new", false).expect("writes");
    assert_eq!(fs::read(&path).expect("reads"), b"new");
    assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 1);

    let nowhere = folder.path().join("missing/file");
    assert_says(
        write_atomically(&nowhere, |_| Ok(())),
        Some(&nowhere),
        &["there is no folder", "create it"],
    );
    assert_says(
        write_atomically(folder.path(), |_| Ok(())),
        Some(folder.path()),
        &["is a folder"],
    );
}

#[cfg(unix)]
#[test]
fn written_files_have_ordinary_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let (ordinary, ours) = (folder.path().join("ordinary"), folder.path().join("ours"));
    fs::write(&ordinary, "").expect("writes");
    write_atomically(&ours, |_| Ok(())).expect("writes");
    let mode = |path: &Path| fs::metadata(path).expect("exists").permissions().mode();
    assert_eq!(mode(&ours), mode(&ordinary));
}
