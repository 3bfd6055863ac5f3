//! Payloads of events: each is read back as it was written, or refused before it is written.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::collections::{BTreeMap, HashMap, HashSet};

use annalist::{App, ExecuteError, Invalid, Memory, Position, app::Journal, prelude::*, testing::given};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct BoxId(String);

#[derive(Serialize, Deserialize, Debug, Default, Clone, PartialEq)]
struct Content {
    floats: Vec<f64>,
    small: Vec<f32>,
    large: (u128, i128),
    words: HashMap<String, u32>,
    numbers: HashSet<u32>,
    nested: Option<Box<Content>>,
    texts: Vec<String>,
    keys: BTreeMap<u64, char>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u8>,
}

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(prefix = "box")]
#[allow(clippy::large_enum_variant, reason = "a field of every type is large")]
enum BoxEvent {
    Filled {
        #[id]
        r#box: BoxId,
        content: Content,
    },
    Labelled {
        #[id]
        r#box: BoxId,
        #[serde(flatten)]
        labels: BTreeMap<String, String>,
    },
}

#[derive(Aggregate, Debug)]
#[aggregate(on(BoxEvent => Storage::apply))]
struct Storage {
    #[id]
    id: BoxId,
    contents: Vec<Content>,
    labels: BTreeMap<String, String>,
}

impl Storage {
    fn apply(&mut self, event: &BoxEvent) {
        match event {
            BoxEvent::Filled { content, .. } => self.contents.push(content.clone()),
            BoxEvent::Labelled { labels, .. } => self.labels.extend(labels.clone()),
        }
    }

    fn fill(&self, command: &Fill) -> BoxEvent {
        BoxEvent::Filled { r#box: self.id.clone(), content: command.content.clone() }
    }

    fn label(&self, command: &Label) -> BoxEvent {
        BoxEvent::Labelled { r#box: self.id.clone(), labels: command.labels.clone() }
    }
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = Storage::fill)]
struct Fill {
    #[id]
    r#box: BoxId,
    content: Content,
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = Storage::label)]
struct Label {
    #[id]
    r#box: BoxId,
    labels: BTreeMap<String, String>,
}

fn id() -> BoxId {
    BoxId("b".into())
}

fn fill(content: Content) -> Fill {
    Fill { r#box: id(), content }
}

fn label(name: &str) -> Label {
    Label { r#box: id(), labels: BTreeMap::from([(name.to_owned(), "x".to_owned())]) }
}

fn nested(depth: usize) -> Content {
    let inside = |content, _| Content { nested: Some(Box::new(content)), ..Content::default() };
    (0..depth).fold(Content::default(), inside)
}

/// The float with these bits, or 0 if it is not finite, because JSON cannot represent it.
fn float(bits: u64) -> f64 {
    Some(f64::from_bits(bits)).filter(|float| float.is_finite()).unwrap_or_default()
}

#[tokio::test]
async fn values_of_every_serde_type_are_read_back_unchanged() {
    let app = App::builder(Memory::new()).journal(Journal::All).start().await.unwrap();
    let bits = (0..2000u64).map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let written = Content {
        floats: bits.map(float).chain([0.1 + 0.2, -0.0, f64::MAX, 980.766_754_589_422_5]).collect(),
        small: vec![0.1, f32::MAX, 1e-45],
        large: (u128::MAX, i128::MIN),
        words: (0..20).map(|number| (format!("word {number}"), number)).collect(),
        numbers: (0..20).collect(),
        nested: Some(Box::new(nested(50))),
        texts: ["\0", "\u{7f}\"\\\n", "e\u{301}", "{[", "𝄞"].map(String::from).to_vec(),
        keys: BTreeMap::from([(u64::MAX, '\0')]),
        left_out: None,
    };
    app.execute(fill(written.clone())).await.unwrap();
    let stored = app.load::<Storage>(&id()).await.unwrap();
    assert_eq!(stored.contents, [written]);
}

#[tokio::test]
async fn payload_that_could_not_be_read_back_is_refused() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    let no_number = || Content { floats: vec![f64::INFINITY], ..Content::default() };
    let refused = [
        (app.execute(fill(no_number())).await, "box.filled"),
        (app.execute(fill(nested(200))).await, "127"),
        (app.execute(label("box")).await, "duplicate field"),
    ];
    for (result, expected) in refused {
        let error = result.unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, ExecuteError::Invalid(Invalid::NotReadable { .. } | Invalid::Encode { .. })),
            "{error:?}"
        );
        assert!(text.contains(expected) && text.len() < 600, "{text}");
    }
    assert_eq!(app.store().settled().await.unwrap().position, Position::START);
    app.execute(label("fragile")).await.unwrap();
    assert_eq!(app.load::<Storage>(&id()).await.unwrap().labels.len(), 1);
}

#[test]
fn test_kit_compares_maps_regardless_of_order() {
    let content = || Content {
        words: (0..20).map(|number| (format!("word {number}"), number)).collect(),
        ..Content::default()
    };
    given(())
        .when(fill(content()))
        .then(BoxEvent::Filled { r#box: id(), content: content() })
        .then_state::<Storage>(&id(), |stored| assert_eq!(stored.contents, [content()]));
}
