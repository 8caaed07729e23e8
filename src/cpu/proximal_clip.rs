//! Twin of [`kernels::proximal_clip`](crate::kernels::proximal_clip).

use rayon::prelude::*;

use super::elementary::{max, min};
use super::proximal_search::root;
use super::rows::sizes;
use super::steps::widest;
use crate::kernels::ledger::{HEADER, STATE, STATE_LENGTH, STATE_STOPPED};
use crate::kernels::ledger::{IMAGE_GROUP, image_groups};
use crate::kernels::minimal_settle::{RUNNING, STATE_METRIC, STATE_NEW_BEST, STATE_STEP};
use crate::kernels::proximal_clip::{CLIP, KEEP, LEAST_MOVE, Params, ROUND, ROUNDS};
use crate::kernels::proximal_search::{search_end, search_length};

/// The best image kept, the perturbation clipped to the root and the box, and its distances.
#[allow(clippy::too_many_arguments)]
pub fn run(
    params: &Params,
    source: &[f32],
    anchor: &[f32],
    metric: &[f32],
    image: &mut [f32],
    point: &mut [f32],
    best: &mut [f32],
    search: &mut [u32],
    ledger: &mut [u32],
) {
    let has = |flag| params.flags & flag != 0;
    let [samples, channels, h, w] = sizes(params.extent);
    let elements = channels * h * w;
    for n in 0..samples {
        let of_sample = n * elements..(n + 1) * elements;
        let ledger = &mut ledger[n * params.ledger_length as usize..][..params.ledger_length as usize];
        let settled = 1 - params.parity as usize;
        let state = |word: usize| ledger[STATE + settled * STATE_LENGTH + word];
        let float = |word: usize| f32::from_bits(state(word));
        let image = &mut image[of_sample.clone()];
        if has(KEEP) && state(STATE_NEW_BEST) == 1 {
            best[of_sample.clone()].copy_from_slice(image);
        }
        if !has(CLIP) {
            continue;
        }
        let length = search_length(params.extent);
        let search = &mut search[n * length..(n + 1) * length];
        let moves = state(STATE_STOPPED) == RUNNING && (!has(ROUNDS) || goes_on(params, search));
        let step = Step {
            source: &source[of_sample.clone()],
            rounds: has(ROUNDS).then(|| [&anchor[of_sample.clone()], &metric[of_sample.clone()]]),
            first: params.round == 0,
            moves,
            bound: root(params.extent, search, float(STATE_STEP)),
            largest: float(STATE_METRIC),
        };
        let groups = image_groups(params.extent) as usize;
        let sums = &mut ledger[HEADER + settled * 2 * groups..][..2 * groups];
        let lengths = &mut search[move_lengths(params, params.round)..][..2 * groups];
        (
            image.par_chunks_mut(IMAGE_GROUP as usize),
            point[of_sample].par_chunks_mut(IMAGE_GROUP as usize),
            sums.par_chunks_mut(2),
            lengths.par_chunks_mut(2),
        )
            .into_par_iter()
            .enumerate()
            .for_each(|(group, (image, point, sums, lengths))| {
                let [distances, moved] = step.take(group * IMAGE_GROUP as usize, image, point);
                sums.copy_from_slice(&distances.map(f32::to_bits));
                if has(ROUNDS) {
                    lengths.copy_from_slice(&moved.map(f32::to_bits));
                }
            });
        if has(ROUNDS) {
            search[ROUND + params.round as usize] = u32::from(moves);
        }
    }
}

/// Where the words of a round stand in the search of one sample.
fn move_lengths(params: &Params, round: u32) -> usize {
    search_end(params.extent) + (round % 2) as usize * 2 * image_groups(params.extent) as usize
}

/// Whether this round is gone through: it is the first, or the one before was, and moved by enough.
fn goes_on(params: &Params, search: &[u32]) -> bool {
    let Some(last) = params.round.checked_sub(1) else {
        return true;
    };
    let lengths = &search[move_lengths(params, last)..][..2 * image_groups(params.extent) as usize];
    let mut sums = [0.0f64; 2];
    for pair in lengths.chunks_exact(2) {
        for (sum, &word) in sums.iter_mut().zip(pair) {
            *sum += f64::from(f32::from_bits(word));
        }
    }
    let least = f64::from(LEAST_MOVE * LEAST_MOVE);
    search[ROUND + last as usize] == 1 && sums[0] > least * sums[1]
}

/// How one sample is moved.
struct Step<'a> {
    source: &'a [f32],
    /// Anchor and metric, where this is one of several rounds.
    rounds: Option<[&'a [f32]; 2]>,
    first: bool,
    moves: bool,
    bound: f32,
    largest: f32,
}

/// Sums that are kept side by side.
const LANES: usize = 16;

/// Elements that are summed in float32 before they go into sums in float64.
const PIECE: usize = 32 * LANES;

/// Of each lane: the squares and the largest of the distances to the source, and the squares of the move and of what it led
/// to.
type Lanes = [[f32; LANES]; 4];

impl Step<'_> {
    /// Moves the elements from `begin` on; the sum of the squares and the largest of the distances to the source, and the
    /// squared lengths of the move and of what it led to.
    fn take(&self, begin: usize, image: &mut [f32], point: &mut [f32]) -> [[f32; 2]; 2] {
        let (mut sums, mut farthest) = ([0.0f64; 3], 0.0f32);
        let pieces = image.chunks_mut(PIECE).zip(point.chunks_mut(PIECE));
        for (number, (image, point)) in pieces.enumerate() {
            let begin = begin + number * PIECE;
            let mut lanes: Lanes = Default::default();
            widest(
                #[inline(always)]
                || self.take_piece(begin, image, point, &mut lanes),
            );
            let [squares, largest, moved, lengths] = lanes;
            for (sum, lanes) in sums.iter_mut().zip([squares, moved, lengths]) {
                *sum += lanes.into_iter().map(f64::from).sum::<f64>();
            }
            farthest = largest.into_iter().fold(farthest, f32::max);
        }
        let [squares, moved, length] = sums.map(|sum| sum as f32);
        [[squares, farthest], [moved, length]]
    }

    #[inline(always)]
    fn take_piece(&self, begin: usize, image: &mut [f32], point: &mut [f32], lanes: &mut Lanes) {
        let source = &self.source[begin..begin + image.len()];
        let Some([anchor, metric]) = self.rounds else {
            return self.each(
                source,
                image,
                point,
                lanes,
                #[inline(always)]
                |_, point, _| (*point, 0.0),
                #[inline(always)]
                |_, _, _| (),
            );
        };
        let anchor = &anchor[begin..begin + image.len()];
        let metric = &metric[begin..begin + image.len()];
        // The first round begins at the anchor.
        match self.first {
            true => self.each(
                source,
                image,
                point,
                lanes,
                #[inline(always)]
                |i, _, _| (anchor[i], anchor[i]),
                #[inline(always)]
                |i, point, perturbation| self.go_on(point, perturbation, anchor[i], metric[i]),
            ),
            false => self.each(
                source,
                image,
                point,
                lanes,
                #[inline(always)]
                |_, point, before| (*point, before),
                #[inline(always)]
                |i, point, perturbation| self.go_on(point, perturbation, anchor[i], metric[i]),
            ),
        }
    }

    /// What the next round goes from.
    #[inline(always)]
    fn go_on(&self, point: &mut f32, perturbation: f32, anchor: f32, metric: f32) {
        let next = perturbation - metric / self.largest * (perturbation - anchor);
        *point = if self.moves { next } else { *point };
    }

    /// Moves each element: `from` gives where it goes from, and the perturbation that the round moves; `next` what the next
    /// round goes from.
    #[inline(always)]
    fn each(
        &self,
        source: &[f32],
        image: &mut [f32],
        point: &mut [f32],
        lanes: &mut Lanes,
        from: impl Fn(usize, &f32, f32) -> (f32, f32),
        next: impl Fn(usize, &mut f32, f32),
    ) {
        let chunks = source
            .chunks(LANES)
            .zip(image.chunks_mut(LANES))
            .zip(point.chunks_mut(LANES));
        for (chunk, ((source, image), point)) in chunks.enumerate() {
            let values = source.iter().zip(image).zip(point);
            for (lane, ((&origin, value), point)) in values.enumerate() {
                let i = chunk * LANES + lane;
                let before = *value;
                let (moved, last) = from(i, point, before - origin);
                let clipped = max(min(moved, self.bound), -self.bound);
                let after = max(min(origin + clipped, 1.0), 0.0);
                let after = if self.moves { after } else { before };
                *value = after;
                let perturbation = after - origin;
                let square = perturbation * perturbation;
                lanes[0][lane] += square;
                lanes[1][lane] = max(lanes[1][lane], perturbation.abs());
                lanes[2][lane] += (perturbation - last) * (perturbation - last);
                lanes[3][lane] += square;
                next(i, point, perturbation);
            }
        }
    }
}
