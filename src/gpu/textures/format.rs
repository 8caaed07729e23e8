//! What a host's texture is, and whether it can be read from or drawn to.

use crate::error::{Error, Result};
use crate::program::Place;

/// A texture of the host application. Of a plain texture (`texture.into()`) the numbers are those of image files, unless
/// its format ends in `Srgb`, where what they are is known.
#[derive(Clone, Copy, Debug)]
pub struct HostTexture<'a> {
    /// It: of two dimensions, one layer, one sample a pixel, of which the first mip level is meant.
    pub texture: &'a wgpu::Texture,
    /// Whether its numbers are amounts of light, from 0 to 1, rather than those of image files.
    pub is_light: bool,
}

impl<'a> From<&'a wgpu::Texture> for HostTexture<'a> {
    fn from(texture: &'a wgpu::Texture) -> Self {
        HostTexture {
            texture,
            is_light: false,
        }
    }
}

/// A format that images are read from and drawn in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    pub(super) format: wgpu::TextureFormat,
    /// Distance between 0 and 1 in levels; 0 where numbers are floats.
    pub(super) levels: f32,
    /// What storage textures of it are called in WGSL, if every device can write them.
    pub(super) storage: Option<&'static str>,
}

use wgpu::TextureFormat as F;

const FORMATS: [Format; 6] = [
    format(F::Rgba8Unorm, 255.0, Some("rgba8unorm")),
    format(F::Rgba8UnormSrgb, 255.0, None),
    format(F::Bgra8Unorm, 255.0, None),
    format(F::Bgra8UnormSrgb, 255.0, None),
    format(F::Rgba16Float, 0.0, Some("rgba16float")),
    format(F::Rgba32Float, 0.0, Some("rgba32float")),
];

const fn format(format: wgpu::TextureFormat, levels: f32, storage: Option<&'static str>) -> Format {
    Format {
        format,
        levels,
        storage,
    }
}

impl HostTexture<'_> {
    /// Its format, if it fits an image that stands at `place`.
    pub(super) fn check(&self, place: Place) -> Result<Format> {
        let texture = self.texture;
        let refuse = |problem: String| Err(Error::Usage(problem));
        let Some(&format) = FORMATS.iter().find(|format| format.format == texture.format()) else {
            let names: Vec<_> = FORMATS
                .iter()
                .map(|format| format!("{:?}", format.format))
                .collect();
            return refuse(format!(
                "the texture has the format {:?}; want {}",
                texture.format(),
                names.join(", ")
            ));
        };
        let found = texture.size();
        if texture.dimension() != wgpu::TextureDimension::D2
            || found.depth_or_array_layers != 1
            || texture.sample_count() != 1
        {
            return refuse(format!(
                "the texture has the dimension {:?}, {} layers and {} samples a pixel; want D2 and 1 of each",
                texture.dimension(),
                found.depth_or_array_layers,
                texture.sample_count()
            ));
        }
        let wanted = place.shape;
        if (found.width as usize, found.height as usize) != (wanted.w, wanted.h) {
            return refuse(format!(
                "the texture has {} columns and {} rows; the image has {} and {}",
                found.width, found.height, wanted.w, wanted.h
            ));
        }
        if wanted.n != 1 {
            return refuse(format!(
                "{} images for one texture; name one of them by `Place::sample`",
                wanted.n
            ));
        }
        match wanted.c {
            1 | 3 => Ok(format),
            channels => refuse(format!(
                "an image of {channels} channels for a texture; want 1 or 3"
            )),
        }
    }

    /// Whether reading gives, and writing takes, amounts of light.
    pub(super) fn is_light(&self) -> bool {
        self.is_light || self.texture.format().is_srgb()
    }

    /// The texture as it is, of which the first mip level is bound.
    pub(super) fn view(&self) -> wgpu::TextureView {
        self.texture.create_view(&wgpu::TextureViewDescriptor {
            mip_level_count: Some(1),
            ..Default::default()
        })
    }
}
