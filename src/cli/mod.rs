//! The command line: one file per subcommand.

mod attack;
mod bench;
mod cache;
mod check;
mod console;
mod convert;
mod demo;
mod devices;
mod evaluate;
mod inspect;
mod merge;
mod network;
mod outputs;
mod pipelines;
mod preparation;
mod progress;
mod segment;
mod shaders;
mod synth;
mod train;
mod tuning;
#[cfg(feature = "viewer")]
mod view;

use std::process::ExitCode;

use asma::{Error, threads};
use clap::{Parser, Subcommand};

use self::console::say;

/// Attacks medical image segmentation networks with the Adaptive Segmentation Mask Attack (ASMA), on any GPU
/// or the CPU.
#[derive(Debug, Parser)]
#[command(name = "asma", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Attack(attack::Arguments),
    Evaluate(Box<evaluate::Arguments>),
    Merge(merge::Arguments),
    Segment(segment::Arguments),
    Inspect(inspect::Arguments),
    Check(check::Arguments),
    Convert(convert::Arguments),
    Devices(devices::Arguments),
    Shaders(shaders::Arguments),
    Synth(synth::Arguments),
    Train(train::Arguments),
    Bench(bench::Arguments),
    #[cfg(feature = "viewer")]
    View(Box<view::Arguments>),
}

/// Runs the command that the process was given. The exit code is 0 if it was done, 1 if it failed, 2 if it
/// was asked for something that cannot be.
pub fn run() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("error"))
        .filter_module("wgpu_hal", log::LevelFilter::Off)
        .init();
    let arguments = Arguments::parse();
    let threads = threads::start_or_use_this_one();
    if threads.started < threads.wanted {
        say(format_args!(
            "note: the system allows {} of {} threads, so that this takes longer; see `ulimit -u`",
            threads.started, threads.wanted
        ));
    }
    let result = match arguments.command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Attack(arguments) => attack::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Merge(arguments) => merge::run(&arguments),
        Command::Segment(arguments) => segment::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Devices(arguments) => devices::run(&arguments),
        Command::Shaders(arguments) => shaders::run(&arguments),
        Command::Synth(arguments) => synth::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        #[cfg(feature = "viewer")]
        Command::View(arguments) => view::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("asma: {error}"));
            match error {
                Error::Usage(_) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
