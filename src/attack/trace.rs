//! What the ledger of a sample tells the host: its state, and the rows of its trace.

use std::ops::Range;

use super::budget::Rule;
use super::config::AttackConfig;
use super::plan::Attack;
use super::planner::RING_ROWS;
use crate::error::{Error, Result};
use crate::kernels::ledger;
use crate::program::Executor;
use crate::statistics::TraceRow;

impl Attack {
    /// The trace of each sample so far, as far back as the device keeps it (1024 iterations): for those who
    /// record iterations themselves. Waits for the device.
    ///
    /// # Errors
    /// If the device fails, or the numbers left the finite range.
    pub fn trace(&self, executor: &mut dyn Executor) -> Result<Vec<Vec<TraceRow>>> {
        let samples = self.adversarial().shape.n;
        let words = samples * self.ledger_length();
        let readback = executor.request_words(self.planned.ledger, 0, words)?;
        let ledger = readback.receive()?;
        let traces = ledger.chunks(self.ledger_length()).map(|words| {
            // Whichever parity has settled more iterations is the newer one.
            let settled = [0, 1]
                .map(|parity| state(words, parity)[ledger::STATE_ITERATION] as usize)
                .into_iter()
                .max()
                .unwrap_or(0);
            self.rows(words, settled.saturating_sub(RING_ROWS)..settled)
        });
        traces.collect()
    }

    /// What makes this attack's steps smaller.
    fn smaller_steps(&self) -> &'static str {
        match &self.config {
            AttackConfig::Asma(_) => "lower tau and beta",
            AttackConfig::Budget(budget) if budget.rule == Rule::Largest => "lower alpha",
            AttackConfig::Budget(_) => "lower alpha or eps",
            AttackConfig::Minimal(_) => "lower lr",
        }
    }

    /// Looks in a sample's ledger for the word that a step leaves when it meets a number that is infinite or none.
    pub(super) fn check_finite(&self, ledger: &[u32]) -> Result<()> {
        match ledger[ledger::NOT_FINITE].checked_sub(1) {
            None => Ok(()),
            Some(iteration) => Err(Error::NotFinite(format!(
                "at iteration {iteration} the gradient or the step left the finite range; {}, or compute in float32",
                self.smaller_steps()
            ))),
        }
    }

    /// Rows of the trace in a sample's ledger.
    pub(super) fn rows(&self, ledger: &[u32], iterations: Range<usize>) -> Result<Vec<TraceRow>> {
        let ring = self.planned.shape.ring_start;
        let has_loss = self.config.asma().is_none();
        iterations
            .map(|iteration| {
                let start = ring + iteration % RING_ROWS * ledger::ROW_LENGTH;
                row(
                    &ledger[start..start + ledger::ROW_LENGTH],
                    has_loss,
                    self.smaller_steps(),
                )
            })
            .collect()
    }

    /// Words of a sample's ledger.
    pub(super) fn ledger_length(&self) -> usize {
        self.planned.shape.length
    }
}

/// The state of one parity in a sample's ledger.
pub(super) fn state(ledger: &[u32], parity: usize) -> &[u32] {
    &ledger[ledger::STATE + parity * ledger::STATE_LENGTH..][..ledger::STATE_LENGTH]
}

/// A row of the trace from its words in the ring.
fn row(words: &[u32], has_loss: bool, smaller_steps: &str) -> Result<TraceRow> {
    let float = |index: usize| f32::from_bits(words[index]);
    let row = TraceRow {
        iteration: words[0],
        iou: float(1),
        pixel_accuracy: float(2),
        l2: float(3),
        linf: float(4),
        multiplier: float(5),
        loss: has_loss.then(|| float(6)),
        success_rate: has_loss.then(|| float(7)),
    };
    if row.l2.is_finite()
        && row.linf.is_finite()
        && row.multiplier.is_finite()
        && row.loss.is_none_or(f32::is_finite)
    {
        Ok(row)
    } else {
        Err(Error::NotFinite(format!(
            "at iteration {} the image left the finite range (L2 {}, L∞ {}, step {}, loss {}); {smaller_steps}",
            row.iteration,
            row.l2,
            row.linf,
            row.multiplier,
            row.loss.unwrap_or(0.0)
        )))
    }
}
