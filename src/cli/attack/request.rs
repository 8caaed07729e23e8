//! What an attack is asked for, by whatever command.

use std::path::Path;

use asma::attack::{AsmaConfig, Target};

use crate::cli::network::NetworkArguments;
use crate::cli::outputs::OutputFolder;
use crate::cli::preparation::PreparationArguments;

/// What is asked for.
pub struct Request<'a> {
    pub image: &'a Path,
    pub target: &'a Target,
    pub network: &'a NetworkArguments,
    pub preparation: &'a PreparationArguments,
    /// A mask of the pixels that may change.
    pub region: Option<&'a Path>,
    pub config: AsmaConfig,
    /// The folder for the results.
    pub out: &'a OutputFolder,
    /// Whether to write an animation too.
    pub gif: bool,
}
