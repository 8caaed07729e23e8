//! Whole attacks: the trace row by row, and the last image.

use asma::attack::{AsmaConfig, StepSize, StopReason};
use asma::checkpoint::Checkpoint;

use super::run::{Column, Run, setting};

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

/// Runs the attack of `attack_CASE` and compares.
///
/// Rounding decides no prediction (see `make.py`), so the pixels that are counted must be the same ones, and
/// IoU and pixel accuracy differ by the rounding of one division and one mean alone.
fn check(name: &str) {
    let run = Run::open(&format!("attack_{name}"));
    let columns: [Column; 5] = [
        ("IoU", |row| row.iou, 0.0, 3e-7),
        ("pixel accuracy", |row| row.pixel_accuracy, 0.0, 1e-7),
        ("L2", |row| row.l2, 0.0, 1e-6),
        ("L∞", |row| row.linf, 1e-6, 0.0),
        ("multiplier", |row| row.multiplier, 0.0, 3e-7),
    ];
    let ious = run.wanted.iter().map(|row| row.iou).enumerate();
    let (best, _) = ious.fold(
        (0, f32::NEG_INFINITY),
        |best, row| {
            if row.1 > best.1 { row } else { best }
        },
    );
    run.compare(config(&run.case), &columns, 1e-6, |outcome| {
        assert_eq!(outcome.stop, StopReason::Iterations);
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
