//! Fetched keys: from several sources, with gzip, through firewalls and proxies, and without TLS;
//! and the reports about them.

use crate::client::Calls as _;
use crate::sources::proxy;
use crate::support::{Daemon, Folder, JWTD, KEY, folder};
use crate::web::{Answer, Web};
use jwtd::pb::Reason;
use jwtd_testkit::launcher::waiting::until;
use jwtd_testkit::tokens::{Signer, set};
use std::io::Write as _;

const ISS: &str = "https://i";

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A daemon with one issuer of this `iss`, and further configuration.
fn start(folder: Folder, issuer: &str, keys: &str, more: &str) -> Daemon {
    let config = format!(
        "issuers:\n  corp:\n    issuer: '{issuer}'\n    audiences: [a]\n    keys: {{ {keys} }}\n{more}"
    );
    JWTD.start(folder, &config)
}

/// A set that is fresh for one second.
fn short_lived(signers: &[&Signer]) -> Answer {
    Answer { header: "Cache-Control: max-age=1\r\n".to_owned(), ..Answer::ok(set(signers)) }
}

fn down() -> Answer {
    Answer::status("503 Service Unavailable", "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_key_sets_under_one_iss_are_a_union_in_which_each_part_lasts_by_itself() {
    let (one, two) = (Web::start(), Web::start());
    let [a, b, c] = ["a", "b", "c"].map(Signer::new);
    one.put("/k", short_lived(&[&a]));
    two.put("/down", down());
    two.put("/k", short_lived(&[&b]));
    let keys = format!(
        "jwks_uris: {{ union: ['{}/k', ['{1}/down', '{1}/k']] }}, cooldown: 1s",
        one.origin, two.origin
    );
    let daemon = start(folder(), ISS, &keys, "");
    daemon.wait_for("/readyz", "200 OK");
    let [of_a, of_b, of_c] = [&a, &b, &c].map(|signer| signer.token(ISS));
    let all = [&*of_a, &*of_b, &*of_c];
    daemon.until_reasons(&all, &[Reason::Ok, Reason::Ok, Reason::KeyUnknown]).await;

    // One source fails while the other rotates: the keys of each source are independent.
    two.put("/k", down());
    one.put("/k", short_lived(&[&c]));
    daemon.until_reasons(&all, &[Reason::KeyUnknown, Reason::Ok, Reason::Ok]).await;
    daemon.wait_for_log("keys cannot be fetched");
    let failure = daemon.wait_for("/keys", "1 of 2 key sets cannot be fetched");
    assert!(failure.contains(&two.origin), "{failure}");
    let log = daemon.wait_for_log("the keys changed; removed ones are refused from now on");
    assert!(log.contains(r#""added":"[\"c\"]","removed":"[\"a\"]","kept":1"#), "{log}");

    two.put("/k", short_lived(&[&b]));
    let log = daemon.wait_for_log("keys can be fetched again");
    assert!(log.contains("\"failed_attempts\":") && log.contains("\"failed_for\":"), "{log}");
    // The other source rotates too.
    one.put("/k", short_lived(&[&a]));
    two.put("/k", short_lived(&[&b, &c]));
    daemon.until_reasons(&all, &[Reason::Ok, Reason::Ok, Reason::Ok]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_part_of_a_union_outlives_the_process_and_goes_when_it_is_too_old() {
    let (one, two) = (Web::start(), Web::start());
    let [a, b] = ["a", "b"].map(Signer::new);
    one.put("/k", short_lived(&[&a]));
    two.put("/k", short_lived(&[&b]));
    let keys = format!(
        "jwks_uris: {{ union: ['{}/k', '{}/k'] }}, cooldown: 1s, refresh: 10s, max_stale: 25s",
        one.origin, two.origin
    );
    let more = "state_dir: state\ndrain_delay: 0s\ndrain_timeout: 1s\n";
    let all = [&*a.token(ISS), &*b.token(ISS)].map(str::to_owned);
    let all = [&*all[0], &*all[1]];
    let daemon = start(folder(), ISS, &keys, more);
    daemon.wait_for("/readyz", "200 OK");
    daemon.until_reasons(&all, &[Reason::Ok, Reason::Ok]).await;
    let kept = daemon.folder.clone();
    for name in ["state/corp~0.json", "state/corp~1.json"] {
        // Keys are stored after they are in force.
        let is_kept = async || kept.path(name).exists().then_some(());
        until(daemon.with_log(format!("{name} to be kept")), is_kept).await;
    }
    daemon.stop();

    two.put("/k", down());
    let daemon = start(kept, ISS, &keys, more);
    daemon.wait_for_log("keys cannot be fetched");
    let log = daemon.wait_for_log("keys from `state_dir`");
    assert!(log.contains("\"keys\":2"), "those of both parts: {log}");
    daemon.until_reasons(&all, &[Reason::Ok, Reason::KeyUnknown]).await;
    daemon.wait_for_log("the keys from this place are older than `max_stale`");
    assert_eq!(daemon.reasons(&all[..1]).await, [Reason::Ok]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_that_names_another_place_keeps_the_keys_of_one_that_is_down() {
    let (one, two, three) = (Web::start(), Web::start(), Web::start());
    let [a, b, c] = ["a", "b", "c"].map(Signer::new);
    for (web, signer) in [(&one, &a), (&two, &b), (&three, &c)] {
        web.put("/k", short_lived(&[signer]));
    }
    let union = |webs: &[&Web]| {
        let urls: Vec<_> = webs.iter().map(|web| format!("'{}/k'", web.origin)).collect();
        format!("jwks_uris: {{ union: [{}] }}, cooldown: 1s", urls.join(", "))
    };
    let daemon = start(folder(), ISS, &union(&[&one, &two]), "");
    daemon.wait_for("/readyz", "200 OK");
    let tokens = [&a, &b, &c].map(|signer| signer.token(ISS));
    let all = [&*tokens[0], &*tokens[1], &*tokens[2]];
    daemon.until_reasons(&all, &[Reason::Ok, Reason::Ok, Reason::KeyUnknown]).await;

    two.put("/k", down());
    daemon.wait_for_log("keys cannot be fetched");
    let config = daemon.folder.read("jwtd.yaml");
    let changed = config.replace(&union(&[&one, &two]), &union(&[&three, &two]));
    assert_ne!(config, changed);
    daemon.folder.replace("jwtd.yaml", changed);
    daemon.wait_for_log("the configuration is reloaded");
    assert_eq!(daemon.reasons(&all).await, [Reason::KeyUnknown, Reason::Ok, Reason::Ok]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_issuer_and_its_recovery_are_told_with_what_the_keys_are_worth() {
    let web = Web::start();
    let [a, b] = ["a", "b\u{1b}[2J"].map(Signer::new);
    web.put("/k", short_lived(&[&a]));
    let keys = format!("jwks_uri: '{}/k', cooldown: 1s", web.origin);
    let daemon = start(folder(), ISS, &keys, "");
    daemon.wait_for("/readyz", "200 OK");
    web.put("/k", down());
    let log = daemon.wait_for_log("keys cannot be fetched");
    let line = log.lines().find(|line| line.contains("keys cannot be fetched")).unwrap();
    // The clock counts whole seconds, and the first may not be over.
    let told = ["\"serve_for\":\"23h 59m", "\"serve_for\":\"1day\""];
    assert!(told.iter().any(|told| line.contains(told)), "{line}");
    web.put("/k", short_lived(&[&b]));
    let log = daemon.wait_for_log("keys can be fetched again");
    let line = log.lines().find(|line| line.contains("the keys changed")).unwrap();
    assert!(line.contains(r#""removed":"[\"a\"]""#) && line.contains("\"kept\":0"), "{line}");
    assert!(line.contains("\"serve_for\":") && !line.contains('\u{1b}'), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gzip_that_was_not_asked_for_is_opened() {
    let web = Web::start();
    let packed = gzip(set(&[&KEY]).as_bytes());
    let header = "Content-Encoding: gzip\r\n".to_owned();
    web.put("/header", Answer { header: header.clone(), ..Answer::ok(packed.clone()) });
    web.put("/bare", Answer::ok(packed));
    web.put("/unpacked", Answer { header, ..Answer::ok(set(&[&KEY])) });
    for path in ["header", "bare", "unpacked"] {
        let daemon = start(folder(), ISS, &format!("jwks_uri: '{}/{path}'", web.origin), "");
        daemon.wait_for("/readyz", "200 OK");
        assert_eq!(daemon.reasons(&[&KEY.token(ISS)]).await, [Reason::Ok], "{path}");
    }
    assert!(web.requests().iter().all(|request| request.contains("accept-encoding: identity\r\n")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_are_sent_to_the_configured_host_alone_and_shown_to_nobody() {
    let web = Web::start();
    web.publish("", &web.origin, &set(&[&KEY]));
    let secrets = folder();
    secrets.write("waf", "secret-of-file\n");
    let fields = "X-Waf: { file: waf }, User-Agent: secret-inline, \
                  Authorization: { file: waf }";
    let keys = format!("headers: {{ {fields} }}, refresh: 10s");
    let daemon = start(secrets, &web.origin, &keys, "");
    daemon.wait_for("/readyz", "200 OK");
    for request in web.requests() {
        for line in ["x-waf: secret-of-file", "user-agent: secret-inline", "authorization: secret"]
        {
            assert!(request.contains(line), "{request}");
        }
        assert_eq!(request.matches("user-agent:").count(), 1, "{request}");
    }
    assert!(!daemon.get("/keys").contains("secret-"));
    let log = daemon.stop();
    assert!(!log.contains("secret-of") && !log.contains("secret-in"), "{log}");

    // The metadata point to another host: credentials are not sent there.
    let (other, asked) = proxy("HTTP/1.1 200 Connection established\r\n\r\n");
    let elsewhere = "https://other.example/k";
    let metadata = serde_json::json!({"issuer": web.origin, "jwks_uri": elsewhere});
    web.put("/.well-known/openid-configuration", Answer::ok(metadata.to_string()));
    let secrets = folder();
    secrets.write("waf", "secret-of-file\n");
    let keys = format!("{keys}, proxy: '{other}'");
    let _daemon = start(secrets, &web.origin, &keys, "");
    let request = asked.recv().unwrap();
    assert!(request.starts_with("CONNECT other.example:443 "), "{request}");
    assert!(!request.contains("secret"), "{request}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plaintext_is_permitted_for_keys_metadata_and_what_they_name() {
    let web = Web::start();
    // Another spelling of this machine's address counts as another host.
    let outside = web.origin.replace("127.0.0.1", "[::ffff:127.0.0.1]");
    web.put("/k", Answer::ok(set(&[&KEY])));
    let metadata = serde_json::json!({"issuer": outside, "jwks_uri": format!("{outside}/k")});
    web.put("/.well-known/openid-configuration", Answer::ok(metadata.to_string()));
    let union = format!("jwks_uris: {{ union: ['{outside}/k'] }}");
    for (issuer, keys) in
        [(ISS, format!("jwks_uri: '{outside}/k'")), (ISS, union), (&outside, String::new())]
    {
        let daemon = start(folder(), issuer, &format!("plaintext: true, {keys}"), "");
        daemon.wait_for("/readyz", "200 OK");
        assert_eq!(daemon.reasons(&[&KEY.token(issuer)]).await, [Reason::Ok], "{keys}");
    }
    // A host that only a fetched document names must have a public address.
    let metadata = serde_json::json!({"issuer": web.origin, "jwks_uri": "http://10.0.0.1/k"});
    web.put("/.well-known/openid-configuration", Answer::ok(metadata.to_string()));
    let daemon = start(folder(), &web.origin, "plaintext: true", "");
    daemon.wait_for_log("connections to the host's address 10.0.0.1 are not allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_is_given_the_password_of_a_file_and_whole_urls_in_plain_text() {
    let basic = "Basic bWU6bXkgc2VjcmV0"; // me:my secret
    let run = |answer, keys: &str| {
        let (url, asked) = proxy(answer);
        let folder = folder();
        folder.write("password", "my secret\n");
        let proxy = format!("proxy: '{url}', proxy_user: me, proxy_password_file: password");
        (start(folder, ISS, &format!("{keys}, {proxy}"), ""), asked)
    };
    let (daemon, asked) =
        run("HTTP/1.1 502 Bad Gateway\r\n\r\n", "jwks_uri: 'https://keys.example/k'");
    let request = asked.recv().unwrap();
    assert!(request.starts_with("CONNECT keys.example:443 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("Proxy-Authorization: {basic}\r\n")), "{request}");
    daemon.wait_for_log("the proxy answers");
    let log = daemon.stop();
    assert!(!log.contains("my secret") && !log.contains(basic), "{log}");

    let keys = "jwks_uri: 'http://keys.example/k?a=b', plaintext: true";
    let (daemon, asked) = run("HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n", keys);
    let request = asked.recv().unwrap();
    assert!(request.starts_with("GET http://keys.example/k?a=b HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("host: keys.example\r\n"), "{request}");
    assert!(request.contains(&format!("proxy-authorization: {basic}\r\n")), "{request}");
    daemon.wait_for_log("the proxy requires authentication (407)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_secret_in_a_url_is_in_no_log_no_probe_and_no_metric() {
    let web = Web::start();
    let location = "Location: https://u:s3cret@a/?key=s3cret\r\n";
    web.put("/moved?key=s3cret", Answer::status("302 Found", location));
    let learned = format!("{}/learned?key=s3cret", web.origin);
    let metadata = serde_json::json!({"issuer": web.origin, "jwks_uri": learned});
    web.put("/.well-known/openid-configuration", Answer::ok(metadata.to_string()));
    for (issuer, keys, outcome) in [
        (ISS, format!("jwks_uri: '{}/moved?key=s3cret'", web.origin), "answered 302"),
        (ISS, "jwks_uri: 'http://127.0.0.1:1/k?key=s3cret'".to_owned(), "cannot connect"),
        (&web.origin, "refresh: 10s".to_owned(), "answered 404"),
    ] {
        let daemon = start(folder(), issuer, &keys, "");
        daemon.wait_for_log(outcome);
        daemon.wait_for("/keys", outcome);
        let pages = ["/keys", "/metrics", "/readyz"].map(|page| daemon.get(page));
        let log = daemon.stop();
        for text in pages.iter().chain([&log]) {
            assert!(!text.contains("s3cret"), "{text}");
        }
        assert!(log.contains("?key=***"), "{log}");
    }
    assert!(web.paths().iter().any(|path| path == "/learned?key=s3cret"), "{:?}", web.paths());
}
