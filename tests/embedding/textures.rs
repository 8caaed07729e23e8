//! Images in and out as textures.

use asma::attack::{AsmaConfig, AttackInput, MaskMode, Snapshots};
use asma::gpu::textures::{HostTexture, Picture, TexturePicture, TextureReader};
use asma::gpu::{GpuDevice, GpuExecutor};
use asma::labels::IGNORE;
use asma::palette::{INACTIVE, OUTSIDE, class_colour};
use asma::program::{Executor, Place};
use asma::report::{overlay, perturbation_picture};
use asma::{Error, LabelMap, Tensor, wgpu};
use half::f16;
use wgpu::{TextureFormat as Format, TextureUsages as Usages};

use crate::networks;
use crate::support::{
    IMAGE, attack, contents, executor, fill, host, record, texture, texture_of, two_devices,
};

const READ: Usages = Usages::TEXTURE_BINDING.union(Usages::COPY_DST);

/// Texels of four bytes in which each level of 8 bits is in each channel.
fn all_levels() -> Vec<u8> {
    let texel = |i: usize| [i, 3 * i + 1, 255 - i % 256, 255].map(|value| (value % 256) as u8);
    (0..IMAGE.pixels()).flat_map(texel).collect()
}

/// The image that is read from a texture of these bytes.
fn read(
    gpu: &GpuDevice,
    executor: &mut GpuExecutor,
    place: Place,
    host: HostTexture<'_>,
    bytes: &[u8],
) -> Tensor {
    fill(gpu, host.texture, bytes);
    let reader = TextureReader::new(executor, host, place).unwrap();
    record(gpu, |encoder| reader.encode(encoder));
    place.gather(&executor.read(place.buffer, place.shape.elements()).unwrap())
}

/// What a picture leaves in a texture of this format, drawn the way that the usage makes it.
fn drawn(executor: &GpuExecutor, picture: &Picture, format: Format, usage: Usages) -> Vec<u8> {
    let gpu = executor.gpu();
    let out = texture(gpu, format, usage | Usages::COPY_SRC);
    let drawing = TexturePicture::new(executor, picture, &out).unwrap();
    record(gpu, |encoder| drawing.encode(encoder));
    contents(gpu, &out)
}

/// Red, green and blue of each texel of four bytes.
fn colours(bytes: &[u8]) -> Vec<[u8; 3]> {
    bytes
        .chunks(4)
        .map(|texel| [texel[0], texel[1], texel[2]])
        .collect()
}

#[test]
fn a_texture_of_8_bits_comes_out_as_it_went_in() {
    let Some(gpu) = host() else { return };
    let attack = attack(AsmaConfig::default());
    let mut executor = executor(&gpu, &attack);
    let place = attack.adversarial();
    let bytes = all_levels();
    for (format, is_bgra) in [
        (Format::Rgba8Unorm, false),
        (Format::Rgba8UnormSrgb, false),
        (Format::Bgra8Unorm, true),
        (Format::Bgra8UnormSrgb, true),
    ] {
        let host = texture(&gpu, format, READ);
        let image = read(&gpu, &mut executor, place, (&host).into(), &bytes);
        let wanted = Tensor::from_fn(IMAGE, |_, c, y, x| {
            let channel = if is_bgra { 2 - c } else { c };
            f32::from(bytes[4 * (y * IMAGE.w + x) + channel]) / 255.0
        });
        assert_eq!(image, wanted, "{format:?}");
        for usage in [Usages::RENDER_ATTACHMENT, Usages::COPY_DST] {
            let found = drawn(&executor, &Picture::Image(place), format, usage);
            assert!(found == bytes, "{format:?} by {usage:?}");
        }
    }
    let found = drawn(
        &executor,
        &Picture::Image(place),
        Format::Rgba8Unorm,
        Usages::STORAGE_BINDING,
    );
    let from_bgra: Vec<[u8; 3]> = colours(&bytes).into_iter().map(|[b, g, r]| [r, g, b]).collect();
    assert!(colours(&found) == from_bgra, "Rgba8Unorm by a storage texture");
}

#[test]
fn floats_come_out_as_they_went_in() {
    let Some(gpu) = host() else { return };
    let attack = attack(AsmaConfig::default());
    let mut executor = executor(&gpu, &attack);
    let place = attack.adversarial();
    let image = networks::image(IMAGE, 5);
    let texels = (0..IMAGE.pixels()).flat_map(|i| {
        let (y, x) = (i / IMAGE.w, i % IMAGE.w);
        [
            image.at(0, 0, y, x),
            image.at(0, 1, y, x),
            image.at(0, 2, y, x),
            1.0,
        ]
    });
    let texels: Vec<f32> = texels.collect();
    let halves: Vec<f16> = texels.iter().map(|&value| f16::from_f32(value)).collect();
    let halves: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
    for (format, bytes) in [
        (Format::Rgba32Float, bytemuck::cast_slice(&texels)),
        (Format::Rgba16Float, &halves[..]),
    ] {
        let host = texture(&gpu, format, READ);
        let found = read(&gpu, &mut executor, place, (&host).into(), bytes);
        if format == Format::Rgba32Float {
            assert_eq!(found, image);
        }
        for usage in [
            Usages::RENDER_ATTACHMENT,
            Usages::STORAGE_BINDING,
            Usages::COPY_DST,
        ] {
            let out = drawn(&executor, &Picture::Image(place), format, usage);
            assert!(out == bytes, "{format:?} by {usage:?}");
        }
        // The same numbers as amounts of light are those of image files once they are encoded, and again after decoding.
        let light = HostTexture {
            texture: &host,
            is_light: true,
        };
        let encoded = read(&gpu, &mut executor, place, light, bytes);
        let wanted = |light: f64| match light <= 0.0031308 {
            true => 12.92 * light,
            false => 1.055 * light.powf(1.0 / 2.4) - 0.055,
        };
        for (&encoded, &light) in encoded.data().iter().zip(found.data()) {
            assert!(
                (f64::from(encoded) - wanted(light.into())).abs() < 2e-6,
                "{light} became {encoded}"
            );
        }
    }
}

#[test]
fn values_that_no_image_has_are_clamped() {
    let Some(gpu) = host() else { return };
    let attack = attack(AsmaConfig::default());
    let mut executor = executor(&gpu, &attack);
    let place = attack.adversarial();
    let texels: Vec<f32> = (0..IMAGE.pixels()).flat_map(|_| [-0.5, 1.5, 0.25, 9.0]).collect();
    let host = texture(&gpu, Format::Rgba32Float, READ);
    let image = read(
        &gpu,
        &mut executor,
        place,
        (&host).into(),
        bytemuck::cast_slice(&texels),
    );
    for (channel, wanted) in [0.0, 1.0, 0.25].into_iter().enumerate() {
        assert!(image.plane(0, channel).iter().all(|&value| value == wanted));
    }
}

/// An attack with a few steps taken, its source, and what the network predicts.
fn attacked(
    gpu: &GpuDevice,
    mask: MaskMode,
) -> (asma::attack::Attack, GpuExecutor, Tensor, LabelMap, LabelMap) {
    let attack = attack(AsmaConfig {
        mask,
        classes: Some(vec![1, 2]),
        ..AsmaConfig::default()
    });
    let mut executor = executor(gpu, &attack);
    let source = networks::image(IMAGE, 5);
    let shape = attack.logits().shape;
    let mut labels = networks::target(shape.h, shape.w, 1, 1).labels().to_vec();
    labels[..3].copy_from_slice(&[IGNORE, 2, 2]);
    let target = LabelMap::new(shape.h, shape.w, labels).unwrap();
    let input = AttackInput {
        source: &source,
        targets: std::slice::from_ref(&target),
        regions: &[],
        snapshots: Snapshots::None,
    };
    let iterations = attack.prepare(&mut executor, input).unwrap();
    for calls in iterations.take(3) {
        executor.submit(&calls).unwrap();
    }
    executor.submit(&[attack.prediction()]).unwrap();
    let logits = attack.logits();
    let length = attack.program().buffers()[logits.buffer.0].length;
    let logits = logits.gather(&executor.read(logits.buffer, length).unwrap());
    let prediction = LabelMap::from_logits(&logits, 0).unwrap();
    (attack, executor, source, target, prediction)
}

/// The colour of each pixel of the network's output window in a picture, what lies around it being `OUTSIDE`.
fn in_window(labels: &LabelMap, colour: impl Fn(usize, usize) -> [u8; 3]) -> Vec<[u8; 3]> {
    let (top, left) = ((IMAGE.h - labels.height()) / 2, (IMAGE.w - labels.width()) / 2);
    let pixels = (0..IMAGE.h).flat_map(|y| (0..IMAGE.w).map(move |x| (y, x)));
    let inside = |(y, x): (usize, usize)| {
        let (row, column) = (y.checked_sub(top)?, x.checked_sub(left)?);
        labels.get(row, column).map(|_| colour(row, column))
    };
    pixels.map(|pixel| inside(pixel).unwrap_or(OUTSIDE)).collect()
}

#[test]
fn pictures_are_those_of_the_report() {
    let Some(gpu) = host() else { return };
    let (attack, mut executor, source, _, prediction) = attacked(&gpu, MaskMode::Adaptive);
    let image = attack.adversarial();
    let adversarial = image.gather(&executor.read(image.buffer, IMAGE.elements()).unwrap());
    let predicted = attack.predicted_labels(0).unwrap();
    let bytes_of = |picture: &Picture| {
        colours(&drawn(
            &executor,
            picture,
            Format::Rgba8Unorm,
            Usages::RENDER_ATTACHMENT,
        ))
    };
    // A level more or less, where half of one is rounded.
    let near = |found: &[[u8; 3]], wanted: &[[u8; 3]], what: &str| {
        let levels = |colours: &[[u8; 3]]| colours.concat();
        let pairs = levels(found).into_iter().zip(levels(wanted));
        let most = pairs.map(|(a, b)| a.abs_diff(b)).max();
        assert!(most <= Some(1), "{what}: {most:?} levels");
        assert_eq!(found.len(), wanted.len(), "{what}");
    };

    let laid_over = overlay(&adversarial, &prediction).unwrap();
    let laid_over: Vec<[u8; 3]> = laid_over.pixels().map(|pixel| pixel.0).collect();
    let found = bytes_of(&Picture::Overlay {
        labels: predicted,
        image,
    });
    near(&found, &laid_over, "overlay");

    let magnified = perturbation_picture(&source, &adversarial).unwrap();
    let level = |value: f32| (255.0 * value).round() as u8;
    let pixels = (0..IMAGE.h).flat_map(|y| (0..IMAGE.w).map(move |x| (y, x)));
    let wanted: Vec<[u8; 3]> = pixels
        .map(|(y, x)| [0, 1, 2].map(|c| level(magnified.at(0, c, y, x))))
        .collect();
    let perturbation = Picture::Perturbation {
        image,
        source: attack.source(),
        magnification: 1.0,
    };
    let out = texture(
        &gpu,
        Format::Rgba8Unorm,
        Usages::STORAGE_BINDING | Usages::COPY_SRC,
    );
    let drawing = TexturePicture::new(&executor, &perturbation, &out).unwrap();
    drawing.magnify(asma::report::overlay::MAGNIFICATION);
    record(&gpu, |encoder| drawing.encode(encoder));
    near(&colours(&contents(&gpu, &out)), &wanted, "perturbation");

    let found = bytes_of(&Picture::Labels {
        labels: predicted,
        image,
    });
    let wanted = in_window(&prediction, |y, x| class_colour(prediction.get(y, x).unwrap()));
    assert_eq!(found, wanted);
}

#[test]
fn the_mask_shows_the_pixels_that_drive_the_attack() {
    let Some(gpu) = host() else { return };
    for mode in [MaskMode::Adaptive, MaskMode::Static] {
        let (attack, executor, _, target, prediction) = attacked(&gpu, mode);
        let picture = attack.mask_picture(0).unwrap();
        let found = drawn(&executor, &picture, Format::Rgba8Unorm, Usages::RENDER_ATTACHMENT);
        let mut active = 0;
        let wanted = in_window(&target, |y, x| {
            let (label, predicted) = (target.get(y, x).unwrap(), prediction.get(y, x).unwrap());
            let drives = mode == MaskMode::Static || label != predicted;
            // Class 0 is not attacked.
            match drives && label != IGNORE && label != 0 {
                true => class_colour(label),
                false => INACTIVE,
            }
        });
        active += wanted.iter().filter(|&&colour| colour == class_colour(1)).count();
        assert_eq!(colours(&found), wanted, "{mode:?}");
        assert!(active > 0, "{mode:?}: no pixel drives the attack");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_what_was_found_and_wanted() {
    let Some(gpu) = host() else { return };
    let attack = attack(AsmaConfig::default());
    let executor = executor(&gpu, &attack);
    let place = attack.adversarial();
    let picture = Picture::Image(place);
    let refused = |texture: &wgpu::Texture, words: &[&str]| {
        let errors = [
            TextureReader::new(&executor, texture, place).err(),
            TexturePicture::new(&executor, &picture, texture).err(),
        ];
        for error in errors {
            let Some(Error::Usage(message)) = error else {
                panic!("{error:?}; want words {words:?}");
            };
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
    };
    let all = READ | Usages::RENDER_ATTACHMENT;
    let other_size = texture_of(&gpu, Format::Rgba8Unorm, all, [IMAGE.w, IMAGE.h + 1]);
    refused(&other_size, &["44 columns", "37 rows", "44 and 36"]);
    refused(&texture(&gpu, Format::R8Unorm, all), &["R8Unorm", "Rgba8Unorm,"]);
    refused(
        &texture(&gpu, Format::Rgba8Uint, READ),
        &["Rgba8Uint", "Rgba8Unorm,"],
    );

    let only_drawn = texture(&gpu, Format::Rgba8Unorm, Usages::RENDER_ATTACHMENT);
    let error = TextureReader::new(&executor, &only_drawn, place).unwrap_err();
    assert!(error.to_string().contains("want TEXTURE_BINDING"), "{error}");
    let only_read = texture(&gpu, Format::Rgba8UnormSrgb, Usages::TEXTURE_BINDING);
    let error = TexturePicture::new(&executor, &picture, &only_read).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("(TEXTURE_BINDING); to be drawn to, want"),
        "{error}"
    );

    let nothing = Picture::Overlay {
        labels: asma::gpu::textures::LabelPlace {
            height: IMAGE.h + 2,
            ..attack.target_labels(0).unwrap()
        },
        image: place,
    };
    let out = texture(&gpu, Format::Rgba8Unorm, all);
    let error = TexturePicture::new(&executor, &nothing, &out).unwrap_err();
    assert!(error.to_string().contains("38 rows"), "{error}");
    assert!(attack.adversarial().sample(1).is_none() && attack.mask_picture(1).is_none());
}

#[test]
fn a_texture_of_another_device_is_refused() {
    let Some([first, second]) = two_devices() else {
        return;
    };
    let attack = attack(AsmaConfig::default());
    let executor = executor(&first, &attack);
    let all = READ | Usages::RENDER_ATTACHMENT;
    let foreign = texture(&second, Format::Rgba8Unorm, all);
    let place = attack.adversarial();
    for error in [
        TextureReader::new(&executor, &foreign, place).err(),
        TexturePicture::new(&executor, &Picture::Image(place), &foreign).err(),
    ] {
        assert!(matches!(error, Some(Error::Device(_))), "{error:?}");
    }
}
