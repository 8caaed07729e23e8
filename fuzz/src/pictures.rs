//! Small pictures about which something is said: how they are turned, and what their values mean.

use arbitrary::{Result, Unstructured};
use asma::data::{MaskOptions, MaskValues, open_mask, read_image, read_mask};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::files::as_file;

/// Columns and rows of a picture whose pixels are all different.
const SIDES: [u32; 2] = [3, 2];

/// Any EXIF block, or a TIFF's tag, of an image: it is turned in one of eight ways, and as a mask in the same one.
pub fn orientation(bytes: &[u8]) {
    let Some((&format, block)) = bytes.split_first() else {
        return;
    };
    let stored: Vec<u8> = (0..SIDES[0] * SIDES[1]).map(|place| place as u8).collect();
    let mut file = Vec::new();
    let (name, written) = match format % 3 {
        0 => (
            "turned.png",
            write_with_exif(PngEncoder::new(&mut file), &stored, block),
        ),
        1 => (
            "turned.jpg",
            write_with_exif(JpegEncoder::new(&mut file), &stored, block),
        ),
        _ => {
            file = tiff(&stored, block);
            ("turned.tif", true)
        }
    };
    if !written {
        return;
    }
    let path = as_file(name, &file);
    let Ok(image) = read_image(&path) else { return };
    let sides = [image.shape().w, image.shape().h];
    let as_stored = SIDES.map(|side| side as usize);
    assert!(
        sides == as_stored || sides == [as_stored[1], as_stored[0]],
        "{sides:?}"
    );
    if name == "turned.jpg" {
        // Its values are only near those that were written.
        return;
    }
    let mask = read_mask(&path, stored.len()).expect("what is an image of classes is a mask");
    assert_eq!([mask.width(), mask.height()], sides);
    let mut labels = mask.labels().to_vec();
    for (place, &label) in labels.iter().enumerate() {
        let value = image.at(0, 0, place / sides[0], place % sides[0]);
        assert_eq!(value, f32::from(label) / 255.0);
    }
    labels.sort_unstable();
    assert_eq!(labels, stored);
}

/// Whether the format takes the block.
fn write_with_exif(mut encoder: impl ImageEncoder, picture: &[u8], block: &[u8]) -> bool {
    encoder.set_exif_metadata(block.to_vec()).is_ok()
        && encoder
            .write_image(picture, SIDES[0], SIDES[1], ExtendedColorType::L8)
            .is_ok()
}

/// A TIFF whose tag 274 has the type, the count and the value that the block begins with.
fn tiff(picture: &[u8], block: &[u8]) -> Vec<u8> {
    let mut orientation = [3, 0, 1, 0, 0, 0, 1, 0, 0, 0];
    orientation
        .iter_mut()
        .zip(block)
        .for_each(|(byte, &given)| *byte = given);
    // Tag, number; all of 32 bits. The pixels stand behind the directory of ten entries.
    let directory = 8;
    let pixels = directory + 2 + 10 * 12 + 4;
    let size = picture.len() as u32;
    let [width, height] = SIDES;
    let before = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, pixels),
    ];
    let after = [(277, 1), (278, height), (279, size)];
    let entry = |(tag, number): (u16, u32)| {
        let mut bytes = tag.to_le_bytes().to_vec();
        bytes.extend([4, 0, 1, 0, 0, 0]);
        bytes.extend(number.to_le_bytes());
        bytes
    };
    let mut file = b"II*\0".to_vec();
    file.extend(directory.to_le_bytes());
    file.extend(10u16.to_le_bytes());
    file.extend(before.into_iter().flat_map(entry));
    file.extend(274u16.to_le_bytes());
    file.extend(orientation);
    file.extend(after.into_iter().flat_map(entry));
    file.extend([0; 4]);
    file.extend(picture);
    file
}

/// What the user says of a mask's values, and a small mask: equal numbers become equal classes, of those there are.
pub fn mask_values(bytes: &[u8]) {
    let _ = try_mask_values(&mut Unstructured::new(bytes));
}

fn try_mask_values(bytes: &mut Unstructured<'_>) -> Result<()> {
    let [width, height] = [bytes.int_in_range(1..=4)?, bytes.int_in_range(1..=4)?];
    let (colour, samples) = *bytes.choose(&[
        (ExtendedColorType::L8, 1),
        (ExtendedColorType::La8, 2),
        (ExtendedColorType::Rgb8, 3),
        (ExtendedColorType::Rgba8, 4),
        (ExtendedColorType::L16, 2),
    ])?;
    let classes = usize::from(bytes.arbitrary::<u8>()?);
    let mut options = MaskOptions {
        page: bytes.arbitrary::<Option<u8>>()?.map(usize::from),
        threshold: bytes.arbitrary()?,
        soft_threshold: bytes.arbitrary()?,
        values: None,
        reading: None,
    };
    let pixels = bytes.bytes((width * height * samples) as usize)?.to_vec();
    let text = String::from_utf8_lossy(bytes.peek_bytes(bytes.len()).unwrap_or_default());
    options.values = match text.parse::<MaskValues>() {
        Ok(values) => {
            assert_eq!(
                values.to_string().parse::<MaskValues>().ok(),
                Some(values.clone())
            );
            Some(values)
        }
        // Most of what is no text of values need not be tried on a mask again.
        Err(_) if text.len() > 2 => return Ok(()),
        Err(_) => None,
    };
    let mut file = Vec::new();
    let written = PngEncoder::new(&mut file).write_image(&pixels, width, height, colour);
    assert!(written.is_ok());
    if let Ok(mask) = open_mask(as_file("mask.png", &file), classes, &options) {
        let labels = mask.labels.labels();
        assert_eq!(
            [mask.labels.width(), mask.labels.height()],
            [width as usize, height as usize]
        );
        let stored: Vec<&[u8]> = pixels.chunks(samples as usize).collect();
        for (place, pixel) in stored.iter().enumerate() {
            let first = stored.iter().position(|other| other == pixel).unwrap_or(place);
            assert_eq!(labels[place], labels[first]);
        }
        let largest = mask.labels.largest_class();
        assert!(largest.is_none_or(|class| usize::from(class) < classes.max(2)));
    }
    Ok(())
}
