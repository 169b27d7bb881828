//! Where a page stands: the way back up, each step a link; what it is itself its heading says.

use crate::engine::contract::name::ProductName;
use crate::page::seen::href;
use crate::page::words::encoded;
use maud::{Markup, html};

/// Addresses and names, the topmost first.
pub fn crumbs(steps: &[(&str, &str)]) -> Markup {
    html! {
        nav.crumbs aria-label="You are here" {
            @for (at, (place, name)) in steps.iter().enumerate() {
                @if at > 0 { span aria-hidden="true" { "/" } }
                a href=(place) { (name) }
            }
        }
    }
}

/// To a product: its domain, and where `itself` the product, for what stands below it.
pub fn to_product(product: &ProductName, itself: bool) -> Markup {
    let (domain, place) = (format!("/domains/{}", encoded(&product.domain)), href(product));
    let steps = [("/", "Explore"), (domain.as_str(), product.domain.as_str()), (place.as_str(), product.name.as_str())];
    crumbs(&steps[..if itself { 3 } else { 2 }])
}
