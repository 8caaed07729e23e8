//! A network on a device, for whoever holds images in memory: what it predicts, its logits, and the gradient of an image.

use std::sync::{Arc, Mutex, PoisonError};

use super::device::NamedDevice;
use super::samples::Samples;
use crate::data::InputOptions;
use crate::error::{Error, Result};
use crate::gpu::DeviceChoice;
use crate::graph::Graph;
use crate::labels::LabelMap;
use crate::model::Model;
use crate::network::{Gradients, LoweringOptions, Network, lower};
use crate::program::{Executor, Program};
use crate::tensor::{Shape, Tensor};

/// So many planned networks are kept for the next call.
const MOST_PLANS: usize = 4;

/// A network on a device. Threads may share it: each call takes a plan that no other has in hands, or plans anew.
pub struct Session {
    /// What the network is called: its file, or a name.
    pub name: String,
    /// The network.
    pub model: Model,
    /// What it runs on.
    pub device: NamedDevice,
    plans: Mutex<Vec<Plan>>,
}

/// The network lowered for one image of a size, and its executor.
struct Plan {
    size: [usize; 2],
    gradients: Gradients,
    network: Network<Arc<Program>>,
    executor: Box<dyn Executor + Send>,
}

impl Session {
    /// The network on the device of this name.
    ///
    /// # Errors
    /// If there is no such device, or it cannot be opened.
    pub fn new(name: String, model: Model, device: DeviceChoice) -> Result<Session> {
        Ok(Session {
            name,
            model,
            device: NamedDevice::open(device)?,
            plans: Mutex::default(),
        })
    }

    /// The shape of the logits for images of this shape: their size, or that of the network's output if that is another.
    ///
    /// # Errors
    /// If the network does not take such images, naming the nearest sizes that it takes.
    pub fn output_shape(&self, images: Shape) -> Result<Shape> {
        let wanted = self.model.graph.input_channels();
        if images.c != wanted {
            return Err(Error::Usage(format!(
                "images of shape {images} have {} channels; the network takes {wanted}",
                images.c
            )));
        }
        let output = crate::data::fit(&self.model.graph, Shape { n: 1, ..images })?.output;
        Ok(Shape {
            n: images.n,
            ..output
        })
    }

    /// The logits for images of N×C×H×W, values in \[0, 1\].
    ///
    /// # Errors
    /// If the images are not such, the network does not take their size or channels, or the device fails.
    pub fn logits(&self, images: &dyn Samples) -> Result<Tensor> {
        let mut all = Joined::of(images.shape().n);
        self.each(images, Gradients::None, &mut |_, image, plan| {
            let logits = plan.network.output_for(plan.executor.as_mut(), image)?;
            all.push(logits);
            Ok(())
        })?;
        all.into_tensor()
    }

    /// The class of each pixel of images of N×C×H×W, values in \[0, 1\]: one map for each image, of the size of the logits.
    ///
    /// # Errors
    /// Those of [`Session::logits`], and if logits are not finite.
    pub fn predict(&self, images: &dyn Samples) -> Result<Vec<LabelMap>> {
        let mut all = Vec::new();
        self.each(images, Gradients::None, &mut |_, image, plan| {
            let logits = plan.network.output_for(plan.executor.as_mut(), image)?;
            all.push(LabelMap::from_logits(&logits, 0)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// The gradient of `Σ logits · seed` for images of N×C×H×W, values in \[0, 1\], of their shape. The seed has that of the
    /// logits, see [`Session::output_shape`].
    ///
    /// # Errors
    /// Those of [`Session::logits`], and if the seed has another shape or is not finite.
    pub fn input_gradient(&self, images: &dyn Samples, seed: &dyn Samples) -> Result<Tensor> {
        let wanted = self.output_shape(images.shape())?;
        if seed.shape() != wanted {
            return Err(Error::Usage(format!(
                "the seed has shape {}; want that of the logits, {wanted}",
                seed.shape()
            )));
        }
        let mut all = Joined::of(images.shape().n);
        self.each(images, Gradients::Input, &mut |number, image, plan| {
            let seed = seed.copied(number)?;
            if let Some(value) = seed.data().iter().find(|value| !value.is_finite()) {
                return Err(Error::Usage(format!(
                    "the seed holds {value}; want finite numbers"
                )));
            }
            let [_, gradient] = plan
                .network
                .input_gradient(plan.executor.as_mut(), image, &seed)?;
            all.push(gradient);
            Ok(())
        })?;
        all.into_tensor()
    }

    /// Does something with each image and the network planned for it.
    fn each(
        &self,
        images: &dyn Samples,
        gradients: Gradients,
        work: &mut dyn FnMut(usize, &Tensor, &mut Plan) -> Result<()>,
    ) -> Result<()> {
        // A process that was forked since holds executors that wait for ever.
        crate::threads::start()?;
        let shape = images.shape();
        if shape.n == 0 {
            return Err(Error::Usage("0 images were given; want at least one".into()));
        }
        let size = [shape.h, shape.w];
        let held = {
            let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
            let of_this = |plan: &Plan| plan.size == size && plan.gradients == gradients;
            let place = plans.iter().position(of_this);
            place.map(|place| plans.remove(place))
        };
        let mut plan = held;
        for number in 0..shape.n {
            let image = images.copied(number)?;
            let name = format!("image {number}");
            let input = InputOptions::default().prepare(&name, &image, &self.model.graph)?;
            let planned = match &mut plan {
                Some(plan) => plan,
                None => plan.insert(self.plan(&input.network.graph, size, gradients)?),
            };
            work(number, &image, planned)?;
        }
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.extend(plan);
        let too_many = plans.len().saturating_sub(MOST_PLANS);
        plans.drain(..too_many);
        Ok(())
    }

    fn plan(&self, graph: &Graph, [h, w]: [usize; 2], gradients: Gradients) -> Result<Plan> {
        let c = graph.input_channels();
        let options = LoweringOptions {
            gradients,
            ..LoweringOptions::default()
        };
        let network = lower(graph, Shape { n: 1, c, h, w }, options)?.shared();
        let executor = self.device.runner(&network.program)?;
        Ok(Plan {
            size: [h, w],
            gradients,
            network,
            executor,
        })
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.name)
            .field("network", &self.model.name)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

/// Single samples as one batch.
struct Joined {
    /// How many there will be.
    count: usize,
    shape: Shape,
    data: Vec<f32>,
}

impl Joined {
    fn of(count: usize) -> Joined {
        Joined {
            count,
            shape: Shape::new(0, 0, 0, 0),
            data: Vec::new(),
        }
    }

    fn push(&mut self, sample: Tensor) {
        let n = self.shape.n + 1;
        self.shape = Shape { n, ..sample.shape() };
        match n {
            1 => {
                let one = sample.data().len();
                self.data = sample.into_data();
                self.data.reserve_exact(one * (self.count - 1));
            }
            _ => self.data.extend_from_slice(sample.data()),
        }
    }

    fn into_tensor(self) -> Result<Tensor> {
        Tensor::new(self.shape, self.data)
    }
}
