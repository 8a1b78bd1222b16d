//! Clients of Prometheus print the same of the real server and of a fake one: promtool, and what Go's library understands.

use std::path::Path;
use std::process::Command;

use crate::api::series;
use crate::server::{Both, Server};

/// What promtool is asked; `{}` is the time of a sample, `URL` the server's.
const PROMTOOL: &[&[&str]] = &[
    &["instant", "URL", "requests_total", "--time={}"],
    &[
        "instant",
        "URL",
        "sum by (pod) (rate(requests_total[5m]))",
        "--time={}",
    ],
    &["instant", "URL", "up[1m]", "--time={}"],
    &["instant", "URL", "1 / 0", "--time={}"],
    &["instant", "URL", "absent_one", "--time={}"],
    &["instant", "URL", "requests_total + on () up", "--time={}"],
    &["range", "URL", "requests_total", "--start={}", "--end={}0"],
    &[
        "range",
        "URL",
        "sum(requests_total)",
        "--end={}",
        "--step=30s",
    ],
    &["range", "URL", "up[5m]", "--end={}"],
    &["series", "URL", "--match=up", "--match=down", "--end={}"],
    &["series", "URL", "--match=sum(up)"],
    &["labels", "URL", "pod", "--end={}"],
    &["labels", "URL", "__name__", "--match=up", "--end={}"],
    &["labels", "URL", "none"],
];

pub(crate) fn promtool_prints_the_same(program: &Path) {
    let promtool = program.with_file_name("promtool");
    let server = Server::start(program);
    let both = Both::start(&server, series());
    let time = (both.origin / 1000 + 300).to_string();
    for arguments in PROMTOOL {
        let printed = both.urls().map(|url| {
            let mut command = Command::new(&promtool);
            command.args(["query", arguments[0]]);
            for argument in &arguments[1..] {
                let argument = argument.replace("{}0", &format!("{}", both.origin / 1000 + 400));
                command.arg(argument.replace("{}", &time).replace("URL", &url));
            }
            let output = printed(&mut command);
            // The order of series is a server's own matter.
            let mut lines: Vec<&str> = output.1.lines().collect();
            lines.sort_unstable();
            format!("{} {}", output.0, lines.join("\n"))
        });
        let [theirs, ours] = printed.map(|text| without_place(&text));
        assert_eq!(theirs, ours, "promtool query {arguments:?}");
    }
}

pub(crate) fn gos_client_understands_the_same(program: &Path) {
    let client = program.with_file_name("client");
    let server = Server::start(program);
    let both = Both::start(&server, series());
    let time = (both.origin / 1000 + 300).to_string();
    let [theirs, ours] = both.urls().map(|url| {
        let (code, text) = printed(Command::new(&client).arg(url).arg(&time));
        assert_eq!(code, 0, "{text}");
        without_place(&text)
    });
    assert_eq!(theirs, ours);
}

/// The exit code, and what a program prints.
fn printed(command: &mut Command) -> (i32, String) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("running {command:?}: {error}"));
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(text).unwrap(),
    )
}

/// What is printed without what the parser says, which names places in the query, and without those of notes.
fn without_place(text: &str) -> String {
    let parser =
        regex::Regex::new(r"(unknown position|\d+:\d+): parse error[^\n]*|parse error[^\n]*")
            .unwrap();
    let text = parser.replace_all(text, "parse error");
    let note = regex::Regex::new(r" \(\d+:\d+\)").unwrap();
    note.replace_all(&text, "").into_owned()
}
