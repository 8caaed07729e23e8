//! The animated GIF of an attack.

use std::io::Cursor;

use asma::labels::IGNORE;
use asma::palette::class_colour;
use asma::report::{Animation, AnimationFrame, animation_gif, draw_frames, write_animation};
use asma::{LabelMap, Shape, Tensor};
use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, Rgb, RgbImage};

/// An attack on an image of `height`×`width`, with labels smaller by `border` on each side: a bar of class 1
/// that grows from a quarter to three quarters of the width.
fn animation(height: usize, width: usize, border: usize, count: usize) -> Animation {
    let (rows, columns) = (height - 2 * border, width - 2 * border);
    let bar = |share: f64| {
        LabelMap::from_fn(rows, columns, |_, x| {
            u8::from((x as f64) < share * columns as f64)
        })
        .expect("not empty")
    };
    let target = bar(0.75);
    let frame = |index: usize| {
        let share = index as f64 / count.max(2) as f64;
        let prediction = bar(0.25 + 0.5 * share);
        let image = Tensor::from_fn(Shape::new(1, 3, height, width), |_, c, y, x| {
            let (down, across) = (y as f32 / height as f32, x as f32 / width as f32);
            (0.8 * down + 0.1 * across + 0.1 * share as f32) / (c + 1) as f32
        });
        AnimationFrame {
            name: format!("Iteration {index}"),
            mask: LabelMap::adaptive_mask(&target, &prediction).expect("same size"),
            prediction,
            image,
            iou: share as f32,
            l2: 0.1 * index as f32,
        }
    };
    Animation {
        mask_name: "Adaptive mask".into(),
        frames: (0..count).map(frame).collect(),
    }
}

/// The frames with their delays in milliseconds.
fn decoded(gif: &[u8]) -> Vec<(RgbImage, u32)> {
    let decoder = GifDecoder::new(Cursor::new(gif)).expect("a GIF");
    let frames = decoder.into_frames().collect_frames().expect("frames");
    frames
        .into_iter()
        .map(|frame| {
            let (milliseconds, per) = frame.delay().numer_denom_ms();
            let picture = image::DynamicImage::ImageRgba8(frame.into_buffer()).into_rgb8();
            (picture, milliseconds / per)
        })
        .collect()
}

#[test]
fn a_gif_has_every_frame_and_rests_on_the_last() {
    let animation = animation(60, 100, 10, 20);
    let gif = animation_gif(&animation).expect("encodes");
    assert!(
        gif.windows(16).any(|bytes| bytes == b"NETSCAPE2.0\x03\x01\0\0\0"),
        "it loops for ever"
    );
    let frames = decoded(&gif);
    assert_eq!(frames.len(), 20);
    for (picture, delay) in &frames[..19] {
        assert_eq!(picture.dimensions(), frames[19].0.dimensions());
        assert_eq!(*delay, 210);
    }
    assert_eq!(frames[19].1, 2500);
    assert_ne!(frames[0].0, frames[19].0);
}

#[test]
fn the_pixels_are_those_of_labels_and_image() {
    let animation = animation(60, 100, 10, 20);
    let drawn = draw_frames(&animation).expect("draws");
    let (last, _) = decoded(&animation_gif(&animation).expect("encodes")).remove(19);
    // 100×60 is doubled to panels of 200×120, 12 pixels apart, under a margin of 12 and titles of 26.
    assert_eq!(last.dimensions(), (3 * 200 + 4 * 12, 12 + 26 + 120 + 34));
    let frame = &animation.frames[19];
    for y in 0..60 {
        for x in 0..100 {
            let at = |panel: u32| *last.get_pixel(12 + panel * 212 + 2 * x, 38 + 2 * y);
            let (row, column) = ((y as usize).wrapping_sub(10), (x as usize).wrapping_sub(10));
            match frame.prediction.get(row, column) {
                Some(label) => assert_eq!(at(0), Rgb(class_colour(label)), "{x}, {y}"),
                None => assert_eq!(at(0), Rgb([222, 224, 228]), "{x}, {y}"),
            }
            if let Some(label) = frame.mask.get(row, column) {
                let inactive = label == IGNORE;
                assert_eq!(at(1) == Rgb([250, 250, 250]), inactive, "{x}, {y}");
                assert_eq!(at(1) == Rgb(class_colour(1)), !inactive, "{x}, {y}");
            }
            // One palette for all frames: near, but not the same.
            for (channel, value) in at(2).0.into_iter().enumerate() {
                let exact = 255.0 * frame.image.at(0, channel, y as usize, x as usize);
                assert!(
                    (f32::from(value) - exact).abs() <= 12.0,
                    "{x}, {y}: {value} for {exact}"
                );
            }
        }
    }
    // The caption is there, and says something else in each frame.
    let caption = |picture: &RgbImage| {
        let height = picture.height();
        image::imageops::crop_imm(picture, 0, height - 30, picture.width(), 30).to_image()
    };
    assert!(caption(&drawn[0]).pixels().any(|pixel| pixel.0[0] < 120));
    assert_ne!(caption(&drawn[18]), caption(&drawn[19]));
}

#[test]
fn images_of_any_size_are_fitted() {
    for (height, width, panel) in [
        (1, 1, (256, 256)),
        (16, 16, (256, 256)),
        (90, 129, (129, 90)),
        (572, 572, (256, 256)),
        (40, 600, (256, 17)),
    ] {
        let frames = draw_frames(&animation(height, width, 0, 1)).expect("draws");
        let expected = (3 * panel.0 + 48, panel.1 + 72);
        assert_eq!(frames[0].dimensions(), expected, "{height}×{width}");
    }
    // Narrow panels leave room for their titles.
    let narrow = draw_frames(&animation(900, 2, 0, 1)).expect("draws");
    assert_eq!(narrow[0].dimensions(), (3 * 128 + 48, 256 + 72));
    let single = decoded(&animation_gif(&animation(8, 8, 0, 1)).expect("encodes"));
    assert_eq!((single.len(), single[0].1), (1, 2500));
}

#[test]
fn impossible_animations_are_refused_and_leave_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("animation.gif");
    let refused = |animation: &Animation, words: &str| {
        let message = write_animation(&path, animation)
            .expect_err("refused")
            .to_string();
        assert!(message.contains(words) && !message.contains('\n'), "{message}");
        assert!(!path.exists());
    };
    refused(&animation(20, 20, 0, 0), "no frames");
    let mut mixed = animation(20, 20, 0, 2);
    mixed.frames.extend(animation(20, 22, 0, 1).frames);
    refused(&mixed, "1×3×20×22");
    let mut large = animation(20, 20, 0, 1);
    large.frames[0].prediction = LabelMap::new(21, 20, vec![0; 420]).expect("fits");
    refused(&large, "21 rows");
    let mut broken = animation(20, 20, 0, 1);
    broken.frames[0].image.data_mut()[7] = f32::NAN;
    refused(&broken, "NaN");

    let sound = animation(20, 20, 0, 3);
    write_animation(&path, &sound).expect("writes");
    assert_eq!(
        std::fs::read(&path).expect("reads"),
        animation_gif(&sound).expect("encodes")
    );
}
