//! gRPC calls to a daemon, for the tests that include this module.

use jwtd::pb::verifier_service_client::VerifierServiceClient;
use jwtd::pb::{Reason, Verdict, VerifyBatchRequest};
use jwtd_testkit::launcher::Daemon;
use jwtd_testkit::launcher::waiting::until;
use tonic::transport::{Channel, Endpoint};

pub(crate) trait Calls {
    /// A channel over the Unix socket, or over TCP.
    async fn channel(&self, unix: bool) -> Channel;
    async fn client(&self) -> VerifierServiceClient<Channel>;
    /// Verifies `tokens` in one batch; returns the reasons.
    async fn reasons(&self, tokens: &[&str]) -> Vec<Reason>;
    /// Repeats the batch until it returns these reasons.
    async fn until_reasons(&self, tokens: &[&str], wanted: &[Reason]);
}

impl Calls for Daemon {
    async fn channel(&self, unix: bool) -> Channel {
        let target = if unix { self.endpoint() } else { format!("http://{}", self.tcp) };
        Endpoint::from_shared(target).unwrap().connect().await.unwrap()
    }

    async fn client(&self) -> VerifierServiceClient<Channel> {
        VerifierServiceClient::new(self.channel(true).await)
    }

    async fn reasons(&self, tokens: &[&str]) -> Vec<Reason> {
        let tokens = tokens.iter().map(|token| token.as_bytes().to_vec().into()).collect();
        let request = VerifyBatchRequest { tokens, ..Default::default() };
        let answer = self.client().await.verify_batch(request).await.unwrap().into_inner();
        answer.verdicts.iter().map(Verdict::reason).collect()
    }

    async fn until_reasons(&self, tokens: &[&str], wanted: &[Reason]) {
        let what = self.with_log(format!("the reasons {wanted:?}"));
        until(what, async || (self.reasons(tokens).await == wanted).then_some(())).await;
    }
}
