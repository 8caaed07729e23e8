//! What training needs besides the network: random variations of the samples, the split for validation and
//! the order of an epoch.

mod appearance;
pub mod augment;
mod random;
pub mod split;
mod warp;

pub use augment::{Augmentation, Variation, augment};
pub use random::derived_seed;
pub use split::{epoch_order, split};
