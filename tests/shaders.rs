//! Every shader is valid without any feature but those that it says it takes, and translates to SPIR-V, MSL and HLSL.

use std::collections::HashSet;

use asma::gpu::{Language, translate, validate};
use asma::kernels::{Element, Kind, MatrixUnits, Params, Specialisation, Vendor, samples_of_all};
use asma::wgpu::ShaderRuntimeChecks;
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// Of a shader: what it is called in messages, its text, its entry point.
struct Shader {
    name: String,
    source: String,
    entry_point: String,
    /// Whether it may ask for more than the baseline: subgroups, float16 or matrix units.
    features: bool,
    /// Whether it is for matrix units, which WGSL reaches only through Vulkan and with more workgroup memory.
    matrix_units: bool,
}

/// The shapes of matrix units that kernels take.
const MATRIX_UNITS: [MatrixUnits; 3] = [
    MatrixUnits { tile: 8, subgroup: 8 },
    MatrixUnits {
        tile: 16,
        subgroup: 32,
    },
    MatrixUnits {
        tile: 16,
        subgroup: 64,
    },
];

/// What shaders are specialised for: all buffers words; all that can be float16; these with matrix units of all shapes if
/// there is a variant for them; and all of that for each vendor.
fn specialisations(params: &Params) -> Vec<Specialisation> {
    let kernel = params.kernel();
    let halves = kernel.bindings().map(|binding| match binding.kind {
        Kind::Real => Element::Half,
        Kind::Float | Kind::Word => Element::Word,
    });
    let halves = Specialisation {
        elements: halves.collect(),
        ..Default::default()
    };
    let mut all = vec![Specialisation::default()];
    if kernel.takes_halves() {
        all.push(halves);
    }
    let with_units = Specialisation {
        matrix_units: Some(MATRIX_UNITS[0]),
        ..Default::default()
    };
    if params.ways(&with_units).iter().any(|way| way.traits.matrix_units) {
        let without = all.clone();
        all.extend(MATRIX_UNITS.iter().flat_map(|&units| {
            without.iter().map(move |specialisation| Specialisation {
                matrix_units: Some(units),
                ..specialisation.clone()
            })
        }));
    }
    let for_all_vendors = |one: Specialisation| {
        Vendor::ALL.map(|vendor| Specialisation {
            vendor,
            ..one.clone()
        })
    };
    all.into_iter().flat_map(for_all_vendors).collect()
}

fn kernels() -> Vec<Shader> {
    let mut all = Vec::new();
    let mut known = HashSet::new();
    for params in samples_of_all() {
        let kernel = params.kernel();
        for specialisation in specialisations(&params) {
            for way in params.ways(&specialisation) {
                // Others are the same with matrix units as without.
                if specialisation.matrix_units.is_some() && !way.traits.matrix_units {
                    continue;
                }
                let source = way.source(&specialisation);
                // Vendors and calls share most texts.
                if !known.insert((kernel.entry_point, source.clone())) {
                    continue;
                }
                let halves = specialisation.elements.contains(&Element::Half);
                all.push(Shader {
                    name: format!(
                        "{}/{} {:?}{} {:?} {:?}",
                        kernel.entry_point,
                        way.name,
                        way.constants,
                        if halves { ", float16" } else { "" },
                        specialisation.matrix_units,
                        specialisation.vendor
                    ),
                    source,
                    entry_point: kernel.entry_point.to_string(),
                    features: way.traits.subgroups || halves,
                    matrix_units: way.traits.matrix_units,
                });
            }
        }
    }
    all
}

/// Every entry point of a shader that is no kernel of a program.
fn entry_points(file: &str, source: &str) -> Vec<Shader> {
    let (module, _) = validate(source).unwrap_or_else(|error| panic!("{file}: {error}"));
    module
        .entry_points
        .iter()
        .map(|entry| Shader {
            name: format!("{file}/{}", entry.name),
            source: source.to_string(),
            entry_point: entry.name.clone(),
            features: false,
            matrix_units: false,
        })
        .collect()
}

fn all() -> Vec<Shader> {
    let mut all = kernels();
    // The operators that the fused step is measured against, and what a device can do at most.
    all.extend(entry_points(
        "asma_unfused",
        include_str!("../shaders/asma_unfused.wgsl"),
    ));
    all.extend(entry_points(
        "ceilings",
        include_str!("../shaders/shared/ceilings.wgsl"),
    ));
    // What decides on calls that do not always run.
    all.extend(entry_points(
        "condition",
        concat!(
            include_str!("../shaders/shared/view.wgsl"),
            include_str!("../shaders/shared/condition.wgsl")
        ),
    ));
    // What reads and fills textures of a host application.
    all.extend(entry_points(
        "bridge/reading",
        concat!(
            include_str!("../shaders/shared/view.wgsl"),
            include_str!("../shaders/bridge/encoding.wgsl"),
            include_str!("../shaders/bridge/reading.wgsl")
        ),
    ));
    all.extend(entry_points(
        "bridge/storing",
        concat!(
            include_str!("../shaders/shared/view.wgsl"),
            include_str!("../shaders/bridge/encoding.wgsl"),
            include_str!("../shaders/bridge/picture.wgsl"),
            include_str!("../shaders/bridge/storing.wgsl")
        ),
    ));
    all
}

#[test]
fn the_samples_have_every_shader_file() {
    let files: HashSet<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../shaders"))
        .expect("the shaders' folder")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"))
        .map(|path| std::fs::read_to_string(path).expect("a shader's text"))
        .collect();
    let shaders = all();
    for text in files {
        assert!(
            shaders.iter().any(|shader| shader.source.ends_with(&text)),
            "no sample of a kernel uses the file that begins\n{}",
            text.lines().take(5).collect::<Vec<_>>().join("\n")
        );
    }
}

#[test]
fn shaders_are_valid_without_features_but_where_they_say_so() {
    for shader in all() {
        let (module, _) = validate(&shader.source).unwrap_or_else(|error| panic!("{}: {error}", shader.name));
        let baseline = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module);
        assert_eq!(
            baseline.is_err(),
            shader.features,
            "{}: features beyond the baseline",
            shader.name
        );
        assert!(
            module
                .entry_points
                .iter()
                .any(|entry| entry.name == shader.entry_point),
            "{} has no such entry point",
            shader.name
        );
    }
}

/// Of a parameter struct's fields: name, offset, bytes and type.
type Fields = Vec<(String, usize, usize, String)>;

/// As the declaration has them.
fn declared(params: &Params) -> Fields {
    let fields = params.fields().iter();
    fields
        .map(|field| (field.name.into(), field.offset, field.length, field.wgsl.into()))
        .collect()
}

/// As the shader has them.
fn layout(module: &naga::Module, ty: naga::Handle<naga::Type>) -> Fields {
    let naga::TypeInner::Struct { members, .. } = &module.types[ty].inner else {
        panic!("the parameters are no struct");
    };
    let named = |member: &naga::StructMember| {
        let ty = &module.types[member.ty];
        let name = match &ty.inner {
            naga::TypeInner::Scalar(naga::Scalar::U32) => "u32".into(),
            naga::TypeInner::Scalar(naga::Scalar::F32) => "f32".into(),
            naga::TypeInner::Vector {
                size: naga::VectorSize::Bi,
                scalar: naga::Scalar::U32,
            } => "vec2<u32>".into(),
            _ => ty.name.clone().unwrap_or_default(),
        };
        let bytes = ty.inner.size(module.to_ctx()) as usize;
        (
            member.name.clone().unwrap_or_default(),
            member.offset as usize,
            bytes,
            name,
        )
    };
    members.iter().map(named).collect()
}

/// Whether an array's elements are floats, or vectors of them, rather than integers.
fn holds_floats(module: &naga::Module, ty: naga::Handle<naga::Type>) -> bool {
    let naga::TypeInner::Array { base, .. } = module.types[ty].inner else {
        panic!("a binding is no array");
    };
    match module.types[base].inner {
        naga::TypeInner::Scalar(scalar)
        | naga::TypeInner::Vector { scalar, .. }
        | naga::TypeInner::Atomic(scalar) => scalar.kind == naga::ScalarKind::Float,
        ref other => panic!("elements of {other:?}"),
    }
}

/// The declaration of each kernel is what its shader has: the parameters field by field, and the buffers.
#[test]
fn declarations_are_what_shaders_have() {
    for params in samples_of_all() {
        let kernel = params.kernel();
        let specialisation = Specialisation {
            matrix_units: Some(MATRIX_UNITS[0]),
            ..Default::default()
        };
        for way in params.ways(&specialisation) {
            let source = way.source(&specialisation);
            let (module, info) = validate(&source).expect("a valid shader");
            let index = module
                .entry_points
                .iter()
                .position(|entry| entry.name == kernel.entry_point)
                .expect("the entry point");
            let used = info.get_entry_point(index);
            for (handle, variable) in module.global_variables.iter() {
                let (Some(binding), false) = (variable.binding, used[handle].is_empty()) else {
                    continue;
                };
                let what = format!("{}/{}, binding {}", kernel.entry_point, way.name, binding.binding);
                match variable.space {
                    naga::AddressSpace::Uniform => {
                        assert_eq!(binding.binding, 0, "{what}");
                        assert_eq!(
                            layout(&module, variable.ty),
                            declared(&params),
                            "{what}: parameters"
                        );
                    }
                    naga::AddressSpace::Storage { access } => {
                        let Some(bound) = kernel.bindings().nth(binding.binding as usize - 1) else {
                            panic!("{what} is not declared");
                        };
                        let writes = access.contains(naga::StorageAccess::STORE);
                        let among_writes = binding.binding as usize > kernel.reads.len();
                        assert_eq!(writes, among_writes, "{what}: written or only read");
                        let floats = bound.kind != Kind::Word;
                        assert_eq!(
                            holds_floats(&module, variable.ty),
                            floats,
                            "{what}: floats or words"
                        );
                    }
                    other => panic!("{what} is in {other:?}"),
                }
            }
        }
    }
}

#[test]
fn shaders_keep_to_the_default_limits() {
    let limits = wgpu::Limits::default();
    for shader in all() {
        let (module, info) = validate(&shader.source).expect("a valid shader");
        let index = module
            .entry_points
            .iter()
            .position(|entry| entry.name == shader.entry_point)
            .expect("the entry point");
        let [x, y, z] = module.entry_points[index].workgroup_size;
        assert!(
            x * y * z <= limits.max_compute_invocations_per_workgroup,
            "{}: {x}×{y}×{z} threads",
            shader.name
        );
        let used = info.get_entry_point(index);
        let mut workgroup_bytes = 0;
        let mut storage_buffers = 0;
        for (handle, variable) in module.global_variables.iter() {
            if used[handle].is_empty() {
                continue;
            }
            match variable.space {
                naga::AddressSpace::WorkGroup => {
                    workgroup_bytes += module.types[variable.ty].inner.size(module.to_ctx());
                }
                naga::AddressSpace::Storage { .. } => storage_buffers += 1,
                _ => {}
            }
        }
        assert!(
            workgroup_bytes <= limits.max_compute_workgroup_storage_size << u32::from(shader.matrix_units),
            "{}: {workgroup_bytes} bytes of workgroup memory",
            shader.name
        );
        assert!(
            storage_buffers <= limits.max_storage_buffers_per_shader_stage,
            "{}: {storage_buffers} storage buffers",
            shader.name
        );
    }
}

#[test]
fn shaders_translate_to_spirv_msl_and_hlsl() {
    // Where this is set, the translations are left there, for tools like spirv-val.
    let folder = std::env::var_os("ASMA_TRANSLATIONS").map(std::path::PathBuf::from);
    let mut with_checks = HashSet::new();
    for (number, shader) in all().iter().enumerate() {
        for language in Language::ALL {
            if shader.matrix_units && language != Language::Spirv {
                continue;
            }
            let translated_with = |checks| {
                translate(&shader.source, &shader.entry_point, language, checks)
                    .unwrap_or_else(|error| panic!("{}: {error}", shader.name))
            };
            let translated = translated_with(ShaderRuntimeChecks::unchecked());
            let checked = translated_with(ShaderRuntimeChecks::checked());
            // Bounds of buffers are checked in Metal's text alone, by the driver elsewhere.
            let gains = translated.len() < checked.len();
            let may_gain_none = language != Language::Msl && translated == checked;
            assert!(
                gains || may_gain_none,
                "{}: {language:?} without checks",
                shader.name
            );
            if gains {
                with_checks.insert(language.extension());
            }
            match language {
                Language::Spirv => {
                    let magic = 0x0723_0203_u32.to_le_bytes();
                    assert!(translated.starts_with(&magic), "{} is no SPIR-V", shader.name);
                }
                Language::Msl => assert_has(&translated, "kernel void", &shader.name),
                Language::Hlsl => assert_has(&translated, "[numthreads(", &shader.name),
            }
            if let Some(folder) = &folder {
                let file = format!("{}-{number}.{}", shader.entry_point, language.extension());
                std::fs::write(folder.join(file), &translated).expect("the translation can be written");
            }
        }
    }
    assert_eq!(with_checks.len(), Language::ALL.len(), "{with_checks:?}");
}

fn assert_has(text: &[u8], wanted: &str, name: &str) {
    let text = std::str::from_utf8(text).expect("text");
    assert_eq!(
        text.matches(wanted).count(),
        1,
        "{name}: one `{wanted}` wanted in\n{text}"
    );
}

#[test]
fn what_cannot_be_translated_is_an_error() {
    let cases = [
        ("fn broken(", "main", "does not parse"),
        (
            "@compute @workgroup_size(1) fn main() { let x: f32 = 1u; }",
            "main",
            "does not parse",
        ),
        ("fn main() -> u32 { }", "main", "not valid"),
        ("@compute @workgroup_size(1) fn main() {}", "other", "other"),
    ];
    for (source, entry_point, wanted) in cases {
        for language in Language::ALL {
            let message = translate(source, entry_point, language, ShaderRuntimeChecks::checked())
                .expect_err("an error")
                .to_string();
            assert!(message.contains(wanted), "`{message}` does not say `{wanted}`");
        }
    }
}
