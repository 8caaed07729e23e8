//! DICOM: one frame of greys or RGB, uncompressed, run lengths or JPEG, with the window that the file names; and the same
//! file with other pixels.

mod dataset;
mod derived;
mod pixels;
mod run_lengths;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use image::metadata::Orientation;

use self::dataset::Dataset;
pub(in crate::data) use self::derived::derived;
use self::pixels::{Frame, Kind, Layout, frame};
use super::{Decoded, chosen, damaged};
use crate::data::picture::{Channels, Picture, Samples, Scan};
use crate::data::window::Window;

pub(super) fn decode(file: &[u8], wanted_page: Option<usize>) -> Decoded<Picture> {
    let dataset = Dataset::open(file)?;
    let layout = Layout::of(&dataset)?;
    let (number, page) = chosen(wanted_page, layout.frames, "frames", "")?;
    let frame = frame(&dataset, &layout, number)?;
    let (samples, scan) = match layout.kind {
        Kind::Rgb => (colours(&layout, &frame), None),
        Kind::Grey | Kind::InvertedGrey => {
            let stored = (0..layout.numbers()).map(|index| f64::from(layout.get(&frame, index)));
            (
                Samples::Scan(stored.collect()),
                Some(scan(&dataset, &layout, number)?),
            )
        }
    };
    Ok(Picture {
        format: "DICOM",
        width: layout.columns,
        height: layout.rows,
        channels: match layout.kind {
            Kind::Rgb => Channels::Rgb,
            Kind::Grey | Kind::InvertedGrey => Channels::Grey,
        },
        samples,
        bits: layout.stored as u8,
        palette: None,
        orientation: Orientation::NoTransforms,
        page,
        scan,
        lossy: false,
    })
}

fn colours(layout: &Layout, frame: &Frame<'_>) -> Samples {
    let numbers = (0..layout.numbers()).map(|index| layout.get(frame, index));
    match layout.stored {
        ..=8 => Samples::U8(numbers.map(|number| number as u8).collect()),
        _ => Samples::U16(numbers.map(|number| number as u16).collect()),
    }
}

/// What the file says of the numbers of a frame.
fn scan(dataset: &Dataset<'_>, layout: &Layout, frame: usize) -> Decoded<Scan> {
    if dataset.element(tags::MODALITY_LUT_SEQUENCE).is_some() {
        return Err(
            "is DICOM whose values stand in a table (Modality LUT Sequence), which is not read; apply it and save the result"
                .into(),
        );
    }
    let rescale = |tag, name| {
        first_of(
            dataset,
            frame,
            tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
            tag,
            name,
        )
    };
    let slope = rescale(tags::RESCALE_SLOPE, "rescale slope")?.map_or(1.0, |(slope, _)| slope);
    let intercept =
        rescale(tags::RESCALE_INTERCEPT, "rescale intercept")?.map_or(0.0, |(intercept, _)| intercept);
    if !slope.is_normal() || !intercept.is_finite() {
        return Err(damaged(format!(
            "its rescale slope is {slope}, and its intercept {intercept}"
        )));
    }
    Ok(Scan {
        slope,
        intercept,
        whole: Some(layout.range()),
        window: window(dataset, layout, frame, slope == 1.0 && intercept == 0.0)?,
        inverted: layout.kind == Kind::InvertedGrey,
        remarks: remarks(dataset),
    })
}

/// The modality, and how the file is compressed.
fn remarks(dataset: &Dataset<'_>) -> String {
    let compressed = (dataset.syntax.is_encapsulated_pixel_data()).then(|| dataset.syntax.name().to_string());
    [dataset.text(tags::MODALITY), compressed]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// The window of a frame, in measured values.
fn window(
    dataset: &Dataset<'_>,
    layout: &Layout,
    frame: usize,
    unscaled: bool,
) -> Decoded<Result<(Window, String), String>> {
    let sequence = tags::FRAME_VOILUT_SEQUENCE;
    let centre = first_of(dataset, frame, sequence, tags::WINDOW_CENTER, "window centre")?;
    let width = first_of(dataset, frame, sequence, tags::WINDOW_WIDTH, "window width")?;
    if let Some(((centre, count), (width, _))) = centre.zip(width) {
        let function = dataset
            .of_frame(frame, sequence, tags::VOILUT_FUNCTION)
            .and_then(|element| element.to_str().ok().map(|text| text.trim().to_string()))
            .filter(|function| !function.is_empty())
            .unwrap_or("LINEAR".into());
        let first = match count {
            1 => String::new(),
            count => format!(", the first of {count}"),
        };
        return Ok(match Window::of_function(&function, centre, width) {
            Some(window) => Ok((
                window,
                format!("window {window} (the file's {centre},{width}, {function}{first})"),
            )),
            None => Err(format!(
                "has the window {centre},{width} of the function {function}, which tells no values apart or is not known"
            )),
        });
    }
    if dataset.element(tags::VOILUT_SEQUENCE).is_some() {
        return Ok(Err("has a table (VOI LUT Sequence) in place of a window".into()));
    }
    let [low, high] = layout.range();
    Ok(match unscaled && !layout.signed {
        true => Ok((
            Window::Range { low, high },
            format!("window {low}..{high} (all its bits, as the file names none)"),
        )),
        false => Err("names no window".into()),
    })
}

/// The first number of an element that may hold several, and how many.
fn first_of(
    dataset: &Dataset<'_>,
    frame: usize,
    sequence: Tag,
    tag: Tag,
    name: &str,
) -> Decoded<Option<(f64, usize)>> {
    let Some(element) = dataset.of_frame(frame, sequence, tag) else {
        return Ok(None);
    };
    // An element without a value is as good as none.
    if element.value().multiplicity() == 0 {
        return Ok(None);
    }
    let numbers = element
        .to_multi_float64()
        .map_err(|cause| damaged(format!("its {name} is no number ({cause})")))?;
    Ok(numbers.first().map(|&first| (first, numbers.len())))
}
