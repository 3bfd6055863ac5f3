//! Ids are compared by their text, as in tags, and rows by their stored key; the `Eq` of the type is not used.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use annalist::{
    App, Invalid,
    app::Builder,
    prelude::*,
    projection::{ColumnType, Field, ProjectionOptions, Value},
    testing::given,
};
use annalist_flow_tests::test_log::{TestLog, on_each_log};

/// An id whose `Eq` ignores the case of letters.
#[derive(Id, Clone, Debug)]
struct UserId(String);

impl PartialEq for UserId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for UserId {}

impl Hash for UserId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}

fn user(name: &str) -> UserId {
    UserId(name.to_owned())
}

/// A key whose `Eq` distinguishes what a column stores alike: its case is not stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Team(String);

impl Field for Team {
    const TYPE: ColumnType = ColumnType::Text;

    fn to_value(&self) -> Result<Value, Invalid> {
        self.0.to_ascii_lowercase().to_value()
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        String::from_value(value).map(Self)
    }
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event(name = "user.scored")]
struct Scored {
    #[id]
    users: Vec<UserId>,
    team: String,
}

fn scored(names: &[&str], team: &str) -> Scored {
    Scored { users: names.iter().map(|name| user(name)).collect(), team: team.to_owned() }
}

/// The events of a user.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "users", on(Scored => Score::apply))]
struct Score {
    #[key]
    user: UserId,
    count: i64,
}

impl Score {
    fn apply(&mut self, _: &Scored) {
        self.count += 1;
    }
}

/// The events of a team.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "teams", on(Scored => TeamScore::apply by teams_of))]
struct TeamScore {
    #[key]
    team: Team,
    count: i64,
}

impl TeamScore {
    fn apply(&mut self, _: &Scored) {
        self.count += 1;
    }
}

/// Names the team twice, in two cases.
fn teams_of(event: &Scored) -> Vec<Team> {
    vec![Team(event.team.clone()), Team(event.team.to_uppercase())]
}

#[derive(Aggregate, Debug)]
#[aggregate(on(Scored => Player::apply))]
struct Player {
    #[id]
    user: UserId,
    count: i64,
}

impl Player {
    fn apply(&mut self, _: &Scored) {
        self.count += 1;
    }
}

/// Scores for each of the users; the states are those of the users, one for each text.
#[derive(Command, Serialize, Deserialize)]
#[command(decide = score)]
struct Play {
    #[id(Player)]
    users: Vec<UserId>,
    team: String,
    /// The counts that the decision expects to see.
    expected: Vec<(String, i64)>,
}

fn score(players: &[Arc<Player>], command: &Play) -> Scored {
    let seen: Vec<_> = players.iter().map(|player| (player.user.to_string(), player.count)).collect();
    assert_eq!(seen, command.expected);
    Scored { users: command.users.clone(), team: command.team.clone() }
}

fn play(names: &[&str], team: &str, expected: &[(&str, i64)]) -> Play {
    let expected = expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    Play { users: names.iter().map(|name| user(name)).collect(), team: team.to_owned(), expected }
}

/// The events of the tests: `Ann`, `ann` and `ANN` are three users, and `red` and `Red` are one team.
const PLAYS: [(&[&str], &str); 4] =
    [(&["Ann"], "red"), (&["ann"], "Red"), (&["Ann", "ann"], "red"), (&["ANN"], "blue")];

async fn assert_rows(app: &App) {
    app.wait_until_caught_up().await.unwrap();
    for (name, count) in [("Ann", 2), ("ann", 2), ("ANN", 1)] {
        let row = app.find::<Score>(&user(name)).await.unwrap().unwrap();
        assert_eq!((row.user.to_string(), row.count), (name.to_owned(), count));
        let live = app.live::<Score>(&user(name)).await.unwrap().unwrap();
        assert_eq!((live.user.to_string(), live.count), (name.to_owned(), count));
    }
    for team in ["red", "RED"] {
        let team = Team(team.to_owned());
        assert_eq!(app.find::<TeamScore>(&team).await.unwrap().unwrap().count, 3);
        assert_eq!(app.live::<TeamScore>(&team).await.unwrap().unwrap().count, 3);
    }
    assert_eq!(app.list::<Score>().await.unwrap().rows.len(), 3);
    assert_eq!(app.list::<TeamScore>().await.unwrap().rows.len(), 2);
}

fn with_projections(app: Builder, options: &ProjectionOptions) -> Builder {
    app.projection_with::<Score>(options.clone()).projection_with::<TeamScore>(options.clone())
}

async fn play_all(app: &App) {
    for (names, team) in PLAYS {
        let loaded = async |name: &&str| {
            let player = app.load::<Player>(&user(name)).await.unwrap();
            ((*name).to_owned(), player.count)
        };
        let mut expected = Vec::new();
        for name in names {
            expected.push(loaded(name).await);
        }
        let users = names.iter().map(|name| user(name)).collect();
        app.execute(Play { users, team: team.to_owned(), expected }).await.unwrap();
        // One batch for each event.
        app.wait_until_caught_up().await.unwrap();
    }
}

async fn app_of(log: &TestLog) -> Builder {
    log.app().await
}

#[tokio::test]
async fn rows_do_not_depend_on_the_size_of_batches() {
    on_each_log(async |log| {
        let background = ProjectionOptions::new();
        let app = with_projections(app_of(log).await, &background).start().await.unwrap();
        play_all(&app).await;
        assert_rows(&app).await;
        // All events in one batch.
        app.rebuild("users").await.unwrap();
        app.rebuild("teams").await.unwrap();
        for name in ["users", "teams"] {
            app.wait_until(name, |status| status.reads.is_some_and(|table| table.build == 1)).await.unwrap();
        }
        assert_rows(&app).await;
    })
    .await;
}

#[tokio::test]
async fn inline_rows_equal_background_rows() {
    on_each_log(async |log| {
        let inline = ProjectionOptions::new().inline();
        let app = with_projections(app_of(log).await, &inline).start().await.unwrap();
        play_all(&app).await;
        assert_rows(&app).await;
    })
    .await;
}

#[tokio::test]
async fn states_of_ids_with_different_texts_are_separate() {
    on_each_log(async |log| {
        let app = app_of(log).await.start().await.unwrap();
        app.execute(play(&["Ann"], "red", &[("Ann", 0)])).await.unwrap();
        app.execute(play(&["ann", "Ann", "ann"], "red", &[("ann", 0), ("Ann", 1)])).await.unwrap();
        app.execute(play(&["ANN", "ann"], "red", &[("ANN", 0), ("ann", 1)])).await.unwrap();
    })
    .await;
}

#[test]
fn test_kit_folds_the_same_rows() {
    let events: Vec<Scored> = PLAYS.into_iter().map(|(names, team)| scored(names, team)).collect();
    let rows = given(events.clone()).project::<Score>();
    assert_eq!(rows.count(), 3);
    rows.row(&user("Ann")).eq(Score { user: user("Ann"), count: 2 }).row(&user("aNN")).none();
    let teams = given(events).project::<TeamScore>();
    assert_eq!(teams.count(), 2);
    teams.row(&Team("RED".to_owned())).eq(TeamScore { team: Team("red".to_owned()), count: 3 });
}
