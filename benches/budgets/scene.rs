//! Keys, tokens, configurations and requests: what is measured with.

use crate::child::{Folder, Outcome, Server};
use crate::drive::{Caller, Load};
use crate::echo::{BATCH, STREAM};
use crate::tokens;
use bytes::Bytes;
use jwtd::client::Client;
use jwtd::crypto::SigningKey;
use jwtd::jose::{Algorithm, Family, UnixTime};
use jwtd::pb;
use jwtd::pb::verify_stream_response::Result as Answer;
use prost::Message as _;
use std::path::PathBuf;

const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256];

/// The files of the daemons, and the keys behind them.
pub(crate) struct Scene {
    folder: Folder,
    keys: Vec<SigningKey>,
    now: UnixTime,
}

/// Whether a daemon remembers what it proved.
#[derive(Clone, Copy)]
pub(crate) enum Cache {
    Off,
    On,
    /// On, and every hundredth permit is recorded.
    Audited,
    /// On, and some profiles have policies.
    Judged,
}

impl Scene {
    pub(crate) fn new(now: UnixTime) -> Outcome<Self> {
        let keys = ALGORITHMS.map(tokens::key);
        Ok(Self { folder: Folder::new()?, keys: keys.into_iter().collect::<Result<_, _>>()?, now })
    }

    pub(crate) fn key(&self, algorithm: Algorithm) -> Outcome<&SigningKey> {
        let found = self.keys.iter().find(|key| key.algorithm() == algorithm);
        Ok(found.ok_or("no such key")?)
    }

    pub(crate) fn tokens(&self, algorithm: Algorithm, count: usize) -> Outcome<Vec<String>> {
        Ok(tokens::tokens(self.key(algorithm)?, count, self.now)?)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A daemon that answers that it is serving.
    pub(crate) async fn daemon(&self, cache: Cache) -> Outcome<Server> {
        let (name, more) = match cache {
            Cache::Off => ("cold", "cache: { max_bytes: 0 }\n"),
            Cache::On => ("hot", ""),
            Cache::Audited => {
                ("audited", "audit: { file: audit.jsonl, sample: [{ reason: OK, one_in: 100 }] }\n")
            }
            Cache::Judged => ("judged", ""),
        };
        let socket = self.file(&format!("{name}.sock"));
        let mut text = format!(
            "listen: [{{ unix: {} }}]\nadmin: 127.0.0.1:0\n{more}issuers:\n",
            socket.display()
        );
        let audience = tokens::AUDIENCE;
        let mut names = Vec::new();
        for key in &self.keys {
            let algorithm = key.algorithm();
            let (name, jwk) = (tokens::name(algorithm), key.to_jwk(tokens::KEY_ID));
            std::fs::write(self.file(&format!("{name}.json")), format!(r#"{{"keys":[{jwk}]}}"#))?;
            let source = if algorithm.family() == Family::Hmac {
                format!("secret_file: {name}.json, secret_format: jwks")
            } else {
                format!("jwks_file: {name}.json")
            };
            text += &format!(
                "  {name}: {{ issuer: \"{}\", audiences: [{audience}], algorithms: [{algorithm}], keys: {{ {source} }} }}\n",
                tokens::issuer(algorithm)
            );
            names.push(name);
        }
        let trusted = format!("issuers: [{}], audiences: [{audience}]", names.join(", "));
        text += &format!("profiles:\n  default: {{ {trusted} }}\n");
        if let Cache::Judged = cache {
            let scopes = "scopes: { all: [\"orders:read\", \"orders:write\"], any: [admin, \"orders:write\"] }";
            let rule =
                "{ rule: 'claims.sub.startsWith(\"user-\") && claims.aud == \"orders-api\"' }";
            text += &format!("  scopes: {{ {trusted}, access: {{ {scopes} }} }}\n");
            text += &format!("  rule: {{ {trusted}, access: {{ {scopes}, rules: [{rule}] }} }}\n");
        }
        let config = self.file(&format!("{name}.yaml"));
        std::fs::write(&config, text)?;
        let mut server = Server::daemon(&config, socket)?;
        server.wait(is_serving).await?;
        Ok(server)
    }

    /// An echo server that answers as `load` was answered.
    pub(crate) async fn floor(&self, load: &Load) -> Outcome<Server> {
        let name = if load.path == STREAM { "stream" } else { "batch" };
        let reply = self.file(&format!("{name}.reply"));
        std::fs::write(&reply, &load.reply)?;
        let socket = self.file(&format!("{name}.sock"));
        let mut server = Server::floor(&reply, socket)?;
        let open = async |path| tokio::net::UnixStream::connect(path).await.is_ok();
        server.wait(open).await?;
        Ok(server)
    }
}

async fn is_serving(socket: PathBuf) -> bool {
    let Ok(address) = format!("unix://{}", socket.display()).parse() else {
        return false;
    };
    match Client::connect(&address).await {
        Ok(mut client) => client.is_serving().await.unwrap_or(false),
        Err(_) => false,
    }
}

fn options(view: pb::View, profile: &str) -> Option<pb::VerifyOptions> {
    let profile = profile.to_owned();
    Some(pb::VerifyOptions { view: view.into(), profile, ..Default::default() })
}

fn bytes(tokens: &[String]) -> Vec<Bytes> {
    let copies = tokens.iter().map(|one| Bytes::copy_from_slice(one.as_bytes()));
    copies.collect()
}

/// All `tokens` in one call.
pub(crate) async fn batch(caller: &Caller, tokens: &[String], view: pb::View) -> Outcome<Load> {
    batch_by(caller, tokens, view, "default").await
}

/// All `tokens` in one call, judged by a profile.
pub(crate) async fn batch_by(
    caller: &Caller,
    tokens: &[String],
    view: pb::View,
    profile: &str,
) -> Outcome<Load> {
    let request = pb::VerifyBatchRequest {
        tokens: bytes(tokens),
        contexts: Vec::new(),
        options: options(view, profile),
    };
    let request = Bytes::from(request.encode_to_vec());
    let reply = caller.ask(BATCH, request.clone()).await?;
    let verdicts = pb::VerifyBatchResponse::decode(reply.clone())?.verdicts;
    all_permitted(&verdicts, tokens.len(), view)?;
    Ok(Load { path: BATCH, requests: vec![request], reply, tokens: u32::try_from(tokens.len())? })
}

/// Each of `tokens` in a message of its own.
pub(crate) async fn singles(caller: &Caller, tokens: &[String], view: pb::View) -> Outcome<Load> {
    let (mut requests, mut replies) = (Vec::new(), Vec::new());
    for token in bytes(tokens) {
        let request = pb::VerifyStreamRequest {
            id: 1,
            tokens: vec![token],
            options: options(view, ""),
            ..Default::default()
        };
        let request = Bytes::from(request.encode_to_vec());
        let reply = caller.ask(STREAM, request.clone()).await?;
        match pb::VerifyStreamResponse::decode(reply.clone())?.result {
            Some(Answer::Verdicts(answer)) => all_permitted(&answer.verdicts, 1, view)?,
            other => return Err(format!("not verdicts: {other:?}").into()),
        }
        requests.push(request);
        replies.push(reply);
    }
    let reply = replies.first().ok_or("no tokens")?.clone();
    if replies.iter().any(|one| one.len() != reply.len()) {
        return Err("the answers differ in length".into());
    }
    Ok(Load { path: STREAM, requests, reply, tokens: 1 })
}

/// Refusals are cheaper than permits and must not be measured in their place.
fn all_permitted(verdicts: &[pb::Verdict], count: usize, view: pb::View) -> Outcome<()> {
    if verdicts.len() != count {
        return Err(format!("{count} tokens, {} verdicts", verdicts.len()).into());
    }
    let wrong = verdicts.iter().find(|verdict| {
        let claims = view == pb::View::Claims && verdict.claims_json.is_empty();
        !verdict.permit || claims
    });
    match wrong {
        None => Ok(()),
        Some(verdict) => Err(format!("not permitted: {verdict:?}").into()),
    }
}
