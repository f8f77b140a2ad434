//! Checks the values of filters: a value that selects nothing because it is mistyped is an error.

use super::{ApiError, Ops};
use hirewire_core::{plan::DeadLetterCause, suggest::nearest};

/// Fails for a connection or a cause that does not exist.
pub(super) async fn check(
    ops: &Ops,
    connection: Option<&str>,
    cause: Option<&str>,
) -> Result<(), ApiError> {
    if let Some(cause) = cause
        && DeadLetterCause::parse(cause).is_none()
    {
        let names: Vec<&str> = DeadLetterCause::names().collect();
        return Err(unknown("cause", cause, &names));
    }

    let Some(connection) = connection else {
        return Ok(());
    };
    let configured = ops.parts().connections.keys().cloned();
    // A connection that left the config may still have dead letters.
    let counts = ops.store().dead_letter_counts().await?;
    let filed = counts.into_iter().map(|(connection, ..)| connection);
    let names: Vec<String> = configured
        .chain(filed)
        .filter(|name| !name.is_empty())
        .collect();
    if names.iter().any(|name| name == connection) {
        return Ok(());
    }
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    Err(unknown("connection", connection, &names))
}

fn unknown(what: &str, value: &str, known: &[&str]) -> ApiError {
    let hint = match nearest(value, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.join(", ")),
    };
    ApiError::bad_request(format!("no {what} is named `{value}`; {hint}"))
}
