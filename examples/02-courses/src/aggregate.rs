//! The states of decisions.

use annalist::Aggregate;

use crate::event::{CapacityChanged, CourseDefined, CourseId, StudentId, StudentSubscribed};

/// A course: whether it exists and how full it is.
#[derive(Aggregate, Debug)]
#[aggregate(on(
    CourseDefined => Course::defined,
    CapacityChanged => Course::capacity_changed,
    StudentSubscribed => Course::subscribed,
))]
pub struct Course {
    #[id]
    pub(crate) id: CourseId,
    pub(crate) capacity: Option<u32>,
    /// The number of students in the course.
    pub taken: u32,
}

impl Course {
    fn defined(&mut self, event: &CourseDefined) {
        self.capacity = Some(event.capacity);
    }

    fn capacity_changed(&mut self, event: &CapacityChanged) {
        self.capacity = Some(event.capacity);
    }

    fn subscribed(&mut self, _: &StudentSubscribed) {
        self.taken += 1;
    }
}

/// A student and their courses.
#[derive(Aggregate, Debug)]
#[aggregate(on(StudentSubscribed => Student::subscribed))]
pub struct Student {
    #[id]
    pub(crate) id: StudentId,
    /// The courses of the student.
    pub courses: Vec<CourseId>,
}

impl Student {
    fn subscribed(&mut self, event: &StudentSubscribed) {
        self.courses.push(event.course.clone());
    }
}
