// Put in front of every shader. Strides and offsets count elements.
struct View {
    offset: u32,
    batch: u32,
    channel: u32,
    row: u32,
}

struct Extent {
    n: u32,
    c: u32,
    h: u32,
    w: u32,
}

fn at(view: View, n: u32, c: u32, y: u32, x: u32) -> u32 {
    return view.offset + n * view.batch + c * view.channel + y * view.row + x;
}

// Element of `extent` that a thread handles, where pixels are folded over the first two dimensions of
// the dispatch and the third counts channels of all samples.
struct Position {
    n: u32,
    c: u32,
    y: u32,
    x: u32,
    inside: bool,
}

fn position(extent: Extent, workgroup: vec3<u32>, workgroups: vec3<u32>, thread: u32) -> Position {
    let pixel = (workgroup.y * workgroups.x + workgroup.x) * 64u + thread;
    let y = pixel / extent.w;
    return Position(
        workgroup.z / extent.c,
        workgroup.z % extent.c,
        y,
        pixel - y * extent.w,
        pixel < extent.h * extent.w,
    );
}
