//! An attack that ended, in the numbers that are recorded of it.

use super::record::{ClassCounts, LossMeasures, MOST_POINTS, Measured, Measures, TraceRecord};
use crate::attack::AttackConfig;
use crate::data::round_to_8_bits;
use crate::error::Result;
use crate::job::Attacked;
use crate::labels::{IGNORE, LabelMap, compare, scored_classes};
use crate::report::{psnr, ssim};
use crate::statistics::{Scores, TraceRow};
use crate::tensor::Tensor;

/// How often each class occurs; pixels that the target ignores are left out.
pub(super) fn class_counts(target: &LabelMap, prediction: &LabelMap, classes: usize) -> Vec<ClassCounts> {
    let mut counts = vec![ClassCounts::default(); classes];
    for (&wanted, &found) in target.labels().iter().zip(prediction.labels()) {
        if wanted == IGNORE {
            continue;
        }
        if let Some(class) = counts.get_mut(usize::from(wanted)) {
            class.target += 1;
            class.both += u64::from(wanted == found);
        }
        if let Some(class) = counts.get_mut(usize::from(found)) {
            class.prediction += 1;
        }
    }
    counts
}

/// Measures what an attack of these settings left, on the device of this description. With `label`, the image's own mask, it
/// also measures how well the network does without an attack.
///
/// # Errors
/// If sizes differ.
pub fn measured(
    attacked: &Attacked,
    label: Option<&LabelMap>,
    config: &AttackConfig,
    device: &str,
    thresholds: &[f32],
) -> Result<Measured> {
    let (judged, outcome) = (&attacked.judged, &attacked.outcome);
    let (source, target) = (&attacked.source, &attacked.target);
    let purpose = config.purpose();
    let measures =
        |scores: &Scores, prediction: &LabelMap, image: &Tensor, one: &Tensor| -> Result<Measures> {
            let psnr = psnr(one, image)?;
            let reached = purpose.success(scores.iou);
            Ok(Measures {
                iou: scores.iou,
                pixel_accuracy: scores.pixel_accuracy,
                classes: class_counts(target, prediction, attacked.class_count),
                l1: l1(source, image),
                l2: scores.l2,
                linf: scores.linf,
                psnr: psnr.is_finite().then_some(psnr),
                ssim: ssim(one, image)?,
                success: thresholds.iter().map(|&threshold| reached >= threshold).collect(),
            })
        };
    let float = measures(&judged.saved_scores(), &judged.after, &judged.saved, source)?;
    let rounded = round_to_8_bits(source);
    let as_8_bits = measures(
        &judged.results.rounded_to_8_bits,
        &judged.written_prediction,
        &judged.written,
        &rounded,
    )?;
    let scored = scored_classes(attacked.class_count, &config.attacked(attacked.class_count));
    let clean_iou = match label {
        Some(label) => Some(compare(label, &attacked.before, &scored)?.0),
        None => None,
    };
    let iterations = outcome.trace.len() as u32;
    let input = source.shape();
    Ok(Measured {
        input_size: [input.h, input.w],
        device: device_name(device),
        clean_iou,
        iou_before: judged.results.before.iou,
        pixel_accuracy_before: judged.results.before.pixel_accuracy,
        float,
        as_8_bits,
        iterations,
        best_iteration: judged.best_iteration,
        stop: outcome.stop.to_string(),
        forward_passes: attacked.passes.forward,
        backward_passes: attacked.passes.backward,
        seconds: attacked.seconds,
        notes: Vec::new(),
        losses: Vec::new(),
    })
}

/// What an attack on one loss came to.
pub(super) fn of_loss(loss: String, measured: &Measured) -> LossMeasures {
    LossMeasures {
        loss,
        iou: measured.float.iou,
        pixel_accuracy: measured.float.pixel_accuracy,
        classes: measured.float.classes.clone(),
    }
}

/// The trace of a task, thinned.
pub(super) fn trace(task: usize, rows: &[TraceRow]) -> TraceRecord {
    let count = rows.len().min(MOST_POINTS);
    let last = rows.len().saturating_sub(1);
    let kept = (0..count).filter_map(|point| rows.get(point * last / count.saturating_sub(1).max(1)));
    let mut trace = TraceRecord {
        task,
        iteration: Vec::with_capacity(count),
        iou: Vec::with_capacity(count),
        l2: Vec::with_capacity(count),
        linf: Vec::with_capacity(count),
    };
    for row in kept {
        trace.iteration.push(row.iteration);
        trace.iou.push(row.iou);
        trace.l2.push(row.l2);
        trace.linf.push(row.linf);
    }
    trace
}

/// Of a CPU not how many threads were at it, which the numbers do not follow from.
fn device_name(description: &str) -> String {
    match description.starts_with("CPU,") {
        true => "CPU".into(),
        false => description.into(),
    }
}

fn l1(source: &Tensor, image: &Tensor) -> f64 {
    let pairs = source.data().iter().zip(image.data());
    pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()).sum()
}
