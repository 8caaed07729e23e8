//! What the attacks for the smallest perturbation promise.

use std::ops::ControlFlow;

use asma::attack::minimal::Method;
use asma::attack::{Attack, AttackInput, MinimalConfig, Outcome, Purpose, Snapshots, StopReason};
use asma::cpu::CpuExecutor;
use asma::graph::Graph;
use asma::labels::IGNORE;
use asma::model::{Padding, SimpleUnet};
use asma::{LabelMap, Shape, Tensor};

use crate::networks::{image, simple_unet_scaled};
use crate::{INPUT, network};

const METHODS: [Method; 2] = [Method::AlmaProx, Method::Pdpgd];

fn config(method: Method, steps: u32) -> MinimalConfig {
    MinimalConfig {
        purpose: Purpose::Untargeted,
        steps,
        learning_rate: 1e-2,
        ..MinimalConfig::new(method)
    }
}

/// What the network predicts for the image.
fn prediction(graph: &Graph, source: &Tensor) -> LabelMap {
    let attack = Attack::new(graph, source.shape(), config(Method::AlmaProx, 1), false).unwrap();
    let mut executor = CpuExecutor::new(attack.program().clone()).unwrap();
    attack.predict(&mut executor, source).unwrap().remove(0)
}

fn run(
    graph: &Graph,
    config: MinimalConfig,
    source: &Tensor,
    labels: &LabelMap,
    region: Option<&LabelMap>,
) -> Outcome {
    let attack = Attack::new(graph, source.shape(), config, region.is_some()).unwrap();
    let mut executor = CpuExecutor::new(attack.program().clone()).unwrap();
    let input = AttackInput {
        source,
        targets: std::slice::from_ref(labels),
        regions: region.map_or(&[], std::slice::from_ref),
        snapshots: Snapshots::None,
    };
    let mut outcomes = attack
        .run(&mut executor, input, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    outcomes.remove(0)
}

/// The largest difference of a value, as the trace has it.
fn distance(a: &Tensor, b: &Tensor) -> f32 {
    let differences = a.data().iter().zip(b.data()).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max)
}

#[test]
fn one_step_is_taken_and_looked_at() {
    let (graph, source) = (network(1.0), image(INPUT, 5));
    let labels = prediction(&graph, &source);
    for method in METHODS {
        let outcome = run(&graph, config(method, 1), &source, &labels, None);
        assert_eq!(outcome.trace.len(), 2);
        assert_eq!(outcome.trace[0].linf, 0.0);
        assert_eq!(outcome.trace[1].linf, distance(&outcome.last, &source));
        assert!(outcome.trace[1].linf > 0.0, "{method:?}");
        assert!(
            outcome
                .trace
                .iter()
                .all(|row| row.loss.is_some_and(f32::is_finite))
        );
    }
}

/// Few steps do not succeed: what comes out is the image with most pixels turned, and the last one was looked at too.
#[test]
fn an_attack_that_does_not_succeed_gives_the_image_that_got_furthest() {
    let (graph, source) = (network(1.0), image(INPUT, 5));
    let labels = prediction(&graph, &source);
    for method in METHODS {
        let outcome = run(&graph, config(method, 6), &source, &labels, None);
        let rates: Vec<f32> = outcome
            .trace
            .iter()
            .map(|row| row.success_rate.unwrap())
            .collect();
        let most = rates.iter().copied().fold(0.0, f32::max);
        assert!(0.0 < most && most < 0.99, "{method:?}: {rates:?}");
        let latest = rates.iter().rposition(|&rate| rate == most).unwrap();
        assert_eq!(outcome.best_iteration as usize, latest, "{method:?}: {rates:?}");
        assert_eq!(distance(&outcome.best, &source), outcome.trace[latest].linf);
        assert_eq!((outcome.reached, outcome.stop), (None, StopReason::Iterations));
        if latest == 6 {
            assert_eq!(outcome.best, outcome.last);
        }
    }
}

/// Few pixels are turned soon, and of the images in which they are the smallest comes out.
#[test]
fn an_attack_that_succeeds_gives_the_smallest_success() {
    let (graph, source) = (network(1.0), image(INPUT, 5));
    let all = prediction(&graph, &source);
    let labels = LabelMap::from_fn(all.height(), all.width(), |y, x| match (y % 4, x % 4) {
        (1, 1) => all.get(y, x).unwrap(),
        _ => IGNORE,
    })
    .unwrap();
    for method in METHODS {
        let outcome = run(&graph, config(method, 150), &source, &labels, None);
        let successes: Vec<_> = outcome
            .trace
            .iter()
            .filter(|row| row.success_rate.unwrap() >= 0.99)
            .collect();
        let first = successes.first().expect("a success").iteration;
        assert_eq!(
            (outcome.reached, outcome.stop),
            (Some(first + 1), StopReason::GoalReached),
            "{method:?}"
        );
        let least = successes.iter().map(|row| row.linf).fold(f32::MAX, f32::min);
        assert_eq!(distance(&outcome.best, &source), least, "{method:?}");
        assert_eq!(
            outcome.trace[outcome.best_iteration as usize].linf, least,
            "{method:?}"
        );
        let at_first = successes[0].linf;
        assert!(
            least < at_first,
            "{method:?}: {least} is no less than {at_first} at first"
        );
    }
}

#[test]
fn what_succeeds_at_the_start_ends_there() {
    let (graph, source) = (network(1.0), image(INPUT, 5));
    let labels = prediction(&graph, &source);
    for method in METHODS {
        let config = MinimalConfig {
            purpose: Purpose::Targeted,
            ..config(method, 30)
        };
        let outcome = run(&graph, config, &source, &labels, None);
        assert_eq!(
            (outcome.trace.len(), outcome.stop),
            (1, StopReason::GoalReached),
            "{method:?}"
        );
        assert_eq!((&outcome.best, &outcome.last), (&source, &source), "{method:?}");
    }
}

#[test]
fn pixels_outside_the_region_stay() {
    let (graph, source) = (network(1.0), image(INPUT, 5));
    let labels = prediction(&graph, &source);
    let region = LabelMap::from_fn(INPUT.h, INPUT.w, |y, x| u8::from(y > 9 && x % 4 != 0)).unwrap();
    for method in METHODS {
        let outcome = run(&graph, config(method, 8), &source, &labels, Some(&region));
        let changed = |image: &Tensor| -> Vec<bool> {
            let values = image.data().iter().zip(source.data());
            values.map(|(after, before)| after != before).collect()
        };
        for image in [&outcome.best, &outcome.last] {
            for (element, changed) in changed(image).into_iter().enumerate() {
                let may_change = region.labels()[element % INPUT.pixels()] != 0;
                assert!(
                    may_change || !changed,
                    "{method:?}: value {element} outside the region changed"
                );
            }
        }
        assert!(
            changed(&outcome.last).iter().filter(|changed| **changed).count() > 500,
            "{method:?}"
        );
    }
}

/// What has no label counts for nothing, whatever stands there.
#[test]
fn ignored_pixels_count_for_nothing() {
    let (graph, source) = (network(1.0), image(INPUT, 5));
    let all = prediction(&graph, &source);
    let labels = LabelMap::from_fn(all.height(), all.width(), |y, x| match x % 3 {
        0 => IGNORE,
        _ => all.get(y, x).unwrap(),
    })
    .unwrap();
    for method in METHODS {
        let outcome = run(&graph, config(method, 5), &source, &labels, None);
        let counted = labels.labels().iter().filter(|label| **label != IGNORE).count() as f32;
        for row in &outcome.trace {
            let pixels = row.success_rate.unwrap() * counted;
            assert!(
                (pixels - pixels.round()).abs() < 1e-3,
                "{method:?}: {pixels} of {counted} pixels"
            );
            let both = row.success_rate.unwrap() + row.pixel_accuracy;
            assert!((both - 1.0).abs() < 1e-6, "{method:?}: {row:?}");
        }
    }
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let graph = network(1.0);
    let problem = |change: &dyn Fn(&mut MinimalConfig)| {
        let mut config = config(Method::Pdpgd, 5);
        change(&mut config);
        Attack::new(&graph, INPUT, config, false)
            .expect_err("an error")
            .to_string()
    };
    let has = |text: String, part: &str| assert!(text.contains(part), "`{part}` is not in: {text}");
    has(problem(&|config| config.steps = 0), "0 steps; want 1 to");
    for rate in [0.0, -1.0, 1.5, f32::NAN, f32::INFINITY] {
        has(
            problem(&|config| config.learning_rate = rate),
            &format!("first step is {rate};"),
        );
    }
    has(problem(&|config| config.published = true), "pdpgd");
}

/// Two classes have no third largest logit.
#[test]
fn few_classes_are_attacked_by_plain_differences_and_that_is_said() {
    for (classes, purpose, plain) in [
        (1, Purpose::Untargeted, true),
        (2, Purpose::Targeted, true),
        (3, Purpose::Untargeted, false),
        (3, Purpose::Targeted, true),
        (4, Purpose::Targeted, false),
    ] {
        let graph = simple_unet_scaled(&SimpleUnet::doubling(3, 4, 2, classes, Padding::Valid), 7, 1.0);
        let source = image(Shape::new(1, 3, 30, 26), 5);
        let labels = prediction(&graph, &source);
        let labels = match purpose {
            Purpose::Untargeted => labels,
            // What the network does not predict anywhere near.
            Purpose::Targeted => {
                LabelMap::from_fn(labels.height(), labels.width(), |y, _| u8::from(y > 6)).unwrap()
            }
        };
        let config = MinimalConfig {
            purpose,
            ..config(Method::AlmaProx, 12)
        };
        let notes = config.notes(classes.max(2));
        assert_eq!(notes.len(), usize::from(plain), "{classes} classes: {notes:?}");
        let outcome = run(&graph, config, &source, &labels, None);
        let [first, last] = [0, 12].map(|row| outcome.trace[row].success_rate.unwrap());
        assert!(last > first, "{classes} classes: from {first} to {last}");
    }
}
