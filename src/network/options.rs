//! What to lower, and how values are stored.

/// Which gradients the adjoint calls compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gradients {
    /// None: there are no adjoint calls.
    None,
    /// That of the input, with fixed parameters.
    Input,
    /// Those of all parameters, which then stand in a buffer that may change between runs.
    Parameters,
}

/// How a network's values, gradients and weights are stored. Input, output and their gradients are always float32, as
/// are all sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Float32.
    #[default]
    F32,
    /// Float16: half the memory and traffic, and 11 bits of a number instead of 24. Numbers from 65520 on become
    /// infinite, and below 6e-5 they have fewer bits the smaller they are, down to 0 below 3e-8: gradients that small,
    /// as behind a saturated softmax, are lost.
    F16,
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
        })
    }
}

/// What to lower.
#[derive(Clone, Copy, Debug)]
pub struct LoweringOptions {
    /// Which gradients to compute.
    pub gradients: Gradients,
    /// How values between input and output are stored; parameters that are trained are float32 all the same.
    pub precision: Precision,
    /// Bytes that no buffer should exceed if the lowering has a choice: a concatenation whose parts lie in
    /// one large buffer is then copied together instead.
    pub preferred_largest_buffer: u64,
}

impl Default for LoweringOptions {
    fn default() -> Self {
        LoweringOptions {
            gradients: Gradients::Input,
            precision: Precision::F32,
            preferred_largest_buffer: wgpu::Limits::default().max_storage_buffer_binding_size,
        }
    }
}
