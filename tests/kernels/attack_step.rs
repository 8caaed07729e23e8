use asma::kernels::Extent;
use asma::kernels::attack_step::{
    ADAM, CANDIDATE, GOAL, GOAL_OF_IOU, KEEP_LAST, LARGEST, MEASURE, MINIMISE, MOMENTUM, PHASES, PUBLISHED,
    Params, REGION, ROW_BISECTS, ROW_CHECK, ROW_END, ROW_FIRST, ROW_FROM_BEST, ROW_LAST, ROW_RANDOM,
    ROW_WIDE, SIGN, STATE_BEST_NORM, STATE_BEST_SCORE, STATE_CHECKED, STATE_HALVED, STATE_HIGH,
    STATE_HIGHEST, STATE_LOW, STATE_PHASE_SCORE, STATE_RADIUS_SCALE, STATE_RISES, STATE_ROUND,
    STATE_STEP_SCALE, STATE_TRACKED, TARGETED, TRACK_LOSS, UNCLIPPED, UNIT, WITHIN_LARGEST, WITHIN_LENGTH,
    sections,
};
use asma::kernels::ledger::{
    CLASS_AVERAGED, HEADER, REACHED, RUNNING, SCHEDULE_CORRECTION, SCHEDULE_KIND, SCHEDULE_LENGTH,
    SCHEDULE_NEXT_RADIUS, SCHEDULE_RADIUS, SCHEDULE_SEED, SCHEDULE_STEP, SCHEDULE_WINDOW, STATE,
    STATE_BEST_ITERATION, STATE_ITERATION, STATE_LENGTH, STATE_STOPPED, counts_and_losses_length,
    counts_length,
};

use super::support::{Case, Random, Tolerance, Written, compare_floats, run_variant};

/// Quotients by lengths that are sums of thousands of squares in another order.
const IMAGE: Tolerance = Tolerance {
    absolute: 2e-6,
    relative: 1e-5,
};

/// Sums of thousands of squares in another order; divisions and roots that a GPU may round otherwise.
const STATISTICS: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 2e-5,
};

const RING_ROWS: usize = 5;
const SCHEDULE_ROWS: u32 = 12;
const CLASSES: usize = 3;
const PIXELS: u32 = 1100;

/// Rows of every kind; those of phases' ends twice, so that both starts are met.
fn schedule(random: &mut Random) -> Vec<u32> {
    let kinds = [
        ROW_FIRST,
        0,
        ROW_CHECK,
        ROW_LAST,
        ROW_FIRST | ROW_WIDE,
        ROW_CHECK | ROW_WIDE,
        ROW_LAST | ROW_RANDOM | ROW_BISECTS,
        ROW_FIRST,
        ROW_LAST | ROW_FROM_BEST,
        ROW_FIRST | ROW_CHECK,
        0,
        ROW_LAST | ROW_END,
    ];
    kinds
        .into_iter()
        .flat_map(|kind| {
            let mut row = [0; SCHEDULE_LENGTH];
            row[SCHEDULE_KIND] = kind;
            row[SCHEDULE_RADIUS] = random.choose(&[0.05f32, 0.3, 2.0]).to_bits();
            row[SCHEDULE_NEXT_RADIUS] = random.choose(&[0.04f32, 0.2, 1.5]).to_bits();
            row[SCHEDULE_STEP] = random.choose(&[0.01f32, 0.2]).to_bits();
            row[SCHEDULE_WINDOW] = random.choose(&[1, 4]);
            row[SCHEDULE_SEED] = random.below(1 << 30);
            row[SCHEDULE_CORRECTION] = random.choose(&[1.0f32, 4.0]).to_bits();
            row
        })
        .collect()
}

fn case(random: &mut Random, extent: Extent, flags: u32) -> Case {
    let elements = (extent.n * extent.c * extent.h * extent.w) as usize;
    let ledger_length = Params::ledger_length(extent, RING_ROWS);
    let length = counts_and_losses_length(CLASSES, PIXELS as usize);
    let params = Params {
        extent,
        class_count: CLASSES as u32,
        flags,
        parity: random.below(2),
        counts_length: length as u32,
        schedule_rows: SCHEDULE_ROWS,
        ring_rows: RING_ROWS as u32,
        ledger_length: ledger_length as u32,
        pixels: PIXELS,
        loss_sums: 3,
        loss_scale: 0.25,
        tracked: random.choose(&[1.0, -1.0]),
        gradient_scale: 0.125,
    };
    let mut settings = random.integers(CLASSES, 4);
    settings[0] |= CLASS_AVERAGED;
    settings.extend(random.probabilities(CLASSES));
    settings.extend(schedule(random));
    let (mut counts, mut ledgers) = (Vec::new(), Vec::new());
    for _ in 0..extent.n {
        for _ in 0..2 {
            let correct = random.choose(&[10, 400, 990]);
            counts.extend([10, 300, 200, 40, 60, 80, 0, 0, 0, correct, 1000, 7]);
            counts.extend((0..2 * 3).map(|_| random.choose(&[0.3f32, 1.7, 9.0]).to_bits()));
            assert_eq!(counts_length(CLASSES) + 1 + 6, 18);
            assert_eq!(counts.len() % length, 0);
        }
        let mut words = vec![0; ledger_length];
        words[GOAL] = random.choose(&[0.5f32, 0.98, 2.0]).to_bits();
        for half in 0..2 {
            let state = &mut words[STATE + half * STATE_LENGTH..][..STATE_LENGTH];
            state[STATE_ITERATION] = random.below(SCHEDULE_ROWS + 1);
            state[STATE_STOPPED] = random.choose(&[RUNNING, RUNNING, RUNNING, REACHED]);
            state[STATE_BEST_SCORE] = random.choose(&[0, 401, 2000]);
            state[STATE_BEST_ITERATION] = random.below(5);
            let losses = [
                (STATE_TRACKED, [-50.0, 1.0]),
                (STATE_HIGHEST, [-50.0, 60.0]),
                (STATE_CHECKED, [-50.0, 60.0]),
            ];
            for (word, choices) in losses {
                state[word] = random.choose::<f32>(&choices).to_bits();
            }
            state[STATE_RISES] = random.below(5);
            state[STATE_HALVED] = random.below(2);
            state[STATE_STEP_SCALE] = random.choose(&[1.0f32, 0.25]).to_bits();
            state[STATE_RADIUS_SCALE] = random.choose(&[1.0f32, 0.625]).to_bits();
            state[STATE_LOW] = 0.5f32.to_bits();
            state[STATE_HIGH] = 1f32.to_bits();
            state[STATE_BEST_NORM] = random.choose(&[0.01f32, 100.0, 3e38]).to_bits();
            state[STATE_ROUND] = random.below(2);
            state[STATE_PHASE_SCORE] = random.choose(&[0, 401, 2000]);
        }
        for word in &mut words[HEADER..Params::ring_start(extent)] {
            *word = random.float(0.0, 2.0).to_bits();
        }
        ledgers.extend(words);
    }
    Case {
        params: params.into(),
        reads: vec![
            random.floats(elements),
            random.probabilities(elements),
            random.integers((extent.n * extent.h * extent.w) as usize, 2),
            settings,
        ],
        writes: vec![
            random.probabilities(elements),
            // What momentum and AMSGrad remember is never below 0 where it is a square.
            random.probabilities(elements * sections(flags) as usize),
            counts,
            ledgers,
        ],
    }
}

/// Words that are the same, or floats that are nearly. An integer is no float of a size that anything here has.
fn compare_words(what: &str, found: &[u32], wanted: &[u32]) {
    for (index, (&found, &wanted)) in found.iter().zip(wanted).enumerate() {
        let size = f32::from_bits(wanted).abs();
        if found != wanted && size > 1e-20 {
            compare_floats(&format!("{what}, word {index}"), &[found], &[wanted], STATISTICS);
        } else {
            assert_eq!(found, wanted, "{what}, word {index}");
        }
    }
}

fn check(cases: &[Case], [twins, unchecked, checked]: [Vec<Written>; 3]) {
    for (number, case) in cases.iter().enumerate() {
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            let what = format!("{what} shader, case {number}: {:?}", case.params);
            let (found, wanted) = (&found[number], &twins[number]);
            compare_floats(&format!("image of the {what}"), &found[0], &wanted[0], IMAGE);
            compare_floats(&format!("memory of the {what}"), &found[1], &wanted[1], IMAGE);
            assert_eq!(found[2], wanted[2], "counts of the {what}");
            compare_words(&format!("ledger of the {what}"), &found[3], &wanted[3]);
        }
    }
}

/// The flags of all attacks, and what more there may be.
fn flags() -> Vec<u32> {
    let linf = SIGN | WITHIN_LARGEST;
    let l2 = UNIT | WITHIN_LENGTH;
    let attacks = [
        linf,
        l2,
        l2 | MEASURE,
        linf | MOMENTUM,
        linf | MOMENTUM | PUBLISHED,
        linf | MOMENTUM | PHASES,
        l2 | MOMENTUM | MEASURE | PHASES,
        l2 | MOMENTUM | PHASES | KEEP_LAST,
        l2 | MOMENTUM,
        l2 | MOMENTUM | MEASURE,
        l2 | MOMENTUM | CANDIDATE,
        ADAM | WITHIN_LARGEST,
        LARGEST,
        LARGEST | MEASURE,
        LARGEST | UNCLIPPED,
        LARGEST | UNCLIPPED | MEASURE,
    ];
    // Each by itself and with one more; a pipeline is compiled for every pair.
    let more = [
        REGION,
        TARGETED | KEEP_LAST,
        MINIMISE,
        MINIMISE | TARGETED | REGION,
        TRACK_LOSS | GOAL_OF_IOU,
    ];
    let others = attacks
        .iter()
        .zip(more.iter().cycle())
        .map(|(flags, more)| flags | more);
    attacks.into_iter().chain(others).collect()
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(61);
    let mut cases = Vec::new();
    for flags in flags() {
        // Less than a workgroup's elements, several workgroups.
        for [c, h, w] in [[3, 7, 9], [3, 61, 67]] {
            for _ in 0..3 {
                let n = random.between(1, 3);
                cases.push(case(&mut random, Extent { n, c, h, w }, flags));
            }
        }
    }
    check(&cases, run_variant(&cases, "scalars"));
}

#[test]
fn vectors_are_as_the_twin() {
    let mut random = Random::new(62);
    let mut cases = Vec::new();
    for flags in flags().into_iter().step_by(3) {
        for [c, h, w] in [[3, 8, 10], [3, 64, 68]] {
            for _ in 0..2 {
                let n = random.between(1, 2);
                cases.push(case(&mut random, Extent { n, c, h, w }, flags));
            }
        }
    }
    check(&cases, run_variant(&cases, "vectors"));
}

/// A gradient that is no number leaves word, whatever a sign makes of it.
#[test]
fn numbers_that_are_not_finite_leave_word() {
    use asma::kernels::ledger::NOT_FINITE;
    let mut random = Random::new(63);
    let extent = Extent {
        n: 1,
        c: 3,
        h: 8,
        w: 10,
    };
    for bad in [f32::NAN, f32::INFINITY] {
        let mut case = case(&mut random, extent, SIGN | WITHIN_LARGEST);
        case.reads[0][17] = bad.to_bits();
        case.writes[3][GOAL] = 2f32.to_bits();
        for half in 0..2 {
            case.writes[3][STATE + half * STATE_LENGTH + STATE_STOPPED] = RUNNING;
            case.writes[3][STATE + half * STATE_LENGTH + STATE_ITERATION] = 1;
        }
        for variant in ["scalars", "vectors"] {
            for written in run_variant(std::slice::from_ref(&case), variant) {
                assert_eq!(written[0][3][NOT_FINITE], 2, "{variant}, {bad}");
            }
        }
    }
}
