//! Convolutions, plain and transposed, with what is fused to them. The input gradient of a plain one is the
//! same kernel on flipped weights for stride 1, the transposed kernel for others; that of a transposed one is
//! the plain kernel.

use super::Lowering;
use super::weights::{Epilogue, Packing};
use crate::error::{Error, Result};
use crate::graph::{NodeId, Op, ParameterId};
use crate::kernels::{channel_sums, conv_transpose2d, conv2d, conv2d_weight_gradient};
use crate::program::{BufferId, Place};
use crate::tensor::Shape;

/// A convolution as the graph has it.
struct Convolution {
    transposed: bool,
    weight: ParameterId,
    in_channels: usize,
    out_channels: usize,
    /// Rows and columns.
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
}

impl Convolution {
    /// Where the weight from channel `i` to channel `out` under a tap stands among the parameter's numbers.
    fn index(&self, i: usize, row: usize, column: usize, out: usize) -> usize {
        let [rows, columns] = self.kernel;
        let channels = match self.transposed {
            false => out * self.in_channels + i,
            true => i * self.out_channels + out,
        };
        (channels * rows + row) * columns + column
    }
}

/// One call of a convolution kernel.
struct ConvolutionCall {
    transposed: bool,
    input: Place,
    output: Place,
    packing: Packing,
    stride: [usize; 2],
    padding: [usize; 2],
    /// Weights, then bias and slope.
    constants: [BufferId; 2],
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

/// Pairs of rows and columns as parameter structs have them.
pub(super) fn pair(values: [usize; 2]) -> [u32; 2] {
    values.map(|value| value as u32)
}

impl Lowering<'_> {
    fn read_convolution(&self, id: NodeId) -> Result<Convolution> {
        let (transposed, weight, stride, padding) = match self.node(self.fusions.head(id)).op {
            Op::Conv2d {
                weight,
                stride,
                padding,
                ..
            } => (false, weight, stride, padding),
            Op::ConvTranspose2d {
                weight,
                stride,
                padding,
                ..
            } => (true, weight, stride, padding),
            ref other => return Err(Error::Network(format!("{} is no convolution", other.kind()))),
        };
        let [first, second, rows, columns] = self.weight_extents(weight)?;
        let (in_channels, out_channels) = if transposed {
            (first, second)
        } else {
            (second, first)
        };
        Ok(Convolution {
            transposed,
            weight,
            in_channels,
            out_channels,
            kernel: [rows, columns],
            stride,
            padding,
        })
    }

    pub(super) fn convolution(&mut self, id: NodeId) -> Result<()> {
        let convolution = self.read_convolution(id)?;
        let input = self.place(self.node(self.fusions.head(id)).inputs[0])?;
        let output = self.place(id)?;
        let group = self.fusions.group(self.graph, id);
        let fused = Epilogue::of(self.graph, &group, convolution.out_channels);
        let packing = Packing {
            in_channels: convolution.in_channels,
            kernel: convolution.kernel,
            out_channels: convolution.out_channels,
        };
        let (graph, label) = (self.graph, self.label(id, ""));
        let constants = self.add_weights(&label, packing, &fused, |i, row, column, out| {
            fused.scaled(
                graph,
                convolution.weight,
                convolution.index(i, row, column, out),
                out,
            )
        });
        let call = ConvolutionCall {
            transposed: convolution.transposed,
            input,
            output,
            packing,
            stride: convolution.stride,
            padding: convolution.padding,
            constants,
            accumulate: false,
        };
        self.add_convolution(label, call);
        Ok(())
    }

    pub(super) fn convolution_adjoint(&mut self, id: NodeId) -> Result<()> {
        let convolution = self.read_convolution(id)?;
        let group = self.fusions.group(self.graph, id);
        let fused = Epilogue::of(self.graph, &group, convolution.out_channels);
        if let Some(slopes) = fused.activation() {
            self.slope_adjoint_of_gradient(id, slopes)?;
        }
        let gradient = self.gradient_place(id)?;
        let input = self.node(self.fusions.head(id)).inputs[0];
        if self.trainable.is_some() {
            self.add_weight_gradient(id, &convolution, input, gradient)?;
            if let Some(bias) = fused.bias_parameter() {
                let label = self.label(id, "bias gradient");
                self.add_channel_gradient(label, bias, gradient, gradient, channel_sums::GRADIENT);
            }
        }
        if !self.wants_gradient(input) {
            return Ok(());
        }
        let (output, accumulate) = self.begin_gradient(input)?;
        let Convolution {
            kernel: [rows, columns],
            stride,
            padding,
            ..
        } = convolution;
        // The gradient's channels are what this call reads, the input's what it writes.
        let packing = Packing {
            in_channels: convolution.out_channels,
            kernel: convolution.kernel,
            out_channels: convolution.in_channels,
        };
        let flipped =
            !convolution.transposed && stride == [1, 1] && padding[0] < rows && padding[1] < columns;
        let (graph, label) = (self.graph, self.label(id, "adjoint"));
        let none = Epilogue::none(convolution.in_channels);
        let constants = self.add_weights(&label, packing, &none, |out, row, column, i| {
            let [row, column] = match flipped {
                true => [rows - 1 - row, columns - 1 - column],
                false => [row, column],
            };
            fused.scaled(
                graph,
                convolution.weight,
                convolution.index(i, row, column, out),
                out,
            )
        });
        let call = ConvolutionCall {
            transposed: !convolution.transposed && !flipped,
            input: gradient,
            output,
            packing,
            stride,
            padding: match flipped {
                true => [rows - 1 - padding[0], columns - 1 - padding[1]],
                false => padding,
            },
            constants,
            accumulate,
        };
        self.add_convolution(label, call);
        Ok(())
    }

    /// Adds the gradient of a convolution's weight. A transposed convolution writes where a plain one reads.
    fn add_weight_gradient(
        &mut self,
        id: NodeId,
        convolution: &Convolution,
        input: NodeId,
        gradient: Place,
    ) -> Result<()> {
        let input = self.place(input)?;
        let (over, each) = match convolution.transposed {
            false => (input, gradient),
            true => (gradient, input),
        };
        let label = self.label(id, "weight gradient");
        let weights = self.graph.data(convolution.weight).len();
        let params = conv2d_weight_gradient::Params {
            input: over.view,
            gradient: each.view,
            input_extent: over.shape.into(),
            gradient_extent: each.shape.into(),
            kernel: pair(convolution.kernel),
            stride: pair(convolution.stride),
            padding: pair(convolution.padding),
            rows_per_chunk: rows_per_chunk(each.shape, weights),
        };
        let chunks = params.chunks() as usize;
        let partials = self
            .program
            .add_buffer(format!("partial sums of {label}"), chunks * weights);
        let reads = [over.buffer, each.buffer];
        self.program.add_call(label.clone(), params, &reads, &[partials]);
        self.add_partials(label, partials, chunks, convolution.weight, weights);
        Ok(())
    }

    fn add_convolution(&mut self, label: String, call: ConvolutionCall) {
        let ConvolutionCall { input, output, .. } = call;
        let [weights, epilogue] = call.constants;
        let params = conv2d::Params {
            input: input.view,
            output: output.view,
            input_extent: input.shape.into(),
            output_extent: output.shape.into(),
            kernel: pair(call.packing.kernel),
            stride: pair(call.stride),
            padding: pair(call.padding),
            padded_out_channels: call.packing.padded_out_channels() as u32,
            accumulate: call.accumulate as u32,
            gated: 0,
        };
        let reads = [Some(input.buffer), Some(weights), Some(epilogue), None];
        match call.transposed {
            false => self.program.add_call(label, params, reads, &[output.buffer]),
            true => {
                let params = conv_transpose2d::Params::from(params);
                self.program.add_call(label, params, reads, &[output.buffer])
            }
        };
    }
}
