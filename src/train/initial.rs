//! Weights to begin with.

use std::sync::Arc;

use super::random::{Random, derived_seed};
use crate::error::{Error, Result};
use crate::graph::ops::{Conv2d, ConvTranspose2d};
use crate::graph::{Graph, Op, ParameterId};

/// The network with random weights: normal with variance `2 / fan-in` where an activation follows, `1 / fan-in` for
/// transposed convolutions and where none follows (He et al. 2015); biases 0.
///
/// # Errors
/// If a layer reads a parameter that the network does not have.
pub fn initial_graph(graph: &Graph, seed: u64) -> Result<Graph> {
    let deviations = deviations(graph);
    let mut initial = graph.clone();
    for (index, (parameter, deviation)) in graph.parameters().iter().zip(deviations).enumerate() {
        let count = parameter.data.len();
        let Some(deviation) = deviation else {
            // Of other layers as they are: a scale of zeros would be the end of a network.
            if parameter.shape.len() == 1 && is_bias(graph, ParameterId(index)) {
                initial.set_parameter(ParameterId(index), Arc::new(vec![0.0; count]))?;
            }
            continue;
        };
        let mut random = Random::new(derived_seed(seed, &[index as u64 + 1]));
        let mut values = Vec::with_capacity(count + 1);
        while values.len() < count {
            let (one, other) = random.normal_pair();
            values.extend([deviation * one, deviation * other]);
        }
        values.truncate(count);
        initial.set_parameter(ParameterId(index), Arc::new(values))?;
    }
    Ok(initial)
}

/// The standard deviation of each parameter that is a convolution's weight.
fn deviations(graph: &Graph) -> Vec<Option<f32>> {
    let mut deviations = vec![None; graph.parameters().len()];
    for (index, node) in graph.nodes().iter().enumerate() {
        let (weight, fan_in, gain) = match node.op {
            Op::Conv2d(Conv2d { weight, .. }) => {
                let followed = graph.nodes().iter().any(|reader| {
                    reader.inputs.iter().any(|input| input.0 == index) && matches!(reader.op, Op::Slope(_))
                });
                let shape = graph.shape_of(weight);
                let fan_in: usize = shape.iter().skip(1).product();
                (weight, fan_in, if followed { 2.0 } else { 1.0 })
            }
            // Each output pixel sees as many taps as windows overlap.
            Op::ConvTranspose2d(ConvTranspose2d { weight, stride, .. }) => match *graph.shape_of(weight) {
                [channels, _, rows, columns] => {
                    let taps = rows.div_ceil(stride[0]) * columns.div_ceil(stride[1]);
                    (weight, channels * taps, 1.0)
                }
                _ => continue,
            },
            _ => continue,
        };
        if let Some(deviation) = deviations.get_mut(weight.0) {
            *deviation = Some((gain / fan_in.max(1) as f32).sqrt());
        }
    }
    deviations
}

/// Whether a parameter is the bias of a convolution.
fn is_bias(graph: &Graph, id: ParameterId) -> bool {
    graph.nodes().iter().any(|node| match node.op {
        Op::Conv2d(Conv2d { bias, .. }) | Op::ConvTranspose2d(ConvTranspose2d { bias, .. }) => {
            bias == Some(id)
        }
        _ => false,
    })
}

/// The network whose every weight is the mean of those of `graphs`, summed in f64: networks that were trained on from
/// the same weights are often better together than each of them (Wortsman et al. 2022, "Model soups").
///
/// # Errors
/// If there is no graph, or one has not the layers and tensors of the first, naming the first that is missing or
/// another.
pub fn mean_graph(graphs: &[Graph]) -> Result<Graph> {
    let Some(first) = graphs.first() else {
        return Err(Error::Usage(
            "there is no network to take the mean of; give at least one".into(),
        ));
    };
    let mut mean = first.clone();
    for (index, parameter) in first.parameters().iter().enumerate() {
        let tensors = graphs.iter().map(|graph| {
            let found = graph.parameters().iter().find(|other| other.name == parameter.name);
            match found {
                Some(other) if other.shape == parameter.shape => Ok(&other.data[..]),
                Some(other) => Err(Error::Network(format!(
                    "tensor `{}` has shape {:?} in one network and {:?} in another; only weights of one network have a \
                     mean",
                    parameter.name, parameter.shape, other.shape
                ))),
                None => Err(Error::Network(format!(
                    "tensor `{}` is missing from a network that is to be averaged",
                    parameter.name
                ))),
            }
        });
        let tensors = tensors.collect::<Result<Vec<_>>>()?;
        let count = tensors.len() as f64;
        let mean_of =
            |index: usize| tensors.iter().map(|values| f64::from(values[index])).sum::<f64>() / count;
        let values = (0..parameter.data.len())
            .map(|index| mean_of(index) as f32)
            .collect();
        mean.set_parameter(ParameterId(index), Arc::new(values))?;
    }
    if let Some(other) = graphs.iter().find(|graph| !graph.has_layers_of(first)) {
        let layers = [first, other].map(|graph| graph.nodes().len());
        return Err(Error::Network(format!(
            "networks of {} and {} layers that are not the same have no mean, though their tensors have the same names",
            layers[0], layers[1]
        )));
    }
    Ok(mean)
}
