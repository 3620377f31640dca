//! Warns of environment variables that look like settings of jwtd and are not.

use std::collections::BTreeSet;

/// Notes the variables that begin with `JWTD_` and have no effect: a misspelled name would silently
/// leave its setting at the default.
pub(super) fn warn(command: &clap::Command) {
    let known = variables(command);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if !name.starts_with("JWTD_") || known.contains(&*name) || is_of_kubernetes(&name) {
            continue;
        }
        let near = known
            .iter()
            .map(|one| (strsim::damerau_levenshtein(&name, one), one))
            .min()
            .filter(|(distance, _)| *distance <= 4);
        match near {
            Some((_, near)) => {
                note!("jwtd: warning: nothing reads {name}; did you mean {near}?");
            }
            None => note!("jwtd: warning: nothing reads {name}; `jwtd help` lists what is read"),
        }
    }
}

/// The environment variables of a command's flags, including those of its subcommands.
fn variables(command: &clap::Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(clap::Arg::get_env);
    let own = own.map(|name| name.to_string_lossy().into_owned());
    own.chain(command.get_subcommands().flat_map(variables)).collect()
}

/// Returns true if Kubernetes sets this variable in every pod, for a Service named `jwtd` or
/// `jwtd-...`.
fn is_of_kubernetes(name: &str) -> bool {
    let tail = |end: &str| name.ends_with(end);
    name.contains("_SERVICE_PORT_")
        || tail("_SERVICE_HOST")
        || tail("_SERVICE_PORT")
        || tail("_PORT")
        || name
            .split_once("_PORT_")
            .is_some_and(|(_, rest)| rest.starts_with(|one: char| one.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_links_are_not_ours() {
        for name in [
            "JWTD_SERVICE_HOST",
            "JWTD_SERVICE_PORT",
            "JWTD_SERVICE_PORT_GRPC",
            "JWTD_PORT",
            "JWTD_PORT_7519_TCP",
            "JWTD_PORT_7519_TCP_ADDR",
            "JWTD_SHARED_SERVICE_HOST",
        ] {
            assert!(is_of_kubernetes(name), "{name}");
        }
        for name in ["JWTD_ENPOINT", "JWTD_LOGS", "JWTD_PORTS"] {
            assert!(!is_of_kubernetes(name), "{name}");
        }
    }
}
