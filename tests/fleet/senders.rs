//! Senders with bound tokens, and daemons that judge them.

use crate::daemons::{JWTD, wait_for};
use crate::server::Redis;
use jwtd::pb::verifier_service_client::VerifierServiceClient;
use jwtd::pb::{Reason, TokenContext, Verdict, VerifyBatchRequest, VerifyOptions, VerifyRequest};
use jwtd_core::jose::Algorithm;
use jwtd_testkit::launcher::{Daemon, Folder, Setup};
use jwtd_testkit::tokens::sender::{METHOD, Sender, URL};
use jwtd_testkit::tokens::{Signer, now, set};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

pub(crate) static KEY: LazyLock<Signer> = LazyLock::new(|| Signer::new("k"));

/// A daemon, and a connection to it.
pub(crate) struct Member {
    pub(crate) daemon: Daemon,
    channel: Channel,
}

/// A token and the sender that it is bound to.
pub(crate) struct Bound {
    pub(crate) sender: Sender,
    pub(crate) token: String,
}

impl Bound {
    pub(crate) fn new() -> Self {
        let sender = Sender::new(Algorithm::EdDsa);
        let token = KEY.signed(sender.claims("https://i"));
        Self { sender, token }
    }

    pub(crate) fn proof(&self, id: &str) -> TokenContext {
        TokenContext {
            dpop_proof: self.sender.proof(&self.token, id),
            method: METHOD.to_owned(),
            url: URL.to_owned(),
            ..TokenContext::default()
        }
    }
}

impl Member {
    /// Starts a daemon with these settings of `replay`. Without a skew of clocks, no proof that is
    /// made in a later second needs a nonce.
    pub(crate) async fn start(replay: &str) -> Result<Self, String> {
        let folder = Folder::new();
        folder.write("jwks.json", set(&[&KEY]));
        // One-time tokens need a memory that outlives the daemon.
        let is_kept = replay.contains("redis") && !replay.contains("local");
        let once = if is_kept { ", once: { issuers: [corp], one_time: true }" } else { "" };
        let config = format!(
            "profiles: {{ default: {{ issuers: [corp] }}{once} }}\nissuers:\n  corp: {{ issuer: https://i, audiences: [a], algorithms: [EdDSA], keys: {{ \
             jwks_file: jwks.json }} }}\ndrain_delay: 0s\ndpop: {{ clock_skew: 0s, max_age: 10min \
             }}\nreplay: {replay}\nlimits: {{ call_timeout: 1m, queue_delay: 1m }}\n"
        );
        let setup = Setup { config, log: "info", ..Setup::default() };
        let daemon = JWTD.measured_in(folder, &setup).await?;
        let endpoint = Endpoint::from_shared(daemon.endpoint()).unwrap();
        let channel = endpoint.connect().await.map_err(|error| format!("{error:?}"))?;
        Ok(Self { daemon, channel })
    }

    /// Starts daemons, and waits for the next second.
    pub(crate) async fn several(count: usize, replay: &str) -> Result<Arc<[Self]>, String> {
        let mut members = Vec::new();
        for _ in 0..count {
            members.push(Self::start(replay).await?);
        }
        next_second().await?;
        Ok(members.into())
    }

    pub(crate) async fn verdicts(
        &self,
        token: &str,
        contexts: Vec<TokenContext>,
    ) -> Result<Vec<Verdict>, String> {
        let token: bytes::Bytes = token.as_bytes().to_vec().into();
        let tokens = vec![token; contexts.len()];
        let request = VerifyBatchRequest { tokens, contexts, options: None };
        let mut client = VerifierServiceClient::new(self.channel.clone());
        let answer = client.verify_batch(request).await.map_err(|status| status.to_string())?;
        Ok(answer.into_inner().verdicts)
    }

    pub(crate) async fn reason(
        &self,
        token: &str,
        context: &TokenContext,
    ) -> Result<Reason, String> {
        let verdicts = self.verdicts(token, vec![context.clone()]).await?;
        Ok(verdicts[0].reason())
    }

    /// The verdict on a one-time token.
    pub(crate) async fn once(&self, token: &str, id: Option<u8>) -> Result<Reason, String> {
        let options = VerifyOptions { profile: "once".to_owned(), ..VerifyOptions::default() };
        let presentation_id = id.map_or_else(Vec::new, |id| vec![id; 16]).into();
        let request = VerifyRequest {
            token: token.as_bytes().to_vec().into(),
            context: Some(TokenContext { presentation_id, ..TokenContext::default() }),
            options: Some(options),
        };
        let mut client = VerifierServiceClient::new(self.channel.clone());
        let answer = client.verify(request).await.map_err(|status| status.to_string())?;
        Ok(answer.into_inner().verdict.unwrap_or_default().reason())
    }

    /// Waits until a new proof is judged so.
    pub(crate) async fn until(&self, bound: &Bound, reason: Reason) -> Result<Duration, String> {
        let mut number = 0;
        wait_for(&format!("{reason:?}"), async || {
            number += 1;
            let context = bound.proof(&format!("until-{reason:?}-{number}"));
            Ok(self.reason(&bound.token, &context).await? == reason)
        })
        .await
    }
}

pub(crate) async fn next_second() -> Result<Duration, String> {
    let begin = now();
    wait_for("the next second", async || Ok(now() > begin)).await
}

pub(crate) fn shared(redis: &Redis, more: &str) -> String {
    format!("{{ redis: {{ url: '{}' }}{more} }}", redis.url())
}

/// Fails unless these are equal.
pub(crate) fn expect<T: Copy + PartialEq + std::fmt::Debug>(
    what: &str,
    seen: T,
    wanted: T,
) -> Result<(), String> {
    if seen == wanted { Ok(()) } else { Err(format!("{what}: {seen:?}, and not {wanted:?}")) }
}
