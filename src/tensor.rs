//! Host tensors: batch, channel, row, column (NCHW), 32-bit floats.

use std::fmt;

use crate::error::{Error, Result};

/// The extent of a tensor: `n` samples of `c` channels of `h` rows of `w` columns.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Samples in the batch.
    pub n: usize,
    /// Channels.
    pub c: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
}

impl Shape {
    /// A shape of `n`×`c`×`h`×`w`.
    pub const fn new(n: usize, c: usize, h: usize, w: usize) -> Self {
        Shape { n, c, h, w }
    }

    /// Samples, channels, rows, columns.
    pub const fn sizes(&self) -> [usize; 4] {
        [self.n, self.c, self.h, self.w]
    }

    /// How many numbers a tensor of this shape holds; the largest number there is if there are more.
    pub const fn elements(&self) -> usize {
        self.n.saturating_mul(self.c).saturating_mul(self.pixels())
    }

    /// How many pixels one channel has; the largest number there is if there are more.
    pub const fn pixels(&self) -> usize {
        self.h.saturating_mul(self.w)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}×{}", self.n, self.c, self.h, self.w)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A dense tensor on the host, row-major in NCHW order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Shape,
    data: Vec<f32>,
}

impl Tensor {
    /// A tensor of `data` in NCHW order.
    ///
    /// # Errors
    /// If `data` does not hold exactly `shape.elements()` numbers.
    pub fn new(shape: Shape, data: Vec<f32>) -> Result<Self> {
        if data.len() != shape.elements() {
            return Err(Error::Usage(format!(
                "a tensor of shape {shape} holds {} numbers, but {} were given",
                shape.elements(),
                data.len()
            )));
        }
        Ok(Tensor { shape, data })
    }

    /// A tensor of zeros.
    pub fn zeros(shape: Shape) -> Self {
        Tensor {
            shape,
            data: vec![0.0; shape.elements()],
        }
    }

    /// A tensor whose element at `(n, c, y, x)` is `value(n, c, y, x)`.
    pub fn from_fn(shape: Shape, mut value: impl FnMut(usize, usize, usize, usize) -> f32) -> Self {
        let mut data = Vec::with_capacity(shape.elements());
        for n in 0..shape.n {
            for c in 0..shape.c {
                for y in 0..shape.h {
                    for x in 0..shape.w {
                        data.push(value(n, c, y, x));
                    }
                }
            }
        }
        Tensor { shape, data }
    }

    /// The shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// All numbers in NCHW order.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// All numbers in NCHW order, to change.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The numbers in NCHW order.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// The number at sample `n`, channel `c`, row `y`, column `x`; the caller keeps inside the shape.
    pub fn at(&self, n: usize, c: usize, y: usize, x: usize) -> f32 {
        let Shape {
            c: channels, h, w, ..
        } = self.shape;
        self.data[((n * channels + c) * h + y) * w + x]
    }

    /// The plane of sample `n`, channel `c`: `h`·`w` numbers.
    pub fn plane(&self, n: usize, c: usize) -> &[f32] {
        let pixels = self.shape.pixels();
        let start = (n * self.shape.c + c) * pixels;
        &self.data[start..start + pixels]
    }

    /// Sample `n` as a tensor of one; the caller keeps inside the shape.
    pub fn sample(&self, n: usize) -> Tensor {
        let shape = Shape { n: 1, ..self.shape };
        let elements = shape.elements();
        Tensor {
            shape,
            data: self.data[n * elements..(n + 1) * elements].to_vec(),
        }
    }
}
