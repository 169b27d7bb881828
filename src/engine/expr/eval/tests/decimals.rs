//! Confluent's decimals, as `java.math.BigDecimal` answers.

use super::check;

#[test]
fn a_decimal_is_made_of_texts_numbers_and_bytes() {
    check(&[
        ("decimal('2.50')", "confluent.type.Decimal 2.50"),
        ("decimal('-.5e-1')", "confluent.type.Decimal -0.05"),
        ("decimal('1E+3')", "confluent.type.Decimal 1000"),
        ("decimal('+007.')", "confluent.type.Decimal 7"),
        ("decimal(message.d)", "confluent.type.Decimal 2.5"),
        ("decimal(message.i)", "confluent.type.Decimal 7"),
        ("decimal(message.huge)", "confluent.type.Decimal 18446744073709551615"),
        ("decimal(message.exact)", "confluent.type.Decimal 12345678901234567890.123456789"),
        ("decimal(0.1 + 0.2)", "confluent.type.Decimal 0.30000000000000004"),
        ("decimal(2.0)", "confluent.type.Decimal 2.0"),
        ("decimal(1e22)", "confluent.type.Decimal 10000000000000000000000"),
        ("decimal(b'\\x07\\xcf', 2)", "confluent.type.Decimal 19.99"),
        ("decimal(b'\\xff', 0)", "confluent.type.Decimal -1"),
        ("decimal(b'', 2)", "confluent.type.Decimal 0.00"),
        ("decimal(decimal('1'))", "confluent.type.Decimal 1"),
        ("decimal('1e2000')", "error: overflow"),
        ("decimal('0e2000')", "confluent.type.Decimal 0"),
        ("decimal('1_0')", "error: invalid argument"),
        ("decimal(' 1')", "error: invalid argument"),
        ("decimal('.')", "error: invalid argument"),
        ("decimal('1e')", "error: invalid argument"),
        ("decimal(1.0 / 0.0)", "error: invalid argument"),
        ("decimal(b'a')", "error"),
        ("decimal(true)", "error"),
        ("decimal(message.n)", "error"),
        ("decimal('1', 2)", "error"),
        ("decimal()", "mistake"),
    ]);
}

#[test]
fn sums_and_products_are_exact_and_quotients_have_38_digits() {
    check(&[
        ("decimals.add(decimal('0.1'), decimal('0.20'))", "confluent.type.Decimal 0.30"),
        ("decimals.sub(decimal('1'), decimal('1e-30'))", "confluent.type.Decimal 0.999999999999999999999999999999"),
        ("decimals.mul(decimal('1.10'), decimal('-2.0'))", "confluent.type.Decimal -2.200"),
        ("decimals.div(decimal('1'), decimal('3'))", "confluent.type.Decimal 0.33333333333333333333333333333333333333"),
        (
            "decimals.div(decimal('-2'), decimal('3'))",
            "confluent.type.Decimal -0.66666666666666666666666666666666666667",
        ),
        ("decimals.div(decimal('1.00'), decimal('2'))", "confluent.type.Decimal 0.50"),
        ("decimals.div(decimal('100'), decimal('10'))", "confluent.type.Decimal 10"),
        (
            "decimals.div(decimal('1e3'), decimal('7e-3'))",
            "confluent.type.Decimal 142857.14285714285714285714285714285714",
        ),
        ("decimals.div(decimal('0'), decimal('7.00'))", "confluent.type.Decimal 0"),
        // Rounding up makes a digit more: the last 38 of 39 nines.
        (
            "decimals.div(decimal('999999999999999999999999999999999999995'), decimal('1'))",
            "confluent.type.Decimal 1000000000000000000000000000000000000000",
        ),
        ("decimals.div(decimal('1'), decimal('0.0'))", "error: division by zero"),
        ("decimals.sqrt(decimal('2'))", "confluent.type.Decimal 1.4142135623730950488016887242096980786"),
        ("decimals.sqrt(decimal('4.00'))", "confluent.type.Decimal 2.0"),
        ("decimals.sqrt(decimal('0.4'))", "confluent.type.Decimal 0.63245553203367586639977870888654370674"),
        ("decimals.sqrt(decimal('-1'))", "error"),
        ("decimals.neg(decimal('1.0'))", "confluent.type.Decimal -1.0"),
        ("decimals.abs(decimal('-1.0'))", "confluent.type.Decimal 1.0"),
        ("decimals.sign(decimal('-1.0')) + decimals.sign(decimal('0.0'))", "int -1"),
        ("decimals.mul(decimal('1e900'), decimal('1e900'))", "error: overflow"),
        ("decimals.add('1', '2')", "error: no such overload"),
    ]);
}

#[test]
fn digits_are_rounded_as_asked() {
    check(&[
        ("decimals.round(decimal('2.5'))", "confluent.type.Decimal 3"),
        ("decimals.round(decimal('-2.5'))", "confluent.type.Decimal -3"),
        ("decimals.round(decimal('2.4999'))", "confluent.type.Decimal 2"),
        ("decimals.round(decimal('2.345'), 2)", "confluent.type.Decimal 2.35"),
        ("decimals.round(decimal('2'), 2)", "confluent.type.Decimal 2.00"),
        ("decimals.round(decimal('1250'), -2)", "confluent.type.Decimal 1300"),
        ("decimals.trunc(decimal('-2.7'))", "confluent.type.Decimal -2"),
        ("decimals.trunc(decimal('2.79'), 1)", "confluent.type.Decimal 2.7"),
        ("decimals.trunc(decimal('2.7'), 5)", "confluent.type.Decimal 2.7"),
        ("decimals.floor(decimal('-2.1'))", "confluent.type.Decimal -3"),
        ("decimals.ceil(decimal('-2.9'))", "confluent.type.Decimal -2"),
        ("decimals.ceil(decimal('2.1'))", "confluent.type.Decimal 3"),
        ("decimals.round(decimal('1'), 2000)", "error: overflow"),
        ("decimals.round(decimal('1'), '2')", "error"),
    ]);
}

#[test]
fn equality_is_of_numbers_and_order_has_functions_of_its_own() {
    check(&[
        ("decimal('2.0') == decimal('2.00')", "true"),
        ("decimal('2.0') != decimal('2.01')", "true"),
        ("decimal('2.5') == message.d", "true"),
        ("decimal('1') in [decimal('1.0')]", "true"),
        ("decimal('1') == '1'", "false"),
        ("decimals.eq(decimal('2.0'), decimal('2.00'))", "true"),
        ("decimals.lt(message.d, decimal('2.51'))", "true"),
        ("decimals.le(message.d, decimal('2.5'))", "true"),
        ("decimals.gt(message.d, decimal('2.5'))", "false"),
        ("decimals.ge(message.d, decimal('2.5'))", "true"),
        ("decimals.gt(message.exact, decimal('12345678901234567890.123456788'))", "true"),
        ("message.exact > 12345678901234567890.0", "false"),
        ("decimal('1') < decimal('2')", "error: no such overload"),
        ("decimal('1') + decimal('2')", "error: no such overload"),
        ("string(decimal('1E+3')) + '!'", "string 1000!"),
        ("double(decimal('2.50'))", "double 2.5"),
        ("message.l.all(x, decimals.gt(decimal(x), decimal('0.5')))", "true"),
        ("decimals.of('1')", "mistake"),
        ("decimals.add(decimal('1'))", "mistake"),
    ]);
}
