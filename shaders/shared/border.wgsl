// Put in front of `pad` and `pad_adjoint`.

const REPLICATE: u32 = 1u;
const REFLECT: u32 = 2u;

// Which of `size` places along one axis a place shows that has `before` places of border in front of them; `size` itself
// where it shows none.
fn shown(place: u32, before: u32, size: u32) -> u32 {
    if params.mode == REPLICATE {
        return min(max(place, before) - before, size - 1u);
    }
    // In front, the difference wraps round to a large number.
    let inside = place - before;
    if params.mode == REFLECT {
        let behind = 2u * (size - 1u) - inside;
        return select(select(behind, inside, inside < size), before - place, place < before);
    }
    return min(inside, size);
}
