//! Configuration: as typed, then usable; everything wrong is said at once.

pub mod raw; // as typed: defaults < file < environment
pub mod secret; // ${env:…}, ${file:…}, ${dir:…}; never printed
pub mod usable; // checked once, then trusted
