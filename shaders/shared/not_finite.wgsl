// Leaves word in the ledger that this iteration's step met a number that is none, or infinite. Workgroups that do so write
// the same. Stands behind shared/minimal_ledger.wgsl, where the ledger is written.
fn note_not_finite(sample: u32) {
    let word = sample * params.ledger_length + NOT_FINITE;
    if ledger[word] == 0u {
        ledger[word] = ledger[state_word(sample, params.parity, STATE_ITERATION)] + 1u;
    }
}
