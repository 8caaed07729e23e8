//! Buttons, sliders and switches beside the pictures.

use std::ops::RangeInclusive;

use asma::attack::{MaskMode, Multiplier, Objective};
use asma::palette::class_colour;
use asma::view::{Session, Settings};
use asma::{Error, Result};
use eframe::egui::emath::Numeric;
use eframe::egui::{Button, Color32, ComboBox, RichText, Slider, SliderClamping, Ui};

use super::curves::colour;
use super::panels::{Tool, View};

/// What a button asks for that takes a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Reset,
    Save,
}

/// Shows all of them, and does what takes no time.
///
/// # Errors
/// If what was set cannot be.
pub fn show(ui: &mut Ui, view: &mut View, session: &mut Session) -> Result<Option<Asked>> {
    let mut asked = None;
    ui.horizontal(|ui| {
        let run = if session.is_running() { "Pause" } else { "Run" };
        if ui.button(run).on_hover_text("Space").clicked() {
            session.run(!session.is_running());
        }
        if ui.button("Step").on_hover_text("N").clicked() {
            session.step();
        }
        if ui.button("Reset").on_hover_text("R").clicked() {
            asked = Some(Asked::Reset);
        }
        let can_save = !session.trace().is_empty();
        let save = ui.add_enabled(can_save, Button::new("Save"));
        if save.on_hover_text("Ctrl+S: what `asma attack` writes").clicked() {
            asked = Some(Asked::Save);
        }
    });
    status(ui, session);
    ui.separator();
    settings(ui, session)?;
    ui.separator();
    target(ui, view, session)?;
    ui.separator();
    pictures(ui, view, session);
    Ok(asked)
}

fn status(ui: &mut Ui, session: &Session) {
    let state = match session.ended() {
        Some(reason) => reason.to_string(),
        None if session.is_running() => "running".into(),
        None => "resting".into(),
    };
    ui.label(RichText::new(format!("{} iterations, {state}", session.trace().len())).strong());
    if let Some(row) = session.trace().last() {
        ui.label(format!(
            "IoU {:.4}   L2 {:.3}   L∞ {:.4}   accuracy {:.4}",
            row.iou, row.l2, row.linf, row.pixel_accuracy
        ));
    }
}

fn settings(ui: &mut Ui, session: &mut Session) -> Result<()> {
    let mut wanted = session.settings().clone();
    ui.label(RichText::new("Attack").strong());
    choice(
        ui,
        "objective",
        &mut wanted.objective,
        [(Objective::Margin, "margin"), (Objective::Logit, "logit")],
    );
    choice(
        ui,
        "mask",
        &mut wanted.mask,
        [(MaskMode::Adaptive, "adaptive"), (MaskMode::Static, "static")],
    );
    choice(
        ui,
        "multiplier",
        &mut wanted.multiplier,
        [(Multiplier::Dynamic, "dynamic"), (Multiplier::Static, "static")],
    );
    let factors = 1.0 / 64.0..=64.0;
    ui.add(
        slider(&mut wanted.step_factor, factors)
            .logarithmic(true)
            .text("step ×"),
    );
    ui.add(slider(&mut wanted.cap, 0.004..=1.0).logarithmic(true).text("cap"))
        .on_hover_text("The most that a value may differ from the source's; 1: as much as it likes");
    ui.add(
        slider(&mut wanted.stop_iou, 0.5..=Settings::NEVER)
            .custom_formatter(|iou, _| {
                if iou > 1.0 {
                    "never".into()
                } else {
                    format!("{iou:.3}")
                }
            })
            .text("stop at IoU"),
    );
    ui.checkbox(&mut wanted.refines, "then make the perturbation smaller");
    ui.add(
        slider(&mut wanted.lambda, 0.0..=100.0)
            .logarithmic(true)
            .smallest_positive(0.01)
            .text("λ"),
    )
    .on_hover_text("The weight of the distance to the source; takes effect with Reset");
    ui.add(
        slider(&mut wanted.iterations, 10..=10_000)
            .logarithmic(true)
            .text("iterations"),
    );
    match wanted != *session.settings() {
        true => session.set_settings(wanted),
        false => Ok(()),
    }
}

/// A slider that leaves a value outside its range as it is until somebody moves it: what the command line gave stays.
fn slider<T: Numeric>(value: &mut T, range: RangeInclusive<T>) -> Slider<'_> {
    Slider::new(value, range).clamping(SliderClamping::Edits)
}

fn choice<T: PartialEq + Copy>(ui: &mut Ui, name: &str, now: &mut T, all: [(T, &str); 2]) {
    ui.horizontal(|ui| {
        for (value, text) in all {
            ui.selectable_value(now, value, text);
        }
        ui.label(name);
    });
}

fn target(ui: &mut Ui, view: &mut View, session: &mut Session) -> Result<()> {
    ui.label(RichText::new("Target").strong());
    ui.horizontal(|ui| {
        ui.selectable_value(&mut view.tool, Tool::Hand, "Hand")
            .on_hover_text("H");
        ui.selectable_value(&mut view.tool, Tool::Brush, "Brush")
            .on_hover_text("B");
        ui.selectable_value(&mut view.tool, Tool::Move, "Move prediction")
            .on_hover_text("M");
    });
    let mut result = Ok(());
    let class_count = session.editor().class_count();
    view.class = view.class.min((class_count - 1) as u8);
    ui.horizontal(|ui| {
        let colour = |class: u8| colour(class_colour(class));
        ComboBox::from_id_salt("class")
            .selected_text(RichText::new(format!("class {}", view.class)).color(readable(colour(view.class))))
            .show_ui(ui, |ui| {
                for class in 0..class_count as u8 {
                    let text = RichText::new(format!("class {class}")).color(readable(colour(class)));
                    ui.selectable_value(&mut view.class, class, text);
                }
            });
        ui.add(
            Slider::new(&mut view.radius, 1.0..=200.0)
                .logarithmic(true)
                .text("brush"),
        );
    });
    ui.horizontal(|ui| {
        if ui.button("Undo").on_hover_text("Ctrl+Z").clicked() {
            result = session.edit(|editor| Ok(editor.undo()));
        }
        for (text, form) in [
            ("Larger", "scale:1.25"),
            ("Smaller", "scale:0.8"),
            ("Turned", "rotate:30"),
        ] {
            let hint = format!("What the network predicts for the source: --target {form}");
            if ui.button(text).on_hover_text(hint).clicked() {
                result = form
                    .parse()
                    .and_then(|form| session.edit(|editor| editor.make(&form).map(|()| true)));
            }
        }
    });
    result
}

/// A colour that can be read on the window's ground.
fn readable(colour: Color32) -> Color32 {
    if colour == Color32::BLACK {
        Color32::LIGHT_GRAY
    } else {
        colour
    }
}

fn pictures(ui: &mut Ui, view: &mut View, session: &mut Session) {
    ui.label(RichText::new("Pictures").strong());
    let mut magnification = session.magnification();
    let slider = Slider::new(&mut magnification, 1.0..=1000.0)
        .logarithmic(true)
        .text("perturbation ×");
    if ui.add(slider).changed() {
        session.magnify(magnification);
    }
    ui.horizontal(|ui| {
        if ui.button("Fit").on_hover_text("F").clicked() {
            view.placement = Default::default();
        }
        let mut is_split = view.split.is_some();
        if ui.checkbox(&mut is_split, "Split").on_hover_text("T").changed() {
            view.split = is_split.then_some(0.5);
        }
        ui.label(format!("zoom {:.2}", view.placement.zoom()));
    });
    ui.label(
        RichText::new(
            "Wheel: zoom · other mouse buttons: move · double click: one picture · 1 to 7: the same · Esc: all of them",
        )
        .small()
        .weak(),
    );
}

/// What went wrong, to be shown.
pub fn problem(ui: &mut Ui, error: &Error) {
    ui.colored_label(Color32::from_rgb(230, 90, 80), error.to_string());
}
