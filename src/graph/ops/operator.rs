//! What a network's operator is: everything about it stands in one file, as an implementation of [`Operator`].

use std::ops::RangeInclusive;

use crate::error::{Error, Result};
use crate::graph::parameter::{Origin, Parameter, ParameterId};
use crate::kernels::{Params, copy};
use crate::program::{BufferId, Place};
use crate::tensor::Shape;

/// Why an operator cannot take its inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Misfit {
    /// Nothing would be left of them.
    TooSmall,
    /// For this reason, as it stands after the layer's name.
    Other(String),
}

/// An operator of a network.
pub trait Operator {
    /// What it is called in tables.
    fn kind(&self) -> &'static str;

    /// How many nodes it reads.
    fn inputs(&self) -> RangeInclusive<usize> {
        1..=1
    }

    /// The parameters that it reads, and how many dimensions each has.
    fn parameters(&self) -> Vec<(ParameterId, usize)> {
        Vec::new()
    }

    /// What is wrong with its settings, whatever it reads.
    ///
    /// # Errors
    /// With words that stand after the layer's name.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// The shape of what it gives, for inputs of these shapes, each with at least one element.
    ///
    /// # Errors
    /// If it cannot take them.
    fn shape(&self, inputs: &[Shape], parameters: &[Parameter]) -> Result<Shape, Misfit>;

    /// Adds the calls that compute its values, and keeps what [`Operator::adjoint`] needs.
    ///
    /// # Errors
    /// If a value is missing.
    fn forward(&self, site: &mut dyn Site) -> Result<()>;

    /// Adds the calls that take the gradient of its values to those of its inputs and of its parameters.
    ///
    /// # Errors
    /// If a value is missing.
    fn adjoint(&self, site: &mut dyn Site) -> Result<()>;
}

/// Where an operator is lowered: one node of a network at one input size.
pub trait Site {
    /// How many nodes it reads.
    fn input_count(&self) -> usize;

    /// Where the values of one of those nodes stand.
    ///
    /// # Errors
    /// If there is no such node.
    fn input(&self, index: usize) -> Result<Place>;

    /// Where its own values stand.
    fn output(&self) -> Place;

    /// Whether the values of an input are a part of its own already.
    fn is_in_place(&self, index: usize) -> bool;

    /// A parameter.
    ///
    /// # Errors
    /// If the network does not have it.
    fn parameter(&self, id: ParameterId) -> Result<&Parameter>;

    /// Adds a call that does `part` of its work; the main one has no name. `buffers` are in binding order.
    fn add(&mut self, part: &str, params: Params, buffers: Vec<Option<BufferId>>);

    /// A buffer of these numbers, `what` of `part` of its work: constant, or gathered anew before each use if
    /// parameters are trained.
    fn coefficients(&mut self, what: &str, part: &str, origins: Vec<Origin>) -> BufferId;

    /// A buffer of these numbers, `what` of `part` of its work, which are the same whatever is trained.
    fn constant(&mut self, what: &str, part: &str, values: Vec<f32>) -> BufferId;

    /// Keeps a value for the adjoint under a name.
    fn keep(&mut self, name: &'static str, place: Place);

    /// What was kept under a name.
    ///
    /// # Errors
    /// If nothing was.
    fn kept(&self, name: &str) -> Result<Place>;

    /// Where the gradient of its values stands.
    fn gradient(&mut self) -> Place;

    /// Where the gradient of an input's values is to be written, and whether it must be added to what stands there;
    /// nothing if nobody wants it.
    ///
    /// # Errors
    /// If there is no such input.
    fn begin_gradient(&mut self, index: usize) -> Result<Option<(Place, bool)>>;

    /// Takes the node's own gradient for that of an input, so that it need not be copied, where nothing else will add to
    /// either; says whether it did. Of one input at most.
    ///
    /// # Errors
    /// If there is no such input.
    fn pass_gradient(&mut self, index: usize) -> Result<bool>;

    /// Whether the gradients of parameters are wanted.
    fn trains(&self) -> bool;

    /// Adds a buffer for `chunks` partial sums of each number of a parameter.
    fn partial_sums(&mut self, part: &str, chunks: usize, length: usize) -> BufferId;

    /// Adds up partial sums, `chunks` of each of the parameter's `length` numbers, to its gradient.
    fn add_up(
        &mut self,
        part: &str,
        partials: BufferId,
        chunks: usize,
        parameter: ParameterId,
        length: usize,
    );
}

/// Copies or adds one tensor to another of the same shape.
pub(super) fn add_copy(site: &mut dyn Site, part: &str, from: Place, to: Place, accumulate: bool) {
    let params = copy::Params {
        input: from.view,
        output: to.view,
        extent: from.shape.into(),
        accumulate: accumulate.into(),
    };
    site.add(part, params.into(), vec![Some(from.buffer), Some(to.buffer)]);
}

/// Adds the gradient of a parameter with one number per channel, or one for all of them: sums over the pixels of
/// `gradient`, or of its product with `input`, as `mode` of [`channel_sums`](crate::kernels::channel_sums) says.
pub(super) fn add_channel_gradient(
    site: &mut dyn Site,
    part: &str,
    parameter: ParameterId,
    input: Place,
    gradient: Place,
    mode: u32,
) -> Result<()> {
    use crate::kernels::channel_sums;
    let params = channel_sums::Params::chunked(input.view, gradient.view, gradient.shape.into(), mode);
    // A number for all channels is summed over them too.
    let length = site.parameter(parameter)?.data.len();
    let sums = params.chunks() as usize * gradient.shape.c;
    let partials = site.partial_sums(part, sums / length, length);
    let input = (mode != channel_sums::GRADIENT).then_some(input.buffer);
    site.add(
        part,
        params.into(),
        vec![input, Some(gradient.buffer), Some(partials)],
    );
    site.add_up(part, partials, sums / length, parameter, length);
    Ok(())
}

/// Most rows, columns, windows, margins or factors that an operator is told.
pub const MOST_SETTING: usize = crate::kernels::MOST_WINDOW as usize;

/// Refuses settings outside `range`, each by its name.
pub(super) fn check_settings(
    name: &str,
    values: &[usize],
    range: RangeInclusive<usize>,
) -> Result<(), String> {
    match values.iter().find(|value| !range.contains(value)) {
        Some(value) => Err(format!(
            "has a {name} of {value}; want {} to {}",
            range.start(),
            range.end()
        )),
        None => Ok(()),
    }
}

/// Pairs of rows and columns as parameter structs have them.
pub(super) fn pair(values: [usize; 2]) -> [u32; 2] {
    values.map(|value| value as u32)
}

/// Checks that a parameter has a number for each channel.
pub(super) fn per_channel(parameters: &[Parameter], id: ParameterId, channels: usize) -> Result<(), Misfit> {
    let (found, name) = match parameters.get(id.0) {
        Some(parameter) => (parameter.data.len(), parameter.name.as_str()),
        None => (0, "a parameter that is missing"),
    };
    match found == channels {
        true => Ok(()),
        false => Err(Misfit::Other(format!(
            "has {found} numbers per channel in `{name}`, but its input has {channels} channels"
        ))),
    }
}

/// The first of an operator's inputs.
pub(super) fn first(inputs: &[Shape]) -> Result<Shape, Misfit> {
    let missing = || Misfit::Other("reads nothing".into());
    inputs.first().copied().ok_or_else(missing)
}

/// The first two of an operator's inputs.
pub(super) fn first_two(inputs: &[Shape]) -> Result<[Shape; 2], Misfit> {
    match inputs {
        [one, other, ..] => Ok([*one, *other]),
        _ => Err(Misfit::Other("reads fewer than two nodes".into())),
    }
}

/// How many windows of `length` rows or columns fit into `size` and the `margin` at both of its sides together; too
/// small if not one does.
pub(super) fn windows(size: usize, margin: usize, length: usize, stride: usize) -> Result<usize, Misfit> {
    let rest = (size + margin).checked_sub(length).ok_or(Misfit::TooSmall)?;
    Ok(rest / stride + 1)
}

/// A message of something that a lowering should have and has not.
pub(super) fn missing(what: &str) -> Error {
    Error::Network(what.into())
}
