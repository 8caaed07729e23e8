//! Exchange of axes, and its adjoint: the exchange back.

use super::operator::{Misfit, Operator, Site, first};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::transpose;
use crate::program::Place;
use crate::tensor::Shape;

/// Exchange of axes: samples, channels, rows and columns are axes 0 to 3.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Transpose {
    /// Which axis of the input each of the output's is, as in ONNX and NumPy.
    pub axes: [usize; 4],
}

impl Operator for Transpose {
    fn kind(&self) -> &'static str {
        "transpose"
    }

    fn check(&self) -> Result<(), String> {
        match (0..4).all(|axis| self.axes.contains(&axis)) {
            true => Ok(()),
            false => Err(format!(
                "has axes {:?}; want 0, 1, 2 and 3 in some order",
                self.axes
            )),
        }
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let Shape { n, c, h, w } = first(inputs)?;
        let size = |axis: usize| [n, c, h, w].get(self.axes[axis]).copied().unwrap_or(0);
        Ok(Shape::new(size(0), size(1), size(2), size(3)))
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        add(site, "", self.axes, [input, output], false);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        if let Some((output, accumulate)) = site.begin_gradient(0)? {
            let mut back = [0; 4];
            for (axis, &of_input) in self.axes.iter().enumerate() {
                if let Some(place) = back.get_mut(of_input) {
                    *place = axis;
                }
            }
            add(site, "adjoint", back, [gradient, output], accumulate);
        }
        Ok(())
    }
}

fn add(site: &mut dyn Site, part: &str, axes: [usize; 4], [input, output]: [Place; 2], accumulate: bool) {
    let [n, c, h, w] = axes.map(|axis| axis as u32);
    let params = transpose::Params {
        input: input.view,
        output: output.view,
        input_extent: input.shape.into(),
        extent: output.shape.into(),
        outer_axes: [n, c],
        inner_axes: [h, w],
        accumulate: accumulate.into(),
    };
    site.add(part, params.into(), vec![Some(input.buffer), Some(output.buffer)]);
}
