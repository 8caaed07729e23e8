//! `asma segment`: what a network predicts for an image.

use std::path::PathBuf;

use asma::data::{file_of, write_mask, write_rgb_image};
use asma::network::{Gradients, LoweringOptions, lower};
use asma::report::{colour_labels, overlay};
use asma::{LabelMap, Result};
use clap::Args;
use serde_json::json;

use super::console::{print, tell};
use super::network::{NetworkArguments, echo};
use super::outputs::OutputFolder;
use super::preparation::PreparationArguments;

/// Write a network's prediction for an image, and the image with the prediction laid over it
#[derive(Debug, Args)]
pub struct Arguments {
    /// The image to segment: a file, or a tensor in one: FILE.safetensors:NAME, or NAME[I] for sample I of a batch
    #[arg(long, value_name = "FILE")]
    image: PathBuf,
    #[command(flatten)]
    network: NetworkArguments,
    /// The folder that results are written to
    #[arg(long, value_name = "DIR", default_value = "asma-out")]
    out: PathBuf,
    /// Print the pixels of each class as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    preparation: PreparationArguments,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let out = OutputFolder::open(&arguments.out)?;
    out.refuse_for_one_image([file_of(&arguments.image), &arguments.network.weights])?;
    let model = arguments.network.load()?;
    let input = arguments
        .preparation
        .input()
        .read(&arguments.image, &model.graph)?;
    echo(&input.description, &input.notes);
    let image = input.image;
    let gpu = arguments.network.device.open()?;
    let options = LoweringOptions {
        gradients: Gradients::None,
        precision: arguments.network.precision.choose(gpu.as_ref()),
        ..Default::default()
    };
    let network = lower(&input.network.graph, image.shape(), options)?.shared();
    // The program holds the weights in the layout of its kernels; these are not needed any more.
    drop((model, input.network));
    let mut executor = arguments.network.device.executor(gpu, &network.program)?;
    let logits = network.output_for(executor.as_mut(), &image)?;
    let prediction = LabelMap::from_logits(&logits, 0)?;

    out.clear_for_one_image()?;
    write_rgb_image(out.join("prediction.png"), &colour_labels(&prediction)?)?;
    write_mask(out.join("labels.png"), &prediction)?;
    write_rgb_image(out.join("overlay.png"), &overlay(&image, &prediction)?)?;
    let class_count = logits.shape().c.max(2);
    let pixels: Vec<usize> = (0..class_count)
        .map(|class| prediction.count(class as u8))
        .collect();
    if arguments.json {
        let json = json!({
            "image": arguments.image.display().to_string(),
            "device": executor.describe(),
            "output_size": [prediction.height(), prediction.width()],
            "pixels_per_class": pixels,
        });
        print(format_args!("{json:#}"))?;
    } else {
        for (class, pixels) in pixels.iter().enumerate() {
            let share = 100.0 * *pixels as f64 / prediction.labels().len() as f64;
            tell(format_args!("class {class}: {pixels} pixels ({share:.2} %)"));
        }
        tell(format_args!(
            "prediction.png, overlay.png and labels.png (class indices) are in {}",
            out.path().display()
        ));
    }
    Ok(())
}
