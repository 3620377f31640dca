//! Tests for `jwtd bench`, with short loads on separate daemons.

use crate::support::{Folder, json};
use jwtd_testkit::launcher::Daemon;
use jwtd_testkit::launcher::waiting::Patient as _;
use serde_json::Value;
use std::io::Read as _;
use std::net::TcpListener;

fn rate(more: &str) -> String {
    format!("bench --local --output json {more}")
}

fn load(folder: &Folder, more: &str) -> Value {
    json(&folder.good(&rate(more), ""))
}

/// A daemon that knows `key.json`.
fn served(folder: &Folder) -> Daemon {
    folder.good("keygen --private key.json --public jwks.json", "");
    folder.serve(
        "issuers: { i: { issuer: 'https://i', audiences: [a], keys: { jwks_file: jwks.json } } }\n",
    )
}

#[test]
fn each_call_is_measured() {
    let folder = Folder::new();
    for (call, name, batch) in
        [("unary", "Verify", 1), ("batch", "VerifyBatch", 256), ("stream", "VerifyStream", 256)]
    {
        let more = format!("--call {call} --connections 2 --distinct 300 --duration 300ms");
        let seen = load(&folder, &format!("{more} --plot {call}.svg"));
        assert_eq!(seen["call"], name);
        let (messages, tokens) =
            (seen["messages"].as_u64().unwrap(), seen["tokens"].as_u64().unwrap());
        assert!(messages > 0 && tokens == messages * batch, "{seen}");
        assert_eq!(seen["permitted"], tokens);
        let latency = |name: &str| seen["latency_seconds"][name].as_f64().unwrap();
        assert!(latency("min") > 0.0 && latency("p50") >= latency("min"), "{seen}");
        assert!(latency("max") >= latency("p99.99"), "{seen}");
        assert!(seen["daemon_cpu_seconds"].is_number(), "{seen}");
        let plot = folder.read(&format!("{call}.svg"));
        assert!(plot.starts_with("<svg") && plot.contains(name) && plot.contains("polyline"));
    }
}

#[test]
fn at_a_rate_what_is_due_is_sent_or_counted() {
    let folder = Folder::new();
    // A message is due every 5 ms, the last one before 300 ms; messages that a busy machine does
    // not manage to send count too.
    let ended = folder.run(&rate("--rate 2000 --batch 10 --cold 10% --duration 300ms"), "");
    let seen = json(&ended.output);
    let (messages, unsent) =
        (seen["messages"].as_u64().unwrap(), seen["unsent_messages"].as_u64().unwrap());
    assert_eq!(messages + unsent, 60, "{seen}");
    assert_eq!(ended.code, Some(i32::from(unsent > 0)));
    assert_eq!(seen["fresh_tokens_used_up"], false);
}

/// With and without a rate: the load ends when the tokens are used up, long before the duration.
#[test]
fn cold_tokens_are_sent_once() {
    let folder = Folder::new();
    for rate in ["", "--rate 2000"] {
        let cold = "--cold 100% --fresh 64 --batch 16 --alg HS256 --duration 1h";
        let seen = load(&folder, format!("{cold} {rate}").trim_end());
        assert_eq!((&seen["messages"], &seen["tokens"]), (&4.into(), &64.into()), "{seen}");
        assert_eq!(seen["fresh_tokens_used_up"], true);
    }
}

#[test]
fn refusals_and_failures_are_counted_by_cause() {
    let folder = Folder::new();
    for call in ["unary", "batch", "stream"] {
        let flags = "bench --local --output json --duration 100ms --exp -1h --call";
        let ended = folder.run(&format!("{flags} {call}"), "");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let seen = json(&ended.output);
        assert_eq!(seen["refused"]["EXPIRED"], seen["tokens"], "{seen}");
        let told = "1000 of the 1000 repeated tokens are refused: EXPIRED";
        assert!(ended.message.contains(told), "{ended:?}");
    }
    for call in ["batch", "stream"] {
        let flags = "bench --local --output json --duration 100ms --batch 2000 --call";
        let ended = folder.run(&format!("{flags} {call}"), "");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let seen = json(&ended.output);
        let failed = seen["failed_messages"].as_object().unwrap();
        assert!(failed.len() == 1 && failed.keys().all(|why| why.contains("1000")), "{seen}");
        assert_eq!((&seen["messages"], &seen["tokens"]), (&0.into(), &0.into()));
    }
}

#[test]
fn tokens_of_a_file_are_sent_to_a_daemon_that_runs() {
    let folder = Folder::new();
    let daemon = served(&folder);
    let endpoint = daemon.endpoint();
    let tokens = folder.good("sign --key key.json --iss https://i --aud a --count 20", "");
    folder.write("tokens", &tokens);
    let bench = format!("bench --endpoint {endpoint} --duration 100ms --output json");
    let seen = json(&folder.good(&format!("{bench} --tokens tokens --batch 7"), ""));
    assert_eq!(seen["permitted"], seen["tokens"]);
    assert!(seen["daemon_cpu_seconds"].is_number(), "found by the socket: {seen}");
    // The run ends when the fresh tokens are used up.
    let half = format!(
        "bench --endpoint {endpoint} --duration 1h --output json --tokens - --cold 50% \
         --distinct 8 --batch 2"
    );
    let seen = json(&folder.good(&half, &tokens));
    assert_eq!((&seen["tokens"], &seen["fresh_tokens_used_up"]), (&24.into(), &true.into()));
    let seen = json(&folder.good(&format!("{bench} --key key.json --iss https://i --aud a"), ""));
    assert_eq!(seen["permitted"], seen["tokens"]);
    folder.bad(&format!("{bench} --tokens tokens --cold 1%"), 2, "smaller --distinct");
    folder.bad(
        &format!("{bench} --tokens tokens --pid 999999999"),
        1,
        "the process 999999999 does not exist",
    );
    folder.bad(&format!("{bench} --tokens tokens --profile none"), 1, "no configured profile");
    drop(daemon);
    folder.bad(&format!("{bench} --tokens tokens"), 1, "cannot connect");
}

#[test]
fn an_interrupt_ends_the_load_and_tells_what_was_measured() {
    let folder = Folder::new();
    let daemon = served(&folder);
    let endpoint = daemon.endpoint();
    let bench = folder.begin(&format!(
        "bench --endpoint {endpoint} --key key.json --iss https://i --aud a --distinct 10 \
         --call unary --concurrency 1 --duration 1h --output json"
    ));
    // Ten tokens are sent before the load; of its messages, which go one by one, the first two are
    // answered.
    let judged = "jwtd_verifications_total{issuer=\"i\",profile=\"default\",reason=\"OK\"}";
    daemon.wait_for_count(judged, 12.0);
    assert!(bench.signal("INT"));
    let ended = bench.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let seen = json(&ended.output);
    assert!(seen["tokens"].as_u64().unwrap() > 0, "{seen}");
}

#[test]
fn an_interrupt_before_the_load_is_told() {
    let folder = Folder::new();
    folder.good("keygen --private key.json", "");
    // A daemon that never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let bench = folder.begin(&format!(
        "bench --endpoint tcp://{address} --key key.json --iss https://i --aud a --distinct 10"
    ));
    // Signals are handled once the preface has been sent.
    let mut peer = listener.accept().unwrap().0.patient();
    peer.read_exact(&mut [0; 24]).unwrap();
    assert!(bench.signal("INT"));
    let ended = bench.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.message.contains("stopped"), "{ended:?}");
}

#[test]
fn flags_that_do_not_go_together_are_told() {
    let folder = Folder::new();
    folder.write("tokens", "a.b.c");
    for (flags, told) in [
        ("--duration 1s", "--local|--tokens"),
        ("--local --tokens tokens", "cannot be used with"),
        ("--local --endpoint tcp://127.0.0.1:1", "leave --endpoint"),
        ("--local --secret-format raw", "leave --secret-format"),
        ("--local --cold 100% --distinct 9", "leave --distinct"),
        ("--local --cold 100% --fresh 9", "a smaller --batch"),
        ("--tokens tokens --cold 100%", "a smaller --batch"),
        ("--local --call unary --batch 2", "leave --batch out"),
        ("--local --connections 9", "--concurrency 9"),
        ("--local --fresh 9", "give --cold"),
        ("--local --cold 5", "0% to 100%"),
        ("--local --duration 1", "write one such as 500ms"),
        ("--local --duration 25h", "100ms to 24h"),
        ("--local --cold 100% --rate 1000000 --duration 1h", "too many to make"),
        ("--tokens tokens --alg ES256", "--alg is for tokens that are made"),
        ("--tokens tokens --iss https://i", "--iss is for tokens that are made"),
    ] {
        folder.bad(&format!("bench {flags}"), 2, told);
    }
    folder.bad("bench --tokens none", 1, "none");
    folder.bad("bench --local --plot none/plot.svg", 1, "none/plot.svg");
}
