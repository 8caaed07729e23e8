//! Dense tensors of 64-bit floats.

use asma::Shape;

use crate::{index, places};

/// A dense tensor of 64-bit floats.
#[derive(Clone, Debug)]
pub struct Values {
    pub shape: Shape,
    pub data: Vec<f64>,
}

impl Values {
    pub fn from_fn(shape: Shape, value: impl Fn(usize, usize, usize, usize) -> f64) -> Values {
        let data = places(shape).map(|[n, c, y, x]| value(n, c, y, x)).collect();
        Values { shape, data }
    }

    pub fn at(&self, n: usize, c: usize, y: usize, x: usize) -> f64 {
        self.data[index(self.shape, [n, c, y, x])]
    }

    /// Repeated along the axes on which it has a size of 1.
    pub fn repeated(&self, n: usize, c: usize, y: usize, x: usize) -> f64 {
        self.data[repeated_index(self.shape, [n, c, y, x])]
    }

    /// Of the only sample and channel where there is one.
    pub fn factor(&self, n: usize, c: usize, y: usize, x: usize) -> f64 {
        self.at(n.min(self.shape.n - 1), c.min(self.shape.c - 1), y, x)
    }

    /// 0 outside.
    pub fn padded(&self, n: usize, c: usize, y: isize, x: isize) -> f64 {
        let inside = (0..self.shape.h as isize).contains(&y) && (0..self.shape.w as isize).contains(&x);
        if inside {
            self.at(n, c, y as usize, x as usize)
        } else {
            0.0
        }
    }
}

/// Where in a tensor of this shape a number stands that is repeated along the axes on which it has a size of 1.
pub fn repeated_index(shape: Shape, [n, c, y, x]: [usize; 4]) -> usize {
    let (n, c) = (n.min(shape.n - 1), c.min(shape.c - 1));
    let (y, x) = (y.min(shape.h - 1), x.min(shape.w - 1));
    index(shape, [n, c, y, x])
}
