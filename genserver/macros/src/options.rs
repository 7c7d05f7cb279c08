//! What stands in the parentheses of `#[gen_server(..)]`.
//!
//! ```text
//! options := [VISIBILITY] [","] ["crate" "=" PATH] [","]
//! ```

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Path, Result, Token, Visibility};

/// The options given.
pub(crate) struct Options {
    /// The client's.
    pub(crate) visibility: Visibility,
    krate: Option<Path>,
}

impl Options {
    /// The path of the crate's half for expansions.
    pub(crate) fn rt(&self) -> TokenStream {
        match &self.krate {
            Some(krate) => quote!(#krate::__rt),
            None => quote!(::genserver::__rt),
        }
    }
}

impl Parse for Options {
    fn parse(input: ParseStream) -> Result<Options> {
        let is_crate = input.peek(Token![crate]) && input.peek2(Token![=]);
        let visibility = if is_crate {
            Visibility::Inherited
        } else {
            input.parse()?
        };
        if !is_crate && !input.is_empty() && !matches!(visibility, Visibility::Inherited) {
            input.parse::<Token![,]>()?;
        }
        let mut krate = None;
        if input.peek(Token![crate]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            krate = Some(input.parse()?);
            input.parse::<Option<Token![,]>>()?;
        }
        if !input.is_empty() {
            return Err(input.error(
                "unknown option; there are a visibility for the client, such as `pub`, and \
                 `crate = PATH`",
            ));
        }
        Ok(Options { visibility, krate })
    }
}
