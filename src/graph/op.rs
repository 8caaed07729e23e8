//! The operators a network is made of.

use super::{Parameter, ParameterId};
use crate::error::{Error, Result};

/// How values between pixels are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resampling {
    /// The nearest source pixel.
    Nearest,
    /// Between the four nearest, pixels as areas.
    Bilinear,
    /// Between the four nearest, corner pixels on corner pixels.
    BilinearAligned,
}

/// To which size a tensor is resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpsampleSize {
    /// This many times the rows and columns.
    Factor(usize),
    /// Rows and columns of the second input.
    Like,
}

/// What a border consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadMode {
    /// Zeros.
    Zero,
    /// The nearest pixel.
    Replicate,
}

/// How wide a border is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadMargins {
    /// Rows above and below, columns left and right.
    Fixed {
        /// Rows above.
        top: usize,
        /// Rows below.
        bottom: usize,
        /// Columns left.
        left: usize,
        /// Columns right.
        right: usize,
    },
    /// Up to the second input's size, the same on both sides, an odd row or column below and right.
    LikeCentred,
    /// Up to the second input's size, all below and right.
    LikeBottomRight,
}

/// The slope of an activation below 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slopes {
    /// The same for all channels: 0 is ReLU.
    Same(f32),
    /// Learnt: one number, or one per channel (PReLU).
    Learnt(ParameterId),
}

/// An operator. Weights are shaped as in PyTorch.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The network's input.
    Input {
        /// Its channels.
        channels: usize,
    },
    /// Convolution with zeros around the input.
    Conv2d {
        /// `[out, in, rows, columns]`.
        weight: ParameterId,
        /// `[out]`.
        bias: Option<ParameterId>,
        /// Rows and columns between windows.
        stride: [usize; 2],
        /// Rows of zeros above and below, columns left and right.
        padding: [usize; 2],
    },
    /// Transposed convolution.
    ConvTranspose2d {
        /// `[in, out, rows, columns]`.
        weight: ParameterId,
        /// `[out]`.
        bias: Option<ParameterId>,
        /// Rows and columns between the windows that input pixels write to.
        stride: [usize; 2],
        /// Rows and columns cut off at each side.
        padding: [usize; 2],
        /// Rows and columns more at the bottom and right.
        output_padding: [usize; 2],
    },
    /// ReLU, LeakyReLU, PReLU.
    Slope {
        /// Slope below 0.
        slopes: Slopes,
    },
    /// Max pooling; incomplete windows at the bottom and right are dropped.
    MaxPool2d {
        /// Rows and columns of a window.
        kernel: [usize; 2],
        /// Rows and columns between windows.
        stride: [usize; 2],
        /// Rows and columns around the input that windows may cover.
        padding: [usize; 2],
    },
    /// Resampling; reads a second node if the size is [`UpsampleSize::Like`].
    Upsample {
        /// How.
        mode: Resampling,
        /// To which size.
        size: UpsampleSize,
    },
    /// All inputs' channels, in their order.
    Concat,
    /// The centre of the first input, as large as the second.
    Crop,
    /// A border; reads a second node if its width follows from it.
    Pad {
        /// Of what.
        mode: PadMode,
        /// How wide.
        margins: PadMargins,
    },
    /// Elementwise sum of two nodes.
    Add,
    /// `scale_c · x + shift_c`.
    Affine {
        /// One number per channel.
        scale: ParameterId,
        /// One number per channel.
        shift: ParameterId,
    },
    /// Softmax over channels.
    Softmax,
    /// The logistic function.
    Sigmoid,
}

impl Op {
    /// What the operator is called in tables.
    pub fn kind(&self) -> &'static str {
        match self {
            Op::Input { .. } => "input",
            Op::Conv2d { .. } => "conv2d",
            Op::ConvTranspose2d { .. } => "conv_transpose2d",
            Op::Slope { .. } => "slope",
            Op::MaxPool2d { .. } => "max_pool2d",
            Op::Upsample { .. } => "upsample",
            Op::Concat => "concat",
            Op::Crop => "crop",
            Op::Pad { .. } => "pad",
            Op::Add => "add",
            Op::Affine { .. } => "affine",
            Op::Softmax => "softmax",
            Op::Sigmoid => "sigmoid",
        }
    }

    /// The parameters it reads.
    pub fn parameters(&self) -> Vec<ParameterId> {
        match *self {
            Op::Conv2d { weight, bias, .. } | Op::ConvTranspose2d { weight, bias, .. } => {
                std::iter::once(weight).chain(bias).collect()
            }
            Op::Slope {
                slopes: Slopes::Learnt(slopes),
            } => vec![slopes],
            Op::Affine { scale, shift } => vec![scale, shift],
            _ => Vec::new(),
        }
    }

    /// Checks what can be checked without an input size.
    pub(super) fn check(&self, name: &str, inputs: usize, parameters: &[Parameter]) -> Result<()> {
        let wanted = match self {
            Op::Input { .. } => 0..=0,
            Op::Concat => 1..=usize::MAX,
            Op::Crop | Op::Add => 2..=2,
            Op::Upsample {
                size: UpsampleSize::Like,
                ..
            } => 2..=2,
            Op::Pad {
                margins: PadMargins::LikeCentred | PadMargins::LikeBottomRight,
                ..
            } => 2..=2,
            _ => 1..=1,
        };
        if !wanted.contains(&inputs) {
            return Err(Error::Network(format!(
                "layer `{name}` ({}) takes {} inputs, but {inputs} were given",
                self.kind(),
                wanted.start()
            )));
        }
        let ranks: Vec<(ParameterId, usize)> = match *self {
            Op::Conv2d { weight, bias, .. } | Op::ConvTranspose2d { weight, bias, .. } => {
                std::iter::once((weight, 4))
                    .chain(bias.map(|bias| (bias, 1)))
                    .collect()
            }
            Op::Slope {
                slopes: Slopes::Learnt(slopes),
            } => vec![(slopes, 1)],
            Op::Affine { scale, shift } => vec![(scale, 1), (shift, 1)],
            _ => Vec::new(),
        };
        for (id, rank) in ranks {
            let shape = parameters.get(id.0).map(|parameter| &parameter.shape[..]);
            if shape.is_none_or(|shape| shape.len() != rank || shape.contains(&0)) {
                return Err(Error::Network(format!(
                    "layer `{name}` ({}) wants a parameter of {rank} dimensions, none of them 0, but found {shape:?}",
                    self.kind()
                )));
            }
        }
        let positive: &[[usize; 2]] = match self {
            Op::Conv2d { stride, .. } | Op::ConvTranspose2d { stride, .. } => &[*stride],
            Op::MaxPool2d { kernel, stride, .. } => &[*kernel, *stride],
            Op::Upsample {
                size: UpsampleSize::Factor(factor),
                ..
            } => &[[*factor, *factor]],
            _ => &[],
        };
        if positive.iter().flatten().any(|&value| value == 0) {
            return Err(Error::Network(format!(
                "layer `{name}` ({}) has a stride, window or factor of 0; want at least 1",
                self.kind()
            )));
        }
        if let Op::MaxPool2d { kernel, padding, .. } = self
            && (0..2).any(|i| 2 * padding[i] > kernel[i])
        {
            return Err(Error::Network(format!(
                "layer `{name}` (max_pool2d) has a padding of {padding:?}; want at most half the window {kernel:?}"
            )));
        }
        Ok(())
    }
}
