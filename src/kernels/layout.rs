//! How tensors lie in buffers, and what a call needs of each of its buffers.

use bytemuck::{Pod, Zeroable};

use crate::tensor::Shape;

/// Where the elements of a tensor lie in its buffer: element `(n, c, y, x)` is at
/// `offset + n·batch + c·channel + y·row + x`. All in elements. A crop moves the offset, a part of a
/// concatenation has a channel offset; neither needs a copy.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct View {
    /// Index of element (0, 0, 0, 0).
    pub offset: u32,
    /// Distance between samples.
    pub batch: u32,
    /// Distance between channels.
    pub channel: u32,
    /// Distance between rows.
    pub row: u32,
}

impl View {
    /// The view of a tensor that fills its buffer.
    pub fn dense(shape: Shape) -> View {
        View {
            offset: 0,
            batch: (shape.c * shape.h * shape.w) as u32,
            channel: (shape.h * shape.w) as u32,
            row: shape.w as u32,
        }
    }

    /// The view of the window that begins at channel `c`, row `y`, column `x` of this one.
    pub fn window(self, c: usize, y: usize, x: usize) -> View {
        self.beginning([0, c, y, x])
    }

    /// The view of what begins at this sample, channel, row and column of this one.
    pub fn beginning(self, [n, c, y, x]: [usize; 4]) -> View {
        View {
            offset: self.offset
                + n as u32 * self.batch
                + c as u32 * self.channel
                + y as u32 * self.row
                + x as u32,
            ..self
        }
    }

    /// The index of element `(n, c, y, x)`.
    #[inline]
    pub fn at(&self, n: usize, c: usize, y: usize, x: usize) -> usize {
        self.offset as usize + n * self.batch as usize + c * self.channel as usize + y * self.row as usize + x
    }

    /// Elements that a buffer must have for a tensor of `extent` to lie in it so: one more than the largest index.
    pub fn end(&self, extent: Extent) -> u128 {
        if extent.elements() == 0 {
            return 0;
        }
        let far = |count: u32, distance: u32| u128::from(count - 1) * u128::from(distance);
        let rows = far(extent.n, self.batch) + far(extent.c, self.channel) + far(extent.h, self.row);
        u128::from(self.offset) + rows + u128::from(extent.w)
    }

    /// Whether the elements of a tensor of `extent` follow one another in the order of samples, channels, rows and
    /// columns, so that no two of them are the same.
    pub fn is_ordered(&self, extent: Extent) -> bool {
        let [row, channel] = [self.row, self.channel].map(u128::from);
        let [rows, channels] = [extent.h, extent.c].map(|count| u128::from(count.saturating_sub(1)));
        let plane = rows * row + u128::from(extent.w);
        let sample = channels * channel + plane;
        (extent.h <= 1 || row >= u128::from(extent.w))
            && (extent.c <= 1 || channel >= plane)
            && (extent.n <= 1 || u128::from(self.batch) >= sample)
    }
}

/// A shape as shaders see it: samples, channels, rows, columns.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Extent {
    /// Samples.
    pub n: u32,
    /// Channels.
    pub c: u32,
    /// Rows.
    pub h: u32,
    /// Columns.
    pub w: u32,
}

impl Extent {
    /// Values in all channels of all samples; the largest number there is if there are more.
    pub fn elements(self) -> u64 {
        u64::from(self.c).saturating_mul(self.pixels())
    }

    /// Pixels of all samples; the largest number there is if there are more.
    pub fn pixels(self) -> u64 {
        u64::from(self.n).saturating_mul(u64::from(self.h) * u64::from(self.w))
    }
}

impl From<Shape> for Extent {
    fn from(shape: Shape) -> Self {
        Extent {
            n: shape.n as u32,
            c: shape.c as u32,
            h: shape.h as u32,
            w: shape.w as u32,
        }
    }
}

impl From<Extent> for Shape {
    fn from(extent: Extent) -> Self {
        Shape::new(
            extent.n as usize,
            extent.c as usize,
            extent.h as usize,
            extent.w as usize,
        )
    }
}

/// What kind of elements a binding takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Floats, stored as float32 or float16.
    Real,
    /// Floats, stored as float32.
    Float,
    /// Unsigned integers of 4 bytes.
    Word,
}

/// A buffer that a kernel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// What stands in it.
    pub name: &'static str,
    /// Of which elements.
    pub kind: Kind,
}

/// A kernel: what it is called and which buffers it takes.
#[derive(Debug)]
pub struct Kernel {
    /// The name of its shader's file.
    pub name: &'static str,
    /// The shader's entry point.
    pub entry_point: &'static str,
    /// The buffers it only reads, in binding order from 1.
    pub reads: &'static [Binding],
    /// The buffers it writes (and may read), in binding order after the reads.
    pub writes: &'static [Binding],
}

impl Kernel {
    /// All buffers in binding order.
    pub fn bindings(&self) -> impl Iterator<Item = &'static Binding> + Clone {
        self.reads.iter().chain(self.writes)
    }

    /// Whether any of them may hold float16. Sums are of float32 all the same.
    pub fn takes_halves(&self) -> bool {
        self.bindings().any(|binding| binding.kind == Kind::Real)
    }
}

/// What a call needs of one of its buffers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need {
    /// Where in the buffer the elements stand.
    pub region: Region,
    /// Whether the call takes a buffer here at all.
    pub present: bool,
    /// Whether it reads what it then writes.
    pub also_read: bool,
}

/// Which elements of a buffer a call uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Region {
    /// A tensor of this extent, seen through this view.
    Tensor(View, Extent),
    /// The first so many.
    First(u64),
}

impl Need {
    pub(super) fn tensor(view: View, extent: Extent) -> Need {
        Need {
            region: Region::Tensor(view, extent),
            present: true,
            also_read: false,
        }
    }

    pub(super) fn first(elements: u64) -> Need {
        Need {
            region: Region::First(elements),
            present: true,
            also_read: false,
        }
    }

    pub(super) fn when(self, present: bool) -> Need {
        Need { present, ..self }
    }

    pub(super) fn also_read(self, also_read: bool) -> Need {
        Need { also_read, ..self }
    }

    /// Elements that the buffer must have.
    pub fn length(&self) -> u128 {
        match (self.present, self.region) {
            (false, _) => 0,
            (true, Region::Tensor(view, extent)) => view.end(extent),
            (true, Region::First(elements)) => elements.into(),
        }
    }

    /// Elements that the call cannot do without moving.
    pub fn moved(&self) -> u64 {
        let elements = match (self.present, self.region) {
            (false, _) => 0,
            (true, Region::Tensor(_, extent)) => extent.elements(),
            (true, Region::First(elements)) => elements,
        };
        elements.saturating_mul(1 + u64::from(self.also_read))
    }
}

/// A field of a parameter struct: some words of the uniform buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, here and in the shader.
    pub name: &'static str,
    /// Bytes before it.
    pub offset: usize,
    /// Its bytes.
    pub length: usize,
    /// Its type in WGSL.
    pub wgsl: &'static str,
}

/// A type that a field of a parameter struct can have.
pub(super) trait FieldType: Pod {
    /// Its type in WGSL.
    const WGSL: &'static str;
}

impl FieldType for View {
    const WGSL: &'static str = "View";
}

impl FieldType for Extent {
    const WGSL: &'static str = "Extent";
}

impl FieldType for u32 {
    const WGSL: &'static str = "u32";
}

impl FieldType for f32 {
    const WGSL: &'static str = "f32";
}

impl FieldType for [u32; 2] {
    const WGSL: &'static str = "vec2<u32>";
}
