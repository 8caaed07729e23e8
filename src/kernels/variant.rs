//! The ways to run a kernel on a GPU.

use super::layout::Kernel;
use super::specialisation::{Specialisation, Vendor};

/// What a variant needs of a device, and what it costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// Whether it is made for hardware: it stages data through workgroup memory, which is dear where a barrier is emulated,
    /// or keeps to the registers that a GPU has.
    pub hardware: bool,
    /// Whether threads exchange values within subgroups: for devices with the feature SUBGROUP and at least
    /// [`SMALLEST_SUBGROUP`] threads in each.
    pub subgroups: bool,
    /// Whether it multiplies matrices as [`MatrixUnits`](super::MatrixUnits) do: for devices that have them.
    pub matrix_units: bool,
    /// Whether its results lose digits, or are not finite, for numbers that float32 holds well: it runs only where it is
    /// named, never by a measurement of time alone.
    pub narrow_range: bool,
    /// Products of float16 that it makes on matrix units for each one of the kernel's; 0 if it does not use them.
    pub matrix_products: u32,
}

/// Threads that a subgroup must have for the variants that need subgroups.
pub const SMALLEST_SUBGROUP: u32 = 8;

/// Values that a shader wants as constants, so that the compiler can unroll over them.
pub type Constants = Vec<(&'static str, u32)>;

/// One way to run a kernel with parameters `P` on a GPU: its text, and what it can do as functions of a call's
/// parameters. All variants of a kernel share its contract and its twin.
#[derive(Debug)]
pub struct Variant<P> {
    /// Its name, as it stands in timings and test reports.
    pub name: &'static str,
    /// WGSL source, without the prelude that [`Way::source`] puts in front.
    pub shader: &'static str,
    /// What it needs of a device.
    pub traits: Traits,
    /// How many workgroups to dispatch.
    pub(super) grid: fn(&P) -> [u32; 3],
    /// Whether it can run this call: some are for one kind of call alone.
    pub(super) supports: fn(&P, &Specialisation) -> bool,
    /// Whether it, which can run this call, is to run it where nothing was measured and the device is of its kind.
    pub(super) suits: fn(&P, Vendor) -> bool,
    /// On whose GPUs its loops are to be bounded: see [`Way::bounded_loops`].
    pub(super) bounded_loops: fn(Vendor) -> bool,
    /// Constants of its specialised shader.
    pub(super) constants: fn(&P) -> Constants,
    /// Those that a vendor's GPUs want.
    pub(super) vendor_constants: fn(Vendor) -> Constants,
}

impl<P> Variant<P> {
    /// A variant of this name and text that needs nothing of the device and runs every call.
    pub(super) const fn new(
        name: &'static str,
        shader: &'static str,
        grid: fn(&P) -> [u32; 3],
    ) -> Variant<P> {
        Variant {
            name,
            shader,
            traits: Traits {
                hardware: false,
                subgroups: false,
                matrix_units: false,
                narrow_range: false,
                matrix_products: 0,
            },
            grid,
            supports: |_, _| true,
            suits: |_, _| true,
            bounded_loops: |_| false,
            constants: |_| Vec::new(),
            vendor_constants: |_| Vec::new(),
        }
    }

    /// The same made for hardware, see [`Traits::hardware`].
    pub(super) const fn for_hardware(mut self) -> Variant<P> {
        self.traits.hardware = true;
        self
    }

    /// The same that exchanges values within subgroups.
    pub(super) const fn with_subgroups(mut self) -> Variant<P> {
        self.traits.subgroups = true;
        self
    }

    /// The same on matrix units, of which a subgroup has one and which take what they multiply from workgroup memory;
    /// with so many of their products for each one of the kernel's.
    pub(super) const fn on_matrix_units(mut self, products: u32) -> Variant<P> {
        self.traits.hardware = true;
        self.traits.subgroups = true;
        self.traits.matrix_units = true;
        self.traits.matrix_products = products;
        self
    }

    /// The same with a narrower range than float32.
    pub(super) const fn with_narrow_range(mut self) -> Variant<P> {
        self.traits.narrow_range = true;
        self
    }

    /// The same for calls of which `supports` is true.
    pub(super) const fn for_calls(mut self, supports: fn(&P, &Specialisation) -> bool) -> Variant<P> {
        self.supports = supports;
        self
    }

    /// The same, chosen unmeasured for calls of which `suits` is true on a vendor's GPU.
    pub(super) const fn suiting(mut self, suits: fn(&P, Vendor) -> bool) -> Variant<P> {
        self.suits = suits;
        self
    }

    /// The same with its loops bounded where `bounded` is true.
    pub(super) const fn with_bounded_loops(mut self, bounded: fn(Vendor) -> bool) -> Variant<P> {
        self.bounded_loops = bounded;
        self
    }

    /// The same with these constants.
    pub(super) const fn with_constants(mut self, constants: fn(&P) -> Constants) -> Variant<P> {
        self.constants = constants;
        self
    }

    /// The same with these as well.
    pub(super) const fn with_vendor_constants(mut self, constants: fn(Vendor) -> Constants) -> Variant<P> {
        self.vendor_constants = constants;
        self
    }

    /// How it runs one call, if it can.
    pub(super) fn way(
        &'static self,
        kernel: &'static Kernel,
        params: &P,
        specialisation: &Specialisation,
    ) -> Option<Way> {
        let device_can = !self.traits.matrix_units || specialisation.matrix_units.is_some();
        (device_can && (self.supports)(params, specialisation)).then(|| Way {
            name: self.name,
            traits: self.traits,
            grid: (self.grid)(params),
            suits: (self.suits)(params, specialisation.vendor),
            bounded_loops: (self.bounded_loops)(specialisation.vendor),
            constants: [
                (self.constants)(params),
                (self.vendor_constants)(specialisation.vendor),
            ]
            .concat(),
            kernel,
            shader: self.shader,
        })
    }
}

/// The place of the way to run a call where nothing was measured: the last that suits it of those that are made for hardware on
/// hardware, and of those that are not elsewhere; if there is none, the last that suits it.
pub fn unmeasured(ways: &[Way], is_hardware: bool) -> Option<usize> {
    let of_kind = |way: &Way| way.suits && way.traits.hardware == is_hardware;
    let suiting = || ways.iter().rposition(|way| way.suits);
    ways.iter().rposition(of_kind).or_else(suiting)
}

/// How one variant runs one call.
#[derive(Clone, Debug)]
pub struct Way {
    /// The variant's name.
    pub name: &'static str,
    /// What it needs of a device.
    pub traits: Traits,
    /// How many workgroups to dispatch.
    pub grid: [u32; 3],
    /// Whether it is to run this call where nothing was measured and the device is of its kind.
    pub suits: bool,
    /// Whether its loops are to count their rounds and end after 2⁶⁴ of them, which none reaches: Intel's compiler then
    /// leaves loads where they stand, instead of moving them up until its registers run out.
    pub bounded_loops: bool,
    /// Constants of its specialised shader.
    pub constants: Constants,
    kernel: &'static Kernel,
    shader: &'static str,
}

impl Way {
    /// The same call by another text: for who measures variants that are none of the kernel's.
    pub fn by(self, name: &'static str, shader: &'static str, grid: [u32; 3]) -> Way {
        Way {
            name,
            shader,
            grid,
            ..self
        }
    }

    /// The whole WGSL text.
    pub fn source(&self, specialisation: &Specialisation) -> String {
        let mut source = specialisation.prelude(self.kernel, self.traits.matrix_units);
        source.push_str(include_str!("../../shaders/shared/view.wgsl"));
        for (name, value) in &self.constants {
            source.push_str(&format!("const {name}: u32 = {value}u;\n"));
        }
        source.push_str(self.shader);
        source
    }
}
