#![no_main]
//! Fuzzes `jwtd_fuzz::targets::jwk`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::jwk::run(input));
