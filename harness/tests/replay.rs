//! `setpoint replay` as a process.

mod played;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use played::Played;

const SETPOINT: &str = env!("CARGO_BIN_EXE_setpoint");

#[test]
fn a_script_is_served_until_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("series.yaml");
    std::fs::write(
        &script,
        "series:\n- {series: up, values: '42', interval: 1, hold: true}\n",
    )
    .unwrap();
    let mut played = Played::of(&["--script".as_ref(), script.as_ref()]);

    let mut stream = TcpStream::connect(&played.address).unwrap();
    stream
        .write_all(
            b"GET /api/v1/query?query=up HTTP/1.1\r\nHost: prometheus\r\nConnection: close\r\n\r\n",
        )
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(r#""42""#), "{answer}");

    let killed = Command::new("kill")
        .arg(played.process.id().to_string())
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(played.process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_script_that_cannot_be_played_is_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("series.yaml");
    std::fs::write(
        &script,
        "series:\n- {series: up, values: '1x1e12', interval: 1}\n",
    )
    .unwrap();
    let output = Command::new(SETPOINT)
        .args(["replay", "--script"])
        .arg(&script)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("column 3: expected how many steps"), "{text}");
}

#[test]
fn credentials_that_cannot_be_used_are_bad_input_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    std::fs::write(&file, "me-without-a-password\n").unwrap();
    for (flag, reason) in [
        ("--basic-auth-file", "use line 1 of"),
        ("--tls-cert-file", "--tls-private-key-file"),
    ] {
        let output = Command::new(SETPOINT)
            .args(["replay", "--listen=127.0.0.1:0", "--control=127.0.0.1:0"])
            .arg(flag)
            .arg(&file)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(reason), "{text}");
        assert!(!text.contains("me-without"), "{text}");
    }
    let output = Command::new(SETPOINT)
        .args(["replay", "--listen=127.0.0.1:0", "--control=127.0.0.1:0"])
        .arg("--tls-cert-file")
        .arg(&file)
        .arg("--tls-private-key-file")
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("setting up TLS"), "{text}");
}
