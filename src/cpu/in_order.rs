//! Vectors of neighbours taken apart into those at even and at odd places, and put together again, in order: the widest
//! vectors that the processor has, each with instructions of its own for it.

use pulp::Simd;

/// Vectors that can be taken apart.
pub(super) trait InOrder: Simd {
    /// Of two vectors of neighbours, those at even places, and those at odd ones.
    fn part(self, both: [Self::f32s; 2]) -> [Self::f32s; 2];

    /// The inverse of [`part`](Self::part).
    fn interleave(self, parts: [Self::f32s; 2]) -> [Self::f32s; 2];
}

/// What is computed with them.
pub(super) trait WithInOrder {
    /// Always inlined, so that it is compiled for these vectors.
    fn run<S: InOrder>(self, simd: S);
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::dispatch;

/// Runs with the widest vectors that there are.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn dispatch(work: impl WithInOrder) {
    // Its vectors would not be in order.
    if cfg!(target_arch = "x86") {
        return work.run(pulp::Scalar);
    }
    struct Of<W>(W);
    impl<W: WithInOrder> pulp::WithSimd for Of<W> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            self.0.run(simd);
        }
    }
    pulp::Arch::new().dispatch(Of(work));
}

#[cfg(not(target_arch = "x86_64"))]
impl<S: Simd> InOrder for S {
    #[inline(always)]
    fn part(self, both: [S::f32s; 2]) -> [S::f32s; 2] {
        self.deinterleave_shfl_f32s(both)
    }

    #[inline(always)]
    fn interleave(self, parts: [S::f32s; 2]) -> [S::f32s; 2] {
        self.interleave_shfl_f32s(parts)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m512, __m512i};
    use std::mem::transmute;

    use pulp::x86::{V3, V4};
    use pulp::{NullaryFnOnce, Scalar, f32x8, f32x16};

    use super::{InOrder, WithInOrder};

    struct Of<S, W>(S, W);

    impl<S: InOrder, W: WithInOrder> NullaryFnOnce for Of<S, W> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            self.1.run(self.0);
        }
    }

    /// Runs with the widest vectors that there are.
    pub fn dispatch(work: impl WithInOrder) {
        if let Some(simd) = V4::try_new() {
            simd.vectorize(Of(simd, work));
        } else if let Some(simd) = V3::try_new() {
            simd.vectorize(Of(simd, work));
        } else {
            work.run(Scalar);
        }
    }

    impl InOrder for V4 {
        #[inline(always)]
        fn part(self, both: [f32x16; 2]) -> [f32x16; 2] {
            const EVEN: [i32; 16] = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30];
            const ODD: [i32; 16] = [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31];
            permute(self, both, [EVEN, ODD])
        }

        #[inline(always)]
        fn interleave(self, parts: [f32x16; 2]) -> [f32x16; 2] {
            const FIRST: [i32; 16] = [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23];
            const SECOND: [i32; 16] = [8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31];
            permute(self, parts, [FIRST, SECOND])
        }
    }

    /// Two vectors of two, by the places of each.
    #[inline(always)]
    fn permute(simd: V4, [a, b]: [f32x16; 2], [first, second]: [[i32; 16]; 2]) -> [f32x16; 2] {
        // SAFETY: all of these are plain numbers, 64 bytes of them.
        let [a, b] = unsafe { [transmute::<f32x16, __m512>(a), transmute::<f32x16, __m512>(b)] };
        // SAFETY: likewise.
        let [first, second] = unsafe {
            [
                transmute::<[i32; 16], __m512i>(first),
                transmute::<[i32; 16], __m512i>(second),
            ]
        };
        let permuted = [
            simd.avx512f._mm512_permutex2var_ps(a, first, b),
            simd.avx512f._mm512_permutex2var_ps(a, second, b),
        ];
        // SAFETY: likewise.
        unsafe { transmute::<[__m512; 2], [f32x16; 2]>(permuted) }
    }

    impl InOrder for V3 {
        #[inline(always)]
        fn part(self, both: [f32x8; 2]) -> [f32x8; 2] {
            let (avx, avx2) = (self.avx, self.avx2);
            // SAFETY: all of these are plain numbers, 32 bytes of them.
            let [a, b] = unsafe { transmute::<[f32x8; 2], [__m256; 2]>(both) };
            // Halves of both vectors in turn, so that the middle ones change places.
            let even = avx._mm256_castps_pd(avx._mm256_shuffle_ps::<0b10_00_10_00>(a, b));
            let odd = avx._mm256_castps_pd(avx._mm256_shuffle_ps::<0b11_01_11_01>(a, b));
            let parts = [
                avx._mm256_castpd_ps(avx2._mm256_permute4x64_pd::<0b11_01_10_00>(even)),
                avx._mm256_castpd_ps(avx2._mm256_permute4x64_pd::<0b11_01_10_00>(odd)),
            ];
            // SAFETY: likewise.
            unsafe { transmute::<[__m256; 2], [f32x8; 2]>(parts) }
        }

        #[inline(always)]
        fn interleave(self, parts: [f32x8; 2]) -> [f32x8; 2] {
            let avx = self.avx;
            // SAFETY: all of these are plain numbers, 32 bytes of them.
            let [a, b] = unsafe { transmute::<[f32x8; 2], [__m256; 2]>(parts) };
            let (low, high) = (avx._mm256_unpacklo_ps(a, b), avx._mm256_unpackhi_ps(a, b));
            let both = [
                avx._mm256_permute2f128_ps::<0b10_00_00>(low, high),
                avx._mm256_permute2f128_ps::<0b11_00_01>(low, high),
            ];
            // SAFETY: likewise.
            unsafe { transmute::<[__m256; 2], [f32x8; 2]>(both) }
        }
    }

    impl InOrder for Scalar {
        #[inline(always)]
        fn part(self, both: [f32; 2]) -> [f32; 2] {
            both
        }

        #[inline(always)]
        fn interleave(self, parts: [f32; 2]) -> [f32; 2] {
            parts
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use pulp::x86::{V3, V4};
    use pulp::{NullaryFnOnce, Scalar};

    use super::super::matrix::{load, store};
    use super::InOrder;

    /// Numbers from 0 on, taken apart and put together.
    struct Both<S>(S);

    impl<S: InOrder> NullaryFnOnce for Both<S> {
        type Output = [Vec<f32>; 2];

        #[inline(always)]
        fn call(self) -> [Vec<f32>; 2] {
            let lanes = S::F32_LANES;
            let values: Vec<f32> = (0..2 * lanes).map(|place| place as f32).collect();
            let written = |vectors: [S::f32s; 2]| {
                let mut written = vec![0.0; 2 * lanes];
                store::<S>(&mut written, vectors[0]);
                store::<S>(&mut written[lanes..], vectors[1]);
                written
            };
            let parts = self.0.part([load::<S>(&values), load::<S>(&values[lanes..])]);
            [written(parts), written(self.0.interleave(parts))]
        }
    }

    fn check([parts, together]: [Vec<f32>; 2]) {
        let count = parts.len();
        let every_other = |first: usize| (first..count).step_by(2).map(|place| place as f32);
        assert_eq!(parts, every_other(0).chain(every_other(1)).collect::<Vec<_>>());
        assert_eq!(together, (0..count).map(|place| place as f32).collect::<Vec<_>>());
    }

    /// Of all widths that the processor has, where the convolution takes the widest alone.
    #[test]
    fn vectors_are_taken_apart_and_put_together_in_order() {
        check(Both(Scalar).call());
        if let Some(simd) = V3::try_new() {
            check(simd.vectorize(Both(simd)));
        }
        if let Some(simd) = V4::try_new() {
            check(simd.vectorize(Both(simd)));
        }
    }
}
