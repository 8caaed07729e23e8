struct Params {
    length: u32,
    beta_1: f32,
    beta_2: f32,
    one_minus_beta_1: f32,
    one_minus_beta_2: f32,
    epsilon: f32,
    decay: f32,
    most_norm: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> squared_norm: array<f32>;
@group(0) @binding(3) var<storage, read> rates: array<f32>;
@group(0) @binding(4) var<storage, read_write> weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> first_moment: array<f32>;
@group(0) @binding(6) var<storage, read_write> second_moment: array<f32>;

@compute @workgroup_size(64)
fn adam(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let index = (workgroup.y * workgroups.x + workgroup.x) * 64u + thread;
    if index >= params.length {
        return;
    }
    var clip = 1.0;
    if params.most_norm > 0.0 {
        clip = min(1.0, params.most_norm / (sqrt(squared_norm[0]) + 1e-6));
    }
    let clipped = clip * gradient[index];
    let first = params.beta_1 * first_moment[index] + params.one_minus_beta_1 * clipped;
    let second = params.beta_2 * second_moment[index] + params.one_minus_beta_2 * clipped * clipped;
    first_moment[index] = first;
    second_moment[index] = second;
    let rate = rates[0];
    let decayed = weights[index] - rate * params.decay * weights[index];
    weights[index] = decayed - rate * (first / rates[1]) / (sqrt(second / rates[2]) + params.epsilon);
}
