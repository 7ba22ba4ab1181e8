//! Text for people.

pub mod line;
pub mod terminal;
pub mod text;
pub mod time;
pub mod uses;
