//! The grid of settings that an ablation runs.

use std::collections::BTreeMap;
use std::str::FromStr;

use asma::attack::Settings;
use asma::attack::settings::NamedOption;
use asma::attack::table::Entry;
use asma::evaluate::Trial;
use asma::{Error, Result};

/// What is varied, and which values it takes.
#[derive(Clone, Debug)]
pub struct Axis {
    option: &'static NamedOption,
    values: Vec<String>,
}

/// What cannot be varied: towards a target or away from a label is the same for all, and lists are parted by the commas that part
/// settings.
const SAME_FOR_ALL: [&str; 3] = ["untargeted", "classes", "class-weights"];

/// What can be varied.
fn varied() -> impl Iterator<Item = &'static NamedOption> {
    Settings::options()
        .iter()
        .filter(|option| !SAME_FOR_ALL.contains(&option.name))
}

impl FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Axis, String> {
        let (name, values) = match text.split_once('=') {
            Some((name, values)) => (name, Some(values)),
            None => (text, None),
        };
        let option = varied().find(|option| option.name == name).ok_or_else(|| {
            let names: Vec<&str> = varied().map(|option| option.name).collect();
            format!("`{name}` cannot be varied; want one of {}", names.join(", "))
        })?;
        let values: Vec<String> = match values {
            Some(values) => values.split(':').map(|value| value.trim().to_string()).collect(),
            None if option.words.is_empty() => {
                return Err(format!(
                    "say which values {name} takes, such as {name}=VALUE:VALUE"
                ));
            }
            None => option.words.iter().map(|word| word.to_string()).collect(),
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
        Ok(Axis { option, values })
    }
}

/// Each attack with each combination of the values of those axes that it has.
pub fn trials(settings: &Settings, attacks: &[&'static Entry], axes: &[Axis]) -> Result<Vec<Trial>> {
    let usage = |problem: String| Err(Error::Usage(problem));
    for (place, axis) in axes.iter().enumerate() {
        let name = axis.option.name;
        if axes[..place].iter().any(|other| other.option.name == name) {
            return usage(format!(
                "--ablate names {name} twice; list all its values at once"
            ));
        }
        if !attacks.iter().any(|attack| axis.option.is_of(attack)) {
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
        for axis in axes.iter().filter(|axis| axis.option.is_of(attack)) {
            let mut wider = Vec::with_capacity(grid.len() * axis.values.len());
            for (settings, varied) in &grid {
                for value in &axis.values {
                    let (mut settings, mut varied): (Settings, BTreeMap<String, String>) =
                        (settings.clone(), varied.clone());
                    settings
                        .set(axis.option.name, value)
                        .map_err(|problem| Error::Usage(format!("--ablate: {problem}")))?;
                    varied.insert(axis.option.name.into(), value.clone());
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
