//! What an attack is to bring about: as it is asked for, with its files read, and as labels.

use std::path::Path;

use super::listener::{Listener, tell};
use super::sources::{ImageSource, MaskSource};
use crate::attack::{Attack, Purpose, Target};
use crate::data::{Input, InputOptions};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::labels::{IGNORE, LabelMap};
use crate::program::Executor;
use crate::tensor::Tensor;

/// What an attack is to bring about, as it is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// That the network predicts what this says.
    Target(&'a Target),
    /// That it predicts these labels.
    Labels(MaskSource<'a>),
    /// That it predicts anything else than these labels, or than what it predicts now.
    Untargeted(Option<MaskSource<'a>>),
}

/// A goal whose files have been read. What it makes of the network's own prediction waits for the network to run.
#[derive(Clone, Debug)]
pub struct Aim {
    name: String,
    labels: Labels,
}

#[derive(Clone, Debug)]
enum Labels {
    Known(LabelMap),
    /// What the network predicts for another image.
    PredictedFor(Tensor),
    /// What becomes of the prediction for the image that is attacked.
    Made(Target),
    /// What is to be left: these, or the prediction itself.
    Left(Option<LabelMap>),
}

impl<'a> Goal<'a> {
    /// Reads the files that it names, for an attack on `input` of the network `graph`.
    ///
    /// # Errors
    /// If a file cannot be read or does not fit the image, or a class is out of range.
    pub fn read(
        self,
        options: &InputOptions,
        graph: &Graph,
        input: &Input,
        listener: &mut dyn Listener,
    ) -> Result<Aim> {
        let labels = match self {
            Goal::Labels(mask) => Labels::Known(mask.read_target(options, input, listener)?),
            Goal::Untargeted(Some(mask)) => Labels::Left(Some(mask.read_label(options, input, listener)?)),
            Goal::Untargeted(None) => Labels::Left(None),
            Goal::Target(Target::File(path)) => {
                Labels::Known(MaskSource::File(path).read_target(options, input, listener)?)
            }
            Goal::Target(Target::Of(path)) => {
                let other = options.read_another(path, graph, input)?;
                tell(listener, &other.description, &other.notes);
                Labels::PredictedFor(other.image)
            }
            Goal::Target(made) => {
                // One channel stands for two classes.
                made.check(input.network.output.c.max(2))?;
                Labels::Made(made.clone())
            }
        };
        Ok(Aim {
            name: self.name(),
            labels,
        })
    }

    /// What an attack of this purpose on images in memory is after: labels of each, or words for all of them.
    ///
    /// # Errors
    /// If both are given, or neither is and the attack wants a target.
    pub fn in_memory(
        purpose: Purpose,
        labels: &'a [LabelMap],
        words: Option<&'a Target>,
    ) -> Result<Vec<Goal<'a>>> {
        let masks = |name: &'a str| {
            labels
                .iter()
                .map(move |labels| MaskSource::Memory { name, labels })
        };
        match (purpose, labels, words) {
            (_, [_, ..], Some(_)) => Err(Error::Usage(
                "both targets and a target in words are given; leave one of them out".into(),
            )),
            (Purpose::Targeted, [], None) => Err(Error::Usage(
                "neither targets nor a target in words are given; give one, or the option untargeted=on"
                    .into(),
            )),
            (_, [], Some(words)) => Ok(vec![Goal::Target(words)]),
            (Purpose::Untargeted, [], None) => Ok(vec![Goal::Untargeted(None)]),
            (Purpose::Targeted, ..) => Ok(masks("target").map(Goal::Labels).collect()),
            (Purpose::Untargeted, ..) => Ok(masks("label").map(Some).map(Goal::Untargeted).collect()),
        }
    }

    /// What it is called: as the command line takes it, or the name of what is in memory.
    pub fn name(self) -> String {
        match self {
            Goal::Target(target) => target.to_string(),
            Goal::Labels(mask) => mask.name(),
            Goal::Untargeted(Some(mask)) => mask.name(),
            Goal::Untargeted(None) => "its own prediction".into(),
        }
    }

    /// Whether the labels are what is wanted or what is to be left.
    pub fn purpose(self) -> Purpose {
        match self {
            Goal::Target(_) | Goal::Labels(_) => Purpose::Targeted,
            Goal::Untargeted(_) => Purpose::Untargeted,
        }
    }

    /// The file that it names, if it names one.
    pub fn file(self) -> Option<&'a Path> {
        match self {
            Goal::Target(Target::File(path)) => MaskSource::File(path).file(),
            Goal::Target(Target::Of(path)) => ImageSource::File(path).file(),
            Goal::Target(_) => None,
            Goal::Labels(mask) => mask.file(),
            Goal::Untargeted(mask) => mask.and_then(MaskSource::file),
        }
    }
}

impl Aim {
    /// Labels of the size of the network's output, by the name that they are called in a refusal.
    pub(crate) fn of(name: String, labels: LabelMap) -> Aim {
        Aim {
            name,
            labels: Labels::Known(labels),
        }
    }

    /// The labels that the network shall predict, or is to leave, in place of `before`, its prediction for the image.
    /// Overwrites the adversarial image.
    ///
    /// # Errors
    /// If they cannot be made of the prediction, or the device fails.
    pub(crate) async fn labels(
        &self,
        attack: &Attack,
        executor: &mut dyn Executor,
        before: &LabelMap,
    ) -> Result<LabelMap> {
        match &self.labels {
            Labels::Known(labels) => Ok(labels.clone()),
            Labels::PredictedFor(other) => super::judged::predict(attack, executor, other).await,
            Labels::Made(target) => target
                .from_prediction(before, attack.class_count())?
                .ok_or_else(|| Error::Usage(format!("target `{}` is no file", self.name))),
            Labels::Left(labels) => Ok(labels.as_ref().unwrap_or(before).clone()),
        }
    }

    /// Why there is nothing to attack where the network predicts `before` and is to predict, or to leave, `labels`; nothing
    /// where there is.
    pub(crate) fn why_idle(&self, labels: &LabelMap, before: &LabelMap) -> Option<String> {
        match &self.labels {
            Labels::Left(_) if labels.count(IGNORE) == labels.labels().len() => Some(format!(
                "label `{}`: all its pixels are left out (255), so there is nothing to attack",
                self.name
            )),
            Labels::Left(_) => {
                let mut pairs = labels.labels().iter().zip(before.labels());
                (!pairs.any(|(label, predicted)| label == predicted)).then(|| {
                    format!(
                        "label `{}`: the network predicts none of its pixels so, so there is nothing to attack",
                        self.name
                    )
                })
            }
            _ => {
                let asked = labels.labels().iter().zip(before.labels());
                let mut asked = asked.filter(|&(&label, _)| label != IGNORE).peekable();
                let is_so = asked.peek().is_some() && asked.all(|(label, predicted)| label == predicted);
                is_so.then(|| {
                    format!(
                        "target `{}`: the network predicts it already, so there is nothing to attack",
                        self.name
                    )
                })
            }
        }
    }
}
