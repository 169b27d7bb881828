//! `steward demo`: a broker, a mesh with planted faults and the real daemon in one process, and what it found.

pub mod mesh; // six products, their contracts and their faults
pub mod broker; // Kafka in memory
pub mod registry; // the schemas of the mesh, as a schema registry has them
pub mod encode; // records as JSON or Avro
pub mod produce; // live producers that plant
pub mod faults; // the planter's book
pub mod found; // what a consumer of the governance topic reads
pub mod governed; // the daemon beside them, and what its REST says
pub mod table; // the live view
pub mod report; // planted against found, and what to do next
pub mod show; // one demo, from its first line to its last
