//! The configuration is replaced while the daemon runs: all of it or nothing.

use crate::support::{Daemon, Folder, KEY, PATIENCE, now};
use crate::web::{Answer, Web};
use jwtd::app::{self, App, Loader};
use jwtd::client::Client;
use jwtd::config;
use jwtd::crypto::SigningKey;
use jwtd::jose::Algorithm;
use jwtd::pb::{Reason, VerifyOptions};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Less its issuers.
const HEAD: &str = "listen: [{ unix: d.sock }, { tcp: 127.0.0.1:0 }]\nadmin: 127.0.0.1:0\ndrain_delay: 0s\ndrain_timeout: 1s\n";

fn issuer(name: &str, audience: &str, keys: &str) -> String {
    format!(
        "  {name}: {{ issuer: https://{name}, audiences: [{audience}], algorithms: [EdDSA], \
         keys: {{ {keys} }} }}\n"
    )
}

fn token(key: &SigningKey, id: &str, issuer: &str) -> String {
    let header = format!(r#"{{"alg":"EdDSA","kid":"{id}"}}"#);
    let claims = format!(r#"{{"iss":"https://{issuer}","aud":"a","exp":{}}}"#, now() + 600);
    key.sign_compact(&header, &claims).unwrap()
}

fn hang_up(daemon: &Daemon) {
    let pid = daemon.child.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
}

/// Puts `text` in the place of a file in one step, as an editor or a rename does.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

async fn until(daemon: &Daemon, tokens: &[&str], wanted: &[Reason]) {
    let begin = Instant::now();
    loop {
        let reasons = daemon.reasons(tokens).await;
        if reasons == wanted {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{reasons:?}, not {wanted:?}\n{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const RELOADED: &str = "jwtd_config_last_reload_successful 1";
const REFUSED: &str = "jwtd_config_last_reload_successful 0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_put_in_force_and_a_wrong_one_is_not() {
    let folder = Folder::new();
    let first = format!("issuers:\n{}", issuer("i", "a", "jwks_file: jwks.json"));
    let daemon = Daemon::start_with(folder, &format!("drain_timeout: 1s\n{first}"));
    let file = daemon.folder.0.join("jwtd.yaml");
    let good = token(&KEY, "k", "i");
    assert_eq!(daemon.reasons(&[&good]).await, [Reason::Ok]);

    replace(&file, &format!("{HEAD}issuers:\n{}", issuer("i", "b", "jwks_file: jwks.json")));
    until(&daemon, &[&good], &[Reason::AudienceMismatch]).await;

    // Two faults, each named, and nothing of it in force.
    let wrong = issuer("i", "a", "jwks_file: gone.json").replace("audiences", "audience");
    replace(&file, &format!("{HEAD}issuers:\n{wrong}"));
    daemon.wait_for("/metrics", REFUSED);
    assert_eq!(daemon.reasons(&[&good]).await, [Reason::AudienceMismatch]);
    for part in
        ["unknown key `audience`; did you mean", "gone.json cannot be read", "stays in force"]
    {
        daemon.wait_for_log(part);
    }
    assert!(daemon.get("/readyz").contains("200 OK"), "a bad push is no outage");

    replace(&file, &format!("{HEAD}issuers:\n{}", issuer("i", "a", "jwks_file: jwks.json")));
    daemon.wait_for("/metrics", RELOADED);
    until(&daemon, &[&good], &[Reason::Ok]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_map_is_swapped_by_a_link_beside_the_file() {
    let folder = Folder::new();
    let volume = folder.0.join("volume");
    let put = |generation: &str, audience: &str| {
        let real = volume.join(generation);
        std::fs::create_dir_all(&real).unwrap();
        let keys = format!("jwks_file: {}", folder.0.join("jwks.json").display());
        let text = format!(
            "{}issuers:\n{}",
            HEAD.replace("d.sock", "../d.sock"),
            issuer("i", audience, &keys)
        );
        std::fs::write(real.join("jwtd.yaml"), text).unwrap();
        // As the kubelet does.
        let link = volume.join("..data_tmp");
        std::os::unix::fs::symlink(generation, &link).unwrap();
        std::fs::rename(link, volume.join("..data")).unwrap();
    };
    put("..one", "a");
    std::os::unix::fs::symlink("..data/jwtd.yaml", volume.join("jwtd.yaml")).unwrap();
    let daemon = Daemon::serve(folder.clone(), &volume.join("jwtd.yaml"));
    let good = token(&KEY, "k", "i");
    until(&daemon, &[&good], &[Reason::Ok]).await;
    put("..two", "b");
    std::fs::remove_dir_all(volume.join("..one")).unwrap();
    until(&daemon, &[&good], &[Reason::AudienceMismatch]).await;
    // And once more: what is watched is not lost with the first swap.
    put("..three", "a");
    until(&daemon, &[&good], &[Reason::Ok]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_written_slowly_is_not_read_half() {
    let folder = Folder::new();
    std::fs::copy(folder.0.join("jwks.json"), folder.0.join("j")).unwrap();
    // Cut off after its first issuer, each of them is a good configuration.
    let both = |audience: &str| {
        let keys = "jwks_file: j";
        let profile = "profiles: { default: { issuers: [i] } }\n";
        format!(
            "{HEAD}{profile}issuers:\n{}{}",
            issuer("i", audience, keys),
            issuer("o", "a", keys)
        )
    };
    let file = folder.0.join("jwtd.yaml");
    std::fs::write(&file, both("a")).unwrap();
    let daemon = Daemon::serve(folder, &file);
    let good = token(&KEY, "k", "i");
    until(&daemon, &[&good], &[Reason::Ok]).await;
    let text = both("b");
    let begin = Instant::now();
    let mut end = 0;
    while end < text.len() {
        // In place, and in pieces: never quiet for long.
        end = (end + 23).min(text.len());
        std::fs::write(&file, text.get(..end).unwrap()).unwrap();
        tokio::time::sleep(Duration::from_millis(15)).await;
        let reasons = daemon.reasons(&[&good]).await;
        let allowed = [Reason::Ok, Reason::AudienceMismatch];
        assert!(allowed.contains(&reasons[0]), "{reasons:?} after {end} bytes");
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "the test is too slow to tell");
    until(&daemon, &[&good], &[Reason::AudienceMismatch]).await;
    assert!(!daemon.log().contains("is not reloaded"), "{}", daemon.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_right_after_a_reload_is_not_lost() {
    let text =
        |audience: &str| format!("issuers:\n{}", issuer("i", audience, "jwks_file: jwks.json"));
    let daemon = Daemon::start_with(Folder::new(), &text("a"));
    let file = daemon.folder.0.join("jwtd.yaml");
    let reloaded = || daemon.log().matches("the configuration is reloaded").count();
    for round in 0..16 {
        replace(&file, &format!("{HEAD}{}", text(["b", "a"][round % 2])));
        let begin = Instant::now();
        while reloaded() <= round {
            assert!(begin.elapsed() < Duration::from_secs(10), "{round}: {}", daemon.log());
            std::thread::yield_now();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_reads_again_and_names_what_needs_a_restart() {
    let folder = Folder::new();
    let text = format!("issuers:\n{}", issuer("i", "a", "jwks_file: jwks.json"));
    let mut daemon = Daemon::start_with(folder, &format!("drain_timeout: 1s\n{text}"));
    let file = daemon.folder.0.join("jwtd.yaml");
    hang_up(&daemon);
    let reloaded = |daemon: &Daemon| daemon.log().matches("the configuration is reloaded").count();
    let begin = Instant::now();
    while reloaded(&daemon) == 0 {
        assert!(begin.elapsed() < PATIENCE, "{}", daemon.log());
        std::thread::yield_now();
    }
    let more = "cache: { max_ttl: 5m }\nlimits: { connections: 3, token_bytes: 8KiB }\n";
    replace(&file, &format!("{HEAD}{more}{text}"));
    daemon.wait_for("/metrics", "jwtd_config_restart_required 1");
    daemon.wait_for_log("cache.max_ttl, limits, drain_delay");
    assert_eq!(daemon.reasons(&[&token(&KEY, "k", "i")]).await, [Reason::Ok]);
    daemon.terminate();
    assert!(daemon.wait().0.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r64_a_key_file_that_changes_is_read_again_also_for_remembered_tokens() {
    let folder = Folder::new();
    let daemon = Daemon::start_with(
        folder,
        &format!("drain_timeout: 1s\nissuers:\n{}", issuer("i", "a", "jwks_file: jwks.json")),
    );
    let next = SigningKey::generate(Algorithm::EdDsa).unwrap();
    // The same id, another key.
    let (old, new) = (token(&KEY, "k", "i"), token(&next, "k", "i"));
    assert_eq!(daemon.reasons(&[&old, &new]).await, [Reason::Ok, Reason::SignatureInvalid]);
    let set = format!(r#"{{"keys":[{}]}}"#, next.to_jwk("k"));
    replace(&daemon.folder.0.join("jwks.json"), &set);
    until(&daemon, &[&old, &new], &[Reason::SignatureInvalid, Reason::Ok]).await;
}

/// The daemon starts in this process, to be held between the two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r64_a_key_file_that_changes_before_it_is_watched_is_read_again() {
    let folder = Folder::new();
    let file = folder.0.join("jwtd.yaml");
    let text = format!("{HEAD}issuers:\n{}", issuer("i", "a", "jwks_file: jwks.json"));
    std::fs::write(&file, text).unwrap();
    let before = app::fingerprint(&file);
    let config = config::load(&file).unwrap();
    let next = SigningKey::generate(Algorithm::EdDsa).unwrap();
    replace(&folder.0.join("jwks.json"), &format!(r#"{{"keys":[{}]}}"#, next.to_jwk("k")));

    let app = App::start(config, 1, jwtd::clock::Clock::system()).unwrap();
    let (named, stop) = (file.clone(), CancellationToken::new());
    let load = Box::new(move || config::load(&named));
    let loader = Loader { file: Some((file, before)), load };
    let serving = tokio::spawn(app.serve_and_reload(stop.clone(), Some((loader, Arc::default()))));
    let socket = format!("unix://{}", folder.0.join("d.sock").display());
    let mut client = Client::connect(&socket.parse().unwrap()).await.unwrap();
    let begin = Instant::now();
    loop {
        let token = token(&next, "k", "i").into();
        let verdicts = client.verify_batch(vec![token], VerifyOptions::default()).await.unwrap();
        if verdicts[0].permit {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "{verdicts:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    serving.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_keeps_fetched_keys_while_the_issuer_is_down() {
    let web = Web::start();
    web.put("/k", Answer::ok(format!(r#"{{"keys":[{}]}}"#, KEY.to_jwk("k"))));
    let keys = format!("jwks_uri: '{}/k'", web.origin);
    let daemon =
        Daemon::start_with(Folder::new(), &format!("issuers:\n{}", issuer("i", "a", &keys)));
    let file = daemon.folder.0.join("jwtd.yaml");
    let good = token(&KEY, "k", "i");
    daemon.wait_for("/readyz", "200 OK");
    web.put("/k", Answer::status("503 Service Unavailable", ""));

    // Another pace, another bound on tokens: the same keys.
    let paced = issuer("i", "a", &format!("{keys}, refresh: 1h, max_stale: 2h"));
    let more = issuer("o", "a", &format!("jwks_uri: '{}/o'", web.origin));
    let profiles = "profiles: { default: { issuers: [i, o] } }\nlimits: { token_bytes: 9KiB }\n";
    replace(&file, &format!("{HEAD}{profiles}issuers:\n{more}{paced}"));
    daemon.wait_for("/readyz?verbose", "issuer o: no keys, expired");
    assert_eq!(daemon.reasons(&[&good]).await, [Reason::Ok]);
    let ready = daemon.get("/readyz");
    assert!(ready.contains("200 OK"), "an issuer more does not make it unready: {ready}");

    // Keys from elsewhere that cannot be had: the old ones stay, with all the rest.
    let moved = issuer("i", "b", &format!("jwks_uri: '{}/moved'", web.origin));
    replace(&file, &format!("{HEAD}issuers:\n{moved}"));
    daemon.wait_for("/metrics", REFUSED);
    daemon.wait_for_log("its new ones cannot be fetched");
    assert_eq!(daemon.reasons(&[&good]).await, [Reason::Ok]);
    // Once they can be, SIGHUP need not wait for the next look.
    web.put("/moved", Answer::ok(format!(r#"{{"keys":[{}]}}"#, KEY.to_jwk("k"))));
    hang_up(&daemon);
    until(&daemon, &[&good], &[Reason::AudienceMismatch]).await;
    assert!(!daemon.get("/metrics").contains(r#"jwtd_jwks_keys{issuer="o"}"#), "it is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r19_an_issuer_with_a_new_source_has_none_of_its_old_keys() {
    let daemon = Daemon::start_with(
        Folder::new(),
        &format!("issuers:\n{}", issuer("i", "a", "jwks_file: jwks.json")),
    );
    let old = token(&KEY, "k", "i");
    assert_eq!(daemon.reasons(&[&old]).await, [Reason::Ok]);
    let next = SigningKey::generate(Algorithm::EdDsa).unwrap();
    std::fs::write(daemon.folder.0.join("n"), format!(r#"{{"keys":[{}]}}"#, next.to_jwk("k")))
        .unwrap();
    let text = format!("{HEAD}issuers:\n{}", issuer("i", "a", "jwks_file: n"));
    replace(&daemon.folder.0.join("jwtd.yaml"), &text);
    until(&daemon, &[&token(&next, "k", "i"), &old], &[Reason::Ok, Reason::SignatureInvalid]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_waits_for_keys_is_judged_by_the_profile_that_was_asked_for() {
    let web = Web::start();
    let set = |keys: &[String]| Answer::ok(format!(r#"{{"keys":[{}]}}"#, keys.join(",")));
    web.put("/k", set(&[KEY.to_jwk("k")]));
    let keys = format!("jwks_uri: '{}/k', cooldown: 1s, unknown_kid_wait: 5s", web.origin);
    let issuers = format!("issuers:\n{}", issuer("i", "any", &keys).replace("[any]", "any"));
    let profile = |name: &str| format!("  {name}: {{ issuers: [i], audiences: [{name}] }}\n");
    let profiles = |first, second| format!("profiles:\n{}{}", profile(first), profile(second));
    let daemon = Daemon::start_with(Folder::new(), &format!("{issuers}{}", profiles("b", "a")));
    daemon.wait_for("/readyz", "200 OK");
    tokio::time::sleep(Duration::from_millis(1100)).await;

    // Its key comes while it waits; meanwhile the profiles change places.
    let next = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let slow = Answer { delay: Duration::from_secs(3), ..set(&[next.to_jwk("n")]) };
    web.put("/k", slow);
    let token = token(&next, "n", "i");
    let options = VerifyOptions { profile: "b".to_owned(), ..Default::default() };
    let request = jwtd::pb::VerifyBatchRequest {
        tokens: vec![token.clone().into_bytes().into()],
        options: Some(options.clone()),
        ..Default::default()
    };
    let mut client = daemon.client().await;
    let asked = request.clone();
    let waiting = tokio::spawn(async move { client.verify_batch(asked).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let text = format!("{HEAD}{issuers}{}", profiles("a", "b"));
    replace(&daemon.folder.0.join("jwtd.yaml"), &text);
    let verdicts = waiting.await.unwrap().unwrap().into_inner().verdicts;
    daemon.wait_for_log("the configuration is reloaded");
    assert_eq!(verdicts[0].reason(), Reason::KeyUnknown, "as in the configuration it came under");
    let verdicts = daemon.client().await.verify_batch(request).await.unwrap().into_inner().verdicts;
    assert_eq!(verdicts[0].reason(), Reason::AudienceMismatch);
}
