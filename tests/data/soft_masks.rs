//! Masks whose edges are soft, or whose numbers stray from lossy compression.

use std::path::{Path, PathBuf};

use asma::data::{MaskOptions, Preset, open_mask, read_mask};
use asma::labels::IGNORE;
use image::codecs::jpeg::JpegEncoder;
use image::{GrayImage, Luma, Rgb, RgbImage};

use crate::support::{assert_says, folder, save_grey};

/// A disc in the middle of `side`×`side` pixels, soft over `softness` pixels of its edge.
fn disc(side: u32, softness: f32) -> GrayImage {
    let centre = (side as f32 - 1.0) / 2.0;
    GrayImage::from_fn(side, side, |x, y| {
        let distance = (x as f32 - centre).hypot(y as f32 - centre) - side as f32 / 4.0;
        Luma([(255.0 * (0.5 - distance / softness.max(1e-3)).clamp(0.0, 1.0)).round() as u8])
    })
}

fn save_disc(folder: &Path, softness: f32) -> PathBuf {
    let path = folder.join("disc.png");
    disc(64, softness).save(&path).expect("saves");
    path
}

#[test]
fn soft_edges_are_cut_at_half() {
    let folder = folder();
    let hard = read_mask(save_disc(folder.path(), 0.0), 2).expect("reads");
    for softness in [1.5, 4.0] {
        let path = save_disc(folder.path(), softness);
        let soft = open_mask(&path, 2, &MaskOptions::default()).expect("reads");
        // It was above 20 that counted as foreground, which made masks grow.
        let differing = hard
            .labels()
            .iter()
            .zip(soft.labels.labels())
            .filter(|(a, b)| a != b)
            .count();
        assert!(differing <= 8, "{differing} pixels differ at {softness}");
        assert!(
            soft.description.contains("above 127 of 255"),
            "{}",
            soft.description
        );
    }
    let path = save_disc(folder.path(), 4.0);
    let above = |threshold: Option<u8>, soft_threshold: Option<u8>| {
        let options = MaskOptions {
            threshold,
            soft_threshold,
            ..MaskOptions::default()
        };
        open_mask(&path, 2, &options).expect("reads").labels.count(1)
    };
    let brighter = |limit: u8| disc(64, 4.0).pixels().filter(|pixel| pixel.0[0] > limit).count();
    assert_eq!(above(None, None), brighter(127));
    assert_eq!(above(Some(200), None), brighter(200));
    assert_eq!(above(None, Preset::RimOne.soft_threshold()), brighter(20));
}

#[test]
fn lossy_masks_are_black_and_white_with_soft_edges() {
    let folder = folder();
    let hard = disc(64, 0.0);
    let wanted = hard.pixels().filter(|pixel| pixel.0[0] > 127).count();
    for quality in [10, 20, 50, 90] {
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, quality)
            .encode_image(&hard)
            .expect("encodes");
        let path = folder.path().join("mask.jpg");
        std::fs::write(&path, file).expect("writes");
        let found = read_mask(&path, 2).expect("reads").count(1);
        assert!(found.abs_diff(wanted) <= 12, "{found} of {wanted} at {quality}");
    }
    // Grey but for the last two bits, as lossy colours leave it.
    let path = folder.path().join("nearly_grey.png");
    let stray = |x: u32, y: u32| (x * 7 + y * 3) as u8 % 3;
    RgbImage::from_fn(64, 64, |x, y| {
        let grey = hard.get_pixel(x, y).0[0];
        let other = if grey > 127 {
            grey - stray(x, y)
        } else {
            grey + stray(x, y)
        };
        Rgb([grey, other, grey])
    })
    .save(&path)
    .expect("saves");
    assert_eq!(read_mask(&path, 2).expect("reads").count(1), wanted);
}

#[test]
fn what_lossy_compression_strays_to_is_no_class() {
    let folder = folder();
    let path = folder.path().join("mask.jpg");
    for (quality, shift) in [90, 93, 94, 95, 97, 99, 100]
        .into_iter()
        .flat_map(|quality| (0..8).map(move |shift| (quality, shift)))
    {
        let [left, top, width, height] = [5 + 3 * shift, 9 + 2 * shift, 20 + shift, 31 - shift];
        let rectangle = GrayImage::from_fn(96, 96, |x, y| {
            let inside = (left..left + width).contains(&x) && (top..top + height).contains(&y);
            Luma([255 * u8::from(inside)])
        });
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, quality)
            .encode_image(&rectangle)
            .expect("encodes");
        std::fs::write(&path, file).expect("writes");
        let labels = read_mask(&path, 2).unwrap_or_else(|error| panic!("{quality}, {shift}: {error}"));
        let wanted = (width * height) as usize;
        assert!(
            labels.count(1).abs_diff(wanted) <= 12 && labels.count(IGNORE) == 0,
            "{} of {wanted} at {quality}, {shift}",
            labels.count(1)
        );
        assert_says(
            read_mask(&path, 3),
            Some(&path),
            &["compressed with loss", "0 to 2", "PNG", "`mask-values`"],
        );
    }
}

/// Blocks of one level come out of a JPEG of the best quality as they went in: one beside white is black, not a class.
#[test]
fn ones_beside_white_in_a_lossy_mask_are_black() {
    let folder = folder();
    let path = folder.path().join("mask.jpg");
    let blocks = GrayImage::from_fn(24, 8, |x, _| Luma([[0, 1, 255][(x / 8) as usize]]));
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 100)
        .encode_image(&blocks)
        .expect("encodes");
    std::fs::write(&path, file).expect("writes");
    let labels = read_mask(&path, 2).expect("reads");
    assert_eq!([0, 1, 255].map(|class| labels.count(class)), [128, 64, 0]);
    blocks.save(path.with_extension("png")).expect("saves");
    let labels = read_mask(path.with_extension("png"), 2).expect("reads");
    assert_eq!([0, 1, 255].map(|class| labels.count(class)), [64, 64, 64]);
}

/// A thin rim of one grey between black and white is a class of its own, and no soft edge.
#[test]
fn one_level_between_black_and_white_is_no_soft_edge() {
    let folder = folder();
    let rim = |x: u32, y: u32| {
        let inside = |low: u32, high: u32| (low..high).contains(&x) && (low..high).contains(&y);
        match (inside(16, 48), inside(17, 47)) {
            (false, _) => 0,
            (true, false) => 127,
            (true, true) => 255,
        }
    };
    let levels: Vec<u8> = (0..64 * 64u32).map(|index| rim(index % 64, index / 64)).collect();
    let path = save_grey(folder.path(), "mask.png", 64, &levels);
    assert_says(read_mask(&path, 2), Some(&path), &["127", "`mask-values="]);
}
