//! The kernels that seed and step in the attacks for the smallest perturbation.

use asma::kernels::alma_constraints::TARGETED;
use asma::kernels::ledger::{
    HEADER, IGNORE, NOT_FINITE, STATE, STATE_BEST_ITERATION, STATE_ITERATION, STATE_LENGTH, STATE_REACHED,
    STATE_STOPPED, counts_length,
};
use asma::kernels::minimal_settle::{
    COUNTED, ITERATIONS, RATE, REACHED, RUNNING, STATE_BEST_ADVERSARIAL, STATE_BEST_DISTANCE, STATE_METRIC,
    STATE_RANK, STATE_SCALE, STATE_SCHEDULE, STATE_STEP, ledger_length, ring_start, sums_length,
};
use asma::kernels::select::{self, LENGTH, PASSES};
use asma::kernels::{Extent, alma_constraints, alma_seed, alma_step, pdpgd_seed, pdpgd_step};
use asma::{cpu, kernels};

use super::support::{Case, Halves, Random, Tolerance, compare_floats, run};

/// A few roundings, quotients and roots that a GPU may round otherwise.
pub const FEW: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-5,
};

/// Sums of up to a thousand terms in another order; exponentials.
const SUMS: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 2e-5,
};

pub const RING_ROWS: usize = 3;

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn floats(words: &[u32]) -> Vec<f32> {
    words.iter().map(|&bits| f32::from_bits(bits)).collect()
}

/// Logits, many of them equal, far apart, or neither; and labels with "ignore" among them.
fn output(random: &mut Random, extent: Extent) -> (kernels::View, Vec<u32>, Vec<u32>) {
    let (view, length) = random.view(extent);
    let logits = match random.below(3) {
        0 => random.coarse_floats(length),
        1 => random.logits(length),
        _ => random.floats(length),
    };
    let classes = extent.c.max(2);
    let mut labels = random.integers((extent.n * extent.h * extent.w) as usize, classes + 1);
    for label in &mut labels {
        if *label == classes {
            *label = IGNORE;
        }
    }
    (view, logits, labels)
}

/// The ledger of a batch: both states in the midst of an attack, partial sums, an unwritten ring.
pub fn ledger(random: &mut Random, extent: Extent) -> Vec<u32> {
    let length = ledger_length(extent, RING_ROWS);
    let mut all = vec![0; extent.n as usize * length];
    for words in all.chunks_mut(length) {
        words[COUNTED] = 40;
        words[RATE] = 0.01f32.to_bits();
        words[ITERATIONS] = random.choose(&[1, 2, 20]);
        for half in 0..2 {
            let state = &mut words[STATE + half * STATE_LENGTH..][..STATE_LENGTH];
            let iteration = random.choose(&[0, 1, 7, 9, 19]);
            state[STATE_ITERATION] = iteration;
            state[STATE_STOPPED] = random.choose(&[RUNNING, RUNNING, RUNNING, REACHED]);
            state[STATE_BEST_ADVERSARIAL] = random.below(200);
            state[STATE_BEST_ITERATION] = iteration / 2;
            state[STATE_SCALE] = random.choose(&[0.1f32, 0.5, 1.0]).to_bits();
            state[STATE_STEP] = 0.01f32.to_bits();
            state[STATE_BEST_DISTANCE] = random.choose(&[0.1f32, 2.0]).to_bits();
            state[STATE_REACHED] = random.choose(&[0, 0, 1]) * iteration;
            // Also the average share of dual weights.
            state[STATE_RANK] = 0.3f32.to_bits();
            state[STATE_METRIC] = 2f32.to_bits();
            state[STATE_SCHEDULE..][..4].copy_from_slice(&bits(&[0.7, 0.3, 0.6, 0.05]));
        }
        let distances = HEADER..ring_start(extent);
        for word in &mut words[distances] {
            *word = random.choose(&[0.01f32, 0.3, 0.9]).to_bits();
        }
    }
    all
}

/// Holds the written buffers of all cases against the twins', each as a kind of words or floats.
fn compare(cases: &[Case], kinds: &[Option<Tolerance>]) {
    let [twins, unchecked, checked] = run(cases, Halves::None);
    for (number, case) in cases.iter().enumerate() {
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            for (buffer, kind) in kinds.iter().enumerate() {
                let what = format!("{what} shader, case {number}, buffer {buffer}: {:?}", case.params);
                let (found, wanted) = (&found[number][buffer], &twins[number][buffer]);
                match kind {
                    Some(tolerance) => compare_floats(&what, found, wanted, *tolerance),
                    None => assert!(found == wanted, "{what}"),
                }
            }
        }
        assert_ne!(twins[number], case.writes, "case {number} changes nothing");
    }
}

/// Sizes below, at and above those of a workgroup, and networks of one channel to many.
fn outputs(random: &mut Random) -> Vec<Extent> {
    let mut extents = Vec::new();
    for c in [1, 2, 3, 4, 7] {
        for [h, w] in [[1, 1], [5, 7], [41, 73]] {
            let n = random.between(1, 3);
            extents.push(Extent { n, c, h, w });
        }
    }
    extents
}

#[test]
fn constraints_are_as_their_twin() {
    let mut random = Random::new(221);
    let mut cases = Vec::new();
    for extent in outputs(&mut random) {
        for flags in [0, TARGETED] {
            let class_count = extent.c.max(2);
            let (logits, words, labels) = output(&mut random, extent);
            let pixels = labels.len();
            let counts = extent.n as usize * 2 * counts_length(class_count as usize);
            let params = alma_constraints::Params {
                logits,
                extent,
                class_count,
                flags,
                parity: random.below(2),
            };
            cases.push(Case {
                params: params.into(),
                reads: vec![words, labels],
                writes: vec![random.floats(pixels), random.integers(counts, 9)],
            });
        }
    }
    compare(&cases, &[Some(FEW), None]);
}

#[test]
fn penalties_are_as_their_twin() {
    let mut random = Random::new(222);
    let mut cases = Vec::new();
    for extent in outputs(&mut random) {
        for flags in 0..=TARGETED | alma_seed::PUBLISHED {
            cases.push(penalty(&mut random, extent, flags));
        }
    }
    let largest = Tolerance {
        // Ratios of nearly equal logits are of any size, and so are their slopes.
        absolute: 1e-5,
        relative: 3e-5,
    };
    compare(&cases, &[Some(largest), Some(largest), Some(SUMS)]);
}

fn penalty(random: &mut Random, extent: Extent, flags: u32) -> Case {
    let class_count = extent.c.max(2);
    let (logits, words, labels) = output(random, extent);
    let (seed, seed_length) = random.view(extent);
    let (samples, pixels) = (extent.n as usize, (extent.h * extent.w) as usize);
    let parity = random.below(2);
    let image = Extent { c: 3, ..extent };
    let ledger = ledger(random, image);
    let counts_length = counts_length(class_count as usize);
    let mut counts = vec![0; samples * 2 * counts_length];
    let mut ratios = vec![0.0; samples * pixels];
    let constraints = alma_constraints::Params {
        logits,
        extent,
        class_count,
        flags: flags & TARGETED,
        parity,
    };
    cpu::alma_constraints::run(&constraints, &floats(&words), &labels, &mut ratios, &mut counts);
    // Of one sample in two nearly all pixels are as wanted.
    for (n, counts) in counts.chunks_mut(2 * counts_length).enumerate() {
        if n % 2 == 1 {
            let half = &mut counts[parity as usize * counts_length..][..counts_length];
            half[counts_length - 2] = if flags & TARGETED != 0 {
                half[counts_length - 1]
            } else {
                0
            };
        }
    }
    let ranks: Vec<u32> = (0..samples)
        .map(|_| random.choose(&[0, 1, 1 + pixels as u32 / 10]))
        .collect();
    let mut selection = vec![0; samples * LENGTH];
    for number in 0..PASSES {
        let params = select::Params {
            extent: Extent { c: 1, ..extent },
            class_count,
            number,
            rank_offset: 0,
            rank_stride: 1,
        };
        cpu::select::run(&params, &ratios, &labels, &ranks, &mut selection);
    }
    let multipliers: Vec<f32> = (0..samples * alma_seed::PLANES * pixels)
        .map(|place| match place / pixels % alma_seed::PLANES {
            0 => random.float(0.0, 1.0),
            1 => random.choose(&[0.01, 0.04, 2.0, 1e6]),
            2 => random.float(-1.0, 1.0),
            _ => random.choose(&[0.0, 1.0]),
        })
        .collect();
    let params = alma_seed::Params {
        logits,
        seed,
        extent,
        class_count,
        flags,
        parity,
        ledger_length: ledger_length(image, RING_ROWS) as u32,
    };
    Case {
        params: params.into(),
        reads: vec![words, labels, counts, selection, ledger],
        writes: vec![
            random.floats(seed_length),
            bits(&multipliers),
            random.floats(samples * sums_length(extent)),
        ],
    }
}

#[test]
fn dual_weights_are_as_their_twin() {
    let mut random = Random::new(223);
    let mut cases = Vec::new();
    for extent in outputs(&mut random) {
        for flags in [0, TARGETED] {
            let class_count = extent.c.max(2);
            let (logits, words, labels) = output(&mut random, extent);
            let (seed, seed_length) = random.view(extent);
            let (samples, pixels) = (extent.n as usize, (extent.h * extent.w) as usize);
            let image = Extent { c: 3, ..extent };
            let duals: Vec<f32> = (0..samples * pdpgd_seed::PLANES * pixels)
                .map(|place| match place / pixels % pdpgd_seed::PLANES {
                    0 => random.float(-9.0, 1.0),
                    _ => random.float(0.0, 0.1),
                })
                .collect();
            let params = pdpgd_seed::Params {
                logits,
                seed,
                extent,
                class_count,
                flags,
                parity: random.below(2),
                ledger_length: ledger_length(image, RING_ROWS) as u32,
            };
            let counts = samples * 2 * counts_length(class_count as usize);
            cases.push(Case {
                params: params.into(),
                reads: vec![words, labels, ledger(&mut random, image)],
                writes: vec![
                    random.floats(seed_length),
                    bits(&duals),
                    random.integers(counts, 9),
                    random.probabilities(samples * sums_length(extent)),
                ],
            });
        }
    }
    compare(&cases, &[Some(SUMS), Some(SUMS), None, Some(SUMS)]);
}

/// An image, and a ledger that says that all of its numbers were finite.
fn images(random: &mut Random, extent: Extent) -> ([Vec<u32>; 4], Vec<u32>) {
    let elements = (extent.n * extent.c * extent.h * extent.w) as usize;
    let pixels = (extent.n * extent.h * extent.w) as usize;
    let reads = [
        random.floats(elements),
        random.probabilities(elements),
        random.probabilities(elements),
        random.integers(pixels, 2),
    ];
    (reads, ledger(random, extent))
}

pub fn image_extents(random: &mut Random) -> Vec<Extent> {
    let sizes = [[1, 1, 1], [3, 7, 9], [1, 17, 241], [3, 61, 97]];
    sizes
        .map(|[c, h, w]| Extent {
            n: random.between(1, 3),
            c,
            h,
            w,
        })
        .into()
}

#[test]
fn gradient_steps_are_as_their_twins() {
    let mut random = Random::new(224);
    let mut alma = Vec::new();
    let mut adam = Vec::new();
    for extent in image_extents(&mut random) {
        let elements = (extent.n * extent.c * extent.h * extent.w) as usize;
        let ledger_length = ledger_length(extent, RING_ROWS) as u32;
        for (flags, parity) in [(0, 0), (0, 1), (alma_step::REGION, 0), (alma_step::REGION, 1)] {
            let (reads, ledger) = images(&mut random, extent);
            let params = alma_step::Params {
                extent,
                flags,
                parity,
                ledger_length,
            };
            alma.push(Case {
                params: params.into(),
                reads: reads.into(),
                writes: vec![
                    random.probabilities(elements),
                    random.floats(elements),
                    random.floats(elements),
                    ledger,
                ],
            });
            let (reads, ledger) = images(&mut random, extent);
            let params = pdpgd_step::Params {
                extent,
                flags,
                parity,
                ledger_length,
            };
            adam.push(Case {
                params: params.into(),
                reads: reads.into(),
                writes: vec![
                    random.probabilities(2 * elements),
                    random.floats(elements),
                    random.floats(elements),
                    ledger,
                ],
            });
        }
    }
    compare(&alma, &[Some(FEW), Some(FEW), Some(FEW), None]);
    compare(&adam, &[Some(FEW), Some(FEW), Some(FEW), Some(FEW)]);
}

/// What the device must say itself: whoever clips a number that is none has lost it.
#[test]
fn gradients_that_are_no_numbers_are_noted() {
    let mut random = Random::new(225);
    let mut cases = Vec::new();
    let extent = Extent {
        n: 2,
        c: 3,
        h: 17,
        w: 31,
    };
    let elements = 2 * 3 * 17 * 31;
    let ledger_length = ledger_length(extent, RING_ROWS);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (mut reads, ledger) = images(&mut random, extent);
        reads[0][elements - 1] = bad.to_bits();
        let writes = vec![
            vec![0; 2 * elements],
            vec![0; elements],
            vec![0; elements],
            ledger,
        ];
        let params = pdpgd_step::Params {
            extent,
            flags: 0,
            parity: 1,
            ledger_length: ledger_length as u32,
        };
        cases.push(Case {
            params: params.into(),
            reads: reads.clone().into(),
            writes: writes.clone(),
        });
        let params = alma_step::Params {
            extent,
            flags: 0,
            parity: 1,
            ledger_length: ledger_length as u32,
        };
        cases.push(Case {
            params: params.into(),
            reads: reads.into(),
            writes,
        });
    }
    for run in run(&cases, Halves::None) {
        for (written, case) in run.iter().zip(&cases) {
            let iteration = case.writes[3][ledger_length + STATE + STATE_LENGTH + STATE_ITERATION];
            let noted = [0, 1].map(|n| written[3][n * ledger_length + NOT_FINITE]);
            assert_eq!(noted, [0, iteration + 1], "{:?}", case.params);
        }
    }
}
