//! Weights as the convolution kernels want them: `[in channels][rows][columns][padded out channels]`, and
//! the bias and slope of each out channel in turn.

use super::Lowering;
use super::coefficients::Origin;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Op, ParameterId, Slopes};
use crate::kernels::conv2d::CHANNEL_BLOCK;
use crate::program::BufferId;

/// Extents of packed weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    pub(super) in_channels: usize,
    /// Rows and columns.
    pub(super) kernel: [usize; 2],
    pub(super) out_channels: usize,
}

impl Packing {
    pub(super) fn padded_out_channels(&self) -> usize {
        self.out_channels.next_multiple_of(CHANNEL_BLOCK)
    }

    /// Packs `weight(in, row, column, out)`.
    fn pack(&self, weight: impl Fn(usize, usize, usize, usize) -> Origin) -> Vec<Origin> {
        let padded = self.padded_out_channels();
        let [rows, columns] = self.kernel;
        let mut packed = vec![Origin::Fixed(0.0); self.in_channels * rows * columns * padded];
        let taps = (0..self.in_channels)
            .flat_map(|i| (0..rows).flat_map(move |row| (0..columns).map(move |col| (i, row, col))));
        for ((i, row, column), outs) in taps.zip(packed.chunks_mut(padded)) {
            for (out, value) in outs[..self.out_channels].iter_mut().enumerate() {
                *value = weight(i, row, column, out);
            }
        }
        packed
    }
}

/// What a convolution's epilogue does to each out channel, with an affine that follows folded into it:
/// `slope(scale · convolution + bias)`.
#[derive(Clone, Debug)]
pub(super) struct Epilogue {
    scale: Vec<f32>,
    bias: Vec<f32>,
    /// Which parameter the bias is, unchanged.
    bias_parameter: Option<ParameterId>,
    slope: Vec<f32>,
}

impl Epilogue {
    /// Of the convolution `group[0]` and what is fused to it.
    pub(super) fn of(graph: &Graph, group: &[NodeId], channels: usize) -> Epilogue {
        let mut epilogue = Epilogue {
            scale: vec![1.0; channels],
            bias: vec![0.0; channels],
            bias_parameter: None,
            slope: vec![1.0; channels],
        };
        for &id in group {
            match graph.nodes()[id.0].op {
                Op::Conv2d { bias: Some(bias), .. } | Op::ConvTranspose2d { bias: Some(bias), .. } => {
                    epilogue.bias.copy_from_slice(graph.data(bias));
                    epilogue.bias_parameter = Some(bias);
                }
                Op::Affine { scale, shift } => {
                    epilogue.bias_parameter = None;
                    let coefficients = graph.data(scale).iter().zip(graph.data(shift));
                    for (c, (scale, shift)) in coefficients.enumerate() {
                        epilogue.scale[c] *= scale;
                        epilogue.bias[c] = epilogue.bias[c] * scale + shift;
                    }
                }
                Op::Slope { slopes } => {
                    let slopes = slopes_per_channel(graph, slopes, channels);
                    epilogue.slope = slopes.iter().map(|slope| slope.value(graph)).collect();
                }
                _ => {}
            }
        }
        epilogue
    }

    /// The slopes, if there is an activation.
    pub(super) fn activation(&self) -> Option<&[f32]> {
        self.slope
            .iter()
            .any(|&slope| slope != 1.0)
            .then_some(&self.slope[..])
    }

    /// Number `index` of parameter `weight`, which belongs to channel `out`, with the affine's factor on it.
    pub(super) fn scaled(&self, graph: &Graph, weight: ParameterId, index: usize, out: usize) -> Origin {
        match self.scale[out] {
            1.0 => Origin::Parameter(weight, index),
            scale => Origin::Fixed(scale * graph.data(weight)[index]),
        }
    }

    /// The bias, if it is a parameter.
    pub(super) fn bias_parameter(&self) -> Option<ParameterId> {
        self.bias_parameter
    }

    /// The epilogue of a plain convolution of `channels` out channels.
    pub(super) fn none(channels: usize) -> Epilogue {
        Epilogue::of(&Graph::new(channels), &[], channels)
    }

    fn pack(&self) -> Vec<Origin> {
        let padded = self.bias.len().next_multiple_of(CHANNEL_BLOCK);
        let mut packed = vec![Origin::Fixed(0.0); 2 * padded];
        for (c, pair) in packed.chunks_mut(2).enumerate().take(self.bias.len()) {
            pair[0] = match self.bias_parameter {
                Some(bias) => Origin::Parameter(bias, c),
                None => Origin::Fixed(self.bias[c]),
            };
            pair[1] = Origin::Fixed(self.slope[c]);
        }
        packed
    }
}

/// One slope for each of `channels` channels.
pub(super) fn slopes_per_channel(graph: &Graph, slopes: Slopes, channels: usize) -> Vec<Origin> {
    let slope = |channel| match slopes {
        Slopes::Same(slope) => Origin::Fixed(slope),
        Slopes::Learnt(id) if graph.data(id).len() == 1 => Origin::Parameter(id, 0),
        Slopes::Learnt(id) => Origin::Parameter(id, channel),
    };
    (0..channels).map(slope).collect()
}

impl Lowering<'_> {
    /// The extents of a weight of four dimensions.
    pub(super) fn weight_extents(&self, weight: ParameterId) -> Result<[usize; 4]> {
        self.graph.shape_of(weight).try_into().map_err(|_| {
            Error::Network(format!(
                "weight `{}` has not four dimensions",
                self.graph.parameters()[weight.0].name
            ))
        })
    }

    /// Adds packed weights and epilogue.
    pub(super) fn add_weights(
        &mut self,
        label: &str,
        packing: Packing,
        epilogue: &Epilogue,
        weight: impl Fn(usize, usize, usize, usize) -> Origin,
    ) -> [BufferId; 2] {
        [
            self.add_coefficients(format!("weights of {label}"), packing.pack(weight)),
            self.add_coefficients(format!("bias and slope of {label}"), epilogue.pack()),
        ]
    }
}
