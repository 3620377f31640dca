#![no_main]
//! Fuzzes `jwtd_fuzz::targets::base64url`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::base64url::run(input));
