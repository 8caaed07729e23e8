//! Files of scans, and images of many bits: read, changed, and written back into their own format.

use asma::data::{ImageOptions, InputOptions, Window};
use asma::model::{Padding, SimpleUnet};

use super::files::as_file;

/// Pixels of an image that is written back.
const MOST_PIXELS: usize = 1 << 12;

/// A slice, a window, and a file, of which a few values are changed: what is written is read again as what was to be written,
/// and nothing else changes.
pub fn scan(bytes: &[u8]) {
    let Some((&[page, low, width, colours], file)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let options = InputOptions {
        image: ImageOptions {
            page: (page > 0).then_some(page.into()),
            white: None,
            window: (width > 0).then(|| {
                let low = (f64::from(low) - 128.0) * 16.0;
                Window::Range {
                    low,
                    high: low + f64::from(width) * 16.0,
                }
            }),
        },
        ..Default::default()
    };
    let channels = if colours % 2 == 0 { 1 } else { 3 };
    let graph = SimpleUnet::doubling(channels, 1, 1, 2, Padding::Same)
        .build(|_, shape| Ok(vec![0.1; shape.iter().product()]))
        .expect("a network");
    let Ok(input) = options.read(as_file("scan", file), &graph) else {
        return;
    };
    let source = &input.image;
    assert!(source.data().iter().all(|value| (0.0..=1.0).contains(value)));
    let Some(original) = input
        .original
        .filter(|_| source.shape().elements() <= MOST_PIXELS)
    else {
        return;
    };
    let mut image = source.clone();
    for (index, value) in image
        .data_mut()
        .iter_mut()
        .enumerate()
        .filter(|(index, _)| index % 3 == 0)
    {
        *value = if index % 2 == 0 { 1.0 - *value } else { 0.5 };
    }
    let Ok(written) = original.rewritten(source, &image, &image, "changed") else {
        return;
    };
    assert_eq!(written.image.shape(), source.shape());
    let values = written.image.data().iter().zip(source.data()).zip(image.data());
    for ((written, source), image) in values {
        assert!((0.0..=1.0).contains(written));
        assert!(image != source || written == source);
    }
}
