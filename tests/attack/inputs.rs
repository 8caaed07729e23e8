//! What the attack refuses, in words that say what was found and what is wanted.

use asma::attack::{Refinement, StepSize};
use asma::labels::{IGNORE, LabelMap};

use crate::{Case, INPUT, config};

fn refuses(change: impl FnOnce(&mut Case), parts: &[&str]) {
    let mut case = Case::new(config(2));
    change(&mut case);
    let text = case.problem();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

fn labels(case: &mut Case, label: u8) {
    case.target = LabelMap::from_fn(case.target.height(), case.target.width(), |_, _| label).unwrap();
}

#[test]
fn targets_that_cannot_be() {
    refuses(
        |case| case.target = LabelMap::from_fn(5, 7, |_, _| 1).unwrap(),
        &["5×7", "the network's output is 14×10"],
    );
    refuses(|case| labels(case, 2), &["class 2", "0 to 1"]);
    refuses(|case| labels(case, IGNORE), &["ignored"]);
}

#[test]
fn pixels_that_cannot_be() {
    for value in [-0.1, 1.5, f32::NAN, f32::INFINITY] {
        refuses(
            |case| case.source.data_mut()[100] = value,
            &[&format!("{value}"), "between 0 and 1"],
        );
    }
}

#[test]
fn images_of_another_shape() {
    refuses(
        |case| case.source = asma::Tensor::zeros(asma::Shape::new(1, 3, 30, 30)),
        &["1×3×30×30", "1×3×30×26"],
    );
}

#[test]
fn regions_that_cannot_be() {
    let region = |h, w, label| Some(LabelMap::from_fn(h, w, |_, _| label).unwrap());
    refuses(
        |case| case.region = region(INPUT.h, INPUT.w, 0),
        &["region is empty"],
    );
    refuses(|case| case.region = region(4, 5, 1), &["4×5", "30×26"]);
}

#[test]
fn settings_that_cannot_be() {
    let fixed = |tau, beta| StepSize::Fixed { tau, beta };
    refuses(|case| case.config.step = fixed(1e-3, -1.0), &["beta is -1"]);
    refuses(|case| case.config.step = fixed(1e-3, f32::NAN), &["beta is NaN"]);
    refuses(|case| case.config.step = fixed(0.0, 1.0), &["tau is 0"]);
    refuses(
        |case| case.config.step = fixed(f32::INFINITY, 1.0),
        &["tau is inf"],
    );
    refuses(|case| case.config.lambda = -0.5, &["lambda is -0.5"]);
    refuses(|case| case.config.iterations = 0, &["0 iterations", "at least 1"]);
    for iou in [0.0, -1.0, 1.01, f32::NAN] {
        refuses(
            |case| case.config.stop_iou = Some(iou),
            &["IoU", &iou.to_string(), "at most 1"],
        );
    }
    refuses(|case| case.config.patience = Some(0), &["patience of 0"]);
    refuses(
        |case| case.config.refine = Refinement::Iterations(0),
        &["refinement of 0 iterations"],
    );
    refuses(|case| case.config.classes = Some(vec![]), &["no class"]);
    refuses(
        |case| case.config.classes = Some(vec![0, 2]),
        &["class 2", "0 to 1"],
    );
}

/// Steps that throw the numbers out of the finite range end with an error, not with an image of NaN.
#[test]
fn diverging_attack_is_an_error() {
    for schedule in [
        asma::attack::Schedule::OneForward,
        asma::attack::Schedule::TwoForward,
    ] {
        let mut case = Case::new(config(200));
        case.config.schedule = schedule;
        case.config.step = StepSize::Fixed {
            tau: 3e38,
            beta: 3e38,
        };
        let error = case.run().expect_err("an error");
        assert!(
            matches!(error, asma::Error::NotFinite(_)),
            "{schedule}: {error:?}"
        );
        assert!(error.to_string().contains("tau"), "{error}");
    }
}

#[test]
fn number_of_targets_must_be_that_of_images() {
    let case = Case::new(config(2));
    let (attack, mut executor) = case.attack().unwrap();
    let input = asma::attack::AttackInput {
        source: &case.source,
        targets: &[],
        regions: &[],
        snapshots: asma::attack::Snapshots::None,
    };
    let text = attack.prepare(&mut executor, input).unwrap_err().to_string();
    assert_eq!(text, "0 targets for 1 images");
}
