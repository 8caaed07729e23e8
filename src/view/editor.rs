//! A target that is painted with a brush, or made of the prediction moved with the mouse.

use crate::attack::Target;
use crate::error::Result;
use crate::labels::LabelMap;

/// A target under the user's hand. Places are columns and rows of the label map, fractions of a pixel too.
#[derive(Clone, Debug)]
pub struct TargetEditor {
    target: LabelMap,
    /// What the network predicts for the source.
    prediction: LabelMap,
    class_count: usize,
    earlier: Vec<LabelMap>,
    /// How far the prediction has been moved, while it is.
    moved: [f32; 2],
}

/// Steps that can be undone.
const MOST_EARLIER: usize = 32;

impl TargetEditor {
    /// Of a target of the size of the network's output, and what it predicts for the source.
    pub fn new(target: LabelMap, prediction: LabelMap, class_count: usize) -> TargetEditor {
        TargetEditor {
            target,
            prediction,
            class_count,
            earlier: Vec::new(),
            moved: [0.0; 2],
        }
    }

    /// The target.
    pub fn target(&self) -> &LabelMap {
        &self.target
    }

    /// Classes that can be painted.
    pub fn class_count(&self) -> usize {
        self.class_count
    }

    /// Begins a stroke or a move: what is there now can be had again by [`TargetEditor::undo`].
    pub fn begin(&mut self) {
        if self.earlier.len() == MOST_EARLIER {
            self.earlier.remove(0);
        }
        self.earlier.push(self.target.clone());
        self.moved = [0.0; 2];
    }

    /// Takes the last stroke or move back; false if there is none.
    pub fn undo(&mut self) -> bool {
        match self.earlier.pop() {
            Some(earlier) => {
                self.target = earlier;
                true
            }
            None => false,
        }
    }

    /// Paints a line of a round brush from one place to another; true if a pixel has changed.
    ///
    /// # Errors
    /// If the class is none of the network's.
    pub fn paint(&mut self, from: [f32; 2], to: [f32; 2], radius: f32, class: u8) -> Result<bool> {
        Target::Class(class).check(self.class_count)?;
        let (height, width) = (self.target.height(), self.target.width());
        let mut labels = self.target.labels().to_vec();
        let along = [to[0] - from[0], to[1] - from[1]];
        let length = along[0] * along[0] + along[1] * along[1];
        let reach = |axis: usize, most: usize| {
            let least = from[axis].min(to[axis]) - radius;
            let largest = from[axis].max(to[axis]) + radius;
            (least.floor().max(0.0) as usize).min(most)..(largest.ceil().max(0.0) as usize).min(most)
        };
        let mut has_changed = false;
        for y in reach(1, height) {
            for x in reach(0, width) {
                let place = [x as f32 + 0.5 - from[0], y as f32 + 0.5 - from[1]];
                let share = match length > 0.0 {
                    true => ((place[0] * along[0] + place[1] * along[1]) / length).clamp(0.0, 1.0),
                    false => 0.0,
                };
                let off = [place[0] - share * along[0], place[1] - share * along[1]];
                let label = &mut labels[y * width + x];
                if off[0] * off[0] + off[1] * off[1] <= radius * radius && *label != class {
                    *label = class;
                    has_changed = true;
                }
            }
        }
        self.target = LabelMap::new(height, width, labels)?;
        Ok(has_changed)
    }

    /// Moves the prediction by so many columns and rows further, and makes that the target; true if that has changed. Moved all
    /// the way out of the picture it stays where it was.
    pub fn move_prediction(&mut self, by: [f32; 2]) -> bool {
        let moved = [self.moved[0] + by[0], self.moved[1] + by[1]];
        let target = Target::Shift {
            dx: moved[0].round() as i64,
            dy: moved[1].round() as i64,
        };
        match target.from_prediction(&self.prediction, self.class_count) {
            Ok(Some(target)) => {
                self.moved = moved;
                let has_changed = target != self.target;
                self.target = target;
                has_changed
            }
            Ok(None) | Err(_) => false,
        }
    }

    /// Makes something of the prediction the target, as a target in words does.
    ///
    /// # Errors
    /// If it cannot be made of this prediction, or is a file.
    pub fn make(&mut self, wanted: &Target) -> Result<()> {
        let made = wanted.from_prediction(&self.prediction, self.class_count)?;
        if let Some(target) = made {
            self.begin();
            self.target = target;
        }
        Ok(())
    }
}
