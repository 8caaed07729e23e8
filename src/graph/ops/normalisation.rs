//! What the normalisations have in common: moments of blocks, and their adjoint.

use super::operator::Site;
use super::reduction::{Terms, add_parameter_gradient, add_reduction, scratch};
use crate::error::Result;
use crate::graph::parameter::{Origin, ParameterId};
use crate::kernels::{combine_moments, moments, normalise, normalise_adjoint, normalise_sums, reduce};
use crate::program::{BufferId, Place};
use crate::tensor::Shape;

/// A normalisation of blocks of a tensor, followed by a scale and a shift.
pub(super) struct Normalisation {
    /// Blocks along each axis.
    pub blocks: Shape,
    /// Whether scale and shift are of each column; else of each channel.
    pub per_column: bool,
    /// 1 if there is none.
    pub scale: Option<ParameterId>,
    /// 0 if there is none.
    pub shift: Option<ParameterId>,
    /// What is added to the variance.
    pub epsilon: f32,
}

impl Normalisation {
    /// Adds the calls that normalise, and keeps the moments.
    pub fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let found = self.add_moments(site, input);
        let coefficients = self.coefficients(site, "", input.shape);
        self.add_normalised(site, "", input, found, coefficients, output);
        site.keep("input", input);
        site.keep(
            "moments",
            Place {
                buffer: found,
                ..input
            },
        );
        Ok(())
    }

    /// Adds the calls that take the gradient of its values to those of its input and of its parameters.
    pub fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let (input, found) = (site.kept("input")?, site.kept("moments")?.buffer);
        let gradient = site.gradient();
        if site.trains() {
            self.add_parameter_gradients(site, input, found, gradient)?;
        }
        let Some((output, accumulate)) = site.begin_gradient(0)? else {
            return Ok(());
        };
        let coefficients = self.coefficients(site, "adjoint", input.shape);
        let partial = moments::partial_blocks(input.shape.into(), self.blocks.into());
        // Both sums stand in columns, of which there is one where blocks have parts.
        let pairs = |parts: Shape| Shape {
            w: 2 * parts.w,
            ..parts
        };
        let sums = scratch(site, "sums", pairs(self.blocks));
        let parts = partial.map(Shape::from);
        let parts_sums = parts.map(|parts| scratch(site, "sums of parts", pairs(parts)));
        let params = normalise_sums::Params {
            input: input.view,
            gradient: gradient.view,
            extent: input.shape.into(),
            parts: parts.unwrap_or(self.blocks).into(),
            blocks: self.blocks.into(),
            per_column: self.per_column.into(),
        };
        let buffers = [
            input.buffer,
            found,
            coefficients,
            gradient.buffer,
            parts_sums.unwrap_or(sums).buffer,
        ];
        site.add("sums", params.into(), buffers.map(Some).into());
        if let Some(of_parts) = parts_sums {
            add_reduction(
                site,
                "sums",
                Terms::plain(of_parts),
                reduce::SUM,
                sums,
                1.0,
                false,
            );
        }
        let params = normalise_adjoint::Params {
            input: input.view,
            gradient: gradient.view,
            output: output.view,
            extent: input.shape.into(),
            blocks: self.blocks.into(),
            per_column: self.per_column.into(),
            accumulate: accumulate.into(),
        };
        let buffers = [
            input.buffer,
            found,
            coefficients,
            gradient.buffer,
            sums.buffer,
            output.buffer,
        ];
        site.add("adjoint", params.into(), buffers.map(Some).into());
        Ok(())
    }

    /// Mean and one over the deviation of each block.
    fn add_moments(&self, site: &mut dyn Site, input: Place) -> BufferId {
        let found = site.partial_sums("moments", 2, self.blocks.elements());
        let mut params = moments::Params {
            input: input.view,
            extent: input.shape.into(),
            blocks: self.blocks.into(),
            epsilon: self.epsilon,
            finish: 1,
        };
        let Some(parts) = moments::partial_blocks(params.extent, params.blocks) else {
            site.add("moments", params.into(), [input.buffer, found].map(Some).into());
            return found;
        };
        let of_parts = site.partial_sums("moments of parts", 2, parts.elements() as usize);
        (params.blocks, params.finish) = (parts, 0);
        site.add(
            "moments",
            params.into(),
            [input.buffer, of_parts].map(Some).into(),
        );
        let params = combine_moments::Params {
            extent: input.shape.into(),
            parts,
            blocks: self.blocks.into(),
            epsilon: self.epsilon,
        };
        site.add("moments", params.into(), [of_parts, found].map(Some).into());
        found
    }

    /// Scale and shift of each channel or column.
    fn coefficients(&self, site: &mut dyn Site, part: &str, shape: Shape) -> BufferId {
        let of = |id: Option<ParameterId>, index: usize, without: f32| match id {
            Some(id) => Origin::Parameter(id, index),
            None => Origin::Fixed(without),
        };
        let count = if self.per_column { shape.w } else { shape.c };
        let pairs = (0..count).flat_map(|index| [of(self.scale, index, 1.0), of(self.shift, index, 0.0)]);
        site.coefficients("coefficients", part, pairs.collect())
    }

    fn add_normalised(
        &self,
        site: &mut dyn Site,
        part: &str,
        input: Place,
        found: BufferId,
        coefficients: BufferId,
        output: Place,
    ) {
        let params = normalise::Params {
            input: input.view,
            output: output.view,
            extent: input.shape.into(),
            blocks: self.blocks.into(),
            per_column: self.per_column.into(),
            activated: 0,
        };
        let [input, output] = [input.buffer, output.buffer].map(Some);
        let buffers = vec![input, Some(found), Some(coefficients), None, output];
        site.add(part, params.into(), buffers);
    }

    fn add_parameter_gradients(
        &self,
        site: &mut dyn Site,
        input: Place,
        found: BufferId,
        gradient: Place,
    ) -> Result<()> {
        let shape = match self.per_column {
            true => Shape::new(1, 1, 1, input.shape.w),
            false => Shape::new(1, input.shape.c, 1, 1),
        };
        if let Some(scale) = self.scale {
            let plain = Normalisation {
                scale: None,
                shift: None,
                ..*self
            };
            let coefficients = plain.coefficients(site, "scale gradient", input.shape);
            let normal = scratch(site, "normalised", input.shape);
            plain.add_normalised(site, "scale gradient", input, found, coefficients, normal);
            let terms = Terms {
                input: gradient,
                left: Some(normal),
                right: None,
                term: reduce::TIMES_LEFT,
            };
            add_parameter_gradient(site, "scale gradient", scale, terms, shape)?;
        }
        if let Some(shift) = self.shift {
            add_parameter_gradient(site, "shift gradient", shift, Terms::plain(gradient), shape)?;
        }
        Ok(())
    }
}
