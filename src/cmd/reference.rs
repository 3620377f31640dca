//! Generates the reference of all commands as Markdown from the command line definition.

use clap::{Arg, Command};

/// The page `docs/commands.md`.
#[must_use]
pub fn command_reference() -> String {
    let mut root = super::description();
    let mut page = String::from(
        "# Commands\n\n\
         Made from `src/cmd/`; do not edit.\n\n\
         Data goes to standard output and messages to standard error. Where a flag names an \
         environment variable, the flag wins over it.\n\n\
         | exit status | meaning |\n|---|---|\n\
         | 0 | good: all tokens are permitted, the daemon serves, the file has no fault |\n\
         | 1 | bad: a token is refused, the daemon does not serve, or the command failed |\n\
         | 2 | wrong usage: flags, arguments, variables, or no token on standard input |\n\
         | 3 | no answer: the daemon cannot be asked, or refuses the call (`verify`, `health`, \
         `jwks show --admin`) |\n\
         | 78 | wrong configuration (`EX_CONFIG` of sysexits.h) |\n\
         | 141 | nobody reads standard output any more, as with `\\| head` (SIGPIPE) |\n\n\
         | command | what it does |\n|---|---|\n",
    );
    index(&root, &mut page);
    for command in root.get_subcommands_mut().filter(|one| one.get_name() != "help") {
        describe(command, &mut page);
    }
    page
}

/// The full name of a command.
fn name(command: &Command) -> &str {
    command.get_bin_name().unwrap_or_else(|| command.get_name())
}

/// Adds a row for each command without subcommands.
fn index(command: &Command, page: &mut String) {
    for one in command.get_subcommands().filter(|one| one.get_name() != "help") {
        if one.has_subcommands() {
            index(one, page);
        } else {
            let anchor = name(one).replace(' ', "-");
            let about = one.get_about().map(ToString::to_string).unwrap_or_default();
            page.push_str(&format!("| [`{}`](#{anchor}) | {} |\n", name(one), cell(&about)));
        }
    }
}

fn describe(command: &mut Command, page: &mut String) {
    if command.has_subcommands() {
        for one in command.get_subcommands_mut().filter(|one| one.get_name() != "help") {
            describe(one, page);
        }
        return;
    }
    page.push_str(&format!("\n## {}\n", name(command)));
    let about = command.get_long_about().or_else(|| command.get_about());
    for paragraph in about.map(ToString::to_string).unwrap_or_default().split("\n\n") {
        match paragraph.strip_prefix("Example: ") {
            Some(example) => page.push_str(&format!("\n```console\n$ {example}\n```\n")),
            None => page.push_str(&format!("\n{}\n", paragraph.trim_end())),
        }
    }
    page.push_str(&format!("\n```text\n{}\n```\n", command.render_usage()));
    let shown =
        |one: &&Arg| !one.is_hide_set() && !matches!(one.get_id().as_str(), "help" | "version");
    let rows: Vec<_> = command.get_arguments().filter(shown).map(row).collect();
    if !rows.is_empty() {
        page.push_str("\n| argument | default | environment | what it does |\n|---|---|---|---|\n");
        page.push_str(&rows.concat());
    }
}

fn row(argument: &Arg) -> String {
    let code = |text: &str| format!("`{}`", cell(text));
    let value = if argument.get_action().takes_values() {
        let names = argument.get_value_names().unwrap_or_default();
        let names: Vec<_> = names.iter().map(|name| format!("<{name}>")).collect();
        names.join(" ")
    } else {
        String::new()
    };
    let called = match (argument.get_long(), &*value) {
        (Some(long), "") => format!("--{long}"),
        (Some(long), value) => format!("--{long} {value}"),
        (None, value) => value.to_owned(),
    };
    let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy());
    let defaults: Vec<_> = defaults
        .filter(|value| value != "false" && !value.is_empty())
        .map(|one| code(&one))
        .collect();
    let default = match &defaults[..] {
        [] if argument.is_required_set() => "required".to_owned(),
        defaults => defaults.join(", "),
    };
    let environment =
        argument.get_env().map(|variable| code(&variable.to_string_lossy())).unwrap_or_default();
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut what = cell(&help.map(ToString::to_string).unwrap_or_default());
    let values = argument.get_possible_values();
    let values: Vec<_> =
        values.iter().filter(|one| !one.is_hide_set()).map(|one| code(one.get_name())).collect();
    if argument.get_action().takes_values() && !values.is_empty() {
        what.push_str(&format!(": {}", values.join(", ")));
    }
    format!("| {} | {default} | {environment} | {what} |\n", code(&called))
}

/// Formats text for a table cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
