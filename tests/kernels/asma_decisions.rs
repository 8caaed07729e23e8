//! What the ASMA step decides: whether a sample stops, what the best image is, how long the next step is.

use asma::kernels::asma_update::{
    CAPPED, FIRST_REFINING_PULL, FLOOR, GROWTH, GROWTH_WITH_IOU, HEADER, HOLD, MOST_ASTRAY, NOT_FINITE,
    PATIENCE, PULL_GROWTH, PULL_SHRINK, REACHED, REFINE, REFINING_LIMIT, REFINING_PATIENCE, RUNNING, STATE,
    STATE_BEST_IOU, STATE_BEST_L2, STATE_ITERATION, STATE_KEPT, STATE_L2, STATE_LENGTH, STATE_PROGRESS,
    STATE_PROGRESS_L2, STATE_PULL, STATE_REACHED, STATE_RISE, STATE_RISE_IOU, STATE_SCALE, STATE_STOPPED,
    STEP, STOP_IOU,
};
use asma::kernels::ledger::{CLASS_AVERAGED, counts_length};
use asma::kernels::{Extent, Params as Kernel};

use super::asma_update::{case, one_forward};
use super::support::{Case, Random, Written, run_variant};

/// A case of one sample that runs, at iteration 7, with half of the one averaged class met.
fn half_met(random: &mut Random, flags: u32) -> Case {
    let extent = Extent {
        n: 1,
        c: 3,
        h: 8,
        w: 10,
    };
    let mut case = case(random, extent, 2, flags);
    let Kernel::AsmaUpdate(params) = &mut case.params else {
        panic!("{:?}", case.params)
    };
    params.parity = 0;
    case.reads[3] = vec![0, CLASS_AVERAGED];
    case.writes[2] = [[9, 10, 10, 50, 100, 100, 59, 110]; 2].concat();
    let ledger = &mut case.writes[3];
    ledger[PATIENCE] = 0;
    ledger[STOP_IOU] = 2f32.to_bits();
    ledger[STATE + STATE_ITERATION] = 7;
    ledger[STATE + STATE_STOPPED] = RUNNING;
    ledger[STATE + STATE_L2] = 40f32.to_bits();
    case
}

/// What is written of the other parity's state, of the twin and of both shaders.
fn next_states(cases: &[Case], variant: &str) -> Vec<Vec<[u32; STATE_LENGTH]>> {
    let state = STATE + STATE_LENGTH;
    let of = |written: &Written| written[3][state..state + STATE_LENGTH].try_into().unwrap();
    let all = run_variant(cases, variant);
    all.iter().map(|run| run.iter().map(of).collect()).collect()
}

#[test]
fn an_iou_that_equals_the_threshold_stops() {
    let mut random = Random::new(20);
    let mut cases = Vec::new();
    for (counts, threshold) in [([50, 75, 75], 0.5f32), ([50, 50, 50], 1.0), ([1, 4, 1], 0.25)] {
        for more in [0, HOLD] {
            let mut case = half_met(&mut random, one_forward(more));
            case.writes[2][3..6].copy_from_slice(&counts);
            case.writes[3][STOP_IOU] = threshold.to_bits();
            cases.push(case);
        }
    }
    for states in next_states(&cases, "scalars") {
        for (number, state) in states.iter().enumerate() {
            assert_eq!(state[STATE_STOPPED], REACHED, "case {number}");
        }
    }
}

/// A class that neither target nor prediction has is not counted as met.
#[test]
fn absent_classes_are_left_out_of_the_mean() {
    let mut random = Random::new(21);
    let mut case = half_met(&mut random, one_forward(0));
    let Kernel::AsmaUpdate(params) = &mut case.params else {
        panic!("{:?}", case.params)
    };
    params.class_count = 4;
    params.counts_length = counts_length(4) as u32;
    case.reads[3] = vec![CLASS_AVERAGED; 4];
    case.writes[2] = [[60, 80, 80, 0, 0, 0, 0, 20, 20, 0, 0, 0, 60, 100]; 2].concat();
    case.writes[3][STATE + STATE_BEST_IOU] = (-1f32).to_bits();
    for states in next_states(&[case], "scalars") {
        let iou = f32::from_bits(states[0][STATE_BEST_IOU]);
        assert!((iou - 0.3).abs() < 1e-6, "{iou} instead of the mean of 0.6 and 0");
    }
}

/// Where L2 leapt, the image goes half the way back to the best one, and the scale with it; the same image with an L2
/// that did not is stepped on.
#[test]
fn a_step_that_leaps_is_taken_back() {
    let mut random = Random::new(22);
    let flags = one_forward(HOLD | CAPPED);
    let held = |random: &mut Random, l2: f32| {
        let mut case = half_met(random, flags);
        case.writes[3][STATE + STATE_L2] = l2.to_bits();
        case.writes[3][STATE + STATE_SCALE] = 1f32.to_bits();
        case.writes[3][STATE + STATE_RISE] = 7;
        // One group of partial sums: L2 is 2.
        case.writes[3][HEADER..HEADER + 2].copy_from_slice(&[4f32, 0.1].map(f32::to_bits));
        case
    };
    // LEAP is 0.5, and as much as it is no leap.
    let cases = [held(&mut random, 1.4), held(&mut random, 1.5)];
    for run in run_variant(&cases, "vectors") {
        let float = |word: u32| f32::from_bits(word);
        let [image, best] = [0, 1].map(|buffer| &cases[0].writes[buffer]);
        for (i, &value) in run[0][0].iter().enumerate() {
            let wanted = 0.5 * (float(image[i]) + float(best[i]));
            assert!((float(value) - wanted).abs() < 1e-6, "{i}");
        }
        assert_eq!(run[0][1], *best, "what is taken back is not the best");
        let state = STATE + STATE_LENGTH;
        let scales = [0, 1].map(|case: usize| float(run[case][3][state + STATE_SCALE]));
        assert_eq!(scales, [0.5, 1.0]);
        assert_ne!(run[1][0], cases[1].writes[0], "no leap, no step");
    }
}

/// A highest IoU that makes up for less than a twentieth of what was missing lets the scale grow nevertheless.
#[test]
fn small_rises_are_no_reason_for_small_steps() {
    let mut random = Random::new(25);
    // The IoU is 0.5, the highest before it 0.4.
    let cases = [0.45f32, 0.48].map(|last| {
        let mut case = half_met(&mut random, one_forward(HOLD));
        case.writes[2][3..6].copy_from_slice(&[50, 75, 75]);
        let state = &mut case.writes[3][STATE..];
        let floats = [
            (STATE_BEST_IOU, 0.4f32),
            (STATE_SCALE, 2.0),
            (STATE_RISE_IOU, last),
        ];
        for (word, value) in floats {
            state[word] = value.to_bits();
        }
        state[STATE_RISE] = 2;
        case
    });
    for states in next_states(&cases, "scalars") {
        let of = |state: &[u32; STATE_LENGTH]| {
            [STATE_SCALE, STATE_RISE_IOU].map(|word| f32::from_bits(state[word]))
        };
        assert_eq!((of(&states[0]), states[0][STATE_RISE]), ([2.0, 0.5], 7));
        let grown = 2.0 * (GROWTH + 0.4 * GROWTH_WITH_IOU);
        let [scale, rise] = of(&states[1]);
        assert!((scale - grown).abs() < 1e-6, "{scale}");
        assert_eq!((rise, states[1][STATE_RISE]), (0.48, 2));
    }
}

/// From the first image that reaches the IoU on, the one of the least L2 that still does is the best, and the pull follows
/// whether it does; it ends at the floor, without a fall of L2, and after as many iterations as came before or as the ledger
/// says.
#[test]
fn what_is_reached_is_refined() {
    let mut random = Random::new(24);
    const ITERATION: u32 = 7;
    // The case that is taken back.
    const ASTRAY: usize = 9;
    // The IoU is 0.5 and L2 is 2.
    let case = |random: &mut Random, stop_iou: f32, reached: u32, best_l2: f32, progress: u32, floor: f32| {
        let mut case = half_met(random, one_forward(HOLD | REFINE));
        case.writes[2][3..6].copy_from_slice(&[50, 75, 75]);
        let ledger = &mut case.writes[3];
        ledger[HEADER..HEADER + 2].copy_from_slice(&[4f32, 0.1].map(f32::to_bits));
        ledger[STOP_IOU] = stop_iou.to_bits();
        ledger[FLOOR] = floor.to_bits();
        let state = &mut ledger[STATE..STATE + STATE_LENGTH];
        state[STATE_REACHED] = reached;
        state[STATE_KEPT] = 6;
        state[STATE_PULL] = 0.012f32.to_bits();
        state[STATE_BEST_L2] = best_l2.to_bits();
        state[STATE_PROGRESS_L2] = 2.01f32.to_bits();
        state[STATE_BEST_IOU] = (if reached > 0 { 0.6f32 } else { 0.4 }).to_bits();
        state[STATE_PROGRESS] = progress;
        case
    };
    let mut cases = vec![
        // Reached for the first time; once more, smaller, but not by a hundredth; and not smaller; and not reached.
        case(&mut random, 0.5, 0, 9.0, 7, 0.1),
        case(&mut random, 0.5, 5, 2.5, 6, 0.1),
        case(&mut random, 0.5, 5, 2.0, 6, 0.1),
        case(&mut random, 0.51, 5, 2.5, 6, 0.1),
        // Small enough at once, and after a while; as often refined as stepped before.
        case(&mut random, 0.5, 0, 9.0, 7, 2.0),
        case(&mut random, 0.5, 5, 2.5, 6, 2.0),
        case(&mut random, 0.51, 5, 2.5, 6, 2.0),
        case(&mut random, 0.5, 4, 2.5, 6, 0.1),
    ];
    // Too long astray, and not yet: back half the way to the best image, or on.
    for kept in [5, 0] {
        let mut astray = case(&mut random, 0.51, 5, 2.5, 6, 0.1);
        let ledger = &mut astray.writes[3];
        ledger[STATE + STATE_KEPT] = kept;
        ledger[STATE + STATE_ITERATION] = MOST_ASTRAY;
        // No more than were stepped before.
        ledger[STATE + STATE_REACHED] = 5;
        cases.push(astray);
    }
    // The last progress is too long ago.
    for (late, progress) in [(0, 210), (1, 209)] {
        let mut late_case = case(&mut random, 0.5, 200, 2.5, progress, 0.1);
        late_case.writes[3][STATE + STATE_ITERATION] = progress + REFINING_PATIENCE - 1 + late;
        cases.push(late_case);
    }
    // More iterations than came before, if the ledger says so, and then no more.
    for limit in [5, 4] {
        let mut limited = case(&mut random, 0.5, 4, 2.5, 6, 0.1);
        limited.writes[3][REFINING_LIMIT] = limit;
        cases.push(limited);
    }
    let wanted = [
        // Whether it is the best, after how many iterations it was reached, pull, and why it stops.
        (true, ITERATION + 1, FIRST_REFINING_PULL, RUNNING),
        (true, 5, 0.012 * PULL_GROWTH, RUNNING),
        (false, 5, 0.012 * PULL_GROWTH, RUNNING),
        (false, 5, 0.012 * PULL_SHRINK, RUNNING),
        (true, ITERATION + 1, FIRST_REFINING_PULL, REACHED),
        (true, 5, 0.012 * PULL_GROWTH, REACHED),
        (false, 5, 0.012 * PULL_SHRINK, RUNNING),
        (true, 4, 0.012 * PULL_GROWTH, REACHED),
        (false, 5, 0.012 * PULL_SHRINK, RUNNING),
        (false, 5, 0.012 * PULL_SHRINK, RUNNING),
        (true, 200, 0.012 * PULL_GROWTH, RUNNING),
        (true, 200, 0.012 * PULL_GROWTH, REACHED),
        (true, 4, 0.012 * PULL_GROWTH, RUNNING),
        (true, 4, 0.012 * PULL_GROWTH, REACHED),
    ];
    for variant in ["scalars", "vectors"] {
        for run in run_variant(&cases, variant) {
            for (number, (written, wanted)) in run.iter().zip(wanted).enumerate() {
                let state = &written[3][STATE + STATE_LENGTH..STATE + 2 * STATE_LENGTH];
                let (is_best, reached, pull, stops) = wanted;
                let before = &cases[number].writes;
                assert_eq!(written[1] == before[0], is_best, "case {number}, {variant}");
                assert_eq!(written[1] == before[1], !is_best, "case {number}, {variant}");
                assert_eq!(state[STATE_REACHED], reached, "case {number}, {variant}");
                let found = f32::from_bits(state[STATE_PULL]);
                assert!((found - pull).abs() < 1e-7, "case {number}, {variant}: {found}");
                assert_eq!(state[STATE_STOPPED], stops, "case {number}, {variant}");
                let moved = written[0] != before[0];
                assert_eq!(moved, stops == RUNNING, "case {number}, {variant}");
                let half_way =
                    (written[0].iter().zip(&before[0]).zip(&before[1])).all(|((now, image), best)| {
                        let [now, image, best] = [now, image, best].map(|word| f32::from_bits(*word));
                        (now - 0.5 * (image + best)).abs() < 1e-6
                    });
                assert_eq!(half_way, number == ASTRAY, "case {number}, {variant}");
            }
        }
    }
}

/// What is infinite or no number is seen before a clip can hide it, on every device, and stays seen.
#[test]
fn numbers_that_are_not_finite_leave_word() {
    let mut random = Random::new(23);
    let planted = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    let mut cases = Vec::new();
    let mut wanted = Vec::new();
    for flags in [one_forward(0), one_forward(HOLD | CAPPED), STEP] {
        for (place, value) in [0usize, 77, 239].into_iter().zip(planted) {
            // In the gradient; in the image, which no gradient shows; and after another iteration has left word.
            for (gradient, before) in [(true, 0), (false, 0), (true, 3)] {
                let mut case = half_met(&mut random, flags);
                let values = if gradient {
                    &mut case.reads[0]
                } else {
                    &mut case.writes[0]
                };
                values[place] = value.to_bits();
                case.writes[3][NOT_FINITE] = before;
                wanted.push(if before == 0 { 8 } else { before });
                cases.push(case);
            }
        }
        // And nothing where all is finite.
        cases.push(half_met(&mut random, flags));
        wanted.push(0);
    }
    for variant in ["scalars", "vectors"] {
        for run in run_variant(&cases, variant) {
            let found: Vec<u32> = run.iter().map(|written| written[3][NOT_FINITE]).collect();
            assert_eq!(found, wanted, "{variant}");
        }
    }
}
