//! Whole attacks for the smallest perturbation: the trace row by row, the last image, and which one is the best.

use asma::attack::minimal::Method;
use asma::attack::{AttackConfig, MinimalConfig, Purpose};
use asma::checkpoint::Checkpoint;

use super::run::{Tolerances, check_run, is_so, setting};

fn config(case: &Checkpoint) -> AttackConfig {
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
    .into()
}

fn check(name: &str) {
    // Penalties of either sign may nearly cancel in the loss.
    let tolerances = Tolerances {
        l2: (2e-6, 1e-5),
        loss: (2e-5, 1e-5),
        image: 5e-6,
    };
    check_run(&format!("smallest_{name}"), config, &tolerances);
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
