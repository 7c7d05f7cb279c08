//! An arm's pattern: which messages it is for, what it binds, and its form for the scan.
//!
//! Called by `grammar` (to read an arm) and `expansion` (to write its parts).
//!
//! The one convention: an upper-case identifier is a path, a lower-case one binds. So an
//! upper-case identifier is written `Pong::<>`, which rustc cannot take for a binding: a typo
//! becomes an error, with rustc's suggestion.

use proc_macro2::Span;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    AngleBracketedGenericArguments, Error, ExprPath, FieldPat, Ident, Lit, Pat, PatIdent, PatOr,
    PatWild, Path, PathArguments, PathSegment, QSelf, Result, Token, Type, token,
};

use crate::grammar::Takes;

/// Says which messages the pattern takes, and turns its upper-case identifiers into paths.
///
/// # Errors
///
/// The pattern cannot stand in an arm, or does not tell the type of its messages.
pub(crate) fn takes(pattern: &mut Pat, ty: Option<Type>) -> Result<Takes> {
    Allowed::check(pattern)?;
    let written = pattern.clone();
    Paths.visit_pat_mut(pattern);
    match ty {
        Some(ty) if is_catch_all(pattern) && is_any_message(&ty) => Ok(Takes::Every(Some(ty))),
        Some(ty) => Ok(Takes::Type {
            family: ty.to_token_stream().to_string(),
            ty: Some(ty),
        }),
        None if is_catch_all(pattern) => Ok(Takes::Every(None)),
        None => match family(pattern) {
            Some(family) => Ok(Takes::Type { family, ty: None }),
            None => Err(unknown_type(&written)),
        },
    }
}

/// The pattern without its bindings: it matches the same values, and moves nothing.
pub(crate) fn without_bindings(pattern: &Pat) -> Pat {
    let mut pattern = pattern.clone();
    Strip.visit_pat_mut(&mut pattern);
    pattern
}

/// The pattern as a guard needs it: nothing can be changed there, so nothing is `mut`.
pub(crate) fn without_mut(pattern: &Pat) -> Pat {
    struct Plain;
    impl VisitMut for Plain {
        fn visit_pat_ident_mut(&mut self, ident: &mut PatIdent) {
            if ident.by_ref.is_none() {
                ident.mutability = None;
            }
            visit_mut::visit_pat_ident_mut(self, ident);
        }
    }
    let mut pattern = pattern.clone();
    Plain.visit_pat_mut(&mut pattern);
    pattern
}

/// The variables of a pattern.
#[derive(Default)]
pub(crate) struct Bindings {
    pub(crate) names: Vec<Ident>,
    /// Some variable is a `ref mut`.
    pub(crate) ref_mut: bool,
    /// There is an or-pattern: a guard is asked once for each alternative that matches.
    pub(crate) alternatives: bool,
}

impl Bindings {
    pub(crate) fn of(pattern: &Pat) -> Bindings {
        let mut bindings = Bindings::default();
        bindings.visit_pat(pattern);
        bindings
    }
}

impl Visit<'_> for Bindings {
    fn visit_pat_ident(&mut self, binding: &PatIdent) {
        // The alternatives of an or-pattern bind the same names.
        if !self.names.contains(&binding.ident) {
            self.names.push(binding.ident.clone());
        }
        self.ref_mut |= binding.by_ref.is_some() && binding.mutability.is_some();
        visit::visit_pat_ident(self, binding);
    }

    fn visit_pat_or(&mut self, or: &PatOr) {
        self.alternatives = true;
        visit::visit_pat_or(self, or);
    }
}

/// Refuses what cannot be split into a test and a binding.
struct Allowed(Result<()>);

impl Allowed {
    fn check(pattern: &Pat) -> Result<()> {
        if let Pat::Verbatim(_) = pattern {
            return Err(Error::new_spanned(pattern, UNREADABLE));
        }
        let mut allowed = Allowed(Ok(()));
        allowed.visit_pat(pattern);
        allowed.0
    }
}

const UNREADABLE: &str = "an arm cannot have this pattern: match on it in the body";

impl Visit<'_> for Allowed {
    fn visit_pat(&mut self, pattern: &Pat) {
        let reason = match pattern {
            Pat::Macro(_) => {
                "an arm's pattern cannot contain a macro: which variables it binds cannot be seen"
            }
            Pat::Verbatim(_) => UNREADABLE,
            _ => return visit::visit_pat(self, pattern),
        };
        self.0 = Err(Error::new_spanned(pattern, reason));
    }
}

/// Turns upper-case identifiers into paths.
struct Paths;

impl VisitMut for Paths {
    fn visit_pat_mut(&mut self, pattern: &mut Pat) {
        match pattern {
            Pat::Ident(ident)
                if ident.by_ref.is_none()
                    && ident.mutability.is_none()
                    && ident.subpat.is_none()
                    && is_upper_case(&ident.ident) =>
            {
                *pattern = Pat::Path(path(&ident.ident));
            }
            _ => visit_mut::visit_pat_mut(self, pattern),
        }
    }

    fn visit_field_pat_mut(&mut self, field: &mut FieldPat) {
        // A field's shorthand binds, whatever its case.
        if field.colon_token.is_some() {
            visit_mut::visit_field_pat_mut(self, field);
        }
    }
}

/// `Name::<>`, all of it at the identifier's place.
fn path(ident: &Ident) -> ExprPath {
    let span = ident.span();
    let arguments = PathArguments::AngleBracketed(AngleBracketedGenericArguments {
        colon2_token: Some(Token![::](span)),
        lt_token: Token![<](span),
        args: Default::default(),
        gt_token: Token![>](span),
    });
    ExprPath {
        attrs: Vec::new(),
        qself: None,
        path: Path::from(PathSegment {
            ident: ident.clone(),
            arguments,
        }),
    }
}

/// Replaces bindings by what they match.
struct Strip;

impl VisitMut for Strip {
    fn visit_pat_mut(&mut self, pattern: &mut Pat) {
        if let Pat::Ident(binding) = pattern {
            *pattern = match binding.subpat.take() {
                Some((_, mut inner)) => {
                    // Needed behind the `@`, maybe not here: not for the user to hear about.
                    if let Pat::Paren(inner) = &mut *inner {
                        let at = Span::mixed_site().located_at(inner.paren_token.span.join());
                        inner.paren_token = token::Paren(at);
                    }
                    *inner
                }
                None => Pat::Wild(PatWild {
                    attrs: Vec::new(),
                    underscore_token: Token![_](binding.ident.span()),
                }),
            };
        }
        visit_mut::visit_pat_mut(self, pattern);
    }

    fn visit_field_pat_mut(&mut self, field: &mut FieldPat) {
        if field.colon_token.is_none() {
            field.colon_token = Some(Token![:](field.member.span()));
        }
        visit_mut::visit_field_pat_mut(self, field);
    }
}

/// `_`, or a plain lower-case identifier.
fn is_catch_all(pattern: &Pat) -> bool {
    match pattern {
        Pat::Wild(_) => true,
        Pat::Ident(binding) => binding.by_ref.is_none() && binding.subpat.is_none(),
        Pat::Paren(inner) => is_catch_all(&inner.pat),
        _ => false,
    }
}

/// Whether the type is, by its name, the type-erased message.
fn is_any_message(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident.unraw() == "AnyMessage"),
        Type::Group(group) => is_any_message(&group.elem),
        _ => false,
    }
}

fn is_upper_case(ident: &Ident) -> bool {
    let name = ident.unraw().to_string();
    name.trim_start_matches('_').starts_with(char::is_uppercase)
}

/// A name for the type that rustc will infer from the pattern: patterns with the same name have
/// the same type. `None` if the pattern does not fix its type.
fn family(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Paren(inner) => family(&inner.pat),
        Pat::Ident(binding) => family(&binding.subpat.as_ref()?.1),
        Pat::Or(or) => or.cases.iter().find_map(family),
        Pat::Struct(p) => family_of_path(p.qself.as_ref(), &p.path),
        Pat::TupleStruct(p) => family_of_path(p.qself.as_ref(), &p.path),
        Pat::Path(p) => family_of_path(p.qself.as_ref(), &p.path),
        Pat::Lit(literal) => match &literal.lit {
            Lit::Bool(_) => Some("bool".into()),
            Lit::Char(_) => Some("char".into()),
            Lit::Byte(_) => Some("u8".into()),
            Lit::Int(int) => Some(int.suffix().into()).filter(|name: &String| !name.is_empty()),
            Lit::Float(float) => {
                Some(float.suffix().into()).filter(|name: &String| !name.is_empty())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Variants belong to their enum: `Msg::Add` and `Msg::Get` to `Msg`. A constant, such as
/// `Limits::MAX`, need not have the type that it belongs to; a struct's path is the type's own.
fn family_of_path(qself: Option<&QSelf>, path: &Path) -> Option<String> {
    let mut names: Vec<String> = path.segments.iter().map(segment).collect();
    if let Some(qself) = qself {
        let ty = qself.ty.to_token_stream();
        return Some(format!("<{ty}>::{}", names.join("::")));
    }
    let owner = path.segments.iter().rev().nth(1).map(|owner| &owner.ident);
    let last = names.last()?.as_str();
    if std_enum(last).is_some_and(|of| owner.is_none_or(|owner| owner == of)) {
        return None;
    }
    if owner.is_some_and(is_upper_case) && !is_constant(last) {
        names.pop();
    }
    Some(names.join("::"))
}

/// The generic enum of the standard prelude that the variant belongs to.
fn std_enum(variant: &str) -> Option<&'static str> {
    match variant {
        "Some" | "None" => Some("Option"),
        "Ok" | "Err" => Some("Result"),
        _ => None,
    }
}

/// The segment as written: `Pong::<>` was `Pong`.
fn segment(segment: &PathSegment) -> String {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) if arguments.args.is_empty() => {
            segment.ident.to_string()
        }
        _ => segment.to_token_stream().to_string(),
    }
}

fn is_constant(name: &str) -> bool {
    name.len() > 1 && !name.contains(char::is_lowercase)
}

fn unknown_type(pattern: &Pat) -> Error {
    if let Pat::Reference(_) = pattern {
        return Error::new_spanned(pattern, "a message is received by value: drop the `&`");
    }
    Error::new_spanned(
        pattern,
        format_args!(
            "cannot tell the type of the message from this pattern; write it: `{}: {}`",
            text(pattern),
            type_hint(pattern)
        ),
    )
}

/// The pattern's tokens, spaced as rustfmt does where that differs.
fn text(pattern: &Pat) -> String {
    let tokens = pattern.to_token_stream().to_string();
    tokens.replace(" :: ", "::").replace(" ..= ", "..=")
}

/// What the type may look like.
fn type_hint(pattern: &Pat) -> String {
    let variant = match pattern {
        Pat::Paren(inner) => return type_hint(&inner.pat),
        Pat::Tuple(tuple) => return format!("({})", vec!["TYPE"; tuple.elems.len()].join(", ")),
        Pat::Lit(literal) if matches!(literal.lit, Lit::Str(_)) => return "&'static str".into(),
        Pat::TupleStruct(some) => some.path.segments.last().map(|last| &last.ident),
        Pat::Ident(none) => Some(&none.ident),
        Pat::Path(none) => none.path.segments.last().map(|last| &last.ident),
        _ => None,
    };
    match variant.and_then(|variant| std_enum(&variant.to_string())) {
        Some("Option") => "Option<TYPE>".into(),
        Some(_) => "Result<TYPE, ERROR>".into(),
        None => "TYPE".into(),
    }
}
