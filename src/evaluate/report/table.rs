//! What the page's script shows: a row for each record, and the pictures of the first of them.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::{Value, json};

use super::pictures::Thumbnails;
use super::subject::{GetPictures, Report};
use crate::attack::Purpose;
use crate::error::Result;
use crate::evaluate::record::{Measured, Record, Verdict};

/// At most so many records have pictures, and no more once those take so many bytes.
const MOST_PICTURED: usize = 300;
const MOST_BYTES: usize = 12 << 20;

/// A column of the table, or a line of a record's panel.
#[derive(Serialize)]
pub(super) struct Column {
    title: &'static str,
    kind: Kind,
    shown: Shown,
    #[serde(skip)]
    value: fn(&Cells) -> Value,
}

/// How a cell is written and compared.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// A place in the list of names.
    Name,
    /// A number.
    Number,
    /// The highest threshold reached, 0 if none is; nothing of a record that failed.
    Outcome,
}

/// Where a column is shown.
#[derive(Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Shown {
    /// In the table, and on narrow screens too.
    Always,
    /// In the table where it has some room.
    Wide,
    /// In the table where it has much room.
    Widest,
    /// In the panel alone; it has all others too.
    Panel,
}

/// What a row is made of.
struct Cells<'a> {
    record: &'a Record,
    measured: Option<&'a Measured>,
    report: &'a Report<'a>,
    /// Image, target, setting and the reason to stop, as places in the list of names.
    names: [Option<usize>; 4],
}

impl Cells<'_> {
    fn of(&self, value: fn(&Measured) -> Value) -> Value {
        self.measured.map_or(Value::Null, value)
    }

    /// The highest threshold that the image of 8 bits reaches.
    fn outcome(&self) -> Value {
        let Some(measured) = self.measured else {
            return Value::Null;
        };
        let thresholds = self.report.evaluation.thresholds.iter();
        let reached = thresholds.zip(&measured.as_8_bits.success);
        let reached = reached
            .filter(|(_, success)| **success)
            .map(|(threshold, _)| *threshold);
        short(reached.fold(0.0, f32::max).into())
    }
}

/// A number to five significant digits, which makes the page smaller and is more than it shows.
fn short(number: f64) -> Value {
    let rounded: f64 = format!("{number:.4e}").parse().unwrap_or(number);
    json!(rounded)
}

fn columns(report: &Report<'_>) -> Vec<Column> {
    use Kind::{Name, Number, Outcome};
    use Shown::{Always, Panel, Wide, Widest};
    let column = |title, kind, shown, value| Column {
        title,
        kind,
        shown,
        value,
    };
    let mut columns = vec![
        column("image", Name, Always, |cells| json!(cells.names[0])),
        column("target", Name, Wide, |cells| json!(cells.names[1])),
        column("setting", Name, Wide, |cells| json!(cells.names[2])),
        column("IoU before", Number, Widest, |cells| {
            cells.of(|of| short(of.iou_before.into()))
        }),
        column("IoU", Number, Always, |cells| {
            cells.of(|of| short(of.as_8_bits.iou.into()))
        }),
        column("pixel accuracy", Number, Widest, |cells| {
            cells.of(|of| short(of.as_8_bits.pixel_accuracy.into()))
        }),
        column("L₂", Number, Wide, |cells| {
            cells.of(|of| short(of.as_8_bits.l2.into()))
        }),
        column("L∞", Number, Always, |cells| {
            cells.of(|of| short(of.as_8_bits.linf.into()))
        }),
        column("iterations", Number, Widest, |cells| {
            cells.of(|of| json!(of.iterations))
        }),
        column("reached", Outcome, Always, |cells| cells.outcome()),
        column("L₁", Number, Panel, |cells| {
            cells.of(|of| short(of.as_8_bits.l1))
        }),
        column("PSNR in dB", Number, Panel, |cells| {
            cells.of(|of| of.as_8_bits.psnr.map_or(Value::Null, short))
        }),
        column("SSIM", Number, Panel, |cells| {
            cells.of(|of| short(of.as_8_bits.ssim))
        }),
        column("IoU in float", Number, Panel, |cells| {
            cells.of(|of| short(of.float.iou.into()))
        }),
        column("L₂ in float", Number, Panel, |cells| {
            cells.of(|of| short(of.float.l2.into()))
        }),
        column("L∞ in float", Number, Panel, |cells| {
            cells.of(|of| short(of.float.linf.into()))
        }),
        column("IoU with the image’s own mask", Number, Panel, |cells| {
            cells.of(|of| of.clean_iou.map_or(Value::Null, |iou| short(iou.into())))
        }),
        column("pixel accuracy before", Number, Panel, |cells| {
            cells.of(|of| short(of.pixel_accuracy_before.into()))
        }),
        column("best iteration", Number, Panel, |cells| {
            cells.of(|of| json!(of.best_iteration))
        }),
        column("forward passes", Number, Panel, |cells| {
            cells.of(|of| json!(of.forward_passes))
        }),
        column("backward passes", Number, Panel, |cells| {
            cells.of(|of| json!(of.backward_passes))
        }),
        column("seconds", Number, Panel, |cells| cells.of(|of| short(of.seconds))),
        column("stopped because", Name, Panel, |cells| json!(cells.names[3])),
    ];
    if report.evaluation.settings.len() == 1 {
        columns[2].shown = Panel;
    }
    columns
}

/// All that the script needs, as it reads it.
#[derive(Serialize)]
pub(super) struct Table<'a> {
    columns: Vec<Column>,
    names: Vec<&'a str>,
    /// Of each record its cells, in the order of the columns.
    rows: Vec<Vec<Value>>,
    settings: Vec<&'a str>,
    thresholds: Vec<Value>,
    untargeted: bool,
    /// Why records failed, by their row.
    reasons: BTreeMap<usize, &'a str>,
    /// Thumbnails, by their row.
    pictures: BTreeMap<usize, Thumbnails>,
}

impl<'a> Table<'a> {
    pub fn of(report: &'a Report<'a>, pictures: GetPictures<'_>) -> Result<Self> {
        let mut table = Table {
            columns: columns(report),
            names: Vec::new(),
            rows: Vec::with_capacity(report.records.len()),
            settings: report
                .evaluation
                .settings
                .iter()
                .map(|setting| setting.name.as_str())
                .collect(),
            thresholds: report
                .evaluation
                .thresholds
                .iter()
                .map(|&threshold| short(threshold.into()))
                .collect(),
            untargeted: report.evaluation.purpose == Purpose::Untargeted,
            reasons: BTreeMap::new(),
            pictures: BTreeMap::new(),
        };
        let mut places = HashMap::new();
        let mut bytes = 0;
        for (row, record) in report.records.iter().enumerate() {
            let mut place = |name: &'a str| {
                *places.entry(name).or_insert_with(|| {
                    table.names.push(name);
                    table.names.len() - 1
                })
            };
            let measured = match &record.verdict {
                Verdict::Done(measured) => Some(&**measured),
                Verdict::Failed { .. } => None,
            };
            let names = [&record.image, &record.target, &record.setting].map(|name| Some(place(name)));
            let stop = measured.map(|measured| place(&measured.stop));
            let cells = Cells {
                record,
                measured,
                report,
                names: [names[0], names[1], names[2], stop],
            };
            table.rows.push(
                table
                    .columns
                    .iter()
                    .map(|column| (column.value)(&cells))
                    .collect(),
            );
            if let Verdict::Failed { reason } = &cells.record.verdict {
                table.reasons.insert(row, reason);
            } else if table.pictures.len() < MOST_PICTURED
                && bytes < MOST_BYTES
                && let Some(pictures) = pictures(record)?
            {
                let thumbnails = Thumbnails::of(&pictures, record)?;
                bytes += thumbnails.bytes();
                table.pictures.insert(row, thumbnails);
            }
        }
        Ok(table)
    }

    /// How many records have pictures.
    pub fn pictured(&self) -> usize {
        self.pictures.len()
    }

    /// As JSON that can stand in a `script` element: no `<` in it, so that nothing in it ends or begins an element.
    pub fn json(&self) -> Result<String> {
        let json = serde_json::to_string(self).map_err(|cause| {
            crate::error::Error::Usage(format!("the report's table cannot be written as JSON: {cause}"))
        })?;
        Ok(json.replace('<', "\\u003c"))
    }
}
