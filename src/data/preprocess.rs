//! The geometry from a photograph to a network's input: crop, then resize, then pad. A mask goes through
//! the same steps and is then cut where the network's output window lies.

use std::fmt;

use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Luma};

use super::decode::{LONGEST_SIDE, MOST_PIXELS};
use super::geometry::{Crop, Padding, PaddingMode, Resize};
use crate::error::{Error, Result};
use crate::labels::{IGNORE, LabelMap};
use crate::tensor::{Shape, Tensor};

/// The steps from a photograph to a network's input, in this order; a step that is `None` is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preparation {
    /// The only size (rows, columns) of a photograph that these steps are for.
    pub only: Option<[usize; 2]>,
    /// Keep a part.
    pub crop: Option<Crop>,
    /// Scale: images with a triangle filter that covers all pixels when shrinking (what other libraries
    /// call bilinear with antialiasing), masks to the nearest label.
    pub resize: Option<Resize>,
    /// Add a border.
    pub padding: Option<Padding>,
}

impl Preparation {
    /// The size (rows, columns) that a photograph of this size has after all steps.
    ///
    /// # Errors
    /// If the crop lies outside the photograph, or a step gives an empty or absurdly large image.
    pub fn prepared_size(&self, height: usize, width: usize) -> Result<(usize, usize)> {
        let (mut rows, mut columns) = (height, width);
        if let Some([only_height, only_width]) = self.only
            && (height, width) != (only_height, only_width)
        {
            return Err(Error::Usage(format!(
                "the preset is for images of {only_width}×{only_height} pixels (columns × rows), and this one has \
                 {width}×{height}; leave `preset` out and use `crop`, `resize` and `pad`"
            )));
        }
        if let Some(crop) = self.crop {
            let right = crop.x.checked_add(crop.width);
            let bottom = crop.y.checked_add(crop.height);
            if right.is_none_or(|right| right > width) || bottom.is_none_or(|bottom| bottom > height) {
                return Err(Error::Usage(format!(
                    "the crop {crop} (x,y,width,height) reaches outside the image of {width}×{height} pixels; \
                     keep x + width within {width} and y + height within {height}"
                )));
            }
            (rows, columns) = (crop.height, crop.width);
        }
        let cropped_to_nothing = rows == 0 || columns == 0;
        if let Some(resize) = self.resize {
            (rows, columns) = (resize.height, resize.width);
        }
        let resized_to_nothing = rows == 0 || columns == 0;
        if let Some(padding) = self.padding {
            rows = rows.saturating_add(padding.pixels.saturating_mul(2));
            columns = columns.saturating_add(padding.pixels.saturating_mul(2));
        }
        if cropped_to_nothing || resized_to_nothing || rows.max(columns) > LONGEST_SIDE {
            return Err(Error::Usage(format!(
                "the preparation ({self}) does not work on {width}×{height} pixels; \
                 after each step both sides must be 1 to {LONGEST_SIDE} pixels"
            )));
        }
        if rows * columns > MOST_PIXELS {
            return Err(Error::Usage(format!(
                "the preparation ({self}) makes {columns}×{rows} pixels of {width}×{height}, which are {:.1} megapixels; \
                 up to {:.1} are worked on",
                (rows * columns) as f64 / 1e6,
                MOST_PIXELS as f64 / 1e6
            )));
        }
        Ok((rows, columns))
    }

    /// The same steps with a scaling after which an image of this size comes to `wanted` (rows, columns).
    ///
    /// # Errors
    /// Those of [`Preparation::prepared_size`], and if the border alone is larger.
    pub fn resized_to(&self, height: usize, width: usize, wanted: [usize; 2]) -> Result<Preparation> {
        let (rows, columns) = self.prepared_size(height, width)?;
        if [rows, columns] == wanted {
            return Ok(*self);
        }
        let border = self.padding.map_or(0, |padding| padding.pixels.saturating_mul(2));
        let within = wanted.map(|side| side.checked_sub(border).filter(|&side| side > 0));
        let [Some(rows), Some(columns)] = within else {
            return Err(Error::Usage(format!(
                "the network takes {}×{} pixels (columns × rows), which the border alone has ({self}); use a smaller `pad`",
                wanted[1], wanted[0]
            )));
        };
        Ok(Preparation {
            resize: Some(Resize {
                width: columns,
                height: rows,
            }),
            ..*self
        })
    }

    /// Prepares images of any number of samples and channels.
    ///
    /// # Errors
    /// Those of [`Preparation::prepared_size`].
    pub fn apply_image(&self, image: &Tensor) -> Result<Tensor> {
        let shape = image.shape();
        let (height, width) = self.prepared_size(shape.h, shape.w)?;
        let prepared = Shape::new(shape.n, shape.c, height, width);
        let mut data = Vec::with_capacity(prepared.elements());
        for sample in 0..shape.n {
            for channel in 0..shape.c {
                let plane = Plane {
                    width: shape.w,
                    values: image.plane(sample, channel).to_vec(),
                };
                let plane = self.apply(plane, FilterType::Triangle, 0.0)?;
                data.extend(plane.values);
            }
        }
        Tensor::new(prepared, data)
    }

    /// Prepares a mask as the photograph that it belongs to, and cuts it where the network's output of
    /// `output_height`×`output_width` lies: in the centre of its input.
    ///
    /// # Errors
    /// Those of [`Preparation::prepared_size`], and if the prepared mask is smaller than the output.
    pub fn apply_labels(
        &self,
        mask: &LabelMap,
        output_height: usize,
        output_width: usize,
    ) -> Result<LabelMap> {
        let (height, width) = self.prepared_size(mask.height(), mask.width())?;
        if output_height > height || output_width > width {
            return Err(Error::Usage(format!(
                "the prepared mask has {height} rows and {width} columns, and the network's output of \
                 {output_height} and {output_width} does not fit in; prepare the mask like its image"
            )));
        }
        let plane = Plane {
            width: mask.width(),
            values: mask.labels().to_vec(),
        };
        let window = Crop {
            x: (width - output_width) / 2,
            y: (height - output_height) / 2,
            width: output_width,
            height: output_height,
        };
        let cut = self.apply(plane, FilterType::Nearest, IGNORE)?.cropped(window);
        LabelMap::new(output_height, output_width, cut.values)
    }

    fn apply<T: image::Primitive + 'static>(
        &self,
        mut plane: Plane<T>,
        filter: FilterType,
        outside: T,
    ) -> Result<Plane<T>> {
        if let Some(crop) = self.crop {
            plane = plane.cropped(crop);
        }
        if let Some(size) = self.resize {
            plane = plane.resized(size, filter)?;
        }
        if let Some(padding) = self.padding {
            plane = plane.padded(padding, outside);
        }
        Ok(plane)
    }
}

/// One channel of an image, or a mask, between two steps whose sizes have been checked.
struct Plane<T> {
    width: usize,
    values: Vec<T>,
}

impl<T: image::Primitive + 'static> Plane<T> {
    fn rows(&self) -> impl ExactSizeIterator<Item = &[T]> {
        self.values.chunks_exact(self.width.max(1))
    }

    fn cropped(&self, crop: Crop) -> Self {
        let kept = self.rows().skip(crop.y).take(crop.height);
        Plane {
            width: crop.width,
            values: kept
                .flat_map(|row| row.iter().skip(crop.x).take(crop.width).copied())
                .collect(),
        }
    }

    fn resized(self, size: Resize, filter: FilterType) -> Result<Self> {
        let height = self.rows().len();
        // Equal sizes are left alone, so that not even float rounding changes a value.
        if (size.width, size.height) == (self.width, height) {
            return Ok(self);
        }
        let picture = ImageBuffer::<Luma<T>, Vec<T>>::from_raw(self.width as u32, height as u32, self.values)
            .ok_or_else(|| Error::Usage(format!("an image of {}×{height} cannot be resized", self.width)))?;
        let resized = resize(&picture, size.width as u32, size.height as u32, filter);
        Ok(Plane {
            width: size.width,
            values: resized.into_raw(),
        })
    }

    fn padded(&self, padding: Padding, outside: T) -> Self {
        let edge = padding.mode == PaddingMode::Edge;
        let padded_row = |row: &[T]| -> Vec<T> {
            let first = row.first().copied().filter(|_| edge).unwrap_or(outside);
            let last = row.last().copied().filter(|_| edge).unwrap_or(outside);
            let mut padded = vec![first; padding.pixels];
            padded.extend_from_slice(row);
            padded.extend(std::iter::repeat_n(last, padding.pixels));
            padded
        };
        let rows: Vec<Vec<T>> = self.rows().map(padded_row).collect();
        let width = self.width + 2 * padding.pixels;
        let border = vec![outside; width];
        let above = rows.first().filter(|_| edge).unwrap_or(&border);
        let below = rows.last().filter(|_| edge).unwrap_or(&border);
        let above = std::iter::repeat_n(above, padding.pixels);
        let below = std::iter::repeat_n(below, padding.pixels);
        Plane {
            width,
            values: above.chain(&rows).chain(below).flatten().copied().collect(),
        }
    }
}

impl fmt::Display for Preparation {
    /// The steps as the command line takes them, such as `crop 10,70,408,408, pad 82:edge`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = [
            self.crop.map(|crop| format!("crop {crop}")),
            self.resize.map(|size| format!("resize {size}")),
            self.padding.map(|padding| format!("pad {padding}")),
        ];
        let steps: Vec<String> = steps.into_iter().flatten().collect();
        if steps.is_empty() {
            return f.write_str("as it is");
        }
        f.write_str(&steps.join(", "))
    }
}
