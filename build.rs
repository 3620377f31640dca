//! Makes code of the gRPC contract when the daemon is built. What it reads is the contract compiled
//! already (`proto/*.binpb`), so that no compiler of contracts has to be built first; the test
//! `descriptors` of `tests/docs` holds both alike.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=proto");
    contract::compile()?;
    Ok(())
}

mod contract {
    use prost_types::field_descriptor_proto::Type;
    use prost_types::{DescriptorProto, FileDescriptorSet};

    /// Fields that the published contract declares as `string` and the daemon handles as `bytes`.
    /// The wire format is the same, but no copy is made. Tokens need no UTF-8 check, because the
    /// base64url decoder checks every byte anyway; names in responses are shared buffers.
    const SHARED_FIELDS: [(&str, &str); 6] = [
        ("ExplainRequest", "token"),
        ("Verdict", "algorithm"),
        ("Verdict", "issuer"),
        ("VerifyBatchRequest", "tokens"),
        ("VerifyRequest", "token"),
        ("VerifyStreamRequest", "tokens"),
    ];

    /// Fields of Envoy's request that hold, or may hold, client data: bytes that are not always
    /// valid UTF-8. As `string` they would make the call fail, which `failure_mode_allow` ignores.
    /// Map keys cannot be bytes, so map entries are handled as the messages that they are on the
    /// wire.
    const CLIENT_FIELDS: [(&str, &str); 12] = [
        ("ContextExtensionsEntry", "key"),
        ("ContextExtensionsEntry", "value"),
        ("HeaderValue", "key"),
        ("HeaderValue", "value"),
        ("HeadersEntry", "key"),
        ("HeadersEntry", "value"),
        ("HttpRequest", "host"),
        ("HttpRequest", "method"),
        ("HttpRequest", "path"),
        ("HttpRequest", "scheme"),
        ("Peer", "certificate"),
        ("Peer", "principal"),
    ];

    pub(super) fn compile() -> Result<(), Box<dyn std::error::Error>> {
        let published = read("proto/jwtd.binpb")?;

        let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
        // Reflection shows the published contract to clients.
        std::fs::write(out.join("descriptor.bin"), prost_encode(&published))?;

        // Envoy's contract is served too, but reflection does not show it as part of this one.
        let envoy = read("proto/envoy.binpb")?;
        let sets = [served(published, &SHARED_FIELDS), served(envoy, &CLIENT_FIELDS)];
        // The fields as served: request memory is accounted by them.
        let mut all = FileDescriptorSet::default();
        all.file.extend(sets.iter().flat_map(|set| set.file.iter().cloned()));
        std::fs::write(out.join("served.bin"), prost_encode(&all))?;

        for set in sets {
            tonic_prost_build::configure()
                .bytes(".")
                // Requests are dispatched without tonic's generated servers: see `grpc/service`.
                .build_server(false)
                .extern_path(".google.rpc.Status", "::tonic_types::Status")
                .compile_fds(set)?;
        }
        Ok(())
    }

    fn read(path: &str) -> Result<FileDescriptorSet, Box<dyn std::error::Error>> {
        use prost::Message as _;
        Ok(FileDescriptorSet::decode(&*std::fs::read(path)?)?)
    }

    fn prost_encode(set: &FileDescriptorSet) -> Vec<u8> {
        use prost::Message as _;
        set.encode_to_vec()
    }

    fn served(mut set: FileDescriptorSet, fields: &[(&str, &str)]) -> FileDescriptorSet {
        let messages = set.file.iter_mut().flat_map(|file| &mut file.message_type);
        messages.for_each(|message| serve(message, fields));
        set
    }

    fn serve(message: &mut DescriptorProto, fields: &[(&str, &str)]) {
        let name = message.name().to_owned();
        for field in &mut message.field {
            if fields.contains(&(name.as_str(), field.name())) {
                field.set_type(Type::Bytes);
                if let Some(options) = &mut message.options {
                    options.map_entry = None;
                }
            }
        }
        message.nested_type.iter_mut().for_each(|nested| serve(nested, fields));
    }
}
