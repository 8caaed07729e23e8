use asma::cpu;
use asma::kernels::Extent;
use asma::kernels::ledger::{HEADER, STATE, STATE_LENGTH, STATE_STOPPED};
use asma::kernels::minimal_settle::{REACHED, RUNNING, STATE_METRIC, STATE_STEP, ledger_length};
use asma::kernels::proximal_rounds::{CALLS, Params, rounds_length};

use super::support::{Case, Halves, Random, Tolerance, compare_floats, run};

/// Means of values below 1, summed in another order, over thresholds that differ by a rounding.
const MEANS: Tolerance = Tolerance {
    absolute: 1e-7,
    relative: 1e-5,
};

fn floats(words: &[u32]) -> Vec<f32> {
    words.iter().map(|&bits| f32::from_bits(bits)).collect()
}

/// A step in the midst of its rounds, with what the calls before left.
pub struct Step {
    pub anchor: Vec<u32>,
    pub metric: Vec<u32>,
    pub ledger: Vec<u32>,
    pub rounds: Vec<u32>,
}

impl Step {
    /// Before call `number`.
    pub fn new(random: &mut Random, extent: Extent, parity: u32, number: u32) -> Step {
        let elements = (extent.n * extent.c * extent.h * extent.w) as usize;
        let of_sample = elements / extent.n as usize;
        let anchor: Vec<u32> = (0..elements).map(|_| random.float(-0.2, 0.2).to_bits()).collect();
        // Such that rounds go on, and such that the first one is the last.
        let least = random.choose(&[0.01, 1.0]);
        let metric: Vec<u32> = (0..elements)
            .map(|_| random.float(least, 2.0).to_bits())
            .collect();
        let length = ledger_length(extent, 3);
        let mut ledger = vec![0; extent.n as usize * length];
        for words in ledger.chunks_mut(length) {
            let state = STATE + (1 - parity as usize) * STATE_LENGTH;
            // From one that hardly clips to one that leaves nothing.
            let weight = random.choose(&[1e-5f32, 0.01, 0.05, 9.0]) * of_sample as f32;
            words[state + STATE_STEP] = weight.to_bits();
            words[state + STATE_METRIC] = 2f32.to_bits();
            words[state + STATE_STOPPED] = random.choose(&[RUNNING, RUNNING, RUNNING, REACHED]);
            let groups = of_sample.div_ceil(4096);
            for pair in words[HEADER + 2 * groups * (1 - parity as usize)..][..2 * groups].chunks_mut(2) {
                pair[0] = 0.2f32.to_bits();
            }
        }
        let mut rounds = vec![0.5; extent.n as usize * rounds_length(extent)];
        for before in 0..number {
            let params = Params {
                extent,
                parity,
                number: before,
                ledger_length: length as u32,
            };
            cpu::proximal_rounds::run(&params, &floats(&anchor), &floats(&metric), &ledger, &mut rounds);
        }
        Step {
            anchor,
            metric,
            ledger,
            rounds: rounds.iter().map(|value| value.to_bits()).collect(),
        }
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(215);
    let mut cases = Vec::new();
    for number in (0..CALLS).cycle().take(2 * CALLS as usize) {
        for [c, h, w] in [[1, 1, 1], [3, 7, 9], [1, 17, 241], [3, 61, 97]] {
            let n = random.between(1, 3);
            let extent = Extent { n, c, h, w };
            let parity = random.below(2);
            let step = Step::new(&mut random, extent, parity, number);
            let params = Params {
                extent,
                parity,
                number,
                ledger_length: ledger_length(extent, 3) as u32,
            };
            cases.push(Case {
                params: params.into(),
                reads: vec![step.anchor, step.metric, step.ledger],
                writes: vec![step.rounds],
            });
        }
    }
    let [twins, unchecked, checked] = run(&cases, Halves::None);
    for (number, case) in cases.iter().enumerate() {
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            let what = format!("{what} shader, case {number}: {:?}", case.params);
            compare_floats(&what, &found[number][0], &twins[number][0], MEANS);
        }
        assert_ne!(twins[number], case.writes, "case {number} changes nothing");
    }
}
