//! The grammar of `receive!` and `match_message!`.
//!
//! ```text
//! receive  := arm* [ "after" EXPR "=>" BODY [","] ]     `after` is last, at most one
//! arm      := PATTERN [":" TYPE] ["if" GUARD] "=>" BODY  "," optional after a block-like body
//! catch-all:= lower-case ident | mut ident | _            without a type, or with AnyMessage
//! ```
//!
//! `after` is a pattern if one of `=> : @ if | , ::` follows it. Bodies and guards are kept as the
//! user's tokens; what syn cannot parse of them goes to rustc, whose message is better.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::buffer::Cursor;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, Ident, MacroDelimiter, Pat, Result, Token, Type};

use crate::guard;
use crate::pattern;

/// All arms of one macro call.
pub(crate) struct Arms {
    pub(crate) arms: Vec<Arm>,
    pub(crate) after: Option<After>,
}

/// What an arm takes.
pub(crate) enum Takes {
    /// Every message; the type is `AnyMessage`, if it was written.
    Every(Option<Type>),
    /// Messages of one type. Arms with the same `family` have the same type, which is written or
    /// for rustc to infer.
    Type { family: String, ty: Option<Type> },
}

pub(crate) struct Arm {
    /// As written, upper-case identifiers turned into paths.
    pub(crate) pattern: Pat,
    pub(crate) takes: Takes,
    pub(crate) guard: Option<TokenStream>,
    pub(crate) body: TokenStream,
}

pub(crate) struct After {
    pub(crate) deadline: TokenStream,
    pub(crate) body: TokenStream,
}

/// Reads what stands in `receive! { .. }`.
pub(crate) fn receive(input: ParseStream) -> Result<Arms> {
    let mut arms = Vec::new();
    let mut after = None;
    let mut errors = Errors::default();
    while !input.is_empty() {
        if let Some((word, _)) = &after {
            errors.push(misplaced(*word, input));
        }
        if is_after(input) {
            let word: Ident = input.parse()?;
            after = Some((word.span(), parse_after(input, &word)?));
        } else {
            arms.push(parse_arm(input, &mut errors)?);
        }
    }
    check_order(&arms, &mut errors);
    errors.into_result()?;
    Ok(Arms {
        arms,
        after: after.map(|(_, after)| after),
    })
}

/// Reads what stands in `match_message!(..)`: the message and the arms.
pub(crate) fn match_message(input: ParseStream) -> Result<(TokenStream, Arms)> {
    let (message, block) = split_block(input)?;
    let braces = block.span();
    let arms = |input: ParseStream| {
        let mut arms = Vec::new();
        let mut errors = Errors::default();
        while !input.is_empty() {
            if is_after(input) {
                return Err(input.error("`match_message!` does not wait: it has no `after`"));
            }
            arms.push(parse_arm(input, &mut errors)?);
        }
        check_order(&arms, &mut errors);
        if !arms.last().is_some_and(Arm::takes_all) {
            let reason = "the last arm of `match_message!` must take every message: add `message => ..` or `_ => ..`";
            errors.push(match arms.last() {
                Some(last) => Error::new_spanned(&last.pattern, reason),
                None => Error::new(braces, reason),
            });
        }
        errors.into_result()?;
        Ok(Arms { arms, after: None })
    };
    Ok((message, arms.parse2(block.stream())?))
}

impl Arm {
    /// A catch-all without a guard: no message gets past it.
    fn takes_all(&self) -> bool {
        matches!(self.takes, Takes::Every(_)) && self.guard.is_none()
    }
}

/// Errors found so far: all are reported at once.
#[derive(Default)]
struct Errors(Option<Error>);

impl Errors {
    fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            none => *none = Some(error),
        }
    }

    fn into_result(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

fn misplaced(after: Span, next: ParseStream) -> Error {
    if is_after(next) {
        Error::new(next.span(), "a `receive!` has at most one `after`")
    } else {
        Error::new(after, "`after` comes last, below all other arms")
    }
}

fn check_order(arms: &[Arm], errors: &mut Errors) {
    let Some((_, above)) = arms.split_last() else {
        return;
    };
    for arm in above.iter().filter(|arm| arm.takes_all()) {
        errors.push(Error::new_spanned(
            &arm.pattern,
            "this arm takes every message: the arms below it are never reached",
        ));
    }
}

/// Whether the word `after` comes, and is not a pattern.
fn is_after(input: ParseStream) -> bool {
    let ahead = input.fork();
    ahead.parse::<Ident>().is_ok_and(|word| word == "after")
        && !(ahead.peek(Token![=>])
            || ahead.peek(Token![:])
            || ahead.peek(Token![@])
            || ahead.peek(Token![if])
            || ahead.peek(Token![|])
            || ahead.peek(Token![,]))
}

fn parse_after(input: ParseStream, word: &Ident) -> Result<After> {
    let (deadline, arrow) = until_arrow(input, word.span(), "a time")?;
    Ok(After {
        deadline,
        body: parse_body(input, &arrow)?,
    })
}

fn parse_arm(input: ParseStream, errors: &mut Errors) -> Result<Arm> {
    if input.peek(Token![#]) {
        return Err(input.error("an arm takes no attributes"));
    }
    if input.peek(Token![=>]) {
        return Err(input.error("expected a pattern before `=>`"));
    }
    let mut pattern = Pat::parse_multi_with_leading_vert(input)?;
    let ty = match input.parse::<Option<Token![:]>>()? {
        Some(colon) if input.peek(Token![=>]) || input.peek(Token![if]) => {
            return Err(Error::new_spanned(colon, "expected a type after this"));
        }
        Some(_) => Some(input.parse::<Type>()?),
        None => None,
    };
    let (guard, arrow) = match input.parse::<Option<Token![if]>>()? {
        Some(word) => {
            let (guard, arrow) = until_arrow(input, word.span, "a condition")?;
            if let Err(error) = guard::check(&guard) {
                errors.push(error);
            }
            (Some(guard), arrow)
        }
        None if input.peek(Token![=>]) => (None, input.parse()?),
        None => return Err(no_arrow(input, &pattern)),
    };
    let takes = match pattern::takes(&mut pattern, ty) {
        Ok(takes) => takes,
        Err(error) => {
            errors.push(error);
            Takes::Type {
                family: String::new(),
                ty: None,
            }
        }
    };
    Ok(Arm {
        pattern,
        takes,
        guard,
        body: parse_body(input, &arrow)?,
    })
}

/// Something else stands where a `=>` should.
fn no_arrow(input: ParseStream, pattern: &Pat) -> Error {
    let reason = "expected `=>` and a body after the pattern";
    if input.is_empty() {
        Error::new_spanned(pattern, reason)
    } else if input.peek(Token![->]) {
        input.error(format_args!("{reason}, found `->`"))
    } else {
        input.error(reason)
    }
}

/// The tokens between a word and a `=>`, which is taken too.
fn until_arrow(input: ParseStream, word: Span, what: &str) -> Result<(TokenStream, Token![=>])> {
    let begin = input.cursor();
    while !input.is_empty() && !input.peek(Token![=>]) {
        input.parse::<TokenTree>()?;
    }
    let tokens = between(begin, input.cursor());
    if tokens.is_empty() {
        return Err(Error::new(word, format_args!("expected {what} after this")));
    }
    if input.is_empty() {
        return Err(Error::new_spanned(
            tokens,
            "expected `=>` and a body after this",
        ));
    }
    Ok((tokens, input.parse()?))
}

/// The body of an arm and the comma behind it, which a block-like body does not need.
fn parse_body(input: ParseStream, arrow: &Token![=>]) -> Result<TokenStream> {
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new_spanned(arrow, "expected a body after this"));
    }
    let begin = input.cursor();
    let ahead = input.fork();
    let expression = Expr::parse_with_earlier_boundary_rule(&ahead);
    let complete = match &expression {
        Ok(_) => {
            input.advance_to(&ahead);
            ahead.is_empty() || ahead.peek(Token![,])
        }
        Err(_) => {
            while !input.is_empty() && !input.peek(Token![,]) {
                input.parse::<TokenTree>()?;
            }
            true
        }
    };
    let body = between(begin, input.cursor());
    if input.parse::<Option<Token![,]>>()?.is_none()
        && !complete
        && !expression.is_ok_and(|body| is_block_like(&body))
    {
        return Err(input.error("expected `,` after the body of an arm"));
    }
    Ok(body)
}

fn is_block_like(body: &Expr) -> bool {
    match body {
        Expr::Block(_)
        | Expr::If(_)
        | Expr::Match(_)
        | Expr::Unsafe(_)
        | Expr::While(_)
        | Expr::ForLoop(_)
        | Expr::Loop(_)
        | Expr::TryBlock(_)
        | Expr::Const(_) => true,
        Expr::Macro(call) => matches!(call.mac.delimiter, MacroDelimiter::Brace(_)),
        _ => false,
    }
}

/// An expression, and the braces behind it.
fn split_block(input: ParseStream) -> Result<(TokenStream, Group)> {
    let mut trees: Vec<TokenTree> = input.parse::<TokenStream>()?.into_iter().collect();
    match trees.pop() {
        Some(TokenTree::Group(block))
            if block.delimiter() == Delimiter::Brace && !trees.is_empty() =>
        {
            Ok((trees.into_iter().collect(), block))
        }
        last => Err(Error::new(
            last.map_or_else(Span::call_site, |last| last.span()),
            "expected a message and its arms: `match_message!(message { PATTERN => BODY, .. })`",
        )),
    }
}

/// The tokens between two places of one buffer.
fn between(begin: Cursor, end: Cursor) -> TokenStream {
    let mut tokens = TokenStream::new();
    let mut at = begin;
    while at != end {
        let Some((tree, next)) = at.token_tree() else {
            break;
        };
        // An invisible group, such as a `$body:expr` of a `macro_rules!`, is transparent to the
        // parser: the end may lie within.
        match at.group(Delimiter::None) {
            Some((inside, _, _)) if end < next => at = inside,
            _ => {
                tree.to_tokens(&mut tokens);
                at = next;
            }
        }
    }
    tokens
}
