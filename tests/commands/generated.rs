//! Tests for `jwtd completions`, `jwtd man`, and the help of all commands.

use crate::support::Folder;

/// All commands that perform an action, from the reference.
fn commands() -> Vec<String> {
    let page = jwtd::cmd::command_reference();
    let names = page.lines().filter_map(|line| line.strip_prefix("## jwtd "));
    names.map(str::to_owned).collect()
}

#[test]
fn every_shell_gets_completions_for_every_command() {
    let folder = Folder::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = folder.good(&format!("completions {shell}"), "");
        for word in ["keygen", "rsa-bits", "inspect", "secret-format"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
    folder.bad("completions", 2, "<SHELL>");
    folder.bad("completions tcsh", 2, "possible values: bash");
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = Folder::new();
    assert!(folder.good("man", "").contains("verifies JSON Web Tokens"));
    folder.good("man --dir pages", "");
    for command in commands() {
        let page = folder.good(&format!("man {command}"), "");
        let name = format!("jwtd-{}", command.replace(' ', "-"));
        assert!(page.contains(&format!(".TH {name} 1")), "{command}: {page}");
        assert_eq!(folder.read(&format!("pages/{name}.1")), page, "{command}");
    }
    // One page for each of these, for jwtd itself, and for `jwtd audit`, `jwtd config`, `jwtd jwks`
    // and `jwtd revocations`.
    let pages = std::fs::read_dir(folder.path("pages")).unwrap().count();
    assert_eq!(pages, commands().len() + 5);
    folder.bad("man nothing", 2, "there is no command `jwtd nothing`");
    folder.bad("man --dir x keygen", 2, "cannot be used with");
    folder.write("file", "");
    folder.bad("man --dir file", 1, "file: ");
}

#[test]
fn every_command_ends_its_help_with_an_example() {
    let folder = Folder::new();
    let commands = commands();
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        let help = folder.good(&format!("{command} --help"), "");
        assert!(help.contains(&format!("Example: jwtd {command}")), "{command}: {help}");
    }
}
