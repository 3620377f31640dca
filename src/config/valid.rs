//! The configuration as the daemon uses it, built only from types that cannot be wrong.

use super::access::policies;
use super::audit::{AuditSettings, audit, refusal_rules};
use super::connection::{Connection, connection};
use super::document::Node;
use super::dpop::{self, DpopSettings, ReplaySettings};
use super::ext_authz::ext_authz;
use super::fault::Faults;
use super::issuer::{check_identifiers, issuer};
use super::key_report::KeyReport;
use super::limits::{ServerLimits, server_limits, token_limits};
use super::listen::{AdminHosts, Listen, admin, admin_hosts, listen};
use super::profile::{check_profiles, profiles};
use super::remote::Remote;
use super::revocation::{self, RevocationSettings, Revokers};
use super::schema::{
    cache, feed as feed_keys, file, issuer as issuer_keys, keys, listen as socket_keys,
    revocation as revocation_keys, traces,
};
use super::shared_key;
use super::switches::check_switches;
use crate::ext_authz::HttpRules;
use crate::masking::RefusalRules;
use jwtd_core::crypto::Digest;
use jwtd_core::keys::{IssuerIndex, Issuers};
use jwtd_core::policy::Policy;
use jwtd_core::verify::Profile;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All settings.
#[derive(Debug)]
pub struct Config {
    /// Settings that hold for the life of the process.
    pub startup: Startup,
    /// Settings that a reload may replace.
    pub live: Live,
}

/// Settings that need a restart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Startup {
    /// The addresses that take calls.
    pub listen: Vec<Listen>,
    /// The address of probes and metrics, if any.
    pub admin: Option<SocketAddr>,
    /// The host names under which probes and metrics respond.
    pub admin_hosts: AdminHosts,
    /// The size of the cache, in bytes.
    pub cache_bytes: u64,
    /// The longest lifetime of a cache entry.
    pub cache_ttl: Duration,
    /// The limits for calls.
    pub limits: ServerLimits,
    /// The timeouts and limits of connections.
    pub connection: Connection,
    /// The audit log, if it is on.
    pub audit: Option<AuditSettings>,
    /// The rules of the refusal log.
    pub refusals: RefusalRules,
    /// The OTLP endpoint for traces, if any, and the sampling rate for calls that carry no trace.
    pub traces: Option<(String, u32)>,
    /// The time after SIGTERM in which calls are still accepted, while callers learn of the
    /// shutdown.
    pub drain_delay: Duration,
    /// The time that calls may still run after that.
    pub drain_timeout: Duration,
    /// The folder that keeps the last good key sets for the next process, if any.
    pub state_dir: Option<PathBuf>,
    /// The settings of revocation, if it is on.
    pub revocation: Option<RevocationSettings>,
    /// The settings of DPoP proofs.
    pub dpop: DpopSettings,
    /// The settings of the memory of what was presented.
    pub replay: ReplaySettings,
}

/// Settings that a reload may replace.
#[derive(Debug)]
pub struct Live {
    /// The issuers with their keys.
    pub issuers: Issuers,
    /// For each issuer, by its index: true if the daemon is ready without its keys.
    pub optional: Vec<bool>,
    /// The issuers whose keys are fetched.
    pub remotes: Vec<(IssuerIndex, Remote)>,
    /// The profiles, each with its policy.
    pub profiles: Vec<(Profile, Policy)>,
    /// The rules for HTTP requests, if proxies may ask for decisions.
    pub http: Option<HttpRules>,
    /// The callers that may revoke.
    pub revokers: Revokers,
    /// Keys that were skipped, each with the name of its issuer: no fault, but a warning for the
    /// operator.
    pub skipped: Vec<(String, String)>,
    /// Warnings about tokens that an issuer's keys cannot verify, each with the name of the issuer.
    pub warnings: Vec<(String, String)>,
    /// The files that keys were read from, with fingerprints of their contents.
    pub files: Vec<(PathBuf, Digest)>,
}

impl Startup {
    /// The names of the settings in the file that differ in `new`.
    #[must_use]
    pub fn differences(&self, new: &Self) -> Vec<&'static str> {
        self.compare(new).into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }

    /// Compares each setting with that in `new`: its name, and whether both are equal.
    pub(super) fn compare(&self, new: &Self) -> [(&'static str, bool); 17] {
        // Destructured, so that no setting is forgotten.
        let Self {
            listen,
            admin,
            admin_hosts,
            cache_bytes,
            cache_ttl,
            limits,
            connection,
            audit,
            refusals,
            traces,
            drain_delay,
            drain_timeout,
            state_dir,
            revocation,
            dpop,
            replay,
        } = self;
        [
            ("listen", *listen == new.listen),
            ("admin", *admin == new.admin),
            ("admin_hosts", *admin_hosts == new.admin_hosts),
            ("cache.max_bytes", *cache_bytes == new.cache_bytes),
            ("cache.max_ttl", *cache_ttl == new.cache_ttl),
            ("limits", *limits == new.limits),
            ("connection", *connection == new.connection),
            ("audit", *audit == new.audit),
            ("refusals", *refusals == new.refusals),
            ("traces", *traces == new.traces),
            ("drain_delay", *drain_delay == new.drain_delay),
            ("drain_timeout", *drain_timeout == new.drain_timeout),
            ("state_dir", *state_dir == new.state_dir),
            ("dpop", *dpop == new.dpop),
            ("replay", *replay == new.replay),
            (
                "revocation.max_entries",
                revocation.as_ref().map(|one| one.max_entries)
                    == new.revocation.as_ref().map(|one| one.max_entries),
            ),
            (
                "revocation.feeds",
                revocation.as_ref().map(|one| &one.feeds)
                    == new.revocation.as_ref().map(|one| &one.feeds),
            ),
        ]
    }
}

/// Builds the settings from a complete tree that was checked against the schema. Adds faults that
/// the schema cannot express to `faults`; a setting that depends on a faulty one is skipped, and
/// the rest is still checked.
pub(super) fn build(root: &Node, folder: &Path, faults: &mut Faults) -> Option<Config> {
    check_switches(root, file::KEYS, "", faults);
    for (index, socket) in root.list(file::listen).iter().enumerate() {
        check_switches(socket, socket_keys::KEYS, &format!("listen[{index}]."), faults);
    }
    let revocation = root.at(file::revocation);
    for (name, feed) in
        revocation.and_then(|node| node.at(revocation_keys::feeds)).map_or(&[][..], Node::members)
    {
        check_switches(feed, feed_keys::KEYS, &format!("revocation.feeds.{}.", name.text), faults);
    }
    let startup = startup(root, folder, faults);
    let live = live(root, folder, faults);
    Some(Config { startup: startup?, live: live? })
}

fn startup(root: &Node, folder: &Path, faults: &mut Faults) -> Option<Startup> {
    let cache = root.at(file::cache)?;
    let limits = server_limits(root.at(file::limits)?);
    Some(Startup {
        listen: listen(root, folder, faults),
        admin: admin(root, faults),
        admin_hosts: admin_hosts(root, faults),
        cache_bytes: cache.read(cache::max_bytes),
        cache_ttl: cache.read(cache::max_ttl),
        audit: audit(root, folder, &limits, faults),
        refusals: refusal_rules(root.at(file::refusals)?),
        traces: traces(root, faults),
        limits,
        connection: connection(root.at(file::connection)?),
        drain_delay: root.read(file::drain_delay),
        drain_timeout: root.read(file::drain_timeout),
        state_dir: root.word(file::state_dir).map(|path| folder.join(path)),
        revocation: revocation::settings(root, folder, faults),
        dpop: dpop::dpop(root, folder, faults)?,
        replay: dpop::replay(root, folder, faults)?,
    })
}

fn traces(root: &Node, faults: &mut Faults) -> Option<(String, u32)> {
    let node = root.at(file::traces)?;
    let endpoint = node.at(traces::endpoint)?;
    if cfg!(not(feature = "otel")) {
        let fix = "build it with `cargo build --release --features otel`, or remove `traces`";
        faults.add(node.place, "traces", "this build writes no traces", fix);
    }
    let text = endpoint.text()?;
    if !text.starts_with("http://") {
        let what = "spans go to a collector at an http:// URL";
        let fix = "write http://127.0.0.1:4317; a collector on this machine can encrypt further on";
        faults.add(endpoint.place, "traces.endpoint", what, fix);
    }
    let has_host = |uri: http::Uri| uri.host().is_some_and(|host| !host.is_empty());
    if text.starts_with("http://") && !text.parse().is_ok_and(has_host) {
        let fix = "write a host and a port, such as http://127.0.0.1:4317";
        faults.add(endpoint.place, "traces.endpoint", format!("`{text}` is no URL"), fix);
    }
    Some((text.to_owned(), node.read(traces::one_in)))
}

fn live(root: &Node, folder: &Path, faults: &mut Faults) -> Option<Live> {
    let token_limits = token_limits(root.at(file::limits)?);
    let mut report = KeyReport::default();
    let named = root.at(file::issuers).map_or(&[][..], Node::members);
    let mut optional = Vec::new();
    let mut issuers = Vec::new();
    let mut fetched = Vec::new();
    for (name, node) in named {
        if let Some(keys) = node.at(issuer_keys::keys) {
            check_switches(keys, keys::KEYS, &format!("issuers.{}.keys.", name.text), faults);
        }
        check_switches(node, issuer_keys::KEYS, &format!("issuers.{}.", name.text), faults);
        if let Some((issuer, remote)) = issuer(&name.text, node, folder, faults, &mut report) {
            fetched.extend(remote.map(|remote| (name.text.as_str(), remote)));
            issuers.push(issuer);
            optional.push(!node.read(issuer_keys::required));
        }
    }
    check_identifiers(named, faults);
    let names: Vec<_> = named.iter().map(|(name, _)| name.text.as_str()).collect();
    check_profiles(root, &names, faults);
    let policies = policies(root, faults);
    let http = ext_authz(root, faults);
    let revokers = revocation::revokers(root, &names, faults);
    let issuers = Issuers::new(issuers, token_limits).ok()?;
    shared_key::check_shared_keys(root, faults);
    dpop::check_bindings(root, faults);
    let profiles = profiles(root, &issuers, &names)?;
    report.warnings.extend(shared_key::warnings(&profiles, &issuers));
    report.warnings.extend(dpop::warnings(&profiles, &issuers));
    let profiles = profiles.into_iter().zip(policies).collect();
    let remotes = fetched.into_iter();
    let remotes =
        remotes.filter_map(|(name, remote)| Some((issuers.find(name)?, remote))).collect();
    let KeyReport { skipped, warnings, files } = report;
    Some(Live { issuers, optional, remotes, profiles, http, revokers, skipped, warnings, files })
}
