//! `report.html`: what an evaluation came to, to be read at a glance. One file that fetches nothing.
//!
//! The page is a template (`page.html`), whose values are escaped unless it says `safe`: that are the style sheet
//! (`page.css`), the script (`page.js`), the plots, which hold no text of users, and the table as JSON, in which no `<` is
//! left. The script writes text alone. A content security policy in the page forbids it to fetch anything at all.

mod curves;
mod pictures;
mod plots;
mod subject;
mod table;

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use self::curves::{Histogram, Quartiles, families, over_iterations, reached};
pub use self::pictures::{Pictures, saved_pictures};
use self::plots::{MOST_SERIES, Plot, Series, series_colour};
pub use self::subject::{GetPictures, Report};
use self::table::Table;
use super::record::{Evaluation, Measured, TraceRecord, Verdict};
use super::summary::Summary;
use crate::attack::Purpose;
use crate::error::{Error, Result};
use crate::files::write_atomically;

/// Writes the report, whole or not at all. Pictures are asked for of the first some hundred records that are done, and stand
/// in the page as thumbnails.
///
/// # Errors
/// If a record is of a setting that the evaluation has not, pictures cannot be had or are of two sizes, or the file cannot
/// be written.
pub fn write_report(path: impl AsRef<Path>, report: &Report<'_>, pictures: GetPictures<'_>) -> Result<()> {
    let page = page(report, pictures)?;
    write_atomically(path, |file| file.write_all(page.as_bytes()))
}

/// What the template is filled with.
#[derive(Serialize)]
struct Page<'a> {
    style: String,
    script: &'static str,
    data: String,
    evaluation: &'a Evaluation,
    untargeted: bool,
    /// The thresholds of success, as they were given.
    thresholds: Vec<String>,
    /// With what the intersection over union is.
    iou_with: &'static str,
    summary: &'a Summary,
    /// Of how many records there are thumbnails.
    pictured: usize,
    seconds: f64,
    /// The setting whose numbers head the page: the only one, or that with the best IoU.
    leading: Option<usize>,
    plots: Vec<PlotView>,
    legend: Vec<Legend>,
    /// How many settings the plots leave out.
    left_out: usize,
    configs: Vec<String>,
}

#[derive(Serialize)]
struct PlotView {
    title: &'static str,
    caption: &'static str,
    /// What it shows, for who cannot see it.
    label: String,
    svg: String,
    /// Its own legend, where its series are not the settings.
    legend: Vec<Legend>,
}

#[derive(Serialize)]
struct Legend {
    colour: String,
    name: String,
}

/// The measured records of a setting.
struct OfSetting<'a> {
    measured: Vec<&'a Measured>,
    traces: Vec<&'a TraceRecord>,
}

impl OfSetting<'_> {
    fn numbers(&self, value: impl Fn(&Measured) -> f64) -> Vec<f64> {
        self.measured.iter().map(|measured| value(measured)).collect()
    }
}

fn page(report: &Report<'_>, pictures: GetPictures<'_>) -> Result<String> {
    let evaluation = report.evaluation;
    let settings = by_setting(report)?;
    let table = Table::of(report, pictures)?;
    let untargeted = evaluation.purpose == Purpose::Untargeted;
    let names = evaluation.settings.iter().map(|setting| setting.name.clone());
    let page = Page {
        style: format!("{}{}", include_str!("page.css"), plots::style()),
        script: include_str!("page.js"),
        data: table.json()?,
        evaluation,
        untargeted,
        thresholds: evaluation.thresholds.iter().map(f32::to_string).collect(),
        iou_with: evaluation.purpose.compared_with(),
        summary: report.summary,
        pictured: table.pictured(),
        seconds: settings
            .iter()
            .flat_map(|of| of.numbers(|measured| measured.seconds))
            .sum(),
        leading: leading(report.summary),
        plots: plot_views(evaluation, &settings)?,
        legend: if settings.len() > 1 {
            legend(names.take(MOST_SERIES))
        } else {
            Vec::new()
        },
        left_out: settings.len().saturating_sub(MOST_SERIES),
        configs: evaluation
            .settings
            .iter()
            .map(|setting| format!("{:#}", setting.config))
            .collect(),
    };
    let broken =
        |cause: minijinja::Error| Error::Usage(format!("the report's page cannot be filled: {cause:#}"));
    let mut templates = Environment::new();
    templates.add_filter("fixed", |number: f64, digits: usize| format!("{number:.digits$}"));
    templates.add_filter("percent", |share: f64| format!("{:.1} %", 100.0 * share));
    templates
        .add_template("page.html", include_str!("page.html"))
        .map_err(broken)?;
    templates
        .get_template("page.html")
        .and_then(|template| template.render(Serde(&page)))
        .map_err(broken)
}

/// What is there of each of the settings.
fn by_setting<'a>(report: &Report<'a>) -> Result<Vec<OfSetting<'a>>> {
    let settings = &report.evaluation.settings;
    let empty = || OfSetting {
        measured: Vec::new(),
        traces: Vec::new(),
    };
    let mut parted: Vec<OfSetting> = settings.iter().map(|_| empty()).collect();
    let places: HashMap<&str, usize> = settings
        .iter()
        .enumerate()
        .map(|(place, setting)| (setting.name.as_str(), place))
        .collect();
    let mut of_task = HashMap::new();
    for record in report.records {
        let Some(&place) = places.get(record.setting.as_str()) else {
            return Err(Error::Usage(format!(
                "record {} is of the setting `{}`, which the evaluation has not; give the records of this evaluation",
                record.task, record.setting
            )));
        };
        if let Verdict::Done(measured) = &record.verdict {
            parted[place].measured.push(measured);
            of_task.insert(record.task, place);
        }
    }
    for trace in report.traces {
        if let Some(&place) = of_task.get(&trace.task) {
            parted[place].traces.push(trace);
        }
    }
    Ok(parted)
}

/// The setting that attacks best: of the highest mean IoU, untargeted the lowest.
fn leading(summary: &Summary) -> Option<usize> {
    let iou = |index: &usize| {
        let mean = summary.settings[*index].as_8_bits.iou.map(|iou| iou.mean)?;
        Some(if summary.purpose == Purpose::Untargeted {
            -mean
        } else {
            mean
        })
    };
    let with_numbers = (0..summary.settings.len()).filter(|index| iou(index).is_some());
    with_numbers.reduce(|best, index| if iou(&index) > iou(&best) { index } else { best })
}

fn legend(names: impl Iterator<Item = String>) -> Vec<Legend> {
    let entry = |(series, name)| Legend {
        colour: series_colour(series),
        name,
    };
    names.enumerate().map(entry).collect()
}

fn plot_views(evaluation: &Evaluation, settings: &[OfSetting<'_>]) -> Result<Vec<PlotView>> {
    let shown = &settings[..settings.len().min(MOST_SERIES)];
    let name = |place: usize| evaluation.settings[place].name.as_str();
    let mut plots = Vec::new();
    // Of attacks that had nothing to do the traces are empty.
    let has_rows = |trace: &&TraceRecord| !trace.iteration.is_empty();
    if shown.iter().any(|of| of.traces.iter().any(has_rows)) {
        type Value = fn(&TraceRecord) -> &[f32];
        let values: [(&str, &str, Value, Option<f64>); 2] = [
            ("IoU over iterations", "IoU", |trace| &trace.iou, Some(1.0)),
            ("L₂ over iterations", "L₂", |trace| &trace.l2, None),
        ];
        for (title, y_name, value, end) in values {
            let curves: Vec<Vec<Quartiles>> = shown
                .iter()
                .map(|of| over_iterations(&of.traces, value))
                .collect();
            let curves = Curves {
                title,
                caption: CURVES,
                x_name: "iteration",
                y_name,
                end,
                dots: false,
                curves: &curves,
            };
            plots.push(curves.view(name)?);
        }
    }
    let families = families(&evaluation.settings);
    let families = &families[..families.len().min(MOST_SERIES)];
    let over_eps: Vec<Vec<Quartiles>> = families
        .iter()
        .map(|family| {
            let members = family.members.iter();
            members
                .filter_map(|&(eps, place)| {
                    Quartiles::of(
                        eps,
                        settings[place].numbers(|measured| measured.as_8_bits.iou.into()),
                    )
                })
                .collect()
        })
        .collect();
    if over_eps.iter().any(|points| !points.is_empty()) {
        let name = |place: usize| families[place].name.as_str();
        let curves = Curves {
            title: "IoU over eps",
            caption: "Median and quartiles of images of 8 bits.",
            x_name: "eps",
            y_name: "IoU",
            end: Some(1.0),
            dots: true,
            curves: &over_eps,
        };
        let mut view = curves.view(name)?;
        view.legend = legend(families.iter().map(|family| family.name.clone()));
        plots.push(view);
    }
    if shown.iter().any(|of| !of.measured.is_empty()) {
        plots.push(linf_histogram(shown, name)?);
        plots.push(success_over_threshold(shown, evaluation.purpose, name)?);
    }
    Ok(plots)
}

const CURVES: &str = "Median and quartiles over pairs on which iterations were run. An attack that has stopped keeps its last value.";

/// Medians as lines, quartiles as areas.
struct Curves<'a> {
    title: &'static str,
    caption: &'static str,
    x_name: &'a str,
    y_name: &'a str,
    /// Where the vertical axis ends; above the highest quartile if `None`.
    end: Option<f64>,
    /// Whether each point is one that was measured: it has a dot, and the axis begins at 0.
    dots: bool,
    curves: &'a [Vec<Quartiles>],
}

impl Curves<'_> {
    fn view<'a>(&self, name: impl Fn(usize) -> &'a str) -> Result<PlotView> {
        let &Curves {
            title,
            caption,
            x_name,
            y_name,
            end,
            dots,
            curves,
        } = self;
        let points = || curves.iter().flatten();
        let least = points().map(|point| point.at).fold(f64::INFINITY, f64::min);
        let last = points().map(|point| point.at).fold(least, f64::max);
        let highest = points().map(|point| point.upper).fold(0.0, f64::max);
        let series = |(colour, curve): (usize, &Vec<Quartiles>)| {
            let upper = curve.iter().map(|point| (point.at, point.upper));
            let lower = curve.iter().rev().map(|point| (point.at, point.lower));
            Series {
                colour,
                line: curve.iter().map(|point| (point.at, point.median)).collect(),
                area: upper.chain(lower).collect(),
                dots,
            }
        };
        let start = if dots { 0.0 } else { least };
        // An attack of one iteration is a point, which an axis cannot be.
        let x = match last > start {
            true => start..last,
            false => start..start + 1.0,
        };
        let plot = Plot {
            x,
            x_name,
            y: 0.0..end.unwrap_or(1.05 * highest).max(1e-6),
            y_name,
            series: curves.iter().enumerate().map(series).collect(),
        };
        let ends = curves.iter().enumerate().filter_map(|(index, curve)| {
            let (first, last) = curve.first().zip(curve.last())?;
            Some(format!(
                "{}: median {:.3} at {x_name} {}, {:.3} at {}",
                name(index),
                first.median,
                short(first.at),
                last.median,
                short(last.at)
            ))
        });
        Ok(PlotView {
            title,
            caption,
            label: format!("{title}. {}.", ends.collect::<Vec<_>>().join("; ")),
            svg: plot.svg()?,
            legend: Vec::new(),
        })
    }
}

fn short(number: f64) -> String {
    format!("{number:.4}")
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_string()
}

fn linf_histogram<'a>(settings: &[OfSetting<'_>], name: impl Fn(usize) -> &'a str) -> Result<PlotView> {
    let numbers: Vec<Vec<f64>> = settings
        .iter()
        .map(|of| of.numbers(|measured| 255.0 * f64::from(measured.as_8_bits.linf)))
        .collect();
    let largest = numbers.iter().flatten().copied().fold(0.0, f64::max);
    let histogram = Histogram::up_to(largest);
    let outlines: Vec<Vec<(f64, f64)>> = numbers
        .iter()
        .map(|numbers| {
            if numbers.is_empty() {
                Vec::new()
            } else {
                histogram.outline(numbers)
            }
        })
        .collect();
    let highest = outlines.iter().flatten().map(|point| point.1).fold(0.0, f64::max);
    let end = f64::from(histogram.bars * histogram.width) - 0.5;
    let series = |(colour, line): (usize, &Vec<(f64, f64)>)| {
        let mut area = line.clone();
        if !area.is_empty() {
            area.extend([(end, 0.0), (-0.5, 0.0)]);
        }
        Series {
            colour,
            line: line.clone(),
            area,
            dots: false,
        }
    };
    let plot = Plot {
        x: -0.5..end,
        x_name: "L∞ in steps of 1/255",
        y: 0.0..(1.05 * highest).clamp(1e-6, 1.0),
        y_name: "share of pairs",
        series: outlines.iter().enumerate().map(series).collect(),
    };
    let medians = numbers.iter().enumerate().filter_map(|(index, numbers)| {
        let quartiles = Quartiles::of(0.0, numbers.iter().copied())?;
        Some(format!("{}: median {}", name(index), short(quartiles.median)))
    });
    Ok(PlotView {
        title: "Histogram of L∞",
        caption: "Of images of 8 bits; 1 is the least change that a file of 8 bits can hold.",
        label: format!(
            "Histogram of L∞ in steps of 1/255. {}.",
            medians.collect::<Vec<_>>().join("; ")
        ),
        svg: plot.svg()?,
        legend: Vec::new(),
    })
}

fn success_over_threshold<'a>(
    settings: &[OfSetting<'_>],
    purpose: Purpose,
    name: impl Fn(usize) -> &'a str,
) -> Result<PlotView> {
    let numbers = settings.iter().map(|of| {
        let success = |measured: &&Measured| purpose.success(measured.as_8_bits.iou);
        of.measured.iter().map(success).collect::<Vec<f32>>()
    });
    let curves: Vec<Vec<(f64, f64)>> = numbers
        .map(|numbers| {
            if numbers.is_empty() {
                Vec::new()
            } else {
                reached(&numbers)
            }
        })
        .collect();
    let halves = curves.iter().enumerate().filter_map(|(index, curve)| {
        let (_, share) = curve.iter().find(|(threshold, _)| *threshold >= 0.5)?;
        Some(format!("{}: {:.0} % reach 0.5", name(index), 100.0 * share))
    });
    let label = format!(
        "Success against threshold. {}.",
        halves.collect::<Vec<_>>().join("; ")
    );
    let series = |(colour, line)| Series {
        colour,
        line,
        area: Vec::new(),
        dots: false,
    };
    let plot = Plot {
        x: 0.0..1.0,
        x_name: match purpose {
            Purpose::Untargeted => "threshold of 1 − IoU",
            Purpose::Targeted => "threshold of IoU",
        },
        y: 0.0..1.0,
        y_name: "share of pairs that reach it",
        series: curves.into_iter().enumerate().map(series).collect(),
    };
    Ok(PlotView {
        title: "Success against threshold",
        caption: "Of images of 8 bits. Pairs that could not be attacked are left out.",
        label,
        svg: plot.svg()?,
        legend: Vec::new(),
    })
}
