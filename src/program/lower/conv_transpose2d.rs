//! Transposed convolution, with what is fused to it. Its input gradient is a convolution.

use super::Lowering;
use super::conv2d::{ConvolutionCall, pair};
use super::weights::{Epilogue, Packing};
use crate::error::{Error, Result};
use crate::graph::{NodeId, Op, ParameterId};
use crate::kernels::conv_transpose2d;

impl Lowering<'_> {
    fn transposed_convolution(&self, id: NodeId) -> Result<(ParameterId, [usize; 2], [usize; 2])> {
        match self.node(self.fusions.head(id)).op {
            Op::ConvTranspose2d {
                weight,
                stride,
                padding,
                ..
            } => Ok((weight, stride, padding)),
            ref other => Err(Error::Network(format!("{} is no conv_transpose2d", other.kind()))),
        }
    }

    pub(super) fn conv_transpose2d(&mut self, id: NodeId) -> Result<()> {
        let head = self.fusions.head(id);
        let (weight, stride, padding) = self.transposed_convolution(id)?;
        let [in_channels, out_channels, rows, columns] = self.weight_extents(weight)?;
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
            epilogue.scale()[out] * data[((i * out_channels + out) * rows + row) * columns + column]
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
        self.add_conv_transpose2d(label, call);
        Ok(())
    }

    pub(super) fn conv_transpose2d_adjoint(&mut self, id: NodeId) -> Result<()> {
        let head = self.fusions.head(id);
        let (weight, stride, padding) = self.transposed_convolution(id)?;
        let [in_channels, out_channels, rows, columns] = self.weight_extents(weight)?;
        let fused = Epilogue::of(self.graph, &self.fusions.group(self.graph, id), out_channels);
        if let Some(slopes) = fused.activation() {
            self.slope_adjoint_in_place(id, slopes)?;
        }
        let gradient = self.gradient_place(id)?;
        let (output, accumulate) = self.begin_gradient(self.node(head).inputs[0])?;
        let packing = Packing {
            in_channels: out_channels,
            rows,
            columns,
            out_channels: in_channels,
        };
        let data = self.graph.data(weight);
        let label = self.label(id, "adjoint");
        let none = Epilogue::none(in_channels);
        let constants = self.add_weights(&label, packing, &none, |out, row, column, i| {
            fused.scale()[out] * data[((i * out_channels + out) * rows + row) * columns + column]
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
        self.add_conv2d(label, call);
        Ok(())
    }

    /// Adds a call of the kernel `conv_transpose2d`.
    pub(super) fn add_conv_transpose2d(&mut self, label: String, call: ConvolutionCall) {
        let ConvolutionCall { input, output, .. } = call;
        let [weights, epilogue] = call.constants;
        self.program.add_call(
            label,
            conv_transpose2d::Params {
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
