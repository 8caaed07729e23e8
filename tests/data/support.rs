//! What several of these tests need.

use std::fs;
use std::path::{Path, PathBuf};

use image::GrayImage;
use tempfile::TempDir;

/// A folder of its own for one test.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub fn save_grey(folder: &Path, name: &str, width: u32, values: &[u8]) -> PathBuf {
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
pub fn save_raw_png(
    path: &Path,
    bit_depth: u8,
    colour_type: u8,
    width: u32,
    palette: Option<&[u8]>,
    row: &[u8],
) {
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
pub fn assert_says<T: std::fmt::Debug>(result: asma::Result<T>, path: Option<&Path>, parts: &[&str]) {
    let message = result.expect_err("an error").to_string();
    assert!(!message.contains('\n'), "not one line: {message}");
    if let Some(path) = path {
        assert!(message.starts_with(&path.display().to_string()), "{message}");
    }
    for part in parts {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}

/// A folder with the folders `images` and `masks` in it.
pub fn two_folders() -> (TempDir, PathBuf, PathBuf) {
    let folder = folder();
    let (images, masks) = (folder.path().join("images"), folder.path().join("masks"));
    fs::create_dir(&images).expect("creates");
    fs::create_dir(&masks).expect("creates");
    (folder, images, masks)
}

/// Empty files: pairing looks at names only.
pub fn touch(folder: &Path, names: &[&str]) {
    for name in names {
        fs::write(folder.join(name), "").expect("writes");
    }
}
