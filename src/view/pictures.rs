//! What is shown of an attack: a picture for each panel, drawn to a texture of its own.

use crate::attack::Attack;
use crate::error::{Error, Result};
use crate::gpu::textures::{Picture, TexturePicture};
use crate::gpu::{GpuDevice, GpuExecutor};
use crate::tensor::Shape;

/// What is shown of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Panel {
    /// The image that is attacked.
    Source,
    /// The adversarial image.
    Adversarial,
    /// What was added to it, magnified.
    Perturbation,
    /// What the network shall predict, over the source.
    Target,
    /// What it predicts for the source, over it.
    Before,
    /// What it predicts now, over the adversarial image.
    Now,
    /// The pixels that drive the attack.
    Mask,
}

impl Panel {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Panel; 7] = [
        Panel::Source,
        Panel::Adversarial,
        Panel::Perturbation,
        Panel::Target,
        Panel::Before,
        Panel::Now,
        Panel::Mask,
    ];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Panel::Source => "Source image",
            Panel::Adversarial => "Adversarial image",
            Panel::Perturbation => "Perturbation",
            Panel::Target => "Target",
            Panel::Before => "Prediction before",
            Panel::Now => "Prediction now",
            Panel::Mask => "Adaptive mask",
        }
    }
}

/// A panel's texture, and what draws to it.
#[derive(Debug)]
struct Shown {
    panel: Panel,
    texture: wgpu::Texture,
    picture: TexturePicture,
}

/// The pictures of an attack.
#[derive(Debug)]
pub(super) struct Pictures {
    shown: Vec<Shown>,
}

impl Pictures {
    /// Draws all of them from what the executor holds, to the textures of `earlier` if there are any.
    ///
    /// # Errors
    /// If the device fails, or the attack has no sample.
    pub(super) fn draw(
        executor: &GpuExecutor,
        attack: &Attack,
        magnification: f32,
        earlier: Option<&Pictures>,
    ) -> Result<Pictures> {
        let gpu = executor.gpu();
        let missing = || Error::Usage("the attack has no sample to show".into());
        let (source, image) = (attack.source(), attack.adversarial());
        let predicted = attack.predicted_labels(0).ok_or_else(missing)?;
        let target = attack.target_labels(0).ok_or_else(missing)?;
        let mask = attack.mask_picture(0).ok_or_else(missing)?;
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        // A fixed step looks at nothing before the first iteration.
        executor.encode(&mut encoder, &[attack.prediction()]);
        let mut shown = Vec::new();
        for panel in Panel::ALL {
            let picture = match panel {
                Panel::Source => Picture::Image(source),
                Panel::Adversarial => Picture::Image(image),
                Panel::Perturbation => Picture::Perturbation {
                    image,
                    source,
                    magnification,
                },
                Panel::Target => Picture::Overlay {
                    labels: target,
                    image: source,
                },
                Panel::Before => Picture::Overlay {
                    labels: predicted,
                    image: source,
                },
                Panel::Now => Picture::Overlay {
                    labels: predicted,
                    image,
                },
                Panel::Mask => mask.clone(),
            };
            let texture = match earlier.and_then(|earlier| earlier.texture(panel)) {
                Some(texture) => texture.clone(),
                None => texture_for(gpu, source.shape)?,
            };
            let picture = TexturePicture::new(executor, &picture, &texture)?;
            picture.encode(&mut encoder);
            shown.push(Shown {
                panel,
                texture,
                picture,
            });
        }
        gpu.queue().submit([encoder.finish()]);
        Ok(Pictures { shown })
    }

    /// The texture of a panel.
    pub(super) fn texture(&self, panel: Panel) -> Option<&wgpu::Texture> {
        let shown = self.shown.iter().find(|shown| shown.panel == panel);
        shown.map(|shown| &shown.texture)
    }

    /// Records the pictures that an iteration changes, and that of the target if that has changed.
    pub(super) fn encode(&self, encoder: &mut wgpu::CommandEncoder, target_changed: bool) {
        for shown in &self.shown {
            let is_drawn = match shown.panel {
                // Drawn as the attack was begun.
                Panel::Source | Panel::Before => false,
                Panel::Target => target_changed,
                Panel::Adversarial | Panel::Perturbation | Panel::Now | Panel::Mask => true,
            };
            if is_drawn {
                shown.picture.encode(encoder);
            }
        }
    }

    /// Magnifies the perturbation by so much from the next drawing on.
    pub(super) fn magnify(&self, magnification: f32) {
        for shown in &self.shown {
            if shown.panel == Panel::Perturbation {
                shown.picture.magnify(magnification);
            }
        }
    }

    /// Shows the pixels that drive the attack as its settings are now.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn change_mask(&mut self, executor: &GpuExecutor, attack: &Attack) -> Result<()> {
        let shown = self.shown.iter_mut().find(|shown| shown.panel == Panel::Mask);
        if let (Some(mask), Some(shown)) = (attack.mask_picture(0), shown) {
            shown.picture = TexturePicture::new(executor, &mask, &shown.texture)?;
        }
        Ok(())
    }
}

/// A texture to be drawn to and shown.
fn texture_for(gpu: &GpuDevice, shape: Shape) -> Result<wgpu::Texture> {
    gpu.catch("allocating a texture", || {
        gpu.device().create_texture(&wgpu::TextureDescriptor {
            label: Some("panel"),
            size: wgpu::Extent3d {
                width: shape.w as u32,
                height: shape.h as u32,
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT
                | wgpu::TextureUsages::TEXTURE_BINDING
                | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        })
    })
}
