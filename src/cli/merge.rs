//! `asma merge`: the slices of an evaluation, joined.

use std::path::PathBuf;

use asma::Result;
use asma::evaluate::merge;
use clap::Args;

use super::evaluate::{print_results, refuse_failed};
use super::outputs::OutputFolder;

/// Join the slices that `asma evaluate --shard` left into the files that one run would have written
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folders of all slices
    #[arg(value_name = "DIR", required = true)]
    slices: Vec<PathBuf>,
    /// The folder that the joined files are written to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let out = OutputFolder::open(&arguments.out)?;
    out.refuse_beside_an_attack()?;
    let summary = merge(&arguments.slices, out.path())?;
    print_results(&summary, out.path(), arguments.json)?;
    refuse_failed(&summary, out.path(), "")
}
