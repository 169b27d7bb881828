//! Mesh-wide policies: rules about contracts and products, not about records (*federated computational governance*, Dehghani, Data
//! Mesh, chapter 5). Written in CEL; what they say is a verdict for each contract or product.

pub mod rule; // a policy, as its file has it
pub mod subject; // what it is asked of
pub mod verdict; // what it says
