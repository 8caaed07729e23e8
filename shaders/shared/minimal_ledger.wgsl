// Where state and partial sums of an attack for the smallest perturbation stand. Which words they are the constants say that
// src/kernels/minimal_settle.rs brings. Stands before a shader that has `ledger`, the buffer of words, and `params` with an
// `extent`, a `parity` and a `ledger_length`.

// The word `word` of the state of a parity.
fn state_word(sample: u32, parity: u32, word: u32) -> u32 {
    return sample * params.ledger_length + STATE + parity * STATE_LENGTH + word;
}

// Elements of an image that share partial sums.
const DISTANCE_GROUP: u32 = 4096u;

fn distance_groups() -> u32 {
    return (params.extent.c * params.extent.h * params.extent.w + DISTANCE_GROUP - 1u) / DISTANCE_GROUP;
}

// The partial sums of a parity: of the squares, and the largest distance, of each workgroup.
fn distances_start(sample: u32, parity: u32) -> u32 {
    return sample * params.ledger_length + HEADER + parity * 2u * distance_groups();
}

// Of a number that is infinite or none.
const NOT_FINITE_EXPONENT: u32 = 0x7f800000u;

// The exponent of a number, where its bits have it: a device may take for granted that no number is infinite or not a number,
// but not what bits are.
fn exponent_of(number: f32) -> u32 {
    return bitcast<u32>(number) & NOT_FINITE_EXPONENT;
}
