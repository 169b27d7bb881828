//! Lists in the order of products: those of one product, without a look at all the others.

use crate::engine::contract::name::ProductName;

/// `all` stands in the order of what `name` tells.
pub fn of<'a, T>(all: &'a [T], product: &ProductName, name: impl Fn(&T) -> &ProductName) -> &'a [T] {
    let from = all.partition_point(|one| name(one) < product);
    let behind = all.get(from..).unwrap_or_default();
    let number = behind.partition_point(|one| name(one) == product);
    behind.get(..number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_one_product_are_found_wherever_they_stand() {
        let product = |name: &str| ProductName { domain: "shop".into(), name: name.into() };
        let all = ["a", "b", "b", "d"].map(product);
        for (asked, from, number) in [("a", 0, 1), ("b", 1, 2), ("c", 3, 0), ("d", 3, 1), ("e", 4, 0), ("0", 0, 0)] {
            assert_eq!(of(&all, &product(asked), |one| one), &all[from..from + number], "{asked}");
        }
    }
}
