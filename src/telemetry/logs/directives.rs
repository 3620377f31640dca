//! What a filter of the log says of which crate.

use tracing_subscriber::filter::LevelFilter;

/// The crates of the daemon.
const OWN: [&str; 2] = ["jwtd", "jwtd_core"];

/// The same filter, in which a bare level is that of the daemon's own crates: those of libraries
/// (`h2`, `hyper`, `rustls`, `tonic`) are written from ERROR up, because a peer can provoke them.
/// A directive with a target, such as `h2=debug`, is kept.
pub(super) fn scoped(filter: &str) -> String {
    let scoped = |part| match str::parse(str::trim(part)) {
        Ok(LevelFilter::OFF) | Err(_) => part.to_owned(),
        Ok(level) => {
            let own = OWN.iter().map(|own| format!("{own}={level}"));
            own.chain(["error".to_owned()]).collect::<Vec<_>>().join(",")
        }
    };
    filter.split(',').map(scoped).collect::<Vec<_>>().join(",")
}

/// Whether a line of this target is the daemon's own.
pub(super) fn is_own(target: &str) -> bool {
    OWN.contains(&target.split("::").next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_level_is_that_of_the_daemon_alone() {
        for (written, meant) in [
            ("info", "jwtd=info,jwtd_core=info,error"),
            (" debug", "jwtd=debug,jwtd_core=debug,error"),
            ("off", "off"),
            ("info,h2=debug", "jwtd=info,jwtd_core=info,error,h2=debug"),
            ("jwtd::grpc=debug", "jwtd::grpc=debug"),
        ] {
            assert_eq!(scoped(written), meant);
        }
        assert!(is_own("jwtd") && is_own("jwtd::grpc::door") && !is_own("jwtd_x"));
        assert!(!is_own("h2::proto::ping_pong"));
    }
}
