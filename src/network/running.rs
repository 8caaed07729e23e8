//! A network run on tensors of the host: its output, and the gradient of its input.

use std::sync::Arc;

use super::lowered::Network;
use crate::error::{Error, Result};
use crate::program::{Executor, Place, Program};
use crate::tensor::{Shape, Tensor};

impl Network {
    /// The network with its program shared, for an executor that holds it too.
    pub fn shared(self) -> Network<Arc<Program>> {
        Network {
            program: Arc::new(self.program),
            forward: self.forward,
            adjoint: self.adjoint,
            input: self.input,
            logits: self.logits,
            seed: self.seed,
            gradient: self.gradient,
            trainable: self.trainable,
        }
    }
}

impl Network<Arc<Program>> {
    /// What the network gives for `images`, of the shape that it was lowered for: N×C×H×W logits.
    ///
    /// # Errors
    /// If the images have another shape, or the device fails.
    pub fn output_for(&self, executor: &mut dyn Executor, images: &Tensor) -> Result<Tensor> {
        check("images", images.shape(), self.input.shape)?;
        self.write(executor, self.input, images)?;
        executor.submit(&self.forward.clone().collect::<Vec<_>>())?;
        self.read(executor, self.logits)
    }

    /// What the network gives for `images`, and the gradient of `Σ output · seed` for them, of their shape.
    ///
    /// # Errors
    /// If a tensor has another shape than the network was lowered for, it was lowered without its adjoint, or the device
    /// fails.
    pub fn input_gradient(
        &self,
        executor: &mut dyn Executor,
        images: &Tensor,
        seed: &Tensor,
    ) -> Result<[Tensor; 2]> {
        let (Some(seeded), Some(gradient)) = (self.seed, self.gradient) else {
            return Err(Error::Network(
                "the network was lowered without its adjoint".into(),
            ));
        };
        check("seed", seed.shape(), self.logits.shape)?;
        let output = self.output_for(executor, images)?;
        self.write(executor, seeded, seed)?;
        executor.submit(&self.adjoint.clone().collect::<Vec<_>>())?;
        Ok([output, self.read(executor, gradient)?])
    }

    fn write(&self, executor: &mut dyn Executor, place: Place, tensor: &Tensor) -> Result<()> {
        let length = self.program.buffers()[place.buffer.0].length;
        let mut words = vec![0.0; length];
        let Shape { n, c, h, w } = tensor.shape();
        for sample in 0..n {
            for channel in 0..c {
                let plane = tensor.plane(sample, channel);
                for (row, values) in (0..h).zip(plane.chunks_exact(w)) {
                    let start = place.view.at(sample, channel, row, 0);
                    words[start..start + w].copy_from_slice(values);
                }
            }
        }
        executor.write(place.buffer, &words)
    }

    fn read(&self, executor: &mut dyn Executor, place: Place) -> Result<Tensor> {
        let length = self.program.buffers()[place.buffer.0].length;
        Ok(place.gather(&executor.read(place.buffer, length)?))
    }
}

fn check(what: &str, found: Shape, wanted: Shape) -> Result<()> {
    match found == wanted {
        true => Ok(()),
        false => Err(Error::Usage(format!(
            "{what} of shape {found} were given; want {wanted} (samples × channels × rows × columns)"
        ))),
    }
}
