//! The grid of settings that an ablation runs.

use std::collections::BTreeMap;
use std::str::FromStr;

use asma::attack::AttackConfig;
use asma::attack::budget::Norm;
use asma::attack::table::Entry;
use asma::evaluate::Trial;
use asma::{Error, Result};

use crate::cli::attack::{Number, Settings};

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
    /// Sets it.
    set: fn(&mut Settings, &str) -> std::result::Result<(), String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    Asma,
    Budget,
    All,
}

/// Reads a value into its place.
fn put<T: FromStr>(place: &mut Option<T>, text: &str) -> std::result::Result<(), String>
where
    T::Err: std::fmt::Display,
{
    *place = Some(text.parse().map_err(|error: T::Err| error.to_string())?);
    Ok(())
}

const KINDS: &[Kind] = &[
    Kind {
        name: "mask",
        of: Of::Asma,
        words: &["adaptive", "static"],
        set: |settings, text| put(&mut settings.asma.mask, text),
    },
    Kind {
        name: "multiplier",
        of: Of::Asma,
        words: &["dynamic", "static"],
        set: |settings, text| put(&mut settings.asma.multiplier, text),
    },
    Kind {
        name: "schedule",
        of: Of::Asma,
        words: &["one-forward", "two-forward"],
        set: |settings, text| put(&mut settings.asma.schedule, text),
    },
    Kind {
        name: "objective",
        of: Of::Asma,
        words: &["margin", "logit"],
        set: |settings, text| put(&mut settings.asma.objective, text),
    },
    Kind {
        name: "tau",
        of: Of::Asma,
        words: &[],
        set: |settings, text| put(&mut settings.asma.tau, text),
    },
    Kind {
        name: "beta",
        of: Of::Asma,
        words: &[],
        set: |settings, text| put(&mut settings.asma.beta, text),
    },
    Kind {
        name: "lambda",
        of: Of::Asma,
        words: &[],
        set: |settings, text| put(&mut settings.asma.lambda, text),
    },
    Kind {
        name: "cap",
        of: Of::Asma,
        words: &[],
        set: |settings, text| {
            let mut cap: Option<Number> = None;
            put(&mut cap, text)?;
            settings.asma.cap = cap.map(|cap| cap.0);
            Ok(())
        },
    },
    Kind {
        name: "norm",
        of: Of::Budget,
        words: &["linf", "l2"],
        set: |settings, text| put(&mut settings.budget.norm, text),
    },
    Kind {
        name: "loss",
        of: Of::Budget,
        words: &[],
        set: |settings, text| put(&mut settings.budget.loss, text),
    },
    Kind {
        name: "eps",
        of: Of::Budget,
        words: &[],
        set: |settings, text| put(&mut settings.budget.eps, text),
    },
    Kind {
        name: "alpha",
        of: Of::Budget,
        words: &[],
        set: |settings, text| put(&mut settings.budget.alpha, text),
    },
    Kind {
        name: "iterations",
        of: Of::All,
        words: &[],
        set: |settings, text| put(&mut settings.iterations, text),
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
                    (axis.kind.set)(&mut settings, value).map_err(|problem| {
                        Error::Usage(format!("--ablate {}={value}: {problem}", axis.kind.name))
                    })?;
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
