use asma::kernels::Extent;
use asma::kernels::asma_update::{
    BETA, CAP, CAPPED, CLIP, FLOOR, HEADER, HOLD, LEAP, MULTIPLIER_FROM_COUNTS, NO_PROGRESS, PATIENCE, PULL,
    Params, REACHED, REFINE, REGION, ROW_LENGTH, RUNNING, SETTLE, STATE, STATE_BEST_IOU,
    STATE_BEST_ITERATION, STATE_BEST_L2, STATE_ITERATION, STATE_KEPT, STATE_L2, STATE_LENGTH,
    STATE_MULTIPLIER, STATE_PROGRESS, STATE_PROGRESS_L2, STATE_PULL, STATE_REACHED, STATE_RISE,
    STATE_RISE_IOU, STATE_SCALE, STATE_STOPPED, STATIC_MULTIPLIER, STEP, STOP_IOU, TAU,
};
use asma::kernels::ledger::{CLASS_AVERAGED, counts_length};

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
        words[state + STATE_SCALE] = random.choose(&[1.0f32 / 32.0, 1.0, 6.3, 15.9]).to_bits();
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

/// The flags of the one-forward schedule, and more.
pub(super) fn one_forward(more: u32) -> u32 {
    SETTLE | STEP | CLIP | MULTIPLIER_FROM_COUNTS | more
}

/// A call with these flags on random numbers, counts and states.
pub(super) fn case(random: &mut Random, extent: Extent, class_count: usize, flags: u32) -> Case {
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
    // Each set of the other flags once, with a region where their number is odd: each is a shader to compile.
    let others = STEP | CLIP | SETTLE | STATIC_MULTIPLIER | MULTIPLIER_FROM_COUNTS;
    let plain = (0..=others).map(|flags: u32| flags | (REGION * (flags.count_ones() % 2)));
    let holds = [0, CAPPED, REGION, STATIC_MULTIPLIER].map(|more| one_forward(HOLD | more));
    let refines = [0, CAPPED, CAPPED | REGION].map(|more| one_forward(HOLD | REFINE | more));
    let capped = [STEP, STEP | CLIP, STEP | REGION].map(|flags| flags | CAPPED);
    for flags in plain.chain(holds).chain(refines).chain(capped) {
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
        for more in [0, STATIC_MULTIPLIER, REGION, STATIC_MULTIPLIER | REGION] {
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
