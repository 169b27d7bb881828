//! ODCS v3 YAML into the model.
