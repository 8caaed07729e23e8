//! The filters of Winograd's form.

use super::super::convolution::Convolution;
use super::super::sweep::pack;
use super::GROUP;

impl Convolution<'_> {
    /// `G w Gᵀ` of the out channels of a group, `[points][in channels][those out channels]`.
    #[inline(always)]
    pub(super) fn transform_filters(&self, first: usize, filters: &mut [f32]) {
        let ins = self.params.input_extent.c as usize;
        let padded = self.params.padded_out_channels as usize;
        let count = GROUP.min(self.params.output_extent.c as usize - first);
        for channel in 0..ins {
            let mut taps = [[0.0; GROUP]; 9];
            for (i, tap) in taps.iter_mut().enumerate() {
                let turned = if self.transposed { 8 - i } else { i };
                // There are weights of zero for the rest of a group.
                *tap = array(&self.weight[(9 * channel + turned) * padded + first..]);
            }
            let columns = [
                spread(taps[0], taps[3], taps[6]),
                spread(taps[1], taps[4], taps[7]),
                spread(taps[2], taps[5], taps[8]),
            ];
            for y in 0..4 {
                let row = spread(columns[0][y], columns[1][y], columns[2][y]);
                for x in 0..4 {
                    let point = &mut filters[(4 * y + x) * ins * GROUP..][..ins * count];
                    if count == GROUP {
                        point[channel * GROUP..][..GROUP].copy_from_slice(&row[x]);
                    } else {
                        pack(channel, ins, &row[x][..count], point);
                    }
                }
            }
        }
    }
}

/// The first numbers of a slice.
#[inline(always)]
fn array(values: &[f32]) -> [f32; GROUP] {
    let mut array = [0.0; GROUP];
    array.copy_from_slice(&values[..GROUP]);
    array
}

/// `G` times three numbers, of each of the channels of a group.
#[inline(always)]
fn spread(a: [f32; GROUP], b: [f32; GROUP], c: [f32; GROUP]) -> [[f32; GROUP]; 4] {
    let mut spread = [a, [0.0; GROUP], [0.0; GROUP], c];
    for i in 0..GROUP {
        let both = 0.5 * (a[i] + c[i]);
        spread[1][i] = both + 0.5 * b[i];
        spread[2][i] = both - 0.5 * b[i];
    }
    spread
}
