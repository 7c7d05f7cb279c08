//! The code of `spawn!(function, arguments..)`.
//!
//! Function and arguments are evaluated by the parent, in order, each owned by a local; the
//! child calls. `spawn!(closure)` needs no code of ours: see `runtime::spawn!`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, Result, Token};

/// Writes a `spawn!` with arguments, or one of its kin, which the runtime's function `how` does.
pub(crate) fn spawn(rt: &TokenStream, how: &str, input: ParseStream) -> Result<TokenStream> {
    let parts = Punctuated::<Expr, Token![,]>::parse_terminated(input)?;
    // Each local lies where its expression does, so that errors of its use point there.
    let (locals, owned): (Vec<_>, Vec<_>) = parts
        .iter()
        .enumerate()
        .map(|(number, part)| {
            let at = Span::mixed_site().located_at(part.span());
            let local = format_ident!("part{number}", span = at);
            let owned = quote_spanned!(at=> let #local = #rt::argument(#part););
            (local, owned)
        })
        .unzip();
    let Some((function, arguments)) = locals.split_first() else {
        return Err(Error::new(
            input.span(),
            "expected a closure, or a function and its arguments",
        ));
    };
    let at = function.span();
    let call = quote_spanned!(at=> #function(#(#arguments),*));
    let at = Span::mixed_site();
    let how = Ident::new(how, at);
    Ok(quote_spanned!(at=> { #(#owned)* #rt::#how(move || #call) }))
}
