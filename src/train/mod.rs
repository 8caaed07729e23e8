//! Training on the samples of a data set: the loss, the optimiser and the loop over epochs, random variations of
//! the samples, the split for validation.

mod appearance;
pub mod augment;
mod batch;
mod config;
mod initial;
mod plan;
mod random;
mod samples;
pub mod split;
mod state;
mod trainer;
mod warp;

pub use augment::{Augmentation, Variation, augment};
pub use config::{LossConfig, TrainingConfig};
pub use initial::{initial_graph, mean_graph};
pub use plan::{PendingStep, StepReport, TrainingPlan};
pub(crate) use random::Random;
pub use random::derived_seed;
pub use samples::Samples;
pub use split::{epoch_order, split};
pub use state::{Best, TrainingState};
pub use trainer::{Event, Trainer};
