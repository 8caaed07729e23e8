//! One attack, or one for each of several losses, of which the worst for the network is kept.

use super::attacked::{Attacked, Subject};
use super::device::Device;
use super::judged::predict;
use super::listener::Listener;
use super::own_format::{OwnFormat, in_own_format};
use super::summary::Names;
use crate::attack::budget::Loss;
use crate::attack::{Attack, AttackConfig, BudgetConfig, StopReason};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::labels::LabelMap;
use crate::report::{AttackSettings, LossScores, Summary};

/// What becomes of an image that there is nothing to attack in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    /// It is refused.
    Refused,
    /// It is judged as it is.
    Judged,
}

/// Attacks with each of the losses, or with that of the settings if there are none.
#[allow(clippy::too_many_arguments)]
pub(super) async fn attack(
    losses: &[Loss],
    config: AttackConfig,
    graph: Graph,
    subject: Subject,
    device: &mut dyn Device,
    listener: &mut dyn Listener,
    names: Names,
    idle: Idle,
) -> Result<(Attacked, Summary, Option<OwnFormat>)> {
    let configs = config.with_each_loss(losses);
    let attempts = configs.len();
    let mut graph = Some(graph);
    let mut worst: Option<(Attacked, Summary, Option<OwnFormat>)> = None;
    let mut worst_of = Vec::new();
    for (number, config) in configs.into_iter().enumerate() {
        let kept = graph
            .as_ref()
            .ok_or_else(|| Error::Network("the network is gone".into()))?;
        let config = with_class_weights(config, kept, &subject, device).await?;
        let shape = subject.source.shape();
        let loss = match &config {
            AttackConfig::Budget(budget) => budget.loss.to_string(),
            AttackConfig::Asma(asma) => asma.objective.to_string(),
            AttackConfig::Minimal(_) => config.name().into(),
        };
        if attempts > 1 {
            listener.accepted(&format!("loss {} of {attempts}: {loss}", number + 1));
        }
        let attack = Attack::new(kept, shape, config, subject.region.is_some())?;
        if number + 1 == attempts {
            // The executor holds the weights in the layout of its kernels; these are not needed any more.
            graph = None;
        }
        let mut executor = device.executor(attack.program())?;
        let aimed = subject.clone().aim_async(&attack, executor.as_mut()).await?;
        let attacked = match (&aimed.why_idle, idle) {
            (Some(why), Idle::Refused) => return Err(Error::Usage(why.clone())),
            (Some(_), Idle::Judged) => aimed.unattacked_async(&attack, executor.as_mut()).await?,
            (None, _) => aimed.attack_async(&attack, executor.as_mut(), listener).await?,
        };
        let summary = attacked.summary(&attack, executor.as_ref(), names.clone());
        let scores = attacked.judged.saved_scores();
        worst_of.push(LossScores { loss, scores });
        // Who asks to stop means all of it.
        let interrupted = attacked.outcome.stop == StopReason::Interrupted;
        let best = worst.as_ref().map(|(other, ..)| other.judged.saved_scores());
        if best.is_none_or(|best| attack.is_better(&scores, &best)) {
            let own = in_own_format(
                names.original.as_ref(),
                &attacked,
                &attack,
                executor.as_mut(),
                listener,
            )
            .await?;
            worst = Some((attacked, summary, own));
        }
        if interrupted {
            break;
        }
    }
    let (attacked, mut summary, own) =
        worst.ok_or_else(|| Error::Usage("no loss was attacked with".into()))?;
    if let (AttackSettings::Other(other), 2..) = (&mut summary.settings, worst_of.len()) {
        other.worst_of = worst_of;
    }
    summary.own_format = own.as_ref().map(|own| own.judged.clone());
    Ok((attacked, summary, own))
}

/// The settings with a weight for each class where the loss needs them and none are given: one over the pixels that have it,
/// the largest being 1; 0 for a class that no pixel has.
pub(crate) async fn with_class_weights(
    config: AttackConfig,
    graph: &Graph,
    subject: &Subject,
    device: &mut dyn Device,
) -> Result<AttackConfig> {
    let budget = match &config {
        AttackConfig::Budget(budget) if config.wants_class_weights() => budget,
        _ => return Ok(config),
    };
    // What the labels are may depend on what the network predicts.
    let unweighted = BudgetConfig {
        loss: Loss::CrossEntropy,
        ..budget.clone()
    };
    let attack = Attack::new(graph, subject.source.shape(), unweighted, false)?;
    let mut executor = device.executor(attack.program())?;
    let before = predict(&attack, executor.as_mut(), &subject.source).await?;
    let labels = subject.aim.labels(&attack, executor.as_mut(), &before).await?;
    let weights = weights(&labels, attack.class_count());
    Ok(BudgetConfig {
        class_weights: Some(weights),
        ..budget.clone()
    }
    .into())
}

fn weights(labels: &LabelMap, class_count: usize) -> Vec<f32> {
    let counts: Vec<usize> = (0..class_count).map(|class| labels.count(class as u8)).collect();
    let least = counts
        .iter()
        .copied()
        .filter(|&count| count > 0)
        .min()
        .unwrap_or(1);
    counts
        .into_iter()
        .map(|count| match count {
            0 => 0.0,
            count => least as f32 / count as f32,
        })
        .collect()
}
