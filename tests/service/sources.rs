//! Fetched keys: discovery, refresh, and everything that can go wrong.

use crate::client::Calls as _;
use crate::fetching::gzip;
use crate::support::{Daemon, Folder, JWTD, KEY, folder, start_with};
use crate::web::{Answer, Web};
use jwtd::pb::Reason;
use jwtd_testkit::launcher::waiting::{Gate, until};
use jwtd_testkit::tokens::{Claims, Signer, set, set_of};

fn good_set() -> String {
    set(&[&KEY])
}

/// A daemon with one issuer `corp`, with this `iss` and these keys.
fn start(issuer: &str, keys: &str) -> Daemon {
    start_in(folder(), issuer, keys)
}

fn start_in(folder: Folder, issuer: &str, keys: &str) -> Daemon {
    let config = format!("issuers:\n  corp:\n    issuer: '{issuer}'\n    audiences: [a]\n{keys}");
    JWTD.start(folder, &config)
}

fn fetches(outcome: &str) -> String {
    format!(r#"jwtd_jwks_fetches_total{{issuer="corp",outcome="{outcome}"}} "#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_lines_discover_the_keys_of_an_issuer() {
    let web = Web::start();
    let issuer = format!("{}/realms/a", web.origin);
    let unknown = [
        r#"{"kty":"AKP","kid":"pq","alg":"ML-DSA-44","pub":"AAAA"}"#,
        r#"{"kty":"RSA","kid":"enc","use":"enc","alg":"RSA-OAEP","n":"AQAB","e":"AQAB"}"#,
        r#"{"kty":"EC","crv":"secp256k1","kid":"k1","x":"AA","y":"AA"}"#,
        r#"{"kty":"OKP","crv":"X25519","kid":"x","x":"AA"}"#,
        r#"{"no":"key"}"#,
    ];
    let keys = unknown.iter().map(|key| (*key).to_owned()).chain([KEY.jwk()]);
    web.publish("/realms/a", &issuer, &set_of(&keys.collect::<Vec<_>>()));
    let daemon = start(&issuer, "");
    daemon.wait_for("/readyz", "200 OK");
    let with_id = KEY.token(&issuer);
    let without_id = KEY.sign(r#"{"alg":"EdDSA"}"#, &Claims::of(&issuer).to_string());
    let unknown_id = KEY.token_as("pq", &issuer);
    let reasons = daemon.reasons(&[&with_id, &without_id, &unknown_id]).await;
    assert_eq!(reasons, [Reason::Ok, Reason::Ok, Reason::KeyUnknown]);
    assert_eq!(web.paths(), ["/realms/a/.well-known/openid-configuration", "/realms/a/keys"]);
    // The timestamp is recorded after the keys are published.
    let metrics = daemon.wait_for("/metrics", "jwtd_jwks_last_success_timestamp_seconds{");
    for line in [&*format!("{}1", fetches("ok")), r#"jwtd_jwks_keys{issuer="corp"} 1"#] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    let moment = |name: &str| -> f64 {
        let name = format!("jwtd_jwks_{name}_timestamp_seconds{{issuer=\"corp\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&*name));
        line.unwrap_or_else(|| panic!("{name}\n{metrics}")).parse().unwrap()
    };
    let lasts = moment("expiry") - moment("last_success");
    assert!((lasts - 24.0 * 3600.0).abs() < 0.5, "as long as `max_stale`: {lasts}");
    for line in
        [r#"jwtd_limit{limit="cache_bytes"} 67108864"#, r#"jwtd_limit{limit="connections"} 1024"#]
    {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    daemon.wait_for_log("its `kty` is not implemented");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_may_lie_where_rfc_8414_says() {
    let web = Web::start();
    let issuer = format!("{}/tenant/", web.origin);
    web.put("/k", Answer::ok(good_set()));
    let metadata = serde_json::json!({"issuer": issuer, "jwks_uri": format!("{}/k", web.origin)});
    let place = "/.well-known/oauth-authorization-server/tenant";
    web.put(place, Answer::ok(metadata.to_string()));
    let daemon = start(&issuer, "");
    daemon.wait_for("/readyz", "200 OK");
    assert_eq!(web.paths(), ["/tenant/.well-known/openid-configuration", place, "/k"]);
    assert_eq!(daemon.reasons(&[&KEY.token(&issuer)]).await, [Reason::Ok]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_there_are_keys_the_daemon_is_not_ready_and_says_why() {
    let web = Web::start();
    let daemon = start("https://i", &format!("    keys: {{ jwks_uri: '{}/k' }}", web.origin));
    daemon.wait_for("/metrics", &fetches("status"));
    assert!(daemon.get("/readyz").contains("503"));
    assert!(daemon.get("/livez").contains("200"));
    let token = KEY.token("https://i");
    assert_eq!(daemon.reasons(&[&token]).await, [Reason::KeysUnavailable]);
    let health = || async {
        let mut client =
            tonic_health::pb::health_client::HealthClient::new(daemon.channel(false).await);
        let request = tonic_health::pb::HealthCheckRequest { service: String::new() };
        client.check(request).await.unwrap().into_inner().status().as_str_name()
    };
    assert_eq!(health().await, "NOT_SERVING");
    // The next attempt follows within seconds, not after `refresh`.
    web.put("/k", Answer::ok(good_set()));
    daemon.wait_for("/readyz", "200 OK");
    let what = daemon.with_log("the health SERVING".to_owned());
    until(what, async || (health().await == "SERVING").then_some(())).await;
    assert_eq!(daemon.reasons(&[&token]).await, [Reason::Ok]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r64_a_refresh_replaces_the_whole_set_also_for_remembered_tokens() {
    let web = Web::start();
    web.put("/k", Answer::ok(good_set()));
    let keys = format!("    keys: {{ jwks_uri: '{}/k', refresh: 10s }}", web.origin);
    let daemon = start("https://i", &keys);
    daemon.wait_for("/readyz", "200 OK");
    let (old, next) = (KEY.token("https://i"), Signer::new("n"));
    let new = next.token("https://i");
    assert_eq!(daemon.reasons(&[&old, &old, &new]).await[..2], [Reason::Ok, Reason::Ok]);
    assert_eq!(daemon.reasons(&[&new]).await, [Reason::KeyUnknown]);
    web.put("/k", Answer::ok(set(&[&next])));
    daemon.until_reasons(&[&old, &new], &[Reason::KeyUnknown, Reason::Ok]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r67_t48_a_failed_refresh_keeps_the_last_good_set_until_it_is_stale() {
    let web = Web::start();
    web.put("/k", Answer::ok(good_set()));
    let start = |max_stale: &str| {
        let keys = format!("refresh: 10s, max_stale: {max_stale}");
        start("https://i", &format!("    keys: {{ jwks_uri: '{}/k', {keys} }}", web.origin))
    };
    let (patient, strict) = (start("24h"), start("10s"));
    for daemon in [&patient, &strict] {
        daemon.wait_for("/readyz", "200 OK");
    }
    let token = KEY.token("https://i");
    web.put("/k", Answer::ok(r#"{"keys":[]}"#));
    patient.wait_for("/metrics", &fetches("unusable"));
    assert_eq!(patient.reasons(&[&token]).await, [Reason::Ok]);
    strict.until_reasons(&[&token], &[Reason::KeysStale]).await;
    // It recovers by itself.
    web.put("/k", Answer::ok(good_set()));
    strict.until_reasons(&[&token], &[Reason::Ok]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r61_t45_a_redirect_is_not_followed() {
    let web = Web::start();
    web.put("/k", Answer::status("302 Found", "Location: /other\r\n"));
    web.put("/other", Answer::ok(good_set()));
    let daemon = start("https://i", &format!("    keys: {{ jwks_uri: '{}/k' }}", web.origin));
    daemon.wait_for("/metrics", &fetches("status"));
    assert!(web.paths().iter().all(|path| path == "/k"), "{:?}", web.paths());
    daemon.wait_for_log("redirects are not followed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r62_t45_metadata_cannot_lead_the_daemon_into_the_network() {
    let other = Web::start();
    other.put("/k", Answer::ok(good_set()));
    for jwks_uri in [
        // Another port is another origin.
        other.origin.replace("http", "https") + "/k",
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/k".to_owned(),
        "https://[::ffff:127.0.0.1]/k".to_owned(),
        "https://localhost/k".to_owned(),
        format!("{}/k", other.origin),
    ] {
        let web = Web::start();
        let metadata = serde_json::json!({"issuer": web.origin, "jwks_uri": jwks_uri});
        web.put("/.well-known/openid-configuration", Answer::ok(metadata.to_string()));
        let daemon = start(&web.origin, "");
        daemon.wait_for("/metrics", &fetches("blocked"));
        assert!(daemon.get("/readyz").contains("503"));
    }
    assert_eq!(other.paths(), <[&str; 0]>::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r63_what_is_too_large_too_slow_or_in_an_unknown_coding_is_refused() {
    let web = Web::start();
    let slow = Answer::ok(good_set()).behind(&Gate::closed());
    let large = format!("{}{}", good_set(), " ".repeat(512 * 1024));
    let packed = Answer { header: "Content-Encoding: br\r\n".to_owned(), ..Answer::ok("x") };
    let bomb = Answer::ok(gzip(&vec![b' '; 64 << 20]));
    let private = format!(r#"{{"keys":[{{"kty":"oct","kid":"k","k":"{}"}}]}}"#, "A".repeat(43));
    let cases = [
        (slow, "timeout", "no answer in time"),
        (Answer::ok(large), "too_large", "larger than 512 KiB"),
        (packed, "protocol", "in the encoding"),
        (bomb, "too_large", "larger than 512 KiB"),
        (Answer::ok("<html>"), "invalid", "not JSON"),
        (Answer::ok(private), "invalid", "holds private members"),
    ];
    let mut daemons = Vec::new();
    for (number, (answer, outcome, words)) in cases.into_iter().enumerate() {
        web.put(&format!("/{number}"), answer);
        let keys = format!("    keys: {{ jwks_uri: '{}/{number}' }}", web.origin);
        daemons.push((start("https://i", &keys), outcome, words));
    }
    for (daemon, outcome, words) in daemons {
        daemon.wait_for("/metrics", &fetches(outcome));
        daemon.wait_for_log(words);
        assert!(daemon.get("/readyz").contains("503"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_of_another_issuer_are_refused() {
    let web = Web::start();
    web.publish("/a", &format!("{}/b", web.origin), &good_set());
    let daemon = start(&format!("{}/a", web.origin), "");
    daemon.wait_for("/metrics", &fetches("metadata"));
    daemon.wait_for_log("the metadata are those of the issuer");
    assert_eq!(web.paths()[0], "/a/.well-known/openid-configuration");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_of_ones_own_is_trusted_alone_and_a_token_is_sent() {
    let (web, authority) = Web::start_tls();
    web.publish("", &web.origin, &good_set());
    let (_, stranger) = Web::start_tls();
    let trusting = folder();
    trusting.write("ca.pem", &authority);
    trusting.write("bearer", "secret-token\n");
    let keys = "    keys: { ca_file: ca.pem, bearer_file: bearer }";
    let daemon = start_in(trusting, &web.origin, keys);
    daemon.wait_for("/readyz", "200 OK");
    assert_eq!(daemon.reasons(&[&KEY.token(&web.origin)]).await, [Reason::Ok]);
    for request in web.requests() {
        assert!(request.contains("authorization: Bearer secret-token\r\n"), "{request}");
    }
    let log = daemon.stop();
    assert!(!log.contains("secret-token"), "{log}");

    let asked = web.requests().len();
    let distrusting = folder();
    distrusting.write("ca.pem", stranger);
    let daemon = start_in(distrusting, &web.origin, "    keys: { ca_file: ca.pem }");
    daemon.wait_for("/metrics", &fetches("tls"));
    assert_eq!(web.requests().len(), asked, "nothing is sent to who is not trusted");
    // The certificate is valid for 127.0.0.1 only.
    let other = web.origin.replace("127.0.0.1", "localhost");
    let trusting = folder();
    trusting.write("ca.pem", authority);
    let daemon = start_in(trusting, &other, "    keys: { ca_file: ca.pem }");
    daemon.wait_for("/metrics", &fetches("tls"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trouble_of_one_issuer_does_not_delay_another() {
    let web = Web::start();
    web.put("/good", Answer::ok(good_set()));
    web.put("/slow", Answer::ok(good_set()).behind(&Gate::closed()));
    let issuer = |name: &str| {
        format!(
            "  {name}: {{ issuer: 'https://{name}', audiences: [a], required: false, \
             keys: {{ jwks_uri: '{}/{name}' }} }}\n",
            web.origin
        )
    };
    let config = format!(
        "issuers:\n{}{}profiles: {{ default: {{ issuers: [slow, good] }} }}\n",
        issuer("slow"),
        issuer("good")
    );
    let daemon = start_with(&config);
    let log = daemon.wait_for_log(r#""issuer":"good""#);
    assert!(!log.contains(r#""issuer":"slow""#), "it waited for the end of the other: {log}");
    let reasons = daemon.reasons(&[&KEY.token("https://good"), &KEY.token("https://slow")]).await;
    assert_eq!(reasons, [Reason::Ok, Reason::KeysUnavailable]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_that_did_not_change_is_not_sent_again_and_max_age_hastens() {
    let web = Web::start();
    let header = "ETag: \"one\"\r\nCache-Control: max-age=1\r\n".to_owned();
    web.put("/k", Answer { header, ..Answer::ok(good_set()) });
    let keys = format!("    keys: {{ jwks_uri: '{}/k', refresh: 1h }}", web.origin);
    let daemon = start("https://i", &keys);
    daemon.wait_for("/readyz", "200 OK");
    // After the cool-down, not after `refresh`.
    daemon.wait_for_count(fetches("not_modified").trim_end(), 1.0);
    let requests = web.requests();
    assert!(requests[0].contains("cache-control: no-cache\r\n"), "{requests:?}");
    assert!(requests[1].contains("if-none-match: \"one\"\r\n"), "{requests:?}");
    assert_eq!(daemon.reasons(&[&KEY.token("https://i")]).await, [Reason::Ok]);
    let metrics = daemon.get("/metrics");
    assert!(metrics.contains(r#"jwtd_jwks_keys{issuer="corp"} 1"#), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_url_serves_while_the_first_is_down() {
    let (web, down) = (Web::start(), Web::start());
    web.put("/k", Answer::ok(good_set()));
    down.put("/k", Answer::status("503 Service Unavailable", "Retry-After: 1\r\n"));
    let keys = format!("    keys: {{ jwks_uri: ['{}/k', '{}/k'] }}", down.origin, web.origin);
    let daemon = start("https://i", &keys);
    daemon.wait_for("/readyz", "200 OK");
    assert_eq!(daemon.reasons(&[&KEY.token("https://i")]).await, [Reason::Ok]);
    assert_eq!((down.paths().len(), web.paths().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_wants_to_be_left_alone_is() {
    let web = Web::start();
    web.put("/k", Answer::status("429 Too Many Requests", "Retry-After: 3600\r\n"));
    let keys = format!("    keys: {{ jwks_uri: '{}/k', refresh: 2h }}", web.origin);
    let daemon = start("https://i", &keys);
    // The back-off alone would retry within a minute.
    let what = daemon.with_log("the plan after the failure".to_owned());
    let next = until(what, async || {
        let keys = daemon.keys_of("corp");
        keys["failure"].as_str()?;
        keys["next_attempt_seconds"].as_u64()
    })
    .await;
    assert!((61..=3600).contains(&next), "{next}");
    assert_eq!(web.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_shown_to_an_issuer_that_demands_one() {
    let (web, authority, [certificate, key]) = Web::start_mutual_tls(true);
    web.put("/k", Answer::ok(good_set()));
    let pems = || {
        let folder = folder();
        for (name, text) in [("ca.pem", &authority), ("cert.pem", &certificate), ("key.pem", &key)]
        {
            folder.write(name, text);
        }
        folder
    };
    let keys = format!("    keys: {{ jwks_uri: '{}/k', ca_file: ca.pem", web.origin);
    let shown = format!("{keys}, cert_file: cert.pem, key_file: key.pem }}");
    let daemon = start_in(pems(), "https://i", &shown);
    daemon.wait_for("/readyz", "200 OK");
    let asked = web.requests().len();
    let daemon = start_in(pems(), "https://i", &format!("{keys} }}"));
    daemon.wait_for("/metrics", "jwtd_jwks_fetches_total{issuer=\"corp\"");
    assert!(daemon.get("/readyz").contains("503"));
    assert_eq!(web.requests().len(), asked);
}

/// A proxy for one connection; the receiver gets the whole request.
pub(crate) fn proxy(answer: &'static str) -> (String, std::sync::mpsc::Receiver<String>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") {
                client.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).unwrap();
            let target = request.split(' ').nth(1).unwrap().to_owned();
            asked.send(request).ok();
            client.write_all(answer.as_bytes()).unwrap();
            if !answer.contains(" 200 ") || target.contains("://") {
                continue;
            }
            let server = std::net::TcpStream::connect(target).unwrap();
            let pump = |mut from: std::net::TcpStream, mut to: std::net::TcpStream| {
                std::thread::spawn(move || std::io::copy(&mut from, &mut to))
            };
            pump(client.try_clone().unwrap(), server.try_clone().unwrap());
            pump(server, client);
        }
    });
    (url, receiver)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_come_through_the_configured_proxy() {
    let (web, authority) = Web::start_tls();
    web.put("/k", Answer::ok(good_set()));
    let run = |answer| {
        let (url, asked) = proxy(answer);
        let folder = folder();
        std::fs::write(folder.path("ca.pem"), &authority).unwrap();
        let keys = format!(
            "    keys: {{ jwks_uri: '{}/k', ca_file: ca.pem, proxy: '{url}' }}",
            web.origin
        );
        (start_in(folder, "https://i", &keys), asked)
    };
    let (daemon, asked) = run("HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n");
    daemon.wait_for("/readyz", "200 OK");
    let host = web.origin.trim_start_matches("https://");
    let request = asked.try_recv().unwrap();
    assert_eq!(request, format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    let (daemon, _asked) = run("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    daemon.wait_for("/metrics", &fetches("connect"));
    daemon.wait_for_log("the proxy requires authentication (407); fix: give `proxy_user`");
}

/// An issuer whose keys are fetched when a token names an unknown ID, one second after the last
/// attempt, and whose tokens wait for that as long as they may.
fn start_eager(web: &Web) -> Daemon {
    web.put("/k", Answer::ok(good_set()));
    let daemon = start(
        "https://i",
        &format!(
            "    keys: {{ jwks_uri: '{}/k', refresh: 1h, cooldown: 1s, unknown_kid_wait: 5s }}\n\
             limits: {{ call_timeout: 60s }}\n",
            web.origin
        ),
    );
    daemon.wait_for("/readyz", "200 OK");
    daemon
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r65_a_key_that_is_used_before_it_is_fetched_refuses_no_good_token() {
    let web = Web::start();
    let daemon = start_eager(&web);
    let next = Signer::new("n");
    web.put("/k", Answer::ok(set(&[&KEY, &next])));
    let old = KEY.token("https://i");
    let new = next.token("https://i");
    let junk = next.token_as("z", "https://i");
    let reasons = daemon.reasons(&[&junk, &new, &old, &new]).await;
    assert_eq!(reasons, [Reason::KeyUnknown, Reason::Ok, Reason::Ok, Reason::Ok]);
    assert_eq!(web.requests().len(), 2);
    let metrics = daemon.get("/metrics");
    for line in [
        r#"jwtd_unknown_kid_total{issuer="corp"} 3"#,
        r#"jwtd_verifications_total{issuer="corp",profile="default",reason="OK"} 3"#,
        r#"jwtd_verifications_total{issuer="corp",profile="default",reason="KEY_UNKNOWN"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

/// Junk tokens of `https://i`, each with another key ID.
fn junk(count: &mut u64) -> jwtd::pb::VerifyBatchRequest {
    let part = |text: &str| jwtd_core::jose::base64url::encode(text.as_bytes());
    let tokens = (0..200).map(|_| {
        *count += 1;
        let header = format!(r#"{{"alg":"EdDSA","kid":"{count}"}}"#);
        let claims = r#"{"iss":"https://i","aud":"a","exp":9999999999}"#;
        let token = format!("{}.{}.{}", part(&header), part(claims), part(&"s".repeat(64)));
        token.into_bytes().into()
    });
    jwtd::pb::VerifyBatchRequest { tokens: tokens.collect(), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r65_t44_a_flood_of_unknown_ids_does_not_ask_the_issuer_within_the_cool_down() {
    let web = Web::start();
    web.put("/k", Answer::ok(good_set()));
    let keys = format!("    keys: {{ jwks_uri: '{}/k', refresh: 1h, cooldown: 300s }}", web.origin);
    let daemon = start("https://i", &keys);
    daemon.wait_for("/readyz", "200 OK");
    let (mut client, mut count) = (daemon.client().await, 0);
    for _ in 0..50 {
        let answer = client.verify_batch(junk(&mut count)).await.unwrap().into_inner();
        assert!(answer.verdicts.iter().all(|one| one.reason() == Reason::KeyUnknown));
    }
    // The next attempt is due at the end of the cool-down, and nothing was fetched before.
    let next = daemon.keys_of("corp")["next_attempt_seconds"].as_u64();
    assert!(next.is_some_and(|next| next <= 300), "{next:?}");
    assert_eq!(web.requests().len(), 1, "for {count} ids");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r65_t44_a_new_key_is_found_in_the_midst_of_a_flood() {
    let web = Web::start();
    web.put("/k", Answer::ok(good_set()));
    let keys = format!("    keys: {{ jwks_uri: '{}/k', refresh: 1h, cooldown: 1s }}", web.origin);
    let daemon = start("https://i", &keys);
    daemon.wait_for("/readyz", "200 OK");
    let next = Signer::new("n");
    web.put("/k", Answer::ok(set(&[&next])));
    let new = next.token("https://i");
    let (mut client, mut count) = (daemon.client().await, 0);
    until(daemon.with_log("the new key".to_owned()), async || {
        client.verify_batch(junk(&mut count)).await.unwrap();
        (daemon.reasons(&[&new]).await == [Reason::Ok]).then_some(())
    })
    .await;
}
