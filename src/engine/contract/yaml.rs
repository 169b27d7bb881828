//! YAML into a tree that knows its lines.
