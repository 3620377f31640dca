//! Requests that are encoded once, with checks of their responses.

use crate::drive::{BATCH, Caller, Load};
use bytes::Bytes;
use jwtd::pb::{self, View};
use jwtd_core::verify::Reason;
use jwtd_testkit::measured::Outcome;
use prost::Message as _;

pub(crate) const UNARY: &str = "/jwtd.v1.VerifierService/Verify";

/// The options of a request, and the expected reason for every token.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) profile: &'a str,
    pub(crate) view: View,
    pub(crate) reason: Reason,
}

/// Permits with claims, which most callers request for cached tokens.
pub(crate) const CLAIMS: Question<'_> =
    Question { profile: "default", view: View::Claims, reason: Reason::Ok };

/// Permits without claims.
pub(crate) const VERDICTS: Question<'_> = Question { view: View::Verdict, ..CLAIMS };

impl Question<'_> {
    pub(crate) fn options(self) -> Option<pb::VerifyOptions> {
        let profile = self.profile.to_owned();
        Some(pb::VerifyOptions { view: self.view.into(), profile, ..Default::default() })
    }

    /// Checks the verdicts: refusals are cheaper than permits and must not be measured in their
    /// place.
    pub(crate) fn check(self, verdicts: &[pb::Verdict], count: usize) -> Outcome<()> {
        if verdicts.len() != count {
            return Err(format!("{count} tokens, {} verdicts", verdicts.len()).into());
        }
        let wrong = verdicts.iter().find(|verdict| {
            let claims = self.view == View::Claims && verdict.claims_json.is_empty();
            verdict.reason != i32::from(self.reason.number()) || claims
        });
        match wrong {
            None => Ok(()),
            Some(verdict) => Err(format!("not {}: {verdict:?}", self.reason.code()).into()),
        }
    }
}

pub(crate) fn bytes(tokens: &[String]) -> Vec<Bytes> {
    let copies = tokens.iter().map(|one| Bytes::copy_from_slice(one.as_bytes()));
    copies.collect()
}

/// Sends all `tokens` in one call.
pub(crate) async fn batch(
    caller: &Caller,
    tokens: &[String],
    question: Question<'_>,
) -> Outcome<Load> {
    batches(caller, [Ok(tokens.to_vec())].into_iter(), question).await
}

/// One call for each of `batches`. Each is made once, so that its tokens are cached where possible.
pub(crate) async fn batches(
    caller: &Caller,
    batches: impl Iterator<Item = Outcome<Vec<String>>>,
    question: Question<'_>,
) -> Outcome<Load> {
    let (mut requests, mut first, mut count) = (Vec::new(), None, 0);
    for tokens in batches {
        let tokens = tokens?;
        let (tokens, asked) = (bytes(&tokens), tokens.len());
        let request =
            pb::VerifyBatchRequest { tokens, contexts: Vec::new(), options: question.options() };
        let request = Bytes::from(request.encode_to_vec());
        let answer = caller.ask(BATCH, request.clone()).await?;
        question.check(&pb::VerifyBatchResponse::decode(answer.clone())?.verdicts, asked)?;
        if first.get_or_insert_with(|| answer.clone()).len() != answer.len() {
            return Err("the answers differ in length".into());
        }
        requests.push(request);
        count = u32::try_from(asked)?;
    }
    let reply = first.ok_or("no tokens")?;
    // The verdict of an expired token contains the time since it expired.
    let same = requests.len() == 1 && question.reason == Reason::Ok;
    Ok(Load { path: BATCH, requests, reply, same, tokens: count })
}

/// One call for each of `tokens`.
pub(crate) async fn unary(
    caller: &Caller,
    tokens: &[String],
    question: Question<'_>,
) -> Outcome<Load> {
    let (mut requests, mut first) = (Vec::new(), None);
    for token in bytes(tokens) {
        let request = pb::VerifyRequest { token, context: None, options: question.options() };
        let request = Bytes::from(request.encode_to_vec());
        let answer = caller.ask(UNARY, request.clone()).await?;
        let verdict = pb::VerifyResponse::decode(answer.clone())?.verdict;
        question.check(verdict.as_slice(), 1)?;
        if first.get_or_insert_with(|| answer.clone()).len() != answer.len() {
            return Err("the answers differ in length".into());
        }
        requests.push(request);
    }
    let (reply, same) = (first.ok_or("no tokens")?, requests.len() == 1);
    Ok(Load { path: UNARY, requests, reply, same, tokens: 1 })
}
