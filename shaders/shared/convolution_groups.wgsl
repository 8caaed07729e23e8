// For variants in which one thread computes 8 output channels, perhaps of several groups.

// Groups of channels that have a part of the 8 out channels from `first` on: the first one and the last one.
fn groups_of(first: u32) -> vec2<u32> {
    if GROUPS == 1u {
        return vec2(0u);
    }
    let outs = params.output_extent.c / GROUPS;
    let last = min(first + 7u, params.output_extent.c - 1u);
    return vec2(first, last) / outs;
}

// The weights of 4 out channels from `first` on, without those that belong to another group.
fn of_group(weights: vec4<f32>, first: u32, group: u32) -> vec4<f32> {
    if GROUPS == 1u {
        return weights;
    }
    let outs = params.output_extent.c / GROUPS;
    let channels = vec4(first) + vec4(0u, 1u, 2u, 3u);
    return select(vec4(0.0), weights, channels / outs == vec4(group));
}
