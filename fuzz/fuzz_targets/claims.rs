#![no_main]
//! Fuzzes `jwtd_fuzz::targets::claims`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::claims::run(input));
