//! The sums of convolutions, held in registers while all their terms are added. Each term is the same shift at every
//! place, so that neighbouring places take neighbouring values, and each sum adds its terms one after another in the order
//! given: it depends neither on where it stands nor on what is computed with it.

use pulp::{Arch, Simd, WithSimd};

/// Places are computed in multiples of this, as many as the widest vector has.
pub(super) const LANES: usize = 16;

/// Out channels that are computed together, as far as there are as many.
const BLOCK: usize = 8;

/// Adds terms to sums, `sums[channel][place] += Σ_term factor[term, channel] · values[shift[term] + place]`.
pub(super) struct Sweep<'a> {
    /// Of the input.
    pub values: &'a [f32],
    /// Where the value of the first place is, for each term.
    pub shifts: &'a [usize],
    /// As [`pack`] leaves them.
    pub factors: &'a [f32],
    /// How many there are.
    pub channels: usize,
    /// `[channels][pitch]`.
    pub sums: &'a mut [f32],
    /// Places of a channel from one to the next.
    pub pitch: usize,
    /// Places that are computed, a multiple of [`LANES`].
    pub places: usize,
    /// Whether to add to what `sums` holds.
    pub accumulate: bool,
}

/// Blocks of channels: the first of each, and how many it has.
fn blocks(channels: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let rest = channels - first;
        if rest == 0 {
            return None;
        }
        let count = if rest >= BLOCK { BLOCK } else { 1 << rest.ilog2() };
        first += count;
        Some((first - count, count))
    })
}

/// Lays the factors of a term out as [`Sweep`] reads them: term by term for each block of channels.
pub(super) fn pack(term: usize, terms: usize, of_term: &[f32], factors: &mut [f32]) {
    for (first, count) in blocks(of_term.len()) {
        let place = terms * first + term * count;
        if count == BLOCK {
            factors[place..place + BLOCK].copy_from_slice(&of_term[first..first + BLOCK]);
        } else {
            factors[place..place + count].copy_from_slice(&of_term[first..first + count]);
        }
    }
}

impl Sweep<'_> {
    /// Adds up.
    pub fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for Sweep<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let most = match self.channels {
            1 => 8,
            2 | 3 => 4,
            _ => 3,
        };
        let vectors = self.places / S::F32_LANES;
        let pieces = vectors.div_ceil(most);
        let mut first = 0;
        for piece in 0..pieces {
            // As even as can be: a piece of one vector is waiting for its sums.
            let count = (vectors - first).div_ceil(pieces - piece);
            match count {
                1 => self.piece::<S, 1>(simd, first),
                2 => self.piece::<S, 2>(simd, first),
                3 => self.piece::<S, 3>(simd, first),
                4 => self.narrow_piece::<S, 4>(simd, first),
                5 => self.block::<S, 1, 5>(simd, first, 0, 0, 1),
                6 => self.block::<S, 1, 6>(simd, first, 0, 0, 1),
                7 => self.block::<S, 1, 7>(simd, first, 0, 0, 1),
                _ => self.block::<S, 1, 8>(simd, first, 0, 0, 1),
            }
            first += count;
        }
    }
}

impl Sweep<'_> {
    /// All channels of `V` vectors of places from vector `first` on.
    #[inline(always)]
    fn piece<S: Simd, const V: usize>(&mut self, simd: S, first: usize) {
        for (channel, count) in blocks(self.channels) {
            match count {
                // Eight channels of three vectors need 24 registers for the sums alone.
                BLOCK if S::F32_LANES == 8 => {
                    self.block::<S, 4, V>(simd, first, channel, 0, BLOCK);
                    self.block::<S, 4, V>(simd, first, channel, 4, BLOCK);
                }
                BLOCK => self.block::<S, BLOCK, V>(simd, first, channel, 0, BLOCK),
                4 => self.block::<S, 4, V>(simd, first, channel, 0, 4),
                2 => self.block::<S, 2, V>(simd, first, channel, 0, 2),
                _ => self.block::<S, 1, V>(simd, first, channel, 0, 1),
            }
        }
    }

    /// The same for up to three channels.
    #[inline(always)]
    fn narrow_piece<S: Simd, const V: usize>(&mut self, simd: S, first: usize) {
        for (channel, count) in blocks(self.channels) {
            match count {
                2 => self.block::<S, 2, V>(simd, first, channel, 0, 2),
                _ => self.block::<S, 1, V>(simd, first, channel, 0, 1),
            }
        }
    }

    /// `C` channels from the one `skipped` after `channel` on, of the block of `together` that begins there.
    #[inline(always)]
    fn block<S: Simd, const C: usize, const V: usize>(
        &mut self,
        simd: S,
        first: usize,
        channel: usize,
        skipped: usize,
        together: usize,
    ) {
        let start = first * S::F32_LANES;
        let length = V * S::F32_LANES;
        let place = |c: usize| (channel + skipped + c) * self.pitch + start;
        let mut totals = [[simd.splat_f32s(0.0); V]; C];
        let values = &self.values[start..];
        let factors = &self.factors[self.shifts.len() * channel..][..self.shifts.len() * together];
        for (&shift, factors) in self.shifts.iter().zip(factors.chunks_exact(together)) {
            let (values, _) = S::as_simd_f32s(&values[shift..shift + length]);
            let values: [S::f32s; V] = std::array::from_fn(|v| values[v]);
            let factors = &factors[skipped..skipped + C];
            for c in 0..C {
                let factor = simd.splat_f32s(factors[c]);
                for v in 0..V {
                    totals[c][v] = simd.mul_add_e_f32s(factor, values[v], totals[c][v]);
                }
            }
        }
        for (c, totals) in totals.iter().enumerate() {
            let (sums, _) = S::as_mut_simd_f32s(&mut self.sums[place(c)..][..length]);
            // Terms are added to one another first, and then to those of before: a long sum in parts is rounded less.
            for (sum, total) in sums.iter_mut().zip(totals) {
                *sum = match self.accumulate {
                    true => simd.add_f32s(*sum, *total),
                    false => *total,
                };
            }
        }
    }
}
