//! Attacks over a data set: pairs, records, slices, and what they say together.

#[path = "../common/mod.rs"]
mod common;
mod experiment;
#[path = "../networks/mod.rs"]
mod networks;
mod pairs;
mod refilling;
mod statistic;
mod store;
mod worst_case;
