//! Image files to tensors and back.

use std::fs;

use asma::data::{
    ImageOptions, read_image, read_mask, read_photograph, round_to_8_bits, to_rgb_image, write_image,
};
use asma::{Error, Shape, Tensor};
use image::{ImageBuffer, Rgb, RgbImage, Rgba, RgbaImage};

use crate::support::{assert_says, folder, save_grey, save_raw_png};

#[test]
fn what_is_white_is_not_asked_of_a_palette() {
    let folder = folder();
    let path = folder.path().join("palette.png");
    save_raw_png(&path, 8, 3, 2, Some(&[255, 0, 0, 0, 0, 255]), &[0, 1]);
    for (options, option) in [
        (
            ImageOptions {
                white: Some(3.0),
                ..Default::default()
            },
            "`white=3`",
        ),
        (
            ImageOptions {
                window: Some("1..2".parse().expect("a window")),
                ..Default::default()
            },
            "`window=1..2`",
        ),
    ] {
        assert_says(
            read_photograph(&path, &options),
            Some(&path),
            &["palette", option, "leave"],
        );
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
        &["a text that begins `these are words`", "get the image itself"],
    );
    let empty = at("empty.jpg");
    fs::write(&empty, "").expect("writes");
    assert_says(read_image(&empty), Some(&empty), &["is empty (0 bytes)"]);
    let noise = at("noise.bin");
    fs::write(&noise, [7, 200, 13, 4, 250, 99]).expect("writes");
    assert_says(
        read_image(&noise),
        Some(&noise),
        &["does not hold an image", "PNG"],
    );

    let gif = at("without_a_frame.gif");
    fs::write(&gif, b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").expect("writes");
    assert_says(read_image(&gif), Some(&gif), &["damaged or cut short"]);

    let whole = at("whole.png");
    RgbImage::from_fn(64, 64, |x, y| {
        Rgb([x as u8 * 3, y as u8 * 4, (x * y % 251) as u8])
    })
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
