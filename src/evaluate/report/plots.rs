//! Plots as SVG, in colours that the page's style sheet exchanges for those of its theme.

use std::fmt::{Display, Write as _};
use std::ops::Range;

use plotters::chart::ChartBuilder;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{Circle, Polygon};
use plotters::prelude::SVGBackend;
use plotters::series::LineSeries;
use plotters::style::{Color, RGBColor};

use crate::error::{Error, Result};
use crate::report::axis::{Axis, text};

/// Width and height of a plot, in pixels. So small that its text can be read on a narrow screen.
const SIZE: (u32, u32) = (440, 290);
/// A quarter larger than what the backend makes of it.
const TEXT: i32 = 17;

/// A colour in the light theme, as it stands in the SVG, and in the dark one. No two light ones are equal.
type Colour = (u32, u32);

const INK: Colour = (0x1a1c20, 0xe8eaed);
const FAINT_INK: Colour = (0x585c64, 0xb4bac4);
const HAIRLINE: Colour = (0x8f949c, 0x6b7280);
const GRID: Colour = (0xe3e5e9, 0x343a44);

/// Colours and dashes of series, after those of Okabe and Ito; each has a contrast of 3 to its background at least.
const SERIES: [(Colour, &str); 8] = [
    ((0x0072b2, 0x5ab4f0), "none"),
    ((0xc75000, 0xff9448), "8 3"),
    ((0x00795a, 0x35c9a0), "3 2"),
    ((0xa4508b, 0xe69ccb), "9 3 2 3"),
    ((0x8a6500, 0xeec445), "5 5"),
    ((0x4b5bd0, 0xa5b0ff), "2 4"),
    ((0x8c3b2e, 0xff9f8f), "12 4"),
    ((0x60656d, 0xbcc2cc), "6 2 2 2 2 2"),
];

/// How many series can be told apart in a plot.
pub(super) const MOST_SERIES: usize = SERIES.len();

/// What stands in a plot for one setting.
pub(super) struct Series {
    /// Which of the colours it has.
    pub colour: usize,
    /// Its line.
    pub line: Vec<(f64, f64)>,
    /// The outline of the tinted area that belongs to it.
    pub area: Vec<(f64, f64)>,
    /// Whether the line's points are marked.
    pub dots: bool,
}

/// A plot to be drawn.
pub(super) struct Plot<'a> {
    pub x: Range<f64>,
    pub x_name: &'a str,
    pub y: Range<f64>,
    pub y_name: &'a str,
    pub series: Vec<Series>,
}

impl Plot<'_> {
    /// The SVG. Its background is the page's.
    pub fn svg(&self) -> Result<String> {
        let mut svg = String::new();
        self.draw(&mut svg)
            .map_err(|cause| Error::Usage(format!("a plot of the report cannot be drawn: {cause}")))?;
        Ok(svg)
    }

    fn draw(&self, svg: &mut String) -> std::result::Result<(), impl Display + use<>> {
        let sheet = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&sheet)
            .margin_top(12)
            .margin_right(16)
            .x_label_area_size(44)
            .y_label_area_size(58)
            .build_cartesian_2d(Axis::linear(self.x.clone()), Axis::linear(self.y.clone()))?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(colour(GRID))
            .light_line_style(colour(GRID).mix(0.0))
            .axis_style(colour(HAIRLINE))
            .x_desc(self.x_name)
            .y_desc(self.y_name)
            .label_style(text(TEXT, colour(FAINT_INK)))
            .axis_desc_style(text(TEXT, colour(INK)))
            .draw()?;
        for series in &self.series {
            let colour = colour(SERIES[series.colour % MOST_SERIES].0);
            if !series.area.is_empty() {
                chart.draw_series([Polygon::new(series.area.clone(), colour.mix(0.16))])?;
            }
        }
        for series in &self.series {
            let colour = colour(SERIES[series.colour % MOST_SERIES].0);
            let line = series.line.iter().copied();
            chart.draw_series(LineSeries::new(line.clone(), colour.stroke_width(2)))?;
            if series.dots {
                chart.draw_series(line.map(|point| Circle::new(point, 4, colour.filled())))?;
            }
        }
        sheet.present()
    }
}

/// The style sheet's rules that give plots the colours of the theme, and series their dashes.
pub(super) fn style() -> String {
    let inks = [INK, FAINT_INK, HAIRLINE, GRID];
    let colours = || inks.into_iter().chain(SERIES.map(|(colour, _)| colour));
    let mut style = String::new();
    for (light, _) in colours() {
        let _ = writeln!(
            style,
            ".plot [fill=\"#{light:06X}\"] {{ fill: var(--c{light:06x}); }}"
        );
        let _ = writeln!(
            style,
            ".plot [stroke=\"#{light:06X}\"] {{ stroke: var(--c{light:06x}); }}"
        );
    }
    for ((light, _), dashes) in SERIES {
        let _ = writeln!(
            style,
            ".plot polyline[stroke=\"#{light:06X}\"] {{ stroke-dasharray: {dashes}; }}"
        );
    }
    let variables = |pick: fn(Colour) -> u32| {
        let variables = colours().map(|pair| format!("--c{:06x}: #{:06x};", pair.0, pick(pair)));
        variables.collect::<Vec<_>>().join(" ")
    };
    let _ = writeln!(style, ":root {{ {} }}", variables(|pair| pair.0));
    let _ = writeln!(
        style,
        "@media (prefers-color-scheme: dark) {{ :root {{ {} }} }}",
        variables(|pair| pair.1)
    );
    style
}

/// A series' colour as it stands in an SVG, for the legend.
pub(super) fn series_colour(series: usize) -> String {
    format!("#{:06X}", SERIES[series % MOST_SERIES].0.0)
}

fn colour((light, _): Colour) -> RGBColor {
    let [_, red, green, blue] = light.to_be_bytes();
    RGBColor(red, green, blue)
}
