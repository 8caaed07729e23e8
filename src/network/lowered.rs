//! What comes of lowering.

use std::ops::Range;

use super::trainable::Trainable;
use crate::program::{CallId, Place, Program};

/// A network lowered at one input size: with its program, or with the builder of one to which more can be added.
#[derive(Clone, Debug)]
pub struct Network<P = Program> {
    /// Its calls and buffers.
    pub program: P,
    /// The forward calls: from the input to the logits.
    pub forward: Range<CallId>,
    /// The adjoint calls: from the seed to the gradient. Empty if no adjoint was asked for.
    pub adjoint: Range<CallId>,
    /// Where the input stands, dense; the caller writes it.
    pub input: Place,
    /// Where the output stands after the forward calls.
    pub logits: Place,
    /// Where the caller writes the gradient of the output, dense; only with an adjoint. The adjoint calls may
    /// change it.
    pub seed: Option<Place>,
    /// Where the gradient of the input stands after the adjoint calls, dense; only with
    /// [`Gradients::Input`](super::Gradients::Input).
    pub gradient: Option<Place>,
    /// The parameters and their gradients; only with [`Gradients::Parameters`](super::Gradients::Parameters).
    pub trainable: Option<Trainable>,
}
