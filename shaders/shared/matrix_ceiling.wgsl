// What a device's matrix units can do at most: products of matrices that stay where they are. No kernel of any program;
// `asma bench` measures the others against this. TILE, SUBGROUP and the types Left, Right and Sums come with the
// prelude.

@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> sink: array<f32>;

const WORKGROUP: u32 = 128u;
const ROUNDS: u32 = 64u;
const SUBGROUPS: u32 = WORKGROUP / SUBGROUP;

var<workgroup> factors: array<f16, 2u * TILE * TILE>;

// Four sums that do not wait for each other. Factors come from memory, so that no compiler can do without the work.
@compute @workgroup_size(WORKGROUP)
fn multiply_matrices(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    for (var i = thread; i < 2u * TILE * TILE; i += WORKGROUP) {
        factors[i] = f16(source[i].x);
    }
    workgroupBarrier();
    let second = TILE * TILE;
    let left_0 = coopLoadT<Left>(&factors[0], TILE);
    let left_1 = coopLoadT<Left>(&factors[second], TILE);
    let right_0 = coopLoadT<Right>(&factors[0], TILE);
    let right_1 = coopLoadT<Right>(&factors[second], TILE);
    var sums_00 = Sums();
    var sums_01 = Sums();
    var sums_10 = Sums();
    var sums_11 = Sums();
    for (var round = 0u; round < ROUNDS; round++) {
        sums_00 = coopMultiplyAdd(left_0, right_0, sums_00);
        sums_01 = coopMultiplyAdd(left_0, right_1, sums_01);
        sums_10 = coopMultiplyAdd(left_1, right_0, sums_10);
        sums_11 = coopMultiplyAdd(left_1, right_1, sums_11);
    }
    sums_00 = sums_00 + sums_01 + sums_10 + sums_11;
    let place = ((workgroup.y * workgroups.x + workgroup.x) * SUBGROUPS + subgroup) * TILE * TILE;
    let wrapped = place % (arrayLength(&sink) - TILE * TILE);
    let aligned = wrapped - wrapped % 8u;
    coopStoreT(sums_00, &sink[aligned], TILE);
}
