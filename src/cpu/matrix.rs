//! The matrix product behind both convolutions and that of tensors, and the epilogue after it.

use pulp::Simd;

use super::rows::put;
use super::slope::activate;

/// A matrix whose element `(row, column)` is at `row·row_stride + column·column_stride` of `values`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    pub row_stride: usize,
    pub column_stride: usize,
}

impl Matrix<'_> {
    /// The same with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Matrix {
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        (rows - 1) * self.row_stride + (columns - 1) * self.column_stride < self.values.len()
    }
}

/// `product[column·rows + row] = Σ_k left(row, k) · right(k, column)`, or that added to what `product` holds,
/// for `rows` rows, `depth` terms and `columns` columns. On the calling thread.
pub(super) fn multiply(
    [rows, depth, columns]: [usize; 3],
    left: Matrix<'_>,
    right: Matrix<'_>,
    product: &mut [f32],
    accumulate: bool,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    if depth == 0 {
        if !accumulate {
            product[..rows * columns].fill(0.0);
        }
        return;
    }
    assert!(left.holds(rows, depth) && right.holds(depth, columns) && rows * columns <= product.len());
    // SAFETY: the assertion above holds all three matrices inside their slices, strides are not negative so
    // the last element is the farthest one, and `product` is borrowed mutably, so it overlaps neither factor. This is
    // what `gemm` calls for float32, once it has arranged a destination of columns and strides that are not negative,
    // as they are here.
    unsafe {
        gemm_f32::gemm::f32::get_gemm_fn()(
            rows,
            columns,
            depth,
            product.as_mut_ptr(),
            rows as isize,
            1,
            accumulate,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm_common::Parallelism::None,
        );
    }
}

/// Bias, slope activation and accumulation, or accumulation and the adjoint of an activation, of which a convolution's
/// last step consists.
#[derive(Clone, Copy)]
pub(super) struct Epilogue<'a> {
    /// Bias and slope of each channel, in turn.
    pub coefficients: &'a [f32],
    /// The activation's values, laid out as the output, if it is its adjoint.
    pub gate: Option<&'a [f32]>,
    /// Whether to add to what the output holds.
    pub accumulate: bool,
}

impl Epilogue<'_> {
    /// Writes `sums` of `channel` to `out`, whose first element is at `index` of the output.
    #[inline(always)]
    pub fn apply(&self, channel: usize, sums: &[f32], out: &mut [f32], index: usize) {
        let (bias, slope) = (self.coefficients[2 * channel], self.coefficients[2 * channel + 1]);
        if let Some(gate) = self.gate {
            for ((out, sum), value) in out.iter_mut().zip(sums).zip(&gate[index..]) {
                put(out, *sum, self.accumulate);
                *out *= if *value > 0.0 { 1.0 } else { slope };
            }
        } else {
            for (out, sum) in out.iter_mut().zip(sums) {
                put(out, activate(sum + bias, slope), self.accumulate);
            }
        }
    }

    /// The same for two vectors of sums.
    #[inline(always)]
    pub fn apply_vectors<S: Simd>(
        &self,
        simd: S,
        channel: usize,
        sums: [S::f32s; 2],
        out: &mut [f32],
        index: usize,
    ) {
        let (bias, slope) = (self.coefficients[2 * channel], self.coefficients[2 * channel + 1]);
        let (zero, slopes) = (simd.splat_f32s(0.0), simd.splat_f32s(slope));
        let lanes = S::F32_LANES;
        for (i, sum) in sums.into_iter().enumerate() {
            let out = &mut out[i * lanes..(i + 1) * lanes];
            let mut value = sum;
            if self.gate.is_none() {
                value = simd.add_f32s(value, simd.splat_f32s(bias));
                let below = simd.mul_f32s(slopes, value);
                value = simd.select_f32s(simd.greater_than_or_equal_f32s(value, zero), value, below);
            }
            if self.accumulate {
                value = simd.add_f32s(load::<S>(out), value);
            }
            if let Some(gate) = self.gate {
                let gate = load::<S>(&gate[index + i * lanes..]);
                let factor =
                    simd.select_f32s(simd.greater_than_f32s(gate, zero), simd.splat_f32s(1.0), slopes);
                value = simd.mul_f32s(value, factor);
            }
            store::<S>(out, value);
        }
    }
}

/// The first vector of a slice.
#[inline(always)]
pub(super) fn load<S: Simd>(values: &[f32]) -> S::f32s {
    S::as_simd_f32s(&values[..S::F32_LANES]).0[0]
}

/// Writes a vector to the beginning of a slice.
#[inline(always)]
pub(super) fn store<S: Simd>(values: &mut [f32], vector: S::f32s) {
    S::as_mut_simd_f32s(&mut values[..S::F32_LANES]).0[0] = vector;
}
