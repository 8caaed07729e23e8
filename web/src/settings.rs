//! The settings of an attack, as a page says them.

use asma::attack::budget::{Loss, Norm};
use asma::attack::{AsmaConfig, AttackConfig, MinimalConfig, Purpose, Target, table};
use asma::error::{Error, Result};
use serde::Deserialize;

/// What a page may say; what it leaves out is as the attack was published.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// One of the attacks by its name.
    attack: String,
    /// `painted`, `untargeted`, or a target as the command line takes it, but no file.
    target: String,
    /// Most iterations.
    iterations: Option<u32>,
    /// The IoU at which ASMA stops.
    stop_iou: Option<f32>,
    /// The budget, of attacks that have one.
    eps: Option<f32>,
}

/// What the network shall predict.
pub enum Wanted {
    /// What was painted.
    Painted,
    /// Anything else than it does.
    Untargeted,
    /// What becomes of its prediction.
    Made(Target),
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// If they are not JSON, or hold something else.
    pub fn read(json: &str) -> Result<Settings> {
        serde_json::from_str(json)
            .map_err(|error| Error::Usage(format!("the settings cannot be read: {error}")))
    }

    /// What the network shall predict.
    ///
    /// # Errors
    /// If it is no target that can be had without a file.
    pub fn wanted(&self) -> Result<Wanted> {
        Ok(match self.target.as_str() {
            "painted" => Wanted::Painted,
            "untargeted" => Wanted::Untargeted,
            other => match other.parse()? {
                Target::File(_) | Target::Of(_) => {
                    return Err(Error::Usage(format!(
                        "target `{other}` is a file, and a page reads none by its name; want painted, untargeted, \
                         shift:DX,DY, scale:S, rotate:DEGREES, hide:A->B or class:C"
                    )));
                }
                made => Wanted::Made(made),
            },
        })
    }

    /// The attack with these settings, and the losses of which the worst is kept.
    ///
    /// # Errors
    /// If there is no attack of this name.
    pub fn config(&self, wanted: &Wanted) -> Result<(AttackConfig, &'static [Loss])> {
        let entry = table::named(&self.attack).ok_or_else(|| {
            Error::Usage(format!(
                "there is no attack `{}`; want one of: {}",
                self.attack,
                table::names().join(", ")
            ))
        })?;
        let purpose = match wanted {
            Wanted::Untargeted => Purpose::Untargeted,
            Wanted::Painted | Wanted::Made(_) => Purpose::Targeted,
        };
        Ok(match (entry.settings)(Norm::Linf) {
            AttackConfig::Asma(base) => {
                let config = AsmaConfig {
                    iterations: self.iterations.unwrap_or(base.iterations),
                    stop_iou: self.stop_iou,
                    ..base
                };
                (config.into(), &[])
            }
            AttackConfig::Budget(base) => {
                let eps = self.eps.unwrap_or(base.eps);
                let mut config = base.with_eps(eps);
                config.steps = self.iterations.unwrap_or(config.steps);
                config.purpose = purpose;
                let losses: &[Loss] = match entry.name {
                    "sea" => &table::SEA_LOSSES,
                    _ => &[],
                };
                (config.into(), losses)
            }
            AttackConfig::Minimal(base) => {
                let config = MinimalConfig {
                    steps: self.iterations.unwrap_or(base.steps),
                    purpose,
                    ..base
                };
                (config.into(), &[])
            }
        })
    }
}
