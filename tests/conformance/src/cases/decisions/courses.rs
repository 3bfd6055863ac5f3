//! Course subscriptions: a rule of the course and a rule of the student in one decision.

use annalist_core::{criteria::Criteria, record::Record, time::Timestamp};

use super::decide::{CommandResult, decide, ensure_accepted, ensure_rejected, number};
use crate::{
    failure::Outcome,
    support::{concurrency::run_concurrently, fixtures::*, handle::Handle, log::Log},
};

cases!("courses": [
    course_accepts_students_up_to_its_capacity,
    student_takes_at_most_five_courses,
    one_of_many_students_gets_the_last_place,
    concurrent_subscriptions_of_one_student_respect_the_limit,
    capacity_changes_during_subscriptions,
]);

const MAX_COURSES: usize = 5;

fn course_tag(course: usize) -> String {
    format!("course:{course}")
}

fn student_tag(student: usize) -> String {
    format!("student:{student}")
}

async fn define(handle: &Handle, course: usize, capacity: usize) -> Outcome<CommandResult> {
    let course = course_tag(course);
    decide(handle, Timestamp::EPOCH, criteria_for(&["course_defined"], &[&course]), |defined| {
        if !defined.is_empty() {
            return Err("the course is defined already");
        }
        Ok(vec![event_with("course_defined", &[&course], &capacity.to_string())])
    })
    .await
}

fn course_criteria(course: &str) -> Criteria {
    criteria_for(&["course_defined", "capacity_changed", "student_subscribed"], &[course])
}

fn capacity(records: &[Record]) -> Option<usize> {
    records.iter().rfind(|record| record.name != "student_subscribed").map(number)
}

fn subscriptions(records: &[Record], tag: &str) -> usize {
    let tag = crate::support::fixtures::tag(tag);
    records.iter().filter(|record| record.name == "student_subscribed" && record.tags.contains(&tag)).count()
}

async fn change_capacity(handle: &Handle, course: usize, to: usize) -> Outcome<CommandResult> {
    let course = course_tag(course);
    decide(handle, Timestamp::EPOCH, course_criteria(&course), |records| match capacity(records) {
        None => Err("unknown course"),
        Some(now) if now == to => Err("the capacity is unchanged"),
        Some(_) if subscriptions(records, &course) > to => Err("more students are subscribed"),
        Some(_) => Ok(vec![event_with("capacity_changed", &[&course], &to.to_string())]),
    })
    .await
}

async fn subscribe(handle: &Handle, student: usize, course: usize) -> Outcome<CommandResult> {
    let (student, course) = (student_tag(student), course_tag(course));
    let criteria = course_criteria(&course).or(item(&["student_subscribed"], &[&student]));
    decide(handle, Timestamp::EPOCH, criteria, |records| {
        let capacity = capacity(records).ok_or("unknown course")?;
        let tags = [tag(&student), tag(&course)];
        if records.iter().any(|record| {
            record.name == "student_subscribed" && tags.iter().all(|tag| record.tags.contains(tag))
        }) {
            return Err("subscribed already");
        }
        if subscriptions(records, &course) >= capacity {
            return Err("the course is full");
        }
        if subscriptions(records, &student) >= MAX_COURSES {
            return Err("too many courses");
        }
        Ok(vec![event("student_subscribed", &[&student, &course])])
    })
    .await
}

async fn course_accepts_students_up_to_its_capacity(log: Log) -> Outcome {
    ensure_rejected!(subscribe(&log, 1, 1).await?, "unknown course", "a subscription to an unknown course");
    ensure_rejected!(
        change_capacity(&log, 1, 5).await?,
        "unknown course",
        "a new capacity of an unknown course"
    );
    ensure_accepted!(define(&log, 1, 2).await?, "the first course");
    ensure_accepted!(define(&log, 2, 10).await?, "the second course");
    ensure_rejected!(define(&log, 1, 3).await?, "the course is defined already", "the first course, again");
    ensure_accepted!(subscribe(&log, 1, 1).await?, "the first student");
    ensure_accepted!(subscribe(&log, 1, 2).await?, "the first student's second course");
    ensure_rejected!(subscribe(&log, 1, 1).await?, "subscribed already", "the first student, again");
    ensure_accepted!(subscribe(&log, 2, 1).await?, "the second student");
    ensure_rejected!(subscribe(&log, 3, 1).await?, "the course is full", "the third student of two");
    ensure_rejected!(change_capacity(&log, 1, 2).await?, "the capacity is unchanged", "the same capacity");
    ensure_rejected!(change_capacity(&log, 1, 1).await?, "more students are subscribed", "a lower capacity");
    ensure_accepted!(change_capacity(&log, 1, 3).await?, "a higher capacity");
    ensure_accepted!(subscribe(&log, 3, 1).await?, "the third student of three");
    ensure_rejected!(subscribe(&log, 4, 1).await?, "the course is full", "the fourth student of three");
    Ok(())
}

async fn student_takes_at_most_five_courses(log: Log) -> Outcome {
    for course in 0..7 {
        ensure_accepted!(define(&log, course, 10).await?, "course {course}");
    }
    for course in 0..MAX_COURSES {
        ensure_accepted!(subscribe(&log, 2, course).await?, "course {course} of another student");
    }
    for course in 0..MAX_COURSES {
        ensure_accepted!(subscribe(&log, 1, course).await?, "course {course} of five");
    }
    ensure_rejected!(subscribe(&log, 1, 5).await?, "too many courses", "the sixth course");
    ensure_rejected!(subscribe(&log, 1, 0).await?, "subscribed already", "the first course, again");
    Ok(())
}

/// Subscribes students to courses concurrently and returns how many subscriptions were accepted. The others must be
/// rejected for this reason.
async fn race(log: &Log, attempts: Vec<(usize, usize)>, reason: &'static str) -> Outcome<usize> {
    let handles = log.handles(3).await?;
    let tasks = attempts.into_iter().enumerate().map(|(n, (student, course))| {
        let handle = handles[n % 3].clone();
        async move {
            match subscribe(&handle, student, course).await? {
                Ok(_) => Ok(1),
                Err(rejection) => {
                    ensure_eq!(rejection, reason, "reason why student {student} is not in course {course}");
                    Ok(0)
                }
            }
        }
    });
    Ok(run_concurrently(tasks).await?.iter().sum())
}

async fn one_of_many_students_gets_the_last_place(log: Log) -> Outcome {
    for round in 0..log.rounds(5) {
        ensure_accepted!(define(&log, round, 3).await?, "the course of round {round}");
        for student in 0..2 {
            ensure_accepted!(
                subscribe(&log, 1_000_000 + round * 2 + student, round).await?,
                "one of the first two students"
            );
        }
        let attempts = (0..20).map(|student| (round * 20 + student, round)).collect();
        let accepted = race(&log, attempts, "the course is full").await?;
        ensure_eq!(accepted, 1, "students that got the last place in round {round}");
        let course = course_tag(round);
        let subscribed = log.read_one(read(&["student_subscribed"], &[&course])).await?.records;
        ensure_eq!(subscribed.len(), 3, "students in a course for three");
    }
    Ok(())
}

async fn concurrent_subscriptions_of_one_student_respect_the_limit(log: Log) -> Outcome {
    for course in 0..8 {
        ensure_accepted!(define(&log, course, 1_000_000).await?, "course {course}");
    }
    for student in 0..log.rounds(5) {
        let attempts = (0..8).map(|course| (student, course)).collect();
        let accepted = race(&log, attempts, "too many courses").await?;
        ensure_eq!(accepted, MAX_COURSES, "accepted subscriptions of one student to eight courses");
    }
    Ok(())
}

async fn capacity_changes_during_subscriptions(log: Log) -> Outcome {
    ensure_accepted!(define(&log, 1, 100).await?, "the course");
    let handle = log.open_handle().await?;
    let lowering = tokio::spawn(async move {
        for capacity in (5..40).rev().step_by(5) {
            change_capacity(&handle, 1, capacity).await?.ok();
        }
        Ok::<_, crate::Failure>(())
    });
    race(&log, (0..30).map(|student| (student, 1)).collect(), "the course is full").await?;
    lowering.await.map_err(crate::failure::panicked)??;
    // In the order of the log, every event must obey the rule of its decision.
    let (mut capacity, mut subscribed) = (0, 0);
    for record in log.read_one(annalist_core::store::Read::all(course_criteria("course:1"))).await?.records {
        match &*record.name {
            "student_subscribed" => subscribed += 1,
            _ => capacity = number(&record),
        }
        ensure!(
            subscribed <= capacity,
            "at {} a course for {capacity} has {subscribed} students",
            record.position
        );
    }
    Ok(())
}
