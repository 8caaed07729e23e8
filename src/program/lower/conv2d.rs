//! Convolution, with what is fused to it, and its input gradient: the same kernel on flipped weights for
//! stride 1, the transposed kernel for others.

use super::Lowering;
use super::weights::{Epilogue, Packing};
use crate::error::{Error, Result};
use crate::graph::{NodeId, Op, ParameterId};
use crate::kernels::conv2d;
use crate::program::{BufferId, Place};

/// A convolution as the graph has it.
struct Convolution {
    weight: ParameterId,
    stride: [usize; 2],
    padding: [usize; 2],
}

/// One call of a convolution kernel.
pub(super) struct ConvolutionCall {
    pub(super) input: Place,
    pub(super) output: Place,
    pub(super) packing: Packing,
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
    /// Weights, then bias and slope.
    pub(super) constants: [BufferId; 2],
    pub(super) accumulate: bool,
}

/// Pairs of rows and columns as parameter structs have them.
pub(super) fn pair(values: [usize; 2]) -> [u32; 2] {
    values.map(|value| value as u32)
}

impl Lowering<'_> {
    fn convolution(&self, id: NodeId) -> Result<Convolution> {
        match self.node(self.fusions.head(id)).op {
            Op::Conv2d {
                weight,
                stride,
                padding,
                ..
            } => Ok(Convolution {
                weight,
                stride,
                padding,
            }),
            ref other => Err(Error::Network(format!("{} is no conv2d", other.kind()))),
        }
    }

    pub(super) fn conv2d(&mut self, id: NodeId) -> Result<()> {
        let head = self.fusions.head(id);
        let Convolution {
            weight,
            stride,
            padding,
        } = self.convolution(id)?;
        let [out_channels, in_channels, rows, columns] = self.weight_extents(weight)?;
        let input = self.place(self.node(head).inputs[0])?;
        let output = self.place(id)?;
        let epilogue = Epilogue::of(self.graph, &self.fusions.group(self.graph, id), out_channels);
        let packing = Packing {
            in_channels,
            rows,
            columns,
            out_channels,
        };
        let data = self.graph.data(weight);
        let label = self.label(id, "");
        let constants = self.add_weights(&label, packing, &epilogue, |i, row, column, out| {
            epilogue.scale()[out] * data[((out * in_channels + i) * rows + row) * columns + column]
        });
        let call = ConvolutionCall {
            input,
            output,
            packing,
            stride,
            padding,
            constants,
            accumulate: false,
        };
        self.add_conv2d(label, call);
        Ok(())
    }

    pub(super) fn conv2d_adjoint(&mut self, id: NodeId) -> Result<()> {
        let head = self.fusions.head(id);
        let Convolution {
            weight,
            stride,
            padding,
        } = self.convolution(id)?;
        let [out_channels, in_channels, rows, columns] = self.weight_extents(weight)?;
        let fused = Epilogue::of(self.graph, &self.fusions.group(self.graph, id), out_channels);
        if let Some(slopes) = fused.activation() {
            self.slope_adjoint_in_place(id, slopes)?;
        }
        let gradient = self.gradient_place(id)?;
        let (output, accumulate) = self.begin_gradient(self.node(head).inputs[0])?;
        // The gradient's channels are what this convolution reads, the input's what it writes.
        let packing = Packing {
            in_channels: out_channels,
            rows,
            columns,
            out_channels: in_channels,
        };
        let data = self.graph.data(weight);
        let scaled = |out: usize, i: usize, row: usize, column: usize| {
            fused.scale()[out] * data[((out * in_channels + i) * rows + row) * columns + column]
        };
        let label = self.label(id, "adjoint");
        let none = Epilogue::none(in_channels);
        let same_kernel = stride == [1, 1] && padding[0] < rows && padding[1] < columns;
        let constants = self.add_weights(&label, packing, &none, |out, row, column, i| {
            if same_kernel {
                scaled(out, i, rows - 1 - row, columns - 1 - column)
            } else {
                scaled(out, i, row, column)
            }
        });
        let call = ConvolutionCall {
            input: gradient,
            output,
            packing,
            stride,
            padding,
            constants,
            accumulate,
        };
        if same_kernel {
            let padding = [rows - 1 - padding[0], columns - 1 - padding[1]];
            self.add_conv2d(label, ConvolutionCall { padding, ..call });
        } else {
            self.add_conv_transpose2d(label, call);
        }
        Ok(())
    }

    /// Adds a call of the kernel `conv2d`.
    pub(super) fn add_conv2d(&mut self, label: String, call: ConvolutionCall) {
        let ConvolutionCall { input, output, .. } = call;
        let [weights, epilogue] = call.constants;
        self.program.add_call(
            label,
            conv2d::Params {
                input: input.view,
                output: output.view,
                input_extent: input.shape.into(),
                output_extent: output.shape.into(),
                kernel: pair([call.packing.rows, call.packing.columns]),
                stride: pair(call.stride),
                padding: pair(call.padding),
                padded_out_channels: call.packing.padded_out_channels() as u32,
                accumulate: call.accumulate as u32,
            },
            &[input.buffer, weights, epilogue],
            &[output.buffer],
        );
    }
}
