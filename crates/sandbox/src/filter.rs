//! Filters read: text to a tree whose names are attributes and whose literals fit them (RFC 7644 section 3.4.2.2).
//!
//! Everything that can be wrong is found here, so that [`super::matching`] has nothing to refuse: unknown
//! attributes, operators that do not suit the type, malformed text. Precedence: `not` and brackets, `and`, `or`.

use jiff::Timestamp;

use super::lexer::{Token, tokens};
use super::refusal::{Refusal, Result};
use super::schema::{Attribute, Kind, ResourceType, Schema};

/// How deep brackets may be nested.
const DEPTH: usize = 24;

/// A filter over one kind of resource, or over the values of one attribute.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(FieldPath, Operator, Literal),
    Present(FieldPath),
    /// `attribute[filter]`: some value of it matches as a whole.
    Inside(FieldPath, Box<Filter>),
}

/// Where a comparison looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldPath {
    pub extension: Option<&'static Schema>,
    pub attribute: &'static Attribute,
    pub sub: Option<&'static Attribute>,
}

impl FieldPath {
    /// The attribute whose values are compared.
    pub fn leaf(&self) -> &'static Attribute {
        self.sub.unwrap_or(self.attribute)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
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

/// What is compared with; text is already folded where case does not count.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Boolean(bool),
    Integer(i64),
    Time(Timestamp),
    Null,
}

/// In what the names of a filter are looked up.
#[derive(Clone, Copy)]
enum Scope {
    Resource(&'static ResourceType),
    Values(&'static Attribute),
}

impl Filter {
    /// Reads a filter over resources of this type.
    pub fn parse(text: &str, of: &'static ResourceType) -> Result<Self> {
        Self::read(text, Scope::Resource(of))
    }

    /// Reads the filter inside the brackets of a value path.
    pub fn parse_inside(text: &str, of: &'static Attribute) -> Result<Self> {
        Self::read(text, Scope::Values(of))
    }

    fn read(text: &str, scope: Scope) -> Result<Self> {
        let mut parser = Parser {
            tokens: tokens(text)?.into_iter().peekable(),
            scope,
            depth: 0,
        };
        let filter = parser.any()?;
        match parser.tokens.next() {
            None => Ok(filter),
            Some(token) => Err(Refusal::invalid_filter(format!(
                "the filter goes on after its end, at {token:?}"
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
    fn any(&mut self) -> Result<Filter> {
        let mut left = self.all()?;
        while self.keyword("or") {
            left = Filter::Or(Box::new(left), Box::new(self.all()?));
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Filter> {
        let mut left = self.one()?;
        while self.keyword("and") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter> {
        match self.tokens.next() {
            Some(Token::Open) => self.bracketed(),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("not") => match self.tokens.next()
            {
                Some(Token::Open) => Ok(Filter::Not(Box::new(self.bracketed()?))),
                _ => Err(Refusal::invalid_filter(
                    "`not` must be followed by a bracket",
                )),
            },
            Some(Token::Word(name)) => self.expression(&name),
            Some(token) => Err(Refusal::invalid_filter(format!(
                "an attribute must stand where {token:?} is"
            ))),
            None => Err(Refusal::invalid_filter(
                "the filter ends where an attribute must stand",
            )),
        }
    }

    fn bracketed(&mut self) -> Result<Filter> {
        self.deeper()?;
        let filter = self.any()?;
        self.depth -= 1;
        match self.tokens.next() {
            Some(Token::Close) => Ok(filter),
            _ => Err(Refusal::invalid_filter("a bracket is not closed")),
        }
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Refusal::invalid_filter("the filter is nested too deep"));
        }
        Ok(())
    }

    fn expression(&mut self, name: &str) -> Result<Filter> {
        let place = self.place(name)?;
        match self.tokens.next() {
            Some(Token::OpenSquare) => self.inside(name, place),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("pr") => {
                Ok(Filter::Present(place))
            }
            Some(Token::Word(word)) => self.comparison(name, place, &word),
            _ => Err(Refusal::invalid_filter(format!(
                "`{name}` must be followed by an operator"
            ))),
        }
    }

    fn inside(&mut self, name: &str, place: FieldPath) -> Result<Filter> {
        let outer = self.scope;
        if place.sub.is_some()
            || place.attribute.kind != Kind::Complex
            || matches!(outer, Scope::Values(_))
        {
            return Err(Refusal::invalid_filter(format!(
                "`{name}` cannot have a filter in square brackets"
            )));
        }
        self.deeper()?;
        self.scope = Scope::Values(place.attribute);
        let filter = self.any()?;
        self.scope = outer;
        self.depth -= 1;
        match self.tokens.next() {
            Some(Token::CloseSquare) => Ok(Filter::Inside(place, Box::new(filter))),
            _ => Err(Refusal::invalid_filter("a square bracket is not closed")),
        }
    }

    fn comparison(&mut self, name: &str, place: FieldPath, word: &str) -> Result<Filter> {
        let operator = operator(word).ok_or_else(|| {
            Refusal::invalid_filter(format!("`{word}` is no operator of filters"))
        })?;
        let place = FieldPath {
            sub: place.sub.or_else(|| place.attribute.sub("value")),
            ..place
        };
        let token = self.tokens.next();
        let literal = literal(place.leaf(), token.as_ref()).ok_or_else(|| {
            Refusal::invalid_filter(format!("`{name}` cannot be compared with {token:?}"))
        })?;
        let suits = match operator {
            Operator::Equal | Operator::NotEqual => true,
            Operator::Contains | Operator::StartsWith | Operator::EndsWith => {
                matches!(literal, Literal::Text(_))
            }
            Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::Less
            | Operator::LessOrEqual => {
                !matches!(literal, Literal::Boolean(_) | Literal::Null)
                    && place.leaf().kind != Kind::Binary
            }
        };
        if !suits {
            return Err(Refusal::invalid_filter(format!(
                "`{word}` does not suit `{name}`"
            )));
        }
        Ok(Filter::Compare(place, operator, literal))
    }

    fn place(&self, name: &str) -> Result<FieldPath> {
        let found = match self.scope {
            Scope::Values(attribute) => attribute.sub(name).map(|sub| FieldPath {
                extension: None,
                attribute: sub,
                sub: None,
            }),
            Scope::Resource(of) => of.resolve(name).and_then(|named| {
                Some(FieldPath {
                    extension: named.extension,
                    attribute: named.attribute?,
                    sub: named.sub,
                })
            }),
        };
        let place = found
            .ok_or_else(|| Refusal::invalid_filter(format!("there is no attribute `{name}`")))?;
        if place.leaf().returned == super::schema::Returned::Never {
            return Err(Refusal::invalid_filter(format!(
                "`{name}` cannot be filtered by"
            )));
        }
        Ok(place)
    }

    fn keyword(&mut self, word: &str) -> bool {
        self.tokens
            .next_if(|token| matches!(token, Token::Word(w) if w.eq_ignore_ascii_case(word)))
            .is_some()
    }
}

fn operator(word: &str) -> Option<Operator> {
    Some(match word.to_ascii_lowercase().as_str() {
        "eq" => Operator::Equal,
        "ne" => Operator::NotEqual,
        "co" => Operator::Contains,
        "sw" => Operator::StartsWith,
        "ew" => Operator::EndsWith,
        "gt" => Operator::Greater,
        "ge" => Operator::GreaterOrEqual,
        "lt" => Operator::Less,
        "le" => Operator::LessOrEqual,
        _ => return None,
    })
}

fn literal(attribute: &Attribute, token: Option<&Token>) -> Option<Literal> {
    match (attribute.kind, token?) {
        (_, Token::Word(word)) if word == "null" => Some(Literal::Null),
        (Kind::Boolean, Token::Word(word)) => word.parse().ok().map(Literal::Boolean),
        (Kind::Integer, Token::Word(word)) => word.parse().ok().map(Literal::Integer),
        (Kind::DateTime, Token::Text(text)) => text.parse().ok().map(Literal::Time),
        (Kind::Text | Kind::Reference | Kind::Binary, Token::Text(text)) => {
            Some(Literal::Text(fold(attribute, text)))
        }
        _ => None,
    }
}

/// The text as it is compared: folded unless the attribute is `caseExact`.
pub(super) fn fold(attribute: &Attribute, text: &str) -> String {
    if attribute.case_exact {
        text.to_owned()
    } else {
        text.to_lowercase()
    }
}
