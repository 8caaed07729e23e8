//! The kernels' contracts: one file per kernel with its declaration, from which the parameter struct, the binding
//! table, the sizes that a call needs of its buffers and the call of its twin follow, and with its variants. The WGSL
//! shader (`shaders/NAME.wgsl`) and the twin on the CPU (`src/cpu/NAME.rs`) both keep to it; tests hold the declaration
//! against the shader's own reflection.
//!
//! Binding 0 is always the parameter struct as a uniform; then come the buffers that are only read, in
//! the order of [`Kernel::reads`], then the buffers that are written, in the order of [`Kernel::writes`].
//!
//! A kernel more is its four files and one line in the list below.

mod blocks;
mod declaration;
mod functions;
mod layout;
pub mod ledger;
mod samples;
mod specialisation;
mod variant;

pub use arithmetic::Operation;
pub(crate) use blocks::block;
pub use declaration::{Declared, KernelParams, ViewOf};
pub use functions::Function;
pub(crate) use functions::for_each_function;
pub use layout::{Binding, Extent, Field, Kernel, Kind, Need, Region, View};
pub use specialisation::{Element, MatrixUnits, Specialisation, Vendor};
pub use variant::{Constants, SMALLEST_SUBGROUP, Traits, Variant, Way, unmeasured};

use declaration::kernel;

/// Hands the list of all kernels to the macro named: each with its documentation, its name as a type and the name of its
/// module here, of its shader, its twin and its tests.
macro_rules! for_each_kernel {
    ($macro:ident) => {
        $macro! {
            /// Convolution with bias and slope activation.
            Conv2d => conv2d,
            /// Transposed convolution with bias and slope activation.
            ConvTranspose2d => conv_transpose2d,
            /// Convolution of each channel by itself.
            DepthwiseConv2d => depthwise_conv2d,
            /// Transposed convolution of each channel by itself.
            DepthwiseConvTranspose2d => depthwise_conv_transpose2d,
            /// Slope activation: ReLU, LeakyReLU, PReLU.
            Slope => slope,
            /// Adjoint of the slope activation.
            SlopeAdjoint => slope_adjoint,
            /// Largest value in each window.
            MaxPool2d => max_pool2d,
            /// Adjoint of max pooling.
            MaxPool2dAdjoint => max_pool2d_adjoint,
            /// Mean of each window.
            AveragePool2d => average_pool2d,
            /// Adjoint of average pooling.
            AveragePool2dAdjoint => average_pool2d_adjoint,
            /// Resampling to another size.
            Resize => resize,
            /// Adjoint of resampling.
            ResizeAdjoint => resize_adjoint,
            /// Channels to blocks of pixels, or back.
            DepthToSpace => depth_to_space,
            /// Strided copy or accumulation.
            Copy => copy,
            /// Border of one value, of the nearest pixel or of mirrored pixels.
            Pad => pad,
            /// Adjoint of the border.
            PadAdjoint => pad_adjoint,
            /// Arithmetic with two tensors, either repeated along axes.
            Arithmetic => arithmetic,
            /// Sum or largest of blocks.
            Reduce => reduce,
            /// Which element of each block is its largest.
            LargestPosition => largest_position,
            /// Adjoint of sums and maxima over blocks.
            Spread => spread,
            /// Mean and deviation of blocks.
            Moments => moments,
            /// Mean and deviation of blocks, from those of their parts.
            CombineMoments => combine_moments,
            /// Normalisation of blocks.
            Normalise => normalise,
            /// The sums that the adjoint of a normalisation takes off.
            NormaliseSums => normalise_sums,
            /// Adjoint of a normalisation.
            NormaliseAdjoint => normalise_adjoint,
            /// Scale and shift per channel; with no shift, its own adjoint.
            Affine => affine,
            /// Other sizes for the same numbers.
            Reshape => reshape,
            /// Exchange of axes.
            Transpose => transpose,
            /// Products of matrices.
            MatMul => mat_mul,
            /// Softmax over an axis.
            Softmax => softmax,
            /// Adjoint of softmax.
            SoftmaxAdjoint => softmax_adjoint,
            /// A function of each number by itself.
            Pointwise => pointwise,
            /// Adjoint of a function of each number by itself.
            PointwiseAdjoint => pointwise_adjoint,
            /// One value everywhere.
            Fill => fill,
            /// Copies of chosen elements.
            Gather => gather,
            /// Gradient of a convolution's weights, in partial sums.
            Conv2dWeightGradient => conv2d_weight_gradient,
            /// Sums over the pixels of each channel, in partial sums.
            ChannelSums => channel_sums,
            /// Adds up partial sums.
            SumPartials => sum_partials,
            /// The sums that the training loss is made of, in partial sums.
            LossSums => loss_sums,
            /// Adjoint of the training loss.
            LossGradient => loss_gradient,
            /// Optimiser step.
            Adam => adam,
            /// Attacks: argmax, seed gradient, counts, losses.
            Objective => objective,
            /// Attacks: the same with the network's last convolution and the adjoint of it.
            ObjectiveHead => objective_head,
            /// ASMA: multiplier, perturbation, clip, statistics.
            AsmaUpdate => asma_update,
            /// Attacks with a budget: best image, step, projection, statistics.
            AttackStep => attack_step,
            /// The class of each pixel.
            Prediction => prediction,
            /// The k-th largest number of each sample.
            Select => select,
            /// The proximal step of the largest magnitude: how far it clips.
            ProximalSearch => proximal_search,
            /// The rounds of a proximal step of the largest magnitude in Adam's metric: how far each clips.
            ProximalRounds => proximal_rounds,
            /// The proximal step of the largest magnitude: the clip.
            ProximalClip => proximal_clip,
            /// ALMA-prox: the constraint of each pixel, counts.
            AlmaConstraints => alma_constraints,
            /// ALMA-prox: penalties and their gradient.
            AlmaSeed => alma_seed,
            /// ALMA-prox: metric and gradient step.
            AlmaStep => alma_step,
            /// PDPGD: dual weights, gradient, counts.
            PdpgdSeed => pdpgd_seed,
            /// PDPGD: a step of Adam.
            PdpgdStep => pdpgd_step,
            /// ALMA-prox and PDPGD: what an iteration comes to.
            MinimalSettle => minimal_settle,
        }
    };
}
pub(crate) use for_each_kernel;

macro_rules! kernels {
    ($($(#[$doc:meta])* $variant:ident => $module:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// The parameters of one call of one kernel.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Params {
            $($(#[$doc])* $variant($module::Params)),*
        }

        $(impl From<$module::Params> for Params {
            fn from(params: $module::Params) -> Self { Params::$variant(params) }
        })*

        /// Calls of every kernel as networks have them, at least one for each text that a shader is specialised to: what
        /// tests and `asma shaders` go through.
        pub fn samples_of_all() -> Vec<Params> {
            let mut all = Vec::new();
            $(all.extend($module::Params::samples().into_iter().map(Params::from));)*
            all
        }

        /// The names of all variants of all kernels.
        pub fn variant_names() -> Vec<&'static str> {
            let mut all = Vec::new();
            $(all.extend($module::Params::VARIANTS.iter().map(|variant| variant.name));)*
            all
        }

        impl Params {
            /// The kernel called.
            pub fn kernel(&self) -> &'static Kernel {
                match self { $(Params::$variant(_) => const { &<$module::Params as Declared>::KERNEL }),* }
            }

            /// The fields of its parameter struct.
            pub fn fields(&self) -> &'static [Field] {
                match self { $(Params::$variant(_) => <$module::Params as Declared>::FIELDS),* }
            }

            /// The uniform buffer's bytes, a multiple of 16.
            pub fn bytes(&self) -> Vec<u8> {
                match self { $(Params::$variant(params) => params.bytes()),* }
            }

            /// The parameters of the same kernel that these bytes of a uniform buffer are; none if there are too few.
            pub fn with_bytes(&self, bytes: &[u8]) -> Option<Params> {
                match self { $(Params::$variant(_) => $module::Params::from_bytes(bytes).map(Params::from)),* }
            }

            /// What the call needs of each buffer in binding order.
            pub fn needs(&self) -> Vec<Need> {
                match self { $(Params::$variant(params) => params.needs()),* }
            }

            /// All extents among the parameters.
            pub fn extents(&self) -> Vec<Extent> {
                match self { $(Params::$variant(params) => params.extents()),* }
            }

            /// What is wrong with the parameters, whatever the buffers are.
            ///
            /// # Errors
            /// With words that say it.
            pub fn check(&self) -> Result<(), String> {
                match self { $(Params::$variant(params) => params.check()),* }
            }

            /// A read buffer whose words are indices, and the buffer that they count in, by their places in binding order.
            pub fn indices(&self) -> Option<[usize; 2]> {
                match self { $(Params::$variant(_) => $module::Params::indices()),* }
            }

            /// The view through which the call sees the buffer at this place in binding order, if it has one there.
            pub fn view_mut(&mut self, binding: usize) -> Option<&mut View> {
                match self { $(Params::$variant(params) => {
                    let view = (*<$module::Params as Declared>::VIEWS.get(binding)?)?;
                    Some(view(params))
                }),* }
            }

            /// The elements that a call cannot do without moving, of each buffer in binding order: what it reads and
            /// what it writes, each once.
            pub fn elements_moved(&self) -> Vec<u64> {
                match self { $(Params::$variant(params) => params.elements_moved()),* }
            }

            /// The ways to run this call on a device that `specialisation` describes, in the order of the variants. The
            /// first of them needs nothing of the device.
            pub fn ways(&self, specialisation: &Specialisation) -> Vec<Way> {
                match self { $(Params::$variant(params) => params.ways(self.kernel(), specialisation)),* }
            }

            /// What the call computes, apart from where its tensors lie; the key of a
            /// [`Tuning`](crate::gpu::Tuning).
            pub fn work(&self, specialisation: &Specialisation) -> String {
                let mut work = match self { $(Params::$variant(params) => params.work()),* };
                work.push_str(&specialisation.halves_of(self.kernel()));
                work
            }

            /// Floating-point operations of the call; 0 where memory traffic is all that counts.
            pub fn flops(&self) -> u64 {
                match self { $(Params::$variant(params) => params.flops()),* }
            }
        }
    };
}

for_each_kernel!(kernels);

impl Params {
    /// The bytes that a call cannot do without moving.
    pub fn bytes_moved(&self, specialisation: &Specialisation) -> u64 {
        let moved = self.elements_moved().into_iter().enumerate();
        moved
            .map(|(buffer, count)| count * specialisation.element(buffer).bytes())
            .sum()
    }
}

/// Threads in a workgroup of the kernels that handle one pixel of one channel per thread.
pub const PIXELS_PER_WORKGROUP: u32 = 64;

/// Most workgroups in one dimension of a dispatch that every device allows.
const MOST_WORKGROUPS: u32 = 65535;

/// Folds a count of workgroups over the first two dimensions of a dispatch.
pub(crate) fn fold(workgroups: u32) -> [u32; 2] {
    let rows = workgroups.div_ceil(MOST_WORKGROUPS).max(1);
    [workgroups.div_ceil(rows), rows]
}

/// The dispatch of a kernel with one thread per element of `extent`: pixels folded over x and y, channels
/// of all samples along z.
fn one_thread_per_element(extent: Extent) -> [u32; 3] {
    let [x, y] = fold((extent.h * extent.w).div_ceil(PIXELS_PER_WORKGROUP));
    [x, y, extent.n * extent.c]
}

/// Refuses a flag that is neither 0 nor 1.
fn check_flags(flags: &[(&str, u32)]) -> Result<(), String> {
    match flags.iter().find(|(_, value)| *value > 1) {
        Some((name, value)) => Err(format!("`{name}` is {value}; want 0 or 1")),
        None => Ok(()),
    }
}

/// Refuses a choice beyond the last one.
fn check_choice(name: &str, value: u32, last: u32) -> Result<(), String> {
    match value > last {
        true => Err(format!("`{name}` is {value}; want 0 to {last}")),
        false => Ok(()),
    }
}

/// Rows and columns from the first tap of a kernel to its last, both counted; the largest number there is if it is more.
fn reach(kernel: [u32; 2], dilation: [u32; 2]) -> [u32; 2] {
    let last = |axis: usize| kernel[axis].saturating_sub(1).saturating_mul(dilation[axis]);
    [0, 1].map(|axis| last(axis).saturating_add(1))
}

/// Whether windows, one for each pixel of the second extent, reach out of the first.
fn reaches_out(
    [input, windows]: [Extent; 2],
    kernel: [u32; 2],
    stride: [u32; 2],
    padding: [u32; 2],
    dilation: [u32; 2],
) -> bool {
    let reach = reach(kernel, dilation);
    let beyond = |axis: usize, count: u32, size: u32| {
        let last = u64::from(count.saturating_sub(1)) * u64::from(stride[axis]);
        last + u64::from(reach[axis]) > u64::from(size)
    };
    padding != [0, 0] || beyond(0, windows.h, input.h) || beyond(1, windows.w, input.w)
}

/// Refuses taps on top of one another, and those that are too far apart.
fn check_dilation(dilation: [u32; 2]) -> Result<(), String> {
    match dilation.iter().find(|step| !(1..=MOST_WINDOW).contains(*step)) {
        Some(step) => Err(format!("`dilation` has {step}; want 1 to {MOST_WINDOW}")),
        None => Ok(()),
    }
}

/// Refuses groups that channels cannot be parted into.
fn check_groups(groups: u32, channels: [u32; 2]) -> Result<(), String> {
    match groups >= 1 && channels.iter().all(|count| count.is_multiple_of(groups)) {
        true => Ok(()),
        false => Err(format!(
            "{channels:?} channels cannot be parted into {groups} groups"
        )),
    }
}

/// Most rows or columns of a window, between windows, or of padding.
pub const MOST_WINDOW: u32 = 1 << 13;

/// Refuses positions that 32 bits with a sign do not hold: those of windows over `extent` pixels.
fn check_reach(extent: Extent, kernel: [u32; 2], stride: [u32; 2], padding: [u32; 2]) -> Result<(), String> {
    let far = |axis: usize, size: u32| {
        u64::from(size) * u64::from(stride[axis]) + u64::from(kernel[axis]) + u64::from(padding[axis])
    };
    match far(0, extent.h).max(far(1, extent.w)) {
        reach if reach > i32::MAX as u64 => {
            Err(format!("windows reach to {reach}; want at most {}", i32::MAX))
        }
        _ => Ok(()),
    }
}

/// Refuses windows of nothing, windows that do not move, and sizes that indices could not hold.
fn check_windows(kernel: [u32; 2], stride: [u32; 2], padding: [u32; 2]) -> Result<(), String> {
    for (name, values, least) in [
        ("kernel", kernel, 1),
        ("stride", stride, 1),
        ("padding", padding, 0),
    ] {
        if let Some(value) = values
            .iter()
            .find(|value| !(least..=MOST_WINDOW).contains(*value))
        {
            return Err(format!("`{name}` has {value}; want {least} to {MOST_WINDOW}"));
        }
    }
    Ok(())
}

/// The product of sizes; the largest number there is if it is more.
fn product(factors: &[u32]) -> u64 {
    factors
        .iter()
        .fold(1, |product: u64, &factor| product.saturating_mul(factor.into()))
}

/// Refuses more elements than indices can count.
fn check_product(what: &str, factors: &[u32]) -> Result<(), String> {
    let product = factors.iter().map(|&factor| u128::from(factor)).product::<u128>();
    match product > u128::from(u32::MAX) {
        true => Err(format!("{product} {what}; want at most {}", u32::MAX)),
        false => Ok(()),
    }
}

/// Refuses a parity that is none.
fn check_parity(parity: u32) -> Result<(), String> {
    check_flags(&[("parity", parity)])
}

/// Refuses a number of classes that is not that of the channels: 2 stand for one channel.
fn check_classes(classes: u32, channels: u32) -> Result<(), String> {
    match channels >= 1 && classes == channels.max(2) && classes <= 255 {
        true => Ok(()),
        false => Err(format!(
            "{classes} classes for {channels} channels of logits; want 2 to 255, as many"
        )),
    }
}

/// The text of a shader, put together from the files named.
macro_rules! shader {
    ($($file:literal),+) => {
        concat!($(include_str!(concat!("../../shaders/", $file, ".wgsl"))),+)
    };
}
pub(crate) use shader;
