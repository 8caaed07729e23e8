//! Weights to begin with.

use super::random::{Random, derived_seed};
use crate::error::{Error, Result};
use crate::graph::{Graph, SimpleUnet};

/// The network with random weights: normal with variance `2 / fan-in` where a ReLU follows, `1 / fan-in` for
/// the transposed and the last convolution, which none follows (He et al. 2015); biases 0.
///
/// # Errors
/// If the network has no level.
pub fn initial_graph(unet: &SimpleUnet, seed: u64) -> Result<Graph> {
    let mut tensor = 0;
    unet.build(|name, shape| {
        tensor += 1;
        let count = shape.iter().product();
        let &[first, second, rows, columns] = shape else {
            return Ok(vec![0.0; count]);
        };
        // A transposed convolution of stride 2 and kernel 2 sees each output pixel once: its fan-in is the
        // number of channels.
        let (fan_in, gain) = if name.starts_with("up_") {
            (first, 1.0)
        } else if name.starts_with("conv_final") {
            (second, 1.0)
        } else {
            (second * rows * columns, 2.0)
        };
        let deviation = (gain / fan_in as f32).sqrt();
        let mut random = Random::new(derived_seed(seed, &[tensor]));
        let mut values = Vec::with_capacity(count + 1);
        while values.len() < count {
            let (one, other) = random.normal_pair();
            values.extend([deviation * one, deviation * other]);
        }
        values.truncate(count);
        Ok(values)
    })
}

/// The network whose every weight is the mean of those of `graphs`, summed in f64: networks that were trained on from
/// the same weights are often better together than each of them (Wortsman et al. 2022, "Model soups").
///
/// # Errors
/// If there is no graph, or one has not the tensors of `unet`, naming the first that is missing or has another shape.
pub fn mean_graph(unet: &SimpleUnet, graphs: &[Graph]) -> Result<Graph> {
    unet.build(|name, shape| {
        let tensors = graphs.iter().map(|graph| {
            let mut parameters = graph.parameters().iter();
            let found = parameters.find(|parameter| parameter.name == name);
            match found {
                Some(parameter) if parameter.shape == shape => Ok(&parameter.data[..]),
                Some(parameter) => Err(Error::Network(format!(
                    "tensor `{name}` has shape {:?} in one network and {shape:?} in another; only weights of one \
                     network have a mean",
                    parameter.shape
                ))),
                None => Err(Error::Network(format!(
                    "tensor `{name}` is missing from a network that is to be averaged"
                ))),
            }
        });
        let tensors = tensors.collect::<Result<Vec<_>>>()?;
        if tensors.is_empty() {
            return Err(Error::Usage("there is no network to take the mean of; give at least one".into()));
        }
        let count = tensors.len() as f64;
        let mean = |index: usize| tensors.iter().map(|values| f64::from(values[index])).sum::<f64>() / count;
        Ok((0..shape.iter().product()).map(|index| mean(index) as f32).collect())
    })
}
