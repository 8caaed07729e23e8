//! The command line as its users meet it.

mod attack;
mod bad_input;
mod bench;
mod demo;
mod evaluate;
mod input;
mod minimal;
mod models;
mod other_commands;
mod robust;
mod slurm;
mod support;
mod synth;
mod tensors;
mod train;
