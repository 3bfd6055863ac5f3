//! The rules.

use crate::{
    aggregate::{Course, Student},
    command::{ChangeCapacity, DefineCourse, Subscribe},
    event::{CapacityChanged, CourseDefined, CourseId, StudentId, StudentSubscribed},
};

/// The maximum number of courses of one student.
pub const MAX_COURSES: usize = 5;

/// Why a command is rejected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CourseError {
    /// The name is already used.
    #[error("there is a course `{0}` already")]
    Exists(CourseId),
    /// There is no such course.
    #[error("there is no course `{0}`")]
    Unknown(CourseId),
    /// The course is full.
    #[error("`{0}` is full")]
    Full(CourseId),
    /// The course has more students than the new capacity allows.
    #[error("{taken} students take `{course}` already")]
    TooSmall {
        /// The course.
        course: CourseId,
        /// The number of students in the course.
        taken: u32,
    },
    /// The student already takes the course.
    #[error("{student} takes `{course}` already")]
    Already {
        /// The student.
        student: StudentId,
        /// The course.
        course: CourseId,
    },
    /// The student already takes the maximum number of courses.
    #[error("{0} takes {MAX_COURSES} courses already")]
    TooMany(StudentId),
}

impl Course {
    pub(crate) fn define(&self, command: &DefineCourse) -> Result<CourseDefined, CourseError> {
        match self.capacity {
            Some(_) => Err(CourseError::Exists(self.id.clone())),
            None => Ok(CourseDefined { course: self.id.clone(), capacity: command.capacity }),
        }
    }

    /// Returns no event if the capacity is unchanged.
    pub(crate) fn change_capacity(
        &self,
        command: &ChangeCapacity,
    ) -> Result<Option<CapacityChanged>, CourseError> {
        let capacity = self.capacity.ok_or_else(|| CourseError::Unknown(self.id.clone()))?;
        if command.capacity < self.taken {
            return Err(CourseError::TooSmall { course: self.id.clone(), taken: self.taken });
        }
        let changed = CapacityChanged { course: self.id.clone(), capacity: command.capacity };
        Ok((capacity != command.capacity).then_some(changed))
    }
}

/// Decides over a course and a student.
pub(crate) fn subscribe(
    (course, student): (&Course, &Student),
    _: &Subscribe,
) -> Result<StudentSubscribed, CourseError> {
    let capacity = course.capacity.ok_or_else(|| CourseError::Unknown(course.id.clone()))?;
    if student.courses.contains(&course.id) {
        return Err(CourseError::Already { student: student.id.clone(), course: course.id.clone() });
    }
    if student.courses.len() >= MAX_COURSES {
        return Err(CourseError::TooMany(student.id.clone()));
    }
    if course.taken >= capacity {
        return Err(CourseError::Full(course.id.clone()));
    }
    Ok(StudentSubscribed { course: course.id.clone(), student: student.id.clone() })
}
