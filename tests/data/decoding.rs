//! Image files of all formats: turned as they say, whole or refused, called by their right name.

use std::fs;
use std::path::{Path, PathBuf};

use asma::data::{ImageOptions, read_image, read_mask, read_photograph};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, Rgb, RgbImage};
use proptest::prelude::*;

use crate::support::{assert_says, folder, save_grey};

fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([10 * x as u8, 9 * y as u8, (x * y) as u8])
    })
}

/// An EXIF block that holds an orientation alone.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    block
}

fn jpeg(picture: &RgbImage, exif_block: Option<Vec<u8>>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 95);
    if let Some(block) = exif_block {
        encoder.set_exif_metadata(block).expect("takes EXIF");
    }
    encoder
        .write_image(
            picture,
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .expect("encodes");
    file
}

fn save(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("writes");
    path
}

/// Writers copy a JPEG's block as it is, with the mark that stands before it there.
#[test]
fn an_orientation_counts_behind_the_mark_of_jpeg_too() {
    let folder = folder();
    let picture = picture(5, 3);
    let block = [b"Exif\0\0".to_vec(), exif(3)].concat();
    let (mut png, mut webp) = (Vec::new(), Vec::new());
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_exif_metadata(block.clone()).expect("takes EXIF");
    encoder
        .write_image(&picture, 5, 3, ExtendedColorType::Rgb8)
        .expect("encodes");
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut webp);
    encoder.set_exif_metadata(block).expect("takes EXIF");
    encoder
        .write_image(&picture, 5, 3, ExtendedColorType::Rgb8)
        .expect("encodes");
    for (name, file) in [("turned.png", png), ("turned.webp", webp)] {
        let path = save(folder.path(), name, &file);
        let read = read_photograph(&path, &ImageOptions::default()).expect("reads");
        let corner = picture.get_pixel(4, 2).0[0];
        assert_eq!(read.image.at(0, 0, 0, 0), f32::from(corner) / 255.0, "{name}");
    }
}

#[test]
fn photographs_and_masks_are_turned_upright() {
    let folder = folder();
    let picture = picture(5, 3);
    for number in 1..=8 {
        let mut file = Vec::new();
        let mut encoder = PngEncoder::new(&mut file);
        encoder.set_exif_metadata(exif(number)).expect("takes EXIF");
        encoder
            .write_image(&picture, 5, 3, ExtendedColorType::Rgb8)
            .expect("encodes");
        let path = save(folder.path(), "turned.png", &file);
        // The image crate's own turning is the reference.
        let mut upright = DynamicImage::ImageRgb8(picture.clone());
        upright.apply_orientation(Orientation::from_exif(number).expect("an orientation"));
        let upright = upright.to_rgb8();
        let read = read_photograph(&path, &ImageOptions::default()).expect("reads");
        let shape = read.image.shape();
        assert_eq!(
            (shape.w as u32, shape.h as u32),
            upright.dimensions(),
            "orientation {number}"
        );
        for (x, y, pixel) in upright.enumerate_pixels() {
            for channel in 0..3 {
                let found = read.image.at(0, channel, y as usize, x as usize);
                assert_eq!(found, f32::from(pixel.0[channel]) / 255.0, "orientation {number}");
            }
        }
        assert_eq!(read.description.contains("as its orientation says"), number > 1);
    }
    let path = save(folder.path(), "turned.jpg", &jpeg(&picture, Some(exif(6))));
    let shape = read_image(&path).expect("reads").shape();
    assert_eq!((shape.w, shape.h), (3, 5));
}

#[test]
fn a_cut_jpeg_is_refused_wherever_it_is_cut() {
    let folder = folder();
    let whole = jpeg(&picture(25, 24), None);
    let path = save(folder.path(), "whole.jpg", &whole);
    read_image(&path).expect("reads");
    // What stands behind the image, such as a second one of a telephone's, is left alone.
    let longer = [&whole[..], b"and more"].concat();
    read_image(save(folder.path(), "longer.jpg", &longer)).expect("reads");
    for length in [
        whole.len() / 4,
        whole.len() / 2,
        whole.len() * 9 / 10,
        whole.len() - 2,
    ] {
        let cut = save(folder.path(), "cut.jpg", &whole[..length]);
        assert_says(
            read_image(&cut),
            Some(&cut),
            &["damaged or cut short", "get it again"],
        );
    }
}

#[test]
fn other_kinds_of_file_are_called_by_their_name() {
    let folder = folder();
    let mut twelve_bits = jpeg(&picture(8, 8), None);
    let frame = twelve_bits
        .windows(2)
        .position(|marker| marker == [0xff, 0xc0])
        .expect("a frame");
    twelve_bits[frame + 4] = 12;
    let mut lossless = jpeg(&picture(8, 8), None);
    lossless[frame + 1] = 0xf7;
    let dicom = [&[0; 128][..], b"DICM"].concat();
    let mut nifti = vec![0; 352];
    nifti[344..348].copy_from_slice(b"n+1\0");
    // With a feature such files are read, and of these nothing but their marks is there.
    let of_feature = |built: bool, words: &'static [&'static str]| if built { &["damaged"] } else { words };
    let dicom_words = of_feature(cfg!(feature = "dicom"), &["DICOM", "the feature `dicom`"]);
    let nifti_words = of_feature(cfg!(feature = "nifti"), &["NIfTI", "the feature `nifti`"]);
    let cases: Vec<(&[u8], &[&str])> = vec![
        (b"", &["is empty (0 bytes)"]),
        (&[0; 64], &["nothing but zeros"]),
        (&twelve_bits, &["a JPEG of 12 bits a sample", "convert it to PNG"]),
        (&lossless, &["JPEG-LS", "convert it to PNG"]),
        (b"\0\0\0\x0cjP  \r\n\x87\n", &["JPEG 2000"]),
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", &["HEIC"]),
        (b"\0\0\0\x1cftypavif\0\0\0\0", &["AVIF"]),
        (b"8BPS\0\x01\0\0", &["Photoshop"]),
        (&dicom, dicom_words),
        (&nifti, nifti_words),
        (
            b"<!DOCTYPE html><html><body>Please log in",
            &["a web page (HTML)"],
        ),
        // In Latin-1 and in UTF-16.
        (
            b"<!DOCTYPE html><html><body>Bitte \xfcberpr\xfcfen",
            &["a web page (HTML)"],
        ),
        (b"\xff\xfe<\0h\0t\0m\0l\0>\0", &["a web page (HTML)"]),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
            &["Git LFS", "git lfs pull"],
        ),
        (b"P5 2 2 255 abcd", &["Netpbm"]),
        (b"\x93NUMPY\x01\0", &["NumPy"]),
        (
            b"\x10\0\0\0\0\0\0\0{\"a\":1}",
            &["safetensors", "name the tensor"],
        ),
    ];
    for (bytes, words) in cases {
        let path = save(folder.path(), "file.png", bytes);
        assert_says(read_image(&path), Some(&path), words);
        // Nobody is to make a mask a lossy file.
        let message = read_mask(&path, 2).expect_err("refuses").to_string();
        assert!(
            !message.contains("to JPEG") && !message.contains("to WebP"),
            "{message}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_without_waiting_for_it() {
    let folder = folder();
    let path = folder.path().join("pipe.png");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()), "makes a pipe");
    assert_says(
        read_image(&path),
        Some(&path),
        &["a pipe or a device", "name that"],
    );
}

/// A few hot pixels, or two bits more, hide nothing.
#[test]
fn an_image_that_is_dark_but_for_few_pixels_is_said_to_be() {
    let folder = folder();
    let path = folder.path().join("hot.png");
    for (bits, hot, suggested) in [(12, 1, 4095), (14, 0, 16383), (12, 2, 4095)] {
        let values: Vec<u16> = (0..64 * 64u32)
            .map(|place| match place < hot {
                true => 65535,
                false => (place * 37 % (1 << bits)) as u16,
            })
            .collect();
        image::ImageBuffer::<image::Luma<u16>, _>::from_raw(64, 64, values)
            .expect("fits")
            .save(&path)
            .expect("saves");
        let notes = read_photograph(&path, &ImageOptions::default())
            .expect("reads")
            .notes;
        assert!(notes[0].contains(&format!("`white={suggested}`")), "{notes:?}");
        assert_eq!(notes[0].contains("all values but"), hot > 0, "{notes:?}");
    }
    // A few white marks on plain black are a picture.
    image::GrayImage::from_fn(64, 64, |x, y| image::Luma([255 * u8::from(x == 7 && y == 9)]))
        .save(&path)
        .expect("saves");
    assert!(
        read_photograph(&path, &ImageOptions::default())
            .expect("reads")
            .notes
            .is_empty()
    );
}

#[test]
fn a_range_far_below_the_files_is_said() {
    let folder = folder();
    let values: Vec<u16> = (0..64).map(|value| 58 * value).collect();
    let path = folder.path().join("twelve_in_sixteen.png");
    image::ImageBuffer::<image::Luma<u16>, _>::from_raw(8, 8, values.clone())
        .expect("fits")
        .save(&path)
        .expect("saves");
    let read = |white: Option<f32>| {
        let options = ImageOptions {
            white,
            ..ImageOptions::default()
        };
        read_photograph(&path, &options)
    };
    let dark = read(None).expect("reads");
    assert_eq!(dark.notes.len(), 1);
    for part in ["3654 of 65535", "`white=4095`"] {
        assert!(dark.notes[0].contains(part), "{}", dark.notes[0]);
    }
    let bright = read(Some(4095.0)).expect("reads");
    assert!(bright.notes.is_empty());
    assert_eq!(bright.image.at(0, 0, 7, 7), 3654.0 / 4095.0);
    // Beyond white it is white.
    let cut = read(Some(1000.0)).expect("reads");
    assert_eq!(cut.image.at(0, 1, 7, 7), 1.0);
    assert!(
        cut.description.contains("up to 3654 are cut"),
        "{}",
        cut.description
    );
    for white in [0.0, -1.0, f32::NAN] {
        assert_says(read(Some(white)), None, &["`white="]);
    }
    // A picture that uses its range is left in peace.
    let fine = save_grey(folder.path(), "fine.png", 2, &[0, 200]);
    assert!(
        read_photograph(fine, &ImageOptions::default())
            .expect("reads")
            .notes
            .is_empty()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever stands in a file, it is an image or an error with the file's name, and never a panic.
    #[test]
    fn no_file_ends_the_program(
        kind in 0usize..6,
        changes in prop::collection::vec((0usize..4096, any::<u8>()), 0..12),
        length in 0usize..4096,
    ) {
        let formats = [
            image::ImageFormat::Png,
            image::ImageFormat::Jpeg,
            image::ImageFormat::Tiff,
            image::ImageFormat::Bmp,
            image::ImageFormat::WebP,
            image::ImageFormat::Gif,
        ];
        let mut file = std::io::Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(picture(9, 7)).write_to(&mut file, formats[kind]).expect("encodes");
        let mut bytes = file.into_inner();
        for (place, value) in changes {
            let place = place % bytes.len();
            bytes[place] = value;
        }
        bytes.truncate(length.max(4));
        let folder = folder();
        let path = save(folder.path(), "any", &bytes);
        for problem in [read_image(&path).err(), read_mask(&path, 2).err()].into_iter().flatten() {
            let message = problem.to_string();
            prop_assert!(message.starts_with(&path.display().to_string()), "{message}");
            prop_assert!(!message.contains('\n'), "{message}");
        }
    }
}
