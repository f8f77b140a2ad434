//! The parser of filters (RFC 7644 section 3.4.2.2): text in, a tree of resolved attributes out.
//!
//! It finds every error: unknown attributes, operators that do not fit the type, malformed text. So
//! [`super::matching`] cannot fail. Precedence, highest first: `not` and parentheses, `and`, `or`.

use jiff::Timestamp;

use super::attribute::{Attribute, AttributeType, Returned};
use super::lexer::{Token, tokenize};
use super::schema::{AttributePath, ResourceType};
use super::scim_error::{ScimError, ScimResult};

/// How deep parentheses and brackets may be nested, so that a filter cannot exhaust the stack.
const MAX_DEPTH: usize = 24;

/// A filter over resources of one type, or over the values of one complex attribute.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(AttributePath, CompareOperator, CompareValue),
    Present(AttributePath),
    /// `attribute[filter]`: one value of the attribute matches the whole inner filter.
    ValuePath(AttributePath, Box<Filter>),
}

/// The operators of RFC 7644 table 3, without `pr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompareOperator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// The literal of a comparison. A string is in lower case unless the attribute is `caseExact`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CompareValue {
    String(String),
    Boolean(bool),
    Integer(i64),
    DateTime(Timestamp),
    Null,
}

/// The set of attributes in which the parser resolves names.
#[derive(Clone, Copy)]
enum Scope {
    Resource(&'static ResourceType),
    SubAttributes(&'static Attribute),
}

impl Filter {
    /// Parses a filter over resources of this type.
    pub(crate) fn parse(text: &str, resource_type: &'static ResourceType) -> ScimResult<Self> {
        Self::parse_in(text, Scope::Resource(resource_type))
    }

    /// Parses the filter between the brackets of a value path.
    pub(crate) fn parse_value_filter(
        text: &str,
        attribute: &'static Attribute,
    ) -> ScimResult<Self> {
        Self::parse_in(text, Scope::SubAttributes(attribute))
    }

    fn parse_in(text: &str, scope: Scope) -> ScimResult<Self> {
        let mut parser = Parser {
            tokens: tokenize(text)?.into_iter().peekable(),
            scope,
            depth: 0,
        };
        let filter = parser.or_expression()?;

        match parser.tokens.next() {
            None => Ok(filter),
            Some(token) => Err(ScimError::invalid_filter(format!(
                "the filter is complete before {token}"
            ))),
        }
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    scope: Scope,
    depth: usize,
}

impl Parser {
    fn or_expression(&mut self) -> ScimResult<Filter> {
        let mut left = self.and_expression()?;

        while self.skip_keyword("or") {
            left = Filter::Or(Box::new(left), Box::new(self.and_expression()?));
        }

        Ok(left)
    }

    fn and_expression(&mut self) -> ScimResult<Filter> {
        let mut left = self.term()?;

        while self.skip_keyword("and") {
            left = Filter::And(Box::new(left), Box::new(self.term()?));
        }

        Ok(left)
    }

    fn term(&mut self) -> ScimResult<Filter> {
        match self.tokens.next() {
            Some(Token::OpenParenthesis) => self.grouped(),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("not") => {
                match self.tokens.next() {
                    Some(Token::OpenParenthesis) => Ok(Filter::Not(Box::new(self.grouped()?))),
                    _ => Err(ScimError::invalid_filter("a parenthesis must follow `not`")),
                }
            }
            Some(Token::Word(word)) => self.attribute_expression(&word),
            Some(token) => Err(ScimError::invalid_filter(format!(
                "expected an attribute, but found {token}"
            ))),
            None => Err(ScimError::invalid_filter(
                "expected an attribute, but the filter ends",
            )),
        }
    }

    /// The rest of a group whose opening parenthesis is already consumed.
    fn grouped(&mut self) -> ScimResult<Filter> {
        self.increase_depth()?;
        let filter = self.or_expression()?;
        self.depth -= 1;

        match self.tokens.next() {
            Some(Token::CloseParenthesis) => Ok(filter),
            _ => Err(ScimError::invalid_filter("a parenthesis is not closed")),
        }
    }

    fn increase_depth(&mut self) -> ScimResult<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ScimError::invalid_filter("the filter is nested too deep"));
        }
        Ok(())
    }

    fn attribute_expression(&mut self, name: &str) -> ScimResult<Filter> {
        let path = self.attribute_path(name)?;

        match self.tokens.next() {
            Some(Token::OpenBracket) => self.value_path(name, path),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("pr") => Ok(Filter::Present(path)),
            Some(Token::Word(word)) => self.comparison(name, path, &word),
            _ => Err(ScimError::invalid_filter(format!(
                "an operator must follow `{name}`"
            ))),
        }
    }

    /// The rest of a value path whose opening bracket is already consumed.
    fn value_path(&mut self, name: &str, path: AttributePath) -> ScimResult<Filter> {
        let outer_scope = self.scope;
        if path.sub_attribute.is_some()
            || path.attribute.value_type != AttributeType::Complex
            || matches!(outer_scope, Scope::SubAttributes(_))
        {
            return Err(ScimError::invalid_filter(format!(
                "`{name}` cannot have a filter in square brackets"
            )));
        }

        self.increase_depth()?;
        self.scope = Scope::SubAttributes(path.attribute);
        let filter = self.or_expression()?;
        self.scope = outer_scope;
        self.depth -= 1;

        match self.tokens.next() {
            Some(Token::CloseBracket) => Ok(Filter::ValuePath(path, Box::new(filter))),
            _ => Err(ScimError::invalid_filter("a square bracket is not closed")),
        }
    }

    fn comparison(&mut self, name: &str, path: AttributePath, word: &str) -> ScimResult<Filter> {
        let operator = parse_operator(word).ok_or_else(|| {
            ScimError::invalid_filter(format!("`{word}` is not a filter operator"))
        })?;

        // A complex attribute compares by its `value` (RFC 7644 section 3.4.2.2).
        let path = AttributePath {
            sub_attribute: path
                .sub_attribute
                .or_else(|| path.attribute.sub_attribute("value")),
            ..path
        };

        let token = self.tokens.next().ok_or_else(|| {
            ScimError::invalid_filter(format!("a value must follow `{name} {word}`"))
        })?;
        let value = parse_value(path.leaf(), &token).ok_or_else(|| {
            ScimError::invalid_filter(format!("`{name}` cannot be compared with {token}"))
        })?;
        if !applies_to(operator, path.leaf(), &value) {
            return Err(ScimError::invalid_filter(format!(
                "the operator `{word}` does not apply to `{name}`"
            )));
        }

        Ok(Filter::Compare(path, operator, value))
    }

    fn attribute_path(&self, name: &str) -> ScimResult<AttributePath> {
        let path = match self.scope {
            Scope::SubAttributes(attribute) => {
                attribute
                    .sub_attribute(name)
                    .map(|attribute| AttributePath {
                        extension: None,
                        attribute,
                        sub_attribute: None,
                    })
            }
            Scope::Resource(resource_type) => resource_type.attribute_path(name),
        };
        let path = path
            .ok_or_else(|| ScimError::invalid_filter(format!("there is no attribute `{name}`")))?;

        // A filter on `password` would let a client guess it.
        if path.leaf().returned == Returned::Never {
            return Err(ScimError::invalid_filter(format!(
                "a filter cannot use `{name}`"
            )));
        }

        Ok(path)
    }

    fn skip_keyword(&mut self, keyword: &str) -> bool {
        self.tokens
            .next_if(|token| matches!(token, Token::Word(w) if w.eq_ignore_ascii_case(keyword)))
            .is_some()
    }
}

fn applies_to(operator: CompareOperator, attribute: &Attribute, value: &CompareValue) -> bool {
    match operator {
        CompareOperator::Equal | CompareOperator::NotEqual => true,
        CompareOperator::Contains | CompareOperator::StartsWith | CompareOperator::EndsWith => {
            matches!(value, CompareValue::String(_))
        }
        CompareOperator::Greater
        | CompareOperator::GreaterOrEqual
        | CompareOperator::Less
        | CompareOperator::LessOrEqual => {
            !matches!(value, CompareValue::Boolean(_) | CompareValue::Null)
                && attribute.value_type != AttributeType::Binary
        }
    }
}

fn parse_operator(word: &str) -> Option<CompareOperator> {
    Some(match word.to_ascii_lowercase().as_str() {
        "eq" => CompareOperator::Equal,
        "ne" => CompareOperator::NotEqual,
        "co" => CompareOperator::Contains,
        "sw" => CompareOperator::StartsWith,
        "ew" => CompareOperator::EndsWith,
        "gt" => CompareOperator::Greater,
        "ge" => CompareOperator::GreaterOrEqual,
        "lt" => CompareOperator::Less,
        "le" => CompareOperator::LessOrEqual,
        _ => return None,
    })
}

/// The literal as a value of the attribute's type; `None` if it is not one.
fn parse_value(attribute: &Attribute, token: &Token) -> Option<CompareValue> {
    match (attribute.value_type, token) {
        (_, Token::Word(word)) if word == "null" => Some(CompareValue::Null),
        (AttributeType::Boolean, Token::Word(word)) => word.parse().ok().map(CompareValue::Boolean),
        (AttributeType::Integer, Token::Word(word)) => word.parse().ok().map(CompareValue::Integer),
        (AttributeType::DateTime, Token::String(text)) => {
            text.parse().ok().map(CompareValue::DateTime)
        }
        (
            AttributeType::String | AttributeType::Reference | AttributeType::Binary,
            Token::String(text),
        ) => Some(CompareValue::String(attribute.fold_case(text))),
        _ => None,
    }
}
