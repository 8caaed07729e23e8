//! The options that say which attack, and set it.

use asma::attack::budget::{Keep, Loss, Norm};
use asma::attack::settings::number;
use asma::attack::{self, table};
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
    untargeted: bool,
    /// Most iterations, or steps of each start [default: as published; of asma 500]
    #[arg(long, visible_alias = "steps", value_name = "N")]
    iterations: Option<u32>,
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
    budget: BudgetSettings,
    #[command(flatten)]
    asma: AsmaSettings,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Attacks with a budget (all but asma, alma-prox and pdpgd)")]
pub struct BudgetSettings {
    /// How far from the source is measured: linf (the largest difference of a value) or l2 [default: linf]
    #[arg(long, value_name = "NORM")]
    norm: Option<Norm>,
    /// How far the image may go from the source, of 0 to 1, such as 8/255 [default: 8/255, of l2 128/255]
    #[arg(long, value_name = "EPS", value_parser = number, allow_hyphen_values = true)]
    eps: Option<f32>,
    /// The length of a step [default: as published, in proportion to eps]
    #[arg(long, value_name = "ALPHA", value_parser = number, allow_hyphen_values = true)]
    alpha: Option<f32>,
    /// How often the attack begins, more than once at random
    #[arg(long, value_name = "N")]
    restarts: Option<u32>,
    /// Begin at noise within the budget: on or off [default: as published]
    #[arg(long, value_name = "on|off")]
    random_start: Option<Switch>,
    /// What the noise follows from [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u32>,
    /// What is stepped up, targeted down: ce, segpgd, cospgd, mask-ce-avg, mask-ce-bal, js-avg, tsallis, cos, dl, dlr or dag
    /// [default: the attack's; of sea the worst of three]
    #[arg(long, value_name = "LOSS")]
    loss: Option<Loss>,
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
    /// The share of the labelled pixels at which the attack has got through, and ends [default: 0.99 with --minimise and of
    /// dag; others run all their steps]
    #[arg(long, value_name = "RATE", allow_hyphen_values = true)]
    rate: Option<f32>,
}

/// The attack of a name, as the command line takes it.
pub fn known(name: &str) -> std::result::Result<&'static table::Entry, String> {
    table::named(name).ok_or_else(|| format!("want one of: {}", table::names().join(", ")))
}

impl Settings {
    /// What they say, as the library takes it.
    pub fn told(&self) -> attack::Settings {
        let (budget, asma) = (&self.budget, &self.asma);
        attack::Settings {
            untargeted: self.untargeted,
            published: self.published,
            iterations: self.iterations,
            stop_iou: self.stop_iou,
            lr: self.lr,
            norm: budget.norm,
            eps: budget.eps,
            alpha: budget.alpha,
            restarts: budget.restarts,
            random_start: budget.random_start.map(|switch| switch == Switch::On),
            seed: budget.seed,
            loss: budget.loss,
            keep: budget.keep,
            class_weights: budget.class_weights.clone(),
            minimise: budget.minimise,
            rate: budget.rate,
            tau: asma.tau,
            beta: asma.beta,
            lambda: asma.lambda,
            cap: asma.cap,
            refine: asma.refine,
            schedule: asma.schedule,
            mask: asma.mask,
            objective: asma.objective,
            multiplier: asma.multiplier,
            classes: asma.classes.clone(),
            patience: asma.patience,
        }
    }
}
