//! What attacks over many images say together.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use asma::attack::{AttackConfig, Purpose, Settings};
use asma::evaluate::{PairNames, Record, Summary, Trial, Verdict, measured, table};
use numpy::PyReadonlyArray3;
use pyo3::prelude::*;

use crate::arrays::label_maps;
use crate::errors::{Raised, raised};
use crate::performed::Performed;
use crate::session::{Options, Session, named};

#[pyclass(frozen, module = "asma._asma")]
pub struct Evaluation(Mutex<Held>);

struct Held {
    evaluation: asma::evaluate::Evaluation,
    configs: Vec<AttackConfig>,
    records: Vec<Record>,
}

#[pymethods]
impl Evaluation {
    /// Of attacks by their names, each with its options.
    #[new]
    fn new(
        py: Python<'_>,
        session: &Session,
        attacks: Vec<(String, Options)>,
        thresholds: Vec<f32>,
    ) -> PyResult<Evaluation> {
        let mut configs: Vec<AttackConfig> = Vec::new();
        let mut trials = Vec::new();
        for (name, options) in &attacks {
            let (config, losses) = Settings::read(name, named(options)).raised(py)?;
            let varied: BTreeMap<String, String> = match attacks.len() {
                1 => BTreeMap::new(),
                _ => options
                    .iter()
                    .filter(|(option, _)| option != "untargeted")
                    .cloned()
                    .collect(),
            };
            trials.push(Trial::new(config.clone(), losses, varied).setting);
            configs.push(config);
        }
        let purposes = configs.iter().map(AttackConfig::purpose);
        let purpose = purposes.clone().next().unwrap_or(Purpose::Targeted);
        let problem = match trials
            .iter()
            .enumerate()
            .find(|(place, setting)| trials[..*place].iter().any(|other| other.name == setting.name))
        {
            Some((_, twice)) => Some(format!("the attack `{}` is named twice", twice.name)),
            None if trials.is_empty() => Some("no attack is named; want at least one".into()),
            None if purposes.clone().any(|other| other != purpose) => {
                Some("attacks towards targets and away from labels cannot be summed up together".into())
            }
            None => None,
        };
        if let Some(problem) = problem {
            return Err(raised(py, asma::Error::Usage(problem)));
        }
        let model = &session.0.model;
        Ok(Evaluation(Mutex::new(Held {
            evaluation: asma::evaluate::Evaluation {
                asma_version: env!("CARGO_PKG_VERSION").into(),
                weights: session.0.name.clone(),
                weights_checksum: String::new(),
                network: model.description(),
                precision: "f32".into(),
                preparation: "in memory".into(),
                pairing: "as given".into(),
                purpose,
                thresholds,
                saves: false,
                settings: trials,
                pairs: Vec::new(),
            },
            configs,
            records: Vec::new(),
        })))
    }

    /// The names of the attacks, as they are summed up.
    #[getter]
    fn settings(&self) -> Vec<String> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = held.evaluation.settings.iter();
        settings.map(|setting| setting.name.clone()).collect()
    }

    /// Records what an attack of setting `setting` on pair `pair` came to; `label` is the image's own mask, 1×H×W. Returns the
    /// record as JSON.
    #[pyo3(signature = (setting, pair, name, performed, label=None))]
    fn add(
        &self,
        py: Python<'_>,
        setting: usize,
        pair: usize,
        name: String,
        performed: &Performed,
        label: Option<PyReadonlyArray3<'_, u8>>,
    ) -> PyResult<String> {
        let label = match &label {
            Some(label) => label_maps(label)?.raised(py)?,
            None => Vec::new(),
        };
        let summary = &performed.performed.summary;
        let of = || {
            let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let measured = measured(
                &performed.performed.attacked,
                label.first(),
                &held.configs[setting],
                &summary.device,
                &held.evaluation.thresholds,
            )?;
            Ok(held.record(setting, pair, name, Verdict::Done(Box::new(measured))))
        };
        py.detach(of).raised(py)
    }

    /// Records why there is none.
    fn fail(&self, setting: usize, pair: usize, name: String, reason: String) -> String {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.record(setting, pair, name, Verdict::Failed { reason })
    }

    /// The summary as JSON, and the table as Markdown and for LaTeX.
    fn summed_up(&self, py: Python<'_>) -> (String, String, String) {
        let sum = || {
            let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let summary = Summary::new(&held.evaluation, &held.records);
            let json = serde_json::json!(summary).to_string();
            (json, table::markdown(&summary), table::latex(&summary))
        };
        py.detach(sum)
    }
}

impl Held {
    fn record(&mut self, setting: usize, pair: usize, name: String, verdict: Verdict) -> String {
        let record = Record {
            task: pair * self.configs.len() + setting,
            pair,
            setting: self.evaluation.settings[setting].name.clone(),
            image: name.clone(),
            target: String::new(),
            verdict,
        };
        if self.evaluation.pairs.len() == pair {
            self.evaluation.pairs.push(PairNames {
                image: name,
                target: String::new(),
                label: None,
                region: None,
            });
        }
        let json = serde_json::json!(record).to_string();
        self.records.push(record);
        json
    }
}
