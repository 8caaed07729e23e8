//! Loops over slices, compiled once for each vector unit that a processor may have, and chosen when they are called. All
//! give the same bits: the same operations in the same order, only more of them at a time.
//!
//! What is called in such a loop must be inlined, or it would stay compiled for the smallest unit: functions marked so, or
//! closures of a few operations.

/// The vector units that loops are compiled for.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) enum Unit {
    /// What every processor of its kind has.
    Smallest,
    /// Eight floats at a time.
    Avx2,
    /// Sixteen floats at a time.
    Avx512,
}

/// That of this processor.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn unit() -> Unit {
    if is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
    {
        Unit::Avx512
    } else if is_x86_feature_detected!("avx2") {
        Unit::Avx2
    } else {
        Unit::Smallest
    }
}

/// Declares functions that are compiled for each unit. Their generic parameters stand in square brackets.
macro_rules! vectorised {
    ($(
        $(#[$doc:meta])*
        $visibility:vis fn $name:ident [$($generics:tt)*] (
            $($argument:ident: $type:ty),* $(,)?
        ) $(-> $result:ty)? $body:block
    )*) => {$(
        $(#[$doc])*
        #[inline]
        $visibility fn $name<$($generics)*>($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn smallest<$($generics)*>($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                use $crate::cpu::vectors::{Unit, unit};

                #[target_feature(enable = "avx2")]
                fn avx2<$($generics)*>($($argument: $type),*) $(-> $result)? {
                    smallest($($argument),*)
                }

                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512<$($generics)*>($($argument: $type),*) $(-> $result)? {
                    smallest($($argument),*)
                }

                match unit() {
                    Unit::Smallest => smallest($($argument),*),
                    // SAFETY: this processor has these instructions.
                    Unit::Avx2 => unsafe { avx2($($argument),*) },
                    // SAFETY: this processor has these instructions.
                    Unit::Avx512 => unsafe { avx512($($argument),*) },
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            smallest($($argument),*)
        }
    )*};
}
pub(super) use vectorised;

/// Sums or maxima that are kept side by side.
const LANES: usize = 32;

/// Terms that are added up in float32 before they go into a sum in float64.
const PIECE: usize = 16 * LANES;

vectorised! {
    /// `out = value(out)`
    pub(super) fn each[F: Fn(f32) -> f32](out: &mut [f32], value: F) {
        for out in out {
            *out = value(*out);
        }
    }

    /// `out = value(out, a)`
    pub(super) fn each_of_one[F: Fn(f32, f32) -> f32](out: &mut [f32], a: &[f32], value: F) {
        for (out, &a) in out.iter_mut().zip(a) {
            *out = value(*out, a);
        }
    }

    /// `out = value(out, a, b)`
    pub(super) fn each_of_two[F: Fn(f32, f32, f32) -> f32](out: &mut [f32], a: &[f32], b: &[f32], value: F) {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = value(*out, a, b);
        }
    }

    /// `out = value(out, a, b, c)`
    pub(super) fn each_of_three[F: Fn(f32, f32, f32, f32) -> f32](
        out: &mut [f32],
        a: &[f32],
        b: &[f32],
        c: &[f32],
        value: F,
    ) {
        for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
            *out = value(*out, a, b, c);
        }
    }

    /// The sum of `term` over the elements of two slices of one length, in a fixed order.
    pub(super) fn sum_of[F: Fn(f32, f32) -> f32](left: &[f32], right: &[f32], term: F) -> f64 {
        let mut totals = [0.0f64; LANES];
        for (left, right) in left.chunks(PIECE).zip(right.chunks(PIECE)) {
            let mut lanes = [0.0f32; LANES];
            let ((lefts, left), (rights, right)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
            for (lefts, rights) in lefts.iter().zip(rights) {
                for ((lane, &left), &right) in lanes.iter_mut().zip(lefts).zip(rights) {
                    *lane += term(left, right);
                }
            }
            for ((lane, &left), &right) in lanes.iter_mut().zip(left).zip(right) {
                *lane += term(left, right);
            }
            for (total, lane) in totals.iter_mut().zip(lanes) {
                *total += f64::from(lane);
            }
        }
        totals.into_iter().sum()
    }

    /// The largest element that is a number, from minus infinity up.
    pub(super) fn largest_of[](values: &[f32]) -> f32 {
        let mut lanes = [f32::NEG_INFINITY; LANES];
        let (chunks, rest) = values.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, &value) in lanes.iter_mut().zip(chunk) {
                *lane = larger(value, *lane);
            }
        }
        for (lane, &value) in lanes.iter_mut().zip(rest) {
            *lane = larger(value, *lane);
        }
        lanes.into_iter().fold(f32::NEG_INFINITY, |largest, lane| larger(lane, largest))
    }
}

/// The larger one; `bound` if the first is no number.
#[inline(always)]
pub(super) fn larger(value: f32, bound: f32) -> f32 {
    if value > bound { value } else { bound }
}

/// `out = value(a)`, or that added to `out`.
#[inline]
pub(super) fn put_each_of_one(out: &mut [f32], a: &[f32], accumulate: bool, value: impl Fn(f32) -> f32) {
    if accumulate {
        each_of_one(out, a, |out, a| out + value(a));
    } else {
        each_of_one(out, a, |_, a| value(a));
    }
}

/// `out = value(a, b)`, or that added to `out`.
#[inline]
pub(super) fn put_each_of_two(
    out: &mut [f32],
    a: &[f32],
    b: &[f32],
    accumulate: bool,
    value: impl Fn(f32, f32) -> f32,
) {
    if accumulate {
        each_of_two(out, a, b, |out, a, b| out + value(a, b));
    } else {
        each_of_two(out, a, b, |_, a, b| value(a, b));
    }
}

/// `out = value(a, b, c)`, or that added to `out`.
#[inline]
pub(super) fn put_each_of_three(
    out: &mut [f32],
    a: &[f32],
    b: &[f32],
    c: &[f32],
    accumulate: bool,
    value: impl Fn(f32, f32, f32) -> f32,
) {
    if accumulate {
        each_of_three(out, a, b, c, |out, a, b, c| out + value(a, b, c));
    } else {
        each_of_three(out, a, b, c, |_, a, b, c| value(a, b, c));
    }
}
