//! The transactional producer's calls.
