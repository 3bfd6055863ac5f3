//! The commands.

use annalist::prelude::*;

use crate::{
    aggregate::{Course, Student},
    decide::{self, CourseError},
    event::{CourseId, StudentId},
};

/// Offers a course.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Course::define, error = CourseError)]
pub struct DefineCourse {
    /// The name of the new course, which must not exist yet.
    #[id]
    pub course: CourseId,
    /// The maximum number of students.
    pub capacity: u32,
}

/// Changes the capacity of a course.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Course::change_capacity, error = CourseError)]
pub struct ChangeCapacity {
    /// The course.
    #[id]
    pub course: CourseId,
    /// The maximum number of students.
    pub capacity: u32,
}

/// Subscribes a student to a course.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = decide::subscribe, error = CourseError)]
pub struct Subscribe {
    /// The course.
    #[id(Course)]
    pub course: CourseId,
    /// The student.
    #[id(Student)]
    pub student: StudentId,
}
