//! The grid of settings that an ablation runs.

use std::collections::BTreeMap;
use std::str::FromStr;

use asma::attack::budget::Norm;
use asma::attack::table::Entry;
use asma::attack::{AttackConfig, Settings};
use asma::evaluate::Trial;
use asma::{Error, Result};

/// What is varied, and which values it takes.
#[derive(Clone, Debug)]
pub struct Axis {
    kind: &'static Kind,
    values: Vec<String>,
}

/// What can be varied.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    /// Which attacks have it.
    of: Of,
    /// All its values, where it is one of a few words.
    words: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    Asma,
    Budget,
    All,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "mask",
        of: Of::Asma,
        words: &["adaptive", "static"],
    },
    Kind {
        name: "multiplier",
        of: Of::Asma,
        words: &["dynamic", "static"],
    },
    Kind {
        name: "schedule",
        of: Of::Asma,
        words: &["one-forward", "two-forward"],
    },
    Kind {
        name: "objective",
        of: Of::Asma,
        words: &["margin", "logit"],
    },
    Kind {
        name: "tau",
        of: Of::Asma,
        words: &[],
    },
    Kind {
        name: "beta",
        of: Of::Asma,
        words: &[],
    },
    Kind {
        name: "lambda",
        of: Of::Asma,
        words: &[],
    },
    Kind {
        name: "cap",
        of: Of::Asma,
        words: &[],
    },
    Kind {
        name: "norm",
        of: Of::Budget,
        words: &["linf", "l2"],
    },
    Kind {
        name: "loss",
        of: Of::Budget,
        words: &[],
    },
    Kind {
        name: "eps",
        of: Of::Budget,
        words: &[],
    },
    Kind {
        name: "alpha",
        of: Of::Budget,
        words: &[],
    },
    Kind {
        name: "iterations",
        of: Of::All,
        words: &[],
    },
];

impl FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Axis, String> {
        let (name, values) = match text.split_once('=') {
            Some((name, values)) => (name, Some(values)),
            None => (text, None),
        };
        let kind = KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| {
            let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            format!("`{name}` cannot be varied; want one of {}", names.join(", "))
        })?;
        let values: Vec<String> = match values {
            Some(values) => values.split(':').map(|value| value.trim().to_string()).collect(),
            None if kind.words.is_empty() => {
                return Err(format!(
                    "say which values {name} takes, such as {name}=VALUE:VALUE"
                ));
            }
            None => kind.words.iter().map(|word| word.to_string()).collect(),
        };
        if let Some((place, twice)) = values
            .iter()
            .enumerate()
            .find(|(place, value)| values[..*place].contains(value))
        {
            return Err(format!(
                "{name} takes `{twice}` twice, the second time as value {}",
                place + 1
            ));
        }
        Ok(Axis { kind, values })
    }
}

impl Axis {
    fn is_of(&self, attack: &Entry) -> bool {
        match self.kind.of {
            Of::All => true,
            Of::Asma => matches!((attack.settings)(Norm::Linf), AttackConfig::Asma(_)),
            Of::Budget => matches!((attack.settings)(Norm::Linf), AttackConfig::Budget(_)),
        }
    }
}

/// Each attack with each combination of the values of those axes that it has.
pub fn trials(settings: &Settings, attacks: &[&'static Entry], axes: &[Axis]) -> Result<Vec<Trial>> {
    let usage = |problem: String| Err(Error::Usage(problem));
    for (place, axis) in axes.iter().enumerate() {
        let name = axis.kind.name;
        if axes[..place].iter().any(|other| other.kind.name == name) {
            return usage(format!(
                "--ablate names {name} twice; list all its values at once"
            ));
        }
        if !attacks.iter().any(|attack| axis.is_of(attack)) {
            let names: Vec<&str> = attacks.iter().map(|entry| entry.name).collect();
            return usage(format!(
                "--ablate {name}: the attack {} has no such setting; leave it out, or see --attack",
                names.join(", ")
            ));
        }
    }
    let mut trials = Vec::new();
    for (place, attack) in attacks.iter().enumerate() {
        if attacks[..place].iter().any(|other| other.name == attack.name) {
            return usage(format!("--attack names {} twice", attack.name));
        }
        let mut grid = vec![(settings.clone(), BTreeMap::new())];
        for axis in axes.iter().filter(|axis| axis.is_of(attack)) {
            let mut wider = Vec::with_capacity(grid.len() * axis.values.len());
            for (settings, varied) in &grid {
                for value in &axis.values {
                    let (mut settings, mut varied): (Settings, BTreeMap<String, String>) =
                        (settings.clone(), varied.clone());
                    settings
                        .set(axis.kind.name, value)
                        .map_err(|problem| Error::Usage(format!("--ablate: {problem}")))?;
                    varied.insert(axis.kind.name.into(), value.clone());
                    wider.push((settings, varied));
                }
            }
            grid = wider;
        }
        for (settings, varied) in grid {
            let (config, losses) = settings.config(attack)?;
            trials.push(Trial::new(config, losses, varied));
        }
    }
    Ok(trials)
}
