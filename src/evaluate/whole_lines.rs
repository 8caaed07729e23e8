//! What of an evaluation that was broken off is kept.

use std::collections::BTreeSet;
use std::path::Path;

use super::lines::{Piece, parse, pieces, read_lines, write_sorted};
use super::record::{Evaluation, Record, Verdict};
use crate::error::{Error, Result};

/// Finds the lines of those tasks that are done.
pub(super) fn whole_lines(evaluation: &Evaluation, results: &Path, traces: &Path) -> Result<WholeLines> {
    let mut kept: Vec<Piece> = Vec::new();
    let mut done = BTreeSet::new();
    read_lines(results, &mut |line| {
        let record: Record = parse(results, &line)?;
        let settings = evaluation.settings.len();
        let expected = evaluation.settings.get(record.task % settings.max(1));
        if expected.is_none_or(|setting| setting.name != record.setting)
            || record.pair >= evaluation.pairs.len()
            || record.task / settings.max(1) != record.pair
        {
            return Err(Error::file(
                results,
                format!(
                    "line {} is of task {}, `{}`, which this evaluation does not have; remove it",
                    line.number, record.task, record.setting
                ),
            ));
        }
        if matches!(record.verdict, Verdict::Done(_)) && done.insert(record.task) {
            kept.push(Piece {
                task: record.task,
                file: 0,
                start: line.start,
                length: line.text.len() + 1,
            });
        }
        Ok(())
    })?;
    let mut of_traces = pieces(traces, 0)?;
    of_traces.retain(|piece| done.contains(&piece.task));
    let traced: BTreeSet<usize> = of_traces.iter().map(|piece| piece.task).collect();
    done.retain(|task| traced.contains(task));
    kept.retain(|piece| done.contains(&piece.task));
    Ok(WholeLines {
        done,
        records: kept,
        traces: of_traces,
    })
}

/// The tasks that have a record and a trace, and where those stand.
pub(super) struct WholeLines {
    done: BTreeSet<usize>,
    records: Vec<Piece>,
    traces: Vec<Piece>,
}

impl WholeLines {
    /// Leaves them alone in the files, and says of which tasks they are.
    pub fn write(self, results: &Path, traces: &Path) -> Result<BTreeSet<usize>> {
        for (path, pieces) in [(results, self.records), (traces, self.traces)] {
            if path.exists() {
                write_sorted(path, &[path.to_path_buf()], pieces)?;
            }
        }
        Ok(self.done)
    }
}
