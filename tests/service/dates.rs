//! The validity dates of certificates, and the log level, while a daemon runs.

use crate::support::{Daemon, ISSUERS, JWTD, binary, folder, run};
use jwtd::clock::Clock;
use jwtd_testkit::certificates::{Authority, Identity, params};
use jwtd_testkit::launcher::Folder;
use rcgen::{CertificateParams, date_time_ymd};

/// Writes a certificate for `127.0.0.1`, with changed parameters, and its key.
fn write(authority: &Authority, folder: &Folder, change: impl FnOnce(&mut CertificateParams)) {
    let mut params = params(["127.0.0.1"]);
    change(&mut params);
    authority.issue(&params).write(folder, "server");
}

fn expired(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
}

fn to_come(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2200, 1, 1);
    params.not_after = date_time_ymd(2201, 1, 1);
}

const LISTEN: &str = "listen: [{ tcp: 127.0.0.1:0, tls: { cert_file: server.crt, key_file: \
                      server.key } }]\nadmin: 127.0.0.1:0\n";

fn start(folder: &Folder) -> Daemon {
    let file = folder.write("jwtd.yaml", format!("{LISTEN}{ISSUERS}"));
    JWTD.serve(folder.clone(), &file)
}

#[test]
fn a_certificate_that_is_not_valid_is_told_at_the_check_and_at_the_start() {
    let authority = Authority::new();
    for (change, words) in [
        (expired as fn(&mut CertificateParams), "expired 2021-01-01T00:00:00Z ("),
        (to_come, "is not valid before 2200-01-01T00:00:00Z (in "),
    ] {
        let folder = folder();
        write(&authority, &folder, change);
        let daemon = start(&folder);
        let log = daemon.wait_for_log(words);
        assert!(
            log.contains("listen[0].tls.cert_file") && log.contains("peers refuse it"),
            "{log}"
        );
        let mut check = binary();
        check.args(["config", "check", "--config"]).arg(folder.path("jwtd.yaml"));
        let ended = run(&mut check, "");
        assert_eq!(ended.code, Some(78), "{ended:?}");
        assert!(ended.message.contains(words) && ended.message.contains("fix: "), "{ended:?}");
        assert!(!ended.output.contains("no faults"), "{ended:?}");
    }
}

#[test]
fn a_certificate_that_ends_soon_is_a_warning_with_its_day() {
    let folder = folder();
    let soon = |params: &mut CertificateParams| {
        let now = Clock::system().timestamp();
        let day = std::time::Duration::from_secs(86_400);
        params.not_before = (now - 80 * day).into();
        params.not_after = (now + 3 * day + day / 2).into();
    };
    write(&Authority::new(), &folder, soon);
    let daemon = start(&folder);
    daemon.wait_for_log("renew it before then");
    let mut check = binary();
    check.args(["config", "check", "--config"]).arg(folder.path("jwtd.yaml"));
    let ended = run(&mut check, "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.message.contains("warning: "), "{ended:?}");
    assert!(ended.message.contains("(in 3 days)"), "{ended:?}");
}

#[test]
fn an_expired_certificate_does_not_take_the_place_of_one_that_is_valid() {
    let (authority, folder) = (Authority::new(), folder());
    write(&authority, &folder, |_| {});
    let daemon = start(&folder);
    let metric = "jwtd_tls_certificate_expiry_timestamp_seconds";
    let expiry = |text: &str| text.lines().find(|line| line.starts_with(metric)).map(str::to_owned);
    let before = expiry(&daemon.get("/metrics"));
    write(&authority, &folder, expired);
    daemon.hang_up();
    let log = daemon.wait_for_log("the previous certificate stays in force");
    assert!(log.contains("expired 2021-01-01T00:00:00Z"), "{log}");
    assert_eq!(expiry(&daemon.get("/metrics")), before);
}

#[test]
fn authorities_and_the_certificates_for_key_servers_have_dates_too() {
    let folder = folder();
    let old = |name: &str| {
        let mut params = params([name]);
        expired(&mut params);
        Identity::self_signed(&params).write(&folder, name);
    };
    ["ca", "client"].into_iter().for_each(old);
    write(&Authority::new(), &folder, |_| {});
    let text = format!(
        "listen: [{{ tcp: 127.0.0.1:0, tls: {{ cert_file: server.crt, key_file: server.key, \
         client_ca_file: ca.crt }} }}]\nadmin: off\n{ISSUERS}"
    );
    let keys = "keys: { jwks_uri: 'https://localhost:1/k', ca_file: ca.crt, cert_file: client.crt, \
                key_file: client.key }";
    let text = text.replace("keys: { jwks_file: jwks.json }", keys);
    let file = folder.write("jwtd.yaml", text);
    let ended = run(binary().args(["config", "check", "--config"]).arg(&file), "");
    assert_eq!(ended.code, Some(78), "{ended:?}");
    for setting in
        ["listen[0].tls.client_ca_file", "issuers.corp.keys.ca_file", "issuers.corp.keys.cert_file"]
    {
        assert!(ended.message.contains(&format!("{setting}: ")), "{setting}: {ended:?}");
    }
    assert!(ended.message.contains("3 faults"), "{ended:?}");
}

#[test]
fn signals_change_the_level_of_the_log() {
    let folder = folder();
    let file = folder.write(
        "jwtd.yaml",
        format!("listen: [{{ tcp: 127.0.0.1:0 }}]\nadmin: 127.0.0.1:0\n{ISSUERS}"),
    );
    let mut command = binary();
    command.args(["serve", "--log-format", "json", "--log", "info,h2=warn", "--config"]).arg(&file);
    let process = jwtd_testkit::launcher::Process::start(&mut command);
    let daemon = Daemon::new(folder, process);
    for (signal, filter) in
        [("USR1", "debug,h2=warn"), ("USR1", "trace,h2=warn"), ("USR2", "info,h2=warn")]
    {
        daemon.signal(signal);
        daemon.wait_for_log(&format!("\"filter\":\"{filter}\""));
    }
    daemon.stop();
}
