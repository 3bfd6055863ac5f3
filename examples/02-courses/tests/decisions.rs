//! The decisions: given events, when a command is executed, then events or an error.
#![allow(clippy::unwrap_used)] // in helper functions too

use annalist::testing::given;
use courses::{
    aggregate::Course,
    command::{ChangeCapacity, DefineCourse, Subscribe},
    decide::{CourseError, MAX_COURSES},
    event::{CapacityChanged, CourseDefined, CourseId, StudentId, StudentSubscribed},
};

fn course(name: &str) -> CourseId {
    name.parse().unwrap()
}

fn student(name: &str) -> StudentId {
    name.parse().unwrap()
}

fn defined(name: &str, capacity: u32) -> CourseDefined {
    CourseDefined { course: course(name), capacity }
}

fn subscribed(name: &str, student_name: &str) -> StudentSubscribed {
    StudentSubscribed { course: course(name), student: student(student_name) }
}

fn subscribe(name: &str, student_name: &str) -> Subscribe {
    Subscribe { course: course(name), student: student(student_name) }
}

#[test]
fn a_course_is_defined_once() {
    let define = DefineCourse { course: course("rust"), capacity: 2 };
    given(()).when(define.clone()).then(defined("rust", 2));
    given(defined("rust", 7)).when(define).then_err(CourseError::Exists(course("rust")));
}

#[test]
fn capacity_changes_but_never_below_the_number_of_students() {
    let change = |capacity| ChangeCapacity { course: course("rust"), capacity };
    given(()).when(change(1)).then_err(CourseError::Unknown(course("rust")));
    given(defined("rust", 2)).when(change(2)).then_nothing();
    given(defined("rust", 2)).when(change(3)).then(CapacityChanged { course: course("rust"), capacity: 3 });
    given((defined("rust", 2), [subscribed("rust", "ann"), subscribed("rust", "bob")]))
        .when(change(1))
        .then_err(CourseError::TooSmall { course: course("rust"), taken: 2 });
}

#[test]
fn a_student_takes_a_course() {
    given(defined("rust", 1))
        .when(subscribe("rust", "ann"))
        .then(subscribed("rust", "ann"))
        .then_state::<Course>(&course("rust"), |course| assert_eq!(course.taken, 1));
}

#[test]
fn unknown_course_is_rejected() {
    given(()).when(subscribe("rust", "ann")).then_err(CourseError::Unknown(course("rust")));
}

#[test]
fn full_course_is_rejected() {
    given((defined("rust", 1), subscribed("rust", "ann")))
        .when(subscribe("rust", "bob"))
        .then_err(CourseError::Full(course("rust")));
}

#[test]
fn second_subscription_is_rejected() {
    given((defined("rust", 9), subscribed("rust", "ann")))
        .when(subscribe("rust", "ann"))
        .then_err(CourseError::Already { student: student("ann"), course: course("rust") });
}

#[test]
fn more_courses_than_allowed_are_rejected() {
    let names = ["a", "b", "c", "d", "e"];
    assert_eq!(names.len(), MAX_COURSES);
    given((defined("rust", 9), names.map(|name| subscribed(name, "ann")).to_vec()))
        .when(subscribe("rust", "ann"))
        .then_err(CourseError::TooMany(student("ann")));
}
