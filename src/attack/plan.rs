//! An attack as a program: the network's calls with those of the attack between and after them.

use std::ops::Range;
use std::sync::Arc;

use super::config::AttackConfig;
use super::planner::{Planned, Planner};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::kernels::prediction;
use crate::labels::scored_classes;
use crate::network::{LoweringOptions, lower_open};
use crate::program::{BufferId, CallId, Place, Program};
use crate::tensor::Shape;

/// Where the attack's own tensors stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffers {
    pub(super) source: BufferId,
    pub(super) target: BufferId,
    pub(super) region: Option<BufferId>,
    /// The class of each pixel of the last forward pass, see [`prediction`].
    pub(super) predictions: BufferId,
}

/// An attack on a network at one input size, ready for an executor.
///
/// The two levels of use: [`Attack::run`] is the blocking loop; who records into an encoder of their own calls
/// [`Attack::prepare`] and then records what the [`Iterations`](super::Iterations) that it gives hand out, with
/// [`GpuExecutor::encode`](crate::gpu::GpuExecutor::encode).
#[derive(Clone, Debug)]
pub struct Attack {
    pub(super) config: AttackConfig,
    pub(super) buffers: Buffers,
    pub(super) planned: Planned,
    pub(super) is_changeable: bool,
    pub(super) class_count: usize,
    /// Where the gradient of the network's input stands.
    pub(super) gradient: Place,
    program: Arc<Program>,
    forward: Range<CallId>,
    adversarial: Place,
    logits: Place,
    /// The call that writes the predictions of the last forward pass.
    pub(super) predict: CallId,
}

impl Attack {
    /// Plans the attack on `graph` for images of shape `input`, a batch of samples that each go their own
    /// way. With `region`, only pixels of a mask given later may change.
    ///
    /// # Errors
    /// If the settings cannot be, or the network cannot take this size.
    pub fn new(graph: &Graph, input: Shape, config: impl Into<AttackConfig>, region: bool) -> Result<Attack> {
        Attack::plan(graph, input, config.into(), region, false)
    }

    /// The same such that a [`Live`](super::Live) attack can change its settings under way: with a region, and with calls for
    /// every objective, mask and multiplier of ASMA in the one-forward schedule.
    ///
    /// # Errors
    /// As [`Attack::new`].
    pub fn changeable(graph: &Graph, input: Shape, config: impl Into<AttackConfig>) -> Result<Attack> {
        Attack::plan(graph, input, config.into(), true, true)
    }

    fn plan(
        graph: &Graph,
        input: Shape,
        config: AttackConfig,
        region: bool,
        is_changeable: bool,
    ) -> Result<Attack> {
        let options = LoweringOptions {
            precision: config.precision(),
            ..LoweringOptions::default()
        };
        let mut network = lower_open(graph, input, options)?;
        let (Some(seed), Some(gradient)) = (network.seed, network.gradient) else {
            return Err(Error::Network(
                "the network was lowered without its adjoint".into(),
            ));
        };
        let output = network.logits.shape;
        // One channel stands for two classes.
        let class_count = output.c.max(2);
        config.check(class_count)?;

        let program = &mut network.program;
        let buffers = Buffers {
            source: program.add_buffer("source image", input.elements()),
            target: program.add_buffer("target", output.n * output.pixels()),
            region: region.then(|| program.add_buffer("region", input.n * input.pixels())),
            predictions: program.add_buffer("predictions", prediction::Params::words(output.into())),
        };
        let predict = program.add_call(
            "prediction",
            prediction::Params {
                logits: network.logits.view,
                extent: output.into(),
            },
            &[network.logits.buffer],
            &[buffers.predictions],
        );
        let mut planner = Planner {
            network,
            source: buffers.source,
            target: buffers.target,
            region: buffers.region,
            class_count,
            is_changeable,
            seed,
            gradient,
        };
        let planned = config.plan(&mut planner)?;
        let network = planner.network;
        Ok(Attack {
            config,
            buffers,
            planned,
            is_changeable,
            class_count,
            gradient,
            program: Arc::new(network.program.finish()?),
            forward: network.forward,
            adversarial: network.input,
            logits: network.logits,
            predict,
        })
    }

    /// The settings.
    pub fn config(&self) -> &AttackConfig {
        &self.config
    }

    /// The program that an executor must hold to run this attack.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// What one iteration consists of, to be counted, timed or tuned. What is to be run is handed out by
    /// [`Attack::prepare`].
    pub fn calls(&self) -> &[CallId] {
        &self.planned.calls.iterations[0]
    }

    /// The calls of a forward pass of what stands in [`Attack::adversarial`], to [`Attack::logits`].
    pub fn forward(&self) -> Vec<CallId> {
        self.forward.clone().collect()
    }

    /// Where the adversarial image stands, dense; it is the network's input.
    pub fn adversarial(&self) -> Place {
        self.adversarial
    }

    /// Where the best image so far stands, laid out as [`Attack::adversarial`].
    pub fn best(&self) -> Place {
        self.planned.best
    }

    /// Where the logits of the last forward pass stand.
    pub fn logits(&self) -> Place {
        self.logits
    }

    /// Classes that the network tells apart.
    pub fn class_count(&self) -> usize {
        self.class_count
    }

    /// The classes whose IoU is averaged.
    pub fn scored_classes(&self) -> Vec<u8> {
        scored_classes(self.class_count, &self.config.attacked(self.class_count))
    }
}
