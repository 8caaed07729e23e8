//! What a report is of.

use super::pictures::Pictures;
use crate::error::Result;
use crate::evaluate::record::{Evaluation, Record, TraceRecord};
use crate::evaluate::summary::Summary;

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What was run.
    pub evaluation: &'a Evaluation,
    /// What the records say together.
    pub summary: &'a Summary,
    /// What came of it, in the order in which the table shows it first. Not all need be there.
    pub records: &'a [Record],
    /// How the attacks came along. Not all need be there.
    pub traces: &'a [TraceRecord],
}

/// What gets the pictures of a record; nothing where none were kept.
pub type GetPictures<'a> = &'a mut dyn FnMut(&Record) -> Result<Option<Pictures>>;
