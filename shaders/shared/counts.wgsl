// What a sample's pixels are counted by. FLAGS and CLASS_COUNT are constants that the prelude brings: what the flags leave
// out is not compiled, loops over classes have a known end.

const WORKGROUP: u32 = 256u;

fn has(flag: u32) -> bool {
    return (FLAGS & flag) != 0u;
}

// Class bits.
const CLASS_ATTACKED: u32 = 1u;
const CLASS_AVERAGED: u32 = 2u;
