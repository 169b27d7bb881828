//! Numbers of chance for tests, alike in every run: a multiplicative generator.

/// Uniform in 0 to 1.
pub fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Near enough to normal: twelve uniform ones.
pub fn normal(dice: &mut impl FnMut() -> f64) -> f64 {
    (0..12).map(|_| dice()).sum::<f64>() - 6.0
}
