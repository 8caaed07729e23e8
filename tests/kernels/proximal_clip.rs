use asma::cpu;
use asma::kernels::Extent;
use asma::kernels::ledger::{STATE, STATE_LENGTH, STATE_STOPPED};
use asma::kernels::minimal_settle::{
    REACHED, RUNNING, STATE_METRIC, STATE_NEW_BEST, STATE_STEP, ledger_length,
};
use asma::kernels::proximal_clip::{CLIP, KEEP, Params, ROUND, ROUNDS};
use asma::kernels::proximal_search::search_length;
use asma::kernels::proximal_search::{self, HEADER, PASSES, search_end};

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

fn case(random: &mut Random, extent: Extent, flags: u32, round: u32) -> Case {
    let elements = (extent.n * extent.c * extent.h * extent.w) as usize;
    let source = random.probabilities(elements);
    let small = |random: &mut Random| -> Vec<u32> {
        (0..elements).map(|_| random.float(-0.2, 0.2).to_bits()).collect()
    };
    let (anchor, point) = (small(random), small(random));
    let metric: Vec<u32> = (0..elements).map(|_| random.float(0.01, 2.0).to_bits()).collect();
    let length = ledger_length(extent, 3);
    let mut ledger = vec![0; extent.n as usize * length];
    let parity = random.below(2);
    let mut weights = Vec::new();
    for words in ledger.chunks_mut(length) {
        let state = STATE + (1 - parity as usize) * STATE_LENGTH;
        let weight = random.choose(&[1e-4, 0.01, 0.05, 9.0]) * elements as f32 / extent.n as f32;
        weights.push(weight);
        words[state + STATE_STEP] = weight.to_bits();
        words[state + STATE_METRIC] = 2f32.to_bits();
        words[state + STATE_NEW_BEST] = random.below(2);
        words[state + STATE_STOPPED] = random.choose(&[RUNNING, RUNNING, RUNNING, REACHED]);
    }
    let mut search = vec![0; extent.n as usize * search_length(extent)];
    let searched = if flags & ROUNDS != 0 && round == 0 {
        &anchor
    } else {
        &point
    };
    for number in 0..PASSES {
        let params = proximal_search::Params {
            extent,
            flags: 0,
            number,
            weight_offset: 0,
            weight_stride: 1,
        };
        cpu::proximal_search::run(&params, &floats(searched), &[], &[], &weights, &mut search);
    }
    for words in search.chunks_mut(search_length(extent)) {
        for round in 0..3 {
            words[ROUND + round] = random.choose(&[1, 1, 1, 0]);
        }
        // The round before moved by enough, or not.
        let moved = random.choose(&[1e-6f32, 0.5]);
        for pair in words[search_end(extent)..].chunks_mut(2) {
            pair.copy_from_slice(&[moved, 1.0].map(f32::to_bits));
        }
    }
    Case {
        params: Params {
            extent,
            flags,
            parity,
            round,
            ledger_length: length as u32,
        }
        .into(),
        reads: vec![source, anchor, metric],
        writes: vec![
            random.probabilities(elements),
            point,
            random.probabilities(elements),
            search,
            ledger,
        ],
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(213);
    let mut cases = Vec::new();
    let mut extents = Vec::new();
    let calls = [
        (KEEP, 0),
        (CLIP, 0),
        (KEEP | CLIP, 0),
        (KEEP | CLIP | ROUNDS, 0),
        (CLIP | ROUNDS, 1),
        (CLIP | ROUNDS, 2),
    ];
    for (flags, round) in calls.into_iter().cycle().take(2 * calls.len()) {
        for [c, h, w] in [[1, 1, 1], [3, 7, 9], [1, 17, 241], [3, 61, 97]] {
            let n = random.between(2, 3);
            let extent = Extent { n, c, h, w };
            cases.push(case(&mut random, extent, flags, round));
            extents.push(extent);
        }
    }
    let [twins, unchecked, checked] = run(&cases, Halves::None);
    let mut changed = 0;
    for (number, (case, extent)) in cases.iter().zip(extents).enumerate() {
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            let what = format!("{what} shader, case {number}: {:?}", case.params);
            compare(&what, extent, &found[number], &twins[number]);
        }
        changed += usize::from(twins[number] != case.writes);
    }
    assert!(
        changed > cases.len() / 2,
        "{changed} of {} cases change anything",
        cases.len()
    );
}

fn compare(what: &str, extent: Extent, found: &Written, wanted: &Written) {
    for image in 0..3 {
        compare_floats(
            &format!("{what}, buffer {image}"),
            &found[image],
            &wanted[image],
            IMAGE,
        );
    }
    let length = search_length(extent);
    for (found, wanted) in found[3].chunks(length).zip(wanted[3].chunks(length)) {
        assert_eq!(found[..HEADER], wanted[..HEADER], "{what}, the search's header");
        compare_floats(
            &format!("{what}, the search"),
            &found[HEADER..],
            &wanted[HEADER..],
            STATISTICS,
        );
    }
    compare_floats(&format!("{what}, the ledger"), &found[4], &wanted[4], STATISTICS);
}
