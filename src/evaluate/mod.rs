//! Attacks over a data set: pairs of images and targets, attacked side by side with one or several settings, and what the
//! records say together.
//!
//! 1. [`pair_with_others`], [`read_pairs_csv`] say what is attacked, and [`with_common_reading`] how all masks are read;
//! 2. an [`Evaluation`] says everything that the results follow from, and a [`Store`] keeps it in a folder with one line for
//!    each pair and setting that ended, see [`record`] for the files;
//! 3. an [`Experiment`] runs what the store has no record of, several pairs at a time: on the CPU each on threads of its own, on a
//!    GPU as samples of a batch, which each have their own steps and their own end. Either way the next pair of the same size and
//!    setting takes the place of one that has ended (not of `alma-prox` and `pdpgd`, whose samples begin and end together), and
//!    each number is to the bit what the pair has alone;
//! 4. [`Store::finish`] sorts the lines and writes summary, tables and report; [`merge`] does it for slices.

mod batch;
mod experiment;
mod kept;
mod lines;
mod measure;
pub mod pairs;
mod plans;
pub mod record;
pub mod report;
mod run;
mod shard;
pub mod statistic;
pub mod store;
pub mod summary;
pub mod table;
mod tasks;
mod whole_lines;
mod worker;
pub mod worst_case;

pub use self::experiment::{Experiment, Trial, checksum_of_network};
pub use self::kept::{KEPT_FILES, kept_folder};
pub use self::measure::measured;
pub use self::pairs::{Pair, Pairing, Want, pair_with_others, read_pairs_csv, with_common_reading};
pub use self::plans::OpenExecutor;
pub use self::record::{
    ClassCounts, Evaluation, LossMeasures, MOST_POINTS, Measured, Measures, PairNames, Record, Setting,
    TraceRecord, Verdict,
};
pub use self::report::{GetPictures, Pictures, Report, saved_pictures, write_report};
pub use self::run::{Devices, Sink};
pub use self::shard::Shard;
pub use self::statistic::Statistic;
pub use self::store::{EVALUATION_FILES, SAVED, Store, merge, read_evaluation, read_records};
pub use self::summary::{MeasuresSummary, SettingSummary, Summary, Worst};
pub use self::worst_case::{WorstCase, mean_iou, worst_case};
