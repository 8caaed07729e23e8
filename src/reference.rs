//! A network against its makers' numbers: what it gives for an input, and the gradient of the input.

use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::model::Model;
use crate::network::{Gradients, LoweringOptions, Network, lower};
use crate::program::{Executor, Program};
use crate::tensor::{Shape, Tensor};

/// How far one tensor is from its reference.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Comparison {
    /// The reference's name, `y` or `dx`.
    pub tensor: String,
    /// Its shape.
    pub shape: [usize; 4],
    /// The largest absolute difference.
    pub difference: f64,
    /// The largest absolute value of the reference.
    pub largest: f64,
    /// The first as a share of the second.
    pub relative: f64,
}

/// A network and the numbers that it is to be compared with: `x`, an input of shape \[samples, channels, rows,
/// columns\]; `y`, what the network gives for it; and, if they are there, `w` of the shape of `y` and `dx`, the gradient
/// of `Σ y·w` for `x`.
pub struct Reference {
    x: Tensor,
    y: Tensor,
    /// `w` and `dx`.
    gradient: Option<[Tensor; 2]>,
    network: Network<Arc<Program>>,
}

impl Reference {
    /// Reads the numbers and prepares the network, as it was trained, for the input's size.
    ///
    /// # Errors
    /// If a tensor is missing or misshapen, or the network does not take an input of this shape.
    pub fn new(model: &Model, numbers: &Checkpoint) -> Result<Reference> {
        let x = tensor(numbers, "x")?;
        let y = tensor(numbers, "y")?;
        let gradient = match (numbers.shape_of("w"), numbers.shape_of("dx")) {
            (Some(_), Some(_)) => Some([tensor(numbers, "w")?, tensor(numbers, "dx")?]),
            _ => None,
        };
        let graph = model.as_published()?;
        let options = LoweringOptions {
            gradients: match gradient {
                Some(_) => Gradients::Input,
                None => Gradients::None,
            },
            ..LoweringOptions::default()
        };
        let network = lower(&graph, x.shape(), options)?;
        let mut wanted = vec![("y", &y, network.logits.shape)];
        if let Some([w, dx]) = &gradient {
            wanted.extend([("w", w, network.logits.shape), ("dx", dx, x.shape())]);
        }
        for (name, tensor, shape) in wanted {
            if tensor.shape() != shape {
                return Err(numbers.error(format!(
                    "its tensor `{name}` has shape {}, and the network's is {shape}",
                    tensor.shape()
                )));
            }
        }
        Ok(Reference {
            x,
            y,
            gradient,
            network: network.shared(),
        })
    }

    /// What an executor has to run.
    pub fn program(&self) -> &Arc<Program> {
        &self.network.program
    }

    /// Runs the network and compares.
    ///
    /// # Errors
    /// If the device failed.
    pub fn compare(&self, executor: &mut dyn Executor) -> Result<Vec<Comparison>> {
        let network = &self.network;
        match &self.gradient {
            None => {
                let output = network.output_for(executor, &self.x)?;
                Ok(vec![comparison("y", &output, &self.y)])
            }
            Some([w, dx]) => {
                let [output, gradient] = network.input_gradient(executor, &self.x, w)?;
                Ok(vec![
                    comparison("y", &output, &self.y),
                    comparison("dx", &gradient, dx),
                ])
            }
        }
    }
}

fn tensor(numbers: &Checkpoint, name: &str) -> Result<Tensor> {
    let tensor = numbers.tensor(name)?;
    match tensor.shape[..] {
        [n, c, h, w] => Tensor::new(Shape::new(n, c, h, w), tensor.data),
        _ => Err(numbers.error(format!(
            "its tensor `{name}` has shape {:?}; want [samples, channels, rows, columns]",
            tensor.shape
        ))),
    }
}

fn comparison(name: &str, found: &Tensor, wanted: &Tensor) -> Comparison {
    let pairs = found.data().iter().zip(wanted.data());
    let difference = pairs
        .map(|(found, wanted)| (f64::from(*found) - f64::from(*wanted)).abs())
        // What is not a number is as far away as can be.
        .fold(0.0, |worst: f64, difference| {
            if difference.is_nan() {
                f64::INFINITY
            } else {
                worst.max(difference)
            }
        });
    let largest = wanted
        .data()
        .iter()
        .fold(0.0, |most: f64, value| most.max(f64::from(value.abs())));
    let Shape { n, c, h, w } = wanted.shape();
    Comparison {
        tensor: name.into(),
        shape: [n, c, h, w],
        difference,
        largest,
        relative: match largest {
            0.0 => difference,
            largest => difference / largest,
        },
    }
}
