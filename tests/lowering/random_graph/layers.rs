//! Layers with parameters, and what often follows them.

use asma::Shape;
use asma::graph::ops::NormGroups;
use asma::graph::{NodeId, Slopes, ops};

use super::{Growing, LARGE};

impl Growing {
    pub fn convolution(&mut self, x: NodeId, shape: Shape) -> NodeId {
        let kernel = [self.pick(&[1, 2, 3]), self.pick(&[1, 3, 3])];
        let groups = self.groups(shape.c);
        let out = match groups {
            1 => self.pick(&[1, 3, 5, 9]),
            _ => groups * self.pick(&[1, 1, 2]),
        };
        let ins = shape.c / groups;
        let scale = (3.0 / (ins * kernel[0] * kernel[1]) as f32).sqrt();
        let weight = self.parameter(&[out, ins, kernel[0], kernel[1]], scale);
        let bias = if self.below(2) == 0 {
            Some(self.parameter(&[out], 0.3))
        } else {
            None
        };
        let op = ops::Conv2d {
            weight,
            bias,
            stride: [self.pick(&[1, 1, 2]), self.pick(&[1, 1, 2])],
            padding: self.margins([3, 3]),
            dilation: [self.pick(&[1, 1, 2]), self.pick(&[1, 1, 3])],
            groups,
        };
        self.add(op, &[x])
    }

    pub fn transposed(&mut self, x: NodeId, shape: Shape) -> NodeId {
        let kernel = [self.pick(&[1, 2, 3]), self.pick(&[2, 3])];
        let most = if shape.h.max(shape.w) < LARGE / 2 { 3 } else { 2 };
        let stride = [1 + self.below(most), 1 + self.below(most)];
        let groups = self.groups(shape.c);
        let out = match groups {
            1 => self.pick(&[1, 4, 7]),
            _ => self.pick(&[1, 1, 2]),
        };
        let scale = (3.0 / (shape.c / groups) as f32).sqrt();
        let weight = self.parameter(&[shape.c, out, kernel[0], kernel[1]], scale);
        let bias = if self.below(2) == 0 {
            Some(self.parameter(&[out * groups], 0.3))
        } else {
            None
        };
        let op = ops::ConvTranspose2d {
            weight,
            bias,
            stride,
            padding: self.margins([2, 2]),
            output_padding: [self.below(stride[0]), self.below(stride[1])],
            dilation: [self.pick(&[1, 1, 2]), self.pick(&[1, 1, 3])],
            groups,
        };
        self.add(op, &[x])
    }

    /// What is often fused to a convolution.
    pub fn follow(&mut self, x: NodeId) {
        // The convolution may not have fitted.
        let Ok(shapes) = self.graph.shapes(self.input) else {
            return;
        };
        let shape = shapes[x.0];
        let mut x = x;
        if self.below(3) == 0 {
            self.affine(x, shape);
            x = self.graph.output();
        }
        if self.below(2) == 0 {
            self.slope(x, shape);
        }
    }

    pub fn slope(&mut self, x: NodeId, shape: Shape) {
        let slopes = match self.below(6) {
            0 | 1 => Slopes::Same(0.0),
            2 => Slopes::Same(0.2),
            3 => Slopes::Same(-0.3),
            // Of both signs.
            4 => Slopes::Learnt(self.parameter(&[shape.c], 0.5)),
            _ => Slopes::Learnt(self.parameter(&[1], 0.5)),
        };
        self.add(ops::Slope { slopes }, &[x]);
    }

    pub fn affine(&mut self, x: NodeId, shape: Shape) {
        let op = ops::Affine {
            scale: self.parameter(&[shape.c], 1.5),
            shift: self.parameter(&[shape.c], 0.5),
        };
        self.add(op, &[x]);
    }

    pub fn norm(&mut self, x: NodeId, shape: Shape) {
        // Large, as differences of 32 bits' roundings are magnified where a deviation is small.
        let epsilon = 0.1;
        let learnt = |growing: &mut Growing, count| match growing.below(3) {
            0 => None,
            _ => Some(growing.parameter(&[count], 1.0)),
        };
        match self.below(3) {
            0 => {
                let op = ops::LayerNorm {
                    scale: learnt(self, shape.w),
                    shift: learnt(self, shape.w),
                    epsilon,
                };
                self.add(op, &[x]);
            }
            kind => {
                let groups = match kind {
                    1 => NormGroups::Instance,
                    _ => NormGroups::Groups(self.pick(&[1, 2, 3])),
                };
                let op = ops::GroupNorm {
                    groups,
                    scale: learnt(self, shape.c),
                    shift: learnt(self, shape.c),
                    epsilon,
                };
                let y = self.add(op, &[x]);
                self.follow(y);
            }
        }
    }

    /// A number of groups that so many channels can be parted into: often 1, else perhaps one for each.
    pub fn groups(&mut self, channels: usize) -> usize {
        match self.below(3) {
            0 => channels,
            1 if channels.is_multiple_of(2) => 2,
            _ => 1,
        }
    }
}
