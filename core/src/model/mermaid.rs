//! The model as a Mermaid flowchart.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::types::Model;

/// The kinds of nodes: the prefix of their ids, the shape around the name, and the color.
const COMMAND: Kind = Kind { name: "command", open: "[\"", close: "\"]", color: "#cfe2ff" };
const AGGREGATE: Kind = Kind { name: "aggregate", open: "([\"", close: "\"])", color: "#fff3cd" };
const EVENT: Kind = Kind { name: "event", open: "(\"", close: "\")", color: "#ffd8a8" };
const PROJECTION: Kind = Kind { name: "projection", open: "[(\"", close: "\")]", color: "#d1e7dd" };
const POLICY: Kind = Kind { name: "policy", open: "{{\"", close: "\"}}", color: "#e2d9f3" };
const QUERY: Kind = Kind { name: "query", open: ">\"", close: "\"]", color: "#f8f9fa" };

/// A kind of node.
struct Kind {
    name: &'static str,
    open: &'static str,
    close: &'static str,
    color: &'static str,
}

impl Model {
    /// Returns the model as a [Mermaid](https://mermaid.js.org) flowchart: from commands over aggregates and events to projections,
    /// queries and policies.
    ///
    /// A command leads to the aggregates that it reads, and an aggregate to the events that these commands can write and that it
    /// folds. Dotted arrows are the commands that a policy sends, and the events that are made from retired ones.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::model::Model;
    ///
    /// let chart = Model::of(|builder| builder.commands::<Open>().projection::<Balance>())?.to_mermaid();
    /// assert!(chart.contains("command_open --> aggregate_Account"));
    /// assert!(chart.contains("event_account_opened --> projection_balances"));
    /// # Ok::<(), annalist::Invalid>(())
    /// ```
    pub fn to_mermaid(&self) -> String {
        let mut chart = Chart::default();
        self.add_nodes(&mut chart);
        self.add_writes(&mut chart);
        self.add_reads(&mut chart);
        chart.into_text()
    }

    fn add_nodes(&self, chart: &mut Chart) {
        self.commands.iter().for_each(|one| chart.add_node(&COMMAND, &one.name, &one.name));
        self.aggregates.iter().for_each(|one| chart.add_node(&AGGREGATE, &one.name, &one.name));
        for event in &self.events {
            let label = match event.retired {
                true => format!("{} (retired)", event.name),
                false => event.name.clone(),
            };
            chart.add_node(&EVENT, &event.name, &label);
        }
        self.projections.iter().for_each(|one| chart.add_node(&PROJECTION, &one.name, &one.name));
        self.policies.iter().for_each(|one| chart.add_node(&POLICY, &one.name, &one.name));
        self.queries.iter().for_each(|one| chart.add_node(&QUERY, &one.name, &one.name));
    }

    /// From commands to events.
    fn add_writes(&self, chart: &mut Chart) {
        for command in &self.commands {
            let mut left: BTreeSet<&String> = command.writes.iter().collect();
            for state in &command.reads {
                chart.add_arrow((&COMMAND, &command.name), "-->", (&AGGREGATE, &state.aggregate));
                let aggregate = self.aggregates.iter().find(|one| one.name == state.aggregate);
                let folded = aggregate.into_iter().flat_map(|one| &one.events);
                for event in folded.filter(|event| command.writes.contains(event)) {
                    left.remove(event);
                    chart.add_arrow((&AGGREGATE, &state.aggregate), "-->", (&EVENT, event));
                }
            }
            left.iter().for_each(|event| chart.add_arrow((&COMMAND, &command.name), "-->", (&EVENT, event)));
        }
    }

    /// From events to what reads them.
    fn add_reads(&self, chart: &mut Chart) {
        for event in &self.events {
            let from = (&EVENT, &*event.name);
            event.projections.iter().for_each(|one| chart.add_arrow(from, "-->", (&PROJECTION, one)));
            event.policies.iter().for_each(|one| chart.add_arrow(from, "-->", (&POLICY, one)));
            event.made_from.iter().for_each(|one| chart.add_arrow((&EVENT, one), "-.->", from));
        }
        for policy in &self.policies {
            let sent = policy.sends.iter();
            sent.for_each(|one| chart.add_arrow((&POLICY, &policy.name), "-.->", (&COMMAND, one)));
        }
        for projection in &self.projections {
            let queries = projection.queries.iter();
            queries.for_each(|one| chart.add_arrow((&PROJECTION, &projection.name), "-->", (&QUERY, one)));
        }
    }
}

/// The lines of a flowchart.
#[derive(Default)]
struct Chart {
    nodes: String,
    /// The ids of the nodes by kind and name.
    ids: BTreeMap<(&'static str, String), String>,
    used_ids: BTreeSet<String>,
    /// The first arrow of two equal ones counts.
    arrows: Vec<String>,
}

impl Chart {
    fn add_node(&mut self, kind: &Kind, name: &str, label: &str) {
        let id = self.unused_id(kind, name);
        let Kind { open, close, name: class, .. } = kind;
        let _ = writeln!(self.nodes, "    {id}{open}{}{close}:::{class}", escaped(label));
        self.ids.insert((kind.name, name.to_owned()), id);
    }

    /// An id from the kind and the name. Two names can have the same letters and digits.
    fn unused_id(&mut self, kind: &Kind, name: &str) -> String {
        let word: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let mut id = format!("{}_{word}", kind.name);
        while !self.used_ids.insert(id.clone()) {
            id.push('_');
        }
        id
    }

    /// An arrow between two nodes. Without one of them there is none.
    fn add_arrow(&mut self, (from_kind, from): (&Kind, &str), arrow: &str, (to_kind, to): (&Kind, &str)) {
        let from = self.ids.get(&(from_kind.name, from.to_owned()));
        let Some((from, to)) = from.zip(self.ids.get(&(to_kind.name, to.to_owned()))) else { return };
        let arrow = format!("    {from} {arrow} {to}\n");
        if !self.arrows.contains(&arrow) {
            self.arrows.push(arrow);
        }
    }

    fn into_text(self) -> String {
        let mut text = format!("flowchart LR\n{}{}", self.nodes, self.arrows.concat());
        for Kind { name, color, .. } in [COMMAND, AGGREGATE, EVENT, PROJECTION, POLICY, QUERY] {
            if self.ids.keys().any(|(kind, _)| *kind == name) {
                let _ = writeln!(text, "    classDef {name} fill:{color},stroke:#495057,color:#212529");
            }
        }
        text
    }
}

/// Text in a label, without the characters that Mermaid and HTML interpret.
fn escaped(label: &str) -> String {
    let mut text = String::new();
    for c in label.chars() {
        match c {
            '"' => text.push_str("#quot;"),
            '<' => text.push_str("#lt;"),
            '>' => text.push_str("#gt;"),
            '#' => text.push_str("#35;"),
            '`' => text.push_str("#96;"),
            '&' => text.push_str("#38;"),
            c if c.is_control() => text.push(' '),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_the_same_letters_have_their_own_nodes() {
        let mut chart = Chart::default();
        chart.add_node(&EVENT, "a.b", "a.b");
        chart.add_node(&EVENT, "a_b", "\"<#&`>");
        chart.add_arrow((&EVENT, "a.b"), "-->", (&EVENT, "a_b"));
        chart.add_arrow((&EVENT, "a.b"), "-->", (&EVENT, "a_b"));
        chart.add_arrow((&EVENT, "a.b"), "-->", (&EVENT, "unknown"));
        let expected = "flowchart LR\n    event_a_b(\"a.b\"):::event\n    event_a_b_(\"#quot;#lt;#35;#38;#96;#gt;\"):::event\n    event_a_b --> event_a_b_\n    classDef event fill:#ffd8a8,stroke:#495057,color:#212529\n";
        assert_eq!(chart.into_text(), expected);
    }
}
