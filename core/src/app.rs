//! The application: executes commands and reads what became of them.
