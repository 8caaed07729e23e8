//! The kernels' contracts: one file per kernel with its binding table, its parameter struct and its
//! dispatch size. The WGSL shader of the same name (`shaders/NAME.wgsl`) and its twin on the CPU
//! (`src/cpu/NAME.rs`) both keep to it.
//!
//! Binding 0 is always the parameter struct as a uniform; then come the buffers that are only read, in
//! the order of [`Kernel::reads`], then the buffers that are written, in the order of [`Kernel::writes`].
//! Elements are words of 4 bytes, or float16 where [`Kernel::halves`] and the call's buffers say so.

mod catalog;
mod specialisation;

pub use catalog::catalog;
pub use specialisation::{Element, MatrixUnits, Specialisation};

use bytemuck::{Pod, Zeroable};

use crate::tensor::Shape;

/// Where the elements of a tensor lie in its buffer: element `(n, c, y, x)` is at
/// `offset + n·batch + c·channel + y·row + x`. All in elements. A crop moves the offset, a part of a
/// concatenation has a channel offset; neither needs a copy.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct View {
    /// Index of element (0, 0, 0, 0).
    pub offset: u32,
    /// Distance between samples.
    pub batch: u32,
    /// Distance between channels.
    pub channel: u32,
    /// Distance between rows.
    pub row: u32,
}

impl View {
    /// The view of a tensor that fills its buffer.
    pub fn dense(shape: Shape) -> View {
        View {
            offset: 0,
            batch: (shape.c * shape.h * shape.w) as u32,
            channel: (shape.h * shape.w) as u32,
            row: shape.w as u32,
        }
    }

    /// The view of the window that begins at channel `c`, row `y`, column `x` of this one.
    pub fn window(self, c: usize, y: usize, x: usize) -> View {
        View {
            offset: self.offset + c as u32 * self.channel + y as u32 * self.row + x as u32,
            ..self
        }
    }

    /// The index of element `(n, c, y, x)`.
    #[inline]
    pub fn at(&self, n: usize, c: usize, y: usize, x: usize) -> usize {
        self.offset as usize + n * self.batch as usize + c * self.channel as usize + y * self.row as usize + x
    }
}

/// A shape as shaders see it: samples, channels, rows, columns.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Extent {
    /// Samples.
    pub n: u32,
    /// Channels.
    pub c: u32,
    /// Rows.
    pub h: u32,
    /// Columns.
    pub w: u32,
}

impl Extent {
    /// Values in all channels of all samples.
    pub fn elements(self) -> u64 {
        u64::from(self.c) * self.pixels()
    }

    /// Pixels of all samples.
    pub fn pixels(self) -> u64 {
        u64::from(self.n) * u64::from(self.h) * u64::from(self.w)
    }
}

impl From<Shape> for Extent {
    fn from(shape: Shape) -> Self {
        Extent {
            n: shape.n as u32,
            c: shape.c as u32,
            h: shape.h as u32,
            w: shape.w as u32,
        }
    }
}

impl From<Extent> for Shape {
    fn from(extent: Extent) -> Self {
        Shape::new(
            extent.n as usize,
            extent.c as usize,
            extent.h as usize,
            extent.w as usize,
        )
    }
}

/// One way to run a kernel on a GPU. All variants of a kernel share its contract and its twin.
#[derive(Debug)]
pub struct Variant {
    /// Its name, as it stands in timings and test reports.
    pub name: &'static str,
    /// WGSL source, without the prelude that [`Params::source`] puts in front.
    pub shader: &'static str,
    /// Whether it stages data through workgroup memory: good on a GPU, dear where a barrier is emulated.
    pub workgroup_memory: bool,
    /// Whether threads exchange values within subgroups: for devices with the feature SUBGROUP and at least
    /// [`SMALLEST_SUBGROUP`] threads in each.
    pub subgroups: bool,
    /// Whether it multiplies matrices as [`MatrixUnits`] do: for devices that have them.
    pub matrix_units: bool,
    /// Whether its results lose digits, or are not finite, for numbers that float32 holds well: it runs only where it is
    /// named, never by a measurement of time alone.
    pub narrow_range: bool,
}

impl Variant {
    /// A variant of this name and text that needs nothing of the device.
    pub const fn plain(name: &'static str, shader: &'static str) -> Variant {
        Variant {
            name,
            shader,
            workgroup_memory: false,
            subgroups: false,
            matrix_units: false,
            narrow_range: false,
        }
    }

    /// The same that stages data through workgroup memory.
    pub(crate) const fn with_workgroup_memory(self) -> Variant {
        Variant {
            workgroup_memory: true,
            ..self
        }
    }

    /// The same that exchanges values within subgroups.
    pub(crate) const fn with_subgroups(self) -> Variant {
        Variant {
            subgroups: true,
            ..self
        }
    }

    /// The same on matrix units, of which a subgroup has one and which take what they multiply from workgroup memory.
    pub(crate) const fn on_matrix_units(self) -> Variant {
        Variant {
            matrix_units: true,
            ..self.with_workgroup_memory().with_subgroups()
        }
    }

    /// The same with a narrower range than float32.
    pub(crate) const fn with_narrow_range(self) -> Variant {
        Variant {
            narrow_range: true,
            ..self
        }
    }
}

/// Threads that a subgroup must have for the variants that need subgroups.
pub const SMALLEST_SUBGROUP: u32 = 8;

/// A kernel: what it is called and which buffers it takes.
#[derive(Debug)]
pub struct Kernel {
    /// The name of its shader, of its twin and of its tests.
    pub name: &'static str,
    /// The shader's entry point.
    pub entry_point: &'static str,
    /// The buffers it only reads, in binding order from 1.
    pub reads: &'static [&'static str],
    /// The buffers it writes (and may read), in binding order after the reads.
    pub writes: &'static [&'static str],
    /// Those of them whose elements may be float16. Sums are of float32 all the same.
    pub halves: &'static [&'static str],
    /// How it can be run on a GPU. The first needs nothing and runs every call; of several that suit a call on a
    /// kind of device, the last one runs unless a measurement says otherwise.
    pub variants: &'static [Variant],
}

impl Kernel {
    /// All buffers in binding order.
    pub fn buffers(&self) -> impl Iterator<Item = &'static str> {
        self.reads.iter().chain(self.writes).copied()
    }
}

/// What a kernel's parameter struct provides.
pub trait KernelParams: Pod {
    /// The kernel these parameters belong to.
    const KERNEL: Kernel;

    /// The elements that a call cannot do without moving, of each buffer in binding order: what it reads and what it
    /// writes, each once.
    fn elements_moved(&self) -> Vec<u64>;

    /// How many workgroups to dispatch for `variant`.
    fn grid(&self, variant: &Variant) -> [u32; 3];

    /// Whether `variant` can run this call: some are for one kind of call alone.
    fn supports(&self, _: &Variant, _: &Specialisation) -> bool {
        true
    }

    /// Whether `variant`, which can run this call, is to run it where nothing was measured and the device is of its
    /// kind.
    fn suits(&self, _: &Variant) -> bool {
        true
    }

    /// What a call computes, apart from where its tensors lie: calls for which this is equal take equally long.
    fn work(&self) -> String {
        Self::KERNEL.entry_point.into()
    }

    /// Values that the shader wants as constants, so that the compiler can unroll over them.
    fn constants(&self, _: &Variant) -> Vec<(&'static str, u32)> {
        Vec::new()
    }

    /// Floating-point operations of the call; 0 where memory traffic is all that counts.
    fn flops(&self) -> u64 {
        0
    }
}

macro_rules! kernels {
    ($($(#[$doc:meta])* $variant:ident => $module:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// The parameters of one call of one kernel.
        #[derive(Clone, Copy, Debug)]
        pub enum Params {
            $($(#[$doc])* $variant($module::Params)),*
        }

        $(impl From<$module::Params> for Params {
            fn from(params: $module::Params) -> Self { Params::$variant(params) }
        })*

        impl Params {
            /// The kernel called.
            pub fn kernel(&self) -> &'static Kernel {
                match self { $(Params::$variant(_) => const { &<$module::Params as KernelParams>::KERNEL }),* }
            }

            /// The uniform buffer's bytes.
            pub fn bytes(&self) -> &[u8] {
                match self { $(Params::$variant(params) => bytemuck::bytes_of(params)),* }
            }

            /// The elements that a call cannot do without moving, of each buffer in binding order: what it reads and
            /// what it writes, each once.
            pub fn elements_moved(&self) -> Vec<u64> {
                match self { $(Params::$variant(params) => params.elements_moved()),* }
            }

            /// How many workgroups to dispatch for `variant`.
            pub fn grid(&self, variant: &Variant) -> [u32; 3] {
                match self { $(Params::$variant(params) => params.grid(variant)),* }
            }

            /// Whether `variant` can run this call.
            pub fn supports(&self, variant: &Variant, specialisation: &Specialisation) -> bool {
                let device_can = !variant.matrix_units || specialisation.matrix_units.is_some();
                device_can && match self { $(Params::$variant(params) => params.supports(variant, specialisation)),* }
            }

            /// Whether `variant` is to run this call where nothing was measured.
            pub fn suits(&self, variant: &Variant) -> bool {
                match self { $(Params::$variant(params) => params.suits(variant)),* }
            }

            /// What the call computes, apart from where its tensors lie; the key of a
            /// [`Tuning`](crate::gpu::Tuning).
            pub fn work(&self, specialisation: &Specialisation) -> String {
                let mut work = match self { $(Params::$variant(params) => params.work()),* };
                work.push_str(&specialisation.halves_of(self.kernel()));
                work
            }

            /// Constants of the specialised shader of `variant`.
            pub fn constants(&self, variant: &Variant) -> Vec<(&'static str, u32)> {
                match self { $(Params::$variant(params) => params.constants(variant)),* }
            }

            /// Floating-point operations of the call; 0 where memory traffic is all that counts.
            pub fn flops(&self) -> u64 {
                match self { $(Params::$variant(params) => params.flops()),* }
            }
        }
    };
}

kernels! {
    /// Convolution with bias and slope activation.
    Conv2d => conv2d,
    /// Transposed convolution with bias and slope activation.
    ConvTranspose2d => conv_transpose2d,
    /// Slope activation: ReLU, LeakyReLU, PReLU.
    Slope => slope,
    /// Adjoint of the slope activation.
    SlopeAdjoint => slope_adjoint,
    /// Largest value in each window.
    MaxPool2d => max_pool2d,
    /// Adjoint of max pooling.
    MaxPool2dAdjoint => max_pool2d_adjoint,
    /// Resampling to another size.
    Upsample => upsample,
    /// Adjoint of resampling.
    UpsampleAdjoint => upsample_adjoint,
    /// Strided copy or accumulation.
    Copy => copy,
    /// Border of zeros or of the nearest pixel.
    Pad => pad,
    /// Adjoint of the border.
    PadAdjoint => pad_adjoint,
    /// Elementwise sum.
    Add => add,
    /// Scale and shift per channel; with no shift, its own adjoint.
    Affine => affine,
    /// Softmax over channels.
    Softmax => softmax,
    /// Adjoint of softmax.
    SoftmaxAdjoint => softmax_adjoint,
    /// Logistic function.
    Sigmoid => sigmoid,
    /// Adjoint of the logistic function.
    SigmoidAdjoint => sigmoid_adjoint,
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
    /// ASMA: argmax, adaptive mask, seed gradient, counts.
    AsmaMask => asma_mask,
    /// ASMA: the same with the network's last convolution and the adjoint of it.
    AsmaHead => asma_head,
    /// ASMA: multiplier, perturbation, clip, statistics.
    AsmaUpdate => asma_update,
}

impl Params {
    /// The variants that can run this call.
    pub fn variants(
        &self,
        specialisation: &Specialisation,
    ) -> impl DoubleEndedIterator<Item = &'static Variant> + Clone {
        let variants = self.kernel().variants.iter();
        variants.filter(move |variant| self.supports(variant, specialisation))
    }

    /// The bytes that a call cannot do without moving.
    pub fn bytes_moved(&self, specialisation: &Specialisation) -> u64 {
        let moved = self.elements_moved().into_iter().enumerate();
        moved
            .map(|(buffer, count)| count * specialisation.element(buffer).bytes())
            .sum()
    }

    /// The whole WGSL text of `variant`, specialised for these parameters.
    pub fn source(&self, variant: &Variant, specialisation: &Specialisation) -> String {
        let mut source = specialisation.prelude(self.kernel(), variant);
        source.push_str(include_str!("../../shaders/shared/view.wgsl"));
        for (name, value) in self.constants(variant) {
            source.push_str(&format!("const {name}: u32 = {value}u;\n"));
        }
        source.push_str(variant.shader);
        source
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
pub(crate) fn one_thread_per_element(extent: Extent) -> [u32; 3] {
    let [x, y] = fold((extent.h * extent.w).div_ceil(PIXELS_PER_WORKGROUP));
    [x, y, extent.n * extent.c]
}

/// The text of a shader, put together from the files named.
macro_rules! shader {
    ($($file:literal),+) => {
        concat!($(include_str!(concat!("../../shaders/", $file, ".wgsl"))),+)
    };
}
pub(crate) use shader;

/// One variant without workgroup memory, its source put together from the files named: what all but the
/// convolutions and the attack have.
macro_rules! only_variant {
    ($($file:literal),+) => {
        &[$crate::kernels::Variant::plain("direct", $crate::kernels::shader!($($file),+))]
    };
}
pub(crate) use only_variant;
