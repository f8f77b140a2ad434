//! The Unix user behind a request over the socket, in words.
//!
//! The kernel gives the uid (`SO_PEERCRED`); `/etc/passwd` gives its name. Nothing that the client
//! sends, and no variable of its environment, counts: anybody could write another name there.

use std::fs;

use crate::http::Peer;

/// The file of the users of this machine.
const PASSWD: &str = "/etc/passwd";

/// The actor of a request: `local:ada (uid 1000)`, or `local:uid 1000` for a uid without a name.
pub(super) fn actor_of(peer: Option<&Peer>) -> String {
    let Some(Peer::Unix(Some(uid))) = peer else {
        return "local:unknown".to_owned();
    };
    let users = fs::read_to_string(PASSWD).unwrap_or_default();
    match name_of(*uid, &users) {
        Some(name) => format!("local:{name} (uid {uid})"),
        None => format!("local:uid {uid}"),
    }
}

/// The name of a uid in the text of `/etc/passwd`: `ada:x:1000:1000::/home/ada:/bin/sh`.
fn name_of(uid: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (!name.is_empty() && id.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_has_the_first_name_that_the_file_gives_it() {
        let users = "root:x:0:0:root:/root:/bin/bash\n# 7\n:x:9:\nada:x:1000:1000:Ada:/home/ada:\n\
                     also:x:1000:1000::/:\nodd:x\nbad:x:one:1\n";
        assert_eq!(name_of(0, users), Some("root"));
        assert_eq!(name_of(1000, users), Some("ada"));
        assert_eq!(name_of(1, users), None);
        assert_eq!(name_of(9, users), None);
    }

    #[test]
    fn an_unknown_uid_is_shown_and_no_peer_is_unknown() {
        let nobody = u32::MAX - 7;
        assert_eq!(
            actor_of(Some(&Peer::Unix(Some(nobody)))),
            format!("local:uid {nobody}")
        );
        assert_eq!(actor_of(Some(&Peer::Unix(None))), "local:unknown");
        assert_eq!(actor_of(None), "local:unknown");
    }
}
