//! What may be asked.

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
    /// Its name, which no course may have yet.
    #[id]
    pub course: CourseId,
    /// How many students it takes.
    pub capacity: u32,
}

/// Makes a course larger or smaller.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Course::change_capacity, error = CourseError)]
pub struct ChangeCapacity {
    /// The course.
    #[id]
    pub course: CourseId,
    /// How many students it takes.
    pub capacity: u32,
}

/// A student wants to take a course.
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
