//! The images that an attack left, judged by the network.

use std::fmt;

use crate::attack::{Attack, Levels, Outcome, StopReason, assess};
use crate::data::round_to_8_bits;
use crate::error::{Error, Result};
use crate::labels::LabelMap;
use crate::program::Executor;
use crate::report::{Likeness, Results};
use crate::statistics::Scores;
use crate::tensor::Tensor;

/// Which of the images that an attack left is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// That after the last step.
    Last,
    /// That with the best IoU, or that which was refined.
    Best,
}

impl fmt::Display for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Saved::Last => "last",
            Saved::Best => "best",
        })
    }
}

/// The images that the attack left, with what the network makes of them.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The scores of all of them.
    pub results: Results,
    /// Which one is saved: of ASMA whichever has the higher IoU, or the best one if it was refined; of other attacks the best,
    /// unless one that keeps the last was interrupted.
    pub which: Saved,
    /// The image that is saved.
    pub saved: Tensor,
    /// The same as a file of 8 bits has it.
    pub written: Tensor,
    /// The prediction for that.
    pub written_prediction: LabelMap,
    /// How far that can be told from the source.
    pub likeness: Likeness,
    /// After how many steps the best image stood.
    pub best_iteration: u32,
    /// The prediction for the saved image, as float.
    pub after: LabelMap,
}

impl Judged {
    /// Runs the network on the last and the best image, and on the saved one rounded to 8 bits. `before` is the
    /// prediction for the source. Overwrites the adversarial image.
    ///
    /// # Errors
    /// If sizes differ, or the device fails.
    pub async fn new(
        attack: &Attack,
        executor: &mut dyn Executor,
        source: &Tensor,
        target: &LabelMap,
        before: &LabelMap,
        outcome: &Outcome,
    ) -> Result<Judged> {
        let classes = attack.scored_classes();
        let mut judge = async |image: &Tensor| -> Result<(LabelMap, Scores)> {
            let prediction = predict(attack, executor, image).await?;
            let scores = assess(source, image, target, &prediction, &classes)?;
            Ok((prediction, scores))
        };
        let last_image = attack.config().brought_within(source, &outcome.last);
        let (last_prediction, last) = judge(&last_image).await?;
        let (best_prediction, best) = if outcome.best == last_image {
            (last_prediction.clone(), last)
        } else {
            judge(&outcome.best).await?
        };
        // The image after the last step has no row in the trace; it may be the best all the same.
        let refined = outcome.reached.is_some();
        // Other attacks than ASMA say themselves which one comes out.
        let chosen = attack.config().asma().is_none();
        // One that keeps the last image, or shrinks its budget by itself, chooses at the end, which an interrupted one has not
        // come to.
        let unchosen = outcome.stop == StopReason::Interrupted
            && (attack.config().keeps_last() || outcome.best == *source && attack.is_better(&last, &best));
        let is_best = refined || !unchosen && (chosen || best.iou > last.iou);
        let (which, saved, after, best, best_iteration) = if is_best {
            let iteration = outcome.best_iteration;
            (Saved::Best, &outcome.best, best_prediction, best, iteration)
        } else {
            let iteration = outcome.trace.len() as u32;
            (Saved::Last, &last_image, last_prediction, last, iteration)
        };
        let exact = match which {
            Saved::Best => best,
            Saved::Last => last,
        };
        let rounded = attack
            .saved_async(executor, source, saved, target, &exact, Levels::EIGHT_BITS)
            .await?;
        let mut likeness = Likeness::new(&round_to_8_bits(source), &rounded.image)?;
        if attack.config().asma().is_none() {
            likeness = likeness.when_allowed();
        }
        Ok(Judged {
            results: Results {
                before: assess(source, source, target, before, &classes)?,
                last,
                best,
                rounded_to_8_bits: rounded.scores,
            },
            which,
            saved: saved.clone(),
            written: rounded.image,
            written_prediction: rounded.prediction,
            likeness,
            best_iteration,
            after,
        })
    }

    /// The scores of the saved image, as float.
    pub fn saved_scores(&self) -> Scores {
        match self.which {
            Saved::Best => self.results.best,
            Saved::Last => self.results.last,
        }
    }
}

/// The prediction for one image.
pub(crate) async fn predict(
    attack: &Attack,
    executor: &mut dyn Executor,
    image: &Tensor,
) -> Result<LabelMap> {
    let predictions = attack.predict_async(executor, image).await?;
    predictions
        .into_iter()
        .next()
        .ok_or_else(|| Error::Usage("the image holds no sample".into()))
}
