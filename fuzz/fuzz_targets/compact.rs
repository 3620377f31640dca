#![no_main]
//! Fuzzes `jwtd_fuzz::targets::compact`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::compact::run(input));
