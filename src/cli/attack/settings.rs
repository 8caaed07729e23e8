//! The options that set the attack itself.

use asma::attack::{AsmaConfig, MaskMode, Multiplier, Objective, Schedule, StepSize};
use asma::{Error, Result};
use clap::Args;

#[derive(Debug, Args)]
#[command(next_help_heading = "Attack")]
pub struct Settings {
    /// Most iterations
    #[arg(long, value_name = "N", default_value_t = 500)]
    iterations: u32,
    /// The multiplier at an IoU of 0, or `auto`: from the first gradient, so that any network needs some
    /// hundreds of iterations
    #[arg(
        long,
        value_name = "TAU|auto",
        default_value = "1e-7",
        allow_hyphen_values = true
    )]
    tau: Tau,
    /// What an IoU of 1 adds to the multiplier [default: 10 times tau]
    #[arg(long, value_name = "BETA", allow_hyphen_values = true)]
    beta: Option<f32>,
    /// The weight of the distance to the source image
    #[arg(
        long,
        value_name = "LAMBDA",
        default_value_t = 1.0,
        allow_hyphen_values = true
    )]
    lambda: f32,
    /// one-forward runs the network once an iteration; two-forward is the authors' published loop
    #[arg(long, value_name = "SCHEDULE", default_value_t = Schedule::OneForward)]
    schedule: Schedule,
    /// Which pixels drive the attack: adaptive (those not yet as the target says) or static (all)
    #[arg(long, value_name = "MASK", default_value_t = MaskMode::Adaptive)]
    mask: MaskMode,
    /// What is raised there: logit (of the wanted class, as in the paper) or margin (that less the largest other
    /// logit, which gets through where the paper's stalls)
    #[arg(long, value_name = "OBJECTIVE", default_value_t = Objective::Logit)]
    objective: Objective,
    /// dynamic (grows with the IoU) or static (stays tau)
    #[arg(long, value_name = "MULTIPLIER", default_value_t = Multiplier::Dynamic)]
    multiplier: Multiplier,
    /// The attacked classes, such as 0,2 [default: all]
    #[arg(long, value_name = "CLASSES", value_delimiter = ',')]
    classes: Option<Vec<u8>>,
    /// Stop at this IoU with the target
    #[arg(long, value_name = "IOU", allow_hyphen_values = true)]
    stop_iou: Option<f32>,
    /// Stop after this many iterations without a new best IoU
    #[arg(long, value_name = "N")]
    patience: Option<u32>,
}

/// What `--tau` says.
#[derive(Clone, Copy, Debug)]
enum Tau {
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

impl Settings {
    /// The attack's settings as the library has them.
    pub fn config(&self) -> Result<AsmaConfig> {
        let step = match (self.tau, self.beta) {
            (Tau::Fixed(tau), beta) => StepSize::Fixed {
                tau,
                beta: beta.unwrap_or(10.0 * tau),
            },
            (Tau::Automatic, None) => StepSize::Automatic,
            (Tau::Automatic, Some(_)) => {
                return Err(Error::Usage(
                    "--tau auto chooses beta too; give either --tau auto or --beta".into(),
                ));
            }
        };
        Ok(AsmaConfig {
            schedule: self.schedule,
            mask: self.mask,
            objective: self.objective,
            multiplier: self.multiplier,
            step,
            lambda: self.lambda,
            classes: self.classes.clone(),
            iterations: self.iterations,
            stop_iou: self.stop_iou,
            patience: self.patience,
            // Chosen once the device is known.
            ..AsmaConfig::default()
        })
    }
}
