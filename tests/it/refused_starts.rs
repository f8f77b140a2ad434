//! Configs that cannot work: `check` and `run` name the reason before anything waits in vain.

use std::{fs, path::Path, process::Command};

/// Exit code and the whole output.
fn hirewire(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_hirewire"))
        .args(arguments)
        .env_clear()
        .env("TOKEN", "t0ken")
        .current_dir(folder)
        .output()
        .expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    let code = output.status.code().expect("a code");
    (code, String::from_utf8(text).expect("text"))
}

fn config(folder: &Path, data_dir: &str) {
    let text = format!(
        "data_dir = \"{data_dir}\"\n[intake]\nlisten = \"127.0.0.1:0\"\n[ops]\n\
         listen = \"127.0.0.1:0\"\n"
    );
    fs::write(folder.join("hirewire.toml"), text).expect("a config");
}

#[test]
fn a_data_dir_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    // Nobody can make a folder below a file, not even root.
    fs::write(folder.path().join("plain"), "a file").expect("a file");
    config(folder.path(), "plain/data");

    let (code, text) = hirewire(folder.path(), &["check"]);
    assert_eq!(code, 1, "{text}");
    for part in [
        "data_dir",
        "plain/data cannot be written to",
        "cannot be used: data_dir",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }

    let (code, text) = hirewire(folder.path(), &["run"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("plain/data"), "{text}");
    assert!(!text.contains("panic"), "{text}");
}

#[test]
fn a_part_of_the_embedded_queue_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    config(folder.path(), "data");

    for (role, lacks) in [("intake", "worker"), ("worker", "intake")] {
        for command in ["run", "check"] {
            let (code, text) = hirewire(folder.path(), &[command, "--only", role]);
            assert_eq!(code, 2, "{text}");
            let problem = format!("--only {role} with the embedded queue");
            assert!(text.contains(&problem), "{text}");
            assert!(text.contains(&format!("no {lacks} could use it")), "{text}");
        }
    }
    let left = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 1, "nothing was written");

    for arguments in [
        &["check"][..],
        &["check", "--only", "intake", "--only", "worker"],
    ] {
        let (code, text) = hirewire(folder.path(), arguments);
        assert_eq!(code, 0, "{text}");
    }
}
