//! The images that an attack left, judged by the network.

use asma::attack::{Attack, Outcome, assess};
use asma::data::round_to_8_bits;
use asma::program::Executor;
use asma::report::{Likeness, Results};
use asma::{Error, LabelMap, Result, Scores, Tensor};

/// The images that the attack left, with what the network makes of them.
pub struct Judged {
    pub results: Results,
    /// The image that is saved: the last or the best, whichever has the higher IoU, or the best one if it was refined.
    pub saved: Tensor,
    /// The same as a file of 8 bits has it.
    pub written: Tensor,
    pub likeness: Likeness,
    pub saved_name: &'static str,
    /// After how many steps the best image stood.
    pub best_iteration: u32,
    /// The prediction for the saved image, as float.
    pub after: LabelMap,
}

impl Judged {
    /// Runs the network on the last and the best image, and on the saved one rounded to 8 bits.
    pub fn new(
        attack: &Attack,
        executor: &mut dyn Executor,
        source: &Tensor,
        target: &LabelMap,
        before: &LabelMap,
        outcome: &Outcome,
    ) -> Result<Judged> {
        let classes = attack.scored_classes();
        let mut judge = |image: &Tensor| -> Result<(LabelMap, Scores)> {
            let prediction = predict(attack, executor, image)?;
            let scores = assess(source, image, target, &prediction, &classes)?;
            Ok((prediction, scores))
        };
        let (last_prediction, last) = judge(&outcome.last)?;
        let (best_prediction, best) = if outcome.best == outcome.last {
            (last_prediction.clone(), last)
        } else {
            judge(&outcome.best)?
        };
        // The image after the last step has no row in the trace; it may be the best all the same.
        let refined = outcome.reached.is_some();
        let (saved, saved_name, after, best, best_iteration) = if refined || best.iou > last.iou {
            let iteration = outcome.best_iteration;
            (outcome.best.clone(), "best", best_prediction, best, iteration)
        } else {
            let iteration = outcome.trace.len() as u32;
            (outcome.last.clone(), "last", last_prediction, last, iteration)
        };
        let (written, rounded_to_8_bits) = attack.saved(executor, source, &saved, target)?;
        let likeness = Likeness::new(&round_to_8_bits(source), &written)?;
        Ok(Judged {
            results: Results {
                before: assess(source, source, target, before, &classes)?,
                last,
                best,
                rounded_to_8_bits,
            },
            saved,
            written,
            likeness,
            saved_name,
            best_iteration,
            after,
        })
    }

    /// The scores of the saved image, as float.
    pub fn saved_scores(&self) -> Scores {
        match self.saved_name {
            "best" => self.results.best,
            _ => self.results.last,
        }
    }
}

/// The prediction for one image.
pub fn predict(attack: &Attack, executor: &mut dyn Executor, image: &Tensor) -> Result<LabelMap> {
    let predictions = attack.predict(executor, image)?;
    predictions
        .into_iter()
        .next()
        .ok_or_else(|| Error::Usage("the image holds no sample".into()))
}
