//! asma_update against the attack's equations in f64, one iteration after the other.

use asma::kernels::asma_update::{
    self, BETA, CLIP, MULTIPLIER_FROM_COUNTS, NO_PROGRESS, PATIENCE, REACHED, REGION, ROW_LENGTH, RUNNING,
    SETTLE, STATE, STATE_BEST_IOU, STATE_BEST_ITERATION, STATE_ITERATION, STATE_LENGTH, STATE_MULTIPLIER,
    STATE_STOPPED, STATIC_MULTIPLIER, STEP, STOP_IOU, TAU,
};
use asma::kernels::ledger::{self, CLASS_ATTACKED, CLASS_AVERAGED};
use asma::{Shape, cpu};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::strided::{Tolerance, vector};

/// Images and statistics after some iterations in f32.
const STATISTICS: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-5,
};

/// More than one group of partial sums, and a last one that is not full.
const IMAGE: Shape = Shape::new(2, 3, 19, 40);
const RING_ROWS: u32 = 4;
const CLASSES: [u32; 3] = [0, CLASS_AVERAGED, CLASS_AVERAGED | CLASS_ATTACKED];

/// What an attack is made of.
#[derive(Clone, Copy, Debug)]
struct Attack {
    two_forward: bool,
    static_multiplier: bool,
    with_region: bool,
    beta: f32,
    tau: f32,
    lambda: f32,
    stop_iou: f32,
    patience: u32,
}

/// The buffers of the update.
struct Buffers {
    source: Vec<f32>,
    region: Vec<u32>,
    adversarial: Vec<f32>,
    best: Vec<f32>,
    counts: Vec<u32>,
    ledger: Vec<u32>,
}

fn counts_length() -> usize {
    ledger::counts_length(CLASSES.len())
}

fn ledger_length() -> usize {
    asma_update::Params::ledger_length(IMAGE.into(), RING_ROWS as usize)
}

impl Buffers {
    fn new(random: &mut StdRng, attack: &Attack) -> Buffers {
        // Some numbers out of [0, 1], to see what is clipped.
        let source: Vec<f32> = (0..IMAGE.elements())
            .map(|_| random.random_range(-0.2..1.2))
            .collect();
        let mut ledger = vec![0; IMAGE.n * ledger_length()];
        for ledger in ledger.chunks_exact_mut(ledger_length()) {
            ledger[TAU] = attack.tau.to_bits();
            ledger[BETA] = attack.beta.to_bits();
            ledger[STOP_IOU] = attack.stop_iou.to_bits();
            ledger[PATIENCE] = attack.patience;
            ledger[STATE + STATE_BEST_IOU] = (-1f32).to_bits();
            ledger[STATE + STATE_MULTIPLIER] = attack.tau.to_bits();
        }
        Buffers {
            region: (0..IMAGE.n * IMAGE.pixels())
                .map(|_| random.random_range(0..2))
                .collect(),
            adversarial: source.clone(),
            best: vec![9.0; IMAGE.elements()],
            source,
            counts: vec![0; 2 * IMAGE.n * counts_length()],
            ledger,
        }
    }

    fn update(&mut self, attack: &Attack, iteration: u32, flags: u32, gradient: &[f32]) {
        let mut flags = flags;
        if attack.static_multiplier {
            flags |= STATIC_MULTIPLIER;
        }
        if attack.with_region {
            flags |= REGION;
        }
        let params = asma_update::Params {
            extent: IMAGE.into(),
            class_count: CLASSES.len() as u32,
            flags,
            parity: iteration % 2,
            lambda: attack.lambda,
            ring_rows: RING_ROWS,
            ledger_length: ledger_length() as u32,
            counts_length: counts_length() as u32,
        };
        cpu::asma_update::run(
            &params,
            gradient,
            &self.source,
            if attack.with_region { &self.region } else { &[] },
            &CLASSES,
            &mut self.adversarial,
            &mut self.best,
            &mut self.counts,
            &mut self.ledger,
        );
    }
}

/// Random counts of sample `n` that are possible, and the IoU and pixel accuracy that follow from them.
fn random_counts(random: &mut StdRng) -> (Vec<u32>, f64, f64) {
    let mut counts = vec![0; counts_length()];
    let mut ious = Vec::new();
    for (class, bits) in CLASSES.iter().enumerate() {
        let both: u32 = random.random_range(0..50);
        let (only_target, only_predicted) = (random.random_range(0..30), random.random_range(0..30));
        // The last class is in neither mask now and then.
        let part = if class == 2 && random.random_bool(0.3) {
            0
        } else {
            1
        };
        counts[3 * class] = part * both;
        counts[3 * class + 1] = part * (both + only_target);
        counts[3 * class + 2] = part * (both + only_predicted);
        if bits & CLASS_AVERAGED != 0 {
            let union = part * (both + only_target + only_predicted);
            // A class in neither mask is left out.
            if union > 0 {
                ious.push((part * both) as f64 / union as f64);
            }
        }
    }
    let counted = random.random_range(1..100);
    let correct = random.random_range(0..=counted);
    counts[3 * CLASSES.len()] = correct;
    counts[3 * CLASSES.len() + 1] = counted;
    (
        counts,
        if ious.is_empty() {
            1.0
        } else {
            ious.iter().sum::<f64>() / ious.len() as f64
        },
        correct as f64 / counted as f64,
    )
}

/// One sample of the attack as its equations have it.
#[derive(Clone)]
struct Reference {
    image: Vec<f64>,
    best: Vec<f64>,
    best_iou: f64,
    best_iteration: u32,
    multiplier: f64,
    stopped: u32,
    /// Iteration, IoU, pixel accuracy, L2, L∞, multiplier.
    rows: Vec<[f64; 6]>,
}

impl Reference {
    fn distances(&self, source: &[f32]) -> (f64, f64) {
        let differences = || self.image.iter().zip(source).map(|(x, s)| (x - *s as f64).abs());
        (
            differences().map(|d| d * d).sum::<f64>().sqrt(),
            differences().fold(0.0, f64::max),
        )
    }

    /// `Pₙ` added wherever the region lets it.
    fn step(&mut self, attack: &Attack, source: &[f32], region: &[u32], gradient: &[f32]) {
        for (i, x) in self.image.iter_mut().enumerate() {
            if !attack.with_region || region[i % IMAGE.pixels()] != 0 {
                let pull = 2.0 * attack.lambda as f64 * (source[i] as f64 - *x);
                *x += self.multiplier * (gradient[i] as f64 + pull);
            }
        }
    }

    /// The clip, wherever the region lets it.
    fn clip(&mut self, attack: &Attack, region: &[u32]) {
        for (i, x) in self.image.iter_mut().enumerate() {
            if !attack.with_region || region[i % IMAGE.pixels()] != 0 {
                *x = x.clamp(0.0, 1.0);
            }
        }
    }

    /// Row, best iterate (kept by the caller's `keep`), stopping.
    fn settle(&mut self, attack: &Attack, source: &[f32], iteration: u32, iou: f64, accuracy: f64) -> bool {
        let (l2, linf) = self.distances(source);
        self.rows
            .push([iteration as f64, iou, accuracy, l2, linf, self.multiplier]);
        let better = iou > self.best_iou;
        if better {
            self.best_iou = iou;
            self.best_iteration = iteration;
        }
        if iou >= attack.stop_iou as f64 {
            self.stopped = REACHED;
        } else if attack.patience > 0 && iteration - self.best_iteration >= attack.patience {
            self.stopped = NO_PROGRESS;
        }
        better
    }

    fn adapted(attack: &Attack, iou: f64) -> f64 {
        let part = if attack.static_multiplier {
            0.0
        } else {
            attack.beta as f64 * iou
        };
        part + attack.tau as f64
    }

    fn iterate(
        &mut self,
        attack: &Attack,
        source: &[f32],
        region: &[u32],
        gradient: &[f32],
        iteration: u32,
        (iou, accuracy): (f64, f64),
    ) {
        if self.stopped != RUNNING {
            return;
        }
        if attack.two_forward {
            self.step(attack, source, region, gradient);
            let better = self.settle(attack, source, iteration, iou, accuracy);
            self.clip(attack, region);
            if better {
                self.best.clone_from(&self.image);
            }
            self.multiplier = Self::adapted(attack, iou);
        } else {
            if iteration > 0 {
                self.multiplier = Self::adapted(attack, iou);
            }
            if self.settle(attack, source, iteration, iou, accuracy) {
                self.best.clone_from(&self.image);
            }
            if self.stopped == RUNNING {
                self.step(attack, source, region, gradient);
                self.clip(attack, region);
            }
        }
    }
}

/// Runs `iterations` of an attack on both and compares all that they keep, after each.
fn compare(random: &mut StdRng, attack: Attack, iterations: u32) -> Vec<u32> {
    let mut buffers = Buffers::new(random, &attack);
    let elements = IMAGE.elements() / IMAGE.n;
    let mut references: Vec<Reference> = (0..IMAGE.n)
        .map(|n| Reference {
            image: buffers.source[n * elements..(n + 1) * elements]
                .iter()
                .map(|&x| x as f64)
                .collect(),
            best: vec![9.0; elements],
            best_iou: -1.0,
            best_iteration: 0,
            multiplier: attack.tau as f64,
            stopped: RUNNING,
            rows: Vec::new(),
        })
        .collect();

    for iteration in 0..iterations {
        let gradient = vector(random, IMAGE.elements());
        let parity = iteration as usize % 2;
        if attack.two_forward {
            buffers.update(&attack, iteration, STEP, &gradient);
        }
        let scores: Vec<(f64, f64)> = (0..IMAGE.n)
            .map(|n| {
                let (counts, iou, accuracy) = random_counts(random);
                let length = counts_length();
                let here = &mut buffers.counts[(2 * n + parity) * length..][..length];
                assert!(
                    here.iter().all(|&count| count == 0),
                    "the last settlement zeroes these counts"
                );
                here.copy_from_slice(&counts);
                (iou, accuracy)
            })
            .collect();
        let flags = if attack.two_forward {
            SETTLE | CLIP
        } else {
            SETTLE | STEP | CLIP | MULTIPLIER_FROM_COUNTS
        };
        buffers.update(&attack, iteration, flags, &gradient);

        for (n, reference) in references.iter_mut().enumerate() {
            let image = n * elements..(n + 1) * elements;
            let region = &buffers.region[n * IMAGE.pixels()..(n + 1) * IMAGE.pixels()];
            let (source, gradient) = (&buffers.source[image.clone()], &gradient[image.clone()]);
            reference.iterate(&attack, source, region, gradient, iteration, scores[n]);
            for (i, (actual, expected)) in buffers.adversarial[image.clone()]
                .iter()
                .zip(&reference.image)
                .enumerate()
            {
                STATISTICS.check(*actual as f64, *expected, ("image", iteration, n, i));
            }
            for (i, (actual, expected)) in buffers.best[image].iter().zip(&reference.best).enumerate() {
                STATISTICS.check(*actual as f64, *expected, ("best", iteration, n, i));
            }
            let ledger = &buffers.ledger[n * ledger_length()..(n + 1) * ledger_length()];
            let state = &ledger[STATE + (1 - parity) * STATE_LENGTH..][..STATE_LENGTH];
            assert_eq!(state[STATE_STOPPED], reference.stopped);
            assert_eq!(state[STATE_ITERATION] as usize, reference.rows.len());
            assert_eq!(state[STATE_BEST_ITERATION], reference.best_iteration);
            STATISTICS.check(
                f32::from_bits(state[STATE_BEST_IOU]) as f64,
                reference.best_iou,
                "best IoU",
            );
            check_rows(ledger, &reference.rows);
        }
    }
    references.iter().map(|reference| reference.stopped).collect()
}

/// Checks the last rows of the trace, as many as the ring holds.
fn check_rows(ledger: &[u32], rows: &[[f64; 6]]) {
    let ring = &ledger[asma_update::Params::ring_start(IMAGE.into())..];
    for (iteration, expected) in rows.iter().enumerate().rev().take(RING_ROWS as usize) {
        let row = &ring[iteration % RING_ROWS as usize * ROW_LENGTH..][..ROW_LENGTH];
        assert_eq!((row[0] as usize, row[6], row[7]), (iteration, 1, 0));
        for (word, expected) in row[1..6].iter().zip(&expected[1..]) {
            STATISTICS.check(f32::from_bits(*word) as f64, *expected, ("row", iteration));
        }
    }
    let written = ring.chunks_exact(ROW_LENGTH).filter(|row| row[6] == 1).count();
    assert_eq!(written, rows.len().min(RING_ROWS as usize));
}

fn attacks() -> Vec<Attack> {
    let mut attacks = Vec::new();
    for choice in 0..8 {
        attacks.push(Attack {
            two_forward: choice & 1 != 0,
            static_multiplier: choice & 2 != 0,
            with_region: choice & 4 != 0,
            beta: 0.4,
            tau: 0.05,
            lambda: 0.7,
            stop_iou: 2.0,
            patience: 0,
        });
    }
    attacks
}

#[test]
fn both_schedules_follow_the_equations() {
    for (seed, attack) in attacks().into_iter().enumerate() {
        let stopped = compare(&mut StdRng::seed_from_u64(seed as u64), attack, 9);
        assert_eq!(stopped, [RUNNING; 2]);
    }
}

#[test]
fn samples_stop_one_by_one_and_stay_as_they_are() {
    let mut reasons = Vec::new();
    for seed in 0..12 {
        for attack in attacks() {
            let attack = Attack {
                stop_iou: 0.75,
                patience: 3,
                ..attack
            };
            reasons.extend(compare(&mut StdRng::seed_from_u64(seed), attack, 12));
        }
    }
    for reason in [REACHED, NO_PROGRESS] {
        assert!(reasons.contains(&reason), "no case stopped with {reason}");
    }
}

#[test]
fn nothing_counted_and_empty_unions_are_1() {
    let extent = Shape::new(1, 1, 1, 1);
    let length = asma_update::Params::ledger_length(extent.into(), 1);
    let mut ledger = vec![0; length];
    ledger[STATE + STATE_BEST_IOU] = (-1f32).to_bits();
    ledger[STOP_IOU] = 2f32.to_bits();
    let params = asma_update::Params {
        extent: extent.into(),
        class_count: 2,
        flags: SETTLE | CLIP,
        parity: 0,
        lambda: 1.0,
        ring_rows: 1,
        ledger_length: length as u32,
        counts_length: ledger::counts_length(2) as u32,
    };
    let (mut image, mut best) = ([1.5], [0.0]);
    let mut counts = vec![0; 2 * ledger::counts_length(2)];
    let classes = [0, CLASS_AVERAGED];
    cpu::asma_update::run(
        &params,
        &[0.0],
        &[0.0],
        &[],
        &classes,
        &mut image,
        &mut best,
        &mut counts,
        &mut ledger,
    );
    let row = &ledger[asma_update::Params::ring_start(extent.into())..];
    assert_eq!(row[1..3], [1f32.to_bits(); 2]);
    assert_eq!((image, best), ([1.0], [1.0]));
}
