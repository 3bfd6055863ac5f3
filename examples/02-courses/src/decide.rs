//! The rules.

use crate::{
    aggregate::{Course, Student},
    command::{ChangeCapacity, DefineCourse, Subscribe},
    event::{CapacityChanged, CourseDefined, CourseId, StudentId, StudentSubscribed},
};

/// How many courses one student may take.
pub const MOST_COURSES: usize = 5;

/// Why not.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CourseError {
    /// The name is taken.
    #[error("there is a course `{0}` already")]
    Exists(CourseId),
    /// There is no such course.
    #[error("there is no course `{0}`")]
    Unknown(CourseId),
    /// No place is left.
    #[error("`{0}` is full")]
    Full(CourseId),
    /// More students take it than the new capacity allows.
    #[error("{taken} students take `{course}` already")]
    TooSmall {
        /// The course.
        course: CourseId,
        /// How many take it.
        taken: u32,
    },
    /// Once is enough.
    #[error("{student} takes `{course}` already")]
    Already {
        /// The student.
        student: StudentId,
        /// The course.
        course: CourseId,
    },
    /// Enough is enough.
    #[error("{0} takes {MOST_COURSES} courses already")]
    TooMany(StudentId),
}

impl Course {
    pub(crate) fn define(&self, command: &DefineCourse) -> Result<CourseDefined, CourseError> {
        match self.capacity {
            Some(_) => Err(CourseError::Exists(self.id.clone())),
            None => Ok(CourseDefined { course: self.id.clone(), capacity: command.capacity }),
        }
    }

    /// No event if nothing changes.
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

/// One decision over a course and a student.
pub(crate) fn subscribe(
    (course, student): (&Course, &Student),
    _: &Subscribe,
) -> Result<StudentSubscribed, CourseError> {
    let capacity = course.capacity.ok_or_else(|| CourseError::Unknown(course.id.clone()))?;
    if student.courses.contains(&course.id) {
        return Err(CourseError::Already { student: student.id.clone(), course: course.id.clone() });
    }
    if student.courses.len() >= MOST_COURSES {
        return Err(CourseError::TooMany(student.id.clone()));
    }
    if course.taken >= capacity {
        return Err(CourseError::Full(course.id.clone()));
    }
    Ok(StudentSubscribed { course: course.id.clone(), student: student.id.clone() })
}
