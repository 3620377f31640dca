#![no_main]
//! Fuzzes `jwtd_fuzz::targets::verify_differential`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::verify_differential::run(input));
