use asma::kernels::Extent;
use asma::kernels::ledger::{IGNORE, SCHEDULE_LENGTH, counts_and_losses_length, counts_length};
use asma::kernels::objective::{
    ADAPTIVE, COUNT, CROSS_ENTROPY, DENSE, LOGIT, LOSS, MARGIN, Params, RATIO, TARGETED, WRITE_SEED,
};

use super::support::{Case, EXACT, Halves, Random, Tolerance, compare_floats, run};

pub const SCHEDULE_ROWS: u32 = 3;

/// Bits and weights of classes, and a schedule.
pub fn settings(random: &mut Random, class_count: usize) -> Vec<u32> {
    let mut words = random.integers(class_count, 4);
    words.extend(random.probabilities(class_count));
    words.extend(random.probabilities(SCHEDULE_LENGTH * SCHEDULE_ROWS as usize));
    words
}

/// A call whose labels have every class, "ignore" and, where there is room, a number that is no class.
fn case(random: &mut Random, extent: Extent, objective: u32, flags: u32) -> Case {
    let class_count = if extent.c == 1 { 2 } else { extent.c };
    let (logits, logits_length) = random.view(extent);
    let (seed, seed_length) = random.view(extent);
    let pixels = (extent.n * extent.h * extent.w) as usize;
    let mut labels = random.integers(pixels, class_count + 1);
    for label in &mut labels {
        if *label == class_count && random.below(2) == 0 {
            *label = IGNORE;
        }
    }
    let pixels = (extent.h * extent.w) as usize;
    let length = counts_and_losses_length(class_count as usize, pixels);
    let mut counts = random.integers(extent.n as usize * 2 * length, 1000);
    for half in counts.chunks_mut(length) {
        // The schedule's row; one too far is the last.
        half[counts_length(class_count as usize)] = random.below(SCHEDULE_ROWS + 2);
    }
    let params = Params {
        logits,
        seed,
        extent,
        class_count,
        objective,
        flags,
        parity: random.below(2),
        counts_length: length as u32,
        schedule_rows: SCHEDULE_ROWS,
    };
    Case {
        params: params.into(),
        reads: vec![
            // Many equal logits: the first class wins; with one channel, many zeros.
            random.coarse_floats(logits_length),
            labels,
            settings(random, class_count as usize),
        ],
        writes: vec![random.floats(seed_length), counts],
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(17);
    let mut cases = Vec::new();
    let plain = (1..=WRITE_SEED | COUNT | ADAPTIVE)
        .flat_map(|flags| [LOGIT, MARGIN].map(|objective| (objective, flags)));
    for (objective, flags) in plain {
        for c in [1, 2, 3, 5] {
            // Less than a workgroup and more.
            for (h, w) in [(1, 1), (5, 7), (61, 71)] {
                let n = random.between(1, 2);
                cases.push(case(&mut random, Extent { n, c, h, w }, objective, flags));
            }
        }
    }
    // A mask of areas, as real ones are: long runs of one label and one prediction.
    let area = Extent {
        n: 2,
        c: 3,
        h: 97,
        w: 89,
    };
    let mut areas = case(&mut random, area, MARGIN, WRITE_SEED | COUNT | ADAPTIVE);
    for words in &mut areas.reads[..2] {
        for place in 0..words.len() {
            words[place] = words[place - place % 1500];
        }
    }
    cases.push(areas);
    // As many classes as there can be, which need most workgroup memory.
    let most = Extent {
        n: 2,
        c: 255,
        h: 9,
        w: 33,
    };
    cases.push(case(&mut random, most, MARGIN, WRITE_SEED | COUNT | ADAPTIVE));

    let [twins, unchecked, checked] = run(&cases, Halves::None);
    for (number, case) in cases.iter().enumerate() {
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            let what = format!("{what} shader, case {number}: {:?}", case.params);
            let (found, wanted) = (&found[number], &twins[number]);
            compare_floats(&what, &found[0], &wanted[0], EXACT);
            assert_eq!(found[1], wanted[1], "counts of the {what}");
        }
    }
}

/// Quotients, exponentials and logarithms, which a GPU may round otherwise.
const CURVED: Tolerance = Tolerance {
    absolute: 2e-6,
    relative: 2e-5,
};

/// All objectives that are sums over exponentials or quotients, with logits that lie close together and far apart.
#[test]
fn losses_and_seeds_are_as_the_twin() {
    let mut random = Random::new(27);
    let mut cases = Vec::new();
    for objective in CROSS_ENTROPY..=DENSE {
        for targeted in [0, TARGETED] {
            // Each is a shader to compile.
            let channels: &[u32] = match targeted {
                TARGETED => &[1, 2, 5],
                _ => &[1, 2, 3, 5, 19],
            };
            for &c in channels {
                if objective == RATIO && c < 4 {
                    continue;
                }
                for (h, w) in [(1, 1), (7, 9), (61, 71)] {
                    let n = random.between(1, 2);
                    let extent = Extent { n, c, h, w };
                    let mut case = case(
                        &mut random,
                        extent,
                        objective,
                        WRITE_SEED | COUNT | LOSS | targeted,
                    );
                    let scale = random.choose(&[0.1f32, 3.0, 200.0]);
                    case.reads[0] = random
                        .floats(case.reads[0].len())
                        .into_iter()
                        .map(|word| (scale * f32::from_bits(word)).to_bits())
                        .collect();
                    cases.push(case);
                }
            }
        }
    }
    let [twins, unchecked, checked] = run(&cases, Halves::None);
    for (number, case) in cases.iter().enumerate() {
        let asma::kernels::Params::Objective(params) = case.params else {
            panic!("{:?}", case.params)
        };
        let counts = counts_length(params.class_count as usize);
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            let what = format!("{what} shader, case {number}: {params:?}");
            let (found, wanted) = (&found[number], &twins[number]);
            assert!(
                wanted[0].iter().all(|&word| f32::from_bits(word).is_finite()),
                "{what}"
            );
            compare_floats(&what, &found[0], &wanted[0], CURVED);
            let halves = found[1].chunks(params.counts_length as usize);
            for (found, wanted) in halves.zip(wanted[1].chunks(params.counts_length as usize)) {
                assert_eq!(found[..counts + 1], wanted[..counts + 1], "counts of the {what}");
            }
            // Of the half that was written, the sums of the losses.
            let half = params.parity as usize;
            for n in 0..params.extent.n as usize {
                let start = (2 * n + half) * params.counts_length as usize + counts + 1;
                let groups = ((params.extent.h * params.extent.w) as usize).div_ceil(4096);
                let sums = start..start + 2 * groups;
                compare_floats(&what, &found[1][sums.clone()], &wanted[1][sums], CURVED);
            }
        }
    }
}

/// No gap between logits, and no length of all of them, makes a loss or a seed that is no number.
#[test]
fn extreme_logits_give_numbers() {
    let mut random = Random::new(37);
    let mut cases = Vec::new();
    for objective in CROSS_ENTROPY..=DENSE {
        for targeted in [0, TARGETED] {
            for c in [1, 2, 5] {
                if objective == RATIO && c < 4 {
                    continue;
                }
                for sizes in [
                    [3e38, -3e38, 0.0],
                    [1e-21, -1e-21, 0.0],
                    [2e19, -1.0, 0.0],
                    [104.0, 0.0, -3e38],
                ] {
                    let extent = Extent { n: 1, c, h: 7, w: 9 };
                    let flags = WRITE_SEED | COUNT | LOSS | targeted;
                    let mut case = case(&mut random, extent, objective, flags);
                    let logits = case.reads[0]
                        .iter()
                        .map(|_| random.choose::<f32>(&sizes).to_bits());
                    case.reads[0] = logits.collect();
                    cases.push(case);
                }
            }
        }
    }
    for (executor, written) in ["twin", "unchecked shader", "checked shader"]
        .iter()
        .zip(run(&cases, Halves::None))
    {
        for (case, written) in cases.iter().zip(written) {
            let asma::kernels::Params::Objective(params) = case.params else {
                panic!("{:?}", case.params)
            };
            let is_finite = |words: &[u32]| words.iter().all(|&word| f32::from_bits(word).is_finite());
            assert!(is_finite(&written[0]), "seeds of the {executor}: {params:?}");
            let start = params.parity as usize * params.counts_length as usize;
            let losses = start + counts_length(params.class_count as usize) + 1;
            assert!(
                is_finite(&written[1][losses..losses + 2]),
                "losses of the {executor}: {params:?}"
            );
        }
    }
}
