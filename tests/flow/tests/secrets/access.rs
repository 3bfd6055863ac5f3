//! The data of one subject, for a request of access.

use annalist::{Memory, Secret};

use crate::{
    builder,
    domain::{Befriend, customer, email_of, register},
};

#[tokio::test]
async fn personal_data_has_the_secrets_of_its_subject_and_of_no_other() {
    let app = builder(&Memory::new()).start().await.unwrap();
    app.execute(register("ann")).await.unwrap();
    app.execute(register("bob")).await.unwrap();
    let note = |text: &str| Secret::new(text.to_owned());
    let (from, to) = (customer("ann"), customer("bob"));
    let command =
        Befriend { from, to, from_note: Some(note("ann's \"note\"")), to_notes: vec![note("bob's note")] };
    app.execute(command).await.unwrap();

    let data = app.personal_data(&customer("ann")).await.unwrap();
    let json = serde_json::to_value(&data).unwrap();
    assert_eq!(json["subject"], "customer:ann");
    let events = json["events"].as_array().unwrap();
    let names: Vec<_> = events.iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["customer.registered", "customer.befriended"]);
    assert_eq!(events[0]["data"]["mail"], email_of("ann"));
    assert_eq!(events[1]["data"]["from_note"], "ann's \"note\"");
    assert_eq!(events[1]["data"]["to_notes"], serde_json::json!([null]));
    let text = data.to_string();
    assert!(
        text.starts_with("customer:ann: 2 events\n") && text.contains("  mail: ann@example.org\n"),
        "{text}"
    );
    assert!(!text.contains("bob's note") && !text.contains("$secret"), "{text}");

    app.forget(&customer("ann")).await.unwrap();
    let text = app.personal_data(&customer("ann")).await.unwrap().to_string();
    assert!(!text.contains("ann@example.org") && text.contains("  mail: forgotten\n"), "{text}");
    let unknown = app.personal_data(&customer("cay")).await.unwrap();
    assert!(unknown.events.is_empty());
}
