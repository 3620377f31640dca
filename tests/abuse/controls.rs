//! Negative controls: each disables one protection by a setting, and the row of that protection
//! must then fail, or it would prove nothing. `tests/mutants` removes protections that no setting
//! disables.

use crate::job::Job;
use crate::scene::{Base, Promise, Scene, Target};
use crate::unread::Window;
use crate::{Plan, calls, headers, resets, silence, slow, unread};
use jwtd_testkit::measured::Seen;
use std::time::Duration;

pub(crate) fn jobs(plan: &Plan) -> Vec<Job> {
    if !plan.full {
        return Vec::new();
    }
    let second = Duration::from_secs(1);
    vec![
        control("pending_resets", "GOAWAY None", move || async move {
            attacked(Base::connection("pending_resets: 1000000"), move |target| {
                resets::rapid(target.tcp, second)
            })
            .await
        }),
        control("local_resets", "still open", move || async move {
            attacked(Base::connection("local_resets: 1000000"), move |target| {
                resets::made(target, resets::OVERFLOW, second)
            })
            .await
        }),
        control("header_list_bytes", "it is taken", || async {
            let base = Base::connection("header_list_bytes: 1MiB");
            attacked(base, |target| headers::large(target.tcp)).await
        }),
        control(
            "the admission of fields (in_flight_bytes)",
            "too much memory",
            move || async move {
                let base = Base { in_flight: Some("1024GiB"), ..Base::default() };
                headers::below(&base, 240, second).await
            },
        ),
        control("handshake_timeout", "still connected", || async {
            slow::connections(Base::connection("handshake_timeout: 1m"), slow::SILENT).await
        }),
        control("keepalive_interval", "still connected", || async {
            slow::connections(Base::connection("keepalive_interval: 1h"), slow::MUTE).await
        }),
        control("idle_timeout", "still connected", || async {
            silence::connections(&Base::connection("idle_timeout: off")).await
        }),
        control("receive_timeout", "still open", || async {
            let base = Base::connection("receive_timeout: 1h");
            attacked(base, |target| slow::calls(target, slow::CALLS[0])).await
        }),
        control("streams_per_connection", "is not refused", || async {
            let base = Base { limits: "streams_per_connection: 100000, ", ..Base::default() };
            attacked(base, |target| slow::half_closed(target.tcp)).await
        }),
        control("reply_timeout", "still open", || async {
            unread::replies(&Base::connection("reply_timeout: 1h"), Window::Drip, 24).await
        }),
        control("message_bytes", "codes [Some(4)", || async {
            let base = Base { limits: "message_bytes: 64MiB, ", ..quick() };
            attacked(base, |target| calls::sizes(target.tcp)).await
        }),
    ]
}

fn quick() -> Base {
    Base::connection("receive_timeout: 1s")
}

async fn attacked<F>(
    base: Base,
    attack: impl FnOnce(Target) -> F + Send + 'static,
) -> Result<Seen, String>
where
    F: Future<Output = Result<String, String>>,
{
    Scene::start(&base).await?.endures_once(Promise::Served, attack).await
}

/// A row that passes if the `work` of another row fails for the expected reason: the error must
/// contain `word`.
fn control<F>(protection: &str, word: &'static str, work: impl FnOnce() -> F + 'static) -> Job
where
    F: Future<Output = Result<Seen, String>>,
{
    Job::new(&format!("control: without {protection}"), "its row fails", move || async move {
        match work().await {
            Err(wrong) if wrong.contains(word) => Ok(format!("it fails: {wrong}").into()),
            Err(other) => Err(format!("it fails for another reason: {other}")),
            Ok(seen) => Err(format!("it is good all the same: {}", seen.text)),
        }
    })
}
