//! Translation of shaders into the languages of other graphics interfaces, by naga: what wgpu does inside,
//! offered for those who want to run the kernels without wgpu.

use naga::back::{hlsl, msl, pipeline_constants::process_overrides, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, ShaderStage};

use crate::error::{Error, Result};

/// A shading language that [`translate`] can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// SPIR-V 1.6 for Vulkan 1.3, binary: word for word what wgpu hands to such a device's driver, but that wgpu leaves
    /// marks on outputs out for Qualcomm's, of which kernels have none.
    Spirv,
    /// Metal shading language 2.0, text.
    Msl,
    /// HLSL of shader model 6.2 for Direct3D 12, text.
    Hlsl,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 3] = [Language::Spirv, Language::Msl, Language::Hlsl];

    /// The usual ending of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Language::Spirv => "spv",
            Language::Msl => "metal",
            Language::Hlsl => "hlsl",
        }
    }
}

/// HLSL has no built-in number of workgroups; it stands in a constant buffer of its own, out of the way of
/// the kernels' bindings.
const WORKGROUP_COUNT_SPACE: u8 = 1;

/// What shaders may ask for beyond the baseline.
const CAPABILITIES: Capabilities = Capabilities::SUBGROUP
    .union(Capabilities::SHADER_FLOAT16)
    .union(Capabilities::COOPERATIVE_MATRIX);

/// Checks that WGSL text is a valid module that asks for no feature beyond the baseline, subgroups, float16 and
/// cooperative matrices.
///
/// # Errors
/// [`Error::Device`] with naga's message, its place in the source included.
pub fn validate(source: &str) -> Result<(Module, ModuleInfo)> {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| {
        Error::Device(format!(
            "the shader does not parse: {}",
            error.emit_to_string(source)
        ))
    })?;
    let info = Validator::new(ValidationFlags::all(), CAPABILITIES)
        .validate(&module)
        .map_err(|error| {
            Error::Device(format!(
                "the shader is not valid: {}",
                error.emit_to_string(source)
            ))
        })?;
    Ok((module, info))
}

/// Translates the compute entry point `entry_point` of WGSL text, with all that it uses, into `language`, with the
/// run-time checks that `checks` names ([`runtime_checks`](super::runtime_checks) has those that the executor runs it
/// with). Bindings keep their numbers. SPIR-V comes as little-endian words, the others as UTF-8.
///
/// # Errors
/// [`Error::Device`] if the text is not a valid shader, has no such entry point, or uses what the language
/// cannot say.
pub fn translate(
    source: &str,
    entry_point: &str,
    language: Language,
    checks: wgpu::ShaderRuntimeChecks,
) -> Result<Vec<u8>> {
    let (module, info) = validate(source)?;
    let failed = |problem: String| {
        Error::Device(format!(
            "entry point `{entry_point}` cannot be translated to {language:?}: {problem}"
        ))
    };
    // Leaves the other entry points and their bindings out.
    let entry = (ShaderStage::Compute, entry_point);
    let (module, info) = process_overrides(&module, &info, Some(entry), &Default::default())
        .map_err(|error| failed(error.to_string()))?;
    let policy = match checks.bounds_checks {
        true => BoundsCheckPolicy::Restrict,
        false => BoundsCheckPolicy::Unchecked,
    };
    match language {
        Language::Spirv => {
            let options = spv::Options {
                lang_version: (1, 6),
                flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
                bounds_check_policies: BoundsCheckPolicies {
                    index: policy,
                    // Buffers are the driver's to check, which wgpu asks for wherever it can.
                    ..Default::default()
                },
                force_loop_bounding: checks.force_loop_bounding,
                emit_int_div_checks: checks.int_div_checks,
                // Kernels write their workgroup memory before they read it.
                zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
                ..Default::default()
            };
            let entry = spv::PipelineOptions {
                shader_stage: ShaderStage::Compute,
                entry_point: entry_point.to_string(),
            };
            let words = spv::write_vec(&module, &info, &options, Some(&entry))
                .map_err(|error| failed(error.to_string()))?;
            Ok(words.iter().flat_map(|word| word.to_le_bytes()).collect())
        }
        Language::Msl => {
            let options = msl::Options {
                lang_version: (2, 0),
                zero_initialize_workgroup_memory: false,
                bounds_check_policies: BoundsCheckPolicies {
                    index: policy,
                    buffer: policy,
                    ..Default::default()
                },
                force_loop_bounding: checks.force_loop_bounding,
                emit_int_div_checks: checks.int_div_checks,
                ..Default::default()
            };
            let pipeline = msl::PipelineOptions {
                entry_point: Some((ShaderStage::Compute, entry_point.to_string())),
                ..Default::default()
            };
            let (text, _) = msl::write_string(&module, &info, &options, &pipeline)
                .map_err(|error| failed(error.to_string()))?;
            Ok(text.into_bytes())
        }
        Language::Hlsl => {
            let options = hlsl::Options {
                shader_model: hlsl::ShaderModel::V6_2,
                special_constants_binding: Some(hlsl::BindTarget {
                    space: WORKGROUP_COUNT_SPACE,
                    ..Default::default()
                }),
                zero_initialize_workgroup_memory: false,
                restrict_indexing: checks.bounds_checks,
                force_loop_bounding: checks.force_loop_bounding,
                ..Default::default()
            };
            let pipeline = hlsl::PipelineOptions {
                entry_point: Some((ShaderStage::Compute, entry_point.to_string())),
            };
            let mut text = String::new();
            hlsl::Writer::new(&mut text, &options, &pipeline)
                .write(&module, &info, None)
                .map_err(|error| failed(error.to_string()))?;
            Ok(text.into_bytes())
        }
    }
}
