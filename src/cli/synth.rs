//! `asma synth`: synthetic photographs and their masks.

use std::path::{Path, PathBuf};

use asma::data::{SyntheticKind, SyntheticOptions, generate, write_image, write_mask};
use asma::{Error, LabelMap, Result};
use clap::Args;
use rayon::prelude::*;
use serde_json::json;

use super::outputs::open_folder;
use super::print;
use super::progress::CountProgress;

/// The most images that one command writes: names have five digits.
const MOST_IMAGES: usize = 100_000;

/// Write synthetic photographs and their masks, to train a network on or to try one out
///
/// Images go to DIR/images, masks of the same names to DIR/masks: 0 and 255, or with --cup class indices. The
/// same settings give the same files on every machine.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to show: fundus (the mask is the optic disc) or lesion (a skin lesion)
    #[arg(long, value_name = "KIND")]
    kind: SyntheticKind,
    /// How many images to write
    #[arg(long, value_name = "N")]
    count: usize,
    /// The folder that they are written to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Series of different seeds have nothing in common
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Side of the square images in pixels, or WIDTHxHEIGHT with both equal
    #[arg(long, value_name = "SIDE", value_parser = side, default_value = "192")]
    size: usize,
    /// Label the cup inside the disc too: background 0, disc 1, cup 2
    #[arg(long)]
    cup: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let options = SyntheticOptions {
        kind: arguments.kind,
        size: arguments.size,
        seed: arguments.seed,
        cup: arguments.cup,
    };
    options.check()?;
    let count = arguments.count;
    if !(1..=MOST_IMAGES).contains(&count) {
        return Err(Error::Usage(format!(
            "--count {count} images were asked for; give 1 to {MOST_IMAGES}"
        )));
    }
    let (images, masks) = (arguments.out.join("images"), arguments.out.join("masks"));
    // Both are looked at before either is made: a refusal leaves nothing behind.
    refuse_filled(&images)?;
    refuse_filled(&masks)?;
    let (images, masks) = (open_folder(&images)?, open_folder(&masks)?);
    let progress = CountProgress::new("writing images", count);
    (0..count).into_par_iter().try_for_each(|index| {
        let name = format!("{index:05}.png");
        let (image, labels) = generate(&options, index as u64)?;
        write_image(images.join(&name), &image)?;
        write_mask(masks.join(&name), &shown(labels, options.class_count())?)?;
        progress.step();
        Ok(())
    })?;
    progress.finish();
    if arguments.json {
        let json = json!({
            "kind": options.kind.to_string(),
            "count": count,
            "size": options.size,
            "seed": options.seed,
            "classes": options.class_count(),
            "images": images.display().to_string(),
            "masks": masks.display().to_string(),
        });
        print(&format!("{json:#}"))
    } else {
        print(&format!(
            "{count} {} images of {size}×{size} pixels are in {}, their masks in {}",
            options.kind,
            images.display(),
            masks.display(),
            size = options.size
        ))
    }
}

/// Two classes are written in black and white, which people can see; more as class indices.
fn shown(labels: LabelMap, class_count: usize) -> Result<LabelMap> {
    if class_count > 2 {
        return Ok(labels);
    }
    let (height, width) = (labels.height(), labels.width());
    let values = labels.into_labels().into_iter().map(|label| 255 * label);
    LabelMap::new(height, width, values.collect())
}

/// Files of two series in one folder would be taken for one.
fn refuse_filled(folder: &Path) -> Result<()> {
    let filled = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if filled {
        return Err(Error::Usage(format!(
            "{} is not empty; name another folder with --out, or empty this one",
            folder.display()
        )));
    }
    Ok(())
}

fn side(text: &str) -> std::result::Result<usize, String> {
    let number = |text: &str| {
        text.parse::<usize>()
            .map_err(|_| format!("`{text}` is no number of pixels; write SIDE or WIDTHxHEIGHT"))
    };
    match text.split_once('x') {
        None => number(text),
        Some((width, height)) => {
            let (width, height) = (number(width)?, number(height)?);
            if width == height {
                Ok(width)
            } else {
                Err(format!("the images are square, but {width}×{height} is not"))
            }
        }
    }
}
