//! Calls of a daemon.

use super::daemon::Daemon;
use super::waiting::until;
use jwtd::pb::verifier_service_client::VerifierServiceClient;
use jwtd::pb::{Reason, Verdict, VerifyBatchRequest};
use tonic::transport::{Channel, Endpoint};

impl Daemon {
    pub(crate) async fn channel(&self, unix: bool) -> Channel {
        let target = if unix { self.endpoint() } else { format!("http://{}", self.tcp) };
        Endpoint::from_shared(target).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn client(&self) -> VerifierServiceClient<Channel> {
        VerifierServiceClient::new(self.channel(true).await)
    }

    /// Has `tokens` judged in one batch; gives the reasons.
    pub(crate) async fn reasons(&self, tokens: &[&str]) -> Vec<Reason> {
        let tokens = tokens.iter().map(|token| token.as_bytes().to_vec().into()).collect();
        let request = VerifyBatchRequest { tokens, ..Default::default() };
        let answer = self.client().await.verify_batch(request).await.unwrap().into_inner();
        answer.verdicts.iter().map(Verdict::reason).collect()
    }

    /// Repeats the batch until these are its reasons.
    pub(crate) async fn until_reasons(&self, tokens: &[&str], wanted: &[Reason]) {
        let what = self.with_log(format!("the reasons {wanted:?}"));
        until(what, async || (self.reasons(tokens).await == wanted).then_some(())).await;
    }
}
