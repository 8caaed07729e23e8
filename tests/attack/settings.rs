//! Settings by their names.

use asma::attack::budget::{Loss, Norm};
use asma::attack::settings::NamedOption;
use asma::attack::{AsmaConfig, AttackConfig, BudgetConfig, Settings, StepSize, table};

fn told(options: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, text) in options {
        settings.set(name, text).unwrap();
    }
    settings
}

fn budget(attack: &str, options: &[(&str, &str)]) -> BudgetConfig {
    match told(options).config(table::named(attack).unwrap()).unwrap().0 {
        AttackConfig::Budget(config) => config,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_said_is_as_published() {
    for entry in table::ATTACKS {
        let settings = told(&[]);
        let (config, losses) = settings.config(entry).unwrap();
        assert_eq!(config, (entry.settings)(Norm::Linf), "{}", entry.name);
        assert_eq!(!losses.is_empty(), entry.name == "sea");
        settings.refuse_idle(&[entry]).unwrap();
    }
}

#[test]
fn every_name_sets_its_own_field() {
    let value = |name| match name {
        "untargeted" | "published" | "random-start" => "on",
        "norm" | "minimise" => "l2",
        "loss" => "cos",
        "keep" => "last",
        "refine" => "off",
        "schedule" => "two-forward",
        "mask" | "multiplier" => "static",
        "objective" => "logit",
        "class-weights" | "classes" => "1,2",
        _ => "3",
    };
    let mut seen = vec![Settings::default()];
    for NamedOption { name, .. } in Settings::options() {
        let settings = told(&[(name, value(name))]);
        assert!(!seen.contains(&settings), "{name}");
        seen.push(settings);
    }
    assert_eq!(told(&[("steps", "7")]), told(&[("iterations", "7")]));
}

#[test]
fn every_word_of_an_option_is_taken_and_no_other() {
    let worded = Settings::options()
        .iter()
        .filter(|option| !option.words.is_empty());
    let mut count = 0;
    for NamedOption { name, words, .. } in worded {
        let given: Vec<Settings> = words.iter().map(|word| told(&[(name, word)])).collect();
        for (place, settings) in given.iter().enumerate() {
            assert!(!given[..place].contains(settings), "{name}={}", words[place]);
        }
        let other = Settings::default()
            .set(name, "otherwise")
            .unwrap_err()
            .to_string();
        assert!(other.contains(words[0]), "{name}: {other}");
        count += 1;
    }
    assert_eq!(count, 11);
}

#[test]
fn numbers_may_be_fractions_and_the_step_follows_the_budget() {
    let config = budget("pgd", &[("eps", "4/255"), ("norm", "linf")]);
    assert_eq!(config.eps, 4.0 / 255.0);
    assert_eq!(config.alpha, 0.5 * 0.01);
    let config = budget("sea", &[("loss", "js-avg"), ("class-weights", "0.5, 1/4")]);
    assert_eq!(
        (config.loss, config.class_weights),
        (Loss::JensenShannon, Some(vec![0.5, 0.25]))
    );
    let config = told(&[("tau", "1e-7")])
        .config(table::named("asma").unwrap())
        .unwrap()
        .0;
    let wanted = StepSize::Fixed {
        tau: 1e-7,
        beta: 10.0 * 1e-7,
    };
    assert_eq!(config.asma().unwrap().step, wanted);
    let config = told(&[("published", "on")])
        .config(table::named("asma").unwrap())
        .unwrap()
        .0;
    assert_eq!(config.asma(), Some(&AsmaConfig::published()));
}

#[test]
fn what_cannot_be_is_refused_with_what_can() {
    let refused = |name: &str, text: &str, words: &[&str]| {
        let problem = Settings::default().set(name, text).unwrap_err().to_string();
        for word in words {
            assert!(problem.contains(word), "{problem}");
        }
    };
    refused("epsilon", "0.1", &["no option `epsilon`", "eps", "tau"]);
    refused("eps", "8:255", &["eps is `8:255`", "8/255"]);
    refused("steps", "-1", &["steps is `-1`", "whole number"]);
    refused("norm", "l1", &["linf", "l2"]);
    refused("untargeted", "yes", &["on or off"]);
    refused("classes", "0,x", &["whole number"]);
    let idle = told(&[("eps", "0.1")]).refuse_idle(&[table::named("asma").unwrap()]);
    assert!(idle.unwrap_err().to_string().contains("attacks with a budget"));
    let away = told(&[("untargeted", "on")]).config(table::named("asma").unwrap());
    assert!(away.unwrap_err().to_string().contains("leads towards a target"));
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for options in [
        [("stop-iou", "0.9"), ("rate", "0.99")],
        [("minimise", "linf"), ("norm", "l2")],
    ] {
        let refusal = Settings::read("pgd", options).unwrap_err().to_string();
        for (name, _) in options {
            assert!(refusal.contains(name), "{refusal}");
        }
        for option in options {
            Settings::read("pgd", [option]).unwrap();
        }
    }
    let unknown = Settings::read("pgdd", []).unwrap_err().to_string();
    assert!(
        unknown.contains("`pgdd`") && unknown.contains("pgd, "),
        "{unknown}"
    );
}
