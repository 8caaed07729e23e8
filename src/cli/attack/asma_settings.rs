//! The options that set ASMA itself.

use asma::attack::settings::Tau;
use asma::attack::{MaskMode, Multiplier, Objective, Refinement, Schedule};
use clap::Args;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "ASMA")]
pub struct AsmaSettings {
    /// The multiplier at an IoU of 0, or `auto`: from the first gradient, so that any network needs some hundreds of
    /// iterations, and held by the device so that no step overshoots [default: auto]
    #[arg(long, value_name = "TAU|auto", allow_hyphen_values = true)]
    pub tau: Option<Tau>,
    /// What an IoU of 1 adds to the multiplier [default: 10 times tau]
    #[arg(long, value_name = "BETA", allow_hyphen_values = true)]
    pub beta: Option<f32>,
    /// The weight of the distance to the source image [default: 1]
    #[arg(long, value_name = "LAMBDA", allow_hyphen_values = true)]
    pub lambda: Option<f32>,
    /// The most that any value may differ from the source's, of 0 to 1 [default: 0.1 with --tau auto, else none]
    #[arg(long, value_name = "EPS", allow_hyphen_values = true)]
    pub cap: Option<f32>,
    /// Once --stop-iou is reached, shrink the perturbation as long as it stays reached: on (in at most as many iterations
    /// again, and no further than 8 bits can hold), off, or N, for at most N iterations and as small as it gets
    /// [default: on with --tau auto, off with --published]
    #[arg(long, value_name = "on|off|N")]
    pub refine: Option<Refinement>,
    /// one-forward runs the network once an iteration; two-forward is the authors' published loop, which holds no step
    /// [default: one-forward]
    #[arg(long, value_name = "SCHEDULE")]
    pub schedule: Option<Schedule>,
    /// Which pixels drive the attack: adaptive (those not yet as the target says) or static (all)
    /// [default: adaptive]
    #[arg(long, value_name = "MASK")]
    pub mask: Option<MaskMode>,
    /// What is raised there: margin (the wanted class's logit less the largest other one) or logit (of the wanted class
    /// alone, as in the paper, which stalls on some networks) [default: margin]
    #[arg(long, value_name = "OBJECTIVE")]
    pub objective: Option<Objective>,
    /// dynamic (grows with the IoU) or static (stays tau) [default: dynamic]
    #[arg(long, value_name = "MULTIPLIER")]
    pub multiplier: Option<Multiplier>,
    /// The attacked classes, such as 0,2 [default: all]
    #[arg(long, value_name = "CLASSES", value_delimiter = ',')]
    pub classes: Option<Vec<u8>>,
    /// Stop after this many iterations without a new best IoU
    #[arg(long, value_name = "N")]
    pub patience: Option<u32>,
}
