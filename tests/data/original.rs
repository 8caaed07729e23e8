//! Changed images that go back into the format of the file that they were read from.

use std::path::Path;

use asma::data::{ImageOptions, Input, InputOptions, Preparation, Rewritten, read_photograph};
use asma::graph::Graph;
use asma::model::{Padding, SimpleUnet};
use asma::{Shape, Tensor};
use image::{DynamicImage, ImageBuffer, Luma, Rgb};

use crate::support::folder;

fn graph(channels: usize) -> Graph {
    SimpleUnet::doubling(channels, 1, 1, 2, Padding::Same)
        .build(|_, shape| Ok(vec![0.1; shape.iter().product()]))
        .expect("builds")
}

fn prepared(crop: &str, pad: &str) -> Preparation {
    Preparation {
        crop: (!crop.is_empty()).then(|| crop.parse().expect("a crop")),
        padding: (!pad.is_empty()).then(|| pad.parse().expect("a padding")),
        ..Default::default()
    }
}

/// Reads a file, changes the prepared image at these places, and makes a file of it.
fn rewritten(
    path: &Path,
    channels: usize,
    options: &InputOptions,
    changes: &[(usize, usize, usize, f32)],
) -> (Input, Rewritten) {
    let input = options.read(path, &graph(channels)).expect("reads");
    let mut image = input.image.clone();
    for &(channel, y, x, value) in changes {
        let shape = image.shape();
        image.data_mut()[(channel * shape.h + y) * shape.w + x] = value;
    }
    let original = input.original.clone().expect("a format to go back into");
    assert_eq!(original.unwritable(), None);
    let rewritten = original
        .rewritten(&input.image, &image, &image, "a change")
        .expect("writes");
    (input, rewritten)
}

#[test]
fn sixteen_bits_stay_sixteen_bits() {
    let folder = folder();
    let values = ImageBuffer::<Luma<u16>, _>::from_fn(5, 4, |x, y| Luma([(7000 * y + 500 * x) as u16]));
    let options = InputOptions {
        preparation: prepared("1,1,3,2", "2:edge"),
        ..Default::default()
    };
    for name in ["photo.png", "photo.tif"] {
        let path = folder.path().join(name);
        DynamicImage::ImageLuma16(values.clone())
            .save(&path)
            .expect("saves");
        // A pixel within, one of the border, which is cut off again, and one that stays.
        let changes = [
            (0, 2, 3, 12345.4 / 65535.0),
            (0, 0, 0, 1.0),
            (0, 3, 4, 14000.0 / 65535.0),
        ];
        let (input, file) = rewritten(&path, 1, &options, &changes);
        assert_eq!((input.image.shape().h, input.image.shape().w), (6, 7));
        let again = folder.path().join(file.name);
        std::fs::write(&again, &file.bytes).expect("writes");
        let found = image::open(&again).expect("reads").into_luma16();
        let mut wanted = values.clone();
        wanted.put_pixel(2, 1, Luma([12345]));
        wanted.put_pixel(3, 2, Luma([14000]));
        assert_eq!(found, wanted, "{name}");
        assert_eq!(file.changed, 2);
        assert!(file.format.contains("16-bit grey"), "{}", file.format);
        let prepared = options.read(&again, &graph(1)).expect("reads").image;
        assert_eq!(prepared, file.image);
        assert_eq!(file.image.at(0, 0, 2, 3), 12345.0 / 65535.0);
    }
}

#[test]
fn a_white_of_ones_own_and_colours_are_taken_back() {
    let folder = folder();
    let path = folder.path().join("photo.png");
    let values =
        ImageBuffer::<Rgb<u16>, _>::from_fn(2, 2, |x, y| Rgb([(4000 * y + 90 * x) as u16, 8000, 100]));
    DynamicImage::ImageRgb16(values.clone())
        .save(&path)
        .expect("saves");
    let options = InputOptions {
        image: ImageOptions {
            white: Some(4095.0),
            ..Default::default()
        },
        ..Default::default()
    };
    let changes = [(0, 0, 0, 0.5), (2, 1, 1, 1.0), (1, 0, 1, 0.25), (1, 1, 1, 1.0)];
    let (_, file) = rewritten(&path, 3, &options, &changes);
    let again = folder.path().join(file.name);
    std::fs::write(&again, &file.bytes).expect("writes");
    let mut wanted = values;
    wanted.get_pixel_mut(0, 0).0[0] = 2048;
    wanted.get_pixel_mut(1, 1).0[2] = 4095;
    wanted.get_pixel_mut(1, 0).0[1] = 1024;
    // What was above white and is white still keeps its number.
    assert_eq!(image::open(&again).expect("reads").into_rgb16(), wanted);
}

#[test]
fn eight_bits_need_no_other_file_and_scaled_images_have_none() {
    let folder = folder();
    let path = crate::support::save_grey(folder.path(), "photo.png", 2, &[0, 50, 100, 200]);
    let input = InputOptions::default().read(&path, &graph(1)).expect("reads");
    assert_eq!(input.original, None);
    let path = folder.path().join("deep.png");
    DynamicImage::ImageLuma16(ImageBuffer::from_fn(4, 4, |x, y| Luma([(9000 * x + y) as u16])))
        .save(&path)
        .expect("saves");
    let options = InputOptions {
        preparation: Preparation {
            resize: Some("8x8".parse().expect("a size")),
            ..Default::default()
        },
        ..Default::default()
    };
    let original = options
        .read(&path, &graph(1))
        .expect("reads")
        .original
        .expect("one");
    let reason = original.unwritable().expect("a reason");
    assert!(
        reason.contains("resize 8x8") && reason.contains("cannot be scaled back"),
        "{reason}"
    );
    // To the size that it has, nothing is scaled.
    let options = InputOptions {
        preparation: Preparation {
            resize: Some("4x4".parse().expect("a size")),
            ..Default::default()
        },
        ..Default::default()
    };
    let input = options.read(&path, &graph(1)).expect("reads");
    let original = input.original.expect("one");
    assert_eq!(original.unwritable(), None);
    // Another image has taken its place since.
    DynamicImage::ImageLuma16(ImageBuffer::from_fn(4, 4, |x, _| Luma([(9000 * x) as u16])))
        .save(&path)
        .expect("saves");
    let image = Tensor::zeros(Shape::new(1, 1, 4, 4));
    let problem = original
        .rewritten(&input.image, &image, &image, "")
        .expect_err("refused");
    assert!(
        problem.to_string().contains("has changed since it was read"),
        "{problem}"
    );
}

#[test]
fn floats_are_written_as_they_are() {
    let folder = folder();
    let path = folder.path().join("photo.tif");
    let mut file = std::io::Cursor::new(Vec::new());
    tiff::encoder::TiffEncoder::new(&mut file)
        .and_then(|mut encoder| {
            encoder.write_image::<tiff::encoder::colortype::Gray32Float>(2, 1, &[0.25f32, 0.123])
        })
        .expect("writes");
    std::fs::write(&path, file.into_inner()).expect("writes");
    let (input, file) = rewritten(&path, 1, &InputOptions::default(), &[(0, 0, 0, 0.777)]);
    assert_eq!(input.original.and_then(|original| original.levels()), None);
    assert_eq!(file.image.data(), [0.777, 0.123]);
    let again = folder.path().join(file.name);
    std::fs::write(&again, &file.bytes).expect("writes");
    let read = read_photograph(&again, &ImageOptions::default()).expect("reads");
    assert_eq!(read.image.plane(0, 0), [0.777, 0.123]);
}

#[cfg(feature = "nifti")]
mod nifti {
    use super::*;
    use crate::scans::{Nifti, gzipped};

    #[test]
    fn a_volume_keeps_all_but_the_slice() {
        let volume = Nifti {
            scale: [0.5, -10.0],
            shown: [-10.0, 90.0],
            affine: Some([[2.0, 0.0, 0.0, 5.0], [0.0, 3.0, 0.0, 1.0], [0.0, 0.0, 4.0, 0.0]]),
            ..Nifti::of_i16(&[2, 2, 3], &[0, 10, 20, 30, -500, 50, 60, 5000, 80, 90, 100, 110])
        };
        for big in [false, true] {
            let volume = Nifti {
                big,
                ..volume.clone()
            };
            for packed in [false, true] {
                let folder = folder();
                let path = folder.path().join("scan");
                let bytes = volume.file();
                std::fs::write(&path, if packed { gzipped(&bytes) } else { bytes.clone() }).expect("writes");
                let options = InputOptions {
                    image: ImageOptions {
                        page: Some(2),
                        ..Default::default()
                    },
                    ..Default::default()
                };
                // Black still, though it was far below; and half of the window, which is the number 100.
                let (input, file) = rewritten(&path, 1, &options, &[(0, 0, 0, 0.001), (0, 1, 0, 0.5)]);
                assert_eq!(input.image.data(), [0.0, 0.25, 0.3, 1.0]);
                assert_eq!(
                    file.name,
                    if packed {
                        "adversarial.nii.gz"
                    } else {
                        "adversarial.nii"
                    }
                );
                let mut wanted = volume.clone();
                wanted.voxels[12..14].copy_from_slice(&100i16.to_le_bytes());
                let found = match packed {
                    false => file.bytes,
                    true => {
                        let mut unpacked = Vec::new();
                        std::io::Read::read_to_end(
                            &mut flate2::read::GzDecoder::new(&file.bytes[..]),
                            &mut unpacked,
                        )
                        .expect("unpacks");
                        unpacked
                    }
                };
                assert_eq!(found, wanted.file());
                assert_eq!(file.image.data(), [0.0, 0.25, 0.5, 1.0]);
            }
        }
    }

    #[test]
    fn numbers_that_a_type_does_not_hold_become_its_nearest() {
        let folder = folder();
        let path = folder.path().join("scan.nii");
        let bytes = Nifti {
            datatype: 2,
            voxels: vec![10, 20],
            shown: [0.0, 300.0],
            ..Nifti::of_i16(&[2, 1], &[])
        };
        std::fs::write(&path, bytes.file()).expect("writes");
        let (_, file) = rewritten(
            &path,
            1,
            &InputOptions::default(),
            &[(0, 0, 0, 1.0), (0, 0, 1, 0.1003)],
        );
        assert_eq!(file.bytes[352..], [255, 30]);
    }
}

#[cfg(feature = "dicom")]
mod dicom {
    use dicom_object::{FileDicomObject, InMemDicomObject, Tag};

    use super::*;
    use crate::scans::*;

    /// Elements that a derived file has anew.
    const NEW: [u32; 6] = [
        0x0008_0008,
        SOP_INSTANCE,
        0x0008_2111,
        0x0008_2112,
        SERIES,
        PIXELS,
    ];

    fn ct() -> Dicom {
        Dicom::grey(3, 2, &[0, 864, 1063, 1064, 1263, 4095].map(|bits| bits | 0x5000))
            .bits(16, 12)
            .text(SLOPE, "DS", "1")
            .text(INTERCEPT, "DS", "-1024")
            .window("40", "400")
            .with(Element(0x0009_0000, "UL", Value::Bytes(vec![9, 0, 0, 0])))
            .word(0x0028_0107, 4095)
            .with(Element(
                0x0040_0275,
                "SQ",
                Value::Items(vec![vec![Element(0x0040_0007, "LO", Value::Text("thorax"))]]),
            ))
    }

    fn opened(bytes: &[u8]) -> FileDicomObject<InMemDicomObject> {
        dicom_object::from_reader(&bytes[128..]).expect("another reader takes it")
    }

    fn text(object: &InMemDicomObject, tag: u32) -> String {
        let element = object
            .get(Tag((tag >> 16) as u16, tag as u16))
            .expect("an element");
        element
            .to_str()
            .expect("text")
            .trim_end_matches(['\0', ' '])
            .to_string()
    }

    fn change(dicom: &Dicom, crop: &str, changes: &[(usize, usize, usize, f32)]) -> Rewritten {
        let folder = folder();
        let path = folder.path().join("scan.dcm");
        std::fs::write(&path, dicom.file()).expect("writes");
        let options = InputOptions {
            preparation: prepared(crop, ""),
            ..Default::default()
        };
        let channels = if dicom.elements.iter().any(|element| element.0 == PLANAR) {
            3
        } else {
            1
        };
        rewritten(&path, channels, &options, changes).1
    }

    #[test]
    fn a_new_instance_says_what_it_was_made_of_and_keeps_the_rest() {
        for syntax in [EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED] {
            let dicom = ct().syntax(syntax);
            // Of the two columns on the right 39 becomes 40, 239 becomes 59; what still is black or white keeps its number.
            let changes = [
                (0, 0, 0, 0.2 / 399.0),
                (0, 0, 1, 200.0 / 399.0),
                (0, 1, 0, 219.4 / 399.0),
                (0, 1, 1, 398.8 / 399.0),
            ];
            let file = change(&dicom, "1,0,2,2", &changes);
            assert_eq!((file.name, file.changed), ("adversarial.dcm", 2));
            let plain = if syntax == DEFLATED { EXPLICIT } else { syntax };
            let (before, after) = (opened(&ct().syntax(plain).file()), opened(&file.bytes));
            assert_eq!(after.meta().transfer_syntax(), plain);
            let uid = text(&after, SOP_INSTANCE);
            assert_eq!(after.meta().media_storage_sop_instance_uid(), uid);
            for uid in [&uid, &text(&after, SERIES)] {
                assert!(uid.starts_with("2.25.") && uid.len() <= 64, "{uid}");
                assert!(!["1.2.3", "1.2.3.4"].contains(&uid.as_str()));
            }
            assert_ne!(uid, text(&after, SERIES));
            assert_eq!(text(&after, 0x0008_0008), "DERIVED\\SECONDARY\\AXIAL");
            assert_eq!(text(&after, 0x0008_2111), "a change");
            let source = after
                .get(Tag(0x0008, 0x2112))
                .expect("a source")
                .items()
                .expect("items");
            assert_eq!(text(&source[0], 0x0008_1155), "1.2.3.4");
            assert_eq!(text(&source[0], 0x0008_1150), "1.2.840.10008.5.1.4.1.1.2");
            // What would be wrong now is gone; all else is there, also what this program does not know.
            let gone = [0x0009_0000, 0x0028_0107];
            let number = |tag: Tag| u32::from(tag.group()) << 16 | u32::from(tag.element());
            for element in before
                .iter()
                .filter(|element| !NEW.contains(&number(element.header().tag)))
            {
                let tag = element.header().tag;
                let expected = (!gone.contains(&number(tag))).then(|| element.value());
                assert_eq!(after.get(tag).map(|element| element.value()), expected, "{tag}");
            }
            let pixels = after.get(Tag(0x7fe0, 0x0010)).expect("pixels");
            let wanted = [0, 864, 1064, 1064, 1083, 4095].map(|bits: u16| bits | 0x5000);
            assert_eq!(pixels.to_multi_int::<u16>().expect("numbers"), wanted, "{syntax}");
        }
    }

    #[test]
    fn every_derived_file_is_an_instance_of_its_own() {
        let uid = |file: &Rewritten| text(&opened(&file.bytes), SOP_INSTANCE);
        let [one, other] = [0, 1].map(|_| change(&ct(), "", &[(0, 0, 0, 1.0)]));
        assert_ne!(uid(&one), uid(&other));
    }

    #[test]
    fn inverted_greys_signs_and_slopes_are_taken_back() {
        let dicom = Dicom::grey(2, 1, &[0xfff0, 100])
            .word(SIGNED, 1)
            .text(SLOPE, "DS", "-2")
            .text(INTERCEPT, "DS", "7")
            .text(FUNCTION, "CS", "LINEAR_EXACT")
            .text(PHOTOMETRIC, "CS", "MONOCHROME1")
            .window("0", "1000");
        // Grey 0.25 inverted is 0.75 of the window: 250 = 7 − 2 · (−121.5), of which −122 is nearest from 0.
        let file = change(&dicom, "", &[(0, 0, 1, 0.25)]);
        let numbers = opened(&file.bytes)
            .get(Tag(0x7fe0, 0x0010))
            .expect("pixels")
            .to_multi_int::<u16>();
        assert_eq!(
            numbers
                .expect("numbers")
                .iter()
                .map(|&bits| bits as i16)
                .collect::<Vec<_>>(),
            [-16, -122]
        );
        let sigmoid = Dicom::grey(2, 1, &[500, 500])
            .bits(16, 12)
            .text(FUNCTION, "CS", "SIGMOID")
            .window("500", "800");
        let file = change(&sigmoid, "", &[(0, 0, 0, 0.0), (0, 0, 1, 0.75)]);
        let numbers = opened(&file.bytes)
            .get(Tag(0x7fe0, 0x0010))
            .expect("pixels")
            .to_multi_int::<u16>();
        // 500 + 200 ln 3, and black as far as the bits go.
        assert_eq!(numbers.expect("numbers"), [0, 720]);
    }

    #[test]
    fn colours_and_compressed_files_become_plain_ones() {
        for planar in [0, 1] {
            let dicom = Dicom::rgb(2, 1, &[1, 2, 3, 4, 5, 6]).word(PLANAR, planar);
            let file = change(&dicom, "", &[(1, 0, 1, 1.0)]);
            let bytes = opened(&file.bytes)
                .get(Tag(0x7fe0, 0x0010))
                .expect("pixels")
                .to_bytes()
                .expect("bytes")
                .to_vec();
            let wanted = if planar == 0 {
                [1, 2, 3, 4, 255, 6]
            } else {
                [1, 2, 3, 255, 5, 6]
            };
            assert_eq!(bytes, wanted);
        }
        let mut frame = [2u32, 64, 67].map(u32::to_le_bytes).concat();
        frame.resize(64, 0);
        frame.extend([254, 0, 128, 2, 7, 8, 9]);
        let dicom = Dicom::grey(3, 1, &[]).syntax(RLE);
        // Where the frame begins, as some writers say it.
        let dicom = dicom.with(Element(0x7fe0_0001, "OB", Value::Bytes(vec![0; 8])));
        let dicom = dicom.with(Element(PIXELS, "OB", Value::Fragments(vec![frame.clone()])));
        let file = change(&dicom, "", &[(0, 0, 2, 1.0)]);
        let after = opened(&file.bytes);
        assert_eq!(after.meta().transfer_syntax(), EXPLICIT);
        assert!(after.get(Tag(0x7fe0, 0x0001)).is_none());
        // Of 16 bits allocated it is words, whatever is stored of them.
        let file = change(&dicom.bits(16, 8), "", &[(0, 0, 2, 1.0)]);
        assert_eq!(
            opened(&file.bytes).get(Tag(0x7fe0, 0x0010)).expect("pixels").vr(),
            dicom_core::VR::OW
        );
        let numbers = after
            .get(Tag(0x7fe0, 0x0010))
            .expect("pixels")
            .to_multi_int::<u16>();
        assert_eq!(numbers.expect("numbers"), [7, 8, 65535]);
    }

    #[test]
    fn of_several_frames_one_is_changed() {
        let dicom = Dicom::grey(2, 1, &[1, 2, 3, 4, 5, 6]).text(FRAMES, "IS", "3");
        let folder = folder();
        let path = folder.path().join("scan.dcm");
        std::fs::write(&path, dicom.file()).expect("writes");
        let options = InputOptions {
            image: ImageOptions {
                page: Some(2),
                ..Default::default()
            },
            ..Default::default()
        };
        let (_, file) = rewritten(&path, 1, &options, &[(0, 0, 0, 1.0)]);
        let numbers = opened(&file.bytes)
            .get(Tag(0x7fe0, 0x0010))
            .expect("pixels")
            .to_multi_int::<u16>();
        assert_eq!(numbers.expect("numbers"), [1, 2, 65535, 4, 5, 6]);
    }
}
