//! When the attack ends, and what it then gives.

use asma::attack::{
    AsmaConfig, Levels, MOST_SNAPSHOTS_WITH_IMAGES, Refinement, Schedule, Snapshots, StopReason,
};

use asma::checkpoint::Checkpoint;
use asma::data::{SyntheticKind, SyntheticOptions, generate};
use asma::model::Model;
use asma::statistics::Scores;

use crate::{Case, config};

const SCHEDULES: [Schedule; 2] = [Schedule::OneForward, Schedule::TwoForward];

fn case(schedule: Schedule, iterations: u32) -> Case {
    let mut case = Case::new(config(iterations));
    case.config.schedule = schedule;
    case
}

#[test]
fn all_iterations_leave_a_row_each() {
    for schedule in SCHEDULES {
        let outcome = case(schedule, 37).run().unwrap();
        assert_eq!(outcome.stop, StopReason::Iterations);
        assert_eq!(outcome.trace.len(), 37);
        assert!(outcome.trace.iter().zip(0..).all(|(row, n)| row.iteration == n));
    }
}

#[test]
fn attack_stops_at_the_iou_asked_for() {
    for schedule in SCHEDULES {
        let free = case(schedule, 60).run().unwrap();
        let first = free.trace[0].iou;
        let most = free.trace.iter().map(|row| row.iou).fold(0.0, f32::max);
        assert!(most > first + 0.05, "{schedule}: from {first} to {most}");
        let wanted = 0.5 * (first + most);
        let mut case = case(schedule, 60);
        case.config.stop_iou = Some(wanted);
        let outcome = case.run().unwrap();
        assert_eq!(outcome.stop, StopReason::IouReached, "{schedule}");
        // The trace up to there is the same, and only its last row reaches it.
        let end = free.trace.iter().position(|row| row.iou >= wanted).unwrap();
        assert_eq!(outcome.trace, free.trace[..=end], "{schedule}");
        assert_eq!(outcome.best_iteration as usize, end);
        if schedule == Schedule::OneForward {
            assert_eq!(case.iou(&outcome.last), outcome.trace[end].iou);
        }
        assert_eq!(outcome.last, outcome.best, "{schedule}");
    }
}

/// The shipped network and a small synthetic image, of a pair that leaves much to be refined: on networks of random weights
/// nothing is.
fn trained(config: AsmaConfig) -> Case {
    let weights = concat!(env!("CARGO_MANIFEST_DIR"), "/../weights/fundus.safetensors");
    let options = SyntheticOptions {
        kind: SyntheticKind::Fundus,
        size: 48,
        seed: 3,
        cup: false,
    };
    let [(source, _), (_, target)] = [1, 2].map(|index| generate(&options, index).unwrap());
    Case {
        graph: Model::from_checkpoint(&Checkpoint::open(weights).unwrap())
            .unwrap()
            .graph,
        input: source.shape(),
        config,
        source,
        target,
        region: None,
    }
}

/// The same trace up to there, then at most as many iterations again, in which the perturbation gets smaller and the IoU
/// stays what was asked for.
#[test]
fn what_is_reached_is_refined() {
    const STOP_IOU: f32 = 0.6;
    let mut case = trained(AsmaConfig {
        iterations: 400,
        stop_iou: Some(STOP_IOU),
        refine: Refinement::Off,
        ..AsmaConfig::default()
    });
    let plain = case.run().unwrap();
    assert_eq!((plain.stop, plain.reached), (StopReason::IouReached, None));
    case.config.refine = Refinement::On;
    let refined = case.run().unwrap();
    assert_eq!(refined.stop, StopReason::IouReached);
    let (before, all) = (plain.trace.len(), refined.trace.len());
    assert_eq!(refined.reached, Some(before as u32));
    assert_eq!(refined.trace[..before], plain.trace[..]);
    assert!(before < all && all <= 2 * before, "{before} and {all} iterations");
    let best = &refined.trace[refined.best_iteration as usize];
    let reaching = refined.trace.iter().filter(|row| row.iou >= STOP_IOU);
    let least = reaching.map(|row| row.l2).fold(f32::INFINITY, f32::min);
    assert_eq!(best.l2, least);
    assert_eq!(case.iou(&refined.best), best.iou);
    let l2 = plain.trace[before - 1].l2;
    assert!(least < 0.95 * l2, "from {l2} to {least}");

    // For longer, and as small as it gets.
    case.config.refine = Refinement::Iterations(2 * before as u32);
    case.config.iterations = 4 * before as u32;
    let longer = case.run().unwrap();
    let count = longer.trace.len();
    assert_eq!(longer.trace[..all.min(count)], refined.trace[..all.min(count)]);
    assert!(count > all && count <= 3 * before, "{count} iterations");
    let best = &longer.trace[longer.best_iteration as usize];
    assert!(
        best.iou >= STOP_IOU && best.l2 < least,
        "{best:?}, {least} before"
    );

    // What a file of 8 bits loses is made up for by a larger change, where there is one to be refined.
    let mut half = case.source.clone();
    for (value, &reached) in half.data_mut().iter_mut().zip(longer.best.data()) {
        *value = 0.5 * (*value + reached);
    }
    let saved = |case: &Case, iou: f32| {
        let (attack, mut executor) = case.attack().unwrap();
        let exact = Scores {
            iou,
            pixel_accuracy: iou,
            l2: 0.0,
            linf: 0.0,
        };
        attack
            .saved(
                &mut executor,
                &case.source,
                &half,
                &case.target,
                &exact,
                Levels::EIGHT_BITS,
            )
            .unwrap()
            .scores
    };
    let survives = saved(&case, 0.0);
    let with_more = saved(&case, 1.0);
    assert!(with_more.iou > survives.iou, "{with_more:?} and {survives:?}");
    assert!(with_more.l2 < 1.6 * survives.l2, "{with_more:?} and {survives:?}");
    case.config.refine = Refinement::Off;
    assert_eq!(saved(&case, 1.0), survives);

    // Cut short, it has been reached all the same.
    case.config.refine = Refinement::On;
    case.config.iterations = before as u32 + 2;
    let cut = case.run().unwrap();
    assert_eq!(cut.stop, StopReason::IouReached);
    assert_eq!(cut.trace, refined.trace[..before + 2]);
}

#[test]
fn attack_stops_without_progress() {
    for schedule in SCHEDULES {
        let mut case = case(schedule, 500);
        // Steps too small to change any pixel's class.
        case.config.step = asma::attack::StepSize::Fixed {
            tau: 1e-12,
            beta: 0.0,
        };
        case.config.patience = Some(7);
        let outcome = case.run().unwrap();
        assert_eq!(outcome.stop, StopReason::NoProgress);
        assert_eq!(outcome.best_iteration, 0);
        assert_eq!(outcome.trace.len(), 8, "{schedule}: the best one and seven more");
    }
}

#[test]
fn interrupted_attack_keeps_what_is_done() {
    for schedule in SCHEDULES {
        let free = case(schedule, 200).run().unwrap();
        let outcome = case(schedule, 200).run_until(|rows| rows >= 5).unwrap();
        assert_eq!(outcome.stop, StopReason::Interrupted);
        let rows = outcome.trace.len();
        assert!((5..200).contains(&rows), "{rows}");
        assert_eq!(outcome.trace, free.trace[..rows]);
        let mut same = case(schedule, rows as u32);
        same.config.patience = None;
        assert_eq!(outcome.last, same.run().unwrap().last);
    }
}

#[test]
fn best_image_is_the_first_with_the_highest_iou() {
    for schedule in SCHEDULES {
        let mut case = case(schedule, 60);
        // Steps so large that the attack overshoots and the last image is not the best.
        case.config.step = asma::attack::StepSize::Fixed { tau: 0.02, beta: 0.2 };
        let outcome = case.run().unwrap();
        let ious: Vec<f32> = outcome.trace.iter().map(|row| row.iou).collect();
        let most = ious.iter().copied().fold(0.0, f32::max);
        let first = ious.iter().position(|&iou| iou == most).unwrap();
        assert_eq!(outcome.best_iteration as usize, first, "{schedule}: {ious:?}");
        assert_ne!(
            first, 59,
            "{schedule}: the last image is the best, so this shows nothing"
        );
        if schedule == Schedule::OneForward {
            // Rows are of the clipped image, which is the one that is kept.
            assert_eq!(case.iou(&outcome.best), most);
            let distance: f64 = (case.source.data().iter().zip(outcome.best.data()))
                .map(|(a, b)| f64::from(a - b).powi(2))
                .sum();
            let l2 = f64::from(outcome.trace[first].l2);
            assert!(
                (distance.sqrt() - l2).abs() <= 1e-5 * l2.max(1e-3),
                "{} and {l2}",
                distance.sqrt()
            );
        }
        assert!(outcome.best.data().iter().all(|v| (0.0..=1.0).contains(v)));
        assert!(outcome.last.data().iter().all(|v| (0.0..=1.0).contains(v)));
    }
}

#[test]
fn attack_of_a_reached_target_changes_nothing() {
    let mut case = case(Schedule::OneForward, 5);
    let (attack, mut executor) = case.attack().unwrap();
    case.target = attack.predict(&mut executor, &case.source).unwrap().remove(0);
    for step in [case.config.step, asma::attack::StepSize::Automatic] {
        case.config.step = step;
        let outcome = case.run().unwrap();
        assert_eq!(outcome.last, case.source);
        assert!(
            outcome
                .trace
                .iter()
                .all(|row| row.iou == 1.0 && row.pixel_accuracy == 1.0 && row.l2 == 0.0)
        );
    }
}

#[test]
fn a_second_run_on_the_same_executor_starts_afresh() {
    let case = case(Schedule::TwoForward, 15);
    let (attack, mut executor) = case.attack().unwrap();
    let traces = [0; 2].map(|_| {
        let input = asma::attack::AttackInput {
            source: &case.source,
            targets: std::slice::from_ref(&case.target),
            regions: &[],
            snapshots: Snapshots::Predictions,
        };
        let mut progress = |_: asma::attack::Progress<'_>| std::ops::ControlFlow::Continue(());
        attack.run(&mut executor, input, &mut progress).unwrap().remove(0)
    });
    assert_eq!(traces[0].trace, traces[1].trace);
    assert_eq!(traces[0].last, traces[1].last);
    for outcome in &traces {
        assert!(!outcome.snapshots.is_empty());
        for snapshot in &outcome.snapshots {
            let row = &outcome.trace[snapshot.iteration as usize];
            let (iou, accuracy) = asma::labels::compare(&case.target, &snapshot.prediction, &[1]).unwrap();
            assert!((iou - row.iou).abs() < 1e-6 && (accuracy - row.pixel_accuracy).abs() < 1e-6);
        }
    }
}

/// With images, snapshots lie close enough for an animation whatever the attack's length, each image is the one
/// after its iteration's step, and nothing else changes.
#[test]
fn images_along_the_way_are_evenly_spread_and_change_nothing() {
    for schedule in SCHEDULES {
        let case = case(schedule, 150);
        let run = |snapshots| {
            let (attack, mut executor) = case.attack().unwrap();
            let input = asma::attack::AttackInput {
                source: &case.source,
                targets: std::slice::from_ref(&case.target),
                regions: &[],
                snapshots,
            };
            let mut progress = |_: asma::attack::Progress<'_>| std::ops::ControlFlow::Continue(());
            attack.run(&mut executor, input, &mut progress).unwrap().remove(0)
        };
        let (plain, outcome) = (run(Snapshots::Predictions), run(Snapshots::WithImages));
        assert_eq!(plain.trace, outcome.trace);
        assert_eq!(plain.last, outcome.last);
        assert!(plain.snapshots.iter().all(|snapshot| snapshot.image.is_none()));

        let moments = &outcome.snapshots;
        assert!(
            (16..=MOST_SNAPSHOTS_WITH_IMAGES).contains(&moments.len()),
            "{}",
            moments.len()
        );
        assert_eq!(
            (moments[0].iteration, moments[moments.len() - 1].iteration),
            (0, 149)
        );
        for pair in moments.windows(2) {
            let step = pair[1].iteration - pair[0].iteration;
            assert!(step <= 16, "{schedule}: {step} iterations without a snapshot");
        }
        let images: Vec<_> = moments
            .iter()
            .map(|moment| moment.image.as_ref().unwrap())
            .collect();
        assert_eq!(images[images.len() - 1], &outcome.last);
        for (image, moment) in images.iter().zip(moments).take(images.len() - 1) {
            let mut shorter = Case::new(case.config.clone());
            shorter.config.iterations = moment.iteration + 1;
            assert_eq!(
                *image,
                &shorter.run().unwrap().last,
                "{schedule} {}",
                moment.iteration
            );
        }
    }
}
