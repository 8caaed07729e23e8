//! Attacks over a data set: what is recorded of each pair, and what the records say together.

pub mod record;

pub use self::record::{
    ClassCounts, Evaluation, LossMeasures, MOST_POINTS, Measured, Measures, PairNames, Record, Setting,
    TraceRecord, Verdict,
};
