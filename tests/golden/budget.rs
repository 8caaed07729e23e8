//! Whole attacks with a budget: the trace row by row, the last image, and which one is the best.

use std::ops::ControlFlow;

use asma::TraceRow;
use asma::attack::budget::{Norm, Rule};
use asma::attack::{Attack, AttackInput, BudgetConfig, Purpose, Snapshots};
use asma::checkpoint::Checkpoint;
use asma::model::Model;

use super::attack::{labels, setting};
use super::{assert_close, on_every_executor, open, path, tensor};

fn is_so(case: &Checkpoint, key: &str) -> bool {
    case.metadata()[key] == "True"
}

fn config(case: &Checkpoint) -> BudgetConfig {
    let rule: Rule = setting(case, "rule");
    let weights: Vec<f32> = case.metadata()["weights"]
        .split(',')
        .map(|weight| weight.parse().unwrap())
        .collect();
    BudgetConfig {
        loss: setting(case, "loss"),
        rule,
        norm: setting::<Norm>(case, "norm"),
        eps: setting(case, "eps"),
        alpha: setting(case, "alpha"),
        steps: setting(case, "steps"),
        shrinking: is_so(case, "shrinking"),
        purpose: match is_so(case, "targeted") {
            true => Purpose::Targeted,
            false => Purpose::Untargeted,
        },
        class_weights: (case.metadata()["loss"] == "mask-ce-bal").then_some(weights),
        ..BudgetConfig::default()
    }
}

/// Runs the attack of `budget_CASE` and compares. Rounding decides nothing, see `make.py`: no prediction, no sign, no best
/// image.
fn check(name: &str) {
    let case = open(&format!("budget_{name}"));
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
    let wanted: Vec<TraceRow> = csv::Reader::from_path(path(&format!("budget_{name}.csv")))
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
            ("L2", |row| row.l2, 1e-6, 5e-6),
            ("L∞", |row| row.linf, 3e-6, 0.0),
            ("step", |row| row.multiplier, 0.0, 1e-6),
            ("loss", |row| row.loss.unwrap(), 2e-6, 5e-6),
            ("success rate", |row| row.success_rate.unwrap(), 0.0, 1e-7),
        ];
        for (column, of, absolute, relative) in columns {
            let [found, wanted] =
                [&outcome.trace, &wanted].map(|rows| rows.iter().map(of).collect::<Vec<_>>());
            let what = format!("{name}, {column} on {device}");
            assert_close(&what, &found, &wanted, absolute, relative);
        }
        let what = format!("{name}, last image on {device}");
        assert_close(&what, outcome.last.data(), last.data(), 4e-6, 0.0);
        assert_eq!(outcome.best_iteration, setting::<u32>(&case, "best"), "{what}");
    });
}

#[test]
fn steps_along_signs() {
    check("pgd");
}

#[test]
fn steps_along_the_gradient_towards_a_target_within_a_region() {
    check("pgd_l2_targeted_region");
}

#[test]
fn losses_that_weigh_pixels() {
    check("segpgd");
    check("cospgd_l2");
    check("cospgd_one_channel");
    check("tsallis");
}

#[test]
fn losses_of_logits() {
    check("cosine_l2");
    check("ratio_l2_targeted");
}

#[test]
fn momentum_and_halved_steps() {
    check("apgd");
    check("apgd_l2");
}

#[test]
fn a_shrinking_budget() {
    check("sea");
}

#[test]
fn amsgrad() {
    check("padam");
}

#[test]
fn dense_adversary_generation() {
    check("dag");
    check("dag_targeted");
}
