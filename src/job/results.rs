//! What came of a job, as files in a folder.

use std::io::Write;
use std::path::Path;

use super::{Attacked, Performed};
use crate::checkpoint::{Checkpoint, WeightTensor};
use crate::data::{Original, write_image, write_rgb_image};
use crate::error::Result;
use crate::files::{remove_earlier, write_atomically};
use crate::report::{
    Animation, AttackSettings, Figure, Summary, capitalised, colour_labels, draw_figure,
    perturbation_picture, write_animation, write_summary, write_trace,
};

/// The files of an attack, that which says what they are of first; one in the user's own format is called as
/// [`Original::NAMES`] says.
pub const FILES: [&str; 9] = [
    "summary.json",
    "adversarial.png",
    "adversarial.safetensors",
    "prediction_before.png",
    "prediction_after.png",
    "perturbation.png",
    "figure.png",
    "animation.gif",
    "trace.csv",
];

/// Writes all the files into a folder that is there, the animation if images were kept for it, after those of an earlier
/// attack are gone; the summary last, so that where it stands all the rest does.
///
/// # Errors
/// If a file of an earlier attack cannot be removed, or one of this cannot be written.
pub fn write_results(folder: impl AsRef<Path>, performed: &Performed) -> Result<()> {
    let folder = folder.as_ref();
    let (attacked, summary) = (&performed.attacked, &performed.summary);
    let judged = &attacked.judged;
    remove_earlier(folder, &FILES)?;
    remove_earlier(folder, &Original::NAMES)?;
    write_image(folder.join("adversarial.png"), &judged.written)?;
    if let Some(own) = &performed.own_format {
        write_atomically(folder.join(own.file.name), |file| file.write_all(&own.file.bytes))?;
    }
    let shape = judged.saved.shape();
    let exact = WeightTensor::new(vec![shape.c, shape.h, shape.w], judged.saved.data().to_vec())?;
    let metadata = [
        ("source", summary.image.as_str()),
        ("target", summary.target.as_str()),
    ];
    Checkpoint::from_tensors([("adversarial", exact)], metadata)?
        .save(folder.join("adversarial.safetensors"))?;
    write_rgb_image(
        folder.join("prediction_before.png"),
        &colour_labels(&attacked.before)?,
    )?;
    write_rgb_image(
        folder.join("prediction_after.png"),
        &colour_labels(&judged.after)?,
    )?;
    write_image(
        folder.join("perturbation.png"),
        &perturbation_picture(&attacked.source, &judged.saved)?,
    )?;
    write_rgb_image(
        folder.join("figure.png"),
        &draw_figure(&figure(attacked, summary))?,
    )?;
    if !attacked.frames.is_empty() {
        let animation = Animation {
            mask_name: mask_name(summary),
            frames: attacked.frames.clone(),
        };
        write_animation(folder.join("animation.gif"), &animation)?;
    }
    write_trace(folder.join("trace.csv"), &attacked.outcome.trace)?;
    write_summary(folder.join("summary.json"), summary)
}

/// The figure of an attack: source, target, masks along the way where predictions were kept, perturbation, result.
pub fn figure(attacked: &Attacked, summary: &Summary) -> Figure {
    let judged = &attacked.judged;
    Figure {
        image_name: file_name(&summary.image),
        target_name: file_name(&summary.target),
        subtitle: format!(
            "{} · {} · {} iterations, {} · {}",
            summary.network,
            summary.asma().map_or_else(
                || summary.other().map_or("", |other| &other.attack),
                |asma| &asma.schedule
            ),
            summary.iterations,
            summary.stop_reason,
            summary.device
        ),
        source: attacked.source.clone(),
        source_prediction: attacked.before.clone(),
        target: attacked.target.clone(),
        target_kind: if summary.is_untargeted() {
            "label"
        } else {
            "target"
        }
        .into(),
        mask_name: mask_name(summary),
        moments: attacked.moments.clone(),
        adversarial: judged.saved.clone(),
        adversarial_prediction: judged.after.clone(),
        scores: judged.saved_scores(),
        scores_of: format!(
            "{} iterate; as 8 bits IoU {:.1} %",
            judged.which,
            100.0 * judged.results.rounded_to_8_bits.iou
        ),
        trace: attacked.outcome.trace.clone(),
    }
}

fn file_name(path: &str) -> String {
    match Path::new(path).file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => path.to_string(),
    }
}

fn mask_name(summary: &Summary) -> String {
    match &summary.settings {
        AttackSettings::Asma(asma) => format!("{} mask", capitalised(&asma.mask)),
        AttackSettings::Other(_) => "Pixels yet to turn".into(),
    }
}
