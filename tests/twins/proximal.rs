//! The proximal step of λ‖·‖∞ against bisection in float64, and its rounds in another metric against plain loops.

use asma::cpu;
use asma::kernels::Extent;
use asma::kernels::ledger::{HEADER, STATE, STATE_LENGTH};
use asma::kernels::minimal_settle::{STATE_METRIC, STATE_STEP, ledger_length};
use asma::kernels::proximal_clip::{self, CLIP, ROUNDS};
use asma::kernels::proximal_rounds::{self, CALLS, MOST_ROUNDS, SLOT, first_call, rounds_length};
use asma::kernels::proximal_search::search_length;
use asma::kernels::proximal_search::{self, BOX, METRIC, PASSES};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::strided::{Tolerance, many};

/// A step of one sample.
struct Step {
    point: Vec<f32>,
    metric: Option<Vec<f32>>,
    source: Option<Vec<f32>>,
    weight: f32,
}

impl Step {
    /// `Σ_{|u_j| > t} H_j (|v_j| − t)`, and the largest |u|.
    fn excess(&self, t: f64) -> (f64, f64) {
        let (mut sum, mut largest) = (0.0, 0.0f64);
        for (i, &value) in self.point.iter().enumerate() {
            let clipped = match &self.source {
                Some(source) => value.max(-source[i]).min(1.0 - source[i]),
                None => value,
            };
            let reach = f64::from(clipped.abs());
            largest = largest.max(reach);
            if reach > t {
                let factor = self.metric.as_ref().map_or(1.0, |metric| f64::from(metric[i]));
                sum += factor * (f64::from(value.abs()) - t);
            }
        }
        (sum, largest)
    }

    /// Where it falls to the weight, by bisection.
    fn root(&self) -> f64 {
        let (mut low, mut high) = (0.0, self.excess(0.0).1);
        if self.excess(0.0).0 <= f64::from(self.weight) {
            return 0.0;
        }
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            match self.excess(middle).0 > f64::from(self.weight) {
                true => low = middle,
                false => high = middle,
            }
        }
        high
    }
}

/// What the twin finds for each of them, as a batch.
fn roots(extent: Extent, steps: &[Step]) -> Vec<f32> {
    let all = |of: &dyn Fn(&Step) -> &[f32]| -> Vec<f32> {
        steps.iter().flat_map(|step| of(step).iter().copied()).collect()
    };
    let point = all(&|step| &step.point);
    let metric = all(&|step| step.metric.as_deref().unwrap_or(&[]));
    let source = all(&|step| step.source.as_deref().unwrap_or(&[]));
    let weights: Vec<f32> = steps.iter().flat_map(|step| [7.0, step.weight]).collect();
    let flags = [(METRIC, metric.is_empty()), (BOX, source.is_empty())];
    let flags = flags.iter().filter(|(_, none)| !none).map(|(flag, _)| flag).sum();
    let mut search = vec![9; steps.len() * search_length(extent)];
    for number in 0..PASSES {
        let params = proximal_search::Params {
            extent,
            flags,
            number,
            weight_offset: 1,
            weight_stride: 2,
        };
        cpu::proximal_search::run(&params, &point, &metric, &source, &weights, &mut search);
    }
    let searches = search.chunks_mut(search_length(extent)).zip(steps);
    searches
        .map(|(search, step)| cpu::proximal_search::root(extent, search, step.weight))
        .collect()
}

fn step(random: &mut StdRng, elements: usize, metric: bool, boxed: bool) -> Step {
    // Perturbations of all sizes, and weights from those that change little to those that leave nothing.
    let size = 10f32.powf(random.random_range(-5.0..0.0));
    let point: Vec<f32> = (0..elements)
        .map(|_| size * random.random_range(-1.0..1.0))
        .collect();
    let numbers = |random: &mut StdRng, least: f32| -> Vec<f32> {
        (0..elements).map(|_| random.random_range(least..1.0)).collect()
    };
    Step {
        weight: size * 10f32.powf(random.random_range(-4.0..4.0)),
        metric: metric.then(|| numbers(random, 1e-3)),
        // Many values that can move one way only.
        source: boxed.then(|| {
            numbers(random, 0.0)
                .iter()
                .map(|value| (1.5 * value - 0.25).clamp(0.0, 1.0))
                .collect()
        }),
        point,
    }
}

#[test]
fn the_root_is_that_of_bisection() {
    let mut round = 0;
    many(|random| {
        round += 1;
        let [metric, boxed] = [round % 2 == 0, round % 4 < 2];
        let extent = Extent {
            n: random.random_range(1..4),
            c: random.random_range(1..4),
            h: random.random_range(1..40),
            w: random.random_range(1..120),
        };
        let elements = (extent.c * extent.h * extent.w) as usize;
        let steps: Vec<Step> = (0..extent.n)
            .map(|_| step(random, elements, metric, boxed))
            .collect();
        for (found, step) in roots(extent, &steps).iter().zip(&steps) {
            // Sums are rounded to float32, which shifts the root by as much of what values lie above it.
            let tolerance = Tolerance {
                absolute: 1e-7 * step.excess(0.0).1,
                relative: 1e-6,
            };
            tolerance.check(f64::from(*found), step.root(), step.weight);
        }
    });
}

#[test]
fn a_weight_of_everything_leaves_nothing_and_one_of_nothing_all() {
    let extent = Extent {
        n: 1,
        c: 1,
        h: 1,
        w: 3,
    };
    let of = |weight| Step {
        point: vec![0.25, -1.0, 0.5],
        metric: None,
        source: None,
        weight,
    };
    assert_eq!(roots(extent, &[of(1.75)]), [0.0]);
    assert_eq!(roots(extent, &[of(0.0)]), [1.0]);
    // Half of the largest one's excess over the second.
    assert_eq!(roots(extent, &[of(0.25)]), [0.75]);
    // A step of nothing.
    let nothing = Step {
        point: vec![0.0; 3],
        ..of(1e-3)
    };
    assert_eq!(roots(extent, &[nothing]), [0.0]);
}

/// A proximal step in several rounds.
struct Rounds {
    extent: Extent,
    anchor: Vec<f32>,
    metric: Vec<f32>,
    source: Vec<f32>,
    weight: f32,
}

/// What a step in several rounds comes to.
struct Found {
    /// The last z.
    perturbation: Vec<f64>,
    /// Of each round that was gone through.
    bounds: Vec<f64>,
}

impl Rounds {
    /// Anchors as `value` has them, in the box.
    fn new(random: &mut StdRng, value: impl Fn(&mut StdRng) -> f32) -> Rounds {
        let extent = Extent {
            n: 1,
            c: 2,
            h: random.random_range(1..9),
            w: random.random_range(1..700),
        };
        let elements = (extent.c * extent.h * extent.w) as usize;
        let source: Vec<f32> = (0..elements).map(|_| random.random_range(0.0..1.0)).collect();
        Rounds {
            extent,
            anchor: source
                .iter()
                .map(|origin| (origin + value(random)).clamp(0.0, 1.0) - origin)
                .collect(),
            metric: (0..elements).map(|_| random.random_range(1e-3..2.0)).collect(),
            source,
            weight: 10f32.powf(random.random_range(-3.0..1.0)),
        }
    }

    fn largest(&self) -> f32 {
        self.metric.iter().fold(0.0, |most, &value| value.max(most))
    }

    /// As plain loops, with bisection.
    fn expected(&self) -> Found {
        let anchor: Vec<f64> = self.anchor.iter().map(|&value| f64::from(value)).collect();
        let largest = self.largest();
        let (mut z, mut bounds) = (anchor.clone(), Vec::new());
        for _ in 0..MOST_ROUNDS {
            let point: Vec<f32> = (0..z.len())
                .map(|i| (z[i] - f64::from(self.metric[i] / largest) * (z[i] - anchor[i])) as f32)
                .collect();
            let step = Step {
                point,
                metric: None,
                source: None,
                weight: self.weight,
            };
            let bound = step.root();
            bounds.push(bound);
            let next: Vec<f64> = (0..z.len())
                .map(|i| {
                    let origin = f64::from(self.source[i]);
                    (origin + f64::from(step.point[i]).clamp(-bound, bound)).clamp(0.0, 1.0) - origin
                })
                .collect();
            let moved: f64 = z.iter().zip(&next).map(|(a, b)| (a - b) * (a - b)).sum();
            let length: f64 = next.iter().map(|a| a * a).sum();
            z = next;
            if moved <= 1e-4 * length {
                break;
            }
        }
        Found {
            perturbation: z,
            bounds,
        }
    }

    /// What the twins find; of the bounds all but that of the last round there can be.
    fn found(&self) -> Found {
        let extent = self.extent;
        let length = ledger_length(extent, 1);
        let mut ledger = vec![0; length];
        let settled = STATE + STATE_LENGTH;
        ledger[settled + STATE_STEP] = self.weight.to_bits();
        ledger[settled + STATE_METRIC] = self.largest().to_bits();
        let groups = self.anchor.len().div_ceil(4096);
        for (words, anchor) in ledger[HEADER + 2 * groups..]
            .chunks_mut(2)
            .zip(self.anchor.chunks(4096))
        {
            words[0] = anchor.iter().fold(0.0f32, |most, v| most.max(v.abs())).to_bits();
        }
        let mut rounds = vec![9.0; rounds_length(extent)];
        for number in 0..CALLS {
            let params = proximal_rounds::Params {
                extent,
                parity: 0,
                number,
                ledger_length: length as u32,
            };
            cpu::proximal_rounds::run(&params, &self.anchor, &self.metric, &ledger, &mut rounds);
        }
        let mut image = self.source.clone();
        let params = proximal_clip::Params {
            extent,
            flags: CLIP | ROUNDS,
            parity: 0,
            ledger_length: length as u32,
        };
        let (source, anchor) = (&self.source, &self.anchor);
        let none = &mut [];
        cpu::proximal_clip::run(
            &params,
            source,
            anchor,
            &self.metric,
            &[],
            &rounds,
            &mut image,
            none,
            &mut ledger,
        );
        // A later round is gone through if its second call is.
        let went = |round: usize| rounds[SLOT * (first_call(round) as usize + 1) + 2] == 1.0;
        let count = 1 + (1..MOST_ROUNDS).filter(|&round| went(round)).count();
        let bound = |round: usize| f64::from(rounds[SLOT * first_call(round + 1) as usize + 3]);
        Found {
            perturbation: image
                .iter()
                .zip(source)
                .map(|(image, source)| f64::from(image - source))
                .collect(),
            bounds: (0..count.min(MOST_ROUNDS - 1)).map(bound).collect(),
        }
    }
}

#[test]
fn rounds_in_another_metric_go_on_until_they_move_little() {
    let mut counts = [0; MOST_ROUNDS + 1];
    many(|random| {
        let rounds = Rounds::new(random, |random| random.random_range(-0.1..0.1));
        let (expected, found) = (rounds.expected(), rounds.found());
        counts[expected.bounds.len()] += 1;
        assert_eq!(found.bounds.len(), expected.bounds.len().min(MOST_ROUNDS - 1));
        for (i, (found, expected)) in found.perturbation.iter().zip(&expected.perturbation).enumerate() {
            assert!(
                (found - expected).abs() < 2e-6,
                "value {i}: {found} instead of {expected}"
            );
        }
    });
    assert!(
        counts[1..].iter().filter(|&&count| count > 0).count() > 2,
        "{counts:?}"
    );
}

/// Whatever the values are: of one size or of a few, many small ones and few large ones, of all sizes.
#[test]
fn bounds_of_rounds_are_those_of_bisection() {
    let of_a_few = |random: &mut StdRng| [0.0, 0.01, 0.01, 0.05, -0.3][random.random_range(0..5)];
    let outliers = |random: &mut StdRng| match random.random_range(0..100) {
        0 => random.random_range(-1.0..1.0),
        _ => random.random_range(-0.01..0.01),
    };
    let of_all_sizes = |random: &mut StdRng| 10f32.powf(random.random_range(-7.0..0.0));
    let mut later = 0;
    many(|random| {
        for rounds in [
            Rounds::new(random, |_| 0.02),
            Rounds::new(random, of_a_few),
            Rounds::new(random, outliers),
            Rounds::new(random, of_all_sizes),
        ] {
            let (expected, found) = (rounds.expected(), rounds.found());
            for (found, bound) in found.bounds.iter().zip(&expected.bounds) {
                let largest = rounds.anchor.iter().fold(0.0f32, |most, v| most.max(v.abs()));
                // Roundings of the values, which shift the bound as much, those of the rounds before among them.
                let tolerance = Tolerance {
                    absolute: 4e-7 * f64::from(largest),
                    relative: 2e-6,
                };
                tolerance.check(*found, *bound, rounds.weight);
            }
            later += usize::from(found.bounds.len() > 1);
        }
    });
    assert!(later > 20, "{later} steps of several rounds");
}
