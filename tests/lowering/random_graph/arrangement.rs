//! Tensors cut, joined and laid out otherwise.

use asma::Shape;
use asma::graph::{NodeId, SliceSize, ops};

use super::{Growing, LARGE};

impl Growing {
    /// A window of some axes; often the others of it follow, as where a tensor is split.
    pub fn slice(&mut self, x: NodeId, shape: Shape) {
        let (mut begin, mut size) = ([0; 4], [SliceSize::Rest; 4]);
        for (axis, &length) in shape.sizes().iter().enumerate() {
            if self.below(2) == 0 {
                begin[axis] = self.below(length);
                let rest = length - begin[axis];
                size[axis] = match self.below(3) {
                    0 => SliceSize::Rest,
                    1 => SliceSize::Less(self.below(rest)),
                    _ => SliceSize::Exactly(1 + self.below(rest)),
                };
            }
        }
        self.add(ops::Slice { begin, size }, &[x]);
    }

    /// Joins nodes along another axis than that of channels: any that fit, some of them cut to do so.
    pub fn join(&mut self, x: NodeId, shape: Shape) {
        let axis = self.pick(&[0, 2, 3]);
        let shapes = self.graph.shapes(self.input).unwrap();
        let fits = |other: &Shape| {
            let (mut mine, mut others) = (shape.sizes(), other.sizes());
            (mine[axis], others[axis]) = (0, 0);
            mine == others
        };
        let alike: Vec<usize> = (0..shapes.len()).filter(|&i| fits(&shapes[i])).collect();
        let mut parts = vec![x];
        for _ in 0..self.below(3) {
            parts.push(NodeId(self.pick(&alike)));
        }
        if shape.sizes()[axis] > 1 && self.below(2) == 0 {
            let mut size = [SliceSize::Rest; 4];
            size[axis] = SliceSize::Less(1);
            let part = self.add(ops::Slice { begin: [0; 4], size }, &[x]);
            parts.push(part);
        }
        let length: usize = parts.iter().map(|part| self.shape(*part).sizes()[axis]).sum();
        if length <= LARGE {
            self.add(ops::Concat { axis }, &parts);
        }
    }

    pub fn rearranged(&mut self, x: NodeId, shape: Shape) {
        if self.below(2) == 0 {
            let mut axes = [0, 1, 2, 3];
            for last in (1..4).rev() {
                axes.swap(last, self.below(last + 1));
            }
            self.add(ops::Transpose { axes }, &[x]);
            return;
        }
        let Shape { n, c, h, w } = shape;
        let shape = self.pick(&[
            [1, 1, n * c, h * w],
            [n, 1, c, h * w],
            [n, h, w, c],
            [1, n, c * h, w],
            [w, c, n, h],
            [1, 1, 1, n * c * h * w],
        ]);
        let op = match self.below(3) {
            0 => ops::Reshape::exactly(shape),
            // The same sizes, said by where they come from.
            _ => {
                let rest = self.below(4);
                let sizes = [n, c, h, w];
                let extent = |axis: usize| match sizes.iter().position(|&size| size == shape[axis]) {
                    _ if axis == rest => ops::ReshapeExtent::Rest,
                    Some(own) => ops::ReshapeExtent::Same(own),
                    None => ops::ReshapeExtent::Exactly(shape[axis]),
                };
                ops::Reshape {
                    shape: [extent(0), extent(1), extent(2), extent(3)],
                }
            }
        };
        self.add(op, &[x]);
    }

    /// Joins up to three nodes, each cropped to the smallest of them where it is larger.
    pub fn concat(&mut self, x: NodeId) {
        let mut parts = vec![x];
        for _ in 0..self.below(3) {
            let part = if self.below(5) == 0 { x } else { self.source() };
            parts.push(part);
        }
        let pixels = |shape: Shape| (shape.h, shape.w);
        let smallest = *parts
            .iter()
            .min_by_key(|part| pixels(self.shape(**part)))
            .unwrap();
        if parts.iter().map(|part| self.shape(*part).c).sum::<usize>() > LARGE {
            return;
        }
        let wanted = pixels(self.shape(smallest));
        for part in &mut parts {
            let (h, w) = pixels(self.shape(*part));
            if h < wanted.0 || w < wanted.1 {
                return;
            }
            if (h, w) != wanted || self.below(8) == 0 {
                *part = self.add(ops::Crop, &[*part, smallest]);
            }
        }
        if self.below(2) == 0 {
            parts.reverse();
        }
        self.add(ops::Concat::CHANNELS, &parts);
    }
}
