//! Places of a dense tensor, in NCHW order.

use asma::Shape;

/// All places of a shape.
pub fn places(shape: Shape) -> impl Iterator<Item = [usize; 4]> {
    (0..shape.elements()).map(move |i| {
        let (line, x) = (i / shape.w, i % shape.w);
        let (plane, y) = (line / shape.h, line % shape.h);
        [plane / shape.c, plane % shape.c, y, x]
    })
}

/// The index of a place.
pub fn index(shape: Shape, [n, c, y, x]: [usize; 4]) -> usize {
    ((n * shape.c + c) * shape.h + y) * shape.w + x
}
