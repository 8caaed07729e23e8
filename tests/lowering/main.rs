//! What lowering promises, on the CPU executor: the adjoint program is the derivative of the forward program
//! for any graph, buffers are shared safely, and what cannot be is refused by name.

#[path = "../common/mod.rs"]
mod common;
mod gradient;
mod halves;
mod memory;
#[path = "../networks/mod.rs"]
mod networks;
mod parameters;
mod proofs;
mod raising;
mod random_graph;
mod recognition;
mod refusal;
