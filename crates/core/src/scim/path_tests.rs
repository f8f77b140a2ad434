//! Tests of the syntax and the equality of attribute paths.

use super::{AttributePath, CORE_USER, ENTERPRISE_USER};

fn full(text: &str) -> String {
    AttributePath::parse(text).unwrap().into()
}

#[test]
fn short_forms_become_full_paths() {
    assert_eq!(
        full("enterprise.department"),
        format!("{ENTERPRISE_USER}:department")
    );
    assert_eq!(
        full("enterprise.manager.value"),
        format!("{ENTERPRISE_USER}:manager.value")
    );
    assert_eq!(full("emails.work"), r#"emails[type eq "work"].value"#);
    assert_eq!(
        full("phonenumbers.Work"),
        r#"phoneNumbers[type eq "work"].value"#
    );
    assert_eq!(
        full("addresses.work.locality"),
        r#"addresses[type eq "work"].locality"#
    );
    assert_eq!(full(&format!("{CORE_USER}:userName")), "userName");
    assert_eq!(
        full(r#"emails[ type EQ "work" ].value"#),
        r#"emails[type eq "work"].value"#
    );
    assert_eq!(
        full("emails[primary eq false].value"),
        "emails[primary eq false].value"
    );

    assert_eq!(full("manager.$ref"), "manager.$ref");
}

#[test]
fn names_compare_without_case_and_selected_values_with_it() {
    let path = |text| AttributePath::parse(text).unwrap();
    assert_eq!(path("Name.GivenName"), path("name.givenname"));
    assert_eq!(path("emails.work"), path(r#"EMAILS[TYPE eq "work"].Value"#));
    assert_ne!(path(r#"x[type eq "a"].v"#), path(r#"x[type eq "A"].v"#));
}

#[test]
fn an_invalid_path_is_rejected() {
    for text in [
        "",
        ".",
        "a.",
        "a b",
        "a.b.c",
        "1a",
        "addresses.work",
        "enterprise",
        "a[type eq work].v",
        r#"a[type co "x"].v"#,
        r#"a[type eq "x"]v"#,
        r#"a[type eq "x""#,
        "x:y",
        ENTERPRISE_USER,
        r#"a[type eq "x" and b eq "y"].v"#,
        "$rer",
        "a[type eq null].v",
        "é",
    ] {
        assert!(AttributePath::parse(text).is_err(), "{text}");
    }
}

#[test]
fn an_independent_parser_accepts_each_full_form() {
    for text in [
        "userName",
        "name.givenName",
        "emails.work",
        "enterprise.manager.value",
        "addresses.work.locality",
    ] {
        let text = full(text);
        let read: scim_v2::filter::PatchPath = text.parse().unwrap();
        assert_eq!(read.to_string(), text);
        assert_eq!(full(&text), text);
    }
}
