//! The methods of all services and the structure of their requests, derived from the descriptors,
//! so that added fields and services are bounded too.

use crate::pb;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use std::collections::HashMap;
use std::sync::LazyLock;

/// The structure of a message, for estimating the memory of decoding it.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The fields, sorted by number.
    fields: Box<[MessageField]>,
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct MessageField {
    number: u64,
    /// The most memory that each occurrence takes, in bytes; its content is not counted.
    pub(super) each: usize,
    pub(super) content: FieldContent,
}

/// The content of a length-delimited field.
#[derive(Clone, Copy, Debug)]
pub(super) enum FieldContent {
    /// Packed numbers: each byte may be one.
    Numbers,
    /// A slice of the request, or nothing that is kept.
    Shared,
    /// A copy of the received bytes.
    Text,
    /// A message, by the index of its shape.
    Message(usize),
}

impl Shape {
    pub(super) fn field(&self, number: u64) -> Option<&MessageField> {
        let place = self.fields.binary_search_by_key(&number, |field| field.number).ok()?;
        self.fields.get(place)
    }

    /// The numbers of the fields, and their contents.
    #[cfg(test)]
    pub(super) fn fields(&self) -> Vec<(u64, FieldContent)> {
        self.fields.iter().map(|field| (field.number, field.content)).collect()
    }
}

/// The index of the shape of the request of the method at this path, if it is served.
pub(super) fn request(path: &str) -> Option<usize> {
    SERVED.requests.get(path).copied()
}

/// Returns true if a path begins with the name of a service.
pub(super) fn is_service(path: &str) -> bool {
    let service = path.rsplit_once('/').map_or(path, |(service, _)| service);
    SERVED.requests.keys().any(|known| known.rsplit_once('/').is_some_and(|one| one.0 == service))
}

/// All methods by path, with the indices of their request shapes.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, usize)> {
    SERVED.requests.iter().map(|(path, place)| (path.as_str(), *place))
}

/// The shape at this index.
pub(super) fn shape(place: usize) -> &'static Shape {
    /// An empty shape for an invalid index, which does not occur.
    static EMPTY: LazyLock<Shape> = LazyLock::new(Shape::default);

    SERVED.shapes.get(place).unwrap_or(&EMPTY)
}

/// The shapes of all served methods.
#[derive(Debug, Default)]
struct ServedShapes {
    /// The indices of request shapes, by method path.
    requests: HashMap<String, usize>,
    shapes: Vec<Shape>,
}

static SERVED: LazyLock<ServedShapes> = LazyLock::new(|| ServedShapes::new(&files()));

/// The descriptors of all services.
fn files() -> Vec<FileDescriptorProto> {
    let sets = [
        pb::SERVED,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    // The descriptors are built in. A damaged one would serve no methods.
    sets.into_iter()
        .flat_map(|set| FileDescriptorSet::decode(set).unwrap_or_default().file)
        .collect()
}

impl ServedShapes {
    fn new(files: &[FileDescriptorProto]) -> Self {
        let mut types = Types::default();
        for file in files {
            let package = format!(".{}", file.package());
            file.message_type.iter().for_each(|message| types.add(&package, message, file));
        }
        let shapes = types.all.iter().map(|(message, file)| {
            // Envoy's request fields are taken apart and copied.
            types.shape(message, is_envoy(file))
        });
        let shapes = shapes.collect();
        let mut requests = HashMap::new();
        for file in files {
            for service in &file.service {
                let name = format!("{}.{}", file.package(), service.name());
                for method in &service.method {
                    let Some(&request) = types.places.get(method.input_type()) else { continue };
                    requests.insert(format!("/{name}/{}", method.name()), request);
                }
            }
        }
        Self { requests, shapes }
    }
}

fn is_envoy(file: &FileDescriptorProto) -> bool {
    file.package().starts_with("envoy.")
}

/// The messages of all services.
#[derive(Default)]
struct Types<'t> {
    all: Vec<(&'t DescriptorProto, &'t FileDescriptorProto)>,
    /// The indices, by full name.
    places: HashMap<String, usize>,
}

/// The growth factor of a list: a full list doubles its capacity, and keeps the old buffer until
/// the copy is done.
const GROWTH: usize = 4;

/// The allocator's overhead per allocation, in bytes.
const PIECE: usize = 16;

impl<'t> Types<'t> {
    fn add(&mut self, scope: &str, message: &'t DescriptorProto, file: &'t FileDescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        message.nested_type.iter().for_each(|nested| self.add(&name, nested, file));
        self.places.insert(name, self.all.len());
        self.all.push((message, file));
    }

    fn message(&self, field: &FieldDescriptorProto) -> Option<(usize, &'t DescriptorProto)> {
        let place = *self.places.get(field.type_name())?;
        self.all.get(place).map(|(message, _)| (place, *message))
    }

    fn shape(&self, message: &DescriptorProto, copied: bool) -> Shape {
        let fields = message.field.iter().map(|field| {
            let repeated = field.label() == Label::Repeated;
            let each = match field.r#type() {
                _ if repeated => self.alone(field, 0).saturating_mul(GROWTH),
                // Outside of lists, its size is counted with the enclosing message.
                Type::Message | Type::Group => self.alone(field, 0),
                _ => 0,
            };
            let (each, content) = match field.r#type() {
                Type::Message | Type::Group => match self.message(field) {
                    Some((place, _)) => (each, FieldContent::Message(place)),
                    None => (each, FieldContent::Text),
                },
                Type::String => (each.saturating_add(PIECE), FieldContent::Text),
                Type::Bytes if copied => (each.saturating_add(PIECE), FieldContent::Text),
                Type::Bytes => (each.saturating_add(PIECE), FieldContent::Shared),
                _ => (each, FieldContent::Numbers),
            };
            MessageField {
                number: u64::try_from(field.number()).unwrap_or_default(),
                each,
                content,
            }
        });
        let mut fields: Vec<_> = fields.collect();
        fields.sort_unstable_by_key(|field| field.number);
        Shape { fields: fields.into() }
    }

    /// The size of one value of a field without what it points to, in bytes; `depth` counts the
    /// enclosing messages.
    fn alone(&self, field: &FieldDescriptorProto, depth: usize) -> usize {
        /// The depth beyond which only recursive messages nest, and those are boxed.
        const DEEPEST: usize = 8;

        match field.r#type() {
            Type::Message | Type::Group if depth < DEEPEST => {
                let Some((_, message)) = self.message(field) else { return 64 };
                let inner = message.field.iter().map(|one| match one.label() {
                    // A map is larger than a list.
                    Label::Repeated => 48,
                    Label::Optional | Label::Required => self.alone(one, depth.saturating_add(1)),
                });
                inner.sum::<usize>().saturating_add(8)
            }
            Type::Bytes => 40,
            Type::String => 24,
            _ => 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_every_service_is_known() {
        for path in [
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            "/jwtd.v1.VerifierService/VerifyStream",
            "/envoy.service.auth.v3.Authorization/Check",
            "/grpc.health.v1.Health/Check",
            "/grpc.health.v1.Health/Watch",
            "/jwtd.v1.VerifierService/Explain",
            "/jwtd.v1.VerifierService/Verify",
            "/jwtd.v1.VerifierService/VerifyBatch",
        ] {
            assert!(request(path).is_some(), "{path}");
        }
        assert!(request("/jwtd.v1.VerifierService/Nothing").is_none());
    }
}
