#![no_main]
//! Fuzzes `jwtd_fuzz::targets::security_event`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::security_event::run(input));
