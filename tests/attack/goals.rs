//! What comes out of attacks that are told when it is enough, or that shrink their budget: within what was asked for.

use asma::attack::budget::{Loss, Norm, Rate};
use asma::attack::{AttackConfig, BudgetConfig, Outcome, Purpose, StopReason, table};
use asma::labels::{compare, scored_classes};
use asma::{LabelMap, Tensor};

use crate::budget::{distance, labels_for, network, prediction, run, source};

fn rate(outcome: &Outcome, iteration: u32) -> f32 {
    outcome.trace[iteration as usize].success_rate.unwrap()
}

fn assert_within(config: &BudgetConfig, image: &Tensor) {
    let (length, largest) = distance(&source(), image);
    let far = match config.norm {
        Norm::Linf => largest,
        Norm::L2 => length,
    };
    let most = f64::from(config.eps) * (1.0 + 1e-5) + 1e-6;
    assert!(far <= most, "{far} of {}: {config:?}", config.eps);
}

/// The attacks of the table that step up a loss, made strong enough for a small network.
fn attacks(purpose: Purpose) -> Vec<BudgetConfig> {
    let mut attacks = Vec::new();
    for norm in [Norm::Linf, Norm::L2] {
        for entry in table::ATTACKS {
            match (entry.settings)(norm) {
                AttackConfig::Budget(base) if norm == base.norm && base.attack != "fgsm" => {
                    let strong = match base.attack {
                        "dag" => BudgetConfig { alpha: 0.02, ..base },
                        "padam" if norm == Norm::L2 => continue,
                        _ => base.clone().with_eps(8.0 * base.eps),
                    };
                    attacks.push(BudgetConfig {
                        steps: 30,
                        purpose,
                        ..strong
                    });
                }
                _ => {}
            }
        }
    }
    attacks
}

/// The image that got there comes out, also of attacks that keep the last one and of those that would have kept another.
#[test]
fn what_reaches_the_goal_comes_out() {
    let graph = network(5, 3.0);
    for purpose in [Purpose::Untargeted, Purpose::Targeted] {
        let labels = labels_for(&graph, purpose);
        let mut reached = 0;
        for config in attacks(purpose) {
            let free = run(
                &graph,
                BudgetConfig {
                    stop_rate: None,
                    ..config.clone()
                },
                &labels,
            );
            let wanted = 0.5 * (rate(&free, 0) + rate(&free, free.best_iteration));
            let config = BudgetConfig {
                stop_rate: Some(wanted),
                ..config
            };
            let outcome = run(&graph, config.clone(), &labels);
            if outcome.stop != StopReason::GoalReached {
                continue;
            }
            reached += 1;
            let last = outcome.trace.last().unwrap().iteration;
            assert_eq!(outcome.best_iteration, last, "{config:?}");
            assert!(rate(&outcome, last) >= wanted, "{config:?}");
            assert_eq!(outcome.best, outcome.last, "{config:?}");
            if config.attack != "dag" {
                assert_within(&config, &outcome.best);
            }
        }
        assert!(reached >= 8, "{reached} attacks got there");
    }
}

/// By IoU too, where another image may have more pixels right.
#[test]
fn what_reaches_the_iou_comes_out() {
    let graph = network(5, 3.0);
    let labels = labels_for(&graph, Purpose::Targeted);
    for config in attacks(Purpose::Targeted)
        .into_iter()
        .filter(|config| config.attack != "dag")
    {
        let config = BudgetConfig {
            rate: Rate::Iou,
            stop_rate: Some(1e-3),
            ..config
        };
        let outcome = run(&graph, config.clone(), &labels);
        assert_eq!(outcome.stop, StopReason::GoalReached, "{config:?}");
        let last = outcome.trace.last().unwrap();
        assert!(
            last.iou >= 1e-3 && outcome.best_iteration == last.iteration,
            "{config:?}"
        );
    }
}

/// A budget that shrinks is no larger than what was asked for where it ends, whichever image is kept.
#[test]
fn a_shrinking_budget_ends_within_what_was_asked_for() {
    let graph = network(5, 3.0);
    let labels = labels_for(&graph, Purpose::Untargeted);
    for norm in [Norm::Linf, Norm::L2] {
        let Some(AttackConfig::Budget(sea)) = table::named("sea").map(|entry| (entry.settings)(norm)) else {
            panic!("sea has a budget")
        };
        let base = BudgetConfig {
            steps: 20,
            purpose: Purpose::Untargeted,
            ..sea
        };
        for keep in ["best", "last"] {
            let config = BudgetConfig {
                keep: keep.parse().unwrap(),
                ..base.clone()
            };
            let outcome = run(&graph, config.clone(), &labels);
            assert_within(&config, &outcome.best);
            assert!(outcome.best_iteration >= 14, "{config:?}");
        }
        // What more starts come to is no less than what the first did.
        let once = run(&graph, base.clone(), &labels);
        let config = BudgetConfig { restarts: 3, ..base };
        let thrice = run(&graph, config.clone(), &labels);
        assert_within(&config, &thrice.best);
        assert_eq!(once.trace[..], thrice.trace[..once.trace.len()]);
        let (one, three) = (
            rate(&once, once.best_iteration),
            rate(&thrice, thrice.best_iteration),
        );
        assert!(three >= one, "{three} and {one}");
    }
}

fn five_steps(purpose: Purpose) -> BudgetConfig {
    BudgetConfig {
        eps: 0.2,
        alpha: 0.02,
        steps: 5,
        purpose,
        ..BudgetConfig::default()
    }
}

/// Each round of bisection begins as often as was asked for, with the same budget.
#[test]
fn restarts_share_a_round_of_bisection() {
    let graph = network(5, 3.0);
    let labels = labels_for(&graph, Purpose::Untargeted);
    let base = BudgetConfig {
        random_start: true,
        ..five_steps(Purpose::Untargeted)
    };
    let goal = {
        let outcome = run(&graph, base.clone(), &labels);
        0.5 * (rate(&outcome, 0) + rate(&outcome, outcome.best_iteration))
    };
    let config = BudgetConfig {
        restarts: 3,
        minimise: Some(asma::attack::budget::Minimise {
            rate: goal,
            rounds: 6,
        }),
        ..base
    };
    let outcome = run(&graph, config.clone(), &labels);
    let steps: Vec<f32> = outcome.trace.iter().map(|row| row.multiplier).collect();
    let rounds: Vec<f32> = steps.chunks(3 * 6).map(|round| round[0]).collect();
    for (number, round) in steps.chunks(3 * 6).enumerate() {
        assert!(round.iter().all(|&step| step == rounds[number]), "{steps:?}");
        let succeeded = (18 * number..18 * number + 18).any(|row| rate(&outcome, row as u32) >= goal);
        if let Some(next) = rounds.get(number + 1) {
            assert_eq!(*next < rounds[number], succeeded, "round {number}: {rounds:?}");
        }
    }
    assert!(rate(&outcome, outcome.best_iteration) >= goal);
}

/// A round that failed tells nothing of less once another, begun elsewhere, got through with as much.
#[test]
fn bisection_goes_on_below_a_budget_that_first_failed() {
    let graph = network(5, 3.0);
    let labels = labels_for(&graph, Purpose::Untargeted);
    let config = |seed, rate, rounds| BudgetConfig {
        seed,
        random_start: true,
        minimise: Some(asma::attack::budget::Minimise { rate, rounds }),
        ..five_steps(Purpose::Untargeted)
    };
    let most = |outcome: &Outcome, round: u32| {
        let rates = (6 * round..6 * round + 6).map(|row| rate(outcome, row));
        rates.fold(0.0, f32::max)
    };
    let (seed, goal) = (0..20)
        .find_map(|seed| {
            let outcome = run(&graph, config(seed, 1.0, 2), &labels);
            let [first, second] = [0, 1].map(|round| most(&outcome, round));
            (first < second).then_some((seed, second))
        })
        .expect("a seed whose second round gets further");
    let outcome = run(&graph, config(seed, goal, 4), &labels);
    let budgets: Vec<f32> = outcome.trace.chunks(6).map(|round| round[0].multiplier).collect();
    assert_eq!(budgets[1], budgets[0]);
    assert_eq!(budgets[2], 0.5 * budgets[1]);
}

/// Nothing is smaller than no change: what meets the goal as it is ends a search for the least at once.
#[test]
fn what_meets_the_goal_as_it_is_needs_no_search() {
    let graph = network(5, 3.0);
    let labels = labels_for(&graph, Purpose::Targeted);
    let plain = five_steps(Purpose::Targeted);
    let already = rate(&run(&graph, plain.clone(), &labels), 0);
    let config = BudgetConfig {
        minimise: Some(asma::attack::budget::Minimise {
            rate: already,
            rounds: 6,
        }),
        ..plain
    };
    let outcome = run(&graph, config, &labels);
    assert_eq!((outcome.trace.len(), outcome.best_iteration), (1, 0));
    assert_eq!(outcome.stop, asma::attack::StopReason::GoalReached);
}

/// The prediction of what comes out is what the trace says of it.
#[test]
fn what_comes_out_is_what_the_trace_says() {
    let graph = network(5, 3.0);
    let labels = labels_for(&graph, Purpose::Untargeted);
    let config = BudgetConfig {
        loss: Loss::CosPgd,
        keep: "last".parse().unwrap(),
        stop_rate: Some(0.4),
        eps: 0.3,
        alpha: 0.02,
        steps: 30,
        purpose: Purpose::Untargeted,
        ..BudgetConfig::default()
    };
    let outcome = run(&graph, config, &labels);
    let predicted = prediction(&graph, &outcome.best);
    let accuracy = accuracy(&labels, &predicted);
    let row = &outcome.trace[outcome.best_iteration as usize];
    assert!(
        (row.pixel_accuracy - accuracy).abs() < 1e-6,
        "{row:?} and {accuracy}"
    );
}

fn accuracy(labels: &LabelMap, prediction: &LabelMap) -> f32 {
    compare(labels, prediction, &scored_classes(5, &[0, 1, 2, 3, 4]))
        .unwrap()
        .1
}
