//! Attacks over a data set: pairs, records, slices, and what they say together.

mod experiment;
#[path = "../networks/mod.rs"]
mod networks;
mod pairs;
mod statistic;
mod store;
mod worst_case;
