//! Configuration reloads in a running daemon: all or nothing.

use crate::client::Calls as _;
use crate::support::{Daemon, Folder, JWTD, KEY, folder, start_with};
use crate::web::{Answer, Web};
use jwtd::app::{self, App, Loader};
use jwtd::client::Client;
use jwtd::config;
use jwtd::pb::{Reason, VerifyOptions};
use jwtd_testkit::launcher::waiting::{Gate, Watched, until};
use jwtd_testkit::tokens::{Signer, set};
use std::io::Write;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The configuration without its issuers.
const HEAD: &str = "listen: [{ unix: d.sock }, { tcp: 127.0.0.1:0 }]\nadmin: 127.0.0.1:0\ndrain_delay: 0s\ndrain_timeout: 1s\n";

fn issuer(name: &str, audience: &str, keys: &str) -> String {
    format!(
        "  {name}: {{ issuer: https://{name}, audiences: [{audience}], algorithms: [EdDSA], \
         keys: {{ {keys} }} }}\n"
    )
}

fn token(key: &Signer, issuer: &str) -> String {
    key.token(&format!("https://{issuer}"))
}

/// Logged when a configuration is in force.
const IN_FORCE: &str = "the configuration is reloaded";

/// Logged when a configuration is refused, after its faults.
const KEPT: &str = "the previous configuration stays in force";

/// Logged when the daemon found a change by its periodic check every 30 seconds: in these tests it
/// must have been notified before.
const UNTOLD: &str = "after a periodic check";

/// Checks that an operating system event or a signal announced every change.
fn all_were_told(daemon: &Daemon) {
    let log = daemon.log();
    assert!(!log.contains(UNTOLD), "{log}");
}

fn configure(folder: &Folder, text: &str) {
    folder.replace("jwtd.yaml", format!("{HEAD}{text}"));
}

const RELOADED: &str = "jwtd_config_last_reload_successful 1";
const REFUSED: &str = "jwtd_config_last_reload_successful 0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_put_in_force_and_a_wrong_one_is_not() {
    let first = format!("issuers:\n{}", issuer("i", "a", "jwks_file: jwks.json"));
    let daemon = start_with(&first);
    let good = token(&KEY, "i");
    assert_eq!(daemon.reasons(&[&good]).await, [Reason::Ok]);

    configure(&daemon.folder, &format!("issuers:\n{}", issuer("i", "b", "jwks_file: jwks.json")));
    daemon.until_reasons(&[&good], &[Reason::AudienceMismatch]).await;

    // Two faults, both reported, and nothing in force.
    let wrong = issuer("i", "a", "jwks_file: gone.json").replace("audiences", "audience");
    configure(&daemon.folder, &format!("issuers:\n{wrong}"));
    daemon.wait_for("/metrics", REFUSED);
    assert_eq!(daemon.reasons(&[&good]).await, [Reason::AudienceMismatch]);
    for part in
        ["unknown key `audience`; fix: did you mean", "gone.json cannot be read", "stays in force"]
    {
        daemon.wait_for_log(part);
    }
    assert!(daemon.get("/readyz").contains("200 OK"), "a bad push is no outage");

    configure(&daemon.folder, &format!("issuers:\n{}", issuer("i", "a", "jwks_file: jwks.json")));
    daemon.wait_for("/metrics", RELOADED);
    daemon.until_reasons(&[&good], &[Reason::Ok]).await;
    all_were_told(&daemon);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_map_is_swapped_by_a_link_beside_the_file() {
    let folder = folder();
    let volume = folder.path("volume");
    let put = |generation: &str, audience: &str| {
        let real = volume.join(generation);
        std::fs::create_dir_all(&real).unwrap();
        let keys = format!("jwks_file: {}", folder.path("jwks.json").display());
        let text = format!(
            "{}issuers:\n{}",
            HEAD.replace("d.sock", "../d.sock"),
            issuer("i", audience, &keys)
        );
        std::fs::write(real.join("jwtd.yaml"), text).unwrap();
        // As the kubelet replaces a ConfigMap volume.
        let link = volume.join("..data_tmp");
        std::os::unix::fs::symlink(generation, &link).unwrap();
        std::fs::rename(link, volume.join("..data")).unwrap();
    };
    put("..one", "a");
    std::os::unix::fs::symlink("..data/jwtd.yaml", volume.join("jwtd.yaml")).unwrap();
    let daemon = JWTD.serve(folder.clone(), &volume.join("jwtd.yaml"));
    let good = token(&KEY, "i");
    daemon.until_reasons(&[&good], &[Reason::Ok]).await;
    put("..two", "b");
    std::fs::remove_dir_all(volume.join("..one")).unwrap();
    daemon.until_reasons(&[&good], &[Reason::AudienceMismatch]).await;
    // Once more, because the watch must survive the first swap.
    put("..three", "a");
    daemon.until_reasons(&[&good], &[Reason::Ok]).await;
    all_were_told(&daemon);
}

/// Overwrites the file in place, and waits after each piece until the daemon has read it. (A prefix
/// that is a valid configuration by itself comes into force after such a pause: a file that has not
/// changed for a quarter of a second counts as complete.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_written_slowly_is_never_in_force_by_half() {
    // No prefix of a JSON object is a valid configuration.
    let text = |audience: &str| {
        let keys = serde_json::json!({"jwks_file": "jwks.json"});
        let issuer = serde_json::json!({"issuer": "https://i", "audiences": [audience],
            "algorithms": ["EdDSA"], "keys": keys});
        let listen = serde_json::json!([{"unix": "d.sock"}, {"tcp": "127.0.0.1:0"}]);
        let (admin, issuers) = ("127.0.0.1:0", serde_json::json!({"i": issuer}));
        serde_json::json!({"listen": listen, "admin": admin, "issuers": issuers}).to_string()
    };
    let folder = folder();
    let file = folder.write("jwtd.json", text("a"));
    let daemon = JWTD.serve(folder, &file);
    let good = token(&KEY, "i");
    assert_eq!(daemon.reasons(&[&good]).await, [Reason::Ok]);
    let whole = text("b");
    for (round, parts) in (1..6).enumerate() {
        std::fs::write(&file, whole.get(..whole.len() * parts / 6).unwrap()).unwrap();
        daemon.wait_for_logs(KEPT, round + 1);
        assert_eq!(daemon.reasons(&[&good]).await, [Reason::Ok], "after {parts} of 6 parts");
    }
    std::fs::write(&file, whole).unwrap();
    daemon.until_reasons(&[&good], &[Reason::AudienceMismatch]).await;
    let log = daemon.stop();
    assert_eq!(log.matches(IN_FORCE).count(), 1, "{log}");
    assert!(!log.contains(UNTOLD), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_right_after_a_reload_is_not_lost() {
    let text =
        |audience: &str| format!("issuers:\n{}", issuer("i", audience, "jwks_file: jwks.json"));
    let daemon = start_with(&text("a"));
    for round in 0..16 {
        configure(&daemon.folder, &text(["b", "a"][round % 2]));
        daemon.wait_for_logs(IN_FORCE, round + 1);
    }
    all_were_told(&daemon);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_reads_again_and_names_what_needs_a_restart() {
    let text = format!("issuers:\n{}", issuer("i", "a", "jwks_file: jwks.json"));
    let daemon = start_with(&text);
    daemon.hang_up();
    daemon.wait_for_log(IN_FORCE);
    let more = "cache: { max_ttl: 5m }\nlimits: { connections: 3, token_bytes: 8KiB }\n";
    configure(&daemon.folder, &format!("{more}{text}"));
    daemon.wait_for("/metrics", "jwtd_config_restart_required 1");
    daemon.wait_for_log("cache.max_ttl, limits, drain_delay");
    assert_eq!(daemon.reasons(&[&token(&KEY, "i")]).await, [Reason::Ok]);
    all_were_told(&daemon);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r64_a_key_file_that_changes_is_read_again_also_for_remembered_tokens() {
    let text = format!("issuers:\n{}", issuer("i", "a", "jwks_file: jwks.json"));
    let daemon = start_with(&text);
    let next = Signer::new("k");
    // The same ID with another key.
    let (old, new) = (token(&KEY, "i"), token(&next, "i"));
    assert_eq!(daemon.reasons(&[&old, &new]).await, [Reason::Ok, Reason::SignatureInvalid]);
    let set = set(&[&next]);
    daemon.folder.replace("jwks.json", set);
    daemon.until_reasons(&[&old, &new], &[Reason::SignatureInvalid, Reason::Ok]).await;
    all_were_told(&daemon);
    daemon.wait_for_log(r#""added":"[\"k\"]","removed":"[\"k\"]","kept":0"#);
}

/// The log of the only daemon that runs in this process.
#[derive(Clone)]
struct Log(Watched<String>);

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.change(|log| log.push_str(&String::from_utf8_lossy(line)));
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The daemon runs in this process, so that the test can pause it between reading and watching.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r64_a_key_file_that_changes_before_it_is_watched_is_read_again() {
    let log = Log(Watched::new(String::new()));
    let writer = log.clone();
    let logs = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
    logs.with_writer(move || writer.clone()).init();
    let folder = folder();
    let text = format!("{HEAD}issuers:\n{}", issuer("i", "a", "jwks_file: jwks.json"));
    let file = folder.write("jwtd.yaml", text);
    let before = app::fingerprint(&file);
    let config = config::load(&file).unwrap();
    let next = Signer::new("k");
    folder.replace("jwks.json", set(&[&next]));

    let app = App::start(config, 1, jwtd::clock::Clock::system()).unwrap();
    let (named, stop) = (file.clone(), CancellationToken::new());
    let load = Box::new(move || config::load(&named));
    let loader = Loader { file: Some((file, before)), load };
    let serving = tokio::spawn(app.serve_and_reload(stop.clone(), Some((loader, Arc::default()))));
    let reloaded = log.0.wait(|log| log.contains(IN_FORCE).then_some(()));
    let log = log.0.read(String::clone);
    assert!(reloaded.is_some() && !log.contains(UNTOLD), "{log}");
    let socket = format!("unix://{}", folder.path("d.sock").display());
    let mut client = Client::connect(&socket.parse().unwrap()).await.unwrap();
    let token = token(&next, "i").into();
    let verdicts =
        client.verify_batch(vec![token], Vec::new(), VerifyOptions::default()).await.unwrap();
    assert!(verdicts[0].permit, "{verdicts:?}");
    stop.cancel();
    serving.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_keeps_fetched_keys_while_the_issuer_is_down() {
    let web = Web::start();
    web.put("/k", Answer::ok(set(&[&KEY])));
    let keys = format!("jwks_uri: '{}/k'", web.origin);
    let daemon = start_with(&format!("issuers:\n{}", issuer("i", "a", &keys)));
    let good = token(&KEY, "i");
    daemon.wait_for("/readyz", "200 OK");
    web.put("/k", Answer::status("503 Service Unavailable", ""));

    // Another refresh interval and another token limit, with the same keys.
    let paced = issuer("i", "a", &format!("{keys}, refresh: 1h, max_stale: 2h"));
    let more = issuer("o", "a", &format!("jwks_uri: '{}/o'", web.origin));
    let profiles = "profiles: { default: { issuers: [i, o] } }\nlimits: { token_bytes: 9KiB }\n";
    configure(&daemon.folder, &format!("{profiles}issuers:\n{more}{paced}"));
    daemon.wait_for("/readyz?verbose", "issuer o: no keys, never loaded");
    assert_eq!(daemon.reasons(&[&good]).await, [Reason::Ok]);
    let ready = daemon.get("/readyz");
    assert!(ready.contains("200 OK"), "an issuer more does not make it unready: {ready}");

    // A new key source that is unreachable: the old keys stay, and so does everything else.
    let moved = issuer("i", "b", &format!("jwks_uri: '{}/moved'", web.origin));
    configure(&daemon.folder, &format!("issuers:\n{moved}"));
    daemon.wait_for("/metrics", REFUSED);
    daemon.wait_for_log("its new keys cannot be fetched");
    assert_eq!(daemon.reasons(&[&good]).await, [Reason::Ok]);
    // Once it is reachable, SIGHUP does not wait for the next check.
    web.put("/moved", Answer::ok(set(&[&KEY])));
    let looks = daemon.log().matches(UNTOLD).count();
    daemon.hang_up();
    daemon.until_reasons(&[&good], &[Reason::AudienceMismatch]).await;
    assert_eq!(daemon.log().matches(UNTOLD).count(), looks, "{}", daemon.log());
    assert!(!daemon.get("/metrics").contains(r#"jwtd_jwks_keys{issuer="o"}"#), "it is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r19_an_issuer_with_a_new_source_has_none_of_its_old_keys() {
    let daemon = start_with(&format!("issuers:\n{}", issuer("i", "a", "jwks_file: jwks.json")));
    let old = token(&KEY, "i");
    assert_eq!(daemon.reasons(&[&old]).await, [Reason::Ok]);
    let next = Signer::new("k");
    daemon.folder.write("n", set(&[&next]));
    configure(&daemon.folder, &format!("issuers:\n{}", issuer("i", "a", "jwks_file: n")));
    let tokens = [&*token(&next, "i"), &old];
    daemon.until_reasons(&tokens, &[Reason::Ok, Reason::SignatureInvalid]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_waits_for_keys_is_judged_by_the_profile_that_was_asked_for() {
    let web = Web::start();
    web.put("/k", Answer::ok(set(&[&KEY])));
    let keys = format!("jwks_uri: '{}/k', cooldown: 1s, unknown_kid_wait: 5s", web.origin);
    let limits = "limits: { call_timeout: 60s }\n";
    let issuers =
        format!("{limits}issuers:\n{}", issuer("i", "any", &keys).replace("[any]", "any"));
    let profile = |name: &str| format!("  {name}: {{ issuers: [i], audiences: [{name}] }}\n");
    let profiles = |first, second| format!("profiles:\n{}{}", profile(first), profile(second));
    let daemon = start_with(&format!("{issuers}{}", profiles("b", "a")));
    daemon.wait_for("/readyz", "200 OK");

    // Its key arrives while the token waits; meanwhile the profiles are reordered.
    let (next, gate) = (Signer::new("n"), Gate::closed());
    web.put("/k", Answer::ok(set(&[&next])).behind(&gate));
    let token = token(&next, "i");
    let options = VerifyOptions { profile: "b".to_owned(), ..Default::default() };
    let request = jwtd::pb::VerifyBatchRequest {
        tokens: vec![token.clone().into_bytes().into()],
        options: Some(options.clone()),
        ..Default::default()
    };
    let mut client = daemon.client().await;
    let asked = request.clone();
    let waiting = tokio::spawn(async move { client.verify_batch(asked).await });
    web.wait_for_requests(2);
    configure(&daemon.folder, &format!("{issuers}{}", profiles("a", "b")));
    daemon.wait_for_log(IN_FORCE);
    gate.open();
    let verdicts = waiting.await.unwrap().unwrap().into_inner().verdicts;
    assert_eq!(verdicts[0].reason(), Reason::KeyUnknown, "as in the configuration it came under");
    until(daemon.with_log("the new key and the new profile".to_owned()), async || {
        let answer = daemon.client().await.verify_batch(request.clone()).await.unwrap();
        let reason = answer.into_inner().verdicts[0].reason();
        assert!([Reason::KeyUnknown, Reason::AudienceMismatch].contains(&reason), "{reason:?}");
        (reason == Reason::AudienceMismatch).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_of_removed_profiles_and_issuers_go_and_others_keep_their_values() {
    let profiles = |names: &[(&str, &str)]| {
        let one =
            |(name, issuers): &(&str, &str)| format!("  {name}: {{ issuers: [{issuers}] }}\n");
        format!("profiles:\n{}", names.iter().map(one).collect::<String>())
    };
    let (i, j) =
        (issuer("i", "a", "jwks_file: jwks.json"), issuer("j", "a", "jwks_file: jwks.json"));
    let both = profiles(&[("default", "i, j"), ("second", "i, j")]);
    let daemon = start_with(&format!("issuers:\n{i}{j}{both}"));
    let tokens = [token(&KEY, "i"), token(&KEY, "j"), "junk".to_owned()];
    let tokens: Vec<_> = tokens.iter().map(String::as_str).collect();
    let wanted = [Reason::Ok, Reason::Ok, Reason::TokenNotCompact];
    assert_eq!(daemon.reasons(&tokens).await, wanted);
    let second = VerifyOptions { profile: "second".to_owned(), ..Default::default() };
    let ask = |bytes: &str| bytes.as_bytes().to_vec().into();
    let tokens_of = tokens.iter().map(|one| ask(one)).collect();
    let mut client = Client::connect(&daemon.endpoint().parse().unwrap()).await.unwrap();
    assert_eq!(client.verify_batch(tokens_of, Vec::new(), second).await.unwrap().len(), 3);
    let series = |profile: &str, issuer: &str, reason: &str| {
        let labels = format!("issuer=\"{issuer}\",profile=\"{profile}\",reason=\"{reason}\"");
        daemon.metric(&format!("jwtd_verifications_total{{{labels}}}"))
    };
    for profile in ["default", "second"] {
        for (issuer, reason) in [("i", "OK"), ("j", "OK"), ("unknown", "TOKEN_NOT_COMPACT")] {
            assert_eq!(series(profile, issuer, reason), Some(1.0), "{profile} {issuer}");
        }
    }

    configure(&daemon.folder, &format!("issuers:\n{i}{}", profiles(&[("default", "i")])));
    daemon.wait_for_log(IN_FORCE);
    let metrics = daemon.get("/metrics");
    assert!(!metrics.contains("\"j\"") && !metrics.contains("\"second\""), "{metrics}");
    assert_eq!(series("default", "i", "OK"), Some(1.0), "it keeps its value");
    assert_eq!(series("default", "unknown", "TOKEN_NOT_COMPACT"), Some(1.0));
    daemon.reasons(&tokens).await;
    assert_eq!(series("default", "i", "OK"), Some(2.0));

    configure(&daemon.folder, &format!("issuers:\n{i}{j}{both}"));
    daemon.wait_for_logs(IN_FORCE, 2);
    assert_eq!(daemon.reasons(&tokens).await, wanted);
    assert_eq!(series("default", "j", "OK"), Some(1.0), "one that comes back begins anew");
    assert_eq!(series("default", "i", "OK"), Some(3.0));
}
