//! `asma demo`: an attack on bundled weights and a bundled image.

use std::io::Write;
use std::path::{Path, PathBuf};

use asma::attack::{AsmaConfig, Target};
use asma::files::write_atomically;
use asma::job::{Goal, ImageSource, Performed};
use asma::{LabelMap, Result};
use clap::Args;

use super::attack::{Request, perform, print_json, warn};
use super::console::tell;
use super::network::{DeviceArguments, NetworkArguments};
use super::outputs::OutputFolder;
use super::preparation::PreparationArguments;

/// A small U-Net that marks the optic disc in photographs of the eye's fundus, trained on synthetic ones.
const WEIGHTS: (&str, &[u8]) = (
    "fundus.safetensors",
    include_bytes!("../../weights/fundus.safetensors"),
);
/// A synthetic photograph that it has not seen.
const IMAGE: (&str, &[u8]) = ("demo.png", include_bytes!("../../weights/demo.png"));

/// How much larger the network shall see what it marks.
const ENLARGED: f64 = 1.6;

/// What it shall predict.
pub const TARGET: Target = Target::Scale(ENLARGED);

const STOP_IOU: f32 = 0.97;

/// Attack a bundled network on a bundled image, to see what an attack does; nothing else is needed
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder that results, image and weights are written to
    #[arg(long, value_name = "DIR", default_value = "asma-demo")]
    out: PathBuf,
    #[command(flatten)]
    device: DeviceArguments,
    /// Most iterations
    #[arg(long, value_name = "N", default_value_t = 400)]
    iterations: u32,
    /// Write an animation of the attack too
    #[arg(long)]
    gif: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// Writes the bundled network and photograph into a folder, and says where they are.
pub fn write_bundled(out: &OutputFolder) -> Result<[PathBuf; 2]> {
    for (name, bytes) in [WEIGHTS, IMAGE] {
        write_atomically(out.join(name), |file| file.write_all(bytes))?;
    }
    Ok([WEIGHTS, IMAGE].map(|(name, _)| out.join(name)))
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let out = OutputFolder::open(&arguments.out)?;
    // As files, so that the commands that are named in the end have something to work on.
    let [weights, image] = write_bundled(&out)?;
    let performed = perform(Request {
        image: ImageSource::File(&image),
        goal: Goal::Target(&TARGET),
        network: &NetworkArguments {
            weights,
            reading: Default::default(),
            device: arguments.device.clone(),
            precision: Default::default(),
        },
        preparation: &PreparationArguments::default(),
        region: None,
        config: AsmaConfig {
            iterations: arguments.iterations,
            stop_iou: Some(STOP_IOU),
            ..AsmaConfig::default()
        }
        .into(),
        losses: &[],
        out: &out,
        gif: arguments.gif,
    })?;
    if arguments.json {
        print_json(&performed.summary)?;
    } else {
        print_story(&performed);
        print_where_to_look(out.path(), arguments.gif);
        print_next(out.path(), &performed);
    }
    warn(&performed.summary);
    Ok(())
}

/// What was predicted, what is predicted now, and how small the change is.
fn print_story(performed: &Performed) {
    let summary = &performed.summary;
    let (before, saved) = (&summary.results.before, &summary.results.rounded_to_8_bits);
    tell(format_args!(
        "before   the network marks {} of a synthetic photograph of the eye's fundus as optic disc",
        marked(&performed.attacked.before)
    ));
    tell(format_args!(
        "wanted   that it sees the disc {ENLARGED} times as long and wide ({})",
        summary.target
    ));
    tell(format_args!(
        "after    it marks {}: IoU with what was wanted {:.3}, before {:.3}",
        marked(&performed.attacked.judged.written_prediction),
        saved.iou,
        before.iou
    ));
    tell(format_args!(
        "change   no colour value differs by more than {:.0} of 255; L2 {:.2}, measured on the 8-bit PNG",
        255.0 * saved.linf,
        saved.l2
    ));
    if let Some(likeness) = &summary.likeness {
        tell(format_args!(
            "         PSNR {:.1} dB, SSIM {:.4}: {}",
            likeness.psnr.unwrap_or(f64::INFINITY),
            likeness.ssim,
            likeness.in_words
        ));
    }
    tell(format_args!(
        "time     {} iterations ({}) in {:.1} s",
        summary.iterations, summary.stop_reason, summary.seconds
    ))
}

/// How much of a prediction is foreground.
fn marked(prediction: &LabelMap) -> String {
    let all = prediction.labels().len();
    let marked = all - prediction.count(0);
    format!("{:.1} % ({marked} pixels)", 100.0 * marked as f64 / all as f64)
}

fn print_where_to_look(out: &Path, gif: bool) {
    let file = |name: &str| out.join(name).display().to_string();
    tell(format_args!(
        "\nlook at  {}, which shows all of it",
        file("figure.png")
    ));
    tell(format_args!(
        "         {} beside {}, to see how alike they are",
        file("adversarial.png"),
        file(IMAGE.0)
    ));
    if gif {
        tell(format_args!(
            "         {}, the attack in motion",
            file("animation.gif")
        ));
    }
}

/// Commands that work on what the demo wrote.
fn print_next(out: &Path, performed: &Performed) {
    let file = |name: &str| shell_word(&out.join(name));
    let (image, weights) = (file(IMAGE.0), file(WEIGHTS.0));
    let [rows, columns] = performed.summary.input_size;
    tell("\nnext     what the network predicts for the adversarial image:");
    tell(format_args!(
        "           asma segment --image {} --weights {weights} --out {}",
        file("adversarial.png"),
        file("segment")
    ));
    tell("         another target: the disc a tenth of the picture further right, as an animation too:");
    tell(format_args!(
        "           asma attack --image {image} --weights {weights} --target shift:{},0 --stop-iou 0.95 --gif --out {}",
        columns / 10,
        file("shift")
    ));
    tell("         what the network is made of:");
    tell(format_args!(
        "           asma inspect {weights} --size {columns}x{rows}"
    ))
}

/// A path as a shell takes it.
fn shell_word(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/\\:._-+,@%".contains(c);
    if path.chars().all(plain) {
        path
    } else if cfg!(windows) {
        format!("\"{path}\"")
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}
