//! Twin of [`kernels::proximal_clip`](crate::kernels::proximal_clip).

use rayon::prelude::*;

use super::elementary::{max, min};
use super::proximal_rounds::{Progress, Steps};
use super::proximal_search::root;
use super::rows::sizes;
use super::steps::widest;
use crate::kernels::ledger::{HEADER, STATE, STATE_LENGTH, STATE_STOPPED};
use crate::kernels::ledger::{IMAGE_GROUP, image_groups};
use crate::kernels::minimal_settle::{RUNNING, STATE_METRIC, STATE_NEW_BEST, STATE_STEP};
use crate::kernels::proximal_clip::{CLIP, KEEP, Params, ROUNDS};
use crate::kernels::proximal_rounds::{CALLS, rounds_length};
use crate::kernels::proximal_search::search_length;

/// The best image kept, the perturbation clipped to what was found and to the box, and its distances.
#[allow(clippy::too_many_arguments)]
pub fn run(
    params: &Params,
    source: &[f32],
    point: &[f32],
    metric: &[f32],
    search: &[u32],
    rounds: &[f32],
    image: &mut [f32],
    best: &mut [f32],
    ledger: &mut [u32],
) {
    let has = |flag| params.flags & flag != 0;
    let Params { extent, parity, .. } = *params;
    let [samples, channels, h, w] = sizes(extent);
    let elements = channels * h * w;
    for n in 0..samples {
        let of_sample = n * elements..(n + 1) * elements;
        let ledger = &mut ledger[n * params.ledger_length as usize..][..params.ledger_length as usize];
        let settled = 1 - parity as usize;
        let state = |word: usize| ledger[STATE + settled * STATE_LENGTH + word];
        let float = |word: usize| f32::from_bits(state(word));
        let image = &mut image[of_sample.clone()];
        if has(KEEP) && state(STATE_NEW_BEST) == 1 {
            best[of_sample.clone()].copy_from_slice(image);
        }
        if !has(CLIP) {
            continue;
        }
        let point = &point[of_sample.clone()];
        let bounds;
        let target = if has(ROUNDS) {
            let rounds = &rounds[n * rounds_length(extent)..(n + 1) * rounds_length(extent)];
            let progress = Progress::of(extent, CALLS, parity, ledger, rounds);
            bounds = progress.bounds;
            Target::Rounds(Steps {
                anchor: point,
                metric: &metric[of_sample.clone()],
                scale: 1.0 / float(STATE_METRIC),
                bounds: &bounds[..progress.count],
            })
        } else {
            let search = &search[n * search_length(extent)..(n + 1) * search_length(extent)];
            Target::Bound(point, root(extent, search, float(STATE_STEP)))
        };
        let step = Step {
            source: &source[of_sample],
            target,
            moves: state(STATE_STOPPED) == RUNNING,
        };
        let groups = image_groups(extent) as usize;
        let sums = &mut ledger[HEADER + settled * 2 * groups..][..2 * groups];
        image
            .par_chunks_mut(IMAGE_GROUP as usize)
            .zip(sums.par_chunks_mut(2))
            .enumerate()
            .for_each(|(group, (image, sums))| {
                let distances = step.take(group * IMAGE_GROUP as usize, image);
                sums.copy_from_slice(&distances.map(f32::to_bits));
            });
    }
}

/// What the perturbation becomes.
enum Target<'a> {
    /// The point, clipped to so much.
    Bound(&'a [f32], f32),
    /// What several rounds make of the point.
    Rounds(Steps<'a>),
}

/// How one sample is moved.
struct Step<'a> {
    source: &'a [f32],
    target: Target<'a>,
    moves: bool,
}

/// Sums that are kept side by side.
const LANES: usize = 16;

/// Elements that are summed in float32 before they go into sums in float64.
const PIECE: usize = 32 * LANES;

/// Of each lane the squares and the largest of the distances to the source.
type Lanes = [[f32; LANES]; 2];

impl Step<'_> {
    /// Moves the elements from `begin` on; the sum of the squares and the largest of the distances to the source.
    fn take(&self, begin: usize, image: &mut [f32]) -> [f32; 2] {
        let (mut sum, mut farthest) = (0.0f64, 0.0f32);
        for (number, image) in image.chunks_mut(PIECE).enumerate() {
            let begin = begin + number * PIECE;
            let mut lanes: Lanes = Default::default();
            widest(
                #[inline(always)]
                || self.take_piece(begin, image, &mut lanes),
            );
            let [squares, largest] = lanes;
            sum += squares.into_iter().map(f64::from).sum::<f64>();
            farthest = largest.into_iter().fold(farthest, f32::max);
        }
        [sum as f32, farthest]
    }

    #[inline(always)]
    fn take_piece(&self, begin: usize, image: &mut [f32], lanes: &mut Lanes) {
        let own = begin..begin + image.len();
        let mut buffer = [0.0; PIECE];
        let perturbations = &mut buffer[..image.len()];
        if self.moves {
            match &self.target {
                Target::Bound(point, bound) => {
                    for (perturbation, &point) in perturbations.iter_mut().zip(&point[own.clone()]) {
                        *perturbation = max(min(point, *bound), -bound);
                    }
                }
                Target::Rounds(steps) => {
                    steps.follow(begin, perturbations);
                    for (perturbation, &anchor) in perturbations.iter_mut().zip(&steps.anchor[own.clone()]) {
                        *perturbation = perturbation.copysign(anchor);
                    }
                }
            }
        }
        let chunks = self.source[own]
            .chunks(LANES)
            .zip(image.chunks_mut(LANES))
            .zip(perturbations.chunks(LANES));
        for ((source, image), perturbations) in chunks {
            let values = source.iter().zip(image).zip(perturbations);
            for (lane, ((&origin, value), &perturbation)) in values.enumerate() {
                let after = max(min(origin + perturbation, 1.0), 0.0);
                let after = if self.moves { after } else { *value };
                *value = after;
                let distance = after - origin;
                lanes[0][lane] += distance * distance;
                lanes[1][lane] = max(lanes[1][lane], distance.abs());
            }
        }
    }
}
