//! One image attacked and judged, once all that is needed has been read.

use web_time::Instant;

use super::goal::Aim;
use super::judged::{Judged, predict};
use super::listener::Listener;
use super::pictures::{frames, moments};
use crate::attack::{Attack, AttackInput, Outcome, Passes, Progress, Snapshots, StopReason};
use crate::error::{Error, Result};
use crate::labels::LabelMap;
use crate::program::{Executor, wait};
use crate::report::{AnimationFrame, Moment};
use crate::tensor::Tensor;

/// An image with what is wanted of it, prepared for the network.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The image: 1×C×H×W in \[0, 1\].
    pub source: Tensor,
    /// What the network shall predict.
    pub aim: Aim,
    /// Where pixels may change, if the attack was planned with a region: of the image's size, 0 where they may not.
    pub region: Option<LabelMap>,
    /// What is kept along the way.
    pub snapshots: Snapshots,
}

/// An image with the target that was found for it, about to be attacked.
#[derive(Clone, Debug)]
pub struct Aimed {
    /// The image: 1×C×H×W in \[0, 1\].
    pub source: Tensor,
    /// What the network shall predict, of the size of its output.
    pub target: LabelMap,
    /// What it predicts now.
    pub before: LabelMap,
    /// Where pixels may change, if the attack was planned with a region.
    pub region: Option<LabelMap>,
    /// What is kept along the way.
    pub snapshots: Snapshots,
    /// Why there is nothing to attack, if there is not: the network predicts the target already, or none of the label.
    pub why_idle: Option<String>,
}

/// An attack with all that went in and came out.
#[derive(Clone, Debug)]
pub struct Attacked {
    /// The image that was attacked: 1×C×H×W in \[0, 1\].
    pub source: Tensor,
    /// What the network was to predict, of the size of its output.
    pub target: LabelMap,
    /// What it predicts for the source.
    pub before: LabelMap,
    /// What the attack left.
    pub outcome: Outcome,
    /// What the network makes of that.
    pub judged: Judged,
    /// Masks at up to four moments, where predictions were kept.
    pub moments: Vec<Moment>,
    /// The moments of which images were kept, and in the end the saved image; empty where no images were kept.
    pub frames: Vec<AnimationFrame>,
    /// Classes that the network tells apart.
    pub class_count: usize,
    /// Passes of the network that its iterations took, without those that find targets and judge.
    pub passes: Passes,
    /// The wall-clock time of the attack, without reading and judging.
    pub seconds: f64,
}

impl Subject {
    /// Finds the target, attacks, and judges what the attack left.
    ///
    /// # Errors
    /// If the image or what is wanted does not fit the attack, the network predicts the target already, or the device
    /// fails.
    pub fn attack(
        self,
        attack: &Attack,
        executor: &mut dyn Executor,
        listener: &mut dyn Listener,
    ) -> Result<Attacked> {
        wait(self.attack_async(attack, executor, listener))
    }

    /// The async form of [`Subject::attack`].
    ///
    /// # Errors
    /// As [`Subject::attack`].
    pub async fn attack_async(
        self,
        attack: &Attack,
        executor: &mut dyn Executor,
        listener: &mut dyn Listener,
    ) -> Result<Attacked> {
        let aimed = self.aim_async(attack, executor).await?;
        match aimed.why_idle {
            Some(why) => Err(Error::Usage(why)),
            None => aimed.attack_async(attack, executor, listener).await,
        }
    }

    /// Finds the target, which what the network predicts may decide.
    ///
    /// # Errors
    /// If the image or what is wanted does not fit the attack, or the device fails.
    pub fn aim(self, attack: &Attack, executor: &mut dyn Executor) -> Result<Aimed> {
        wait(self.aim_async(attack, executor))
    }

    /// The async form of [`Subject::aim`].
    ///
    /// # Errors
    /// As [`Subject::aim`].
    pub async fn aim_async(self, attack: &Attack, executor: &mut dyn Executor) -> Result<Aimed> {
        let before = predict(attack, executor, &self.source).await?;
        let target = self.aim.labels(attack, executor, &before).await?;
        Ok(Aimed {
            why_idle: self.aim.why_idle(&target, &before),
            source: self.source,
            target,
            before,
            region: self.region,
            snapshots: self.snapshots,
        })
    }
}

impl Aimed {
    /// What an attack on this image alone is given.
    pub fn input(&self) -> AttackInput<'_> {
        AttackInput {
            source: &self.source,
            targets: std::slice::from_ref(&self.target),
            regions: self.region.as_slice(),
            snapshots: self.snapshots,
        }
    }

    /// Attacks this image alone, and judges what the attack left.
    ///
    /// # Errors
    /// If the image does not fit the attack, or the device fails.
    pub fn attack(
        self,
        attack: &Attack,
        executor: &mut dyn Executor,
        listener: &mut dyn Listener,
    ) -> Result<Attacked> {
        wait(self.attack_async(attack, executor, listener))
    }

    /// The async form of [`Aimed::attack`].
    ///
    /// # Errors
    /// As [`Aimed::attack`].
    pub async fn attack_async(
        self,
        attack: &Attack,
        executor: &mut dyn Executor,
        listener: &mut dyn Listener,
    ) -> Result<Attacked> {
        listener.begins(attack.config().iterations());
        let start = Instant::now();
        let mut progress = |now: Progress<'_>| listener.progress(now);
        let outcomes = attack.run_async(executor, self.input(), &mut progress).await;
        let seconds = start.elapsed().as_secs_f64();
        listener.ended();
        let outcome = outcomes?
            .into_iter()
            .next()
            .ok_or_else(|| Error::Usage("no image was attacked".into()))?;
        self.judge_async(attack, executor, outcome, seconds).await
    }

    /// Judges the image as it is, where there is nothing to attack.
    ///
    /// # Errors
    /// If sizes differ, or the device fails.
    pub fn unattacked(self, attack: &Attack, executor: &mut dyn Executor) -> Result<Attacked> {
        wait(self.unattacked_async(attack, executor))
    }

    /// The async form of [`Aimed::unattacked`].
    ///
    /// # Errors
    /// As [`Aimed::unattacked`].
    pub async fn unattacked_async(self, attack: &Attack, executor: &mut dyn Executor) -> Result<Attacked> {
        let outcome = Outcome {
            trace: Vec::new(),
            last: self.source.clone(),
            best: self.source.clone(),
            best_iteration: 0,
            reached: None,
            stop: StopReason::NothingToAttack,
            step: None,
            snapshots: Vec::new(),
        };
        self.judge_async(attack, executor, outcome, 0.0).await
    }

    /// Judges what an attack that took so long left. `attack` is one on a single sample, whatever the batch was.
    ///
    /// # Errors
    /// If sizes differ, or the device fails.
    pub fn judge(
        self,
        attack: &Attack,
        executor: &mut dyn Executor,
        outcome: Outcome,
        seconds: f64,
    ) -> Result<Attacked> {
        wait(self.judge_async(attack, executor, outcome, seconds))
    }

    /// The async form of [`Aimed::judge`].
    ///
    /// # Errors
    /// As [`Aimed::judge`].
    pub async fn judge_async(
        self,
        attack: &Attack,
        executor: &mut dyn Executor,
        outcome: Outcome,
        seconds: f64,
    ) -> Result<Attacked> {
        let judged = Judged::new(
            attack,
            executor,
            &self.source,
            &self.target,
            &self.before,
            &outcome,
        )
        .await?;
        let moments = moments(attack, &self.target, &outcome.snapshots)?;
        let frames = match self.snapshots {
            Snapshots::WithImages => {
                frames(
                    attack,
                    executor,
                    &self.source,
                    &self.target,
                    &outcome.snapshots,
                    &judged,
                )
                .await?
            }
            Snapshots::None | Snapshots::Predictions => Vec::new(),
        };
        let passes = attack.passes(outcome.trace.len() as u32);
        Ok(Attacked {
            source: self.source,
            target: self.target,
            before: self.before,
            outcome,
            judged,
            moments,
            frames,
            class_count: attack.class_count(),
            passes,
            seconds,
        })
    }
}
