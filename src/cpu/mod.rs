//! Runs programs on the CPU. One file per kernel holds its twin: a plain function over slices with the
//! parameters and the binding order of the kernel's contract, and the definition of what the shader of
//! the same name must compute.

mod blocks;
mod ceilings;
mod convolution;
mod elementary;
mod executor;
mod in_order;
mod laid_out;
mod matrix;
mod ranked_classes;
mod rows;
mod scratch;
mod step_decision;
mod steps;
mod sweep;
mod taps;
mod vectors;
mod winograd;

macro_rules! twins {
    ($($(#[$doc:meta])* $variant:ident => $module:ident),* $(,)?) => {
        $(pub mod $module;)*
    };
}
crate::kernels::for_each_kernel!(twins);

pub use executor::{CpuExecutor, describe};
