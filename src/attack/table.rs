//! The attacks by name, each with the settings that its authors published. An attack more is a line here.

use super::asma::AsmaConfig;
use super::budget::{BudgetConfig, Keep, Loss, Norm, Rule};
use super::config::AttackConfig;
use super::minimal::{Method, MinimalConfig};

/// An attack as it was published.
#[derive(Debug)]
pub struct Entry {
    /// The name it goes by.
    pub name: &'static str,
    /// What it does, and where it stands.
    pub about: &'static str,
    /// Its settings with this norm.
    pub settings: fn(Norm) -> AttackConfig,
}

/// All attacks.
pub const ATTACKS: &[Entry] = &[
    Entry {
        name: "asma",
        about: "raises the wanted class where it is not predicted, as little as it takes (arXiv 1907.13124)",
        settings: |_| AsmaConfig::default().into(),
    },
    Entry {
        name: "fgsm",
        about: "one step of the whole budget along the gradient's signs (arXiv 1412.6572)",
        settings: |norm| {
            let eps = eps(norm);
            BudgetConfig {
                attack: "fgsm",
                alpha: eps,
                steps: 1,
                keep: Keep::Last,
                ..pgd(norm)
            }
            .into()
        },
    },
    Entry {
        name: "pgd",
        about: "steps along the gradient, brought back within the budget (arXiv 1706.06083)",
        settings: |norm| pgd(norm).into(),
    },
    Entry {
        name: "segpgd",
        about: "PGD that looks first at the pixels not yet turned (arXiv 2207.12391)",
        settings: |norm| {
            BudgetConfig {
                attack: "segpgd",
                loss: Loss::SegPgd,
                ..pgd(norm)
            }
            .into()
        },
    },
    Entry {
        name: "cospgd",
        about: "PGD that weighs pixels by how sure the network is (arXiv 2302.02213)",
        settings: |norm| {
            BudgetConfig {
                attack: "cospgd",
                loss: Loss::CosPgd,
                ..pgd(norm)
            }
            .into()
        },
    },
    Entry {
        name: "apgd",
        about: "PGD with momentum that halves its steps by itself (arXiv 2003.01690)",
        settings: |norm| apgd(norm).into(),
    },
    Entry {
        name: "sea",
        about: "APGD within a shrinking budget, the worst of three losses for each image (arXiv 2306.12941)",
        settings: |norm| {
            BudgetConfig {
                attack: "sea",
                steps: 300,
                shrinking: true,
                random_start: true,
                ..apgd(norm)
            }
            .into()
        },
    },
    Entry {
        name: "dag",
        about: "steps until nearly all pixels are turned, without a budget (arXiv 1703.08603)",
        settings: |norm| {
            BudgetConfig {
                attack: "dag",
                loss: Loss::Dense,
                rule: Rule::Largest,
                norm,
                alpha: 0.003,
                steps: 200,
                stop_rate: Some(0.99),
                ..BudgetConfig::default()
            }
            .into()
        },
    },
    Entry {
        name: "padam",
        about: "AMSGrad within a budget (Halmosi and Jelasity, ECCV 2024)",
        settings: |norm| {
            BudgetConfig {
                attack: "padam",
                rule: Rule::Adam,
                alpha: 2.0 / 255.0,
                steps: 200,
                random_start: true,
                keep: Keep::Last,
                ..pgd(norm)
            }
            .into()
        },
    },
    Entry {
        name: "alma-prox",
        about: "looks for the smallest L∞ by an augmented Lagrangian and proximal steps (arXiv 2206.07179)",
        settings: |_| MinimalConfig::new(Method::AlmaProx).into(),
    },
    Entry {
        name: "pdpgd",
        about: "looks for the smallest L∞ by dual weights and proximal steps (arXiv 2106.01538)",
        settings: |_| MinimalConfig::new(Method::Pdpgd).into(),
    },
];

/// The attack of a name.
pub fn named(name: &str) -> Option<&'static Entry> {
    ATTACKS.iter().find(|entry| entry.name == name)
}

/// The names of all attacks.
pub fn names() -> Vec<&'static str> {
    ATTACKS.iter().map(|entry| entry.name).collect()
}

/// The losses of SEA, of which it takes the worst.
pub const SEA_LOSSES: [Loss; 3] = [
    Loss::WeightedCrossEntropy,
    Loss::MaskedCrossEntropy,
    Loss::JensenShannon,
];

fn eps(norm: Norm) -> f32 {
    match norm {
        Norm::Linf => 8.0 / 255.0,
        Norm::L2 => 128.0 / 255.0,
    }
}

fn pgd(norm: Norm) -> BudgetConfig {
    BudgetConfig {
        norm,
        eps: eps(norm),
        alpha: match norm {
            Norm::Linf => 0.01,
            Norm::L2 => 0.2,
        },
        steps: 20,
        keep: Keep::Last,
        ..BudgetConfig::default()
    }
}

fn apgd(norm: Norm) -> BudgetConfig {
    BudgetConfig {
        attack: "apgd",
        loss: Loss::MaskedCrossEntropy,
        rule: Rule::Momentum,
        norm,
        eps: eps(norm),
        // Twice the budget, halved by itself.
        alpha: 2.0 * eps(norm),
        steps: 100,
        ..BudgetConfig::default()
    }
}
