//! An attack of the tests' golden runs: the trace row by row, the last image, and which one is the best.

use std::ops::ControlFlow;

use asma::attack::{Attack, AttackConfig, AttackInput, Outcome, Snapshots};
use asma::checkpoint::Checkpoint;
use asma::model::Model;
use asma::{LabelMap, Tensor, TraceRow};

use super::{assert_close, on_every_executor, open, path, tensor};

/// How far numbers may be off, absolute and relative.
pub struct Tolerances {
    pub l2: (f32, f32),
    pub loss: (f32, f32),
    /// Absolute, of each value.
    pub image: f32,
}

pub fn setting<T: std::str::FromStr>(case: &Checkpoint, key: &str) -> T {
    let text = &case.metadata()[key];
    text.parse()
        .unwrap_or_else(|_| panic!("{key} = {text} in {}", case.describe()))
}

/// The labels in the last two dimensions of a tensor.
fn labels(checkpoint: &Checkpoint, name: &str) -> LabelMap {
    let tensor = checkpoint.tensor(name).unwrap();
    let &[.., h, w] = &tensor.shape[..] else {
        panic!("{name} has shape {:?}", tensor.shape)
    };
    LabelMap::new(h, w, tensor.data.iter().map(|&label| label as u8).collect()).unwrap()
}

pub fn is_so(case: &Checkpoint, key: &str) -> bool {
    case.metadata()[key] == "True"
}

/// A golden run: what the attack is given, and what it is to come to.
pub struct Run {
    pub case: Checkpoint,
    model: Model,
    source: Tensor,
    targets: [LabelMap; 1],
    regions: Vec<LabelMap>,
    pub wanted: Vec<TraceRow>,
}

impl Run {
    pub fn open(case_name: &str) -> Run {
        let case = open(case_name);
        let network = &case.metadata()["network"];
        let input = open(&format!("{network}_input"));
        let wanted = csv::Reader::from_path(path(&format!("{case_name}.csv")))
            .unwrap()
            .deserialize()
            .collect::<Result<_, _>>()
            .unwrap();
        Run {
            model: Model::from_checkpoint(&open(network)).unwrap(),
            source: tensor(&input, "source"),
            targets: [labels(&input, "target")],
            regions: match is_so(&case, "region") {
                true => vec![labels(&input, "region")],
                false => Vec::new(),
            },
            wanted,
            case,
        }
    }

    /// Attacks on every executor, compares the columns of the trace (absolute and relative tolerance) and the last image
    /// (absolute), and hands on what came out.
    pub fn compare(
        &self,
        config: impl Into<AttackConfig>,
        columns: &[Column],
        image: f32,
        more: impl Fn(&Outcome),
    ) {
        let name = self.case.describe();
        let with_region = !self.regions.is_empty();
        let attack = Attack::new(&self.model.graph, self.source.shape(), config, with_region).unwrap();
        on_every_executor(attack.program(), |device, executor| {
            let input = AttackInput {
                source: &self.source,
                targets: &self.targets,
                regions: &self.regions,
                snapshots: Snapshots::None,
            };
            let outcomes = attack
                .run(executor, input, &mut |_| ControlFlow::Continue(()))
                .unwrap();
            let [outcome] = &outcomes[..] else {
                panic!("{} outcomes of one sample", outcomes.len())
            };
            let numbers = outcome.trace.iter().map(|row| row.iteration);
            assert!(numbers.eq(0..self.wanted.len() as u32), "{name} on {device}");
            for &(column, of, absolute, relative) in columns {
                let [found, wanted] =
                    [&outcome.trace, &self.wanted].map(|rows| rows.iter().map(of).collect::<Vec<_>>());
                let what = format!("{name}, {column} on {device}");
                assert_close(&what, &found, &wanted, absolute, relative);
            }
            let what = format!("{name}, last image on {device}");
            let last = tensor(&self.case, "last");
            assert_close(&what, outcome.last.data(), last.data(), image, 0.0);
            more(outcome);
        });
    }
}

/// A column of the trace: its name, where it stands, and how far it may be off, absolute and relative.
pub type Column = (&'static str, fn(&TraceRow) -> f32, f32, f32);

/// Runs the attack of the case and compares. Rounding decides nothing, see `make.py`: no prediction, no sign, no best image.
pub fn check_run(case_name: &str, config: fn(&Checkpoint) -> AttackConfig, tolerances: &Tolerances) {
    let run = Run::open(case_name);
    let columns: [Column; 7] = [
        ("IoU", |row| row.iou, 0.0, 3e-7),
        ("pixel accuracy", |row| row.pixel_accuracy, 0.0, 1e-7),
        ("L2", |row| row.l2, tolerances.l2.0, tolerances.l2.1),
        ("L∞", |row| row.linf, 3e-6, 0.0),
        ("step", |row| row.multiplier, 0.0, 1e-6),
        (
            "loss",
            |row| row.loss.unwrap(),
            tolerances.loss.0,
            tolerances.loss.1,
        ),
        ("success rate", |row| row.success_rate.unwrap(), 0.0, 1e-7),
    ];
    run.compare(config(&run.case), &columns, tolerances.image, |outcome| {
        assert_eq!(
            outcome.best_iteration,
            setting::<u32>(&run.case, "best"),
            "{case_name}"
        );
    });
}
