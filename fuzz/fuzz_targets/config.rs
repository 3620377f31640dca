#![no_main]
//! Fuzzes `jwtd_fuzz::targets::config`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::config::run(input));
