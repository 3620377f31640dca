#![no_main]
//! Fuzzes `jwtd_fuzz::targets::jwks`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::jwks::run(input));
