//! units_of_work
