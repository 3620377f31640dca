#![no_main]
//! Fuzzes `jwtd_fuzz::targets::nested`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::nested::run(input));
