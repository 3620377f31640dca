//! Compiles the gRPC contract, without `protoc`, when the daemon is built.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=proto");
    #[cfg(feature = "daemon")]
    contract::compile()?;
    Ok(())
}

#[cfg(feature = "daemon")]
mod contract {
    use prost_types::FileDescriptorSet;
    use prost_types::field_descriptor_proto::Type;

    /// Fields that are published as `string` and served as `bytes`: the same on
    /// the wire, but with no copy. Tokens need no UTF-8 pass, because the base64url
    /// decoder judges every byte anyway; the names that are sent are shared.
    const SHARED_FIELDS: [(&str, &str); 6] = [
        ("ExplainRequest", "token"),
        ("Verdict", "algorithm"),
        ("Verdict", "issuer"),
        ("VerifyBatchRequest", "tokens"),
        ("VerifyRequest", "token"),
        ("VerifyStreamRequest", "tokens"),
    ];

    pub(super) fn compile() -> Result<(), Box<dyn std::error::Error>> {
        let published =
            protox::compile(["jwtd/v1/verifier.proto"], ["proto", "proto/third_party"])?;

        let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
        // What reflection shows to callers is the published contract.
        std::fs::write(out.join("descriptor.bin"), prost_encode(&published))?;

        // What others published is served beside it and not shown as ours.
        let envoy = ["envoy/service/auth/v3/external_auth.proto"];
        let envoy = protox::compile(envoy, ["proto/third_party"])?;
        // What the room for requests is told from: the fields as they are served.
        let served = served(published);
        let mut all = served.clone();
        all.file.extend(envoy.file.iter().cloned());
        std::fs::write(out.join("served.bin"), prost_encode(&all))?;

        for set in [served, envoy] {
            tonic_prost_build::configure()
                .bytes(".")
                .codec_path("crate::pb::codec::SizedCodec")
                .extern_path(".google.rpc.Status", "::tonic_types::Status")
                .compile_fds(set)?;
        }
        Ok(())
    }

    fn prost_encode(set: &FileDescriptorSet) -> Vec<u8> {
        use prost::Message as _;
        set.encode_to_vec()
    }

    fn served(mut set: FileDescriptorSet) -> FileDescriptorSet {
        for message in set.file.iter_mut().flat_map(|file| &mut file.message_type) {
            let name = message.name().to_owned();
            for field in &mut message.field {
                if SHARED_FIELDS.contains(&(name.as_str(), field.name())) {
                    field.set_type(Type::Bytes);
                }
            }
        }
        set
    }
}
