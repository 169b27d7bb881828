//! The schema of a topic, as OpenLineage words it: fields in their order, nested ones below them.

use crate::engine::contract::described::{Dataset, Field};
use crate::engine::event::envelope::{clip, json};
use crate::engine::event::lineage::speaker::{facet, fitting};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What all fields may weigh: half of what an event may.
const FIELDS_BYTES: usize = 256 * 1024;

/// `schema`. Where it would be too large, descriptions go first, then nested fields, then the last fields: `omitted`
/// counts those.
pub fn schema(dataset: &Dataset) -> Value {
    let whole = fields(&dataset.fields, true, true);
    let fits = |fields: &Value| json(fields).len() <= FIELDS_BYTES;
    let told = match fits(&whole) {
        true => whole,
        false => Some(fields(&dataset.fields, false, true))
            .filter(fits)
            .unwrap_or_else(|| fields(&dataset.fields, false, false)),
    };
    let mut left = FIELDS_BYTES;
    let all = told.as_array().cloned().unwrap_or_default();
    let (kept, omitted) = fitting(all, &mut left);
    let mut facet = facet("SchemaDatasetFacet", "1-2-0", json!({ "fields": kept }));
    if omitted > 0 {
        facet["omitted"] = json!(omitted);
    }
    facet
}

/// Equal for equal schemas; the texts in them do not count.
pub fn digest(dataset: &Dataset) -> [u8; 8] {
    let mut digest = [0; 8];
    digest.copy_from_slice(&Sha256::digest(json(&fields(&dataset.fields, false, true)))[..8]);
    digest
}

fn fields(of: &[Field], texts: bool, nested: bool) -> Value {
    let one = |(i, field): (usize, &Field)| {
        let mut told = json!({ "name": clip(&field.name), "ordinal_position": i + 1 });
        if let Some(kind) = &field.kind {
            told["type"] = json!(clip(kind));
        }
        if let Some(text) = field.text.as_ref().filter(|_| texts) {
            told["description"] = json!(clip(text));
        }
        if nested && !field.fields.is_empty() {
            told["fields"] = fields(&field.fields, texts, nested);
        }
        told
    };
    of.iter().enumerate().map(one).collect()
}
