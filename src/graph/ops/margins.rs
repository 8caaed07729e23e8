//! Rows and columns around a tensor.

/// Rows above and below, columns left and right of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Margins {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns left.
    pub left: usize,
    /// Columns right.
    pub right: usize,
}

impl Margins {
    /// Nothing at any side.
    pub const NONE: Margins = Margins::same([0, 0]);

    /// As many rows above as below, as many columns left as right.
    pub const fn same([rows, columns]: [usize; 2]) -> Margins {
        Margins {
            top: rows,
            bottom: rows,
            left: columns,
            right: columns,
        }
    }

    /// Rows above, columns left.
    pub const fn before(self) -> [usize; 2] {
        [self.top, self.left]
    }

    /// Rows below, columns right.
    pub const fn after(self) -> [usize; 2] {
        [self.bottom, self.right]
    }

    /// Rows above and below together, columns left and right together.
    pub(super) const fn together(self) -> [usize; 2] {
        [self.top + self.bottom, self.left + self.right]
    }

    /// All four.
    pub(super) const fn sides(self) -> [usize; 4] {
        [self.top, self.bottom, self.left, self.right]
    }
}
