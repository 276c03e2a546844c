//! Annotated video as a file.
