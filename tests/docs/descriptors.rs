//! The compiled contract that the build reads is made of the contract in `proto`.

use prost::Message as _;
use std::path::Path;

/// The files of a descriptor, and where it is.
const SETS: [(&str, &[&str]); 2] = [
    ("proto/jwtd.binpb", &["jwtd/v1/revocation.proto", "jwtd/v1/verifier.proto"]),
    ("proto/envoy.binpb", &["envoy/service/auth/v3/external_auth.proto"]),
];

#[test]
fn the_compiled_contract_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["proto", "proto/third_party"].map(|folder| root.join(folder));
    for (name, files) in SETS {
        let mut set = protox::compile(files, &folders).unwrap();
        if name.contains("envoy") {
            // The entry of a map stands nowhere in the text, so that it has no comments.
            set.file.iter_mut().for_each(|file| file.source_code_info = None);
        }
        let compiled = set.encode_to_vec();
        let path = root.join(name);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &compiled).unwrap();
        }
        let written = std::fs::read(&path).unwrap_or_default();
        assert!(written == compiled, "{name} is old: UPDATE_DOCS=1 cargo test --test docs");
    }
}
