//! The model as a catalogue in Markdown.

use std::fmt::Write as _;

use serde_json::Value;

use super::types::{
    AggregateModel, CommandModel, EventModel, IdModel, Model, PolicyModel, ProjectionModel, QueryModel,
    SecretModel,
};

impl Model {
    /// Returns the model as a catalogue in Markdown: a section for each event, command, aggregate, projection, policy and query, with
    /// links between them.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::model::Model;
    ///
    /// let catalogue = Model::of(|builder| builder.commands::<Open>())?.to_markdown();
    /// assert!(catalogue.contains("### `account.opened`"));
    /// # Ok::<(), annalist::Invalid>(())
    /// ```
    pub fn to_markdown(&self) -> String {
        let mut page = Page("# Model\n".to_owned());
        page.chapter("Events", &self.events, event);
        page.chapter("Commands", &self.commands, command);
        page.chapter("Aggregates", &self.aggregates, aggregate);
        page.chapter("Projections", &self.projections, projection);
        page.chapter("Policies", &self.policies, policy);
        page.chapter("Queries", &self.queries, query);
        page.0
    }
}

/// A page that is written from top to bottom.
struct Page(String);

impl Page {
    /// A chapter with a section for each item; no chapter without items.
    fn chapter<T>(&mut self, title: &str, items: &[T], section: impl Fn(&mut Self, &T)) {
        if !items.is_empty() {
            let _ = writeln!(self.0, "\n## {title}");
            items.iter().for_each(|item| section(self, item));
        }
    }

    /// The beginning of a section, which links refer to by its kind and name.
    fn section(&mut self, kind: &str, name: &str, text: &str) {
        let _ = writeln!(self.0, "\n<a id=\"{}\"></a>\n\n### {}\n\n{text}\n", anchor(kind, name), code(name));
    }

    /// A line of a list; none without a text.
    fn item(&mut self, label: &str, text: &str) {
        if !text.is_empty() {
            let _ = writeln!(self.0, "- {label}: {text}");
        }
    }

    /// A line with links.
    fn links(&mut self, label: &str, kind: &str, names: &[String]) {
        let links: Vec<String> = names.iter().map(|name| link(kind, name)).collect();
        self.item(label, &links.join(", "));
    }

    /// A table; none without rows.
    fn table<const N: usize>(&mut self, header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
        let rows: Vec<String> = rows.into_iter().map(|row| format!("| {} |\n", row.join(" | "))).collect();
        if !rows.is_empty() {
            let line = ["---"; N].join("|");
            let _ = write!(self.0, "\n| {} |\n|{line}|\n{}", header.join(" | "), rows.concat());
        }
    }
}

fn event(page: &mut Page, event: &EventModel) {
    let retired = if event.retired { ", retired: no new event is written" } else { "" };
    let text = format!("Version {}{retired}. Rust: {}.", event.version, code(&event.rust));
    page.section("event", &event.name, &text);
    if let Some(text) = event.schema.as_ref().and_then(|schema| schema.get("description")?.as_str()) {
        let _ = writeln!(page.0, "{}\n", plain(text));
    }
    page.item("Former names", &codes(event.aliases.iter()));
    page.links("Made from", "event", &event.made_from);
    page.item("Ids", &event.ids.iter().map(id).collect::<Vec<_>>().join(", "));
    page.item("Secrets", &event.secrets.iter().map(secret).collect::<Vec<_>>().join(", "));
    for step in &event.steps {
        let how = step.function.as_ref().map_or("the same payloads".to_owned(), |function| code(function));
        page.item(&format!("From version {} to {}", step.from, step.from + 1), &how);
    }
    page.links("Written by", "command", &event.written_by);
    page.links("Folded by", "aggregate", &event.aggregates);
    page.links("Projected by", "projection", &event.projections);
    page.links("Handled by", "policy", &event.policies);
    page.table(["field", "type", "required"], fields(event.schema.as_ref()));
}

/// The rows of the fields of a JSON Schema.
fn fields(schema: Option<&Value>) -> Vec<[String; 3]> {
    let property = |name: &str| schema.and_then(|schema| schema.get(name));
    let required = property("required").and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)));
    let fields = property("properties").and_then(Value::as_object).into_iter().flatten();
    fields.map(|(name, field)| [code(name), type_of(field), yes(is_required(name)).to_owned()]).collect()
}

/// A few words for the type of a field.
fn type_of(schema: &Value) -> String {
    let name = |value: &Value| value.as_str().map(str::to_owned);
    let types = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(name).collect::<Vec<_>>().join(" or "),
        Some(one) => name(one).unwrap_or_default(),
        None => String::new(),
    };
    let format = schema.get("format").and_then(name).map(|format| format!(" ({format})")).unwrap_or_default();
    if !types.is_empty() {
        return plain(&format!("{types}{format}"));
    }
    let reference = schema.get("$ref").and_then(name);
    if let Some(name) = reference.as_deref().and_then(|reference| reference.rsplit('/').next()) {
        return code(name);
    }
    let choices = ["anyOf", "oneOf"].into_iter().find_map(|key| schema.get(key)?.as_array());
    choices.map_or("any".to_owned(), |choices| choices.iter().map(type_of).collect::<Vec<_>>().join(" or "))
}

fn id(id: &IdModel) -> String {
    let field = code(&id.field);
    match (&id.kind, id.required) {
        (Some(kind), true) => format!("{field} (kind {})", code(kind)),
        (Some(kind), false) => format!("{field} (kind {}, optional)", code(kind)),
        (None, _) => format!("{field} (by a function)"),
    }
}

fn secret(secret: &SecretModel) -> String {
    format!("{} (of {})", code(&secret.field), code(&secret.subject))
}

fn command(page: &mut Page, command: &CommandModel) {
    page.section("command", &command.name, &format!("Rust: {}.", code(&command.rust)));
    let reads: Vec<String> = command
        .reads
        .iter()
        .map(|state| {
            let field = state.field.as_ref().map(|field| format!(" by {}", code(field))).unwrap_or_default();
            format!("{}{field}", link("aggregate", &state.aggregate))
        })
        .collect();
    page.item("Reads", &reads.join(", "));
    page.links("Can write", "event", &command.writes);
    page.links("Sent by", "policy", &command.sent_by);
    page.table(["field", "type", "required"], fields(command.schema.as_ref()));
}

fn aggregate(page: &mut Page, aggregate: &AggregateModel) {
    page.section("aggregate", &aggregate.name, &format!("Rust: {}.", code(&aggregate.rust)));
    page.item("Id", &aggregate.id.as_ref().map_or("none".to_owned(), |kind| format!("kind {}", code(kind))));
    page.links("Folds", "event", &aggregate.events);
    page.links("Read by", "command", &aggregate.commands);
    if let Some(snapshot) = &aggregate.snapshot {
        let (name, every, version) = (code(&snapshot.name), snapshot.every, snapshot.version);
        page.item("Snapshots", &format!("{name} version {version}, every {every} events"));
    }
}

fn projection(page: &mut Page, projection: &ProjectionModel) {
    let how = match (projection.inline, projection.custom) {
        (true, _) => ", inline",
        (false, true) => ", with tables of its own",
        (false, false) => "",
    };
    let text = format!("Version {}{how}. Rust: {}.", projection.version, code(&projection.rust));
    page.section("projection", &projection.name, &text);
    let events: Vec<String> = projection
        .events
        .iter()
        .map(|folded| {
            let key = folded.key.as_ref().map(|key| format!(" by {}", code(key))).unwrap_or_default();
            format!("{}{key}", link("event", &folded.event))
        })
        .collect();
    page.item("Folds", &events.join(", "));
    if projection.reads_secrets {
        page.item("Reads secrets", yes(true));
    }
    page.links("Queries", "query", &projection.queries);
    page.table(
        ["column", "type", "NULL", "role"],
        projection.columns.iter().map(|column| {
            [code(&column.name), column.kind.clone(), yes(column.nullable).to_owned(), column.role.clone()]
        }),
    );
}

fn policy(page: &mut Page, policy: &PolicyModel) {
    let everywhere = if policy.everywhere { ", in all processes" } else { "" };
    let text = format!("Starts at {}{everywhere}. Rust: {}.", policy.start, code(&policy.rust));
    page.section("policy", &policy.name, &text);
    page.links("Reacts to", "event", &policy.events);
    page.links("Sends", "command", &policy.sends);
    page.item("Sends other commands", yes(policy.sends_others));
    page.item("If a command is rejected", &policy.on_reject);
    page.item("If it fails", &format!("{} after {} tries", policy.on_error, policy.tries));
    page.item("Ordered by", &policy.order_by.as_ref().map(|kind| code(kind)).unwrap_or_default());
}

fn query(page: &mut Page, query: &QueryModel) {
    let answer = match query.answer.as_str() {
        "own" => "Written by hand".to_owned(),
        answer => format!("Returns a {answer}"),
    };
    page.section("query", &query.name, &format!("{answer}. Rust: {}.", code(&query.rust)));
    page.item("From", &query.projection.as_ref().map(|name| link("projection", name)).unwrap_or_default());
    page.table(
        ["field", "condition", "column", "optional"],
        query.parameters.iter().map(|parameter| {
            let column = parameter.column.as_ref().map(|column| code(column)).unwrap_or_default();
            [code(&parameter.field), parameter.condition.clone(), column, yes(parameter.optional).to_owned()]
        }),
    );
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "" }
}

/// A link to a section.
fn link(kind: &str, name: &str) -> String {
    format!("[{}](#{})", code(name), anchor(kind, name))
}

/// The id of a section: letters, digits, and the codes of other characters.
fn anchor(kind: &str, name: &str) -> String {
    let mut anchor = format!("{kind}-");
    for c in name.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => anchor.push(c),
            c => {
                let _ = write!(anchor, "~{:x}", u32::from(c));
            }
        }
    }
    anchor
}

fn codes<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| code(name)).collect::<Vec<_>>().join(", ")
}

/// Inline code, also in a table. A name with a grave accent has two around it.
fn code(name: &str) -> String {
    let name = name.replace('|', "\\|").replace(char::is_control, " ");
    match name.contains('`') {
        true => format!("`` {name} ``"),
        false => format!("`{name}`"),
    }
}

/// Text without markup.
fn plain(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
