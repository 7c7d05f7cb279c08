//! `#[gen_server]`, for the crate `genserver`, which documents it: users never name this crate.
//!
//! * `options` is what stands in its parentheses.
//! * `method` reads a method: its role, what it is given, what it returns.
//! * `server` gathers the methods of an `impl` block.
//! * `expansion` writes the trait's implementation, the requests' types, and the client.
//!
//! All code that is written names things as `::genserver::__rt::..`, has locals that the user's
//! code cannot see, and no `unsafe`. After an error the server is written nevertheless, with bodies
//! that are never run, so that one mistake is one message.

mod expansion;
mod method;
mod options;
mod server;

use proc_macro::TokenStream;

/// See `genserver::gen_server`.
#[proc_macro_attribute]
pub fn gen_server(options: TokenStream, item: TokenStream) -> TokenStream {
    match expand(options, item) {
        Ok(tokens) => tokens,
        Err(error) => error.into_compile_error().into(),
    }
}

fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let options: options::Options = syn::parse(options)?;
    let server = server::Server::read(syn::parse(item)?)?;
    Ok(expansion::expand(&options, &server).into())
}
