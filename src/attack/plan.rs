//! An attack as a program: the network's calls with those of the attack between and after them.

use std::ops::Range;
use std::sync::Arc;

use super::config::AttackConfig;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::kernels::{ledger, prediction};
use crate::labels::scored_classes;
use crate::network::{LoweringOptions, Network, lower_open};
use crate::program::{BufferId, Builder, CallId, Place, Program};
use crate::tensor::Shape;

/// Rows of the trace that stay on the device until the host has read them.
pub(super) const RING_ROWS: usize = 1024;

/// Where the attack's own tensors stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffers {
    pub(super) source: BufferId,
    pub(super) target: BufferId,
    pub(super) region: Option<BufferId>,
    /// The class of each pixel of the last forward pass, see [`prediction`].
    pub(super) predictions: BufferId,
}

/// How the ledger of one sample is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct LedgerShape {
    /// Its words.
    pub(super) length: usize,
    /// The first word of the trace's rows.
    pub(super) ring_start: usize,
}

/// The calls of an attack, in the order in which they run.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    /// Calls that only compute the seed and the gradient, where something is chosen from it before the first iteration.
    pub(super) first_gradient: Vec<CallId>,
    /// Of an even and of an odd iteration.
    pub(super) iterations: [Arc<[CallId]>; 2],
    /// The same of an iteration that takes no step, which needs no gradient.
    pub(super) last: Option<[Arc<[CallId]>; 2]>,
    /// Whether each iteration takes no step, where that is known beforehand; else empty.
    pub(super) schedule: Vec<bool>,
}

/// What an attack's own file adds to the network.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// Where the best image stands.
    pub(super) best: Place,
    pub(super) counts: BufferId,
    /// Words of one half of a sample's counts.
    pub(super) counts_length: usize,
    pub(super) ledger: BufferId,
    pub(super) shape: LedgerShape,
    pub(super) calls: Calls,
    /// Images that stand one behind the other in the buffer of the best one.
    pub(super) sections: usize,
}

/// The network and the tensors that every attack has, to which one adds its own calls.
pub(super) struct Planner {
    pub(super) network: Network<Builder>,
    pub(super) source: BufferId,
    pub(super) target: BufferId,
    pub(super) region: Option<BufferId>,
    pub(super) class_count: usize,
    /// Where the gradient of the logits stands.
    pub(super) seed: Place,
    /// Where the gradient of the network's input stands.
    pub(super) gradient: Place,
}

impl Planner {
    /// The bits of each class, as words of a constant buffer.
    pub(super) fn class_bits(&self, attacked: &[u8]) -> Vec<f32> {
        let scored = scored_classes(self.class_count, attacked);
        (0..self.class_count as u32)
            .map(|class| {
                let mut bits = 0;
                if attacked.contains(&(class as u8)) {
                    bits |= ledger::CLASS_ATTACKED;
                }
                if scored.contains(&(class as u8)) {
                    bits |= ledger::CLASS_AVERAGED;
                }
                f32::from_bits(bits)
            })
            .collect()
    }
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
        let config = config.into();
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
            seed,
            gradient,
        };
        let planned = config.plan(&mut planner)?;
        let network = planner.network;
        Ok(Attack {
            config,
            buffers,
            planned,
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
