#![no_main]
//! Fuzzes `jwtd_fuzz::targets::authority`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::authority::run(input));
