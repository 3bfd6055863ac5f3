//! Many students subscribe to one course concurrently; exactly as many as its capacity are accepted.
//!
//! ```console
//! $ cargo run -p courses -- --students 100 --capacity 30
//! $ cargo run -p courses -- --store sqlite://courses.db
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command line prints

use std::process::ExitCode;

use annalist::{App, ExecuteError};
use clap::Parser;
use courses::{
    aggregate::Course,
    command::{DefineCourse, Subscribe},
    decide::CourseError,
    event::CourseId,
};
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Students that race for the places of a course.
#[derive(Parser)]
#[command(name = "courses", version)]
struct Cli {
    /// The store: `memory:`, `sqlite://FILE` or `postgres://…`.
    #[arg(long, default_value = "memory:", value_name = "URL")]
    store: String,
    /// The name of the new course.
    #[arg(long, default_value = "rust")]
    course: CourseId,
    /// The capacity of the course.
    #[arg(long, default_value_t = 10)]
    capacity: u32,
    /// The number of students that subscribe.
    #[arg(long, default_value_t = 50)]
    students: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<String, Failure> {
    let app = courses::domain(App::builder(annalist::open(&cli.store).await?)).start().await?;
    let course = cli.course;
    app.execute(DefineCourse { course: course.clone(), capacity: cli.capacity }).await?;

    let mut race = JoinSet::new();
    for number in 1..=cli.students {
        let subscribe = Subscribe { course: course.clone(), student: format!("student {number}").parse()? };
        race.spawn(app.execute(subscribe).into_future());
    }
    let (mut in_course, mut left_out) = (0, 0);
    while let Some(answer) = race.join_next().await {
        match answer? {
            Ok(_) => in_course += 1,
            Err(ExecuteError::Rejected(CourseError::Full(_))) => left_out += 1,
            Err(other) => return Err(other.into()),
        }
    }
    let taken = app.load::<Course>(&course).await?.taken;
    Ok(format!("{in_course} students got in, {left_out} found it full; the course counts {taken}"))
}
