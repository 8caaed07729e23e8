//! The options that set ASMA itself.

use asma::attack::{AsmaConfig, MaskMode, Multiplier, Objective, Refinement, Schedule, StepSize};
use asma::{Error, Result};
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
    refine: Option<Refinement>,
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
    classes: Option<Vec<u8>>,
    /// Stop after this many iterations without a new best IoU
    #[arg(long, value_name = "N")]
    patience: Option<u32>,
}

/// What `--tau` says.
#[derive(Clone, Copy, Debug)]
pub enum Tau {
    Automatic,
    Fixed(f32),
}

impl std::str::FromStr for Tau {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Tau::Automatic),
            number => number
                .parse()
                .map(Tau::Fixed)
                .map_err(|_| "want a number such as 1e-7, or auto".to_string()),
        }
    }
}

/// The iterations of ASMA, unless it is said.
const ITERATIONS: u32 = 500;

impl AsmaSettings {
    /// The option of ASMA's own that is given, if one is.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            (self.tau.is_some(), "--tau"),
            (self.beta.is_some(), "--beta"),
            (self.lambda.is_some(), "--lambda"),
            (self.cap.is_some(), "--cap"),
            (self.refine.is_some(), "--refine"),
            (self.schedule.is_some(), "--schedule"),
            (self.mask.is_some(), "--mask"),
            (self.objective.is_some(), "--objective"),
            (self.multiplier.is_some(), "--multiplier"),
            (self.classes.is_some(), "--classes"),
            (self.patience.is_some(), "--patience"),
        ];
        given
            .into_iter()
            .find(|(is_given, _)| *is_given)
            .map(|(_, name)| name)
    }

    /// The attack's settings as the library has them.
    pub fn config(
        &self,
        iterations: Option<u32>,
        published: bool,
        stop_iou: Option<f32>,
    ) -> Result<AsmaConfig> {
        let base = match published {
            true => AsmaConfig::published(),
            false => AsmaConfig::default(),
        };
        let step = match (self.tau, self.beta) {
            (Some(Tau::Fixed(tau)), beta) => StepSize::Fixed {
                tau,
                beta: beta.unwrap_or(10.0 * tau),
            },
            (Some(Tau::Automatic), None) => StepSize::Automatic,
            (None, None) => base.step,
            (None, Some(beta)) if published => StepSize::Fixed { tau: 1e-7, beta },
            (_, Some(_)) => {
                return Err(Error::Usage(
                    "--tau auto, the default, chooses beta too; give --beta with a --tau of your own".into(),
                ));
            }
        };
        let cap = match step {
            StepSize::Automatic => Some(AsmaConfig::CAP),
            StepSize::Fixed { .. } => None,
        };
        let config = AsmaConfig {
            schedule: self.schedule.unwrap_or(base.schedule),
            mask: self.mask.unwrap_or(base.mask),
            objective: self.objective.unwrap_or(base.objective),
            multiplier: self.multiplier.unwrap_or(base.multiplier),
            step,
            lambda: self.lambda.unwrap_or(base.lambda),
            cap: self.cap.or(cap),
            refine: self.refine.unwrap_or(base.refine),
            classes: self.classes.clone(),
            iterations: iterations.unwrap_or(ITERATIONS),
            stop_iou,
            patience: self.patience,
            // The precision is chosen once the device is known.
            ..base
        };
        if let Some(refine) = self.refine.filter(|refine| *refine != Refinement::Off)
            && !config.refines()
        {
            return Err(Error::Usage(format!(
                "--refine {refine} keeps an IoU that is reached while the device holds the step; it needs --stop-iou, --tau \
                 auto and --schedule one-forward"
            )));
        }
        Ok(config)
    }
}
