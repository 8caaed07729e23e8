//! Text, frames and swatches on a white sheet.

use ab_glyph::{Font, FontRef, PxScale};
use epaint_default_fonts::{HACK_REGULAR, UBUNTU_LIGHT};
use image::imageops::replace;
use image::{Rgb, RgbImage};
use imageproc::drawing::{draw_filled_rect_mut, draw_hollow_rect_mut, draw_text_mut, text_size};
use imageproc::rect::Rect;

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
    font: FontRef<'static>,
    /// For characters that `font` lacks, such as arrows.
    second_font: FontRef<'static>,
}

impl Canvas {
    pub fn new(width: u32, height: u32) -> Result<Self> {
        let font = |bytes: &'static [u8]| {
            FontRef::try_from_slice(bytes)
                .map_err(|cause| Error::Usage(format!("a built-in font cannot be used: {cause}")))
        };
        Ok(Canvas {
            picture: RgbImage::from_pixel(width, height, WHITE),
            font: font(UBUNTU_LIGHT)?,
            second_font: font(HACK_REGULAR)?,
        })
    }

    /// The font that has a glyph for the character.
    fn font_with(&self, character: char) -> Option<&FontRef<'static>> {
        [&self.font, &self.second_font]
            .into_iter()
            .find(|font| font.glyph_id(character).0 != 0)
    }

    /// Whether there is a glyph for each character.
    pub fn can_write(&self, text: &str) -> bool {
        text.chars().all(|character| self.font_with(character).is_some())
    }

    /// The text in pieces that one font can write. Characters that none can are left out: a box says no more.
    fn runs(&self, text: &str) -> Vec<(String, FontRef<'static>)> {
        let mut runs: Vec<(String, &FontRef<'static>)> = Vec::new();
        for character in text.chars() {
            match (self.font_with(character), runs.last_mut()) {
                (Some(font), Some((run, last))) if std::ptr::eq(*last, font) => run.push(character),
                (Some(font), _) => runs.push((character.into(), font)),
                (None, _) => {}
            }
        }
        runs.into_iter().map(|(run, font)| (run, font.clone())).collect()
    }

    pub fn text_width(&self, size: f32, text: &str) -> i32 {
        let widths = self.runs(text).into_iter();
        widths.map(|(run, font)| run_width(size, &font, &run)).sum()
    }

    /// Draws one line of text whose upper edge is at `y`.
    pub fn text(&mut self, x: i32, y: i32, size: f32, colour: Rgb<u8>, anchor: Anchor, text: &str) {
        let width = self.text_width(size, text);
        let mut x = match anchor {
            Anchor::Left => x,
            Anchor::Centre => x - width / 2,
            Anchor::Right => x - width,
        };
        for (run, font) in self.runs(text) {
            draw_text_mut(&mut self.picture, colour, x, y, PxScale::from(size), &font, &run);
            x += run_width(size, &font, &run);
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
        if width > 0 && height > 0 {
            draw_filled_rect_mut(&mut self.picture, Rect::at(x, y).of_size(width, height), colour);
        }
    }

    /// A line of one pixel around an area, outside of it.
    pub fn frame(&mut self, x: i32, y: i32, width: u32, height: u32, colour: Rgb<u8>) {
        let around = Rect::at(x - 1, y - 1).of_size(width + 2, height + 2);
        draw_hollow_rect_mut(&mut self.picture, around, colour);
    }
}

fn run_width(size: f32, font: &FontRef<'static>, text: &str) -> i32 {
    text_size(PxScale::from(size), font, text).0 as i32
}
