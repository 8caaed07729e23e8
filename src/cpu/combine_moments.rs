//! Twin of [`kernels::combine_moments`](crate::kernels::combine_moments).

use super::blocks::Blocks;
use super::rows::sizes;
use crate::kernels::combine_moments::Params;

/// `moments` = of each block `m = Σ nᵢ mᵢ / Σ nᵢ` and `1/√(Σ (sᵢ + nᵢ (mᵢ − m)²) / Σ nᵢ + epsilon)` of its parts of
/// `nᵢ` elements with means `mᵢ` and squared distances `sᵢ`.
pub fn run(params: &Params, partial: &[f32], moments: &mut [f32]) {
    let parts = Blocks::new(params.extent, params.parts);
    let blocks = Blocks::new(params.parts, params.blocks);
    let [_, part_channels, part_rows, part_columns] = sizes(params.parts);
    let [_, channels, h, w] = sizes(params.blocks);
    let count = params.blocks.elements() as usize;
    for (index, out) in moments.chunks_exact_mut(2).take(count).enumerate() {
        let (line, x) = (index / w, index % w);
        let (plane, y) = (line / h, line % h);
        let of_parts = || {
            let rows = blocks.rows(plane / channels, plane % channels, y);
            rows.flat_map(|(n, c, y)| blocks.range(3, x).map(move |x| [n, c, y, x]))
                .map(|[n, c, y, x]| {
                    let place = ((n * part_channels + c) * part_rows + y) * part_columns + x;
                    let elements = parts.range(0, n).len()
                        * parts.range(1, c).len()
                        * parts.range(2, y).len()
                        * parts.range(3, x).len();
                    let [mean, squares] = [partial[2 * place], partial[2 * place + 1]].map(f64::from);
                    (elements as f64, mean, squares)
                })
        };
        let count: f64 = of_parts().map(|(elements, ..)| elements).sum();
        let mean = of_parts().map(|(elements, mean, _)| elements * mean).sum::<f64>() / count;
        let squares: f64 = of_parts()
            .map(|(elements, own, squares)| squares + elements * (own - mean) * (own - mean))
            .sum();
        out[0] = mean as f32;
        out[1] = (1.0 / (squares / count + f64::from(params.epsilon)).sqrt()) as f32;
    }
}
