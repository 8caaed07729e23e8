//! Changes of an attack within a host's frames: what it does is that of another from then on.

use asma::attack::{
    AsmaConfig, Attack, AttackInput, Live, MaskMode, Multiplier, Objective, Refinement, Schedule, Snapshots,
    Step, StopReason, assess,
};
use asma::cpu::CpuExecutor;
use asma::model::{Padding, SimpleUnet};
use asma::program::Executor;
use asma::{Error, LabelMap, Tensor};

use crate::networks;
use crate::support::{
    IMAGE, alone, attack, begin, changeable, config, everywhere, executor, host, image_of, take_on, target,
};

#[test]
fn settings_change_to_those_of_an_attack_that_had_them_from_the_beginning() {
    // Steps of a given size, so that nothing but the settings tells the attacks apart.
    let first = AsmaConfig {
        step: asma::attack::StepSize::Fixed {
            tau: 1e-3,
            beta: 1e-2,
        },
        cap: None,
        iterations: 6,
        ..config()
    };
    for (what, second) in [
        (
            "objective",
            AsmaConfig {
                objective: Objective::Logit,
                ..first.clone()
            },
        ),
        (
            "mask",
            AsmaConfig {
                mask: MaskMode::Static,
                ..first.clone()
            },
        ),
        (
            "multiplier",
            AsmaConfig {
                multiplier: Multiplier::Static,
                ..first.clone()
            },
        ),
        (
            "cap",
            AsmaConfig {
                cap: Some(0.002),
                ..first.clone()
            },
        ),
        (
            "step",
            AsmaConfig {
                step: asma::attack::StepSize::Fixed { tau: 2e-3, beta: 0.0 },
                ..first.clone()
            },
        ),
    ] {
        let wanted = {
            let attack = attack(second.clone());
            let target = target(&attack, 1);
            let mut executor = CpuExecutor::new(attack.program().clone()).unwrap();
            alone(&attack, &mut executor, &target)
        };
        let attack = changeable(first.clone());
        let target = target(&attack, 1);
        let mut executor = CpuExecutor::new(attack.program().clone()).unwrap();
        // Changed before the first iteration, it is the other attack from the beginning.
        let mut live = begin(&attack, &mut executor, &target, true);
        live.set_config(second.clone()).unwrap();
        take_on(&mut live, &mut executor, 6);
        assert_eq!(live.trace(), wanted.0, "{what}");
        assert_eq!(image_of(&live, &mut executor), wanted.1, "{what}");
        // Changed under way, it differs from what it was only after that.
        let mut live = begin(&attack, &mut executor, &target, true);
        take_on(&mut live, &mut executor, 3);
        let before = live.trace().to_vec();
        live.set_config(second).unwrap();
        take_on(&mut live, &mut executor, 3);
        assert_eq!(live.trace()[..3], before[..], "{what}");
        assert_ne!(live.trace(), wanted.0, "{what}");
        assert_eq!(live.trace().len(), 6, "{what}");
    }
}

#[test]
fn an_attack_that_has_ended_goes_on_towards_another_target() {
    let Some(gpu) = host() else { return };
    let attack = changeable(AsmaConfig {
        iterations: 400,
        patience: Some(4),
        ..config()
    });
    let mut executor = executor(&gpu, &attack);
    let [first, second] = [1, 2].map(|class| target(&attack, class));
    let mut live = begin(&attack, &mut executor, &first, true);
    take_on(&mut live, &mut executor, 200);
    assert_eq!(live.ended(), Some(StopReason::NoProgress));
    let rows = live.trace().len();
    assert!(rows < 200, "the attack made progress for {rows} iterations");

    // An outcome and what is made of it leave the attack as it was.
    let outcome = asma::program::wait(live.outcome_async(&mut executor)).unwrap();
    assert_eq!(outcome.trace, live.trace());
    let prediction = attack.predict(&mut executor, &outcome.last).unwrap().remove(0);
    attack.predict(&mut executor, &outcome.best).unwrap();
    asma::program::wait(live.resume_async(&mut executor, &outcome)).unwrap();
    assert_eq!(image_of(&live, &mut executor), outcome.last);

    live.set_target(second.clone()).unwrap();
    assert_eq!(live.ended(), None);
    take_on(&mut live, &mut executor, 1);
    let classes = attack.scored_classes();
    let scores = assess(live.source(), &outcome.last, &second, &prediction, &classes).unwrap();
    assert_eq!(
        live.trace()[rows].iou,
        scores.iou,
        "the IoU is with the other target now"
    );
    take_on(&mut live, &mut executor, 200);
    assert_eq!(live.ended(), Some(StopReason::NoProgress));
    let outcome = asma::program::wait(live.outcome_async(&mut executor)).unwrap();
    assert!(
        outcome.best_iteration as usize >= rows,
        "the best image is one for the first target"
    );
}

#[test]
fn pixels_that_may_change_no_more_are_as_in_the_source() {
    let attack = changeable(config());
    let mut executor = CpuExecutor::new(attack.program().clone()).unwrap();
    let target = target(&attack, 1);
    let mut live = begin(&attack, &mut executor, &target, true);
    take_on(&mut live, &mut executor, 4);
    let changed =
        |image: &Tensor, y: usize, x: usize| (0..3).any(|c| image.at(0, c, y, x) != live_source(c, y, x));
    let before = image_of(&live, &mut executor);
    assert!((0..IMAGE.w).any(|x| changed(&before, 18, x) && x < IMAGE.w / 2));
    let right = LabelMap::from_fn(IMAGE.h, IMAGE.w, |_, x| u8::from(x >= IMAGE.w / 2)).unwrap();
    live.set_region(right).unwrap();
    take_on(&mut live, &mut executor, 3);
    let source = networks::image(IMAGE, 5);
    let changes = before.data().iter().zip(source.data()).map(|(a, b)| a - b);
    let l2 = changes.map(|change| change * change).sum::<f32>().sqrt();
    let reported = live.trace()[4].l2;
    assert!(
        (reported - l2).abs() < 1e-4 * l2,
        "{reported} of the image before, which has {l2}"
    );
    let after = image_of(&live, &mut executor);
    for (y, x) in (0..IMAGE.h).flat_map(|y| (0..IMAGE.w).map(move |x| (y, x))) {
        assert!(x >= IMAGE.w / 2 || !changed(&after, y, x), "row {y}, column {x}");
    }
    assert!((IMAGE.w / 2..IMAGE.w).any(|x| changed(&after, 18, x)));
}

#[test]
fn an_attack_that_has_reached_its_iou_goes_on_to_a_higher_one() {
    for refine in [Refinement::Off, Refinement::On] {
        let settings = |stop_iou: Option<f32>| AsmaConfig {
            iterations: 120,
            stop_iou,
            refine,
            ..config()
        };
        let endless = changeable(settings(None));
        let mut executor = CpuExecutor::new(endless.program().clone()).unwrap();
        let target = target(&endless, 1);
        let mut live = begin(&endless, &mut executor, &target, true);
        take_on(&mut live, &mut executor, 40);
        let reachable = live.trace().iter().map(|row| row.iou).fold(0.0, f32::max);
        assert!(0.0 < reachable && reachable < 1.0, "{reachable}");

        let attack = changeable(settings(Some(reachable)));
        let mut executor = CpuExecutor::new(attack.program().clone()).unwrap();
        let mut live = begin(&attack, &mut executor, &target, true);
        take_on(&mut live, &mut executor, 100);
        assert_eq!(live.ended(), Some(StopReason::IouReached), "{refine:?}");
        let rows = live.trace().len();
        // It never comes to that.
        live.set_config(settings(Some(1.0))).unwrap();
        take_on(&mut live, &mut executor, 20);
        assert_eq!(live.ended(), None, "{refine:?}");
        assert_eq!(live.trace().len(), rows + 20, "{refine:?}");
    }
}

#[test]
fn an_attack_without_progress_goes_on_with_all_of_its_patience() {
    let Some(gpu) = host() else { return };
    let settings = AsmaConfig {
        iterations: 400,
        patience: Some(4),
        ..config()
    };
    let attack = attack(settings.clone());
    let on_cpu: Box<dyn Executor> = Box::new(CpuExecutor::new(attack.program().clone()).unwrap());
    for mut executor in [on_cpu, Box::new(executor(&gpu, &attack))] {
        let target = target(&attack, 1);
        let mut live = begin(&attack, executor.as_mut(), &target, false);
        take_on(&mut live, executor.as_mut(), 200);
        assert_eq!(live.ended(), Some(StopReason::NoProgress));
        let rows = live.trace().len();
        // Another number of iterations does not bring the progress that it had not made, and four are waited for again.
        live.set_config(AsmaConfig {
            iterations: 300,
            ..settings.clone()
        })
        .unwrap();
        take_on(&mut live, executor.as_mut(), 4);
        assert_eq!(live.ended(), None);
        take_on(&mut live, executor.as_mut(), 100);
        assert_eq!(live.ended(), Some(StopReason::NoProgress));
        assert!(live.trace().len() > rows + 4);
    }
}

/// Two forward passes, and nothing but image, target and region from which an iteration could know what was before it.
fn of_two_forward_passes() -> AsmaConfig {
    AsmaConfig {
        schedule: Schedule::TwoForward,
        multiplier: Multiplier::Static,
        step: asma::attack::StepSize::Fixed {
            tau: 1e-3,
            beta: 1e-2,
        },
        cap: None,
        refine: Refinement::Off,
        lambda: 0.0,
        ..config()
    }
}

#[test]
fn an_attack_of_two_forward_passes_goes_on_from_another_region_and_from_a_judgement() {
    let unet = SimpleUnet::doubling(3, 4, 2, 3, Padding::Valid);
    let graph = networks::simple_unet_scaled(&unet, 7, 8.0);
    let attack = Attack::new(&graph, IMAGE, of_two_forward_passes(), true).unwrap();
    let mut executor = CpuExecutor::new(attack.program().clone()).unwrap();
    let target = target(&attack, 1);
    let right = LabelMap::from_fn(IMAGE.h, IMAGE.w, |_, x| u8::from(x >= IMAGE.w / 2)).unwrap();

    let mut live = begin(&attack, &mut executor, &target, true);
    take_on(&mut live, &mut executor, 3);
    // Nothing of what judging it leaves is taken for what the iteration before had computed.
    let outcome = asma::program::wait(live.outcome_async(&mut executor)).unwrap();
    attack.predict(&mut executor, &networks::image(IMAGE, 6)).unwrap();
    asma::program::wait(live.resume_async(&mut executor, &outcome)).unwrap();
    take_on(&mut live, &mut executor, 1);
    let judged = image_of(&live, &mut executor);
    let mut other = begin(&attack, &mut executor, &target, true);
    take_on(&mut other, &mut executor, 4);
    assert_eq!(judged, image_of(&other, &mut executor));

    other.set_region(right.clone()).unwrap();
    other.write_changes(&mut executor).unwrap();
    let begun_from = image_of(&other, &mut executor);
    take_on(&mut other, &mut executor, 1);
    let changed = image_of(&other, &mut executor);
    // What begins at this image with this region has nothing computed before it.
    let input = AttackInput {
        source: &begun_from,
        targets: std::slice::from_ref(&target),
        regions: std::slice::from_ref(&right),
        snapshots: Snapshots::None,
    };
    let mut fresh = Live::begin(attack.clone(), &mut executor, input).unwrap();
    take_on(&mut fresh, &mut executor, 1);
    assert_eq!(changed, image_of(&fresh, &mut executor));
}

fn live_source(c: usize, y: usize, x: usize) -> f32 {
    use std::sync::LazyLock;
    static SOURCE: LazyLock<Tensor> = LazyLock::new(|| networks::image(IMAGE, 5));
    SOURCE.at(0, c, y, x)
}

#[test]
fn what_cannot_change_under_way_is_refused() {
    let plain = attack(config());
    let mut executor = CpuExecutor::new(plain.program().clone()).unwrap();
    let wanted = target(&plain, 1);
    let mut live = begin(&plain, &mut executor, &wanted, false);
    let refused = |result: asma::Result<()>, word: &str| {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Usage(_)) && error.to_string().contains(word),
            "{error}"
        );
    };
    let logit = AsmaConfig {
        objective: Objective::Logit,
        ..config()
    };
    refused(live.set_config(logit), "changeable");
    refused(live.set_region(everywhere()), "regions");
    refused(
        live.set_config(AsmaConfig {
            lambda: 2.0,
            ..config()
        }),
        "lambda",
    );
    refused(
        live.set_config(AsmaConfig {
            schedule: Schedule::TwoForward,
            ..config()
        }),
        "schedule",
    );
    refused(
        live.set_config(AsmaConfig {
            iterations: 0,
            ..config()
        }),
        "0 iterations",
    );
    refused(live.set_target(LabelMap::from_fn(3, 3, |_, _| 1).unwrap()), "3×3");
    refused(live.set_target(target(&plain, 9)), "class 9");
    let step = Step {
        tau: f32::NAN,
        ..live.step().unwrap()
    };
    refused(live.set_step(step), "NaN");
    // More iterations are taken.
    live.set_config(AsmaConfig {
        iterations: 20,
        ..config()
    })
    .unwrap();
    take_on(&mut live, &mut executor, 25);
    assert_eq!(live.trace().len(), 20);
}
