//! One method of a server: its role, what it is given, what it returns.

use proc_macro2::{Ident, Span};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Error, FnArg, GenericArgument, ImplItemFn, Lifetime, Pat, PathArguments, Result,
    ReturnType, Signature, Type, TypeReference,
};

/// What a method is for the server: the attribute on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Init,
    Continued,
    Call,
    Cast,
    Info,
    Timeout,
    Terminate,
    /// A callback of the trait, as it stands.
    Callback,
}

const ROLES: [(&str, Role); 8] = [
    ("init", Role::Init),
    ("continued", Role::Continued),
    ("call", Role::Call),
    ("cast", Role::Cast),
    ("info", Role::Info),
    ("timeout", Role::Timeout),
    ("terminate", Role::Terminate),
    ("callback", Role::Callback),
];

/// `Server` has methods of these names, which would go before the client's.
const TAKEN: [&str; 11] = [
    "call",
    "call_timeout",
    "cast",
    "clone",
    "later",
    "of",
    "send_request",
    "server_ref",
    "stop",
    "timeout",
    "whereis",
];

/// A method with a role.
pub(crate) struct Method {
    pub(crate) role: Role,
    pub(crate) name: Ident,
    /// Its `cfg`s: whatever is written for it has them too.
    pub(crate) cfgs: Vec<Attribute>,
    /// What else its client's function has: documentation, and its like.
    pub(crate) shared: Vec<Attribute>,
    /// What it is given, without `self` and `from`.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) answer: Answer,
    /// Where errors of what it returns belong.
    pub(crate) returns: Span,
}

pub(crate) struct Parameter {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
}

/// How a call is answered.
pub(crate) enum Answer {
    /// It is no call.
    None,
    /// By what the method returns.
    Returned(Type),
    /// As the `Called` says that the method returns.
    Called(Type),
    /// Over the `From` that stands before the parameter of this number.
    Later(usize, Type),
}

impl Answer {
    /// The type of what the client gets.
    pub(crate) fn ty(&self) -> Option<&Type> {
        match self {
            Answer::None => None,
            Answer::Returned(ty) | Answer::Called(ty) | Answer::Later(_, ty) => Some(ty),
        }
    }
}

/// Takes the role's attribute off a method. None: it has no role.
pub(crate) fn take_role(method: &mut ImplItemFn) -> Result<Option<Role>> {
    let mut role = None;
    let mut wrong = Ok(());
    method.attrs.retain(|attribute| {
        let Some(found) = role_of(attribute) else {
            return true;
        };
        if let Err(error) = attribute.meta.require_path_only() {
            let name = attribute.path().get_ident();
            let name = name.map_or_else(String::new, Ident::to_string);
            wrong = Err(Error::new(
                error.span(),
                format!("`#[{name}]` takes nothing"),
            ));
        }
        if role.replace(found).is_some() {
            wrong = Err(Error::new_spanned(attribute, "a method has one role"));
        }
        false
    });
    wrong.map(|()| role)
}

fn role_of(attribute: &Attribute) -> Option<Role> {
    let name = attribute.path().get_ident()?;
    let role = ROLES.iter().find(|(role, _)| name == role)?;
    Some(role.1)
}

impl Method {
    pub(crate) fn read(role: Role, method: &ImplItemFn) -> Result<Method> {
        let signature = &method.sig;
        plain(signature)?;
        receiver(role, signature)?;
        let name = signature.ident.clone();
        if matches!(role, Role::Call | Role::Cast)
            && TAKEN.iter().any(|taken| name.unraw() == taken)
        {
            return Err(Error::new(
                name.span(),
                format_args!(
                    "`Server` has a method `{name}` of its own: name the request otherwise"
                ),
            ));
        }
        let mut parameters = Vec::new();
        let mut from = None;
        for (number, input) in signature.inputs.iter().enumerate() {
            let FnArg::Typed(input) = input else { continue };
            if role == Role::Call
                && let Some(answer) = argument_of(&input.ty, "From")
            {
                if from.replace((parameters.len(), answer.clone())).is_some() {
                    return Err(Error::new_spanned(input, "a call has one `From`"));
                }
                continue;
            }
            if role != Role::Terminate && role != Role::Callback {
                owned(role, &input.ty)?;
            }
            let name = match &*input.pat {
                Pat::Ident(pattern) => pattern.ident.clone(),
                _ => format_ident!("arg{number}", span = input.pat.span()),
            };
            parameters.push(Parameter {
                name,
                ty: (*input.ty).clone(),
            });
        }
        arity(role, signature, &parameters)?;
        let answer = match role {
            Role::Call => answer(signature, from)?,
            _ => Answer::None,
        };
        let of = |names: &[&str]| {
            let attributes = method.attrs.iter().filter(|attribute| {
                let path = attribute.path();
                names.iter().any(|name| path.is_ident(name))
            });
            attributes.cloned().collect()
        };
        Ok(Method {
            role,
            name,
            cfgs: of(&["cfg"]),
            shared: of(&["doc", "deprecated"]),
            parameters,
            answer,
            returns: match &signature.output {
                ReturnType::Default => signature.ident.span(),
                ReturnType::Type(_, ty) => ty.span(),
            },
        })
    }

    /// The name of its request.
    pub(crate) fn variant(&self) -> Ident {
        let name = self.name.unraw().to_string();
        let words = name.split('_').map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_uppercase());
            first
                .into_iter()
                .flatten()
                .chain(letters)
                .collect::<String>()
        });
        let camel: String = words.collect();
        // A name such as `_1` has no letter to begin with.
        let is_name = camel.starts_with(|first: char| first.is_alphabetic());
        match is_name && camel != "Self" {
            true => Ident::new(&camel, self.name.span()),
            false => format_ident!("Request{camel}", span = self.name.span()),
        }
    }
}

/// Whether the parameter takes whatever message comes.
pub(crate) fn is_any(ty: &Type) -> bool {
    last_of(ty).is_some_and(|last| last.ident == "AnyMessage")
}

fn plain(signature: &Signature) -> Result<()> {
    if let Some(word) = &signature.asyncness {
        return Err(Error::new_spanned(
            word,
            "a callback may block: drop the `async`",
        ));
    }
    if let Some(word) = &signature.unsafety {
        return Err(Error::new_spanned(
            word,
            "a callback is called by safe code: drop the `unsafe`",
        ));
    }
    let parameters = &signature.generics.params;
    if !parameters.is_empty() {
        return Err(Error::new_spanned(
            parameters,
            "what is sent to a server has one type: a callback has no generic parameters of its own",
        ));
    }
    Ok(())
}

fn receiver(role: Role, signature: &Signature) -> Result<()> {
    match (role, signature.receiver()) {
        (Role::Callback, _) | (Role::Init, None) => Ok(()),
        (Role::Init, Some(receiver)) => Err(Error::new_spanned(
            receiver,
            "`init` makes the state: there is no `self` yet",
        )),
        (_, None) => Err(Error::new_spanned(
            &signature.ident,
            "a callback works on the state: take `&mut self`",
        )),
        (_, Some(receiver)) => match &receiver.reference {
            Some(_) => Ok(()),
            None => Err(Error::new_spanned(
                receiver,
                "the state stays with the server: take `&mut self`",
            )),
        },
    }
}

fn arity(role: Role, signature: &Signature, parameters: &[Parameter]) -> Result<()> {
    let (wanted, what) = match role {
        Role::Info => (
            1,
            "an `#[info]` takes one message: `&mut self, message: TYPE`",
        ),
        Role::Timeout => (0, "a `#[timeout]` takes `&mut self` alone"),
        Role::Terminate => (1, "a `#[terminate]` takes `&mut self, reason: &ExitReason`"),
        _ => return Ok(()),
    };
    match parameters.len() == wanted {
        true => match parameters {
            [Parameter { ty, .. }]
                if role == Role::Terminate && !matches!(ty, Type::Reference(_)) =>
            {
                Err(Error::new_spanned(ty, what))
            }
            _ => Ok(()),
        },
        false => {
            let extra = signature.inputs.iter().nth(1 + wanted);
            let at = extra.map_or_else(
                || signature.ident.to_token_stream(),
                ToTokens::to_token_stream,
            );
            Err(Error::new_spanned(at, what))
        }
    }
}

fn answer(signature: &Signature, from: Option<(usize, Type)>) -> Result<Answer> {
    let returned = match &signature.output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    };
    // What the server does next stands inside of a `Result` perhaps.
    let inner = argument_of(&returned, "Result").unwrap_or(&returned);
    if let Some((place, ty)) = from {
        return Ok(Answer::Later(place, ty));
    }
    let is = |name: &str| last_of(inner).is_some_and(|last| last.ident == name);
    if is("Called") {
        return match argument_of(inner, "Called") {
            Some(ty) => Ok(Answer::Called(ty.clone())),
            None => Err(Error::new_spanned(
                inner,
                "write the answer's type: `Called<REPLY>`",
            )),
        };
    }
    if is("Done") || is("NoReply") {
        return Err(Error::new_spanned(
            inner,
            "who shall be answered later? take a `from: From<REPLY>`",
        ));
    }
    if let Type::ImplTrait(ty) = inner {
        return Err(Error::new_spanned(ty, "an answer has one type: no `impl`"));
    }
    let mut borrowed = Borrowed(None);
    borrowed.visit_type(&returned);
    match borrowed.0 {
        Some(at) => Err(Error::new(
            at,
            "what is sent is owned: an answer cannot hold a reference",
        )),
        None => Ok(Answer::Returned(returned)),
    }
}

fn owned(role: Role, ty: &Type) -> Result<()> {
    if let Type::ImplTrait(ty) = ty {
        return Err(Error::new_spanned(
            ty,
            "what is sent to a server has one type: no `impl`",
        ));
    }
    let mut borrowed = Borrowed(None);
    borrowed.visit_type(ty);
    let what = match role {
        Role::Init => "what a server is started with is owned: it cannot hold a reference",
        Role::Info => "what is sent is owned: a message cannot hold a reference",
        Role::Continued => "what a server goes on with is owned: it cannot hold a reference",
        _ => "what is sent is owned: a request cannot hold a reference",
    };
    borrowed.0.map_or(Ok(()), |at| Err(Error::new(at, what)))
}

/// Looks for something borrowed in a type.
struct Borrowed(Option<Span>);

impl<'a> Visit<'a> for Borrowed {
    fn visit_type_reference(&mut self, ty: &'a TypeReference) {
        let is_static = ty
            .lifetime
            .as_ref()
            .is_some_and(|name| name.ident == "static");
        if !is_static {
            self.0.get_or_insert(ty.span());
        }
        visit::visit_type(self, &ty.elem);
    }

    fn visit_lifetime(&mut self, lifetime: &'a Lifetime) {
        if lifetime.ident != "static" {
            self.0.get_or_insert(lifetime.span());
        }
    }

    // What functions are given is theirs.
    fn visit_type_bare_fn(&mut self, _: &'a syn::TypeBareFn) {}

    fn visit_parenthesized_generic_arguments(&mut self, _: &'a syn::ParenthesizedGenericArguments) {
    }
}

fn last_of(ty: &Type) -> Option<&syn::PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    }
}

/// The first type that a type of this name is given.
fn argument_of<'t>(ty: &'t Type, name: &str) -> Option<&'t Type> {
    let last = last_of(ty).filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each public method of `Server` is among those that no request may be named after.
    #[test]
    fn all_are_taken() {
        let files = [
            include_str!("../../src/gen_server/handle.rs"),
            include_str!("../../src/ask.rs"),
        ];
        let files = files.map(|text| syn::parse_file(text).expect("it is Rust"));
        let own = |item: &syn::Item| match item {
            syn::Item::Impl(it) if it.trait_.is_none() => argument_of(&it.self_ty, "Server")
                .is_some()
                .then(|| it.items.clone()),
            _ => None,
        };
        let items = files.iter().flat_map(|file| &file.items);
        let methods = items.filter_map(own).flatten();
        let mut names: Vec<String> = methods
            .filter_map(|item| match item {
                syn::ImplItem::Fn(method) if matches!(method.vis, syn::Visibility::Public(_)) => {
                    Some(method.sig.ident.to_string())
                }
                _ => None,
            })
            .collect();
        // By a trait that is in the prelude.
        names.push("clone".to_owned());
        names.sort_unstable();
        assert_eq!(names, TAKEN);
    }
}
