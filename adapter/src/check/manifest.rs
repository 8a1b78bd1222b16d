//! The adapter's arguments in manifests.

use serde_json::Value;
use setpoint_rules::{Finding, Kind, Place, Severity, yaml_documents};

use crate::args::{FlagFault, flag_faults};

static OBSOLETE: Kind = Kind {
    code: "obsolete-flag",
    severity: Severity::Error,
    about: "A flag is gone, or belongs to another program: the adapter doesn't start with it.",
};
static UNKNOWN: Kind = Kind {
    code: "unknown-flag",
    severity: Severity::Error,
    about: "The adapter has no such flag, and doesn't start with it.",
};
static USELESS: Kind = Kind {
    code: "flag-without-effect",
    severity: Severity::Note,
    about: "A flag of prometheus-adapter is accepted, and changes nothing here.",
};
static BAD: Kind = Kind {
    code: "bad-arguments",
    severity: Severity::Error,
    about: "The adapter doesn't start with these arguments.",
};

/// The kinds of findings in manifests.
pub(super) static KINDS: [&Kind; 4] = [&OBSOLETE, &UNKNOWN, &USELESS, &BAD];

/// An argument and where it stands.
pub(super) struct Argument {
    text: String,
    line: usize,
    column: usize,
}

/// The arguments of each container of an adapter in a text. What is no YAML is told before.
pub(super) fn arguments(text: &str) -> Vec<Vec<Argument>> {
    let mut found = Vec::new();
    let mut documents = yaml_documents(text);
    // To read a long configuration once more takes longer than to look for a word.
    documents.retain(|document| document.contains("containers"));
    for document in documents {
        let Ok(value) = serde_saphyr::from_str::<Value>(&document) else {
            continue;
        };
        let pod = ["/spec", "/spec/template/spec"]
            .into_iter()
            .find_map(|path| {
                let containers = value.pointer(path)?.get("containers")?;
                Some((path, containers.as_array()?))
            });
        let Some((path, containers)) = pod else {
            continue;
        };
        let places = Place::of(&document);
        let keys = path.split('/').filter(|key| !key.is_empty());
        let places = keys.fold(&places, |place, key| place.key(key));
        let containers = containers.iter().enumerate();
        found.extend(
            containers
                .filter(|(_, container)| is_adapter(container))
                .map(|(index, container)| {
                    of_container(container, places.key("containers").item(index))
                }),
        );
    }
    found
}

fn is_adapter(container: &Value) -> bool {
    let image = container["image"].as_str().unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    let arguments = container["args"].as_array().into_iter().flatten();
    let mut texts = arguments.filter_map(Value::as_str);
    name.contains("prometheus-adapter")
        || name.contains("setpoint-adapter")
        || texts.any(|text| text.starts_with("--prometheus-url"))
}

/// What the program is started with; of `command`, the first word is the program.
fn of_container(container: &Value, places: &Place) -> Vec<Argument> {
    let of_key = |key: &str, skipped: usize| {
        let texts = container[key].as_array().into_iter().flatten().enumerate();
        let argument = |(index, text): (usize, &Value)| {
            let place = places.key(key).item(index);
            Some(Argument {
                text: text.as_str()?.to_owned(),
                line: place.line,
                column: place.column,
            })
        };
        texts.skip(skipped).filter_map(argument).collect::<Vec<_>>()
    };
    let mut arguments = of_key("command", 1);
    arguments.extend(of_key("args", 0));
    arguments
}

/// What is wrong with the arguments of a container.
pub(super) fn findings(arguments: &[Argument]) -> Vec<Finding> {
    let texts: Vec<&str> = arguments
        .iter()
        .map(|argument| argument.text.as_str())
        .collect();
    let finding = |(index, fault): (usize, FlagFault)| {
        let argument = arguments.get(index);
        let place = argument.map_or((1, 1), |argument| (argument.line, argument.column));
        let told = |kind, flag: String, sentence: String, cure: &str| {
            Finding::new(kind, flag, place, sentence, cure)
        };
        match fault {
            FlagFault::Obsolete(flag, said) => told(&OBSOLETE, flag, said, ""),
            FlagFault::Unknown(flag) => told(
                &UNKNOWN,
                flag,
                "the adapter has no such flag".to_owned(),
                "`setpoint-adapter --help` lists them",
            ),
            FlagFault::WithoutEffect(flag, reason) => {
                told(&USELESS, flag, format!("it has no effect: {reason}"), "")
            }
            FlagFault::Bad(said) => told(&BAD, String::new(), said, ""),
        }
    };
    flag_faults(&texts).into_iter().map(finding).collect()
}
