//! jwtd: a daemon that verifies JSON Web Tokens (RFC 7519) in batches over gRPC.
//!
//! The crate `jwtd_core` parses tokens and decides whether they are valid. It is pure: no clock, no
//! socket, no lock, no global. The daemon reads the configuration, takes calls, schedules work,
//! caches verified tokens and reports. As a library, this crate serves only its own program, tests
//! and benchmarks.
//!
//! Each floor imports only floors below it:
//!
//! | floor | room | contents |
//! |---|---|---|
//! | F10 | `cmd` | one file per command |
//! | F9 | `app` | build, serve, drain |
//! | F8 | `grpc`, `http`, `admin`, `client` | the edges: gRPC, plain HTTP, probes and metrics, calls |
//! | F7+ | `transport` | connections: sockets, TLS, HTTP/1 and HTTP/2, their limits and their end |
//! | F7 | `dispatch` | batches: admission, deadlines, slices over the workers |
//! | F7 | `revocation` | records revocations, and receives feeds of them |
//! | F6+ | `sources` | keys fetched over HTTP |
//! | F6 | `engine` | cache look-up, parsing, signature checks and verdicts of a batch; the cache |
//! | F5+ | `telemetry`, `config`, `state` | metrics, logs; the configuration file; state that outlives the process |
//! | | `pb` | messages and clients generated from the contract |
//! | | `certificates` | certificate files, their dates, and messages about their faults |
//! | | `clock`, `files` | the time, of the system or of a test; files and folders |
//! | | `escape`, `masking` | escapes for untrusted text; the recorded fields of a decision |
//! | | `redaction` | redacts secrets in text that people see |
//! | | `permit` | a permit for a share of a bounded resource |
//! | | `ext_authz` | tokens within HTTP requests that a proxy asks about |
//! | | `jwtd_core` | everything about tokens and keys |

pub mod admin;
pub mod app;
pub mod certificates;
pub mod client;
pub mod clock;
pub mod cmd;
pub mod config;
pub mod dispatch;
pub mod engine;
pub mod escape;
pub mod ext_authz;
pub mod files;
pub mod grpc;
pub mod http;
pub mod masking;
pub mod pb;
pub mod permit;
pub mod redaction;
pub(crate) mod redis_link;
pub mod replay;
pub mod revocation;
pub mod shared_replay;
pub mod sources;
pub mod state;
pub mod telemetry;
pub mod transport;
