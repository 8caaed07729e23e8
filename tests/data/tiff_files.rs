//! TIFF files as scanners, microscopes and Python write them.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use asma::data::{ImageOptions, MaskOptions, open_mask, read_image, read_mask, read_photograph};
use tiff::encoder::{TiffEncoder, colortype};

use crate::support::{assert_says, folder};

/// A little-endian TIFF of one page: these entries (tag, 16-bit values) and, as the strips or tiles, these bytes.
fn hand_made(entries: &[(u16, &[u16])], chunks: &[&[u8]], tiled: bool) -> Vec<u8> {
    let (offsets_tag, counts_tag) = if tiled { (324, 325) } else { (273, 279) };
    let mut file = b"II*\0\0\0\0\0".to_vec();
    let mut offsets: Vec<u32> = Vec::new();
    for chunk in chunks {
        offsets.push(file.len() as u32);
        file.extend_from_slice(chunk);
    }
    let counts: Vec<u32> = chunks.iter().map(|chunk| chunk.len() as u32).collect();
    // Tag, type (3: 16 bits, 4: 32 bits), count, bytes of the values.
    let mut all: Vec<(u16, u16, u32, Vec<u8>)> = entries
        .iter()
        .map(|(tag, values)| {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (*tag, 3, values.len() as u32, bytes)
        })
        .collect();
    for (tag, values) in [(offsets_tag, &offsets), (counts_tag, &counts)] {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        all.push((tag, 4, values.len() as u32, bytes));
    }
    all.sort_by_key(|entry| entry.0);
    for (_, _, _, bytes) in all.iter_mut().filter(|entry| entry.3.len() > 4) {
        let place = file.len() as u32;
        file.extend_from_slice(bytes);
        *bytes = place.to_le_bytes().to_vec();
    }
    let directory = file.len() as u32;
    file[4..8].copy_from_slice(&directory.to_le_bytes());
    file.extend((all.len() as u16).to_le_bytes());
    for (tag, kind, count, mut bytes) in all {
        bytes.resize(4, 0);
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(bytes);
    }
    file.extend([0; 4]);
    file
}

/// Entries of an 8-bit picture.
fn entries<'a>(
    width: &'a [u16; 1],
    height: &'a [u16; 1],
    bits: &'a [u16],
    photometric: &'a [u16; 1],
) -> Vec<(u16, &'a [u16])> {
    vec![
        (256, width),
        (257, height),
        (258, bits),
        (259, &[1]),
        (262, photometric),
    ]
}

fn save(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("writes");
    path
}

#[test]
fn tiles_of_separate_planes_are_joined() {
    let folder = folder();
    // 20×17 pixels in tiles of 16×16: two across and two down, three planes.
    let value = |x: usize, y: usize, plane: usize| (7 * x + 11 * y + 80 * plane) as u8;
    let mut tiles = Vec::new();
    for plane in 0..3 {
        for (top, left) in [(0, 0), (0, 16), (16, 0), (16, 16)] {
            let tile: Vec<u8> = (0..256)
                .map(|i| value(left + i % 16, top + i / 16, plane))
                .collect();
            tiles.push(tile);
        }
    }
    let tiles: Vec<&[u8]> = tiles.iter().map(Vec::as_slice).collect();
    let mut entries = entries(&[20], &[17], &[8, 8, 8], &[2]);
    entries.extend::<[(u16, &[u16]); 4]>([(277, &[3]), (284, &[2]), (322, &[16]), (323, &[16])]);
    let path = save(folder.path(), "planar.tif", &hand_made(&entries, &tiles, true));
    let image = read_image(&path).expect("reads");
    for (plane, y, x) in [(0, 0, 0), (1, 3, 17), (2, 16, 19), (0, 16, 5)] {
        assert_eq!(image.at(0, plane, y, x), f32::from(value(x, y, plane)) / 255.0);
    }
}

#[test]
fn big_ones_and_floats_are_read() {
    let folder = folder();
    let greys: Vec<u8> = (0..64).map(|value| 4 * value).collect();
    let mut big = Cursor::new(Vec::new());
    TiffEncoder::new_big(&mut big)
        .and_then(|mut encoder| encoder.write_image::<colortype::Gray8>(8, 8, &greys))
        .expect("writes");
    let big = save(folder.path(), "big.tif", big.get_ref());
    assert_eq!(read_image(&big).expect("reads").at(0, 2, 1, 2), 40.0 / 255.0);

    let floats: Vec<f32> = greys.iter().map(|&grey| f32::from(grey) / 255.0).collect();
    let mut file = Cursor::new(Vec::new());
    TiffEncoder::new(&mut file)
        .and_then(|mut encoder| encoder.write_image::<colortype::Gray32Float>(8, 8, &floats))
        .expect("writes");
    let path = save(folder.path(), "float.tif", file.get_ref());
    assert_eq!(read_image(&path).expect("reads").plane(0, 1), floats);

    let large: Vec<f32> = greys.iter().map(|&grey| f32::from(grey)).collect();
    let mut file = Cursor::new(Vec::new());
    TiffEncoder::new(&mut file)
        .and_then(|mut encoder| encoder.write_image::<colortype::Gray32Float>(8, 8, &large))
        .expect("writes");
    let path = save(folder.path(), "large.tif", file.get_ref());
    assert_says(read_image(&path), Some(&path), &["pixel value 4", "`white`"]);
    let white = ImageOptions {
        white: Some(255.0),
        ..ImageOptions::default()
    };
    assert_eq!(
        read_photograph(&path, &white).expect("reads").image.plane(0, 0),
        floats
    );
}

#[test]
fn of_several_pages_one_is_named() {
    let folder = folder();
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).expect("begins");
    for page in [10u8, 20, 30] {
        encoder
            .write_image::<colortype::Gray8>(4, 4, &[page; 16])
            .expect("writes");
    }
    let path = save(folder.path(), "stack.tif", file.get_ref());
    assert_says(
        read_image(&path),
        Some(&path),
        &["3 pages", "`page=1` to `page=3`"],
    );
    assert_says(read_mask(&path, 2), Some(&path), &["3 pages"]);
    let page = |page: usize| {
        let options = ImageOptions {
            page: Some(page),
            ..ImageOptions::default()
        };
        read_photograph(&path, &options)
    };
    let second = page(2).expect("reads");
    assert_eq!(second.image.at(0, 0, 0, 0), 20.0 / 255.0);
    assert!(
        second.description.contains("page 2 of 3"),
        "{}",
        second.description
    );
    for missing in [0, 4] {
        assert_says(
            page(missing),
            Some(&path),
            &["3 pages", &format!("`page={missing}`")],
        );
    }
}

#[test]
fn palettes_and_single_bits_become_masks() {
    let folder = folder();
    let indices = [0u8, 1, 2, 1];
    let mut colours = vec![0u16; 768];
    (colours[1], colours[256 + 2]) = (65535, 65535);
    let mut with_palette = entries(&[2], &[2], &[8], &[3]);
    with_palette.extend::<[(u16, &[u16]); 2]>([(277, &[1]), (320, &colours)]);
    let path = save(
        folder.path(),
        "palette.tif",
        &hand_made(&with_palette, &[&indices], false),
    );
    assert_eq!(read_mask(&path, 3).expect("reads").labels(), indices);
    // As a photograph it has its colours.
    assert_eq!(
        read_image(&path).expect("reads").plane(0, 0),
        [0.0, 1.0, 0.0, 1.0]
    );

    for (photometric, wanted) in [(1, [1, 0, 1, 1]), (0, [0, 1, 0, 0])] {
        let photometric = [photometric];
        let mut entries = entries(&[4], &[1], &[1], &photometric);
        entries.push((277, &[1]));
        let path = save(
            folder.path(),
            "bit.tif",
            &hand_made(&entries, &[&[0b1011_0000]], false),
        );
        assert_eq!(read_mask(&path, 2).expect("reads").labels(), wanted);
    }
}

#[test]
fn what_is_not_read_is_called_by_its_name() {
    let folder = folder();
    for (name, extra, words) in [
        ("fill", (266, &[2u16][..]), "FillOrder 2"),
        ("bits", (258, &[12][..]), "12 bits"),
        ("several", (277, &[5][..]), "5 channels"),
    ] {
        let mut entries = entries(&[4], &[4], &[8], &[1]);
        entries.retain(|entry| entry.0 != extra.0);
        if extra.0 != 277 {
            entries.push((277, &[1]));
        }
        if name == "several" {
            entries.retain(|entry| entry.0 != 258);
            entries.push((258, &[8, 8, 8, 8, 8]));
        }
        entries.push(extra);
        let path = save(folder.path(), "odd.tif", &hand_made(&entries, &[&[0; 80]], false));
        assert_says(read_image(&path), Some(&path), &[words]);
    }
    let mut negative = entries(&[2], &[1], &[16], &[1]);
    negative.extend::<[(u16, &[u16]); 2]>([(277, &[1]), (339, &[2])]);
    let path = save(
        folder.path(),
        "ct.tif",
        &hand_made(&negative, &[&[0, 0xfc, 0, 4]], false),
    );
    assert_says(read_image(&path), Some(&path), &["-1024", "negative"]);
}

#[test]
fn the_orientation_of_a_mask_is_its_own() {
    let folder = folder();
    let mut turned = entries(&[2], &[1], &[8], &[1]);
    turned.extend::<[(u16, &[u16]); 2]>([(277, &[1]), (274, &[6])]);
    let path = save(
        folder.path(),
        "turned.tif",
        &hand_made(&turned, &[&[0, 255]], false),
    );
    let mask = open_mask(&path, 2, &MaskOptions::default()).expect("reads");
    assert_eq!((mask.labels.height(), mask.labels.width()), (2, 1));
    assert_eq!(mask.labels.labels(), [0, 1]);
    assert!(
        mask.description.contains("turned by 90° clockwise"),
        "{}",
        mask.description
    );
}
