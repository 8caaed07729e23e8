//! Values that are a step apart, in loops that vectorise for the steps that networks have, and the widest vectors that the
//! processor has.

use pulp::{Arch, Simd, WithSimd};

/// Runs `body`, a closure that is always inlined, compiled for the widest vectors that this processor has.
#[inline(always)]
pub(super) fn widest(body: impl FnMut()) {
    struct Body<F>(F);
    // Not through `FnOnce`, whose call of another closure would be a function of its own, compiled for any processor.
    impl<F: FnMut()> WithSimd for Body<F> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _: S) {
            (self.0)();
        }
    }
    Arch::new().dispatch(Body(body));
}

/// Calls `body` with each place and every `step`-th value of `from`, beginning with its first.
#[inline(always)]
pub(super) fn zip_every(places: &mut [f32], from: &[f32], step: usize, body: impl Fn(&mut f32, f32)) {
    match (step, places.split_last_mut()) {
        (1, _) => {
            for (place, value) in places.iter_mut().zip(from) {
                body(place, *value);
            }
        }
        (2, Some((last, places))) => {
            body(last, from[2 * places.len()]);
            for (place, pair) in places.iter_mut().zip(from.chunks_exact(2)) {
                body(place, pair[0]);
            }
        }
        _ => {
            for (place, value) in places.iter_mut().zip(from.iter().step_by(step)) {
                body(place, *value);
            }
        }
    }
}

/// Calls `body` with each place and its value: of the places with remainder `i` by the step, the values are `of(i)` in turn.
#[inline(always)]
pub(super) fn interleave<'a>(
    places: &mut [f32],
    step: usize,
    of: impl Fn(usize) -> &'a [f32],
    body: impl Fn(&mut f32, f32),
) {
    match step {
        1 => {
            for (place, value) in places.iter_mut().zip(of(0)) {
                body(place, *value);
            }
        }
        2 if places.len() > 1 => {
            let (even, odd) = (of(0), of(1));
            for ((pair, even), odd) in places.chunks_exact_mut(2).zip(even).zip(odd) {
                body(&mut pair[0], *even);
                body(&mut pair[1], *odd);
            }
            let half = places.len() / 2;
            if let [last] = &mut places[2 * half..] {
                body(last, even[half]);
            }
        }
        _ => {
            for i in 0..step.min(places.len()) {
                for (place, value) in places[i..].iter_mut().step_by(step).zip(of(i)) {
                    body(place, *value);
                }
            }
        }
    }
}

/// Copies few values, without a call.
#[inline(always)]
pub(super) fn copy(places: &mut [f32], from: &[f32]) {
    let from = &from[..places.len()];
    let (blocks, rest) = places.as_chunks_mut::<8>();
    let (from_blocks, from_rest) = from.as_chunks::<8>();
    for (block, from) in blocks.iter_mut().zip(from_blocks) {
        *block = *from;
    }
    for (place, value) in rest.iter_mut().zip(from_rest) {
        *place = *value;
    }
}

/// The windows of `outputs` along one axis that lie wholly among `inputs` places.
pub(super) fn whole_windows(
    [kernel, stride, padding]: [u32; 3],
    inputs: usize,
    outputs: usize,
) -> std::ops::Range<usize> {
    let [kernel, stride, padding] = [kernel, stride, padding].map(|value| value as usize);
    let first = padding.div_ceil(stride).min(outputs);
    let end = (inputs + padding)
        .checked_sub(kernel)
        .map_or(0, |last| last / stride + 1);
    first..end.clamp(first, outputs)
}
