//! JSON within limits: no member twice, no endless text, a bounded size in memory.
//!
//! RFC 8259 section 4 leaves open what an object with a repeated name means, and parsers differ:
//! the one who signs may see the first value, and we the last. A parsed document also takes many
//! times the bytes of its text. [`is_plain`] tells in one pass, without a document, whether there
//! is anything to look for; [`parse`] and [`parse_bounded`] build the document.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A document, and what it repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The document; of a repeated member it has the last value.
    pub value: Value,
    /// JSON pointers (RFC 6901) of the members that stand in their object more than once.
    pub repeated: Vec<String>,
}

/// The bytes that one value takes in memory, beside its text.
const VALUE_SIZE: usize = size_of::<Value>();
/// The bytes that one member takes, beside its value and the text of its name.
const MEMBER_SIZE: usize = size_of::<String>() + VALUE_SIZE;

/// How many repeated members are named.
const MAX_REPEATED: usize = 20;

/// Parses a document. It takes at most `memory` bytes, as far as that can be estimated.
pub fn parse(text: &[u8], memory: usize) -> Result<Parsed, serde_json::Error> {
    let mut state = State {
        path: Vec::new(),
        repeated: Vec::new(),
        memory,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Node(&mut state).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Parsed {
        value,
        repeated: state.repeated,
    })
}

/// Parses a document in which a repeated member does not matter: the last value counts.
pub fn parse_bounded(text: &[u8], memory: usize) -> Result<Value, serde_json::Error> {
    parse(text, memory).map(|parsed| parsed.value)
}

/// The form that [`is_plain`] accepts.
#[derive(Clone, Copy, Debug)]
pub struct PlainForm {
    /// The most bytes of a text.
    pub max_text: usize,
    /// The names of the members that may be lists; the document itself may be one, too.
    pub lists: &'static [&'static str],
    /// The name of the member below which anything may be a list.
    pub free: &'static str,
}

/// Whether no object has a member twice, each text is short enough and without NUL, and lists stand
/// only where they may. `false` also for a text that is no JSON.
pub fn is_plain(text: &[u8], form: &PlainForm) -> bool {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let document = Plain {
        form,
        may_be_list: true,
        is_free: false,
    };
    document.deserialize(&mut deserializer).is_ok() && deserializer.end().is_ok()
}

/// Escapes a token of a JSON pointer (RFC 6901 section 3).
pub fn escape_token(token: &str) -> Cow<'_, str> {
    if token.contains(['~', '/']) {
        Cow::Owned(token.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(token)
    }
}

/// The state of a parse, which each value changes.
struct State {
    path: Vec<String>,
    repeated: Vec<String>,
    /// The bytes that the rest of the document may take.
    memory: usize,
}

impl State {
    fn take<E: serde::de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        match self.memory.checked_sub(bytes) {
            Some(left) => {
                self.memory = left;
                Ok(())
            }
            None => Err(E::custom("the document is too large")),
        }
    }

    fn note_repeated(&mut self, name: &str) {
        if self.repeated.len() < MAX_REPEATED {
            let mut pointer = String::new();
            for token in self.path.iter().map(String::as_str).chain([name]) {
                pointer.push('/');
                pointer.push_str(&escape_token(token));
            }
            self.repeated.push(pointer);
        }
    }
}

/// Builds one value.
struct Node<'s>(&'s mut State);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.take(VALUE_SIZE)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.0.take(text.len())?;
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        self.0.path.push(String::new());
        loop {
            if let Some(token) = self.0.path.last_mut() {
                *token = array.len().to_string();
            }
            match elements.next_element_seed(Node(&mut *self.0))? {
                Some(element) => array.push(element),
                None => break,
            }
        }
        self.0.path.pop();
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            self.0.take(MEMBER_SIZE + name.len())?;
            if object.contains_key(&name) {
                self.0.note_repeated(&name);
            }
            self.0.path.push(name);
            let value = members.next_value_seed(Node(&mut *self.0))?;
            let name = self.0.path.pop().unwrap_or_default();
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// Looks through one value, and keeps nothing of it but the names of the current object.
#[derive(Clone, Copy)]
struct Plain<'f> {
    form: &'f PlainForm,
    may_be_list: bool,
    /// Whether everything below may be a list, too.
    is_free: bool,
}

impl Plain<'_> {
    fn check<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text.len() > self.form.max_text || text.contains('\0') {
            return Err(E::custom("the text is too long, or has a NUL"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Plain<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.check(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        if !self.may_be_list {
            return Err(A::Error::custom("a list stands where none may be"));
        }
        let element = Self {
            may_be_list: self.is_free,
            ..self
        };
        while elements.next_element_seed(element)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names: Vec<Cow<'de, str>> = Vec::new();
        while let Some(name) = members.next_key_seed(Name)? {
            self.check(&name)?;
            let is_free = self.is_free || name == self.form.free;
            let member = Self {
                may_be_list: is_free || self.form.lists.contains(&name.as_ref()),
                is_free,
                ..self
            };
            names.push(name);
            members.next_value_seed(member)?;
        }

        names.sort_unstable();
        if names
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a == b))
        {
            return Err(A::Error::custom("a member stands twice"));
        }
        Ok(())
    }
}

/// The name of a member, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLENTY: usize = 1024 * 1024;

    fn is_plain(text: &[u8], max_text: usize) -> bool {
        let form = PlainForm {
            max_text,
            lists: &["list"],
            free: "free",
        };
        super::is_plain(text, &form)
    }

    #[test]
    fn a_member_that_stands_twice_is_named_at_any_depth() {
        let text = br#"{"id":"a","data":{"x/y":1,"list":[0,{"n":1,"n":2}],"x/y":2},"id":"b"}"#;
        let parsed = parse(text, PLENTY).expect("JSON");

        assert_eq!(parsed.value["id"], "b");
        assert_eq!(parsed.repeated, ["/data/list/1/n", "/data/x~1y", "/id"]);
        assert!(!is_plain(text, 100));
        assert!(is_plain(br#"[{"n":1},{"n":2,"m":{"n":null}}]"#, 100));
        // The same name, written in two ways.
        assert!(!is_plain(br#"{"n":1,"\u006e":2}"#, 100));
    }

    #[test]
    fn a_long_text_and_a_nul_are_not_plain() {
        assert!(is_plain("[\"\u{e9}\"]".as_bytes(), 2));
        assert!(!is_plain("[\"\u{e9}x\"]".as_bytes(), 2));
        assert!(!is_plain(br#"["\u0000"]"#, 100));
        assert!(!is_plain(br#"{"\u0000":1}"#, 100));
        assert!(!is_plain(b"[1] 2", 100) && !is_plain(b"[1", 100));
    }

    #[test]
    fn a_list_stands_only_where_it_may() {
        for (text, plain) in [
            (r#"[{"list":[{"a":1}]}]"#, true),
            (r#"{"free":[[{"a":[]}]]}"#, true),
            (r#"{"a":{"free":{"b":[1]}}}"#, true),
            (r#"{"a":[]}"#, false),
            ("[[]]", false),
            (r#"{"list":[[]]}"#, false),
            (r#"{"list":[{"a":[]}]}"#, false),
        ] {
            assert_eq!(is_plain(text.as_bytes(), 100), plain, "{text}");
        }
    }

    #[test]
    fn a_document_is_refused_before_it_takes_more_memory_than_it_may() {
        let many = format!("[{}0]", "0,".repeat(10_000));
        assert!(parse(many.as_bytes(), 100_000).is_err());
        assert!(parse(many.as_bytes(), PLENTY).is_ok());

        let deep = "[".repeat(200) + &"]".repeat(200);
        assert!(parse(deep.as_bytes(), PLENTY).is_err());
        let text = format!("\"{}\"", "x".repeat(1000));
        assert!(parse(text.as_bytes(), 900).is_err());
    }

    #[test]
    fn a_document_equals_what_serde_json_reads() {
        let text =
            r#"{"a":[1,-2,3.5,1e300,true,null,"\u00e9\n"],"b":{"c":{}},"d":18446744073709551615}"#;
        let expected: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(
            parse(text.as_bytes(), PLENTY).expect("JSON").value,
            expected
        );
    }
}
