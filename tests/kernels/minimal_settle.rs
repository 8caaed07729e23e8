use asma::kernels::Extent;
use asma::kernels::ledger::{HEADER, ROW_LENGTH, STATE, STATE_LENGTH};
use asma::kernels::minimal_settle::{
    MULTIPLIERS, Params, RATE, SCHEDULE_LENGTH, STATE_BEST_DISTANCE, STATE_METRIC, STATE_RANK, STATE_SCALE,
    STATE_SCHEDULE, STATE_STEP, TARGETED, ledger_length, ring_start, sums_length,
};

use super::minimal::{FEW, RING_ROWS, image_extents, ledger};
use super::support::{Case, Halves, Random, compare_floats, run};

#[test]
fn settlements_are_as_their_twin() {
    let mut random = Random::new(226);
    let mut cases = Vec::new();
    let mut extents = Vec::new();
    for round in 0..6 {
        for extent in image_extents(&mut random) {
            for flags in 0..=TARGETED | MULTIPLIERS {
                let class_count = random.choose(&[2, 3, 7, 90]);
                let mut ledger = ledger(&mut random, extent);
                if flags & MULTIPLIERS != 0 && round < 2 {
                    // Nothing has moved yet.
                    for words in ledger.chunks_mut(ledger_length(extent, RING_ROWS)) {
                        words[HEADER..ring_start(extent)].fill(0);
                    }
                }
                let output = Extent {
                    c: class_count,
                    h: 1 + extent.h / 2,
                    ..extent
                };
                let mut counts = Vec::new();
                for _ in 0..2 * extent.n {
                    counts.extend(some_counts(&mut random, class_count as usize));
                }
                let schedule_rows = 12;
                let params = Params {
                    extent,
                    output,
                    class_count,
                    flags,
                    parity: round % 2,
                    schedule_rows,
                    ring_rows: RING_ROWS as u32,
                    ledger_length: ledger_length(extent, RING_ROWS) as u32,
                };
                cases.push(Case {
                    params: params.into(),
                    reads: vec![
                        random.integers(class_count as usize, 4),
                        random.probabilities(schedule_rows as usize * SCHEDULE_LENGTH),
                        random.probabilities(extent.n as usize * sums_length(output)),
                    ],
                    writes: vec![counts, ledger],
                });
                extents.push((extent, flags));
            }
        }
    }
    let [twins, unchecked, checked] = run(&cases, Halves::None);
    for (number, case) in cases.iter().enumerate() {
        let (extent, flags) = extents[number];
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            let what = format!("{what} shader, case {number}: {:?}", case.params);
            let (found, wanted) = (&found[number], &twins[number]);
            assert_eq!(found[0], wanted[0], "{what}");
            let length = ledger_length(extent, RING_ROWS);
            for (index, (&found, &wanted)) in found[1].iter().zip(&wanted[1]).enumerate() {
                let what = format!("{what}, word {} of sample {}", index % length, index / length);
                match is_float(extent, flags, index % length) {
                    true => compare_floats(&what, &[found], &[wanted], FEW),
                    false => assert_eq!(found, wanted, "{what}"),
                }
            }
        }
        assert_ne!(twins[number], case.writes, "case {number} changes nothing");
    }
}

/// The words of a ledger that are floats; all others are integers.
fn is_float(extent: Extent, flags: u32, word: usize) -> bool {
    let ring = ring_start(extent);
    match word {
        _ if word < STATE => word == RATE,
        _ if word < STATE + 2 * STATE_LENGTH => match (word - STATE) % STATE_LENGTH {
            STATE_SCALE | STATE_STEP | STATE_BEST_DISTANCE | STATE_METRIC => true,
            STATE_RANK => flags & MULTIPLIERS == 0,
            word => word >= STATE_SCHEDULE,
        },
        _ if word < ring => true,
        _ => !(word - ring).is_multiple_of(ROW_LENGTH),
    }
}

/// Counts that could be, of successes and failures.
fn some_counts(random: &mut Random, class_count: usize) -> Vec<u32> {
    let mut words = Vec::new();
    let (mut correct, mut counted) = (0, 0);
    let share = random.choose(&[0, 50, 99, 100]);
    for _ in 0..class_count {
        let labelled = random.choose(&[0, 100, 1000]);
        let both = labelled * share / 100;
        words.extend([both, labelled, labelled + random.choose(&[0, 7])]);
        correct += both;
        counted += labelled;
    }
    words.extend([correct, counted]);
    words
}
