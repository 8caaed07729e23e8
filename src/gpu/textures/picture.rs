//! What a program holds as a picture in a host's texture.

use bytemuck::{Pod, Zeroable, bytes_of};

use super::bound::{Access, floats, parameters, words};
use super::drawing::{Way, rendered, stored, texture_beside};
use super::format::{Format, HostTexture};
use crate::error::{Error, Result};
use crate::gpu::GpuExecutor;
use crate::kernels::{Extent, View};
use crate::palette::{FILL, INACTIVE, OUTSIDE, class_colour, outline_width};
use crate::program::{BufferId, Place};

/// Where a label map stands in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelPlace {
    /// In which buffer.
    pub buffer: BufferId,
    /// From which word of it.
    pub first_word: usize,
    /// Labels in a word: 4, the first in the lowest bits, or 1.
    pub per_word: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Which pixels of a mask are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that are not predicted as labelled.
    Unlike,
    /// Those that are.
    Alike,
    /// All of them.
    All,
}

/// What is shown. Images are of one size, and label maps lie in their centre, where a network's output window is.
#[derive(Clone, Debug)]
pub enum Picture {
    /// An image.
    Image(Place),
    /// What was added to an image, magnified; mid-grey is no change.
    Perturbation {
        /// The image with it.
        image: Place,
        /// The image without.
        source: Place,
        /// What it is multiplied by; [`TexturePicture::magnify`] changes that.
        magnification: f32,
    },
    /// A label map, each class in its [colour](class_colour).
    Labels {
        /// The labels.
        labels: LabelPlace,
        /// An image of the picture's size.
        image: Place,
    },
    /// An image under a label map: each class but the background is tinted and outlined in its colour.
    Overlay {
        /// The labels.
        labels: LabelPlace,
        /// The image.
        image: Place,
    },
    /// The pixels that drive an attack, in the colours of their labels.
    Mask {
        /// The labels that pixels shall have, or are to leave.
        wanted: LabelPlace,
        /// Those that are predicted.
        predicted: LabelPlace,
        /// Which of the pixels.
        which: Which,
        /// The classes that are attacked.
        classes: Vec<u8>,
        /// An image of the picture's size.
        image: Place,
    },
}

impl Picture {
    /// The image that it is of, or is as large as.
    fn image(&self) -> Place {
        match *self {
            Picture::Image(image)
            | Picture::Perturbation { image, .. }
            | Picture::Labels { image, .. }
            | Picture::Overlay { image, .. }
            | Picture::Mask { image, .. } => image,
        }
    }
}

/// Takes what a program holds to a host's texture, as often as it is recorded.
#[derive(Clone, Debug)]
pub struct TexturePicture {
    queue: wgpu::Queue,
    parameters: wgpu::Buffer,
    bindings: wgpu::BindGroup,
    way: Way,
    /// What is copied to once the picture is drawn, where it is drawn elsewhere.
    copied_to: Option<[wgpu::Texture; 2]>,
}

/// The shader's parameters.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    image: View,
    source: View,
    extent: Extent,
    window: [u32; 4],
    labels: [u32; 2],
    wanted: [u32; 2],
    kind: u32,
    which: u32,
    magnification: f32,
    thickness: u32,
    fill: f32,
    is_light: u32,
    levels: f32,
    padding: u32,
    outside: [f32; 4],
    inactive: [f32; 4],
    colours: [[f32; 4]; 256],
}

impl TexturePicture {
    /// What the executor's program holds, to `texture`. That needs one of three usages: `RENDER_ATTACHMENT`; else
    /// `STORAGE_BINDING`, in a format that every device can write; else `COPY_DST`, and then the picture is drawn into a texture
    /// beside it first.
    ///
    /// # Errors
    /// [`Error::Usage`] if the texture has another size than the image, or a format, dimension or usage that cannot be drawn to,
    /// or labels do not fit into the image; [`Error::Device`] if it belongs to another device, or the device fails.
    pub fn new<'a>(
        executor: &GpuExecutor,
        picture: &Picture,
        texture: impl Into<HostTexture<'a>>,
    ) -> Result<TexturePicture> {
        let host = texture.into();
        let image = picture.image();
        let format = host.check(image)?;
        let usage = host.texture.usage();
        let is_rendered = !usage.contains(wgpu::TextureUsages::STORAGE_BINDING)
            || usage.contains(wgpu::TextureUsages::RENDER_ATTACHMENT)
            || format.storage.is_none();
        let is_copied = is_rendered && !usage.contains(wgpu::TextureUsages::RENDER_ATTACHMENT);
        if is_copied && !usage.contains(wgpu::TextureUsages::COPY_DST) {
            return Err(Error::Usage(format!(
                "the texture of the format {:?} has the usages {usage:?}; to be drawn to, want RENDER_ATTACHMENT, COPY_DST, or \
                 STORAGE_BINDING of a format that is neither sRGB nor BGRA",
                format.format
            )));
        }
        let params = params(picture, &host, format)?;
        let buffers = buffers(executor, picture)?;
        let gpu = executor.gpu();
        gpu.catch("preparing to draw to a texture", || {
            let beside = is_copied.then(|| texture_beside(gpu, host.texture));
            let target = HostTexture {
                texture: beside.as_ref().unwrap_or(host.texture),
                ..host
            };
            let parameters = parameters(gpu, bytes_of(&params));
            let (way, bindings) = match (is_rendered, format.storage) {
                (false, Some(name)) => stored(gpu, &target, name, &parameters, buffers),
                _ => rendered(gpu, &target, &parameters, buffers),
            };
            let drawing = TexturePicture {
                queue: gpu.queue().clone(),
                parameters,
                bindings,
                way,
                copied_to: beside.map(|beside| [beside, host.texture.clone()]),
            };
            // Recorded for nothing, so that what is wrong with the target shows here and not in an encoder of the host's.
            let mut encoder = gpu.device().create_command_encoder(&Default::default());
            drawing.encode(&mut encoder);
            drop(encoder.finish());
            drawing
        })
    }

    /// Changes what a perturbation is multiplied by, in what is submitted from now on.
    pub fn magnify(&self, magnification: f32) {
        let place = std::mem::offset_of!(Params, magnification) as u64;
        self.queue
            .write_buffer(&self.parameters, place, bytes_of(&magnification));
    }

    /// Records the drawing in the host's encoder. Neither submits, polls nor maps.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder) {
        self.way.encode(encoder, &self.bindings);
        if let Some([drawn, copied_to]) = &self.copied_to {
            encoder.copy_texture_to_texture(drawn.as_image_copy(), copied_to.as_image_copy(), drawn.size());
        }
    }
}

/// The buffers that are bound: image, source, labels and wanted labels, each of which another stands for where a picture has
/// none.
fn buffers<'a>(executor: &'a GpuExecutor, picture: &Picture) -> Result<[&'a wgpu::Buffer; 4]> {
    let image = floats(executor, picture.image(), Access::Read)?;
    let map = |place: &LabelPlace| {
        let count = (place.height * place.width).div_ceil(place.per_word);
        words(executor, place.buffer, place.first_word + count, Access::Read)
    };
    Ok(match picture {
        Picture::Image(_) => [image; 4],
        Picture::Perturbation { source, .. } => {
            [image, floats(executor, *source, Access::Read)?, image, image]
        }
        Picture::Labels { labels, .. } | Picture::Overlay { labels, .. } => {
            [image, image, map(labels)?, image]
        }
        Picture::Mask {
            wanted, predicted, ..
        } => [image, image, map(predicted)?, map(wanted)?],
    })
}

fn params(picture: &Picture, host: &HostTexture<'_>, format: Format) -> Result<Params> {
    let image = picture.image();
    let opaque = |[r, g, b]: [u8; 3]| [r, g, b, 255].map(|level| f32::from(level) / 255.0);
    let mut params = Params {
        image: image.view,
        source: image.view,
        extent: image.shape.into(),
        window: [0; 4],
        labels: [0; 2],
        wanted: [0; 2],
        kind: 0,
        which: 0,
        magnification: 1.0,
        thickness: 0,
        fill: FILL,
        is_light: host.is_light().into(),
        levels: format.levels,
        padding: 0,
        outside: opaque(OUTSIDE),
        inactive: opaque(INACTIVE),
        colours: std::array::from_fn(|label| opaque(class_colour(label as u8))),
    };
    match picture {
        Picture::Image(_) => params.kind = 0,
        Picture::Perturbation {
            source,
            magnification,
            ..
        } => {
            if source.shape != image.shape {
                return Err(Error::Usage(format!(
                    "a perturbation between images of shape {} and {}; want one shape",
                    source.shape, image.shape
                )));
            }
            params.kind = 1;
            params.source = source.view;
            params.magnification = *magnification;
        }
        Picture::Labels { labels, .. } => {
            params.kind = 2;
            params.labels = labels.shown()?;
            params.window = labels.window(image)?;
        }
        Picture::Overlay { labels, .. } => {
            params.kind = 3;
            params.labels = labels.shown()?;
            params.window = labels.window(image)?;
            params.thickness = outline_width([labels.height, labels.width]) as u32;
        }
        Picture::Mask {
            wanted,
            predicted,
            which,
            classes,
            ..
        } => {
            let size = |map: &LabelPlace| (map.height, map.width);
            if size(wanted) != size(predicted) {
                return Err(Error::Usage(format!(
                    "a mask of {:?} labels (rows, columns) and {:?} predicted ones; want one size",
                    size(wanted),
                    size(predicted)
                )));
            }
            params.kind = 4;
            params.labels = predicted.shown()?;
            params.wanted = wanted.shown()?;
            params.window = wanted.window(image)?;
            params.which = match which {
                Which::Unlike => 0,
                Which::Alike => 1,
                Which::All => 2,
            };
            for (class, colour) in (0..=255).zip(&mut params.colours) {
                colour[3] = f32::from(u8::from(classes.contains(&class)));
            }
        }
    }
    Ok(params)
}

impl LabelPlace {
    /// As the shader has it: its first word, and how many are in each.
    fn shown(self) -> Result<[u32; 2]> {
        match (self.per_word, u32::try_from(self.first_word)) {
            (1 | 4, Ok(first_word)) => Ok([first_word, self.per_word as u32]),
            _ => Err(Error::Usage(format!(
                "labels from word {} of a buffer, {} in each; want 1 or 4 in each, and a word below 2³²",
                self.first_word, self.per_word
            ))),
        }
    }

    /// First row and column, rows and columns of its window in the centre of an image.
    fn window(self, image: Place) -> Result<[u32; 4]> {
        let shape = image.shape;
        match (shape.h.checked_sub(self.height), shape.w.checked_sub(self.width)) {
            (Some(rows), Some(columns)) => {
                Ok([rows / 2, columns / 2, self.height, self.width].map(|count| count as u32))
            }
            _ => Err(Error::Usage(format!(
                "a label map of {} rows and {} columns does not fit into an image of shape {shape}",
                self.height, self.width
            ))),
        }
    }
}
