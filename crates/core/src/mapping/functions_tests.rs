//! Functions and filters: their results, absent values, and invalid inputs.

use minijinja::context;

use super::*;

fn eval(source: &str) -> Result<Value, Error> {
    let mut environment = Environment::new();
    add_to(&mut environment);
    let expression = environment.compile_expression(source)?;
    let tables = context! { sites => context! { L1 => "Berlin" } };
    expression.eval(context! { given => "Zoë", absent => (), tables })
}

#[test]
fn each_function_gives_the_result_of_the_docs() {
    for (source, expected) in [
        ("lower('ÄB') + upper('ä')", "äbÄ"),
        ("given | ascii | lower", "zoe"),
        ("left(given, 1) + right(given, 1)", "Zë"),
        ("replace('a.b', '.', '-')", "a-b"),
        ("concat('a', absent, 7, true)", "a7true"),
        ("coalesce(absent, '', ' ', 'x', 'y')", "x"),
        ("default(absent, 'x') + ('' | d('y'))", "xy"),
        ("[absent, 'a', '', 'b'] | join(' ')", "a b"),
        ("date('2026-12-01', '%d.%m.%Y')", "01.12.2026"),
        ("unix_seconds('2026-12-01')", "1796083200"),
        ("'a,b' | split(',') | last", "b"),
        ("('0042' | int) + 1", "43"),
        (
            "lookup('sites', 'L1', 'x') + lookup('sites', 'L2', 'x') \
             + lookup('sites', absent, 'y')",
            "Berlinxy",
        ),
        ("lookup({'a': 'b'}, 'a')", "b"),
        ("slug('R&D Süd') + initials('Anna-Lena')", "r-d-suedAL"),
    ] {
        assert_eq!(eval(source).unwrap().to_string(), expected, "{source}");
    }
}

#[test]
fn an_absent_value_stays_absent() {
    for source in [
        "lower(absent)",
        "upper(absent)",
        "trim(absent)",
        "ascii(absent)",
        "slug(absent)",
        "initials(absent)",
        "left(absent, 1)",
        "right(absent, 1)",
        "replace(absent, 'a', 'b')",
        "concat(absent, absent)",
        "coalesce(absent)",
        "join([absent])",
        "join(absent)",
        "date(absent, '%Y')",
        "unix_seconds(absent)",
        "absent | split(',')",
        "absent | int",
        "lookup('sites', absent)",
    ] {
        assert!(eval(source).unwrap().is_none(), "{source}");
    }

    assert!(
        eval("absent is absent and '' is absent and given is defined")
            .unwrap()
            .is_true()
    );
}

#[test]
fn an_invalid_input_is_an_error_that_does_not_quote_it() {
    for source in [
        "lower(['secret'])",
        "date('secret', '%Y')",
        "date('2026-12-01', '%H %Z')",
        "unix_seconds('secret')",
        "replace('secret', '', 'x')",
        "replace('a' * 9000, 'a', 'bb')",
        "'secret' | int",
        "lookup('secret', 'a')",
        "'secret' | join",
    ] {
        let error = eval(source).expect_err(source);
        let error_text = std::error::Error::source(&error)
            .and_then(|source| source.downcast_ref::<InputError>());
        assert!(
            error_text.is_some_and(|text| !text.to_string().contains("secret")),
            "{source}: {error:?}"
        );
    }
}
