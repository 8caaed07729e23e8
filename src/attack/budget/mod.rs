//! Attacks that step up a loss within a budget: FGSM, PGD, SegPGD, CosPGD, APGD and SEA, PAdam, and DAG, whose budget is
//! none.

mod config;
mod plan;
mod schedule;
mod start;

pub use config::{BudgetConfig, Keep, Loss, Minimise, Norm, Rate, Rule};
pub(super) use plan::plan;
pub(super) use start::{begin, begin_at, start};
