#![no_main]
//! Fuzzes `jwtd_fuzz::targets::dpop_proof`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::dpop_proof::run(input));
