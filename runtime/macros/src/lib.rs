//! The procedural macros of the crate `runtime`, which wraps and documents them: users never name
//! this crate.
//!
//! * `grammar` reads the arms of `receive!` and `match_message!`, `pattern` and
//!   `guard` look into their parts, `expansion` writes the code.
//! * `spawn` is `spawn!` with arguments.
//! * `entry` is `#[runtime::main]` and `#[runtime::test]`, `options` what stands in
//!   their parentheses.
//!
//! The function-like macros are called through a `macro_rules!` of `runtime` that puts `[$crate]`
//! before the user's tokens, so that a renamed dependency works. All code they write names things
//! as `$crate::__rt::..`, has locals that the user's code cannot see, and no `unsafe` but the user's `unsafe(migrate)`. On
//! an error of their own they write `compile_error!` alone, so that one mistake is one message.

mod entry;
mod expansion;
mod grammar;
mod guard;
mod options;
mod pattern;
mod spawn;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::parse::{ParseStream, Parser};

/// `receive! { [$crate] arms.. }`; see `runtime::receive!`.
#[proc_macro]
pub fn receive(input: TokenStream) -> TokenStream {
    expression(input, |rt, input| {
        Ok(expansion::receive(rt, &grammar::receive(input)?))
    })
}

/// `match_message! { [$crate] message { arms.. } }`; see `runtime::match_message!`.
#[proc_macro]
pub fn match_message(input: TokenStream) -> TokenStream {
    expression(input, |rt, input| {
        let (message, arms) = grammar::match_message(input)?;
        Ok(expansion::match_message(rt, &message, &arms))
    })
}

/// `spawn! { [$crate] function, arguments.. }`; see `runtime::spawn!`.
#[proc_macro]
pub fn spawn(input: TokenStream) -> TokenStream {
    expression(input, |rt, input| spawn::spawn(rt, "spawn", input))
}

/// `spawn_link! { [$crate] function, arguments.. }`; see `runtime::spawn_link!`.
#[proc_macro]
pub fn spawn_link(input: TokenStream) -> TokenStream {
    expression(input, |rt, input| spawn::spawn(rt, "spawn_link", input))
}

/// `spawn_monitor! { [$crate] function, arguments.. }`; see `runtime::spawn_monitor!`.
#[proc_macro]
pub fn spawn_monitor(input: TokenStream) -> TokenStream {
    expression(input, |rt, input| spawn::spawn(rt, "spawn_monitor", input))
}

/// See `runtime::main`.
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::main(options.into(), item.into()).into()
}

/// See `runtime::test`.
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::test(options.into(), item.into()).into()
}

/// Runs a macro that stands for an expression; on errors it stands for them alone.
fn expression(
    input: TokenStream,
    expand: impl FnOnce(&Tokens, ParseStream) -> syn::Result<Tokens>,
) -> TokenStream {
    let parser = |input: ParseStream| {
        let krate;
        syn::bracketed!(krate in input);
        let krate: Tokens = krate.parse()?;
        expand(&quote!(#krate::__rt), input)
    };
    match parser.parse(input) {
        Ok(expansion) => expansion.into(),
        Err(error) => {
            let errors = error.into_compile_error();
            quote!({ #errors }).into()
        }
    }
}
