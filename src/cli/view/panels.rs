//! The pictures: their panels, zoomed and moved alike, and what the mouse does on them.

use std::collections::HashMap;

use super::curves::colour;
use asma::Result;
use asma::palette::{ORANGE, class_colour};
use asma::view::{Panel, Placement, Session};
use eframe::egui::{
    self, Align2, Color32, FontId, PointerButton, Pos2, Rect, Response, Sense, Stroke, TextureId, Ui, pos2,
    vec2,
};

/// What the mouse's first button does on a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Moves all pictures.
    Hand,
    /// Paints the target.
    Brush,
    /// Moves the predicted target.
    Move,
}

/// How pictures are shown.
#[derive(Debug)]
pub struct View {
    pub placement: Placement,
    pub tool: Tool,
    /// The class that is painted.
    pub class: u8,
    /// The brush's radius in pixels of the image.
    pub radius: f32,
    /// The one that fills the window.
    pub focus: Option<Panel>,
    /// Whether source and adversarial image share one panel, and where they part, of 0 to 1.
    pub split: Option<f32>,
    /// Where a stroke was last.
    last: Option<[f32; 2]>,
}

impl Default for View {
    fn default() -> Self {
        View {
            placement: Placement::default(),
            tool: Tool::Hand,
            class: 1,
            radius: 12.0,
            focus: None,
            split: None,
            last: None,
        }
    }
}

/// Pictures in a row of the grid.
const COLUMNS: usize = 4;

impl View {
    /// Shows the pictures of these textures, of images of this size; without a session they only lie there.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        textures: &HashMap<Panel, TextureId>,
        image: [f32; 2],
        mut session: Option<&mut Session>,
    ) -> Result<()> {
        let area = ui.available_rect_before_wrap();
        if let Some(split) = self.split {
            return self.show_split(ui, area, textures, image, session, split);
        }
        if let Some(panel) = self.focus {
            return self.show_panel(ui, area, panel, textures, image, session.as_deref_mut());
        }
        let gap = 4.0;
        let rows = Panel::ALL.len().div_ceil(COLUMNS);
        let cell = vec2(
            (area.width() - gap * (COLUMNS - 1) as f32) / COLUMNS as f32,
            (area.height() - gap * (rows - 1) as f32) / rows as f32,
        );
        for (index, panel) in Panel::ALL.into_iter().enumerate() {
            let (column, row) = (index % COLUMNS, index / COLUMNS);
            let corner = area.min + vec2(column as f32 * (cell.x + gap), row as f32 * (cell.y + gap));
            let rect = Rect::from_min_size(corner, cell);
            self.show_panel(ui, rect, panel, textures, image, session.as_deref_mut())?;
        }
        Ok(())
    }

    fn show_panel(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        panel: Panel,
        textures: &HashMap<Panel, TextureId>,
        image: [f32; 2],
        session: Option<&mut Session>,
    ) -> Result<()> {
        let response = ui.allocate_rect(rect, Sense::click_and_drag());
        let title = match (panel, &session) {
            (Panel::Perturbation, Some(session)) => {
                format!("{} ×{:.0}", panel.title(), session.magnification())
            }
            _ => panel.title().into(),
        };
        self.draw(ui, rect, rect, panel, textures, image);
        caption(ui, rect, &title);
        if response.double_clicked() && self.tool == Tool::Hand {
            self.focus = match self.focus {
                Some(_) => None,
                None => Some(panel),
            };
        }
        self.interact(ui, rect, &response, image, session)
    }

    fn show_split(
        &mut self,
        ui: &mut Ui,
        area: Rect,
        textures: &HashMap<Panel, TextureId>,
        image: [f32; 2],
        session: Option<&mut Session>,
        split: f32,
    ) -> Result<()> {
        let response = ui.allocate_rect(area, Sense::click_and_drag());
        let x = area.left() + split * area.width();
        let (left, right) = area.split_left_right_at_x(x);
        self.draw(ui, area, left, Panel::Source, textures, image);
        self.draw(ui, area, right, Panel::Adversarial, textures, image);
        ui.painter()
            .vline(x, area.y_range(), Stroke::new(2.0, colour(ORANGE)));
        caption(ui, left, Panel::Source.title());
        caption(ui, right, Panel::Adversarial.title());
        let handle = Rect::from_center_size(pos2(x, area.center().y), vec2(14.0, area.height()));
        let handle = ui.interact(handle, ui.scope_id().with("split"), Sense::drag());
        if handle.dragged() {
            let moved = split + handle.drag_delta().x / area.width();
            self.split = Some(moved.clamp(0.0, 1.0));
            return Ok(());
        }
        if handle.hovered() {
            ui.set_cursor_icon(egui::CursorIcon::ResizeHorizontal);
            return Ok(());
        }
        self.interact(ui, area, &response, image, session)
    }

    /// Draws a picture as it lies in `panel`, as far as it is inside of `visible`.
    fn draw(
        &self,
        ui: &Ui,
        panel: Rect,
        visible: Rect,
        which: Panel,
        textures: &HashMap<Panel, TextureId>,
        image: [f32; 2],
    ) {
        let painter = ui.painter().with_clip_rect(visible.intersect(ui.clip_rect()));
        painter.rect_filled(visible, 3.0, ui.visuals().extreme_bg_color);
        let Some(texture) = textures.get(&which) else {
            return;
        };
        let size = [panel.width(), panel.height()];
        let at = |place| {
            let [x, y] = self.placement.to_panel(size, image, place);
            panel.min + vec2(x, y)
        };
        let lies = Rect::from_min_max(at([0.0; 2]), at(image));
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        painter.image(*texture, lies, whole, Color32::WHITE);
    }

    fn interact(
        &mut self,
        ui: &Ui,
        rect: Rect,
        response: &Response,
        image: [f32; 2],
        session: Option<&mut Session>,
    ) -> Result<()> {
        let size = [rect.width(), rect.height()];
        let point = |place: Pos2| [place.x - rect.left(), place.y - rect.top()];
        if let Some(place) = response.hover_pos() {
            let (scrolled, pinched) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
            let factor = pinched * (scrolled / 200.0).exp();
            if factor != 1.0 {
                self.placement.zoom_at(size, image, point(place), factor);
            }
        }
        let by = [response.drag_delta().x, response.drag_delta().y];
        let pans = response.dragged_by(PointerButton::Middle)
            || response.dragged_by(PointerButton::Secondary)
            || (self.tool == Tool::Hand && response.dragged_by(PointerButton::Primary));
        if pans {
            self.placement.drag(size, image, by);
        }
        let Some(session) = session else {
            return Ok(());
        };
        match self.tool {
            Tool::Hand => Ok(()),
            Tool::Brush => self.paint(ui, rect, response, image, session),
            Tool::Move => {
                if response.drag_started_by(PointerButton::Primary) {
                    session.edit(|editor| {
                        editor.begin();
                        Ok(false)
                    })?;
                }
                if response.dragged_by(PointerButton::Primary) {
                    let scale = self.placement.scale(size, image);
                    session.edit(|editor| Ok(editor.move_prediction(by.map(|by| by / scale))))?;
                }
                Ok(())
            }
        }
    }

    fn paint(
        &mut self,
        ui: &Ui,
        rect: Rect,
        response: &Response,
        image: [f32; 2],
        session: &mut Session,
    ) -> Result<()> {
        let size = [rect.width(), rect.height()];
        let scale = self.placement.scale(size, image);
        if let Some(place) = response.hover_pos() {
            let painter = ui.painter().with_clip_rect(rect);
            painter.circle_stroke(place, self.radius * scale, Stroke::new(3.0, Color32::BLACK));
            painter.circle_stroke(
                place,
                self.radius * scale,
                Stroke::new(1.5, colour(class_colour(self.class))),
            );
        }
        let is_down = ui.input(|input| input.pointer.button_down(PointerButton::Primary));
        if !is_down {
            // Wherever the button was let go.
            self.last = None;
        }
        let paints = is_down && response.is_pointer_button_down_on();
        let Some(place) = response.interact_pointer_pos().filter(|_| paints) else {
            return Ok(());
        };
        // Where the label map lies in the image.
        let labels = session.editor().target();
        let offset = [
            (image[0] as usize).saturating_sub(labels.width()) / 2,
            (image[1] as usize).saturating_sub(labels.height()) / 2,
        ];
        let here = self
            .placement
            .to_image(size, image, [place.x - rect.left(), place.y - rect.top()]);
        let here = [0, 1].map(|axis| here[axis] - offset[axis] as f32);
        let begins = self.last.is_none();
        let from = self.last.replace(here).unwrap_or(here);
        let (radius, class) = (self.radius, self.class);
        session.edit(|editor| {
            if begins {
                editor.begin();
            }
            editor.paint(from, here, radius, class)
        })
    }
}

fn caption(ui: &Ui, rect: Rect, title: &str) {
    let painter = ui.painter().with_clip_rect(rect);
    let galley = painter.layout_no_wrap(title.into(), FontId::proportional(12.0), Color32::WHITE);
    let back = Rect::from_min_size(rect.min, galley.size() + vec2(10.0, 4.0));
    painter.rect_filled(back, 3.0, Color32::from_black_alpha(160));
    painter.text(
        rect.min + vec2(5.0, 2.0),
        Align2::LEFT_TOP,
        title,
        FontId::proportional(12.0),
        Color32::WHITE,
    );
}
