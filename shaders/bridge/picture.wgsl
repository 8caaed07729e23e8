// What a pixel of a picture is: an image, a perturbation, labels in their colours, these over an image, or the pixels that
// drive an attack.

const IMAGE: u32 = 0u;
const PERTURBATION: u32 = 1u;
const LABELS: u32 = 2u;
const OVERLAY: u32 = 3u;
const MASK: u32 = 4u;

// What of a mask is left: pixels that are not yet as labelled, those that still are, or all.
const UNLIKE: u32 = 0u;
const ALIKE: u32 = 1u;

const IGNORE: u32 = 255u;

struct Params {
    image: View,
    source: View,
    // Of the picture.
    extent: Extent,
    // The labels' first row and column in it, their rows and their columns.
    window: vec4<u32>,
    // Of labels and of wanted ones: their first word, and how many are in a word: 4 of them bytes, the first in the lowest
    // bits, or 1.
    labels: vec2<u32>,
    wanted: vec2<u32>,
    kind: u32,
    which: u32,
    magnification: f32,
    // Pixels between labels that their outline takes.
    thickness: u32,
    // How much of a label's colour covers the image inside its outline.
    fill: f32,
    // 1 where the texture takes amounts of light.
    is_light: u32,
    // Of an 8-bit texture 255: rounded before light is made of it, a device gives back what was meant.
    levels: f32,
    padding: u32,
    outside: vec4<f32>,
    inactive: vec4<f32>,
    // Of each label; the fourth number is 1 if its class is attacked.
    colours: array<vec4<f32>, 256>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<f32>;
@group(0) @binding(2) var<storage, read> source: array<f32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read> wanted: array<u32>;

fn unpacked(word: u32, place: u32) -> u32 {
    return (word >> (8u * place)) & 255u;
}

fn label(y: u32, x: u32) -> u32 {
    let pixel = y * params.window.w + x;
    let word = labels[params.labels.x + pixel / params.labels.y];
    return min(select(word, unpacked(word, pixel % 4u), params.labels.y == 4u), IGNORE);
}

fn wanted_label(y: u32, x: u32) -> u32 {
    let pixel = y * params.window.w + x;
    let word = wanted[params.wanted.x + pixel / params.wanted.y];
    return min(select(word, unpacked(word, pixel % 4u), params.wanted.y == 4u), IGNORE);
}

fn image_at(y: u32, x: u32) -> vec3<f32> {
    let first = image[at(params.image, 0u, 0u, y, x)];
    if params.extent.c == 1u {
        return vec3(first);
    }
    return vec3(first, image[at(params.image, 0u, 1u, y, x)], image[at(params.image, 0u, 2u, y, x)]);
}

fn source_at(y: u32, x: u32) -> vec3<f32> {
    let first = source[at(params.source, 0u, 0u, y, x)];
    if params.extent.c == 1u {
        return vec3(first);
    }
    return vec3(first, source[at(params.source, 0u, 1u, y, x)], source[at(params.source, 0u, 2u, y, x)]);
}

// Whether a pixel of another label lies within the thickness. The map's own edge is no outline.
fn on_outline(y: u32, x: u32) -> bool {
    let reach = i32(params.thickness);
    let here = label(y, x);
    for (var down = -reach; down <= reach; down++) {
        for (var right = -reach; right <= reach; right++) {
            let row = i32(y) + down;
            let column = i32(x) + right;
            let inside = row >= 0 && column >= 0 && row < i32(params.window.z) && column < i32(params.window.w);
            if inside && down * down + right * right <= reach * reach && label(u32(row), u32(column)) != here {
                return true;
            }
        }
    }
    return false;
}

fn masked(y: u32, x: u32) -> vec3<f32> {
    let wanted_here = wanted_label(y, x);
    let is_as_wanted = wanted_here == label(y, x);
    let drives = (params.which == UNLIKE && !is_as_wanted)
        || (params.which == ALIKE && is_as_wanted)
        || params.which > ALIKE;
    let colour = params.colours[wanted_here];
    let is_active = drives && wanted_here != IGNORE && colour.a == 1.0;
    return select(params.inactive.rgb, colour.rgb, is_active);
}

// Of the pixel in this row and column, as image files have colours.
fn encoded_colour(y: u32, x: u32) -> vec3<f32> {
    if params.kind == IMAGE {
        return image_at(y, x);
    }
    if params.kind == PERTURBATION {
        return (image_at(y, x) - source_at(y, x)) * params.magnification + 0.5;
    }
    let row = y - params.window.x;
    let column = x - params.window.y;
    // Above and to the left the differences wrap around to large numbers.
    let inside = row < params.window.z && column < params.window.w;
    if params.kind == OVERLAY {
        let below = image_at(y, x);
        if !inside || label(row, column) == 0u {
            return below;
        }
        let opacity = select(params.fill, 1.0, on_outline(row, column));
        return mix(below, params.colours[label(row, column)].rgb, opacity);
    }
    if !inside {
        return params.outside.rgb;
    }
    if params.kind == MASK {
        return masked(row, column);
    }
    return params.colours[label(row, column)].rgb;
}

// The same as the texture takes it.
fn colour(y: u32, x: u32) -> vec4<f32> {
    var values = clamp(encoded_colour(y, x), vec3(0.0), vec3(1.0));
    for (var channel = 0u; channel < 3u; channel++) {
        values[channel] = to_level(values[channel], params.levels);
        if params.is_light == 1u {
            values[channel] = to_light(values[channel]);
        }
    }
    return vec4(values, 1.0);
}
