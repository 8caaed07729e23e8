//! Sums over axes, as several operators and their adjoints need them.

use super::operator::Site;
use crate::error::Result;
use crate::graph::parameter::ParameterId;
use crate::kernels::{Extent, View, reduce};
use crate::program::Place;
use crate::tensor::Shape;

/// What is to be reduced: a tensor, or its products and the like with others, as the terms of
/// [`reduce`](crate::kernels::reduce) say.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub input: Place,
    pub left: Option<Place>,
    pub right: Option<Place>,
    pub term: u32,
}

impl Terms {
    /// The numbers of a tensor themselves.
    pub fn plain(input: Place) -> Terms {
        Terms {
            input,
            left: None,
            right: None,
            term: reduce::PLAIN,
        }
    }
}

/// Adds the calls that reduce to `output`, whose sizes are those of the input or 1: `scale` times the sums, or the largest,
/// as `function` says, or that added to what `output` holds.
pub(super) fn add_reduction(
    site: &mut dyn Site,
    part: &str,
    terms: Terms,
    function: u32,
    output: Place,
    scale: f32,
    accumulate: bool,
) {
    let Some(partial) = reduce::partial_blocks(terms.input.shape.into(), output.shape.into()) else {
        add_call(site, part, terms, function, output, scale, accumulate);
        return;
    };
    let partial = scratch(site, part, partial.into());
    add_call(
        site,
        &format!("{part} partial"),
        terms,
        function,
        partial,
        1.0,
        false,
    );
    let rest = Terms::plain(partial);
    add_call(site, part, rest, function, output, scale, accumulate);
}

/// A dense tensor for what is computed on the way.
pub(super) fn scratch(site: &mut dyn Site, part: &str, shape: Shape) -> Place {
    Place {
        buffer: site.partial_sums(part, 1, shape.elements()),
        view: View::dense(shape),
        shape,
    }
}

/// Adds the gradient of a parameter: the sums of `terms`, of this shape, in whose order its numbers stand.
pub(super) fn add_parameter_gradient(
    site: &mut dyn Site,
    part: &str,
    parameter: ParameterId,
    terms: Terms,
    shape: Shape,
) -> Result<()> {
    let sums = scratch(site, part, shape);
    add_reduction(site, part, terms, reduce::SUM, sums, 1.0, false);
    site.add_up(part, sums.buffer, 1, parameter, shape.elements());
    Ok(())
}

fn add_call(
    site: &mut dyn Site,
    part: &str,
    terms: Terms,
    function: u32,
    output: Place,
    scale: f32,
    accumulate: bool,
) {
    let Terms {
        input,
        left,
        right,
        term,
    } = terms;
    let left = left.filter(|_| reduce::reads_left(term));
    let right = right.filter(|_| reduce::reads_right(term));
    let extent = |place: Option<Place>| Extent::from(place.unwrap_or(input).shape);
    let view = |place: Option<Place>| place.unwrap_or(input).view;
    let params = reduce::Params {
        input: input.view,
        left: view(left),
        right: view(right),
        output: output.view,
        extent: input.shape.into(),
        left_extent: extent(left),
        right_extent: extent(right),
        output_extent: output.shape.into(),
        function,
        term,
        scale,
        accumulate: accumulate.into(),
    };
    let [left, right] = [left, right].map(|place| place.map(|place| place.buffer));
    let buffers = vec![Some(input.buffer), left, right, Some(output.buffer)];
    site.add(part, params.into(), buffers);
}
