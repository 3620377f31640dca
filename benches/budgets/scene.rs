//! The keys, tokens, configurations and requests of the measurements.

use crate::daemon;
use crate::drive::{Caller, Load, STREAM};
use crate::requests::{Question, bytes};
use bytes::Bytes;
use jwtd::pb;
use jwtd::pb::verify_stream_response::Result as Answer;
use jwtd_core::crypto::SigningKey;
use jwtd_core::jose::{Algorithm, UnixTime};
use jwtd_testkit::bench::form;
use jwtd_testkit::bench::tokens;
use jwtd_testkit::launcher::Folder;
use jwtd_testkit::measured::{Outcome, Server};
use prost::Message as _;
use std::path::PathBuf;
use std::process::Command;

const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256];

/// The baseline that a daemon is compared with.
#[derive(Clone, Copy)]
pub(crate) enum Floor {
    /// The daemon without its work.
    Echo,
    /// hyper on one thread.
    Bare,
}

/// The files of the daemons, and their keys.
pub(crate) struct Scene {
    folder: Folder,
    keys: Vec<SigningKey>,
    now: UnixTime,
}

/// The setup of a measured daemon.
#[derive(Clone, Copy)]
pub(crate) struct Kind<'a> {
    pub(crate) name: &'a str,
    /// Settings of its configuration.
    pub(crate) settings: &'a str,
    /// True if some profiles have policies.
    pub(crate) judged: bool,
    /// The only core that it may run on.
    pub(crate) core: Option<usize>,
}

/// The default settings.
pub(crate) const HOT: Kind<'_> = Kind { name: "hot", settings: "", judged: false, core: None };

/// A daemon without a cache.
pub(crate) const COLD: Kind<'_> =
    Kind { name: "cold", settings: "cache: { max_bytes: 0 }\n", ..HOT };

/// A daemon in which some profiles have policies.
pub(crate) const JUDGED: Kind<'_> = Kind { name: "judged", judged: true, ..HOT };

/// A daemon that records every hundredth permit.
pub(crate) const AUDITED: Kind<'_> = Kind {
    name: "audited",
    settings: "audit: { file: audit.jsonl, sample: [{ reason: OK, one_in: 100 }] }\n",
    ..HOT
};

impl Scene {
    pub(crate) fn new(now: UnixTime) -> Outcome<Self> {
        let keys = ALGORITHMS.map(tokens::key);
        Ok(Self { folder: Folder::new(), keys: keys.into_iter().collect::<Result<_, _>>()?, now })
    }

    pub(crate) fn key(&self, algorithm: Algorithm) -> Outcome<&SigningKey> {
        let found = self.keys.iter().find(|key| key.algorithm() == algorithm);
        Ok(found.ok_or("no such key")?)
    }

    pub(crate) fn tokens(&self, algorithm: Algorithm, count: usize) -> Outcome<Vec<String>> {
        Ok(tokens::tokens(self.key(algorithm)?, count, self.now)?)
    }

    /// Tokens that have expired.
    pub(crate) fn expired(&self, algorithm: Algorithm, count: usize) -> Outcome<Vec<String>> {
        let then = UnixTime::from_seconds(self.now.seconds() - 24 * 3600);
        Ok(tokens::tokens(self.key(algorithm)?, count, then)?)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }

    /// A daemon whose health check reports that it is serving.
    pub(crate) async fn daemon(&self, kind: Kind<'_>) -> Outcome<Server> {
        let Kind { name, settings, judged, core } = kind;
        let mut text = format!("{settings}issuers:\n");
        let mut names = Vec::new();
        for key in &self.keys {
            let algorithm = key.algorithm();
            let (name, jwk) = (tokens::name(algorithm), key.to_jwk(tokens::KEY_ID));
            let issuer = tokens::issuer(algorithm);
            text += &daemon::issuer(self.folder.root(), &name, &issuer, algorithm, &[jwk])?;
            names.push(name);
        }
        let audience = form::AUDIENCE;
        let trusted = format!("issuers: [{}], audiences: [{audience}]", names.join(", "));
        text += &format!("profiles:\n  default: {{ {trusted} }}\n");
        if judged {
            let scopes = "scopes: { all: [\"orders:read\", \"orders:write\"], any: [admin, \"orders:write\"] }";
            let rule =
                "{ rule: 'claims.sub.startsWith(\"user-\") && claims.aud == \"orders-api\"' }";
            text += &format!("  scopes: {{ {trusted}, access: {{ {scopes} }} }}\n");
            text += &format!("  rule: {{ {trusted}, access: {{ {scopes}, rules: [{rule}] }} }}\n");
        }
        daemon::start(self.folder.root(), name, &text, core).await
    }

    /// A server that sends the same responses as `load` got: another process of this program.
    pub(crate) async fn floor(&self, floor: Floor, load: &Load) -> Outcome<Server> {
        let (word, name) = match (floor, load.path) {
            (Floor::Bare, _) => ("bare", "bare"),
            (Floor::Echo, STREAM) => ("echo", "stream"),
            (Floor::Echo, _) => ("echo", "batch"),
        };
        let (reply, socket) =
            (self.file(&format!("{name}.reply")), self.file(&format!("{name}.sock")));
        std::fs::write(&reply, &load.reply)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["floor", word, "--socket"]).arg(&socket).arg("--reply").arg(&reply);
        let mut server = Server::start(&mut command, socket);
        let open = async |path| tokio::net::UnixStream::connect(path).await.is_ok();
        server.wait(open).await?;
        Ok(server)
    }
}

/// One message for each of `tokens`.
pub(crate) async fn singles(
    caller: &Caller,
    tokens: &[String],
    question: Question<'_>,
) -> Outcome<Load> {
    let (mut requests, mut replies) = (Vec::new(), Vec::new());
    for token in bytes(tokens) {
        let request = pb::VerifyStreamRequest {
            id: 1,
            tokens: vec![token],
            options: question.options(),
            ..Default::default()
        };
        let request = Bytes::from(request.encode_to_vec());
        let reply = caller.ask(STREAM, request.clone()).await?;
        match pb::VerifyStreamResponse::decode(reply.clone())?.result {
            Some(Answer::Verdicts(answer)) => question.check(&answer.verdicts, 1)?,
            other => return Err(format!("not verdicts: {other:?}").into()),
        }
        requests.push(request);
        replies.push(reply);
    }
    let reply = replies.first().ok_or("no tokens")?.clone();
    if replies.iter().any(|one| one.len() != reply.len()) {
        return Err("the answers differ in length".into());
    }
    Ok(Load { path: STREAM, requests, reply, same: false, tokens: 1 })
}
