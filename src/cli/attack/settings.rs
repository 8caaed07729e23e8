//! The options that say which attack, and set it.

use std::str::FromStr;

use asma::attack::budget::{Keep, Loss, Minimise, Norm, Rate};
use asma::attack::{AttackConfig, BudgetConfig, MinimalConfig, Purpose, table};
use asma::{Error, Result};
use clap::Args;

use super::asma_settings::AsmaSettings;

/// What is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Attack")]
pub struct Settings {
    /// Lead away from the label (--label, or the network's own prediction) instead of towards a target
    #[arg(long, conflicts_with = "target")]
    pub untargeted: bool,
    /// Most iterations, or steps of each start [default: as published; of asma 500]
    #[arg(long, visible_alias = "steps", value_name = "N")]
    pub iterations: Option<u32>,
    /// Stop at this IoU with the target; with --minimise find the least eps that reaches it
    #[arg(long, value_name = "IOU", allow_hyphen_values = true, conflicts_with = "rate")]
    stop_iou: Option<f32>,
    /// As the authors published it. Of asma --tau 1e-7 --beta 1e-6 --objective logit --schedule two-forward, no cap; what is
    /// given beside it goes before. Of sea, apgd, dag and alma-prox also where that is wrong
    #[arg(long)]
    published: bool,
    /// Of alma-prox and pdpgd the length of the first step, of 0 to 1 [default: 0.001 and 0.01]
    #[arg(long, value_name = "RATE", allow_hyphen_values = true)]
    lr: Option<f32>,
    #[command(flatten)]
    pub budget: BudgetSettings,
    #[command(flatten)]
    pub asma: AsmaSettings,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Attacks with a budget (all but asma, alma-prox and pdpgd)")]
pub struct BudgetSettings {
    /// How far from the source is measured: linf (the largest difference of a value) or l2 [default: linf]
    #[arg(long, value_name = "NORM")]
    pub norm: Option<Norm>,
    /// How far the image may go from the source, of 0 to 1, such as 8/255 [default: 8/255, of l2 128/255]
    #[arg(long, value_name = "EPS", allow_hyphen_values = true)]
    pub eps: Option<Number>,
    /// The length of a step [default: as published, in proportion to eps]
    #[arg(long, value_name = "ALPHA", allow_hyphen_values = true)]
    pub alpha: Option<Number>,
    /// How often the attack begins, more than once at random
    #[arg(long, value_name = "N")]
    restarts: Option<u32>,
    /// Begin at noise within the budget: on or off [default: as published]
    #[arg(long, value_name = "on|off")]
    random_start: Option<Switch>,
    /// What the noise follows from [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u32>,
    /// What is stepped up, targeted down: ce, segpgd, cospgd, mask-ce-avg, mask-ce-bal, js-avg, tsallis, cos, dl, dlr or dag
    /// [default: the attack's; of sea the worst of three]
    #[arg(long, value_name = "LOSS")]
    pub loss: Option<Loss>,
    /// Which image comes out: best (of all iterations that in which most pixels are as the attack wants them) or last
    /// [default: as published]
    #[arg(long, value_name = "IMAGE")]
    keep: Option<Keep>,
    /// A weight for each class, such as 1,5,20, for mask-ce-bal [default: one over the pixels that have it]
    #[arg(long, value_name = "W,…", value_delimiter = ',', allow_hyphen_values = true)]
    class_weights: Option<Vec<f32>>,
    /// Find the least eps, of this norm, that gets as many pixels right as --rate says, by bisection
    #[arg(long, value_name = "NORM", conflicts_with = "norm")]
    minimise: Option<Norm>,
    /// The share of the labelled pixels at which the attack has got through [default: 0.99]
    #[arg(long, value_name = "RATE", allow_hyphen_values = true)]
    rate: Option<f32>,
}

/// A number, or a fraction such as 8/255.
#[derive(Clone, Copy, Debug)]
pub struct Number(pub f32);

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let value = match text.split_once('/') {
            Some((above, below)) => number(above)
                .zip(number(below))
                .map(|(above, below)| above / below),
            None => number(text),
        };
        value
            .map(|value| Number(value as f32))
            .ok_or_else(|| "want a number or a fraction, such as 0.03 or 8/255".to_string())
    }
}

/// The attack of a name, as the command line takes it.
pub fn known(name: &str) -> std::result::Result<&'static table::Entry, String> {
    table::named(name).ok_or_else(|| format!("want one of: {}", table::names().join(", ")))
}

/// Rounds of bisection: the budget is found to a five-hundredth of what it may be.
const ROUNDS: u32 = 10;

/// The share of pixels that counts as got through, as the attacks have it.
const RATE: f32 = 0.99;

impl BudgetSettings {
    /// The option of these that is given, if one is.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            (self.norm.is_some(), "--norm"),
            (self.eps.is_some(), "--eps"),
            (self.alpha.is_some(), "--alpha"),
            (self.restarts.is_some(), "--restarts"),
            (self.random_start.is_some(), "--random-start"),
            (self.seed.is_some(), "--seed"),
            (self.loss.is_some(), "--loss"),
            (self.keep.is_some(), "--keep"),
            (self.class_weights.is_some(), "--class-weights"),
            (self.minimise.is_some(), "--minimise"),
            (self.rate.is_some(), "--rate"),
        ];
        given
            .into_iter()
            .find(|(is_given, _)| *is_given)
            .map(|(_, name)| name)
    }

    fn norm(&self) -> Norm {
        self.minimise.or(self.norm).unwrap_or(Norm::Linf)
    }

    fn config(&self, base: BudgetConfig, stop_iou: Option<f32>) -> BudgetConfig {
        let base = match self.eps {
            Some(eps) => base.with_eps(eps.0),
            None => base,
        };
        let rate = stop_iou.or(self.rate);
        let restarts = self.restarts.unwrap_or(base.restarts);
        let random_start = match self.random_start {
            Some(switch) => switch == Switch::On,
            None => base.random_start || restarts > 1,
        };
        BudgetConfig {
            alpha: self.alpha.map_or(base.alpha, |alpha| alpha.0),
            restarts,
            random_start,
            seed: self.seed.unwrap_or(base.seed),
            loss: self.loss.unwrap_or(base.loss),
            keep: self.keep.unwrap_or(base.keep),
            class_weights: self.class_weights.clone(),
            minimise: self.minimise.map(|_| Minimise {
                rate: rate.unwrap_or(RATE),
                rounds: ROUNDS,
            }),
            stop_rate: match self.minimise {
                Some(_) => None,
                None => rate.or(base.stop_rate),
            },
            rate: match stop_iou {
                Some(_) => Rate::Iou,
                None => Rate::Pixels,
            },
            ..base
        }
    }
}

impl Settings {
    /// Refuses an option that none of these attacks has.
    pub fn refuse_idle(&self, attacks: &[&table::Entry]) -> Result<()> {
        let names: Vec<&str> = attacks.iter().map(|entry| entry.name).collect();
        let any = |is: &dyn Fn(&AttackConfig) -> bool| {
            let mut all = attacks.iter().map(|entry| (entry.settings)(self.budget.norm()));
            all.any(|config| is(&config))
        };
        let asma = any(&|config| matches!(config, AttackConfig::Asma(_)));
        let budget = any(&|config| matches!(config, AttackConfig::Budget(_)));
        let minimal = any(&|config| matches!(config, AttackConfig::Minimal(_)));
        let options = [
            (self.budget.given(), "attacks with a budget", budget),
            (self.asma.given(), "asma", asma),
            (self.lr.map(|_| "--lr"), "alma-prox and pdpgd", minimal),
            (
                self.stop_iou.map(|_| "--stop-iou"),
                "asma and of attacks with a budget",
                asma || budget,
            ),
        ];
        match options
            .into_iter()
            .find(|(given, _, is_read)| given.is_some() && !is_read)
        {
            Some((Some(option), of, _)) => Err(Error::Usage(format!(
                "{option} is an option of {of}, and the attack is {}; leave it out, or see --attack",
                names.join(", ")
            ))),
            _ => Ok(()),
        }
    }

    /// The settings of this attack, as the library has them, and the losses of which the worst is kept. Options of other
    /// attacks say nothing.
    pub fn config(&self, attack: &table::Entry) -> Result<(AttackConfig, &'static [Loss])> {
        let purpose = match self.untargeted {
            true => Purpose::Untargeted,
            false => Purpose::Targeted,
        };
        match (attack.settings)(self.budget.norm()) {
            AttackConfig::Asma(_) if self.untargeted => Err(Error::Usage(
                "asma leads towards a target; name one with --target, or another attack with --attack, such as pgd".into(),
            )),
            AttackConfig::Asma(_) => {
                let asma = self.asma.config(self.iterations, self.published, self.stop_iou)?;
                Ok((asma.into(), &[]))
            }
            AttackConfig::Budget(base) => {
                let config = BudgetConfig {
                    steps: self.iterations.unwrap_or(base.steps),
                    purpose,
                    published: self.published,
                    ..self.budget.config(base, self.stop_iou)
                };
                let losses: &[Loss] = match (attack.name, self.budget.loss) {
                    ("sea", None) => &table::SEA_LOSSES,
                    _ => &[],
                };
                Ok((config.into(), losses))
            }
            AttackConfig::Minimal(base) => {
                let config = MinimalConfig {
                    steps: self.iterations.unwrap_or(base.steps),
                    learning_rate: self.lr.unwrap_or(base.learning_rate),
                    purpose,
                    published: self.published,
                    ..base
                };
                Ok((config.into(), &[]))
            }
        }
    }
}
