//! Whole attacks for the smallest perturbation: the trace row by row, the last image, and which one is the best.

use std::ops::ControlFlow;

use asma::TraceRow;
use asma::attack::minimal::Method;
use asma::attack::{Attack, AttackInput, MinimalConfig, Purpose, Snapshots};
use asma::checkpoint::Checkpoint;
use asma::model::Model;

use super::attack::{labels, setting};
use super::{assert_close, on_every_executor, open, path, tensor};

fn config(case: &Checkpoint) -> MinimalConfig {
    let method = match case.metadata()["method"].as_str() {
        "alma-prox" => Method::AlmaProx,
        "pdpgd" => Method::Pdpgd,
        other => panic!("the method {other}"),
    };
    MinimalConfig {
        purpose: match is_so(case, "targeted") {
            true => Purpose::Targeted,
            false => Purpose::Untargeted,
        },
        steps: setting(case, "steps"),
        learning_rate: setting(case, "rate"),
        published: is_so(case, "published"),
        ..MinimalConfig::new(method)
    }
}

fn is_so(case: &Checkpoint, key: &str) -> bool {
    case.metadata()[key] == "True"
}

/// Runs the attack of `smallest_CASE` and compares. Rounding decides nothing, see `make.py`: no prediction, no best image.
fn check(name: &str) {
    let case = open(&format!("smallest_{name}"));
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
    let wanted: Vec<TraceRow> = csv::Reader::from_path(path(&format!("smallest_{name}.csv")))
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
            ("L2", |row| row.l2, 2e-6, 1e-5),
            ("L∞", |row| row.linf, 3e-6, 0.0),
            ("step", |row| row.multiplier, 0.0, 1e-6),
            // Penalties of either sign may nearly cancel.
            ("loss", |row| row.loss.unwrap(), 2e-5, 1e-5),
            ("success rate", |row| row.success_rate.unwrap(), 0.0, 1e-7),
        ];
        for (column, of, absolute, relative) in columns {
            let [found, wanted] =
                [&outcome.trace, &wanted].map(|rows| rows.iter().map(of).collect::<Vec<_>>());
            let what = format!("{name}, {column} on {device}");
            assert_close(&what, &found, &wanted, absolute, relative);
        }
        let what = format!("{name}, last image on {device}");
        assert_close(&what, outcome.last.data(), last.data(), 5e-6, 0.0);
        assert_eq!(outcome.best_iteration, setting::<u32>(&case, "best"), "{what}");
    });
}

#[test]
fn alma_prox() {
    check("alma_prox");
}

#[test]
fn alma_prox_with_the_published_derivative() {
    check("alma_prox_published");
}

#[test]
fn alma_prox_within_a_region() {
    check("alma_prox_region");
}

/// Succeeds after a while, and then makes the perturbation smaller.
#[test]
fn alma_prox_of_two_classes() {
    check("alma_prox_two_classes");
}

#[test]
fn alma_prox_of_a_network_of_one_channel() {
    check("alma_prox_one_channel");
}

#[test]
fn pdpgd() {
    check("pdpgd");
}

#[test]
fn pdpgd_of_two_classes() {
    check("pdpgd_two_classes");
}

#[test]
fn pdpgd_of_a_network_of_one_channel_within_a_region() {
    check("pdpgd_one_channel_region");
}
