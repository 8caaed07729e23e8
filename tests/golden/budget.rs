//! Whole attacks with a budget: the trace row by row, the last image, and which one is the best.

use asma::attack::budget::{Norm, Rule};
use asma::attack::{AttackConfig, BudgetConfig, Purpose};
use asma::checkpoint::Checkpoint;

use super::run::{Tolerances, check_run, is_so, setting};

fn config(case: &Checkpoint) -> AttackConfig {
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
    .into()
}

fn check(name: &str) {
    let tolerances = Tolerances {
        l2: (1e-6, 5e-6),
        loss: (2e-6, 5e-6),
        image: 4e-6,
    };
    check_run(&format!("budget_{name}"), config, &tolerances);
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
