//! Whole attacks: the trace row by row, and the last image.

use std::ops::ControlFlow;

use asma::attack::{AsmaConfig, Attack, AttackInput, Snapshots, StepSize, StopReason};
use asma::checkpoint::Checkpoint;
use asma::model::Model;
use asma::{LabelMap, TraceRow};

use super::{assert_close, on_every_executor, open, path, tensor};

pub fn setting<T: std::str::FromStr>(case: &Checkpoint, key: &str) -> T {
    let text = &case.metadata()[key];
    text.parse()
        .unwrap_or_else(|_| panic!("{key} = {text} in {}", case.describe()))
}

fn config(case: &Checkpoint) -> AsmaConfig {
    AsmaConfig {
        schedule: setting(case, "schedule"),
        mask: setting(case, "mask"),
        objective: setting(case, "objective"),
        multiplier: setting(case, "multiplier"),
        step: StepSize::Fixed {
            tau: setting(case, "tau"),
            beta: setting(case, "beta"),
        },
        lambda: setting(case, "lambda"),
        classes: Some(
            case.metadata()["classes"]
                .split(',')
                .map(|class| class.parse().unwrap())
                .collect(),
        ),
        iterations: setting(case, "iterations"),
        ..AsmaConfig::published()
    }
}

/// The labels in the last two dimensions of a tensor.
pub fn labels(checkpoint: &Checkpoint, name: &str) -> LabelMap {
    let tensor = checkpoint.tensor(name).unwrap();
    let &[.., h, w] = &tensor.shape[..] else {
        panic!("{name} has shape {:?}", tensor.shape)
    };
    LabelMap::new(h, w, tensor.data.iter().map(|&label| label as u8).collect()).unwrap()
}

/// Runs the attack of `attack_CASE` and compares.
///
/// Rounding decides no prediction (see `make.py`), so the pixels that are counted must be the same ones, and
/// IoU and pixel accuracy differ by the rounding of one division and one mean alone.
fn check(name: &str) {
    let case = open(&format!("attack_{name}"));
    let network = &case.metadata()["network"];
    let model = Model::from_checkpoint(&open(network)).unwrap();
    let input = open(&format!("{network}_input"));
    let (source, last) = (tensor(&input, "source"), tensor(&case, "last"));
    let targets = [labels(&input, "target")];
    let with_region = case.metadata()["region"] == "True";
    let regions = if with_region {
        vec![labels(&input, "region")]
    } else {
        Vec::new()
    };
    let wanted: Vec<TraceRow> = csv::Reader::from_path(path(&format!("attack_{name}.csv")))
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
        assert_eq!(outcome.stop, StopReason::Iterations);
        let numbers: Vec<u32> = outcome.trace.iter().map(|row| row.iteration).collect();
        assert_eq!(numbers, (0..wanted.len() as u32).collect::<Vec<_>>());
        type Column = (&'static str, fn(&TraceRow) -> f32, f32, f32);
        let columns: [Column; 5] = [
            ("IoU", |row| row.iou, 0.0, 3e-7),
            ("pixel accuracy", |row| row.pixel_accuracy, 0.0, 1e-7),
            ("L2", |row| row.l2, 0.0, 1e-6),
            ("L∞", |row| row.linf, 1e-6, 0.0),
            ("multiplier", |row| row.multiplier, 0.0, 3e-7),
        ];
        for (column, of, absolute, relative) in columns {
            let [found, wanted] =
                [&outcome.trace, &wanted].map(|rows| rows.iter().map(of).collect::<Vec<_>>());
            let what = format!("{name}, {column} on {device}");
            assert_close(&what, &found, &wanted, absolute, relative);
        }
        let what = format!("{name}, last image on {device}");
        assert_close(&what, outcome.last.data(), last.data(), 1e-6, 0.0);
        let best = wanted.iter().map(|row| row.iou).enumerate();
        let (best, _) = best.fold(
            (0, f32::NEG_INFINITY),
            |best, row| {
                if row.1 > best.1 { row } else { best }
            },
        );
        assert_eq!(outcome.best_iteration, best as u32);
    });
}

#[test]
fn one_forward() {
    check("one_forward");
}

#[test]
fn one_forward_with_a_static_mask() {
    check("one_forward_static_mask");
}

#[test]
fn one_forward_with_a_static_multiplier() {
    check("one_forward_static_multiplier");
}

#[test]
fn two_forward() {
    check("two_forward");
}

#[test]
fn two_forward_with_a_static_mask() {
    check("two_forward_static_mask");
}

#[test]
fn two_forward_with_a_static_multiplier() {
    check("two_forward_static_multiplier");
}

#[test]
fn some_of_four_classes_one_absent_some_pixels_ignored() {
    check("some_classes");
}

#[test]
fn some_of_four_classes_within_a_region() {
    check("some_classes_region");
}

#[test]
fn the_margin_of_some_of_four_classes() {
    check("margin");
}

#[test]
fn the_margin_with_a_static_mask() {
    check("margin_static_mask");
}

#[test]
fn the_margin_of_a_network_of_one_channel() {
    check("one_channel_margin");
}

#[test]
fn a_network_of_one_channel() {
    check("one_channel");
}

#[test]
fn a_network_of_one_channel_within_a_region() {
    check("one_channel_region");
}
