//! Which words the kernels of an attack leave for one another and for the host: the one place where their layout stands. The
//! shaders have it as constants, which the variants' preludes bring.
//!
//! - *Settings*, the same for all samples and iterations: the bits of each class, then, where a schedule or weights are
//!   read, the weight of each class (a float), then the rows of the schedule, [`SCHEDULE_LENGTH`] words each.
//! - *Counts*, two halves per sample, for iterations of even and of odd number: see [`counts_length`]; where losses are
//!   asked for, then the row of the schedule that the iteration has, and the partial sums of the loss and of the cross-entropy
//!   of each workgroup in turn (floats).
//! - *Ledger*, per sample: [`HEADER`] words of settings and state, then two halves of partial sums over the image, then
//!   what the kernel itself needs, then the rows of the trace as a ring, [`ROW_LENGTH`] words each.
//!
//! Words are unsigned integers; floats stand in them by their bits.

use super::{Extent, product};

/// Declares words by name, and the list of them for the shaders.
macro_rules! words {
    ($(#[$list_doc:meta])* $list:ident { $($(#[$doc:meta])* $name:ident = $value:expr;)* }) => {
        $($(#[$doc])* pub const $name: usize = $value;)*

        $(#[$list_doc])*
        pub(super) const $list: &[(&str, u32)] = &[$((stringify!($name), $name as u32)),*];
    };
}
pub(super) use words;

/// In the settings: the class is attacked.
pub const CLASS_ATTACKED: u32 = 1;
/// In the settings: the class's IoU goes into the mean.
pub const CLASS_AVERAGED: u32 = 2;

/// A label that is left out of the loss and of every statistic.
pub const IGNORE: u32 = 255;

/// Counts of one sample and one parity: for each class in turn the pixels in both label and prediction, in
/// the label, in the prediction; then, once, correct pixels and counted pixels.
pub const fn counts_length(classes: usize) -> usize {
    3 * classes + 2
}

/// Words of the counts of one sample and one parity where losses are asked for too, with room for the partial sums of
/// any kernel that gives them, see the layout above.
pub const fn counts_and_losses_length(classes: usize, pixels: usize) -> usize {
    counts_length(classes) + 1 + 2 * pixels.div_ceil(LEAST_PIXELS_OF_LOSS)
}

/// The fewest pixels that share a partial sum of the loss.
pub const LEAST_PIXELS_OF_LOSS: usize = 512;

/// Elements of an image that share a workgroup, and with it a partial sum, in the kernels that step.
pub const IMAGE_GROUP: u32 = 4096;

/// Workgroups of one sample's image in the kernels that step.
pub fn image_groups(extent: Extent) -> u32 {
    let elements = product(&[extent.c, extent.h, extent.w]);
    u32::try_from(elements.div_ceil(IMAGE_GROUP.into())).unwrap_or(u32::MAX)
}

/// Refuses a ledger of fewer words than `least`, and a ring without rows.
pub(super) fn check_length(length: u32, least: usize, ring_rows: u32) -> Result<(), String> {
    match ring_rows > 0 && length as usize >= least {
        true => Ok(()),
        false => Err(format!(
            "a ledger of {length} words with a ring of {ring_rows} rows; want at least 1 row and {least} words"
        )),
    }
}

words! {
    /// Words of a row of the schedule.
    SCHEDULE {
        /// Words of a row.
        SCHEDULE_LENGTH = 8;
        /// Of what kind the iteration is, the `ROW_` bits of [`attack_step`](super::attack_step).
        SCHEDULE_KIND = 0;
        /// What the objective takes (float): λ of SegPGD, q of Tsallis.
        SCHEDULE_PARAMETER = 1;
        /// How far the image may go from the source (float).
        SCHEDULE_RADIUS = 2;
        /// The length of the step (float).
        SCHEDULE_STEP = 3;
        /// Iterations since the last check of the step.
        SCHEDULE_WINDOW = 4;
        /// The radius of the phase that follows (float).
        SCHEDULE_NEXT_RADIUS = 5;
        /// What a root mean square of gradients is multiplied by (float), the correction of its bias.
        SCHEDULE_CORRECTION = 6;
        /// What the noise of the phase that follows begins from.
        SCHEDULE_SEED = 7;
    }
}

words! {
    /// What all ledgers have.
    LEDGER {
        /// Words before the partial sums.
        HEADER = 52;
        /// Word that is 0 until a step finds a gradient or a stepped value that is infinite or no number; then 1 more than
        /// the iteration, for good.
        NOT_FINITE = 6;
        /// First word of the state of parity 0; that of parity 1 follows after [`STATE_LENGTH`] words.
        STATE = 16;
        /// Words of one parity's state.
        STATE_LENGTH = 18;
        /// In a state: iterations settled.
        STATE_ITERATION = 0;
        /// In a state: why the sample stopped ([`RUNNING`] while it has not).
        STATE_STOPPED = 1;
        /// In a state: iteration of the best image.
        STATE_BEST_ITERATION = 3;
        /// In a state: how many iterations it took to reach what was asked for, where the attack goes on; 0 before.
        STATE_REACHED = 8;
        /// Words of a row of the trace, whose first five are iteration, IoU, pixel accuracy, L2 and L∞ (floats but for the
        /// first).
        ROW_LENGTH = 8;
    }
}

/// Not stopped.
pub const RUNNING: u32 = 0;
/// Stopped: what was asked for was reached.
pub const REACHED: u32 = 1;
/// Stopped: no new best IoU within the iterations asked for.
pub const NO_PROGRESS: u32 = 2;
/// Stopped by the host: all iterations were done, or no sample stands in this place of the batch.
pub const ENDED: u32 = 3;
