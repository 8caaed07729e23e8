use asma::cpu;
use asma::kernels::Extent;
use asma::kernels::ledger::{STATE, STATE_LENGTH};
use asma::kernels::minimal_settle::{STATE_NEW_BEST, STATE_STEP, ledger_length};
use asma::kernels::proximal_clip::{CLIP, KEEP, Params, ROUNDS};
use asma::kernels::proximal_rounds::CALLS;
use asma::kernels::proximal_search::search_length;
use asma::kernels::proximal_search::{self, PASSES};

use super::proximal_rounds::Step;
use super::support::{Case, Halves, Random, Tolerance, Written, compare_floats, run};

/// A root that differs by a float, and one rounding more or less in the step.
const IMAGE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-6,
};

/// Sums of up to 4096 squares in another order.
const STATISTICS: Tolerance = Tolerance {
    absolute: 1e-7,
    relative: 1e-5,
};

fn floats(words: &[u32]) -> Vec<f32> {
    words.iter().map(|&bits| f32::from_bits(bits)).collect()
}

fn case(random: &mut Random, extent: Extent, flags: u32) -> Case {
    let elements = (extent.n * extent.c * extent.h * extent.w) as usize;
    let parity = random.below(2);
    let step = Step::new(random, extent, parity, CALLS);
    let mut ledger = step.ledger;
    let length = ledger_length(extent, 3);
    let mut weights = Vec::new();
    for words in ledger.chunks_mut(length) {
        let state = STATE + (1 - parity as usize) * STATE_LENGTH;
        words[state + STATE_NEW_BEST] = random.below(2);
        weights.push(f32::from_bits(words[state + STATE_STEP]));
    }
    let mut search = vec![0; extent.n as usize * search_length(extent)];
    for number in 0..PASSES {
        let params = proximal_search::Params {
            extent,
            flags: 0,
            number,
            weight_offset: 0,
            weight_stride: 1,
        };
        cpu::proximal_search::run(&params, &floats(&step.anchor), &[], &[], &weights, &mut search);
    }
    Case {
        params: Params {
            extent,
            flags,
            parity,
            ledger_length: length as u32,
        }
        .into(),
        reads: vec![
            random.probabilities(elements),
            step.anchor,
            step.metric,
            search,
            step.rounds,
        ],
        writes: vec![
            random.probabilities(elements),
            random.probabilities(elements),
            ledger,
        ],
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(213);
    let mut cases = Vec::new();
    let calls = [KEEP, CLIP, KEEP | CLIP, CLIP | ROUNDS, KEEP | CLIP | ROUNDS];
    for flags in calls.into_iter().cycle().take(2 * calls.len()) {
        for [c, h, w] in [[1, 1, 1], [3, 7, 9], [1, 17, 241], [3, 61, 97]] {
            let n = random.between(2, 3);
            cases.push(case(&mut random, Extent { n, c, h, w }, flags));
        }
    }
    let [twins, unchecked, checked] = run(&cases, Halves::None);
    let mut changed = 0;
    for (number, case) in cases.iter().enumerate() {
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            let what = format!("{what} shader, case {number}: {:?}", case.params);
            compare(&what, &found[number], &twins[number]);
        }
        changed += usize::from(twins[number] != case.writes);
    }
    assert!(
        changed > cases.len() / 2,
        "{changed} of {} cases change anything",
        cases.len()
    );
}

fn compare(what: &str, found: &Written, wanted: &Written) {
    for image in 0..2 {
        compare_floats(
            &format!("{what}, buffer {image}"),
            &found[image],
            &wanted[image],
            IMAGE,
        );
    }
    compare_floats(&format!("{what}, the ledger"), &found[2], &wanted[2], STATISTICS);
}
