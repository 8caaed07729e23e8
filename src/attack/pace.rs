//! How many iterations are submitted at once.

use web_time::Duration;

use super::planner::RING_ROWS;

/// How long a batch of iterations should take: long enough that waiting for it costs nothing, short enough
/// that progress moves and a stop is answered at once.
const BATCH: Duration = Duration::from_millis(100);

/// The same where others wait for the places of those that stop within it.
const BATCH_WHILE_OTHERS_WAIT: Duration = Duration::from_millis(20);

/// Most iterations in a batch, well inside the ring of rows for two batches under way.
const MOST_IN_BATCH: u32 = (RING_ROWS / 8) as u32;

/// The number of iterations in the next batch, which follows from how long those before it took.
pub(super) struct Pace {
    length: u32,
    /// Most iterations of a sample.
    limit: u32,
    /// Samples that ended, and their iterations.
    ended: [u64; 2],
}

impl Pace {
    /// Of samples with so many iterations at most.
    pub(super) fn new(limit: u32) -> Pace {
        Pace {
            length: 1,
            limit,
            ended: [0, 0],
        }
    }

    /// Iterations of the next batch.
    pub(super) fn length(&self) -> u32 {
        self.length
    }

    /// A sample has ended after so many iterations.
    pub(super) fn ended(&mut self, iterations: usize) {
        self.ended[0] += 1;
        self.ended[1] += iterations as u64;
    }

    /// A batch of `own` iterations took so long, the last of the first `done`.
    pub(super) fn took(&mut self, own: u32, took: Duration, done: u64, others_wait: bool) {
        let wanted = match others_wait {
            true => BATCH_WHILE_OTHERS_WAIT,
            false => BATCH,
        };
        // One that was cut short says nothing.
        if own == self.length {
            if took < wanted / 2 {
                self.length *= 2;
            } else if took > 2 * wanted {
                self.length /= 2;
            }
        }
        // A sixteenth of all at most, so that progress moves on a fast device too.
        let mut most = self.limit / 16;
        if others_wait {
            // A place stands idle from its sample's end to that of the batch, and for the batch that is under way by then.
            let [samples, iterations] = self.ended;
            let usual = iterations.checked_div(samples).unwrap_or(done);
            most = most.min(u32::try_from(usual / 8).unwrap_or(u32::MAX));
        }
        self.length = self.length.clamp(1, most.clamp(1, MOST_IN_BATCH));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(1);

    fn lengths(pace: &mut Pace, batches: usize, took: Duration, others_wait: bool) -> Vec<u32> {
        let mut done = 0;
        (0..batches)
            .map(|_| {
                let own = pace.length();
                done += u64::from(own);
                pace.took(own, took, done, others_wait);
                own
            })
            .collect()
    }

    #[test]
    fn batches_grow_on_a_fast_device_and_shrink_on_a_slow_one() {
        let mut pace = Pace::new(1000);
        assert_eq!(lengths(&mut pace, 8, QUICK, false), [1, 2, 4, 8, 16, 32, 62, 62]);
        let slow = Duration::from_millis(300);
        assert_eq!(lengths(&mut pace, 8, slow, false), [62, 31, 15, 7, 3, 1, 1, 1]);
        let long = lengths(&mut Pace::new(u32::MAX), 12, QUICK, false);
        assert_eq!(long.last(), Some(&MOST_IN_BATCH));
        assert_eq!(lengths(&mut Pace::new(5), 3, QUICK, false), [1, 1, 1]);
    }

    #[test]
    fn while_others_wait_no_batch_is_long_beside_what_samples_take() {
        let mut pace = Pace::new(1000);
        // As long as none has ended, beside what there has been.
        let first = lengths(&mut pace, 30, QUICK, true);
        assert_eq!(&first[..17], [[1; 16].as_slice(), &[2]].concat());
        pace.ended(30);
        pace.ended(50);
        assert_eq!(lengths(&mut pace, 4, QUICK, true)[1..], [5, 5, 5]);
        let slow = Duration::from_millis(45);
        assert_eq!(lengths(&mut pace, 4, slow, true), [5, 2, 1, 1]);
        // Those that are left over have all the time.
        assert_eq!(lengths(&mut pace, 4, slow, false), [1, 2, 4, 8]);
    }
}
