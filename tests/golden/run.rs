//! An attack of the tests' golden runs: the trace row by row, the last image, and which one is the best.

use std::ops::ControlFlow;

use asma::TraceRow;
use asma::attack::{Attack, AttackConfig, AttackInput, Snapshots};
use asma::checkpoint::Checkpoint;
use asma::model::Model;

use super::attack::{labels, setting};
use super::{assert_close, on_every_executor, open, path, tensor};

/// How far numbers may be off, absolute and relative.
pub struct Tolerances {
    pub l2: (f32, f32),
    pub loss: (f32, f32),
    /// Absolute, of each value.
    pub image: f32,
}

pub fn is_so(case: &Checkpoint, key: &str) -> bool {
    case.metadata()[key] == "True"
}

/// Runs the attack of the case and compares. Rounding decides nothing, see `make.py`: no prediction, no sign, no best image.
pub fn check_run(case_name: &str, config: fn(&Checkpoint) -> AttackConfig, tolerances: &Tolerances) {
    let case = open(case_name);
    let network = &case.metadata()["network"];
    let model = Model::from_checkpoint(&open(network)).unwrap();
    let input = open(&format!("{network}_input"));
    let (source, last) = (tensor(&input, "source"), tensor(&case, "last"));
    let targets = [labels(&input, "target")];
    let with_region = is_so(&case, "region");
    let regions = match with_region {
        true => vec![labels(&input, "region")],
        false => Vec::new(),
    };
    let wanted: Vec<TraceRow> = csv::Reader::from_path(path(&format!("{case_name}.csv")))
        .unwrap()
        .deserialize()
        .collect::<Result<_, _>>()
        .unwrap();

    let attack = Attack::new(&model.graph, source.shape(), config(&case), with_region).unwrap();
    on_every_executor(attack.program(), |device, executor| {
        let input = AttackInput {
            source: &source,
            targets: &targets,
            regions: &regions,
            snapshots: Snapshots::None,
        };
        let outcomes = attack
            .run(executor, input, &mut |_| ControlFlow::Continue(()))
            .unwrap();
        let [outcome] = &outcomes[..] else {
            panic!("{} outcomes of one sample", outcomes.len())
        };
        type Column = (&'static str, fn(&TraceRow) -> f32, f32, f32);
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
        for (column, of, absolute, relative) in columns {
            let [found, wanted] =
                [&outcome.trace, &wanted].map(|rows| rows.iter().map(of).collect::<Vec<_>>());
            let what = format!("{case_name}, {column} on {device}");
            assert_close(&what, &found, &wanted, absolute, relative);
        }
        let what = format!("{case_name}, last image on {device}");
        assert_close(&what, outcome.last.data(), last.data(), tolerances.image, 0.0);
        assert_eq!(outcome.best_iteration, setting::<u32>(&case, "best"), "{what}");
    });
}
