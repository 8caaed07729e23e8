//! What attacks with a budget promise, on networks of two classes in one channel and in two, and of more; where published
//! code fails, above all.

use std::ops::ControlFlow;

use asma::attack::budget::{Keep, Loss, Minimise, Norm, Rule};
use asma::attack::{
    Attack, AttackConfig, AttackInput, BudgetConfig, Outcome, Purpose, Snapshots, StopReason, table,
};
use asma::cpu::CpuExecutor;
use asma::graph::Graph;
use asma::labels::IGNORE;
use asma::model::{Padding, SimpleUnet};
use asma::program::Executor;
use asma::{LabelMap, Shape, Tensor};

use crate::networks::{image, numbers, target};

/// A network whose logits are differences of features, so that no class has the largest everywhere.
pub fn network(classes: usize, scale: f32) -> Graph {
    let unet = SimpleUnet::doubling(3, 4, 2, classes, Padding::Same);
    let mut layer = 11000;
    unet.build(|name, shape| {
        layer += 1;
        let fan_in: usize = shape[1..].iter().product();
        let mut values = numbers(layer, shape.iter().product());
        if name.starts_with("conv_final") {
            for row in values.chunks_mut(fan_in) {
                let mean = row.iter().sum::<f32>() / row.len() as f32;
                row.iter_mut().for_each(|value| *value = scale * (*value - mean));
            }
        } else {
            let scale = if shape.len() == 4 {
                (6.0 / fan_in as f32).sqrt()
            } else {
                0.1
            };
            values.iter_mut().for_each(|value| *value *= scale);
        }
        Ok(values)
    })
    .unwrap()
}

const INPUT: Shape = Shape::new(1, 3, 20, 24);

fn labels(classes: usize, seed: u64) -> LabelMap {
    target(INPUT.h, INPUT.w, (classes.max(2) - 1) as u8, seed)
}

/// What an attack is given: a target, or, untargeted, what the network predicts.
pub fn labels_for(graph: &Graph, purpose: Purpose) -> LabelMap {
    let classes = graph.output_shape(INPUT).unwrap().c;
    match purpose {
        Purpose::Targeted => labels(classes, 1),
        Purpose::Untargeted => prediction(graph, &source()),
    }
}

fn run_on(
    graph: &Graph,
    config: impl Into<AttackConfig>,
    source: &Tensor,
    labels: &[LabelMap],
    regions: &[LabelMap],
) -> Vec<Outcome> {
    let attack = Attack::new(graph, source.shape(), config, !regions.is_empty()).unwrap();
    let mut executor = CpuExecutor::new(attack.program().clone()).unwrap();
    let input = AttackInput {
        source,
        targets: labels,
        regions,
        snapshots: Snapshots::None,
    };
    attack
        .run(&mut executor, input, &mut |_| ControlFlow::Continue(()))
        .unwrap()
}

/// The image that all attacks here begin at.
pub fn source() -> Tensor {
    image(INPUT, 5)
}

/// What the network makes of an image.
pub fn prediction(graph: &Graph, image: &Tensor) -> LabelMap {
    let attack = Attack::new(graph, INPUT, BudgetConfig::default(), false).unwrap();
    let mut executor = CpuExecutor::new(attack.program().clone()).unwrap();
    attack.predict(&mut executor, image).unwrap().remove(0)
}

pub fn run(graph: &Graph, config: impl Into<AttackConfig>, labels: &LabelMap) -> Outcome {
    run_on(graph, config, &source(), std::slice::from_ref(labels), &[]).remove(0)
}

pub fn distance(a: &Tensor, b: &Tensor) -> (f64, f64) {
    let differences = a.data().iter().zip(b.data()).map(|(a, b)| f64::from(a - b).abs());
    let (squares, largest) = differences.fold((0.0, 0.0f64), |(squares, largest), difference| {
        (squares + difference * difference, largest.max(difference))
    });
    (squares.sqrt(), largest)
}

/// The budget attacks of the table in few steps, in both norms.
fn attacks(purpose: Purpose) -> Vec<(String, BudgetConfig)> {
    let norms = [Norm::Linf, Norm::L2];
    let entries = table::ATTACKS
        .iter()
        .flat_map(|entry| norms.map(|norm| (entry, norm)));
    entries
        .filter_map(|(entry, norm)| {
            let AttackConfig::Budget(config) = (entry.settings)(norm) else {
                return None;
            };
            if config.rule == Rule::Adam && norm == Norm::L2 {
                return None;
            }
            let config = BudgetConfig {
                steps: config.steps.min(10),
                purpose,
                ..config
            };
            Some((format!("{} {norm} {purpose:?}", entry.name), config))
        })
        .collect()
}

/// Every attack with every loss keeps within budget and box, and gets further than it began, on binary masks of one and of two
/// channels too, where published code fails for some and is no more than a rule for three classes for others.
#[test]
fn all_attacks_and_losses_work_on_any_number_of_classes() {
    let source = image(INPUT, 5);
    let losses = [
        Loss::CrossEntropy,
        Loss::SegPgd,
        Loss::CosPgd,
        Loss::MaskedCrossEntropy,
        Loss::WeightedCrossEntropy,
        Loss::JensenShannon,
        Loss::Tsallis,
        Loss::Cosine,
        Loss::Difference,
        Loss::Ratio,
    ];
    for classes in [1, 2, 3, 5] {
        let graph = network(classes, 3.0);
        for purpose in [Purpose::Targeted, Purpose::Untargeted] {
            let labels = labels_for(&graph, purpose);
            for (name, config) in attacks(purpose) {
                let losses = match config.rule {
                    Rule::Largest => vec![Loss::Dense],
                    _ => losses.to_vec(),
                };
                for loss in losses {
                    let what = format!("{name}, {loss}, {classes} channels");
                    let config = BudgetConfig {
                        loss,
                        eps: 4.0 * config.eps,
                        alpha: 4.0 * config.alpha,
                        keep: Keep::Best,
                        class_weights: Some((0..classes.max(2)).map(|class| 1.0 + class as f32).collect()),
                        ..config.clone()
                    };
                    let (norm, eps, rule) = (config.norm, f64::from(config.eps), config.rule);
                    // Of three phases the first two may go further, and what they come to does not count.
                    let wide = match config.shrinking {
                        true => 2 * (3 * config.steps as usize / 10 + 1),
                        false => 0,
                    };
                    let outcome = run(&graph, config, &labels);
                    let rates: Vec<f32> = outcome
                        .trace
                        .iter()
                        .map(|row| row.success_rate.unwrap())
                        .collect();
                    let best = rates[outcome.best_iteration as usize];
                    assert!(
                        rates[wide..].iter().all(|&rate| rate <= best),
                        "{what}: {rates:?}"
                    );
                    assert!(outcome.best_iteration as usize >= wide, "{what}: {rates:?}");
                    let (l2, linf) = distance(&source, &outcome.best);
                    assert_ne!(outcome.last, source, "{what}");
                    match (rule, norm) {
                        (Rule::Largest, _) => {}
                        (_, Norm::Linf) => assert!(linf <= eps + 1e-6, "{what}: {linf} of {eps}"),
                        (_, Norm::L2) => assert!(l2 <= eps * (1.0 + 1e-5), "{what}: {l2} of {eps}"),
                    }
                    assert!(
                        outcome
                            .best
                            .data()
                            .iter()
                            .all(|value| (0.0..=1.0).contains(value)),
                        "{what}"
                    );
                }
            }
        }
    }
}

/// At logits that are hundreds apart probabilities round to 0 and 1; the closed form of the Jensen-Shannon divergence stays
/// a number, and so do all others.
#[test]
fn logits_far_apart_give_numbers() {
    let graph = network(2, 3000.0);
    let labels = labels_for(&graph, Purpose::Untargeted);
    let gap = {
        let attack = Attack::new(&graph, INPUT, BudgetConfig::default(), false).unwrap();
        let mut executor = CpuExecutor::new(attack.program().clone()).unwrap();
        attack.predict(&mut executor, &source()).unwrap();
        let logits = attack.logits();
        let values = executor.read(logits.buffer, logits.shape.elements()).unwrap();
        let (first, second) = values.split_at(logits.shape.pixels());
        let gaps = first.iter().zip(second).map(|(a, b)| (a - b).abs());
        gaps.fold(0.0, f32::max)
    };
    assert!(gap > 103.0, "{gap}");
    for loss in [
        Loss::JensenShannon,
        Loss::CrossEntropy,
        Loss::SegPgd,
        Loss::CosPgd,
        Loss::MaskedCrossEntropy,
        Loss::WeightedCrossEntropy,
        Loss::Tsallis,
        Loss::Cosine,
        Loss::Difference,
    ] {
        let config = BudgetConfig {
            loss,
            class_weights: Some(vec![1.0, 2.0]),
            steps: 4,
            purpose: Purpose::Untargeted,
            ..BudgetConfig::default()
        };
        let outcome = run(&graph, config, &labels);
        assert_eq!(outcome.trace.len(), 5, "{loss}");
        assert!(
            outcome.trace.iter().all(|row| row.loss.unwrap().is_finite()),
            "{loss}"
        );
    }
}

/// Three samples with different numbers of labelled pixels, regions and starts: each as it is alone, to the bit.
#[test]
fn a_batch_gives_each_sample_what_it_has_alone() {
    let graph = network(5, 3.0);
    let shape = Shape { n: 3, ..INPUT };
    let source = image(shape, 5);
    let ignoring: Vec<LabelMap> = (0..3usize)
        .map(|n| {
            let labels = labels(5, n as u64);
            LabelMap::from_fn(INPUT.h, INPUT.w, |y, x| match y < 6 * n {
                true => IGNORE,
                false => labels.get(y, x).unwrap(),
            })
            .unwrap()
        })
        .collect();
    let regions: Vec<LabelMap> = (0..3)
        .map(|n| LabelMap::from_fn(INPUT.h, INPUT.w, |y, x| u8::from((x + y) % (n + 2) != 0)).unwrap())
        .collect();
    let elements = INPUT.elements();
    for purpose in [Purpose::Targeted, Purpose::Untargeted] {
        for (name, config) in attacks(purpose) {
            let config = BudgetConfig {
                random_start: config.rule != Rule::Largest,
                restarts: if config.rule == Rule::Largest { 1 } else { 2 },
                class_weights: Some(vec![1.0; 5]),
                ..config
            };
            let together = run_on(&graph, config.clone(), &source, &ignoring, &regions);
            for (n, together) in together.iter().enumerate() {
                let alone = Tensor::new(INPUT, source.data()[n * elements..][..elements].to_vec()).unwrap();
                let alone =
                    run_on(&graph, config.clone(), &alone, &ignoring[n..=n], &regions[n..=n]).remove(0);
                assert_eq!(alone.trace, together.trace, "{name}, sample {n}");
                assert_eq!(alone.best, together.best, "{name}, sample {n}");
                assert_eq!(alone.last, together.last, "{name}, sample {n}");
            }
        }
    }
}

/// Pixels without a label are no misses: SEA as published can take the clean image for the best because of them.
#[test]
fn pixels_without_a_label_keep_nothing_from_being_best() {
    let graph = network(5, 3.0);
    let source = image(INPUT, 5);
    let labels = labels(5, 1);
    let sparse = LabelMap::from_fn(INPUT.h, INPUT.w, |y, x| match y % 4 {
        0 => labels.get(y, x).unwrap(),
        _ => IGNORE,
    })
    .unwrap();
    let config = |published| BudgetConfig {
        loss: Loss::MaskedCrossEntropy,
        rule: Rule::Momentum,
        eps: 1.0 / 255.0,
        alpha: 2.0 / 255.0,
        steps: 8,
        purpose: Purpose::Untargeted,
        published,
        ..BudgetConfig::default()
    };
    let outcome = |published| {
        run_on(
            &graph,
            config(published),
            &source,
            std::slice::from_ref(&sparse),
            &[],
        )
        .remove(0)
    };
    let (right, published) = (outcome(false), outcome(true));
    assert!(right.best_iteration > 0);
    assert_eq!((published.best_iteration, &published.best), (0, &source));
}

/// An attack that does not get through gives the best image that it saw, the last among them.
#[test]
fn an_unfinished_attack_gives_its_best_image() {
    let graph = network(5, 3.0);
    let labels = labels_for(&graph, Purpose::Untargeted);
    let dag = BudgetConfig {
        loss: Loss::Dense,
        rule: Rule::Largest,
        alpha: 0.01,
        steps: 5,
        purpose: Purpose::Untargeted,
        stop_rate: Some(1.0),
        ..BudgetConfig::default()
    };
    let outcome = run(&graph, dag, &labels);
    assert_eq!(outcome.stop, StopReason::Iterations);
    assert_eq!(
        outcome.trace.len(),
        6,
        "the image after the last step is looked at too"
    );
    let rate = |row: usize| outcome.trace[row].success_rate.unwrap();
    let best = (0..6).map(rate).fold(0.0, f32::max);
    assert!(best > rate(0));
    assert_eq!(rate(outcome.best_iteration as usize), best);
}

#[test]
fn a_goal_that_is_reached_ends_the_attack() {
    let config = BudgetConfig {
        loss: Loss::Dense,
        rule: Rule::Largest,
        alpha: 0.05,
        steps: 200,
        purpose: Purpose::Untargeted,
        stop_rate: Some(0.6),
        ..BudgetConfig::default()
    };
    let graph = network(5, 3.0);
    let outcome = run(&graph, config, &labels_for(&graph, Purpose::Untargeted));
    assert_eq!(outcome.stop, StopReason::GoalReached);
    let last = outcome.trace.last().unwrap();
    assert!(
        last.success_rate.unwrap() >= 0.6 && outcome.trace.len() < 100,
        "{last:?}"
    );
    assert_eq!(outcome.best_iteration, last.iteration);
    assert_eq!(outcome.best, outcome.last);
}

/// Bisection finds a budget that gets through, as a run of its own with that budget does, and one of a quarter of it does not.
#[test]
fn the_least_budget_is_found() {
    let graph = network(5, 3.0);
    let labels = labels_for(&graph, Purpose::Untargeted);
    for norm in [Norm::Linf, Norm::L2] {
        let base = BudgetConfig {
            norm,
            eps: if norm == Norm::Linf { 0.2 } else { 6.0 },
            alpha: if norm == Norm::Linf { 0.02 } else { 0.6 },
            steps: 10,
            purpose: Purpose::Untargeted,
            ..BudgetConfig::default()
        };
        let first = run(&graph, base.clone(), &labels).trace[0].success_rate.unwrap();
        let goal = first + 0.1;
        let minimising = BudgetConfig {
            minimise: Some(Minimise {
                rate: goal,
                rounds: 10,
            }),
            ..base.clone()
        };
        let outcome = run(&graph, minimising, &labels);
        let row = &outcome.trace[outcome.best_iteration as usize];
        let found = if norm == Norm::Linf { row.linf } else { row.l2 };
        assert!(row.success_rate.unwrap() >= goal, "{norm}: {row:?}");
        assert!(found < 0.9 * base.eps, "{norm}: {found}");
        let reaches = |share: f32| {
            // Of the budget that the round had, which its image did not use up.
            let scale = share * row.multiplier / base.alpha;
            let config = BudgetConfig {
                eps: scale * base.eps,
                alpha: scale * base.alpha,
                ..base.clone()
            };
            let rows = run(&graph, config, &labels).trace;
            rows.iter().any(|row| row.success_rate.unwrap() >= goal)
        };
        assert!(reaches(1.0), "{norm}: {found}");
        // What a budget reaches does not always grow with it, so far below alone is surely too little.
        assert!(!reaches(0.25), "{norm}: {found}");
    }
}

/// Where only some pixels may change, the others stay, and an L2 step is as long as if there were no others.
#[test]
fn a_region_applies_before_norms_are_taken() {
    let graph = network(5, 3.0);
    let source = image(INPUT, 5);
    let region = LabelMap::from_fn(INPUT.h, INPUT.w, |y, _| u8::from(y < 3)).unwrap();
    for purpose in [Purpose::Targeted, Purpose::Untargeted] {
        let labels = labels_for(&graph, purpose);
        for (name, config) in attacks(purpose) {
            let config = BudgetConfig {
                random_start: false,
                class_weights: Some(vec![1.0; 5]),
                ..config
            };
            let (norm, alpha, eps, rule) = (config.norm, config.alpha, config.eps, config.rule);
            let regions = std::slice::from_ref(&region);
            let outcome = run_on(&graph, config, &source, std::slice::from_ref(&labels), regions).remove(0);
            for (element, (value, origin)) in outcome.last.data().iter().zip(source.data()).enumerate() {
                let y = element % INPUT.pixels() / INPUT.w;
                assert!(y < 3 || value == origin, "{name}: element {element}");
            }
            if norm == Norm::L2 && matches!(rule, Rule::Steepest) {
                let first = outcome.trace[1].l2;
                assert!(
                    (first - alpha.min(eps)).abs() < 0.05 * alpha,
                    "{name}: {first}, want {alpha}"
                );
            }
        }
    }
}

/// The same seed gives the same bits, another one another start; noise of an L2 start lies on the sphere.
#[test]
fn starts_follow_from_the_seed() {
    let graph = network(3, 3.0);
    let labels = labels(3, 1);
    let start = |norm, seed| {
        let config = BudgetConfig {
            norm,
            eps: if norm == Norm::Linf { 0.03 } else { 0.5 },
            random_start: true,
            restarts: 2,
            steps: 2,
            seed,
            ..BudgetConfig::default()
        };
        run(&graph, config, &labels)
    };
    for norm in [Norm::Linf, Norm::L2] {
        let [a, again, b] = [7, 7, 8].map(|seed| start(norm, seed));
        assert_eq!((&a.trace, &a.last), (&again.trace, &again.last));
        assert_ne!(a.trace[0], b.trace[0]);
        // Rows 0 and 3 are what the two phases begin with.
        assert_ne!(a.trace[0].l2, a.trace[3].l2);
        for row in [0, 3] {
            match norm {
                Norm::Linf => assert!(
                    (0.028..=0.0301).contains(&a.trace[row].linf),
                    "{:?}",
                    a.trace[row]
                ),
                // The box holds a little of it back.
                Norm::L2 => assert!((0.45..=0.5001).contains(&a.trace[row].l2), "{:?}", a.trace[row]),
            }
        }
    }
}
