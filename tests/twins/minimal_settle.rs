//! minimal_settle against its rules: the best image, the length of steps, the end.

use asma::cpu;
use asma::kernels::ledger::{
    CLASS_AVERAGED, HEADER, ROW_LENGTH, STATE, STATE_BEST_ITERATION, STATE_ITERATION, STATE_LENGTH,
    STATE_REACHED, STATE_STOPPED, counts_length,
};
use asma::kernels::minimal_settle::{
    ITERATIONS, MULTIPLIERS, RATE, REACHED, RUNNING, STATE_NEW_BEST, STATE_RANK, STATE_SCALE, STATE_STEP,
    ledger_length, ring_start, sums_length,
};
use asma::kernels::{Extent, minimal_settle};

use crate::strided::Tolerance;

/// A few roundings of float32, of a thousandth.
const STEPS: Tolerance = Tolerance {
    absolute: 1e-9,
    relative: 1e-6,
};

/// Ten iterations of one sample of 200 counted pixels with so many of them adversarial and this L∞ each: of each, whether it was
/// the best, and the step.
fn settle(adversarial: [u32; 10], distances: [f32; 10], iterations: u32) -> (Vec<(bool, f32)>, Vec<u32>) {
    let extent = Extent {
        n: 1,
        c: 1,
        h: 4,
        w: 50,
    };
    let mut ledger = vec![0; ledger_length(extent, 10)];
    ledger[RATE] = 0.001f32.to_bits();
    ledger[ITERATIONS] = iterations;
    ledger[STATE + STATE_SCALE] = 1f32.to_bits();
    let schedule: Vec<f32> = (0..=10).flat_map(|i| [i as f32 / 9.0, 0.5, 0.0, 0.0]).collect();
    let mut found = Vec::new();
    for (iteration, (adversarial, distance)) in adversarial.into_iter().zip(distances).enumerate() {
        let parity = iteration % 2;
        let mut counts = vec![7; 2 * counts_length(2)];
        let correct = 200 - adversarial;
        counts[parity * 8..][..8].copy_from_slice(&[correct, 200, correct, 0, 0, adversarial, correct, 200]);
        ledger[HEADER + 2 * parity + 1] = distance.to_bits();
        let params = minimal_settle::Params {
            extent,
            output: extent,
            class_count: 2,
            flags: MULTIPLIERS,
            parity: parity as u32,
            schedule_rows: 11,
            ring_rows: 10,
            ledger_length: ledger.len() as u32,
        };
        let sums = vec![0.5; sums_length(extent)];
        let classes = [0, CLASS_AVERAGED];
        cpu::minimal_settle::run(&params, &classes, &schedule, &sums, &mut counts, &mut ledger);
        let state = &ledger[STATE + (1 - parity) * STATE_LENGTH..][..STATE_LENGTH];
        found.push((state[STATE_NEW_BEST] == 1, f32::from_bits(state[STATE_STEP])));
        assert_eq!(counts[(1 - parity) * 8..][..8], [0; 8]);
        if state[STATE_STOPPED] == RUNNING {
            assert_eq!(state[STATE_ITERATION], iteration as u32 + 1);
            // 0.01 of 200, as much of it as the next iteration has.
            assert_eq!(state[STATE_RANK], (2 * (iteration as u32 + 1)) / 9);
            let row = &ledger[ring_start(extent) + iteration * ROW_LENGTH..][..ROW_LENGTH];
            assert_eq!(row[0], iteration as u32);
            assert_eq!(f32::from_bits(row[4]), distance);
            assert_eq!(f32::from_bits(row[6]), 0.5);
            assert_eq!(f32::from_bits(row[7]), adversarial as f32 / 200.0);
        }
    }
    (found, ledger)
}

#[test]
fn the_best_is_the_smallest_success_and_before_one_what_is_most_adversarial() {
    let adversarial = [0, 60, 50, 60, 197, 198, 200, 199, 190, 198];
    let distances = [0.0, 0.1, 0.1, 0.2, 0.3, 0.5, 0.4, 0.45, 0.1, 0.4];
    let (found, ledger) = settle(adversarial, distances, 100);
    let best: Vec<bool> = found.iter().map(|(best, _)| *best).collect();
    let wanted = [true, true, false, true, true, true, true, false, false, true];
    assert_eq!(best, wanted);
    let state = &ledger[STATE..STATE + STATE_LENGTH];
    assert_eq!(state[STATE_BEST_ITERATION], 9);
    assert_eq!(state[STATE_REACHED], 6);
}

#[test]
fn steps_shrink_from_the_first_success_on_or_from_half_time() {
    let lengths = |first: usize, iterations: u32| -> Vec<f64> {
        let tangent = 0.1 / 0.9 * (f64::from(iterations) - first as f64).max(1.0);
        (0..10usize)
            .map(|i| {
                let past = i.saturating_sub(first) as f64;
                0.001 * tangent / (past + tangent)
            })
            .collect()
    };
    let few = [9; 10];
    let mut success = few;
    success[2] = 198;
    let mut late = few;
    late[7] = 198;
    for (adversarial, first, iterations) in [
        (few, 5, 10),
        (success, 2, 10),
        (late, 5, 10),
        (success, 2, 100),
        (late, 7, 100),
    ] {
        let (found, _) = settle(adversarial, [0.3; 10], iterations);
        for (i, ((_, step), wanted)) in found.iter().zip(lengths(first, iterations)).enumerate() {
            // What later decides is not yet known before it.
            if adversarial[i] < 198 || i >= first {
                STEPS.check(f64::from(*step), wanted, (first, i));
            }
        }
    }
}

#[test]
fn a_success_without_a_perturbation_is_the_end() {
    let (_, ledger) = settle([200; 10], [0.0; 10], 100);
    for state in [STATE, STATE + STATE_LENGTH] {
        assert_eq!(ledger[state + STATE_STOPPED], REACHED);
        assert_eq!(ledger[state + STATE_ITERATION], 1);
    }
    let rows = &ledger[ring_start(Extent {
        n: 1,
        c: 1,
        h: 4,
        w: 50,
    })..];
    assert_eq!(rows[ROW_LENGTH..], [0; 9 * ROW_LENGTH], "rows after the end");
}
