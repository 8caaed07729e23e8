//! A host's texture to an image of a program.

use bytemuck::{Pod, Zeroable, bytes_of};

use super::bound::{Access, entries, floats, numbered, parameters, storage, uniform};
use super::format::HostTexture;
use crate::error::{Error, Result};
use crate::gpu::GpuExecutor;
use crate::kernels::{Extent, View, fold};
use crate::program::Place;

const SHADER: &str = concat!(
    include_str!("../../../shaders/shared/view.wgsl"),
    include_str!("../../../shaders/bridge/encoding.wgsl"),
    include_str!("../../../shaders/bridge/reading.wgsl")
);

/// The shader's parameters.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    image: View,
    extent: Extent,
    is_light: u32,
    levels: f32,
    padding: [u32; 2],
}

/// Takes a host's texture to an image of a program, as often as it is recorded.
///
/// A network of three channels is given red, green and blue, one of a single channel the red one, which of a grey texture is
/// its value. Values below 0 become 0, those above 1 become 1. Alpha is left out.
#[derive(Clone, Debug)]
pub struct TextureReader {
    pipeline: wgpu::ComputePipeline,
    bindings: wgpu::BindGroup,
    grid: [u32; 2],
}

impl TextureReader {
    /// From `texture`, which needs the usage `TEXTURE_BINDING`, to the image that stands at `place` in the executor's program.
    ///
    /// # Errors
    /// [`Error::Usage`] if the texture has another size than the image, or a format, dimension or usage that cannot be read;
    /// [`Error::Device`] if it belongs to another device, or the device fails.
    pub fn new<'a>(
        executor: &GpuExecutor,
        texture: impl Into<HostTexture<'a>>,
        place: Place,
    ) -> Result<TextureReader> {
        let host = texture.into();
        let format = host.check(place)?;
        let usage = host.texture.usage();
        if !usage.contains(wgpu::TextureUsages::TEXTURE_BINDING) {
            return Err(Error::Usage(format!(
                "the texture has the usages {usage:?}; want TEXTURE_BINDING, to be read"
            )));
        }
        let image = floats(executor, place, Access::Write)?;
        let extent = Extent::from(place.shape);
        let params = Params {
            image: place.view,
            extent,
            is_light: host.is_light().into(),
            levels: format.levels,
            padding: [0; 2],
        };
        let gpu = executor.gpu();
        gpu.catch("preparing to read a texture", || {
            let device = gpu.device();
            let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some("texture reader"),
                entries: &entries(
                    wgpu::ShaderStages::COMPUTE,
                    [
                        uniform(),
                        wgpu::BindingType::Texture {
                            sample_type: wgpu::TextureSampleType::Float { filterable: false },
                            view_dimension: wgpu::TextureViewDimension::D2,
                            multisampled: false,
                        },
                        storage(Access::Write),
                    ],
                ),
            });
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some("texture reader"),
                source: wgpu::ShaderSource::Wgsl(SHADER.into()),
            });
            let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some("texture reader"),
                bind_group_layouts: &[Some(&layout)],
                immediate_size: 0,
            });
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some("texture reader"),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some("read_texture"),
                compilation_options: Default::default(),
                cache: None,
            });
            let parameters = parameters(gpu, bytes_of(&params));
            let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("texture reader"),
                layout: &layout,
                entries: &numbered([
                    parameters.as_entire_binding(),
                    wgpu::BindingResource::TextureView(&host.view()),
                    image.as_entire_binding(),
                ]),
            });
            TextureReader {
                pipeline,
                bindings,
                grid: fold((extent.h * extent.w).div_ceil(64)),
            }
        })
    }

    /// Records the reading in the host's encoder. Neither submits, polls nor maps.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("texture reader"),
            timestamp_writes: None,
        });
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bindings, &[]);
        let [x, y] = self.grid;
        pass.dispatch_workgroups(x, y, 1);
    }
}
