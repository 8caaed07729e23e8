//! What may change of a live attack.

/// What is to be written between two iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Target,
    Region,
    Settings,
    /// What was best is so no more.
    Forget,
}
