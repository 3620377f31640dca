#![no_main]
//! Fuzzes `jwtd_fuzz::targets::header`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::header::run(input));
