//! Which attack, with its settings. An attack more is a variant more here, and a line of the [table](super::table).

use super::asma::{self, AsmaConfig};
use super::budget::{self, BudgetConfig, Keep, Loss, Rule};
use super::minimal::{self, MinimalConfig};
use super::planner::{Planned, Planner};
use super::purpose::Purpose;
use crate::error::Result;
use crate::json::described;
use crate::network::Precision;
use crate::tensor::Tensor;

/// An attack's settings.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum AttackConfig {
    /// The Adaptive Segmentation Mask Attack.
    Asma(AsmaConfig),
    /// An attack that steps up a loss within a budget.
    Budget(BudgetConfig),
    /// An attack that looks for the smallest perturbation.
    Minimal(MinimalConfig),
}

impl From<AsmaConfig> for AttackConfig {
    fn from(config: AsmaConfig) -> Self {
        AttackConfig::Asma(config)
    }
}

impl Default for AttackConfig {
    fn default() -> Self {
        AsmaConfig::default().into()
    }
}

impl From<BudgetConfig> for AttackConfig {
    fn from(config: BudgetConfig) -> Self {
        AttackConfig::Budget(config)
    }
}

impl From<MinimalConfig> for AttackConfig {
    fn from(config: MinimalConfig) -> Self {
        AttackConfig::Minimal(config)
    }
}

impl AttackConfig {
    /// The settings with each of these losses, or as they are if there are none or the attack has no loss to choose.
    pub fn with_each_loss(&self, losses: &[Loss]) -> Vec<AttackConfig> {
        match self {
            AttackConfig::Budget(budget) if !losses.is_empty() => {
                let with = |&loss: &Loss| BudgetConfig {
                    loss,
                    ..budget.clone()
                };
                losses.iter().map(|loss| with(loss).into()).collect()
            }
            config => vec![config.clone()],
        }
    }

    /// Whether the loss weighs classes and no weights are given: they follow from the labels of each image.
    pub fn wants_class_weights(&self) -> bool {
        match self {
            AttackConfig::Budget(budget) => {
                budget.loss == Loss::WeightedCrossEntropy && budget.class_weights.is_none()
            }
            AttackConfig::Asma(_) | AttackConfig::Minimal(_) => false,
        }
    }

    /// ASMA's settings, if it is that.
    pub fn asma(&self) -> Option<&AsmaConfig> {
        match self {
            AttackConfig::Asma(config) => Some(config),
            AttackConfig::Budget(_) | AttackConfig::Minimal(_) => None,
        }
    }

    /// The name it goes by, see [`table`](super::table).
    pub fn name(&self) -> &'static str {
        match self {
            AttackConfig::Asma(_) => "asma",
            AttackConfig::Budget(config) => config.attack,
            AttackConfig::Minimal(config) => config.method.name(),
        }
    }

    /// What it is after.
    pub fn purpose(&self) -> Purpose {
        match self {
            AttackConfig::Asma(_) => Purpose::Targeted,
            AttackConfig::Budget(config) => config.purpose,
            AttackConfig::Minimal(config) => config.purpose,
        }
    }

    /// How the network's values are stored.
    pub fn precision(&self) -> Precision {
        match self {
            AttackConfig::Asma(config) => config.precision,
            AttackConfig::Budget(config) => config.precision,
            AttackConfig::Minimal(config) => config.precision,
        }
    }

    /// The same with the network's values stored so.
    pub fn with_precision(self, precision: Precision) -> AttackConfig {
        match self {
            AttackConfig::Asma(config) => AsmaConfig { precision, ..config }.into(),
            AttackConfig::Budget(config) => BudgetConfig { precision, ..config }.into(),
            AttackConfig::Minimal(config) => MinimalConfig { precision, ..config }.into(),
        }
    }

    /// Most iterations.
    pub fn iterations(&self) -> u32 {
        match self {
            AttackConfig::Asma(config) => config.iterations,
            AttackConfig::Budget(config) => config.iterations(),
            AttackConfig::Minimal(config) => config.iterations(),
        }
    }

    /// Whether all samples of a batch have to be at the same iteration, as there are some whose calls are of no use to
    /// others: a last look would be followed by a step.
    pub(crate) fn steps_in_time(&self) -> bool {
        match self {
            AttackConfig::Asma(_) | AttackConfig::Budget(_) => false,
            AttackConfig::Minimal(_) => true,
        }
    }

    /// The most that any value may differ from the source's, if it is bounded.
    pub fn cap(&self) -> Option<f32> {
        match self {
            AttackConfig::Asma(config) => config.cap,
            AttackConfig::Budget(config) => config.cap(),
            AttackConfig::Minimal(_) => None,
        }
    }

    /// Whether the image that comes out is that after the last step, whatever those before it did.
    pub fn keeps_last(&self) -> bool {
        match self {
            AttackConfig::Budget(config) => config.keep == Keep::Last,
            AttackConfig::Asma(_) | AttackConfig::Minimal(_) => false,
        }
    }

    /// An image within the budget, as near to this one as it goes, where an attack may be outside when it is interrupted; else
    /// this one.
    pub(crate) fn brought_within(&self, source: &Tensor, image: &Tensor) -> Tensor {
        match self {
            AttackConfig::Budget(config) if config.shrinking => config.brought_within(source, image),
            _ => image.clone(),
        }
    }

    /// The attacked classes of a network with `class_count` classes, each once, in order.
    pub fn attacked(&self, class_count: usize) -> Vec<u8> {
        match self {
            AttackConfig::Asma(config) => config.attacked(class_count),
            AttackConfig::Budget(_) | AttackConfig::Minimal(_) => {
                (0..class_count).map(|class| class as u8).collect()
            }
        }
    }

    /// Checks the settings for a network with `class_count` classes.
    ///
    /// # Errors
    /// With the first setting that cannot be, what was found and what is wanted.
    pub fn check(&self, class_count: usize) -> Result<()> {
        match self {
            AttackConfig::Asma(config) => config.check(class_count),
            AttackConfig::Budget(config) => config.check(class_count),
            AttackConfig::Minimal(config) => config.check(class_count),
        }
    }

    /// The same where the weights of classes may still be found, by who knows the labels.
    ///
    /// # Errors
    /// As [`AttackConfig::check`].
    pub fn check_without_weights(&self, class_count: usize) -> Result<()> {
        match self {
            AttackConfig::Budget(config) if config.class_weights.is_none() => BudgetConfig {
                class_weights: Some(vec![1.0; class_count]),
                ..config.clone()
            }
            .check(class_count),
            config => config.check(class_count),
        }
    }

    /// What is likely not meant, in one line each, for a network with so many channels of logits.
    pub fn notes(&self, channels: usize) -> Vec<String> {
        match self {
            AttackConfig::Asma(_) => Vec::new(),
            AttackConfig::Budget(config) => config.notes(channels),
            AttackConfig::Minimal(config) => config.notes(channels.max(2)),
        }
    }

    /// The settings of another attack than ASMA, for machines.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            AttackConfig::Asma(_) => serde_json::Value::Null,
            _ => self.described(),
        }
    }

    /// The settings, for machines: of an attack without a budget without one.
    pub(crate) fn described(&self) -> serde_json::Value {
        match self {
            AttackConfig::Asma(config) => described(config),
            AttackConfig::Budget(config) => {
                let mut settings = described(config);
                if let (Rule::Largest, Some(settings)) = (config.rule, settings.as_object_mut()) {
                    settings.remove("eps");
                }
                settings
            }
            AttackConfig::Minimal(config) => described(config),
        }
    }

    pub(super) fn plan(&self, planner: &mut Planner) -> Result<Planned> {
        match self {
            AttackConfig::Asma(config) => asma::plan(config, planner),
            AttackConfig::Budget(config) => budget::plan(config, planner),
            AttackConfig::Minimal(config) => minimal::plan(config, planner),
        }
    }
}
