//! jwtd: a daemon that verifies JSON Web Tokens (RFC 7519) in batches over gRPC.
//!
//! What a token is and whether it is good is decided by the crate `jwtd_core`, which is pure:
//! no clock, no socket, no lock, no global. The daemon reads configuration, takes calls,
//! schedules work, remembers proofs and reports. As a library this crate serves its own
//! program, tests and benchmarks alone.
//!
//! Each floor imports only floors below it:
//!
//! | floor | room | what lives there |
//! |---|---|---|
//! | F10 | `cmd` | one file per command |
//! | F9 | `app` | build, serve, drain |
//! | F8 | `grpc`, `http`, `admin`, `client` | the edges: gRPC, plain HTTP, probes and metrics, calls |
//! | F7+ | `transport` | connections: sockets, TLS, HTTP/1 and HTTP/2, their bounds and their end |
//! | F7 | `dispatch` | the way of a batch: admission, deadlines, slices over the workers |
//! | F7 | `revocation` | records what is revoked |
//! | F6+ | `sources` | keys from the web |
//! | F6 | `engine` | look up, read, check, judge over a batch; the cache of proofs |
//! | F5+ | `telemetry`, `config`, `state` | metrics, logs; the configuration file; what outlives the process |
//! | | `pb` | the contract, generated |
//! | | `certificates` | certificates in files, their dates, and what is wrong with them |
//! | | `clock`, `files` | the time, of the system or of a test; files and folders |
//! | | `escape`, `masking` | escapes for text of others; what of a decision is recorded |
//! | | `redaction` | takes secrets out of text that people see |
//! | | `permit` | a part of what is bounded |
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
pub mod revocation;
pub mod sources;
pub mod state;
pub mod telemetry;
pub mod transport;
