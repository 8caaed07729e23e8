//! Which device to run on.

use std::fmt;
use std::str::FromStr;
use std::task::Context;

use super::compiled_pipelines::CompiledPipelines;
use super::matrix_units;
#[cfg(feature = "files")]
use super::pipeline_cache::PipelineCache;
use super::scopes::Verdicts;
use crate::error::{Error, Result};
use crate::kernels::{MatrixUnits, Vendor};
use crate::program::wait;

/// What a device can be named by.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// A hardware GPU if there is one, else the CPU executor. Never a software rasteriser: the CPU
    /// executor is faster.
    #[default]
    Auto,
    /// A GPU; a hardware one is preferred, a software rasteriser taken if it is all there is.
    Gpu,
    /// The CPU executor.
    Cpu,
    /// The adapter of this number in [`adapters`].
    Index(usize),
    /// The first adapter whose name or driver contains this, whatever its case.
    Name(String),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "" => {
                return Err(Error::Usage(
                    "the device is empty; want auto, gpu, cpu, a number or part of a name (see `asma devices`)"
                        .into(),
                ));
            }
            "auto" => DeviceChoice::Auto,
            "gpu" => DeviceChoice::Gpu,
            "cpu" => DeviceChoice::Cpu,
            other => match other.parse() {
                Ok(index) => DeviceChoice::Index(index),
                Err(_) => DeviceChoice::Name(text.to_string()),
            },
        })
    }
}

impl DeviceChoice {
    /// The place among these adapters of the one that it names; none for the CPU.
    pub fn place(&self, infos: &[wgpu::AdapterInfo]) -> Option<usize> {
        // A discrete GPU before an integrated one before a virtual one.
        let best_hardware = || {
            let rank = |info: &wgpu::AdapterInfo| match info.device_type {
                wgpu::DeviceType::DiscreteGpu => 0,
                wgpu::DeviceType::IntegratedGpu => 1,
                _ => 2,
            };
            (0..infos.len())
                .filter(|&i| is_hardware(&infos[i]))
                .min_by_key(|&i| rank(&infos[i]))
        };
        match self {
            DeviceChoice::Cpu => None,
            DeviceChoice::Auto => best_hardware(),
            DeviceChoice::Gpu => best_hardware().or((!infos.is_empty()).then_some(0)),
            DeviceChoice::Index(index) => (*index < infos.len()).then_some(*index),
            DeviceChoice::Name(name) => {
                let name = name.to_lowercase();
                infos.iter().position(|info| {
                    info.name.to_lowercase().contains(&name) || info.driver.to_lowercase().contains(&name)
                })
            }
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => f.write_str("auto"),
            DeviceChoice::Gpu => f.write_str("gpu"),
            DeviceChoice::Cpu => f.write_str("cpu"),
            DeviceChoice::Index(index) => write!(f, "{index}"),
            DeviceChoice::Name(name) => f.write_str(name),
        }
    }
}

/// How much of an adapter to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capabilities {
    /// All its limits, and of the [`optional_features`](super::optional_features) those that it has.
    Full,
    /// `Limits::default()` and no features: what an embedding application may hand over.
    Baseline,
}

/// An adapter that wgpu found.
#[derive(Clone, Debug)]
pub struct AdapterSummary {
    /// Its number, as [`DeviceChoice`] takes it.
    pub index: usize,
    /// wgpu's description.
    pub info: wgpu::AdapterInfo,
    /// Its limits.
    pub limits: wgpu::Limits,
    /// Its features.
    pub features: wgpu::Features,
    /// Its matrix units, if kernels can use them.
    pub matrix_units: Option<MatrixUnits>,
}

impl AdapterSummary {
    /// Whether this is hardware and no software rasteriser.
    pub fn is_hardware(&self) -> bool {
        is_hardware(&self.info)
    }
}

fn is_hardware(info: &wgpu::AdapterInfo) -> bool {
    // Browsers tell no kind of GPU; but of their fallback that it is one.
    if info.backend == wgpu::Backend::BrowserWebGpu {
        return info.device_type != wgpu::DeviceType::Cpu;
    }
    matches!(
        info.device_type,
        wgpu::DeviceType::DiscreteGpu | wgpu::DeviceType::IntegratedGpu | wgpu::DeviceType::VirtualGpu
    )
}

async fn find_adapters() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    if std::env::var_os("WGPU_BACKEND").is_none() {
        descriptor.backends = wgpu::Backends::PRIMARY;
    }
    // wgpu would check the arguments of each indirect dispatch by another dispatch; those of conditional calls are
    // numbers that were checked when they were planned, or zero.
    descriptor
        .flags
        .remove(wgpu::InstanceFlags::VALIDATION_INDIRECT_CALL);
    let backends = descriptor.backends;
    wgpu::Instance::new(descriptor).enumerate_adapters(backends).await
}

/// All adapters, in the order of their numbers. A browser shows none to who does not wait for them: open one by
/// [`GpuDevice::open_async`] there.
pub fn adapters() -> Vec<AdapterSummary> {
    wait(async { Ok(find_adapters().await) })
        .unwrap_or_default()
        .iter()
        .enumerate()
        .map(|(index, adapter)| AdapterSummary {
            index,
            info: adapter.get_info(),
            limits: adapter.limits(),
            features: adapter.features(),
            matrix_units: matrix_units::find(adapter),
        })
        .collect()
}

/// A wgpu device to run on: opened here, or the host application's. Clones are the same device, and share the
/// 512 pipelines that were used last: what is built on one of them again compiles nothing anew, except in a browser.
#[derive(Clone, Debug)]
pub struct GpuDevice {
    device: wgpu::Device,
    queue: wgpu::Queue,
    info: wgpu::AdapterInfo,
    vendor: Vendor,
    matrix_units: Option<MatrixUnits>,
    verdicts: Verdicts,
    compiled_pipelines: CompiledPipelines,
    #[cfg(feature = "files")]
    pipeline_cache: Option<PipelineCache>,
}

/// What a device of `adapter` is opened with, so that kernels run on it as well as `capabilities` allow, for who opens it
/// elsewhere; without matrix units, which are an experimental feature that whoever opens the device has to answer for.
pub fn device_descriptor(
    adapter: &wgpu::Adapter,
    capabilities: Capabilities,
) -> wgpu::DeviceDescriptor<'static> {
    let (required_limits, optional_features) = match capabilities {
        Capabilities::Full => (adapter.limits(), super::optional_features() & adapter.features()),
        Capabilities::Baseline => (wgpu::Limits::default(), wgpu::Features::empty()),
    };
    wgpu::DeviceDescriptor {
        label: Some("asma"),
        required_features: super::required_features() | optional_features,
        required_limits,
        experimental_features: wgpu::ExperimentalFeatures::disabled(),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        trace: wgpu::Trace::Off,
    }
}

/// On Metal wgpu does not say: nearly all are Apple's. Mesa's driver for Apple's GPUs gives Mesa as the vendor, as do its
/// software rasterisers.
fn vendor_of(info: &wgpu::AdapterInfo) -> Vendor {
    match (info.vendor, info.backend) {
        (0x1002, _) => Vendor::Amd,
        (0x106b, _) | (0, wgpu::Backend::Metal) => Vendor::Apple,
        (0x10005, _) if is_hardware(info) => Vendor::Apple,
        (0x8086, _) => Vendor::Intel,
        (0x10de, _) => Vendor::Nvidia,
        (0x5143, _) => Vendor::Qualcomm,
        _ => Vendor::Other,
    }
}

impl GpuDevice {
    /// Takes the host application's device and queue, which are cheap handles. Nothing of the device is
    /// changed: no error handler, no callback is set on it. What adapter it is decides between kernel variants.
    pub fn from_host(device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let info = device.adapter_info();
        GpuDevice {
            device,
            queue,
            vendor: vendor_of(&info),
            info,
            matrix_units: None,
            verdicts: Verdicts::default(),
            compiled_pipelines: CompiledPipelines::default(),
            #[cfg(feature = "files")]
            pipeline_cache: None,
        }
    }

    /// Lets kernels use the matrix units of `adapter`, which must be the device's, if the device was opened with the
    /// features that they take: only the adapter tells their shape.
    pub fn with_matrix_units_of(mut self, adapter: &wgpu::Adapter) -> Self {
        self.matrix_units = matrix_units::find(adapter).filter(|_| {
            let memory = self.device.limits().max_compute_workgroup_storage_size;
            self.device.features().contains(matrix_units::features())
                && memory >= matrix_units::WORKGROUP_MEMORY
        });
        self
    }

    /// Opens the device that `choice` names; `None` means the CPU executor.
    ///
    /// # Errors
    /// If there is no such adapter, naming those there are, or it cannot be opened, or this is a browser, where only
    /// [`GpuDevice::open_async`] can.
    pub fn open(choice: &DeviceChoice, capabilities: Capabilities) -> Result<Option<GpuDevice>> {
        wait(Self::open_async(choice, capabilities))
    }

    /// The async form of [`GpuDevice::open`].
    ///
    /// # Errors
    /// If there is no such adapter, naming those there are, or it cannot be opened.
    pub async fn open_async(choice: &DeviceChoice, capabilities: Capabilities) -> Result<Option<GpuDevice>> {
        if *choice == DeviceChoice::Cpu {
            return Ok(None);
        }
        let adapters = find_adapters().await;
        let infos: Vec<_> = adapters.iter().map(|adapter| adapter.get_info()).collect();
        if *choice == DeviceChoice::Auto && choice.place(&infos).is_none() {
            return Ok(None);
        }
        match choice.place(&infos).and_then(|place| adapters.get(place)) {
            Some(adapter) => Self::from_adapter_async(adapter, capabilities).await.map(Some),
            None if infos.is_empty() => Err(Error::Device(format!(
                "no GPU adapter was found for the device `{choice}`; take `cpu`, or install a Vulkan driver"
            ))),
            None => Err(Error::Device(format!(
                "no adapter matches the device `{choice}`; there are: {}; or take `cpu`",
                infos
                    .iter()
                    .enumerate()
                    .map(|(index, info)| format!("{index} {}", info.name))
                    .collect::<Vec<_>>()
                    .join(", ")
            ))),
        }
    }

    /// Opens a device on an adapter.
    ///
    /// # Errors
    /// If the adapter refuses.
    pub fn from_adapter(adapter: &wgpu::Adapter, capabilities: Capabilities) -> Result<GpuDevice> {
        wait(Self::from_adapter_async(adapter, capabilities))
    }

    /// The async form of [`GpuDevice::from_adapter`].
    ///
    /// # Errors
    /// If the adapter refuses.
    pub async fn from_adapter_async(
        adapter: &wgpu::Adapter,
        capabilities: Capabilities,
    ) -> Result<GpuDevice> {
        let mut descriptor = device_descriptor(adapter, capabilities);
        if capabilities == Capabilities::Full && matrix_units::find(adapter).is_some() {
            descriptor.required_features |= matrix_units::features();
            // SAFETY: of the experimental features only cooperative matrices are asked for, and only those kernels
            // use them that were asked for by name or that a measurement chose, and what measures the ceilings. They
            // keep to what wgpu's documentation of the feature asks for: uniform control flow, and matrices inside
            // their memory.
            descriptor.experimental_features = unsafe { wgpu::ExperimentalFeatures::enabled() };
        }
        let (device, queue) = adapter.request_device(&descriptor).await.map_err(|error| {
            Error::Device(format!(
                "{} could not be opened: {error}",
                adapter.get_info().name
            ))
        })?;
        // Where no error scope catches an error, wgpu's own handler would panic.
        device.on_uncaptured_error(std::sync::Arc::new(|error: wgpu::Error| log::error!("{error}")));
        Ok(GpuDevice::from_host(device, queue).with_matrix_units_of(adapter))
    }

    /// The wgpu device.
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }

    /// The wgpu queue.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// What adapter this is.
    pub fn info(&self) -> &wgpu::AdapterInfo {
        &self.info
    }

    /// Whether this is hardware and no software rasteriser.
    pub fn is_hardware(&self) -> bool {
        is_hardware(&self.info)
    }

    /// Who made the GPU.
    pub fn vendor(&self) -> Vendor {
        self.vendor
    }

    /// Runs shaders as they are for this vendor's GPUs, whoever made it: to try those here.
    pub fn taken_for(mut self, vendor: Vendor) -> Self {
        self.vendor = vendor;
        self
    }

    /// Whether kernels may exchange values within subgroups of
    /// [`SMALLEST_SUBGROUP`](crate::kernels::SMALLEST_SUBGROUP) threads and more.
    pub fn has_subgroups(&self) -> bool {
        self.device.features().contains(wgpu::Features::SUBGROUP)
            && self.info.subgroup_min_size >= crate::kernels::SMALLEST_SUBGROUP
    }

    /// Whether programs may store float16.
    pub fn has_float16(&self) -> bool {
        self.device.features().contains(wgpu::Features::SHADER_F16)
    }

    /// The matrix units that kernels may use.
    pub fn matrix_units(&self) -> Option<MatrixUnits> {
        self.matrix_units
    }

    /// The pipelines that were compiled for it and its clones.
    pub(super) fn compiled_pipelines(&self) -> &CompiledPipelines {
        &self.compiled_pipelines
    }

    /// What pipelines are compiled with the help of.
    #[cfg(feature = "files")]
    pub(super) fn pipeline_cache(&self) -> Option<&PipelineCache> {
        self.pipeline_cache.as_ref()
    }

    #[cfg(feature = "files")]
    pub(super) fn set_pipeline_cache(&mut self, cache: PipelineCache) {
        self.pipeline_cache = Some(cache);
    }

    /// Name, backend and driver in one line.
    pub fn describe(&self) -> String {
        let wgpu::AdapterInfo {
            name,
            backend,
            driver,
            driver_info,
            ..
        } = &self.info;
        // A browser tells neither name nor driver.
        let name = if name.is_empty() { "a GPU" } else { name };
        let driver = [backend.to_str(), driver, driver_info].map(str::trim);
        let driver: Vec<&str> = driver.into_iter().filter(|part| !part.is_empty()).collect();
        match driver[..] {
            [backend, ref driver @ ..] if !driver.is_empty() => {
                format!("{name} ({backend}, {})", driver.join(" "))
            }
            _ => format!("{name} ({})", driver.join(" ")),
        }
    }

    /// Runs `work` and turns any error that wgpu raises on this thread meanwhile into an `Err`. In a browser wgpu tells of it
    /// later, and so does what is read back next.
    pub(crate) fn catch<T>(&self, what: &str, work: impl FnOnce() -> T) -> Result<T> {
        self.verdicts.catch(&self.device, &self.info.name, what, work)
    }

    /// What was heard of errors that were not known at once.
    ///
    /// # Errors
    /// The first of them.
    pub(super) fn heard(&self, context: &mut Context<'_>) -> Result<()> {
        self.verdicts.heard(context)
    }
}
