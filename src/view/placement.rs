//! How an image lies in a panel: scaled and moved alike in all of them.

/// How all panels show their images. Lengths are points of the screen; an image has its first pixel's corner at (0, 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Screen points that an image's pixel takes where it is fitted, times this.
    zoom: f32,
    /// The part of the image that lies in the middle of a panel, of 0 to 1 along either side.
    centre: [f32; 2],
}

/// Least and largest zoom.
const ZOOMS: [f32; 2] = [0.25, 64.0];

impl Default for Placement {
    fn default() -> Self {
        Placement {
            zoom: 1.0,
            centre: [0.5; 2],
        }
    }
}

impl Placement {
    /// How often an image is as large as one that fills its panel.
    pub fn zoom(&self) -> f32 {
        self.zoom
    }

    /// Points that a pixel takes in a panel of this size.
    pub fn scale(&self, panel: [f32; 2], image: [f32; 2]) -> f32 {
        let fitted = (panel[0] / image[0]).min(panel[1] / image[1]);
        (self.zoom * fitted).max(f32::MIN_POSITIVE)
    }

    /// Where a place of the image lies in a panel, from its upper left corner.
    pub fn to_panel(&self, panel: [f32; 2], image: [f32; 2], place: [f32; 2]) -> [f32; 2] {
        let scale = self.scale(panel, image);
        [0, 1].map(|axis| panel[axis] / 2.0 + (place[axis] - self.centre[axis] * image[axis]) * scale)
    }

    /// Which place of the image lies at a point of a panel.
    pub fn to_image(&self, panel: [f32; 2], image: [f32; 2], point: [f32; 2]) -> [f32; 2] {
        let scale = self.scale(panel, image);
        [0, 1].map(|axis| self.centre[axis] * image[axis] + (point[axis] - panel[axis] / 2.0) / scale)
    }

    /// Moves the image along by so many points.
    pub fn drag(&mut self, panel: [f32; 2], image: [f32; 2], by: [f32; 2]) {
        let scale = self.scale(panel, image);
        for axis in [0, 1] {
            let moved = self.centre[axis] - by[axis] / scale / image[axis];
            self.centre[axis] = moved.clamp(0.0, 1.0);
        }
    }

    /// Zooms by a factor, so that what lies at a point of the panel stays there.
    pub fn zoom_at(&mut self, panel: [f32; 2], image: [f32; 2], point: [f32; 2], factor: f32) {
        let before = self.to_image(panel, image, point);
        self.zoom = (self.zoom * factor).clamp(ZOOMS[0], ZOOMS[1]);
        let after = self.to_image(panel, image, point);
        for axis in [0, 1] {
            let moved = self.centre[axis] + (before[axis] - after[axis]) / image[axis];
            self.centre[axis] = moved.clamp(0.0, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PANEL: [f32; 2] = [300.0, 200.0];
    const IMAGE: [f32; 2] = [100.0, 50.0];

    fn near(a: [f32; 2], b: [f32; 2]) {
        assert!(
            (a[0] - b[0]).abs() < 1e-3 && (a[1] - b[1]).abs() < 1e-3,
            "{a:?} {b:?}"
        );
    }

    #[test]
    fn an_image_is_fitted_in_the_middle_of_its_panel_first() {
        let placement = Placement::default();
        near(placement.to_panel(PANEL, IMAGE, [0.0, 0.0]), [0.0, 25.0]);
        near(placement.to_panel(PANEL, IMAGE, IMAGE), [300.0, 175.0]);
    }

    #[test]
    fn what_lies_under_the_mouse_stays_there() {
        let mut placement = Placement::default();
        let point = [120.0, 90.0];
        let before = placement.to_image(PANEL, IMAGE, point);
        placement.zoom_at(PANEL, IMAGE, point, 3.0);
        assert_eq!(placement.zoom(), 3.0);
        near(placement.to_image(PANEL, IMAGE, point), before);
        near(placement.to_panel(PANEL, IMAGE, before), point);
        placement.drag(PANEL, IMAGE, [30.0, -12.0]);
        near(placement.to_panel(PANEL, IMAGE, before), [150.0, 78.0]);
    }

    #[test]
    fn an_image_cannot_be_lost() {
        let mut placement = Placement::default();
        placement.drag(PANEL, IMAGE, [1e6, -1e6]);
        near(placement.to_image(PANEL, IMAGE, [150.0, 100.0]), [0.0, 50.0]);
        placement.zoom_at(PANEL, IMAGE, [0.0, 0.0], 1e9);
        assert_eq!(placement.zoom(), ZOOMS[1]);
        placement.zoom_at(PANEL, IMAGE, [0.0, 0.0], 0.0);
        assert_eq!(placement.zoom(), ZOOMS[0]);
    }
}
