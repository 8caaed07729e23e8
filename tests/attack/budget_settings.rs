//! Settings of attacks with a budget: refused, changed and said, or noted.

use asma::attack::budget::{Loss, Minimise, Norm, Rule};
use asma::attack::{AttackConfig, BudgetConfig, Purpose};

/// Ratios of logits need three classes, targeted four: with fewer the plain difference is taken, and said.
#[test]
fn where_a_loss_cannot_be_the_difference_is_taken_and_said() {
    for (classes, purpose, changes) in [
        (2, Purpose::Untargeted, true),
        (3, Purpose::Untargeted, false),
        (3, Purpose::Targeted, true),
        (4, Purpose::Targeted, false),
    ] {
        let config = BudgetConfig {
            loss: Loss::Ratio,
            purpose,
            ..BudgetConfig::default()
        };
        let loss = if changes { Loss::Difference } else { Loss::Ratio };
        assert_eq!(config.loss_of(classes), loss);
        assert_eq!(
            config.notes(classes).iter().any(|note| note.contains("`dl`")),
            changes
        );
    }
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let refused = |change: &dyn Fn(&mut BudgetConfig), words: &str| {
        let mut config = BudgetConfig::default();
        change(&mut config);
        let problem = config.check(3).unwrap_err().to_string();
        assert!(problem.contains(words), "{problem}");
    };
    refused(&|c| c.eps = 0.0, "eps is 0");
    refused(&|c| c.eps = -0.1, "eps is -0.1");
    refused(&|c| c.eps = 1.5, "eps is 1.5");
    refused(&|c| c.eps = f32::NAN, "eps is NaN");
    refused(&|c| (c.eps, c.norm) = (1e7, Norm::L2), "eps is 10000000");
    refused(&|c| c.alpha = 0.0, "alpha is 0");
    refused(&|c| c.alpha = f32::INFINITY, "alpha is inf");
    refused(&|c| c.steps = 0, "0 steps");
    refused(&|c| c.restarts = 0, "0 restarts");
    refused(&|c| c.restarts = 2, "begin at random");
    refused(&|c| c.stop_rate = Some(0.0), "is 0; want more than 0");
    refused(
        &|c| c.minimise = Some(Minimise { rate: 1.5, rounds: 3 }),
        "is 1.5",
    );
    refused(
        &|c| c.minimise = Some(Minimise { rate: 0.5, rounds: 0 }),
        "0 rounds",
    );
    refused(&|c| (c.steps, c.shrinking) = (3, true), "three phases");
    refused(
        &|c| (c.rule, c.norm) = (Rule::Adam, Norm::L2),
        "largest difference alone",
    );
    refused(&|c| c.steps = u32::MAX, "want at most");
    refused(
        &|c| c.loss = Loss::WeightedCrossEntropy,
        "a weight for each class",
    );
    refused(&|c| c.class_weights = Some(vec![1.0]), "1 weights of classes");
    refused(&|c| c.class_weights = Some(vec![1.0, f32::NAN, 1.0]), "NaN");
    let note = BudgetConfig {
        alpha: 0.1,
        ..BudgetConfig::default()
    };
    note.check(3).unwrap();
    assert!(note.notes(3)[0].contains("more than twice the budget"));
}

/// A step that is once or twice the budget stays so to the last bit, whatever the budget, and is not remarked on.
#[test]
fn steps_stay_in_proportion_to_the_budget() {
    for (levels, times) in (1..=255u8).flat_map(|levels| [(levels, 1.0), (levels, 2.0)]) {
        let eps = f32::from(levels) / 255.0;
        let base = BudgetConfig::default();
        let config = BudgetConfig {
            alpha: times * base.eps,
            ..base
        }
        .with_eps(eps);
        assert_eq!((config.eps, config.alpha), (eps, times * eps));
        assert_eq!(config.notes(3), [""; 0]);
    }
}

/// What an attack does not keep to is not recorded as its budget.
#[test]
fn settings_of_an_attack_without_a_budget_name_none() {
    for (rule, has) in [(Rule::Largest, false), (Rule::Steepest, true)] {
        let config = AttackConfig::from(BudgetConfig {
            rule,
            ..BudgetConfig::default()
        });
        assert_eq!(config.to_json().get("eps").is_some(), has);
    }
}
