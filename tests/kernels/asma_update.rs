use asma::kernels::asma_update::{
    BETA, CAP, CAPPED, CLIP, FIRST_REFINING_PULL, FLOOR, GROWTH, GROWTH_WITH_IOU, HEADER, HOLD, LEAP,
    MOST_ASTRAY, MULTIPLIER_FROM_COUNTS, NO_PROGRESS, NOT_FINITE, PATIENCE, PULL, PULL_GROWTH, PULL_SHRINK,
    Params, REACHED, REFINE, REFINING_LIMIT, REFINING_PATIENCE, REGION, ROW_LENGTH, RUNNING, SETTLE, STATE,
    STATE_BEST_IOU, STATE_BEST_ITERATION, STATE_BEST_L2, STATE_ITERATION, STATE_KEPT, STATE_L2, STATE_LENGTH,
    STATE_MULTIPLIER, STATE_PROGRESS, STATE_PROGRESS_L2, STATE_PULL, STATE_REACHED, STATE_RISE,
    STATE_RISE_IOU, STATE_SCALE, STATE_STOPPED, STATIC_MULTIPLIER, STEP, STOP_IOU, TAU,
};
use asma::kernels::ledger::{CLASS_AVERAGED, counts_length};
use asma::kernels::{Extent, Params as Kernel};

use super::support::{Case, Random, Tolerance, Written, compare_floats, run_variant};

/// One rounding more or less in the step.
const IMAGE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-6,
};

/// Sums of up to 4096 squares in another order; divisions and roots that a GPU may round otherwise.
const STATISTICS: Tolerance = Tolerance {
    absolute: 1e-7,
    relative: 1e-5,
};

const RING_ROWS: usize = 5;

/// Counts that could be: the intersection in neither class's total too large.
fn counts(random: &mut Random, class_count: usize) -> Vec<u32> {
    let mut words = Vec::new();
    let (mut correct, mut counted) = (0, 0);
    for _ in 0..class_count {
        let target = random.choose(&[0, 3, 90, 1000]);
        let predicted = random.choose(&[0, 5, 80, 1000]);
        let both = random.between(0, target.min(predicted));
        words.extend([both, target, predicted]);
        correct += both;
        counted += target;
    }
    words.extend([correct, counted]);
    assert_eq!(words.len(), counts_length(class_count));
    words
}

/// The settings, both parities' states, partial sums and an unwritten ring of one sample.
fn ledger(random: &mut Random, extent: Extent) -> Vec<u32> {
    let mut words = vec![0; Params::ledger_length(extent, RING_ROWS)];
    words[TAU] = 0.03f32.to_bits();
    words[BETA] = 0.2f32.to_bits();
    words[STOP_IOU] = random.choose(&[0.3f32, 0.9, 2.0]).to_bits();
    words[PATIENCE] = random.choose(&[0, 1, 4]);
    words[CAP] = 2f32.to_bits();
    words[LEAP] = 0.5f32.to_bits();
    words[PULL] = 0.2f32.to_bits();
    words[FLOOR] = 0.7f32.to_bits();
    for half in 0..2 {
        let state = STATE + half * STATE_LENGTH;
        let iteration = random.choose(&[0, 1, 7, 23]);
        words[state + STATE_ITERATION] = iteration;
        words[state + STATE_STOPPED] = random.choose(&[RUNNING, RUNNING, RUNNING, REACHED, NO_PROGRESS]);
        words[state + STATE_BEST_IOU] = random.choose(&[-1.0f32, 0.05, 0.4]).to_bits();
        words[state + STATE_BEST_ITERATION] = iteration.saturating_sub(random.below(6));
        words[state + STATE_MULTIPLIER] = 0.07f32.to_bits();
        words[state + STATE_SCALE] = random.choose(&[1.0f32 / 32.0, 0.5, 1.0, 15.9]).to_bits();
        words[state + STATE_PROGRESS] = iteration.saturating_sub(random.below(9));
        words[state + STATE_RISE] = iteration.saturating_sub(random.below(9));
        words[state + STATE_RISE_IOU] = random.choose(&[0.0f32, 0.2, 0.4]).to_bits();
        words[state + STATE_L2] = random.choose(&[0.0f32, 0.6, 40.0]).to_bits();
        words[state + STATE_REACHED] = random.choose(&[0, 1, 7, 20]).min(iteration);
        words[state + STATE_KEPT] = iteration.saturating_sub(random.choose(&[0, 1, 8, 16]));
        words[state + STATE_PULL] = random.choose(&[0.005f32, 0.01, 0.02]).to_bits();
        words[state + STATE_BEST_L2] = random.choose(&[0.5f32, 5.0, 40.0]).to_bits();
        words[state + STATE_PROGRESS_L2] = random.choose(&[5.0f32, 40.0]).to_bits();
    }
    for word in &mut words[HEADER..Params::ring_start(extent)] {
        *word = random.float(0.0, 2.0).to_bits();
    }
    words
}

fn case(random: &mut Random, extent: Extent, class_count: usize, flags: u32) -> Case {
    let elements = (extent.n * extent.c * extent.h * extent.w) as usize;
    let pixels = (extent.n * extent.h * extent.w) as usize;
    let parity = random.below(2);
    let params = Params {
        extent,
        class_count: class_count as u32,
        flags,
        parity,
        lambda: random.choose(&[0.0, 1.0, 0.3]),
        ring_rows: RING_ROWS as u32,
        ledger_length: Params::ledger_length(extent, RING_ROWS) as u32,
        counts_length: counts_length(class_count) as u32,
    };
    let mut classes = random.integers(class_count, 4);
    classes[0] |= CLASS_AVERAGED;
    let mut both_counts = Vec::new();
    let mut ledgers = Vec::new();
    for _ in 0..extent.n {
        both_counts.extend(counts(random, class_count));
        both_counts.extend(counts(random, class_count));
        ledgers.extend(ledger(random, extent));
    }
    Case {
        params: params.into(),
        reads: vec![
            random.floats(elements),
            random.probabilities(elements),
            random.integers(pixels, 2),
            classes,
        ],
        // Images a little outside [0, 1] too, for the clip.
        writes: vec![
            random.floats(elements),
            random.floats(elements),
            both_counts,
            ledgers,
        ],
    }
}

/// The words of a ledger that are floats; all others are integers.
fn is_float(extent: Extent, word: usize) -> bool {
    match word {
        TAU | BETA | STOP_IOU | CAP | LEAP | PULL | FLOOR => true,
        _ if word < STATE => false,
        _ if word < STATE + 2 * STATE_LENGTH => {
            matches!(
                (word - STATE) % STATE_LENGTH,
                STATE_BEST_IOU
                    | STATE_MULTIPLIER
                    | STATE_SCALE
                    | STATE_L2
                    | STATE_PULL
                    | STATE_BEST_L2
                    | STATE_PROGRESS_L2
                    | STATE_RISE_IOU
            )
        }
        _ if word < HEADER => false,
        _ if word < Params::ring_start(extent) => true,
        _ => (1..6).contains(&((word - Params::ring_start(extent)) % ROW_LENGTH)),
    }
}

fn compare_ledgers(what: &str, extent: Extent, found: &[u32], wanted: &[u32]) {
    let length = Params::ledger_length(extent, RING_ROWS);
    for (index, (&found, &wanted)) in found.iter().zip(wanted).enumerate() {
        let word = index % length;
        if is_float(extent, word) {
            let what = format!("{what}, word {word} of sample {}", index / length);
            compare_floats(&what, &[found], &[wanted], STATISTICS);
        } else {
            assert_eq!(found, wanted, "word {word} of sample {}, {what}", index / length);
        }
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(18);
    let mut cases = Vec::new();
    let mut extents = Vec::new();
    let all = STEP | CLIP | SETTLE | STATIC_MULTIPLIER | MULTIPLIER_FROM_COUNTS | REGION;
    let holds = [0, CAPPED, REGION, STATIC_MULTIPLIER].map(|more| one_forward(HOLD | more));
    let refines = [0, CAPPED, CAPPED | REGION].map(|more| one_forward(HOLD | REFINE | more));
    let capped = [STEP, STEP | CLIP, STEP | REGION].map(|flags| flags | CAPPED);
    for flags in (0..=all).chain(holds).chain(refines).chain(capped) {
        // The shader is compiled for each pair of these.
        let class_count = random.choose(&[2, 2, 3, 7]);
        // Less than a workgroup's elements, one more than them, several workgroups.
        for [c, h, w] in [[1, 1, 1], [3, 7, 9], [1, 17, 241], [3, 61, 67]] {
            let n = random.between(1, 3);
            let extent = Extent { n, c, h, w };
            cases.push(case(&mut random, extent, class_count, flags));
            extents.push(extent);
        }
    }
    // As many classes as there can be, and more workgroups than threads in one.
    let large = Extent {
        n: 1,
        c: 3,
        h: 601,
        w: 611,
    };
    for flags in [SETTLE | STEP | CLIP | MULTIPLIER_FROM_COUNTS, STEP, SETTLE | CLIP] {
        let mut case = case(&mut random, large, 255, flags);
        // Not stopped, so that what settles also sums all partial sums into a row.
        for parity in 0..2 {
            case.writes[3][STATE + parity * STATE_LENGTH + STATE_STOPPED] = RUNNING;
        }
        cases.push(case);
        extents.push(large);
    }

    check(&cases, &extents, run_variant(&cases, "scalars"));
}

/// Images of whole vectors; without a region also such whose channels are not, which then are left to single numbers.
#[test]
fn vectors_are_as_the_twin() {
    let mut random = Random::new(19);
    let mut cases = Vec::new();
    let mut extents = Vec::new();
    for schedule in [
        one_forward(0),
        one_forward(HOLD | CAPPED),
        one_forward(HOLD | REFINE | CAPPED),
        STEP,
        SETTLE | CLIP,
        CLIP,
    ] {
        for more in [0, STATIC_MULTIPLIER, REGION] {
            for [c, h, w] in [[1, 2, 2], [3, 8, 10], [4, 7, 9], [3, 64, 68]] {
                let n = random.between(1, 3);
                let extent = Extent { n, c, h, w };
                cases.push(case(&mut random, extent, 2, schedule | more));
                extents.push(extent);
            }
        }
    }
    check(&cases, &extents, run_variant(&cases, "vectors"));
}

/// The flags of the one-forward schedule, and more.
fn one_forward(more: u32) -> u32 {
    SETTLE | STEP | CLIP | MULTIPLIER_FROM_COUNTS | more
}

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

fn check(cases: &[Case], extents: &[Extent], [twins, unchecked, checked]: [Vec<Written>; 3]) {
    for (number, case) in cases.iter().enumerate() {
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            let what = format!("{what} shader, case {number}: {:?}", case.params);
            let (found, wanted) = (&found[number], &twins[number]);
            compare_floats(&format!("image of the {what}"), &found[0], &wanted[0], IMAGE);
            compare_floats(&format!("best image of the {what}"), &found[1], &wanted[1], IMAGE);
            assert_eq!(found[2], wanted[2], "counts of the {what}");
            compare_ledgers(&what, extents[number], &found[3], &wanted[3]);
        }
    }
}
