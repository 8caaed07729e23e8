//! Attacks and their options as texts, and what they come to.

use std::ops::ControlFlow;

use asma::attack::budget::{Norm, Rule};
use asma::attack::{Attack, AttackConfig, AttackInput, Outcome, Settings, Snapshots, StopReason};
use asma::cpu::CpuExecutor;
use asma::model::{Padding, SimpleUnet};
use asma::train::initial_graph;
use asma::{LabelMap, Shape, Tensor};

/// More iterations than this cost only time here.
const MOST_ITERATIONS: u32 = 120;

/// The name of an attack in the first line, and an option in each other one, as `name=text`.
pub fn attack_options(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let attack = lines.next().unwrap_or_default();
    let options = lines.map(|line| line.split_once('=').unwrap_or((line, "")));
    let Ok((config, losses)) = Settings::read(attack, options) else {
        return;
    };
    let graph = SimpleUnet::doubling(3, 1, 1, 2, Padding::Same)
        .blank()
        .and_then(|graph| initial_graph(&graph, 7))
        .expect("a small network");
    for config in config.with_each_loss(losses) {
        let _ = config.notes(2);
        let _ = config.to_json();
        if config.check_without_weights(2).is_err() || config.iterations() > MOST_ITERATIONS {
            continue;
        }
        let source = Tensor::from_fn(Shape::new(1, 3, 6, 8), |_, c, y, x| {
            ((3 * c + 5 * y + 7 * x) % 11) as f32 / 10.0
        });
        if let Ok(attack) = Attack::new(&graph, source.shape(), config, false) {
            let labels = LabelMap::from_fn(6, 8, |y, x| ((x + y) % 2) as u8).expect("not empty");
            let mut executor = CpuExecutor::new(attack.program().clone()).expect("an executor");
            let input = AttackInput {
                source: &source,
                targets: &[labels],
                regions: &[],
                snapshots: Snapshots::None,
            };
            let outcomes = attack.run(&mut executor, input, &mut |_| ControlFlow::Continue(()));
            for outcome in outcomes.into_iter().flatten() {
                check(attack.config(), &source, &outcome);
            }
        }
    }
}

/// What comes out is within the budget, and is what got there if anything did.
fn check(config: &AttackConfig, source: &Tensor, outcome: &Outcome) {
    let AttackConfig::Budget(budget) = config else {
        return;
    };
    let differences = source.data().iter().zip(outcome.best.data());
    let differences = differences.map(|(a, b)| f64::from(a - b).abs());
    let (far, most) = match budget.norm {
        Norm::Linf => (differences.fold(0.0, f64::max), f64::from(budget.eps) + 1e-6),
        Norm::L2 => (
            differences
                .map(|difference| difference * difference)
                .sum::<f64>()
                .sqrt(),
            f64::from(budget.eps) * (1.0 + 1e-5),
        ),
    };
    assert!(
        budget.rule == Rule::Largest || far <= most,
        "{far} of {most}: {budget:?}"
    );
    if outcome.stop == StopReason::GoalReached {
        let last = outcome.trace.last().expect("a row");
        assert_eq!(outcome.best_iteration, last.iteration, "{budget:?}");
        assert!(outcome.best == outcome.last, "{budget:?}");
    }
}
