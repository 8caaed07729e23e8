// One workgroup for 64 × 64 elements of the product, 4 × 4 for each thread, 16 terms at a time. Threads read neighbours
// whichever way the factors lie.
const TILE: u32 = 64u;
const TERMS: u32 = 16u;

// Of each term, a column of the left factor and a row of the right one.
var<workgroup> left_tile: array<f32, 1024>;
var<workgroup> right_tile: array<f32, 1024>;

@compute @workgroup_size(256)
fn mat_mul(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let n = workgroup.z / params.extent.c;
    let c = workgroup.z % params.extent.c;
    let first_row = workgroup.y * TILE;
    let first_column = workgroup.x * TILE;
    let rows = params.extent.h;
    let columns = params.extent.w;
    let terms = depth();
    let all = summed();
    let own_row = thread / 16u * 4u;
    let own_column = thread % 16u * 4u;
    var sums: array<vec4<f32>, 4>;
    for (var batch = 0u; batch < all.x * all.y; batch++) {
        let sample = n + batch / all.y;
        let channel = c + batch % all.y;
        for (var first = 0u; first < terms; first += TERMS) {
            for (var i = thread; i < 1024u; i += 256u) {
                // Rows of the left factor lie apart, unless it is transposed.
                var row = i / TERMS;
                var k = i % TERMS;
                if LEFT_TRANSPOSED == 1u {
                    row = i % TILE;
                    k = i / TILE;
                }
                var value = 0.0;
                if first_row + row < rows && first + k < terms {
                    value = left_at(sample, channel, first_row + row, first + k);
                }
                left_tile[k * TILE + row] = value;
                var column = i % TILE;
                k = i / TILE;
                if RIGHT_TRANSPOSED == 1u {
                    column = i / TERMS;
                    k = i % TERMS;
                }
                value = 0.0;
                if first_column + column < columns && first + k < terms {
                    value = right_at(sample, channel, first + k, first_column + column);
                }
                right_tile[k * TILE + column] = value;
            }
            workgroupBarrier();
            for (var k = 0u; k < TERMS; k++) {
                let at_right = k * TILE + own_column;
                let factors = vec4<f32>(
                    right_tile[at_right],
                    right_tile[at_right + 1u],
                    right_tile[at_right + 2u],
                    right_tile[at_right + 3u],
                );
                for (var i = 0u; i < 4u; i++) {
                    sums[i] += left_tile[k * TILE + own_row + i] * factors;
                }
            }
            workgroupBarrier();
        }
    }
    for (var i = 0u; i < 4u; i++) {
        for (var j = 0u; j < 4u; j++) {
            let row = first_row + own_row + i;
            let column = first_column + own_column + j;
            if row < rows && column < columns {
                write_sum(n, c, row, column, sums[i][j]);
            }
        }
    }
}
