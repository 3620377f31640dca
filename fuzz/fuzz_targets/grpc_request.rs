#![no_main]
//! Fuzzes `jwtd_fuzz::targets::grpc_request`.
libfuzzer_sys::fuzz_target!(|input: &[u8]| jwtd_fuzz::targets::grpc_request::run(input));
