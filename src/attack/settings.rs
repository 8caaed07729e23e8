//! An attack's settings by name, as the command line and the bindings take them: each may be left out, and what it is then
//! follows from the attack and from the others.

use std::str::FromStr;

use super::asma::{AsmaConfig, MaskMode, Multiplier, Objective, Refinement, Schedule, StepSize};
use super::budget::{BudgetConfig, Keep, Loss, Minimise, Norm, Rate, Rule};
use super::config::AttackConfig;
use super::minimal::MinimalConfig;
use super::purpose::Purpose;
use super::table::{self, Entry};
use crate::error::{Error, Result};

/// What an attack is told; what is not said is as published.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Lead away from a label instead of towards a target.
    pub untargeted: bool,
    /// As the authors published it, also where that is wrong.
    pub published: bool,
    /// Most iterations, or steps of each start.
    pub iterations: Option<u32>,
    /// The IoU with the target to stop at, or to find the least `eps` for.
    pub stop_iou: Option<f32>,
    /// [`MinimalConfig::learning_rate`].
    pub lr: Option<f32>,
    /// [`BudgetConfig::norm`].
    pub norm: Option<Norm>,
    /// [`BudgetConfig::eps`].
    pub eps: Option<f32>,
    /// [`BudgetConfig::alpha`]; in proportion to `eps` unless it is said.
    pub alpha: Option<f32>,
    /// [`BudgetConfig::restarts`].
    pub restarts: Option<u32>,
    /// [`BudgetConfig::random_start`]; also where there are several restarts, unless it is said.
    pub random_start: Option<bool>,
    /// [`BudgetConfig::seed`].
    pub seed: Option<u32>,
    /// [`BudgetConfig::loss`]; of `sea` the worst of three unless it is said.
    pub loss: Option<Loss>,
    /// [`BudgetConfig::keep`].
    pub keep: Option<Keep>,
    /// [`BudgetConfig::class_weights`].
    pub class_weights: Option<Vec<f32>>,
    /// The norm of which the least `eps` is found.
    pub minimise: Option<Norm>,
    /// The share of the labelled pixels at which the attack has got through.
    pub rate: Option<f32>,
    /// τ of ASMA.
    pub tau: Option<Tau>,
    /// β of ASMA; ten times τ unless it is said.
    pub beta: Option<f32>,
    /// [`AsmaConfig::lambda`].
    pub lambda: Option<f32>,
    /// [`AsmaConfig::cap`].
    pub cap: Option<f32>,
    /// [`AsmaConfig::refine`].
    pub refine: Option<Refinement>,
    /// [`AsmaConfig::schedule`].
    pub schedule: Option<Schedule>,
    /// [`AsmaConfig::mask`].
    pub mask: Option<MaskMode>,
    /// [`AsmaConfig::objective`].
    pub objective: Option<Objective>,
    /// [`AsmaConfig::multiplier`].
    pub multiplier: Option<Multiplier>,
    /// [`AsmaConfig::classes`].
    pub classes: Option<Vec<u8>>,
    /// [`AsmaConfig::patience`].
    pub patience: Option<u32>,
}

/// The multiplier of ASMA's step at an IoU of 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tau {
    /// From the first gradient, see [`StepSize::Automatic`].
    Automatic,
    /// This.
    Fixed(f32),
}

impl FromStr for Tau {
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

/// Reads a number, or a fraction such as 8/255, rounded to float32 once.
///
/// # Errors
/// If it is neither.
pub fn number(text: &str) -> Result<f32, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let value = match text.split_once('/') {
        Some((above, below)) => number(above)
            .zip(number(below))
            .map(|(above, below)| above / below),
        None => number(text),
    };
    value
        .map(|value| value as f32)
        .ok_or_else(|| "want a number or a fraction, such as 0.03 or 8/255".to_string())
}

/// Which attacks have an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    All,
    Asma,
    Budget,
    Within,
    AsmaAndBudget,
    Minimal,
}

impl Of {
    fn has(self, config: &AttackConfig) -> bool {
        match self {
            Of::All => true,
            Of::Asma => matches!(config, AttackConfig::Asma(_)),
            Of::Budget => matches!(config, AttackConfig::Budget(_)),
            Of::Within => matches!(config, AttackConfig::Budget(config) if config.rule != Rule::Largest),
            Of::AsmaAndBudget => !matches!(config, AttackConfig::Minimal(_)),
            Of::Minimal => matches!(config, AttackConfig::Minimal(_)),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Of::All => "all attacks",
            Of::Asma => "asma",
            Of::Budget => "attacks with a budget and of dag",
            Of::Within => "attacks with a budget",
            Of::AsmaAndBudget => "asma, of attacks with a budget and of dag",
            Of::Minimal => "alma-prox and pdpgd",
        }
    }
}

/// An option by its name.
#[derive(Debug)]
pub struct NamedOption {
    /// What it is called.
    pub name: &'static str,
    /// All that it can be, where it is one of a few words.
    pub words: &'static [&'static str],
    of: Of,
    set: fn(&mut Settings, &str) -> Result<(), String>,
    is_given: fn(&Settings) -> bool,
}

impl NamedOption {
    /// Whether the attack has it.
    pub fn is_of(&self, attack: &Entry) -> bool {
        // Of which kind its settings are follows from no norm.
        self.of.has(&(attack.settings)(Norm::Linf))
    }
}

/// A line of [`OPTIONS`]: the field of the same name, set by what reads it, or one of the words of a type.
macro_rules! named {
    ($of:ident $field:ident = $name:literal of $choices:ty) => {
        NamedOption {
            words: <$choices>::WORDS,
            ..named!($of $field = $name by word)
        }
    };
    ($of:ident $field:ident = $name:literal by $read:expr) => {
        NamedOption {
            name: $name,
            words: &[],
            of: Of::$of,
            set: |settings, text| {
                settings.$field = Some($read(text)?);
                Ok(())
            },
            is_given: |settings| settings.$field.is_some(),
        }
    };
}

/// Options that are on or off and said by being there.
macro_rules! switch {
    ($field:ident) => {
        NamedOption {
            name: stringify!($field),
            words: ON_OR_OFF,
            of: Of::All,
            set: |settings, text| {
                settings.$field = on_or_off(text)?;
                Ok(())
            },
            is_given: |settings| settings.$field,
        }
    };
}

const ON_OR_OFF: &[&str] = &["on", "off"];

const OPTIONS: &[NamedOption] = &[
    switch!(untargeted),
    switch!(published),
    named!(All iterations = "iterations" by whole),
    named!(AsmaAndBudget stop_iou = "stop-iou" by number),
    named!(Minimal lr = "lr" by number),
    named!(Within norm = "norm" of Norm),
    named!(Within eps = "eps" by number),
    named!(Budget alpha = "alpha" by number),
    named!(Within restarts = "restarts" by whole),
    NamedOption {
        words: ON_OR_OFF,
        ..named!(Within random_start = "random-start" by on_or_off)
    },
    named!(Within seed = "seed" by whole),
    named!(Budget loss = "loss" of Loss),
    named!(Budget keep = "keep" of Keep),
    named!(Budget class_weights = "class-weights" by |text| listed(text, number)),
    named!(Within minimise = "minimise" of Norm),
    named!(Budget rate = "rate" by number),
    named!(Asma tau = "tau" by word),
    named!(Asma beta = "beta" by number),
    named!(Asma lambda = "lambda" by number),
    named!(Asma cap = "cap" by number),
    named!(Asma refine = "refine" by word),
    named!(Asma schedule = "schedule" of Schedule),
    named!(Asma mask = "mask" of MaskMode),
    named!(Asma objective = "objective" of Objective),
    named!(Asma multiplier = "multiplier" of Multiplier),
    named!(Asma classes = "classes" by |text| listed(text, whole)),
    named!(Asma patience = "patience" by whole),
];

fn word<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| "want a whole number".to_string())
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("want on or off".to_string()),
    }
}

fn listed<T>(text: &str, read: fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(read).collect()
}

/// Rounds of bisection: the budget is found to a five-hundredth of what it may be.
const ROUNDS: u32 = 10;

/// The share of pixels that counts as got through, as the attacks have it.
const RATE: f32 = 0.99;

impl Settings {
    /// All options that [`Settings::set`] takes.
    pub fn options() -> &'static [NamedOption] {
        OPTIONS
    }

    /// Sets an option by its name, as the command line has it without the dashes before it (`steps` is `iterations`): numbers
    /// and fractions (`8/255`), words, lists with commas, `on` and `off`.
    ///
    /// # Errors
    /// If there is no such option, or it cannot be this.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        let wanted = match name {
            "steps" => "iterations",
            name => name,
        };
        let Some(option) = OPTIONS.iter().find(|option| option.name == wanted) else {
            let names: Vec<&str> = OPTIONS.iter().map(|option| option.name).collect();
            return Err(Error::Usage(format!(
                "there is no option `{name}` of an attack; want one of: {}",
                names.join(", ")
            )));
        };
        (option.set)(self, text).map_err(|problem| Error::Usage(format!("{name} is `{text}`: {problem}")))
    }

    /// Refuses an option that none of these attacks has.
    ///
    /// # Errors
    /// With the first such option.
    pub fn refuse_idle(&self, attacks: &[&Entry]) -> Result<()> {
        let is_read = |option: &NamedOption| attacks.iter().any(|attack| option.is_of(attack));
        let idle = OPTIONS
            .iter()
            .find(|option| (option.is_given)(self) && !is_read(option));
        let Some(option) = idle else {
            return Ok(());
        };
        let names: Vec<&str> = attacks.iter().map(|entry| entry.name).collect();
        Err(Error::Usage(format!(
            "`{}` is an option of {}, and the attack is {}; leave it out, or take another attack",
            option.name,
            option.of.in_words(),
            names.join(", ")
        )))
    }

    /// What the attack is after.
    pub fn purpose(&self) -> Purpose {
        match self.untargeted {
            true => Purpose::Untargeted,
            false => Purpose::Targeted,
        }
    }

    /// The attack of a name with these options, each by its name, and the losses of which the worst is kept.
    ///
    /// # Errors
    /// If there is no such attack or option, an option is none of this attack's or cannot be this, or options contradict each
    /// other.
    pub fn read<'a>(
        attack: &str,
        options: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(AttackConfig, &'static [Loss])> {
        let entry = table::named(attack).ok_or_else(|| {
            let names = table::names().join(", ");
            Error::Usage(format!("there is no attack `{attack}`; want one of: {names}"))
        })?;
        let mut settings = Settings::default();
        for (name, text) in options {
            settings.set(name, text)?;
        }
        settings.refuse_idle(&[entry])?;
        settings.config(entry)
    }

    /// The settings of this attack, and the losses of which the worst is kept. Options of other attacks say nothing.
    ///
    /// # Errors
    /// If options contradict each other.
    pub fn config(&self, attack: &Entry) -> Result<(AttackConfig, &'static [Loss])> {
        let contradictions = [
            ("stop-iou", "rate", self.stop_iou.is_some() && self.rate.is_some()),
            ("minimise", "norm", self.minimise.is_some() && self.norm.is_some()),
        ];
        if let Some((one, other, _)) = contradictions.into_iter().find(|(.., both)| *both) {
            return Err(Error::Usage(format!(
                "`{one}` and `{other}` cannot both be given; leave one of them out"
            )));
        }
        match (attack.settings)(self.norm()) {
            AttackConfig::Asma(_) if self.untargeted => Err(Error::Usage(
                "asma leads towards a target; name one, or another attack, such as pgd".into(),
            )),
            AttackConfig::Asma(_) => Ok((self.asma_config()?.into(), &[])),
            AttackConfig::Budget(base) => {
                let losses: &[Loss] = match (attack.name, self.loss) {
                    ("sea", None) => &table::SEA_LOSSES,
                    _ => &[],
                };
                Ok((self.budget_config(base).into(), losses))
            }
            AttackConfig::Minimal(base) => {
                let config = MinimalConfig {
                    steps: self.iterations.unwrap_or(base.steps),
                    learning_rate: self.lr.unwrap_or(base.learning_rate),
                    purpose: self.purpose(),
                    published: self.published,
                    ..base
                };
                Ok((config.into(), &[]))
            }
        }
    }

    fn norm(&self) -> Norm {
        self.minimise.or(self.norm).unwrap_or(Norm::Linf)
    }

    fn budget_config(&self, base: BudgetConfig) -> BudgetConfig {
        let base = match self.eps {
            Some(eps) => base.with_eps(eps),
            None => base,
        };
        let rate = self.stop_iou.or(self.rate);
        let restarts = self.restarts.unwrap_or(base.restarts);
        BudgetConfig {
            alpha: self.alpha.unwrap_or(base.alpha),
            steps: self.iterations.unwrap_or(base.steps),
            restarts,
            random_start: self.random_start.unwrap_or(base.random_start || restarts > 1),
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
            rate: match self.stop_iou {
                Some(_) => Rate::Iou,
                None => Rate::Pixels,
            },
            purpose: self.purpose(),
            published: self.published,
            ..base
        }
    }

    fn asma_config(&self) -> Result<AsmaConfig> {
        let base = match self.published {
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
            (None, Some(beta)) if self.published => StepSize::Fixed { tau: 1e-7, beta },
            (_, Some(_)) => {
                return Err(Error::Usage(
                    "`tau=auto`, the default, chooses `beta` too; give `beta` with a `tau` of your own"
                        .into(),
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
            iterations: self.iterations.unwrap_or(base.iterations),
            stop_iou: self.stop_iou,
            patience: self.patience,
            // The precision is chosen once the device is known.
            ..base
        };
        if let Some(refine) = self.refine.filter(|refine| *refine != Refinement::Off)
            && !config.refines()
        {
            return Err(Error::Usage(format!(
                "`refine={refine}` keeps an IoU that is reached while the device holds the step; it needs `stop-iou`, \
                 `tau=auto` and `schedule=one-forward`"
            )));
        }
        Ok(config)
    }
}
