//! Moments of an attack, as the figure and the animation show them.

use super::judged::{Judged, predict};
use crate::attack::{Attack, MaskMode, Purpose, Snapshot, assess};
use crate::error::Result;
use crate::labels::{IGNORE, LabelMap};
use crate::program::Executor;
use crate::report::{AnimationFrame, Moment};
use crate::statistics::Scores;
use crate::tensor::Tensor;

/// The masks nearest to the beginning, a third, two thirds and the end of the attack.
pub(super) fn moments(attack: &Attack, target: &LabelMap, snapshots: &[Snapshot]) -> Result<Vec<Moment>> {
    let Some(end) = snapshots.last() else {
        return Ok(Vec::new());
    };
    let mut chosen: Vec<&Snapshot> = (0..4)
        .filter_map(|quarter| {
            let wanted = end.iteration as i64 * quarter / 3;
            snapshots
                .iter()
                .min_by_key(|snapshot| (snapshot.iteration as i64 - wanted).abs())
        })
        .collect();
    chosen.dedup_by_key(|snapshot| snapshot.iteration);
    chosen
        .into_iter()
        .map(|snapshot| {
            Ok(Moment {
                iteration: snapshot.iteration,
                mask: mask_of(attack, target, &snapshot.prediction)?,
            })
        })
        .collect()
}

/// All moments whose image was kept, and the image that is saved. The images are those after a step, and the predictions
/// along the way are of what was there before it or, in the two-forward schedule, before the clip; so each image is
/// predicted anew.
pub(super) async fn frames(
    attack: &Attack,
    executor: &mut dyn Executor,
    source: &Tensor,
    target: &LabelMap,
    snapshots: &[Snapshot],
    judged: &Judged,
) -> Result<Vec<AnimationFrame>> {
    let kept = snapshots
        .iter()
        .filter_map(|snapshot| Some((snapshot.iteration, snapshot.image.as_ref()?)));
    let mut frames = Vec::new();
    for (iteration, image) in kept {
        let prediction = predict(attack, executor, image).await?;
        let scores = assess(source, image, target, &prediction, &attack.scored_classes())?;
        let name = format!("After iteration {iteration}");
        frames.push(frame(attack, name, target, prediction, image, &scores)?);
    }
    let name = format!("Saved: the {} iterate", judged.which);
    let (after, scores) = (judged.after.clone(), judged.saved_scores());
    frames.push(frame(attack, name, target, after, &judged.saved, &scores)?);
    Ok(frames)
}

fn frame(
    attack: &Attack,
    name: String,
    target: &LabelMap,
    prediction: LabelMap,
    image: &Tensor,
    scores: &Scores,
) -> Result<AnimationFrame> {
    Ok(AnimationFrame {
        name,
        mask: mask_of(attack, target, &prediction)?,
        prediction,
        image: image.clone(),
        iou: scores.iou,
        l2: scores.l2,
    })
}

/// Each pixel that drives the attack at a prediction, with the class that it drives towards, or away from.
fn mask_of(attack: &Attack, target: &LabelMap, prediction: &LabelMap) -> Result<LabelMap> {
    let config = attack.config();
    let is_static = config.asma().is_some_and(|asma| asma.mask == MaskMode::Static);
    let mask = match config.purpose() {
        Purpose::Targeted if is_static => target.clone(),
        Purpose::Targeted => LabelMap::adaptive_mask(target, prediction)?,
        Purpose::Untargeted => LabelMap::from_fn(target.height(), target.width(), |y, x| {
            target
                .get(y, x)
                .filter(|label| prediction.get(y, x) == Some(*label))
                .unwrap_or(IGNORE)
        })?,
    };
    Ok(mask.only(&config.attacked(attack.class_count())))
}
