//! `#[runtime::main]` and `#[runtime::test]`: a function that the program, or the test harness,
//! calls on a thread of the operating system, and whose body runs as a process.
//!
//! ```text
//! fn main() -> ExitCode {                      the user's attributes and name
//!     fn main() -> T { BODY }                  the user's function
//!     __rt::main(BUILDER, || main().report())  runs it as the root process of a node
//! }
//! ```

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{AttrStyle, Attribute, Error, ItemFn, Result, ReturnType, Type};

use crate::options::Options;

/// Which of the attributes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Main,
    Test,
}

/// Writes a `#[runtime::main]`.
pub(crate) fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(Entry::Main, options, item).unwrap_or_else(|error| {
        // An empty `main`, so that rustc does not miss it on top.
        let error = error.into_compile_error();
        quote!(#error fn main() {})
    })
}

/// Writes a `#[runtime::test]`.
pub(crate) fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(Entry::Test, options, item).unwrap_or_else(Error::into_compile_error)
}

fn expand(entry: Entry, options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut inner: ItemFn = syn::parse2(item).map_err(|error| {
        let reason = match entry {
            Entry::Main => "`#[runtime::main]` belongs on `fn main`",
            Entry::Test => "`#[runtime::test]` belongs on a function",
        };
        Error::new(error.span(), reason)
    })?;
    check(entry, &inner)?;
    let options = Options::parse(entry, options)?;

    let (attributes, inner_attributes): (Vec<_>, Vec<_>) = inner
        .attrs
        .drain(..)
        .partition(|attribute| matches!(attribute.style, AttrStyle::Outer));
    inner.attrs = inner_attributes;
    let visibility = std::mem::replace(&mut inner.vis, syn::Visibility::Inherited);
    let name = &inner.sig.ident;

    let (rt, builder) = (options.rt(), options.builder());
    let at = Span::mixed_site();
    // If what it returns cannot be reported, the error is at the type.
    let call = match &inner.sig.output {
        ReturnType::Default => quote!(#name()),
        ReturnType::Type(_, ty) => {
            let mut name = name.clone();
            name.set_span(ty.span());
            quote_spanned!(ty.span()=> #name())
        }
    };
    let (function, harness) = match entry {
        Entry::Main => (quote!(main), None),
        Entry::Test => (quote!(test), Some(quote!(#[::core::prelude::v1::test]))),
    };
    // A test without a result must say so itself, or `#[should_panic]` is refused.
    let (output, body) = if entry == Entry::Test && is_unit(&inner.sig.output) {
        (None, quote!(#name))
    } else {
        (
            Some(quote_spanned!(at=> -> ::std::process::ExitCode)),
            quote_spanned!(at=> || ::std::process::Termination::report(#call)),
        )
    };
    Ok(quote_spanned!(at=>
        #harness
        #(#attributes)*
        #visibility fn #name() #output {
            #inner
            #rt::#function(#builder, #body)
        }
    ))
}

/// Refuses what cannot be run as a process without arguments.
fn check(entry: Entry, item: &ItemFn) -> Result<()> {
    let signature = &item.sig;
    let what = match entry {
        Entry::Main => "`main`",
        Entry::Test => "a test",
    };
    let refuse = |tokens: &dyn ToTokens, reason: String| {
        Err(Error::new_spanned(tokens.to_token_stream(), reason))
    };
    if let Some(word) = &signature.asyncness {
        return refuse(
            word,
            format!("{what} is a process and may block: drop the `async`"),
        );
    }
    if let Some(word) = &signature.constness {
        return refuse(
            word,
            format!("{what} is a plain function: drop the `const`"),
        );
    }
    if let Some(word) = &signature.unsafety {
        return refuse(
            word,
            format!("{what} is a plain function: drop the `unsafe`"),
        );
    }
    if let Some(abi) = &signature.abi {
        return refuse(
            abi,
            format!("{what} is a plain function: drop the `extern`"),
        );
    }
    if !signature.generics.params.is_empty() {
        return refuse(
            &signature.generics,
            format!("{what} has no generic parameters"),
        );
    }
    if !signature.inputs.is_empty() {
        return refuse(&signature.inputs, format!("{what} takes no arguments"));
    }
    if entry == Entry::Main && signature.ident != "main" {
        return refuse(
            &signature.ident,
            "`#[runtime::main]` belongs on `fn main`".into(),
        );
    }
    match item.attrs.iter().find(|attribute| is_test(attribute)) {
        Some(attribute) if entry == Entry::Test => refuse(
            attribute,
            "`#[runtime::test]` makes it a test: drop the `#[test]`".into(),
        ),
        _ => Ok(()),
    }
}

fn is_test(attribute: &Attribute) -> bool {
    attribute
        .path()
        .segments
        .last()
        .is_some_and(|last| last.ident == "test")
}

fn is_unit(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => matches!(&**ty, Type::Tuple(unit) if unit.elems.is_empty()),
    }
}
