//! DICOM files as images: what their numbers become, and what is refused.

use std::path::PathBuf;

use asma::data::{ImageOptions, Photograph, Window, read_mask, read_photograph};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::scans::*;
use crate::support::{assert_says, folder};

/// Reads a file of these bytes.
fn read_with(bytes: &[u8], options: &ImageOptions) -> (PathBuf, asma::Result<Photograph>) {
    let folder = folder();
    let path = folder.path().join("scan.dcm");
    std::fs::write(&path, bytes).expect("writes");
    let read = read_photograph(&path, options);
    (path, read)
}

fn read(dicom: &Dicom) -> Photograph {
    read_with(&dicom.file(), &ImageOptions::default())
        .1
        .expect("reads")
}

#[track_caller]
fn assert_refused(dicom: &Dicom, parts: &[&str]) {
    let (path, read) = read_with(&dicom.file(), &ImageOptions::default());
    assert_says(read, Some(&path), parts);
}

/// The greys of the image, which must be the same in all three planes.
#[track_caller]
fn greys(photograph: &Photograph) -> Vec<f32> {
    let image = &photograph.image;
    assert_eq!(image.plane(0, 0), image.plane(0, 1));
    assert_eq!(image.plane(0, 0), image.plane(0, 2));
    assert!(photograph.grey);
    image.plane(0, 0).to_vec()
}

/// Hounsfield units -1024, -160, 39, 40, 239, 3071 in 12 bits.
const NUMBERS: [u16; 6] = [0, 864, 1063, 1064, 1263, 4095];

fn ct() -> Dicom {
    Dicom::grey(3, 2, &NUMBERS)
        .bits(16, 12)
        .text(SLOPE, "DS", "1")
        .text(INTERCEPT, "DS", "-1024")
        .window("40\\300", "400\\1500")
}

#[test]
fn the_window_of_the_file_says_what_is_black_and_white() {
    let photograph = read(&ct());
    // PS3.3 C.11.2.1.2.1: ((x − (c − 0.5)) / (w − 1) + 0.5)
    let wanted = [0.0, 0.0, 199.0 / 399.0, 200.0 / 399.0, 1.0, 1.0];
    assert_eq!(greys(&photograph), wanted.map(|grey: f64| grey as f32));
    assert_eq!(
        photograph.description,
        "3×2 pixels, DICOM, 12-bit grey, CT, values -1024 to 3071, window -160..239 (the file's 40,400, LINEAR, the first of 2)"
    );
    let exact = read(&ct().text(FUNCTION, "CS", "LINEAR_EXACT"));
    let wanted = [0.0, 0.0, 199.0 / 400.0, 0.5, 399.0 / 400.0, 1.0];
    assert_eq!(greys(&exact), wanted.map(|grey: f64| grey as f32));
    let sigmoid = read(&ct().text(FUNCTION, "CS", "SIGMOID"));
    let of = |x: f64| (1.0 / (1.0 + (-4.0 * (x - 40.0) / 400.0).exp())) as f32;
    assert_eq!(
        greys(&sigmoid),
        [-1024.0, -160.0, 39.0, 40.0, 239.0, 3071.0].map(of)
    );
}

#[test]
fn the_user_says_another_window() {
    for (text, wanted) in [
        ("-160..240", [0.0, 0.0, 199.0 / 400.0, 0.5, 399.0 / 400.0, 1.0]),
        ("39.5,1", [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]),
    ] {
        let options = ImageOptions {
            window: Some(text.parse().expect("a window")),
            ..Default::default()
        };
        let photograph = read_with(&ct().file(), &options).1.expect("reads");
        assert_eq!(greys(&photograph), wanted.map(|grey: f64| grey as f32), "{text}");
    }
    for text in ["", "5", "1..1", "2..1", "40,0", "a..b", "1,nan", "inf..3"] {
        assert_says(text.parse::<Window>(), None, &["LOW..HIGH", "CENTRE,WIDTH"]);
    }
}

#[test]
fn every_syntax_holds_the_same_numbers() {
    let wanted = greys(&read(&ct()));
    for syntax in [IMPLICIT, BIG_ENDIAN, DEFLATED] {
        assert_eq!(greys(&read(&ct().syntax(syntax))), wanted, "{syntax}");
    }
    // Sequences, of which it knows nothing, may be nested.
    let nested = Element(
        0x0008_1140,
        "SQ",
        Value::Items(vec![vec![Element(
            0x0008_1115,
            "SQ",
            Value::Items(vec![
                Vec::new(),
                vec![Element(0x0008_1155, "UI", Value::Text("1.2"))],
            ]),
        )]]),
    );
    for syntax in [EXPLICIT, IMPLICIT, BIG_ENDIAN] {
        assert_eq!(
            greys(&read(&ct().with(nested.clone()).syntax(syntax))),
            wanted,
            "{syntax}"
        );
    }
}

#[test]
fn the_lowest_value_may_be_white() {
    let photograph = read(&ct().text(PHOTOMETRIC, "CS", "MONOCHROME1"));
    let wanted = [1.0, 1.0, 1.0 - 199.0 / 399.0, 1.0 - 200.0 / 399.0, 0.0, 0.0];
    assert_eq!(greys(&photograph), wanted.map(|grey: f64| grey as f32));
    assert!(photograph.description.ends_with("the lowest is white"));
}

/// Of two numbers the one that is black on the screen is background; more of them number classes.
#[test]
fn a_mask_is_read_as_it_is_shown() {
    let folder = folder();
    let path = folder.path().join("mask.dcm");
    for (numbers, wanted) in [([0u16, 1, 1], [1u8, 0, 0]), ([0, 1, 2], [0, 1, 2])] {
        let mask = Dicom::grey(3, 1, &numbers).bits(16, 12);
        std::fs::write(&path, mask.text(PHOTOMETRIC, "CS", "MONOCHROME1").file()).expect("writes");
        assert_eq!(read_mask(&path, 3).expect("reads").labels(), wanted);
    }
}

#[test]
fn elements_without_a_value_are_as_good_as_none() {
    let bare = Dicom::grey(2, 1, &[1024, 4095]).bits(16, 12);
    let empty = Dicom::grey(2, 1, &[1024, 4095])
        .bits(16, 12)
        .text(SLOPE, "DS", "")
        .text(INTERCEPT, "DS", "")
        .window("", "");
    assert_eq!(greys(&read(&empty)), greys(&read(&bare)));
}

#[test]
fn numbers_have_signs_and_lie_where_the_file_says() {
    // 12 bits from bit 2 on, with other bits set beside them: -2048, -1, 0, 2047.
    let bits = [0x800u16, 0xfff, 0, 0x7ff].map(|bits| bits << 2 | 0xc003);
    let dicom = Dicom::grey(2, 2, &bits)
        .bits(16, 12)
        .word(HIGH_BIT, 13)
        .word(SIGNED, 1)
        .text(FUNCTION, "CS", "LINEAR_EXACT")
        .window("0", "4096");
    let wanted = [0.0, 2047.0 / 4096.0, 0.5, 4095.0 / 4096.0];
    assert_eq!(greys(&read(&dicom)), wanted.map(|grey: f64| grey as f32));
}

#[test]
fn without_a_window_all_bits_are_the_range_or_it_is_asked_for() {
    let photograph = read(&Dicom::grey(2, 1, &[1024, 4095]).bits(16, 12));
    assert_eq!(greys(&photograph), [1024.0 / 4095.0, 1.0]);
    let says = "window 0..4095 (all its bits, as the file names none)";
    assert!(
        photograph.description.ends_with(says),
        "{}",
        photograph.description
    );
    let eight = Dicom::grey(2, 1, &[]).bits(8, 8);
    let eight = eight.with(Element(PIXELS, "OB", Value::Bytes(vec![51, 255])));
    assert_eq!(greys(&read(&eight)), [0.2, 1.0]);
    for scaled in [
        ct().without(CENTRE).without(WIDTH),
        ct().without(SLOPE).without(CENTRE).without(WIDTH),
    ] {
        assert_refused(
            &scaled,
            &[
                "names no window",
                "-1024 to 3071",
                "`window=LOW..HIGH`",
                "`window=-1024..3071`",
            ],
        );
    }
    let signed = Dicom::grey(2, 1, &[0xffff, 5]).word(SIGNED, 1);
    assert_refused(&signed, &["names no window", "-1 to 5"]);
}

#[test]
fn colours_lie_side_by_side_or_behind_one_another() {
    let side_by_side = [255, 0, 51, 102, 153, 204, 1, 2, 3];
    let behind = [255, 102, 1, 0, 153, 2, 51, 204, 3];
    for (planar, stored) in [(0, side_by_side), (1, behind)] {
        let photograph = read(&Dicom::rgb(3, 1, &stored).word(PLANAR, planar));
        let wanted = [255, 102, 1, 0, 153, 2, 51, 204, 3].map(|value: u8| f32::from(value) / 255.0);
        assert_eq!(photograph.image.data(), wanted);
        assert_eq!(photograph.description, "3×1 pixels, DICOM, 8-bit RGB");
        assert!(!photograph.grey);
    }
}

#[test]
fn one_frame_of_several_is_read_with_its_own_window() {
    let group = |centre: &'static str, width: &'static str| {
        let window = vec![
            Element(CENTRE, "DS", Value::Text(centre)),
            Element(WIDTH, "DS", Value::Text(width)),
        ];
        vec![Element(0x0028_9132, "SQ", Value::Items(vec![window]))]
    };
    let frames = Dicom::grey(2, 1, &[0, 100, 0, 100, 7, 9])
        .text(FRAMES, "IS", "3")
        .text(FUNCTION, "CS", "LINEAR_EXACT")
        .with(Element(
            0x5200_9230,
            "SQ",
            Value::Items(vec![group("50", "100"), group("100", "200"), group("8", "2")]),
        ));
    assert_refused(&frames, &["holds 3 frames", "`page=1` to `page=3`"]);
    for (page, wanted) in [(1, [0.0, 1.0]), (2, [0.0, 0.5]), (3, [0.0, 1.0])] {
        let options = ImageOptions {
            page: Some(page),
            ..Default::default()
        };
        let photograph = read_with(&frames.file(), &options).1.expect("reads");
        assert_eq!(greys(&photograph), wanted);
        assert!(photograph.description.contains(&format!("page {page} of 3")));
    }
}

#[test]
fn run_lengths_and_jpeg_are_decoded() {
    // High bytes, then low ones: 0, 1, 258, 258.
    let mut frame = [2u32, 64, 71].map(u32::to_le_bytes).concat();
    frame.resize(64, 0);
    frame.extend([1, 0, 0, 255, 1, 128, 0]);
    frame.extend([1, 0, 1, 255, 2, 0]);
    let packed = Dicom::grey(2, 2, &[]).syntax(RLE).bits(16, 16);
    let packed = packed.with(Element(PIXELS, "OB", Value::Fragments(vec![frame])));
    let photograph = read(&packed);
    assert_eq!(
        greys(&photograph),
        [0.0, 1.0, 258.0, 258.0].map(|value: f32| value / 65535.0)
    );
    assert!(
        photograph.description.contains("RLE Lossless"),
        "{}",
        photograph.description
    );

    let values: Vec<u8> = (0..64).map(|place| (place * 3) as u8).collect();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 100)
        .write_image(&values, 8, 8, ExtendedColorType::L8)
        .expect("encodes");
    let packed = Dicom::grey(8, 8, &[]).syntax(JPEG).bits(8, 8);
    let packed = packed.with(Element(PIXELS, "OB", Value::Fragments(vec![jpeg.clone()])));
    let found = greys(&read(&packed));
    assert!(
        found
            .iter()
            .zip(&values)
            .all(|(found, &value)| (found * 255.0 - f32::from(value)).abs() <= 2.0)
    );
    // Of another size than the file says.
    assert_refused(&packed.word(ROWS, 9), &["8×9", "its JPEG is 8×8"]);
    let colours: Vec<u8> = (0..64).flat_map(|_| [200, 40, 90]).collect();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 100)
        .write_image(&colours, 8, 8, ExtendedColorType::Rgb8)
        .expect("encodes");
    let packed = Dicom::rgb(8, 8, &[])
        .syntax(JPEG)
        .text(PHOTOMETRIC, "CS", "YBR_FULL_422");
    let image = read(&packed.with(Element(PIXELS, "OB", Value::Fragments(vec![jpeg])))).image;
    for (plane, wanted) in [200.0, 40.0, 90.0].into_iter().enumerate() {
        assert!(
            image
                .plane(0, plane)
                .iter()
                .all(|grey: &f32| (grey * 255.0 - wanted).abs() <= 3.0)
        );
    }
}

#[test]
fn what_is_not_understood_is_refused_by_its_name() {
    let palette = ct().text(PHOTOMETRIC, "CS", "PALETTE COLOR");
    assert_refused(&palette, &["PALETTE COLOR", "convert it to RGB"]);
    let ybr = Dicom::rgb(1, 1, &[1, 2, 3]).text(PHOTOMETRIC, "CS", "YBR_FULL");
    assert_refused(&ybr, &["YBR_FULL", "convert"]);
    let fragment = || Element(PIXELS, "OB", Value::Fragments(vec![vec![1, 2, 3]]));
    for (syntax, name) in [
        ("1.2.840.10008.1.2.4.90", "JPEG 2000"),
        ("1.2.840.10008.1.2.4.80", "JPEG-LS"),
        ("1.2.840.10008.1.2.4.110", "JPEG XL"),
    ] {
        assert_refused(
            &ct().with(fragment()).syntax(syntax),
            &[name, "is not read", "decompress"],
        );
    }
    assert_refused(&ct().syntax("1.2.3"), &["transfer syntax 1.2.3", "not known"]);
    let table = ct().with(Element(0x0028_3000, "SQ", Value::Items(vec![Vec::new()])));
    assert_refused(&table, &["Modality LUT Sequence", "is not read"]);
    let look_up = ct()
        .without(CENTRE)
        .with(Element(0x0028_3010, "SQ", Value::Items(vec![Vec::new()])));
    assert_refused(&look_up, &["VOI LUT Sequence", "`window="]);
    assert_refused(&ct().word(ALLOCATED, 32), &["32 bits"]);
    assert_refused(&ct().word(ALLOCATED, 1), &["1 bits"]);
    assert_refused(&ct().without(PIXELS), &["no Pixel Data"]);
    assert_refused(&ct().text(FUNCTION, "CS", "CUBIC"), &["CUBIC", "`window="]);
    assert_refused(&ct().text(SLOPE, "DS", "0"), &["slope is 0"]);
    assert_refused(&ct().word(STORED, 0), &["0 stored"]);
    assert_refused(&ct().word(HIGH_BIT, 16), &["high bit 16"]);
    let white = ImageOptions {
        white: Some(4095.0),
        ..Default::default()
    };
    assert_says(
        read_with(&ct().file(), &white).1,
        None,
        &["`window=LOW..HIGH`", "not `white=4095`"],
    );
    // As it is sent over a network, without the marks of a file.
    assert_says(
        read_with(&ct().dataset(), &ImageOptions::default()).1,
        None,
        &["meta information"],
    );
}

#[test]
fn hostile_files_are_refused_in_one_line() {
    let file = ct().file();
    for length in 0..file.len() {
        let (path, read) = read_with(&file[..length], &ImageOptions::default());
        assert_says(read, Some(&path), &[]);
    }
    assert_refused(
        &ct().word(ROWS, 60000).word(COLUMNS, 60000),
        &["60000×60000", "megapixels"],
    );
    assert_refused(&ct().word(ROWS, 0), &["3×0"]);
    assert_refused(&ct().word(ROWS, 3), &["12 of 18 bytes"]);
    assert_refused(
        &ct().text(FRAMES, "IS", "2000000000"),
        &["holds 2000000000 frames"],
    );
    // A length beyond the end, in the data set and before it.
    let mut lying = file.clone();
    let place = lying.len() - NUMBERS.len() * 2 - 4;
    lying[place..place + 4].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
    assert_says(
        read_with(&lying, &ImageOptions::default()).1,
        None,
        &["claims 4294967280 bytes"],
    );
    let mut lying = file.clone();
    lying[144 + 6..144 + 8].copy_from_slice(&[0, 0]);
    lying[144 + 8..144 + 12].copy_from_slice(&0x7fff_fff0u32.to_le_bytes());
    assert_says(
        read_with(&lying, &ImageOptions::default()).1,
        None,
        &["claims 2147483632 bytes"],
    );
    // A sequence of unknown VR and length, whose items would be of implicit VR.
    let private = |vr, length: [u8; 4]| {
        let mut file = Dicom {
            elements: Vec::new(),
            ..ct()
        }
        .file();
        file.extend([9, 0, 1, 0x10]);
        file.extend(vr);
        file.extend([0, 0]);
        file.extend(length);
        file
    };
    assert_says(
        read_with(&private(*b"UN", [255; 4]), &ImageOptions::default()).1,
        None,
        &["(0009,1001)", "unknown VR", "save_as"],
    );
    let mut text = private(*b"UT", (2u32 << 20).to_le_bytes());
    text.resize(text.len() + (2 << 20), b'a');
    assert_says(
        read_with(&text, &ImageOptions::default()).1,
        None,
        &["text of 2097152 bytes", "leave it out"],
    );
    // Sequences within sequences, until a stack would be full.
    let mut deep = Dicom {
        elements: Vec::new(),
        ..ct()
    }
    .file();
    for _ in 0..200_000 {
        deep.extend([8, 0, 0x40, 0x11, b'S', b'Q', 0, 0, 255, 255, 255, 255]);
        deep.extend([0xfe, 0xff, 0, 0xe0, 255, 255, 255, 255]);
    }
    assert_says(read_with(&deep, &ImageOptions::default()).1, None, &["nested"]);
}
