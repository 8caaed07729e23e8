//! Numbers that an importer knows: weights, and sizes that follow from the size of the network's input.
//!
//! Sizes are followed at several input sizes at once ([`PROBES`]), so that what depends on the input's size is told from
//! what does not, and a network comes out that works at any size.

use std::sync::Arc;

use crate::graph::NodeId;
use crate::tensor::Shape;

/// At how many input sizes a network is looked at.
pub(super) const PROBES: usize = 3;

/// A number at each of the input sizes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    pub at: [f64; PROBES],
    /// The node and the axis whose extent it is, if it is one.
    pub origin: Option<(NodeId, usize)>,
}

impl Number {
    /// The same at all sizes.
    pub fn constant(value: f64) -> Number {
        Number {
            at: [value; PROBES],
            origin: None,
        }
    }

    /// The value, if it is the same at all sizes.
    pub fn fixed(&self) -> Option<f64> {
        self.at
            .iter()
            .all(|value| *value == self.at[0])
            .then_some(self.at[0])
    }

    fn map(self, function: impl Fn(f64) -> f64) -> Number {
        Number {
            at: self.at.map(function),
            origin: None,
        }
    }

    fn zip(self, other: Number, function: impl Fn(f64, f64) -> f64) -> Number {
        Number {
            at: std::array::from_fn(|probe| function(self.at[probe], other.at[probe])),
            origin: None,
        }
    }
}

/// Numbers that folding may make of fewer.
pub(super) const MOST_MADE: usize = 1 << 22;

/// Axes that numbers may have.
const MOST_AXES: usize = 16;

/// How many numbers a shape holds.
///
/// # Errors
/// If it has too many axes, or its extents, those of 0 left out, are more than can be counted.
pub(super) fn elements(dims: &[usize]) -> Result<usize, String> {
    if dims.len() > MOST_AXES {
        return Err(format!("has {} axes; at most {MOST_AXES} are read", dims.len()));
    }
    let product = |least: usize| {
        dims.iter()
            .try_fold(1usize, |product, &dim| product.checked_mul(dim.max(least)))
    };
    match (product(1), product(0)) {
        (Some(_), Some(elements)) => Ok(elements),
        _ => Err(format!("has a shape of {dims:?}, which are too many numbers")),
    }
}

/// Refuses to make more numbers than there is use for: what a few are made to, or as many as there were.
pub(super) fn check_made(dims: &[usize], were: usize) -> Result<usize, String> {
    match elements(dims)? {
        made if made <= MOST_MADE.max(were) => Ok(made),
        made => Err(format!(
            "makes {made} numbers of {were}; at most {MOST_MADE} are made"
        )),
    }
}

/// The extents of a shape in order.
pub(super) fn sides(shape: Shape) -> [usize; 4] {
    [shape.n, shape.c, shape.h, shape.w]
}

/// An extent at each of the input sizes.
pub(super) type Extents = [usize; PROBES];

/// Numbers of a shape that is the same at all input sizes.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub dims: Vec<usize>,
    pub numbers: Numbers,
}

#[derive(Clone, Debug)]
pub(super) enum Numbers {
    /// Weights.
    Floats(Arc<Vec<f32>>),
    /// What may depend on the input's size; `whole` if they are integers.
    Sizes { values: Vec<Number>, whole: bool },
}

impl Host {
    pub fn floats(dims: Vec<usize>, values: Vec<f32>) -> Host {
        Host {
            dims,
            numbers: Numbers::Floats(Arc::new(values)),
        }
    }

    pub fn integers(dims: Vec<usize>, values: Vec<i64>) -> Host {
        let values = values
            .into_iter()
            .map(|value| Number::constant(value as f64))
            .collect();
        Host::sizes(dims, values, true)
    }

    pub fn sizes(dims: Vec<usize>, values: Vec<Number>, whole: bool) -> Host {
        Host {
            dims,
            numbers: Numbers::Sizes { values, whole },
        }
    }

    pub fn length(&self) -> usize {
        match &self.numbers {
            Numbers::Floats(values) => values.len(),
            Numbers::Sizes { values, .. } => values.len(),
        }
    }

    pub fn is_whole(&self) -> bool {
        matches!(self.numbers, Numbers::Sizes { whole: true, .. })
    }

    /// All numbers, each at all input sizes.
    pub fn all(&self) -> Vec<Number> {
        match &self.numbers {
            Numbers::Floats(values) => values
                .iter()
                .map(|&value| Number::constant(value.into()))
                .collect(),
            Numbers::Sizes { values, .. } => values.clone(),
        }
    }

    /// All numbers as weights.
    ///
    /// # Errors
    /// If they depend on the input's size.
    pub fn weights(&self) -> Result<Arc<Vec<f32>>, String> {
        match &self.numbers {
            Numbers::Floats(values) => Ok(values.clone()),
            Numbers::Sizes { values, .. } => {
                let fixed = values.iter().map(|value| value.fixed().map(|value| value as f32));
                let fixed: Option<Vec<f32>> = fixed.collect();
                fixed.map(Arc::new).ok_or_else(size_dependent)
            }
        }
    }

    /// All numbers as integers that are the same at all sizes.
    ///
    /// # Errors
    /// If they depend on the input's size.
    pub fn fixed_integers(&self) -> Result<Vec<i64>, String> {
        let values = self.all();
        let fixed = values.iter().map(|value| value.fixed().map(|value| value as i64));
        fixed.collect::<Option<Vec<i64>>>().ok_or_else(size_dependent)
    }

    /// The only number.
    ///
    /// # Errors
    /// If there are more or fewer.
    pub fn single(&self) -> Result<Number, String> {
        match self.all()[..] {
            [number] => Ok(number),
            _ => Err(format!(
                "wants one number, and has {} of shape {:?}",
                self.length(),
                self.dims
            )),
        }
    }

    /// The only number, the same at all sizes.
    ///
    /// # Errors
    /// If there are more or fewer, or it depends on the input's size.
    pub fn scalar(&self) -> Result<f64, String> {
        self.single()?.fixed().ok_or_else(size_dependent)
    }

    /// The same numbers with other extents.
    pub fn reshaped(&self, dims: Vec<usize>) -> Result<Host, String> {
        match elements(&dims)? == self.length() {
            true => Ok(Host {
                dims,
                numbers: self.numbers.clone(),
            }),
            false => Err(format!(
                "cannot make {dims:?} of numbers of shape {:?}",
                self.dims
            )),
        }
    }

    /// Chosen numbers, by their index in row-major order.
    pub fn picked(&self, dims: Vec<usize>, indices: &[usize]) -> Result<Host, String> {
        let missing = || "picks a number that is not there".to_string();
        let numbers = match &self.numbers {
            Numbers::Floats(values) => {
                let picked = indices.iter().map(|&index| values.get(index).copied());
                Numbers::Floats(Arc::new(picked.collect::<Option<_>>().ok_or_else(missing)?))
            }
            Numbers::Sizes { values, whole } => {
                let picked = indices.iter().map(|&index| values.get(index).copied());
                Numbers::Sizes {
                    values: picked.collect::<Option<_>>().ok_or_else(missing)?,
                    whole: *whole,
                }
            }
        };
        Ok(Host { dims, numbers })
    }

    /// Each number changed; `whole` if integers come out.
    pub fn map(&self, whole: bool, function: impl Fn(f64) -> f64) -> Host {
        let numbers = match &self.numbers {
            Numbers::Floats(values) if !whole => Numbers::Floats(Arc::new(
                values
                    .iter()
                    .map(|&value| function(value.into()) as f32)
                    .collect(),
            )),
            _ => Numbers::Sizes {
                values: self.all().into_iter().map(|value| value.map(&function)).collect(),
                whole,
            },
        };
        Host {
            dims: self.dims.clone(),
            numbers,
        }
    }

    /// As integers or as others, for who has been told so.
    pub fn cast(&self, whole: bool) -> Host {
        match (&self.numbers, whole) {
            (Numbers::Floats(_), false) => self.clone(),
            (Numbers::Floats(_), true) => self.map(true, f64::trunc),
            // Where an extent comes from is kept.
            (Numbers::Sizes { values, whole: was }, _) => {
                let values = values.iter();
                let values = values.map(|value| {
                    if whole && !was {
                        value.map(f64::trunc)
                    } else {
                        *value
                    }
                });
                Host::sizes(self.dims.clone(), values.collect(), whole)
            }
        }
    }

    /// Each number with its counterpart of another, with broadcasting.
    ///
    /// # Errors
    /// If the shapes do not go together.
    pub fn zip(&self, other: &Host, whole: bool, function: impl Fn(f64, f64) -> f64) -> Result<Host, String> {
        let dims = broadcast(&self.dims, &other.dims)?;
        check_made(&dims, self.length().max(other.length()))?;
        let indices = [self, other].map(|host| broadcast_indices(&host.dims, &dims));
        let pairs = indices[0].iter().zip(&indices[1]);
        if let (Numbers::Floats(one), Numbers::Floats(two), false) = (&self.numbers, &other.numbers, whole) {
            let values = pairs.map(|(&i, &j)| function(one[i].into(), two[j].into()) as f32);
            return Ok(Host::floats(dims, values.collect()));
        }
        let (one, two) = (self.all(), other.all());
        let values = pairs.map(|(&i, &j)| one[i].zip(two[j], &function));
        let values = values.collect();
        Ok(Host::sizes(dims, values, whole))
    }
}

/// The message that numbers depend on the input's size where they must not.
pub(super) fn size_dependent() -> String {
    "wants numbers that do not depend on the input's size".into()
}

/// The extents of two tensors that are broadcast to one another, as NumPy does it.
pub(super) fn broadcast(one: &[usize], other: &[usize]) -> Result<Vec<usize>, String> {
    let rank = one.len().max(other.len());
    let padded = |dims: &[usize]| [vec![1; rank - dims.len()], dims.to_vec()].concat();
    let pairs = padded(one).into_iter().zip(padded(other));
    let dims = pairs.map(|pair| match pair {
        (one, other) if one == other => Some(one),
        (1, other) => Some(other),
        (one, 1) => Some(one),
        _ => None,
    });
    dims.collect::<Option<Vec<usize>>>()
        .ok_or_else(|| format!("wants shapes that go together, and has {one:?} and {other:?}"))
}

/// For each element of a tensor of extents `to`, the index of its counterpart in one of extents `from`.
pub(super) fn broadcast_indices(from: &[usize], to: &[usize]) -> Vec<usize> {
    let skipped = to.len() - from.len();
    let strides = strides(from);
    let axes: Vec<(usize, usize)> = to
        .iter()
        .enumerate()
        .map(|(axis, &extent)| match axis.checked_sub(skipped) {
            Some(own) if from[own] != 1 => (extent, strides[own]),
            _ => (extent, 0),
        })
        .collect();
    strided_indices(&axes)
}

/// The indices of all elements along axes of these extents and strides, the last the fastest.
pub(super) fn strided_indices(axes: &[(usize, usize)]) -> Vec<usize> {
    axes.iter().fold(vec![0], |indices, &(extent, stride)| {
        let along = |index: &usize| {
            (0..extent)
                .map(move |step| index + step * stride)
                .collect::<Vec<_>>()
        };
        indices.iter().flat_map(along).collect()
    })
}

/// Elements between neighbours along each axis, in row-major order.
pub(super) fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

/// The shapes of the input at which a network is looked at, of `sides` rows and columns.
pub(super) fn probes(channels: usize, sides: [[usize; 2]; PROBES], samples: Extents) -> [Shape; PROBES] {
    std::array::from_fn(|probe| {
        let [rows, columns] = sides[probe];
        Shape::new(samples[probe], channels, rows, columns)
    })
}
