//! What is attacked, and with which settings.

use std::collections::BTreeMap;
use std::path::Path;

use super::pairs::Pair;
use super::record::{Record, Setting, Verdict};
use crate::attack::AttackConfig;
use crate::attack::budget::Loss;
use crate::data::InputOptions;
use crate::model::Model;

/// An attack with its settings, to be tried on all pairs.
#[derive(Clone, Debug)]
pub struct Trial {
    /// As it is recorded.
    pub setting: Setting,
    /// The settings.
    pub config: AttackConfig,
    /// Losses that are each attacked with, of which the worst for the network is kept; if there are none, that of the
    /// settings.
    pub losses: Vec<Loss>,
}

impl Trial {
    /// An attack with these settings, called by its name and what is varied.
    pub fn new(config: AttackConfig, losses: &[Loss], varied: BTreeMap<String, String>) -> Trial {
        let name = std::iter::once(config.name().to_string())
            .chain(varied.iter().map(|(axis, value)| format!("{axis}={value}")))
            .collect::<Vec<_>>()
            .join(" ");
        Trial {
            setting: Setting {
                name,
                attack: config.name().into(),
                varied,
                losses: losses.iter().map(Loss::to_string).collect(),
                config: config.described(),
            },
            config,
            losses: losses.to_vec(),
        }
    }
}

/// What is attacked, and how.
#[derive(Clone, Copy, Debug)]
pub struct Experiment<'a> {
    /// The network.
    pub model: &'a Model,
    /// How files become what the network is given.
    pub input: &'a InputOptions,
    /// What is attacked.
    pub pairs: &'a [Pair],
    /// What it is attacked with.
    pub trials: &'a [Trial],
    /// From which success on a pair counts as attacked.
    pub thresholds: &'a [f32],
    /// The folder that adversarial images are kept in, if they are.
    pub saved: Option<&'a Path>,
}

impl Experiment<'_> {
    /// How many tasks there are: each pair with each trial.
    pub fn task_count(&self) -> usize {
        self.pairs.len() * self.trials.len()
    }
}

/// A checksum of a network as it was read from whichever files, of its operators and of the names, shapes and numbers of its
/// weights: CRC-32, eight hexadecimal digits.
pub fn checksum_of_network(model: &Model) -> String {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(format!("{:?}\n", model.graph.nodes()).as_bytes());
    for parameter in model.network.parameters() {
        hasher.update(format!("{} {:?}\n", parameter.name, parameter.shape).as_bytes());
        hasher.update(bytemuck::cast_slice(&parameter.data));
    }
    format!("{:08x}", hasher.finalize())
}

/// A record of this task.
pub(super) fn record(experiment: &Experiment<'_>, task: usize, verdict: Verdict) -> Record {
    let trials = experiment.trials.len();
    let pair = task / trials;
    let names = experiment.pairs[pair].names();
    Record {
        task,
        pair,
        setting: experiment.trials[task % trials].setting.name.clone(),
        image: names.image,
        target: names.target,
        verdict,
    }
}
