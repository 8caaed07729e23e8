//! Text, frames and swatches on a white sheet.

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};
use epaint_default_fonts::{HACK_REGULAR, UBUNTU_LIGHT};
use image::imageops::replace;
use image::{Pixel, Rgb, RgbImage};

use crate::error::{Error, Result};

pub(super) const WHITE: Rgb<u8> = Rgb([255, 255, 255]);
pub(super) const INK: Rgb<u8> = Rgb([24, 26, 30]);
pub(super) const FAINT_INK: Rgb<u8> = Rgb([88, 92, 100]);
pub(super) const HAIRLINE: Rgb<u8> = Rgb([196, 199, 204]);

/// Where a text's given position lies in it.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Left,
    Centre,
    Right,
}

/// A picture to draw on. Positions and sizes are in pixels, from the upper left corner.
pub(super) struct Canvas {
    pub picture: RgbImage,
    /// The second for characters that the first lacks, such as arrows.
    fonts: [FontRef<'static>; 2],
}

impl Canvas {
    pub fn new(width: u32, height: u32) -> Result<Self> {
        let font = |bytes: &'static [u8]| {
            FontRef::try_from_slice(bytes)
                .map_err(|cause| Error::Usage(format!("a built-in font cannot be used: {cause}")))
        };
        Ok(Canvas {
            picture: RgbImage::from_pixel(width, height, WHITE),
            fonts: [font(UBUNTU_LIGHT)?, font(HACK_REGULAR)?],
        })
    }

    /// Whether there is a glyph for each character.
    pub fn can_write(&self, text: &str) -> bool {
        text.chars()
            .all(|character| font_with(&self.fonts, character).is_some())
    }

    pub fn text_width(&self, size: f32, text: &str) -> i32 {
        placed(&self.fonts, size, text).1
    }

    /// Draws one line of text whose upper edge is at `y`.
    pub fn text(&mut self, x: i32, y: i32, size: f32, colour: Rgb<u8>, anchor: Anchor, text: &str) {
        let (glyphs, width) = placed(&self.fonts, size, text);
        let x = match anchor {
            Anchor::Left => x,
            Anchor::Centre => x - width / 2,
            Anchor::Right => x - width,
        };
        for (font, glyph) in glyphs {
            // A space has none.
            let Some(outline) = font.outline_glyph(glyph) else {
                continue;
            };
            let corner = outline.px_bounds().min;
            let (left, top) = (x + corner.x as i32, y + corner.y as i32);
            outline.draw(|column, row, coverage| {
                if let Some(pixel) = pixel_at(&mut self.picture, left + column as i32, top + row as i32) {
                    let ink = |paper: u8, ink: u8| {
                        let (paper, ink) = (f32::from(paper), f32::from(ink));
                        (paper + coverage.clamp(0.0, 1.0) * (ink - paper)).round() as u8
                    };
                    *pixel = pixel.map2(&colour, ink);
                }
            });
        }
    }

    /// The text, or as much of its beginning as fits into `width` with an ellipsis after it.
    pub fn shortened(&self, size: f32, text: &str, width: i32) -> String {
        if self.text_width(size, text) <= width {
            return text.to_string();
        }
        let mut kept: Vec<char> = text.chars().collect();
        while kept.pop().is_some() {
            let candidate = format!("{}…", kept.iter().collect::<String>().trim_end());
            if self.text_width(size, &candidate) <= width {
                return candidate;
            }
        }
        String::new()
    }

    /// The text, or as much of its beginning and its end as fits into `width` with an ellipsis between them.
    pub fn shortened_in_middle(&self, size: f32, text: &str, width: i32) -> String {
        if self.text_width(size, text) <= width {
            return text.to_string();
        }
        let letters: Vec<char> = text.chars().collect();
        let candidate = |kept: usize| {
            let (first, last) = (kept.div_ceil(2), kept / 2);
            let beginning: String = letters[..first].iter().collect();
            let end: String = letters[letters.len() - last..].iter().collect();
            format!("{}…{}", beginning.trim_end(), end.trim_start())
        };
        let fits = |kept: &usize| self.text_width(size, &candidate(*kept)) <= width;
        (0..letters.len())
            .rev()
            .find(fits)
            .map(candidate)
            .unwrap_or_default()
    }

    pub fn paste(&mut self, picture: &RgbImage, x: i32, y: i32) {
        replace(&mut self.picture, picture, i64::from(x), i64::from(y));
    }

    pub fn fill(&mut self, x: i32, y: i32, width: u32, height: u32, colour: Rgb<u8>) {
        self.paste(&RgbImage::from_pixel(width, height, colour), x, y);
    }

    /// A line of one pixel around an area, outside of it.
    pub fn frame(&mut self, x: i32, y: i32, width: u32, height: u32, colour: Rgb<u8>) {
        for line in [y - 1, y + height as i32] {
            self.fill(x - 1, line, width + 2, 1, colour);
        }
        for column in [x - 1, x + width as i32] {
            self.fill(column, y, 1, height, colour);
        }
    }
}

/// The pixel, if it lies in the picture.
pub(super) fn pixel_at(picture: &mut RgbImage, x: i32, y: i32) -> Option<&mut Rgb<u8>> {
    picture.get_pixel_mut_checked(u32::try_from(x).ok()?, u32::try_from(y).ok()?)
}

/// The first font that has a glyph for the character.
fn font_with<'a>(fonts: &'a [FontRef<'static>; 2], character: char) -> Option<&'a FontRef<'static>> {
    fonts.iter().find(|font| font.glyph_id(character).0 != 0)
}

/// The glyphs of one line from its upper left corner on, each with its font, and how wide they are together. Characters that
/// no font has are left out: a box says no more.
fn placed<'a>(
    fonts: &'a [FontRef<'static>; 2],
    size: f32,
    text: &str,
) -> (Vec<(&'a FontRef<'static>, Glyph)>, i32) {
    let scale = PxScale::from(size);
    let mut glyphs: Vec<(&FontRef<'static>, Glyph)> = Vec::new();
    let mut width = 0.0;
    for character in text.chars() {
        let Some(font) = font_with(fonts, character) else {
            continue;
        };
        let (id, scaled) = (font.glyph_id(character), font.as_scaled(scale));
        width += match glyphs.last() {
            Some((last, before)) if std::ptr::eq(*last, font) => scaled.kern(before.id, id),
            _ => 0.0,
        };
        glyphs.push((
            font,
            id.with_scale_and_position(scale, point(width, scaled.ascent())),
        ));
        width += scaled.h_advance(id);
    }
    (glyphs, width.ceil() as i32)
}
