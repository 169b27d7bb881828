//! Pages: the same URLs as REST, for people. Rendered here from what the board knows; they decide and keep nothing.

pub mod routes; // who gets a page, and who gets JSON
pub mod answer; // headers of a page: policy, tag, compression
pub mod asset; // the style sheet and the script
pub mod frame; // head, navigation and foot around every page
pub mod seen; // one product, with all that its page says
pub mod explore; // /
pub mod product; // /products/{domain}/{name}
pub mod rules; // its rules and promises
pub mod fields; // what its values look like
pub mod incidents; // /incidents
pub mod verdict; // shape and word
pub mod ribbon; // one tick a window
pub mod words; // counts, ages, shares
