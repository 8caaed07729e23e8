//! What plain and transposed convolutions share. The input gradient of a plain one is the same kernel on flipped
//! weights for stride 1, the transposed kernel for others; that of a transposed one is the plain kernel.

use super::operator::{Site, add_channel_gradient, pair};
use crate::error::Result;
use crate::graph::parameter::{Origin, ParameterId};
use crate::kernels::conv2d::CHANNEL_BLOCK;
use crate::kernels::{
    channel_sums, conv_transpose2d, conv2d, conv2d_weight_gradient, depthwise_conv_transpose2d,
    depthwise_conv2d,
};
use crate::program::Place;
use crate::tensor::Shape;

/// A convolution as the graph has it.
pub(super) struct Convolution {
    pub transposed: bool,
    pub weight: ParameterId,
    pub bias: Option<ParameterId>,
    pub in_channels: usize,
    pub out_channels: usize,
    /// Rows and columns.
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    /// Rows above, columns left.
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
}

/// Rows and columns from the first tap of a kernel to its last, both counted.
pub(super) fn reach(kernel: [usize; 2], dilation: [usize; 2]) -> [usize; 2] {
    [0, 1].map(|axis| (kernel[axis] - 1) * dilation[axis] + 1)
}

/// One call of a convolution kernel.
struct ConvolutionCall {
    transposed: bool,
    input: Place,
    output: Place,
    padding: [usize; 2],
    bias: Option<ParameterId>,
    accumulate: bool,
}

/// Pixels below which a chunk of a weight gradient is not cut further.
const PIXELS_PER_CHUNK: usize = 2048;
/// Partial sums of one weight gradient, in elements, that chunks may take together.
const MOST_PARTIALS: usize = 1 << 24;

/// Rows, counted through all samples, over which one chunk of the weight gradient sums: enough chunks to
/// occupy the device, as long as their partial sums do not take too much memory.
fn rows_per_chunk(gradient: Shape, weights: usize) -> u32 {
    let rows = gradient.n * gradient.h;
    let most_chunks = (MOST_PARTIALS / weights).max(1);
    PIXELS_PER_CHUNK
        .div_ceil(gradient.w)
        .max(rows.div_ceil(most_chunks))
        .min(rows) as u32
}

impl Convolution {
    /// Where the weight from channel `i` to channel `out` of the same group under a tap stands among the parameter's
    /// numbers.
    fn index(&self, i: usize, row: usize, column: usize, out: usize) -> usize {
        let [rows, columns] = self.kernel;
        let [ins, outs] = [self.in_channels, self.out_channels].map(|channels| channels / self.groups);
        let channels = match self.transposed {
            false => out * ins + i % ins,
            true => i * outs + out % outs,
        };
        (channels * rows + row) * columns + column
    }

    pub(super) fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let input = site.input(0)?;
        site.keep("input", input);
        let call = ConvolutionCall {
            transposed: self.transposed,
            input,
            output: site.output(),
            padding: self.padding,
            bias: self.bias,
            accumulate: false,
        };
        self.add(site, "", call, |i, row, column, out| {
            self.index(i, row, column, out)
        });
        Ok(())
    }

    pub(super) fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        if site.trains() {
            self.add_weight_gradient(site, gradient)?;
            if let Some(bias) = self.bias {
                let mode = channel_sums::GRADIENT;
                add_channel_gradient(site, "bias gradient", bias, gradient, gradient, mode)?;
            }
        }
        let Some((output, accumulate)) = site.begin_gradient(0)? else {
            return Ok(());
        };
        let [rows, columns] = self.kernel;
        let reach = reach(self.kernel, self.dilation);
        let flipped =
            !self.transposed && self.stride == [1, 1] && (0..2).all(|axis| self.padding[axis] < reach[axis]);
        let call = ConvolutionCall {
            transposed: !self.transposed && !flipped,
            input: gradient,
            output,
            padding: match flipped {
                true => [0, 1].map(|axis| reach[axis] - 1 - self.padding[axis]),
                false => self.padding,
            },
            bias: None,
            accumulate,
        };
        // The gradient's channels are what this call reads, the input's what it writes.
        self.add(site, "adjoint", call, |out, row, column, i| match flipped {
            true => self.index(i, rows - 1 - row, columns - 1 - column, out),
            false => self.index(i, row, column, out),
        });
        Ok(())
    }

    /// Adds a call with weights `[in channels of a group][rows][columns][padded out channels]`, of which `index(in, row, column,
    /// out)` says where they stand among the parameter's numbers, and with the bias and a slope of 1 of each out channel
    /// in turn.
    fn add(
        &self,
        site: &mut dyn Site,
        part: &str,
        call: ConvolutionCall,
        index: impl Fn(usize, usize, usize, usize) -> usize,
    ) {
        let ConvolutionCall { input, output, .. } = call;
        let (in_channels, out_channels) = (input.shape.c, output.shape.c);
        let padded = out_channels.next_multiple_of(CHANNEL_BLOCK);
        let [rows, columns] = self.kernel;
        let [ins, outs] = [in_channels, out_channels].map(|channels| channels / self.groups);
        let mut weights = vec![Origin::Fixed(0.0); ins * rows * columns * padded];
        for (tap, weights) in weights.chunks_mut(padded).enumerate() {
            let (i, row, column) = (tap / (rows * columns), tap / columns % rows, tap % columns);
            for (out, weight) in weights[..out_channels].iter_mut().enumerate() {
                let first = out / outs * ins;
                *weight = Origin::Parameter(self.weight, index(first + i, row, column, out));
            }
        }
        let mut epilogue = vec![Origin::Fixed(0.0); 2 * padded];
        for (channel, pair) in epilogue.chunks_mut(2).enumerate().take(out_channels) {
            if let Some(bias) = call.bias {
                pair[0] = Origin::Parameter(bias, channel);
            }
            pair[1] = Origin::Fixed(1.0);
        }
        let weights = site.coefficients("weights", part, weights);
        let epilogue = site.coefficients("bias and slope", part, epilogue);
        let params = conv2d::Params {
            input: input.view,
            output: output.view,
            input_extent: input.shape.into(),
            output_extent: output.shape.into(),
            kernel: pair(self.kernel),
            stride: pair(self.stride),
            padding: pair(call.padding),
            dilation: pair(self.dilation),
            padded_out_channels: padded as u32,
            accumulate: call.accumulate.into(),
            gated: 0,
            groups: self.groups as u32,
        };
        let depthwise = self.groups > 1 && ins.min(outs) == 1;
        let params = match (depthwise, call.transposed) {
            (false, false) => params.into(),
            (false, true) => conv_transpose2d::Params::from(params).into(),
            (true, false) => depthwise_conv2d::Params::from(params).into(),
            (true, true) => depthwise_conv_transpose2d::Params::from(params).into(),
        };
        let [input, output] = [input, output].map(|place| Some(place.buffer));
        site.add(
            part,
            params,
            vec![input, Some(weights), Some(epilogue), None, output],
        );
    }

    /// Adds the gradient of the weight. A transposed convolution writes where a plain one reads.
    fn add_weight_gradient(&self, site: &mut dyn Site, gradient: Place) -> Result<()> {
        let input = site.kept("input")?;
        let (over, each) = match self.transposed {
            false => (input, gradient),
            true => (gradient, input),
        };
        let part = "weight gradient";
        let weights = site.parameter(self.weight)?.data.len();
        let params = conv2d_weight_gradient::Params {
            input: over.view,
            gradient: each.view,
            input_extent: over.shape.into(),
            gradient_extent: each.shape.into(),
            kernel: pair(self.kernel),
            stride: pair(self.stride),
            padding: pair(self.padding),
            dilation: pair(self.dilation),
            groups: self.groups as u32,
            rows_per_chunk: rows_per_chunk(each.shape, weights),
        };
        let chunks = params.chunks() as usize;
        let partials = site.partial_sums(part, chunks, weights);
        let buffers = [over.buffer, each.buffer, partials].map(Some);
        site.add(part, params.into(), buffers.into());
        site.add_up(part, partials, chunks, self.weight, weights);
        Ok(())
    }
}
