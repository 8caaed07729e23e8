//! An attack as a page asks for it.

use std::collections::BTreeMap;

use asma::attack::budget::Loss;
use asma::attack::{AttackConfig, Settings, Target};
use asma::error::{Error, Result};
use serde::Deserialize;

/// What a page may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// One of the attacks by its name.
    attack: String,
    /// `painted`, `untargeted`, or a target as the command line takes it, but no file.
    target: String,
    /// The attack's options by the names that the command line has; what is left out is as published.
    options: BTreeMap<String, String>,
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

impl Asked {
    /// Reads it.
    ///
    /// # Errors
    /// If it is not JSON, or holds something else.
    pub fn read(json: &str) -> Result<Asked> {
        serde_json::from_str(json)
            .map_err(|error| Error::Usage(format!("what was asked for cannot be read: {error}")))
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

    /// The attack with its settings, and the losses of which the worst is kept.
    ///
    /// # Errors
    /// If there is no attack of this name, or it has no such option.
    pub fn config(&self, wanted: &Wanted) -> Result<(AttackConfig, &'static [Loss])> {
        let untargeted = matches!(wanted, Wanted::Untargeted).then_some(("untargeted", "on"));
        let options = self
            .options
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        Settings::read(&self.attack, options.chain(untargeted))
    }
}
