//! Operators straight from their definitions: plain loops over 64-bit floats, against which tests hold kernels, their twins and
//! lowered programs. A package of its own, because these loops want a compiler that optimises, and the tests themselves do not.

pub mod convolution;
pub mod graph;
mod places;

pub use places::{index, places};
