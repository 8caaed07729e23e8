#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asma_fuzz::run("attack_options", bytes));
