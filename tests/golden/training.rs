//! Three optimiser steps: loss, every gradient tensor and the weights afterwards.

use std::str::FromStr;

use asma::model::Model;
use asma::train::{Augmentation, LossConfig, TrainingConfig, TrainingPlan};

use super::{on_every_executor, open, tensor};

/// Most that a tensor may be off, as a part of its norm.
const RELATIVE: f64 = 1e-4;

#[test]
fn adam_with_clipped_gradients_on_two_classes() {
    check("training_two_classes");
}

#[test]
fn adamw_with_class_weights_and_ignored_pixels_on_three_classes() {
    check("training_three_classes");
}

fn check(name: &str) {
    let results = open(&format!("{name}_results"));
    let setting = |key: &str| f64::from_str(&results.metadata()[key]).unwrap();
    let class_weights = match results.metadata()["class_weights"].as_str() {
        "0" => Vec::new(),
        text => text.split(',').map(|weight| weight.parse().unwrap()).collect(),
    };
    let config = TrainingConfig {
        learning_rate: setting("learning_rate"),
        weight_decay: setting("weight_decay"),
        most_norm: setting("most_norm"),
        loss: LossConfig {
            cross_entropy: setting("cross_entropy") as f32,
            dice: setting("dice") as f32,
            smoothing: 1.0,
            class_weights,
        },
        augmentation: Augmentation::NONE,
        ..TrainingConfig::default()
    };
    let model = Model::from_checkpoint(&open(name)).unwrap();
    let image = tensor(&results, "image");
    let labels: Vec<u32> = results
        .tensor("labels")
        .unwrap()
        .data
        .iter()
        .map(|&label| label as u32)
        .collect();
    let plan = TrainingPlan::new(&model.graph, image.shape(), config.clone()).unwrap();
    let golden = |prefix: &str| -> Vec<(String, Vec<f32>)> {
        let parameters = model.graph.parameters().iter();
        parameters
            .map(|parameter| {
                let name = format!("{prefix}{}", parameter.name);
                let data = results.tensor(&name).unwrap().data;
                (name, data)
            })
            .collect()
    };
    on_every_executor(plan.program(), |executor_name, executor| {
        plan.prepare(executor).unwrap();
        for t in 1..=3 {
            let pending = plan
                .step(executor, image.data(), &labels, t, config.learning_rate)
                .unwrap();
            let report = plan.receive(pending).unwrap();
            for (what, found) in [("loss", report.loss), ("norm", report.gradient_norm)] {
                let what = format!("step{t}.{what}");
                let wanted = results.tensor(&what).unwrap().data;
                assert_near(&format!("{executor_name}: {what}"), &[found as f32], &wanted);
            }
            let gradient = plan.read_gradient(executor).unwrap();
            compare(executor_name, &gradient, &golden(&format!("step{t}.")));
        }
        let [weights, _, _] = plan.read_state(executor).unwrap();
        compare(executor_name, &weights, &golden("after."));
    });
}

/// Compares numbers of all parameters, one behind the other, with the tensors that they should be.
fn compare(executor: &str, found: &[f32], wanted: &[(String, Vec<f32>)]) {
    let mut rest = found;
    for (name, wanted) in wanted {
        let (found, after) = rest.split_at(wanted.len());
        rest = after;
        assert_near(&format!("{executor}: {name}"), found, wanted);
    }
    assert!(rest.is_empty());
}

#[track_caller]
fn assert_near(what: &str, found: &[f32], wanted: &[f32]) {
    let norm =
        |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|number| number * number).sum::<f64>().sqrt();
    let pairs = found.iter().zip(wanted);
    let difference = norm(&mut pairs.map(|(&found, &wanted)| f64::from(found) - f64::from(wanted)));
    let size = norm(&mut wanted.iter().map(|&wanted| f64::from(wanted)));
    assert!(size > 0.0, "{what} is all zeros and checks nothing");
    println!("{what}: relative error {:.2e}", difference / size);
    assert!(
        difference <= RELATIVE * size,
        "{what} is off by {:.3e} of its norm, more than {RELATIVE}",
        difference / size
    );
}
