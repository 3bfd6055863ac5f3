//! What happened, one struct an event.

use annalist::prelude::*;

/// A course, by its short name.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct CourseId(String);

/// A student, by name.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct StudentId(String);

/// There is a new course.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "course.defined")]
pub struct CourseDefined {
    /// The course.
    #[id]
    pub course: CourseId,
    /// How many students it takes.
    pub capacity: u32,
}

/// A course takes more students now, or fewer.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "course.capacity-changed")]
pub struct CapacityChanged {
    /// The course.
    #[id]
    pub course: CourseId,
    /// How many students it takes.
    pub capacity: u32,
}

/// A student takes a course. The event belongs to both.
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
