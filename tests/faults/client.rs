//! The daemon of a row, and calls that return errors to show instead of panicking. The suite
//! `abuse` includes this file.

use jwtd::pb::verifier_service_client::VerifierServiceClient;
use jwtd::pb::{Reason, Verdict, VerifyBatchRequest};
use jwtd_testkit::launcher::{Daemon, Launcher};
use jwtd_testkit::measured::PATIENCE;
use std::time::{Duration, Instant};
use tonic::transport::{Channel, Endpoint};

pub(crate) const JWTD: Launcher = Launcher::new(env!("CARGO_BIN_EXE_jwtd"));

pub(crate) trait Calls {
    /// A connection to the Unix socket.
    async fn channel(&self) -> Result<Channel, String>;
    async fn client(&self) -> Result<VerifierServiceClient<Channel>, String>;
    /// Verifies `tokens` in one batch; returns the reasons.
    async fn reasons(&self, tokens: &[&str]) -> Result<Vec<Reason>, String>;
    /// Waits until a token is accepted.
    async fn until_good(&self, token: &str) -> Result<(), String>;
}

impl Calls for Daemon {
    async fn channel(&self) -> Result<Channel, String> {
        let endpoint = Endpoint::from_shared(self.endpoint()).map_err(|error| error.to_string())?;
        endpoint.connect().await.map_err(|error| format!("no connection: {error:?}"))
    }

    async fn client(&self) -> Result<VerifierServiceClient<Channel>, String> {
        self.channel().await.map(VerifierServiceClient::new)
    }

    async fn reasons(&self, tokens: &[&str]) -> Result<Vec<Reason>, String> {
        let mut client = self.client().await?;
        let tokens = tokens.iter().map(|token| token.as_bytes().to_vec().into()).collect();
        let request = VerifyBatchRequest { tokens, ..Default::default() };
        let answer = client.verify_batch(request).await;
        let answer = answer.map_err(|status| format!("a call fails: {status}"))?;
        let verdicts = &answer.get_ref().verdicts;
        // A caller needs to check only `permit`, so it must agree with the reason.
        match verdicts.iter().find(|one| one.permit != (one.reason() == Reason::Ok)) {
            Some(verdict) => Err(format!("a verdict contradicts itself: {verdict:?}")),
            None => Ok(verdicts.iter().map(Verdict::reason).collect()),
        }
    }

    async fn until_good(&self, token: &str) -> Result<(), String> {
        let begin = Instant::now();
        while self.reasons(&[token]).await? != [Reason::Ok] {
            if begin.elapsed() > PATIENCE {
                return Err("a good token does not become good".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}
