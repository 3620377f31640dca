//! The methods of all services, and what their requests look like: told by the descriptors, so
//! that a field or a service that is added is bounded like the others.

use crate::pb;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a message looks like, for those who count what reading it takes.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// By their numbers.
    fields: Box<[MessageField]>,
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct MessageField {
    number: u64,
    /// The bytes of memory that it takes each time it comes, at most; what it holds is not
    /// counted.
    pub(super) each: usize,
    pub(super) content: FieldContent,
}

/// What a field with a length holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum FieldContent {
    /// Numbers without their tags: each byte may be one.
    Numbers,
    /// A part of the request, or nothing that is kept.
    Shared,
    /// A copy of what came.
    Text,
    /// A message, by its place among all shapes.
    Message(usize),
}

impl Shape {
    pub(super) fn field(&self, number: u64) -> Option<&MessageField> {
        let place = self.fields.binary_search_by_key(&number, |field| field.number).ok()?;
        self.fields.get(place)
    }

    /// The numbers of its fields, and what they hold.
    #[cfg(test)]
    pub(super) fn fields(&self) -> Vec<(u64, FieldContent)> {
        self.fields.iter().map(|field| (field.number, field.content)).collect()
    }
}

/// The place of the request of the method with this path among all shapes, if it is served.
pub(super) fn request(path: &str) -> Option<usize> {
    SERVED.requests.get(path).copied()
}

/// Whether a path begins with the name of a service.
pub(super) fn is_service(path: &str) -> bool {
    let service = path.rsplit_once('/').map_or(path, |(service, _)| service);
    SERVED.requests.keys().any(|known| known.rsplit_once('/').is_some_and(|one| one.0 == service))
}

/// All methods by their paths, and the places of their requests.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, usize)> {
    SERVED.requests.iter().map(|(path, place)| (path.as_str(), *place))
}

/// What the message at this place looks like.
pub(super) fn shape(place: usize) -> &'static Shape {
    /// Of no fields, which does not come to pass.
    static EMPTY: LazyLock<Shape> = LazyLock::new(Shape::default);

    SERVED.shapes.get(place).unwrap_or(&EMPTY)
}

/// All that is served.
#[derive(Debug, Default)]
struct ServedShapes {
    /// The places of requests, by the paths of their methods.
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
    // They are built in. Of one that were damaged nothing would be served.
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
            // What Envoy sends of a request is taken apart, and copied for that.
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
    /// By their full names.
    places: HashMap<String, usize>,
}

/// A list doubles its room when it is full, and holds the old one until all is copied.
const GROWTH: usize = 4;

/// What the allocator takes for a piece beside its bytes.
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
                // As long as no list holds it, its place is counted with what it stands in.
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

    /// What one value of a field takes, without what it points to; `depth` is how many
    /// messages it stands in.
    fn alone(&self, field: &FieldDescriptorProto, depth: usize) -> usize {
        /// So deep none nests but one that holds itself, which then is in a box.
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
