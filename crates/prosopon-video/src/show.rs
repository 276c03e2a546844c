//! A window.
