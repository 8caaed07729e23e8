//! How a picture comes into a texture: rendered where it can be a render pass's target, else stored by a compute pass.

use super::bound::{Access, entries, numbered, storage, uniform};
use super::format::HostTexture;
use crate::gpu::GpuDevice;
use crate::kernels::fold;

const RENDERING: &str = concat!(
    include_str!("../../../shaders/shared/view.wgsl"),
    include_str!("../../../shaders/bridge/encoding.wgsl"),
    include_str!("../../../shaders/bridge/picture.wgsl"),
    include_str!("../../../shaders/bridge/rendering.wgsl")
);
const STORING: &str = concat!(
    include_str!("../../../shaders/shared/view.wgsl"),
    include_str!("../../../shaders/bridge/encoding.wgsl"),
    include_str!("../../../shaders/bridge/picture.wgsl"),
    include_str!("../../../shaders/bridge/storing.wgsl")
);

/// How a texture is filled.
#[derive(Clone, Debug)]
pub(super) enum Way {
    Rendered {
        pipeline: wgpu::RenderPipeline,
        target: wgpu::TextureView,
    },
    Stored {
        pipeline: wgpu::ComputePipeline,
        grid: [u32; 2],
    },
}

impl Way {
    /// Records it.
    pub(super) fn encode(&self, encoder: &mut wgpu::CommandEncoder, bindings: &wgpu::BindGroup) {
        match self {
            Way::Rendered { pipeline, target } => {
                let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                    label: Some("picture"),
                    color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                        view: target,
                        depth_slice: None,
                        resolve_target: None,
                        ops: wgpu::Operations {
                            load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                            store: wgpu::StoreOp::Store,
                        },
                    })],
                    ..Default::default()
                });
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, bindings, &[]);
                pass.draw(0..3, 0..1);
            }
            Way::Stored {
                pipeline,
                grid: [x, y],
            } => {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: Some("picture"),
                    timestamp_writes: None,
                });
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, bindings, &[]);
                pass.dispatch_workgroups(*x, *y, 1);
            }
        }
    }
}

/// A texture like the host's, to draw to.
pub(super) fn texture_beside(gpu: &GpuDevice, texture: &wgpu::Texture) -> wgpu::Texture {
    gpu.device().create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size: texture.size(),
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: texture.format(),
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    })
}

/// The pipeline that renders to `target`, and what it binds.
pub(super) fn rendered(
    gpu: &GpuDevice,
    target: &HostTexture<'_>,
    parameters: &wgpu::Buffer,
    buffers: [&wgpu::Buffer; 4],
) -> (Way, wgpu::BindGroup) {
    let device = gpu.device();
    let types = [uniform()].into_iter().chain([storage(Access::Read); 4]);
    let (layout, pipeline_layout) = layouts(device, &entries(wgpu::ShaderStages::FRAGMENT, types));
    let module = module(device, RENDERING.into());
    let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("picture"),
        layout: Some(&pipeline_layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("corner"),
            compilation_options: Default::default(),
            buffers: &[],
        },
        primitive: Default::default(),
        depth_stencil: None,
        multisample: Default::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("render_picture"),
            compilation_options: Default::default(),
            targets: &[Some(target.texture.format().into())],
        }),
        multiview_mask: None,
        cache: None,
    });
    let resources = [parameters].into_iter().chain(buffers);
    let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("picture"),
        layout: &layout,
        entries: &numbered(resources.map(wgpu::Buffer::as_entire_binding)),
    });
    let target = target.view();
    (Way::Rendered { pipeline, target }, bindings)
}

/// The pipeline that stores to `target`, whose format has this name in WGSL, and what it binds.
pub(super) fn stored(
    gpu: &GpuDevice,
    target: &HostTexture<'_>,
    format_name: &str,
    parameters: &wgpu::Buffer,
    buffers: [&wgpu::Buffer; 4],
) -> (Way, wgpu::BindGroup) {
    let device = gpu.device();
    let texture = wgpu::BindingType::StorageTexture {
        access: wgpu::StorageTextureAccess::WriteOnly,
        format: target.texture.format(),
        view_dimension: wgpu::TextureViewDimension::D2,
    };
    let types = [uniform()]
        .into_iter()
        .chain([storage(Access::Read); 4])
        .chain([texture]);
    let (layout, pipeline_layout) = layouts(device, &entries(wgpu::ShaderStages::COMPUTE, types));
    let module = module(device, STORING.replace("rgba8unorm", format_name));
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some("picture"),
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("store_picture"),
        compilation_options: Default::default(),
        cache: None,
    });
    let view = target.view();
    let resources = [parameters].into_iter().chain(buffers);
    let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("picture"),
        layout: &layout,
        entries: &numbered(
            resources
                .map(wgpu::Buffer::as_entire_binding)
                .chain([wgpu::BindingResource::TextureView(&view)]),
        ),
    });
    let pixels = target.texture.width() * target.texture.height();
    let grid = fold(pixels.div_ceil(64));
    (Way::Stored { pipeline, grid }, bindings)
}

fn module(device: &wgpu::Device, source: String) -> wgpu::ShaderModule {
    device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("picture"),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    })
}

fn layouts(
    device: &wgpu::Device,
    entries: &[wgpu::BindGroupLayoutEntry],
) -> (wgpu::BindGroupLayout, wgpu::PipelineLayout) {
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("picture"),
        entries,
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("picture"),
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    (layout, pipeline_layout)
}
