//! What stands in the parentheses of `#[runtime::main(..)]` and `#[runtime::test(..)]`.
//!
//! ```text
//! options := [option ("," option)* [","]]
//! option  := "workers" "=" EXPR | "stack_size" "=" EXPR | "unsafe" "(" "migrate" ")"
//!          | "paused" (tests only) | "crate" "=" PATH
//! ```

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Error, Expr, Ident, Lit, Path, Result, Token};

use crate::entry::Entry;

/// The options given.
#[derive(Default)]
pub(crate) struct Options {
    workers: Option<Expr>,
    stack_size: Option<Expr>,
    paused: Option<()>,
    /// The user's word `migrate`, which stood in `unsafe(..)`.
    migrate: Option<Ident>,
    krate: Option<Path>,
}

impl Options {
    pub(crate) fn parse(entry: Entry, tokens: TokenStream) -> Result<Options> {
        let all = |input: ParseStream| {
            let mut options = Options::default();
            while !input.is_empty() {
                options.parse_one(entry, input)?;
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(options)
        };
        all.parse2(tokens)
    }

    fn parse_one(&mut self, entry: Entry, input: ParseStream) -> Result<()> {
        if input.peek(Token![unsafe]) {
            input.parse::<Token![unsafe]>()?;
            let promise;
            syn::parenthesized!(promise in input);
            let name: Ident = promise.parse()?;
            if name != "migrate" {
                return Err(Error::new(name.span(), "expected `unsafe(migrate)`"));
            }
            return once(&name.clone(), &mut self.migrate, name);
        }
        let name = input.call(Ident::parse_any)?;
        match name.to_string().as_str() {
            "workers" => {
                let workers: Expr = value(&name, input)?;
                if is_zero(&workers) {
                    return Err(Error::new_spanned(
                        workers,
                        "a node has at least one worker",
                    ));
                }
                once(&name, &mut self.workers, workers)
            }
            "stack_size" => once(&name, &mut self.stack_size, value(&name, input)?),
            "crate" => once(&name, &mut self.krate, value(&name, input)?),
            "paused" if entry == Entry::Test => once(&name, &mut self.paused, ()),
            "paused" => Err(Error::new(
                name.span(),
                "virtual time is for tests: `paused` is an option of `#[runtime::test]`",
            )),
            "migrate" => Err(Error::new(
                name.span(),
                "suspended processes may move between threads only if no code keeps a thread-tied \
                 value over a switch point, which the compiler cannot check: write \
                 `unsafe(migrate)` to promise it",
            )),
            _ => Err(Error::new(
                name.span(),
                format_args!(
                    "unknown option `{name}`; there are `workers = N`, `stack_size = BYTES`, \
                     `unsafe(migrate)`, {}`crate = PATH`",
                    if entry == Entry::Test {
                        "`paused`, "
                    } else {
                        ""
                    }
                ),
            )),
        }
    }

    /// The path of the runtime's hidden half.
    pub(crate) fn rt(&self) -> TokenStream {
        match &self.krate {
            Some(krate) => quote!(#krate::__rt),
            None => quote!(::runtime::__rt),
        }
    }

    /// The expression of the node's builder.
    pub(crate) fn builder(&self) -> TokenStream {
        let (rt, at) = (self.rt(), Span::mixed_site());
        let mut builder = quote_spanned!(at=> #rt::Builder::new());
        if let Some(workers) = &self.workers {
            builder.extend(quote_spanned!(at=> .workers(#workers)));
        }
        if let Some(stack_size) = &self.stack_size {
            builder.extend(quote_spanned!(at=> .stack_size(#stack_size)));
        }
        if self.paused.is_some() {
            builder = quote_spanned!(at=> #rt::paused(#builder));
        }
        let Some(promise) = &self.migrate else {
            return builder;
        };
        // The block is the user's, at the user's word, so that their `forbid(unsafe_code)` sees it.
        let mut block = Group::new(
            Delimiter::Brace,
            quote_spanned!(at=> #rt::Builder::assume_migration_safe(builder)),
        );
        block.set_span(promise.span());
        let (promise, block) = (Token![unsafe](promise.span()), TokenTree::from(block));
        quote_spanned!(at=> { let builder = #builder; #promise #block })
    }
}

/// Sets an option that may be given once.
fn once<T>(name: &Ident, option: &mut Option<T>, value: T) -> Result<()> {
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(
            name.span(),
            format_args!("`{name}` is given twice"),
        )),
    }
}

fn value<T: Parse>(name: &Ident, input: ParseStream) -> Result<T> {
    if !input.peek(Token![=]) {
        return Err(Error::new(
            name.span(),
            format_args!("`{name}` needs a value: `{name} = ..`"),
        ));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

fn is_zero(value: &Expr) -> bool {
    matches!(value, Expr::Lit(literal)
        if matches!(&literal.lit, Lit::Int(int) if int.base10_digits() == "0"))
}
