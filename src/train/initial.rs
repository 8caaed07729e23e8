//! Weights to begin with.

use super::random::{Random, derived_seed};
use crate::error::Result;
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
