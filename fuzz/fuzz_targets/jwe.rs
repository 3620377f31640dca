#![no_main]
//! Fuzzes `jwtd_fuzz::targets::jwe`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::jwe::run(input));
