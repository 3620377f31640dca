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

    /// Fields of Envoy's question, all of which hold what a client wrote, or may: bytes, and
    /// not always UTF-8. As `string` they would make an error of the call, which
    /// `failure_mode_allow` overlooks. A map has no bytes for keys, so that its entries are
    /// served as what they are on the wire: messages.
    const CLIENT_FIELDS: [(&str, &str); 11] = [
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
        ("Peer", "principal"),
    ];

    pub(super) fn compile() -> Result<(), Box<dyn std::error::Error>> {
        let published = read("proto/jwtd.binpb")?;

        let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
        // What reflection shows to callers is the published contract.
        std::fs::write(out.join("descriptor.bin"), prost_encode(&published))?;

        // What others published is served beside it and not shown as ours.
        let envoy = read("proto/envoy.binpb")?;
        let sets = [served(published, &SHARED_FIELDS), served(envoy, &CLIENT_FIELDS)];
        // The fields as they are served: the memory of a request is counted by them.
        let mut all = FileDescriptorSet::default();
        all.file.extend(sets.iter().flat_map(|set| set.file.iter().cloned()));
        std::fs::write(out.join("served.bin"), prost_encode(&all))?;

        for set in sets {
            tonic_prost_build::configure()
                .bytes(".")
                // Calls are answered without tonic's servers: see `grpc/service`.
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
