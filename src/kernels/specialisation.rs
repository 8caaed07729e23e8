//! What a shader is specialised for besides its call's parameters: how the elements of its buffers are stored, whose GPU
//! it runs on, and the shape of the device's matrix units.

use super::layout::{Kernel, Kind};

/// How an element of a buffer is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Element {
    /// 4 bytes: a float32 or an unsigned integer.
    #[default]
    Word,
    /// 2 bytes: a float16. Kernels compute with float32 and round to the nearest when they store.
    Half,
}

impl Element {
    /// Bytes of one.
    pub fn bytes(self) -> u64 {
        match self {
            Element::Word => 4,
            Element::Half => 2,
        }
    }

    /// Its type in WGSL, where it is a float.
    fn float_type(self) -> &'static str {
        match self {
            Element::Word => "f32",
            Element::Half => "f16",
        }
    }
}

/// Units that multiply square matrices of float16 and add the products up in float32, a matrix to a subgroup.
///
/// Kernels have workgroups of 1024 / `tile`² subgroups, and take units for which those are 128 or 256 threads: of 16 × 16 for
/// subgroups of 32 and 64, of 8 × 8 for subgroups of 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatrixUnits {
    /// Rows and columns of the matrices: 8 or 16.
    pub tile: u32,
    /// Threads of a subgroup at most: where the device makes smaller ones, some of a workgroup idle.
    pub subgroup: u32,
}

impl MatrixUnits {
    /// Whether kernels can use units of this shape.
    pub fn are_suitable(self) -> bool {
        let MatrixUnits { tile, subgroup } = self;
        [8, 16].contains(&tile) && [128, 256].contains(&(1024 / (tile * tile) * subgroup))
    }
}

/// Who made a GPU. What suits one of them may not suit another: they differ in registers, and in what their compilers
/// make of the same text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// AMD.
    Amd,
    /// Apple.
    Apple,
    /// Intel.
    Intel,
    /// NVIDIA.
    Nvidia,
    /// Qualcomm.
    Qualcomm,
    /// Any other, and software.
    #[default]
    Other,
}

impl Vendor {
    /// All of them, the unknown one first.
    pub const ALL: [Vendor; 6] = [
        Vendor::Other,
        Vendor::Amd,
        Vendor::Apple,
        Vendor::Intel,
        Vendor::Nvidia,
        Vendor::Qualcomm,
    ];

    /// Whether its GPUs give a thread so few registers that 64 sums leave no room for what is on its way from memory.
    pub(super) fn has_few_registers(self) -> bool {
        !matches!(self, Vendor::Amd | Vendor::Nvidia)
    }
}

/// What a shader is specialised for besides its call's parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Specialisation {
    /// Of each buffer in binding order; those that are missing are words.
    pub elements: Vec<Element>,
    /// The device's, if it has any that can be used.
    pub matrix_units: Option<MatrixUnits>,
    /// The device's.
    pub vendor: Vendor,
}

impl Specialisation {
    /// How the elements of the buffer at this place in binding order, counted from 0, are stored.
    pub fn element(&self, buffer: usize) -> Element {
        self.elements.get(buffer).copied().unwrap_or_default()
    }

    /// The buffers of `kernel` that hold float16, as they stand in [`Params::work`](super::Params::work).
    pub(super) fn halves_of(&self, kernel: &Kernel) -> String {
        kernel
            .bindings()
            .enumerate()
            .filter(|&(index, _)| self.element(index) == Element::Half)
            .map(|(_, binding)| format!(", {} float16", binding.name))
            .collect()
    }

    /// What stands at the beginning of the text of a variant, on matrix units or not: the extensions that it needs, and
    /// for each buffer that may hold float16 the type of its elements, `InputElement` for `input`.
    pub(crate) fn prelude(&self, kernel: &Kernel, matrix_units: bool) -> String {
        let mut prelude = String::new();
        if matrix_units || self.elements.contains(&Element::Half) {
            prelude.push_str("enable f16;\n");
        }
        if let Some(MatrixUnits { tile, subgroup }) = self.matrix_units.filter(|_| matrix_units) {
            prelude.push_str("enable wgpu_cooperative_matrix;\n");
            for (name, element, role) in [("Left", "f16", "A"), ("Right", "f16", "B"), ("Sums", "f32", "C")] {
                prelude.push_str(&format!(
                    "alias {name} = coop_mat{tile}x{tile}<{element}, {role}>;\n"
                ));
            }
            prelude.push_str(&format!(
                "const TILE: u32 = {tile}u;\nconst SUBGROUP: u32 = {subgroup}u;\n"
            ));
        }
        for (index, binding) in kernel.bindings().enumerate() {
            if binding.kind == Kind::Real {
                let (first, rest) = binding.name.split_at(1);
                let element = self.element(index).float_type();
                prelude.push_str(&format!(
                    "alias {}{rest}Element = {element};\n",
                    first.to_ascii_uppercase()
                ));
            }
        }
        prelude
    }
}
