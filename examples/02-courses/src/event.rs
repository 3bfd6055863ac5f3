//! The events, each a struct of its own.

use annalist::prelude::*;

/// A course, by its short name.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct CourseId(String);

/// A student, by name.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct StudentId(String);

/// A course was defined.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "course.defined")]
pub struct CourseDefined {
    /// The course.
    #[id]
    pub course: CourseId,
    /// The maximum number of students.
    pub capacity: u32,
}

/// The capacity of a course changed.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "course.capacity-changed")]
pub struct CapacityChanged {
    /// The course.
    #[id]
    pub course: CourseId,
    /// The maximum number of students.
    pub capacity: u32,
}

/// A student subscribed to a course. The event belongs to both.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "student.subscribed")]
pub struct StudentSubscribed {
    /// The course.
    #[id]
    pub course: CourseId,
    /// The student.
    #[id]
    pub student: StudentId,
}
