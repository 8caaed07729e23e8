//! `asma synth`: synthetic photographs and their masks.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use asma::data::{SyntheticKind, SyntheticOptions, generate, write_image, write_mask};
use asma::files::{remove_leftovers, write_atomically};
use asma::{Error, LabelMap, Result};
use clap::Args;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::console::{print, tell};
use super::outputs::OutputFolder;
use super::progress::CountProgress;

/// The most images that one command writes: names have five digits.
const MOST_IMAGES: usize = 100_000;

/// Stands in the folder until all of a series does, and says which it is.
const UNFINISHED_FILE: &str = "unfinished.json";

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
    let out = OutputFolder::open(&arguments.out)?;
    let (images, masks) = (out.join("images"), out.join("masks"));
    let series = Series {
        asma_version: env!("CARGO_PKG_VERSION").into(),
        kind: options.kind.to_string(),
        count,
        size: options.size,
        seed: options.seed,
        cup: options.cup,
    };
    let unfinished = out.join(UNFINISHED_FILE);
    let goes_on = series.is_begun(&unfinished)?;
    // Both are looked at before either is made: a refusal leaves nothing behind.
    for folder in [&images, &masks] {
        remove_leftovers(folder, &[]);
        if !goes_on {
            refuse_filled(folder)?;
        }
    }
    write_series(&options, &series, &unfinished, &images, &masks).map_err(|error| match error {
        Error::File { path, problem } => Error::File {
            path,
            problem: format!("{problem}; once that is mended, the same command goes on"),
        },
        other => other,
    })?;
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
        print(format_args!("{json:#}"))?;
    } else {
        tell(format_args!(
            "{count} {} images of {size}×{size} pixels are in {}, their masks in {}",
            options.kind,
            images.display(),
            masks.display(),
            size = options.size
        ));
    }
    Ok(())
}

/// The series that a folder holds a part of.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Series {
    asma_version: String,
    kind: String,
    count: usize,
    size: usize,
    seed: u64,
    cup: bool,
}

impl Series {
    /// Whether a part of just this series stands there already.
    ///
    /// # Errors
    /// If a part of another one does.
    fn is_begun(&self, unfinished: &Path) -> Result<bool> {
        let text = match std::fs::read(unfinished) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Error::file(unfinished, format!("cannot be read: {error}"))),
        };
        if serde_json::from_slice(&text).is_ok_and(|begun: Series| begun == *self) {
            return Ok(true);
        }
        Err(Error::Usage(format!(
            "{}: a series was begun here and not finished, with other settings: {}; give those to go on, or name \
             another folder with --out",
            unfinished.display(),
            String::from_utf8_lossy(&text)
        )))
    }
}

/// Writes what does not stand there already; `unfinished` stands from before the first file until after the last.
fn write_series(
    options: &SyntheticOptions,
    series: &Series,
    unfinished: &Path,
    images: &Path,
    masks: &Path,
) -> Result<()> {
    write_atomically(unfinished, |file| {
        file.write_all(serde_json::to_string(series)?.as_bytes())
    })?;
    for folder in [images, masks] {
        std::fs::create_dir_all(folder)
            .map_err(|error| Error::file(folder, format!("cannot be made as a folder: {error}")))?;
    }
    let progress = CountProgress::new("writing images", series.count);
    let written = (0..series.count).into_par_iter().try_for_each(|index| {
        let name = format!("{index:05}.png");
        let (image_file, mask_file) = (images.join(&name), masks.join(&name));
        // Files are written whole, so that one that stands is done.
        if !(image_file.is_file() && mask_file.is_file()) {
            let (image, labels) = generate(options, index as u64)?;
            write_image(image_file, &image)?;
            write_mask(mask_file, &shown(labels, options.class_count())?)?;
        }
        progress.step();
        Ok(())
    });
    progress.finish();
    written?;
    std::fs::remove_file(unfinished)
        .map_err(|error| Error::file(unfinished, format!("cannot be removed: {error}")))
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
