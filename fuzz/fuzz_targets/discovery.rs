#![no_main]
//! Fuzzes `jwtd_fuzz::targets::discovery`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::discovery::run(input));
