//! What is written for a server.
//!
//! ```text
//! impl Counter { .. }                                  the block, as the user wrote it
//! trait CounterClient: Ask<Counter> { fn add(..); }    the client
//! const _: () = {
//!     enum CounterCall { Add { by: u64 } }             the requests, whose names nobody needs
//!     impl<M: Ask<Counter>> CounterClient for M { .. }
//!     impl GenServer for Counter { .. }                takes requests to the methods
//! };
//! ```
//!
//! An answer travels as it is, so that each call has its own type: for the trait it is a message.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Attribute, GenericParam, Type};

use crate::method::{Answer, Method, Parameter, Role, is_any};
use crate::options::Options;
use crate::server::Server;

/// Writes the server.
pub(crate) fn expand(options: &Options, server: &Server) -> TokenStream {
    let rt = options.rt();
    let write = Expansion { rt, server };
    let client = write.client(options);
    let call = write.requests(Role::Call);
    let cast = write.requests(Role::Cast);
    let (asks, implementation) = (write.asks(), write.implementation());
    let block = &server.block;
    let errors = server.error.as_ref().map(syn::Error::to_compile_error);
    quote! {
        #errors
        #block
        #client
        const _: () = {
            #call
            #cast
            #asks
            #implementation
        };
    }
}

struct Expansion<'s> {
    rt: TokenStream,
    server: &'s Server,
}

impl Expansion<'_> {
    /// The path of the crate's half for expansions, for code whose errors belong elsewhere.
    fn rt_at(&self, at: Span) -> TokenStream {
        let tokens = self.rt.clone().into_iter();
        let moved = tokens.map(|mut token| {
            token.set_span(token.span().located_at(at));
            token
        });
        moved.collect()
    }

    fn client_name(&self) -> Ident {
        format_ident!("{}Client", self.server.name)
    }

    /// The name of the requests' type.
    fn requests_name(&self, role: Role) -> Ident {
        format_ident!("{}{role:?}", self.server.name)
    }

    /// The requests' type.
    fn requests_type(&self, role: Role) -> TokenStream {
        if self.server.of(role).next().is_none() {
            let rt = &self.rt;
            return quote!(#rt::Never);
        }
        let name = self.requests_name(role);
        let (_, generics, _) = self.server.generics().split_for_impl();
        quote!(#name #generics)
    }

    fn client(&self, options: &Options) -> TokenStream {
        let (rt, visibility) = (&self.rt, &options.visibility);
        let (name, ty) = (self.client_name(), &self.server.block.self_ty);
        let (generics, _, bounds) = self.server.generics().split_for_impl();
        let functions = self.server.methods.iter().filter_map(|method| {
            let (attributes, signature) = (&method.shared, self.signature(method)?);
            let cfgs = &method.cfgs;
            Some(quote!(#(#cfgs)* #(#attributes)* #signature;))
        });
        let cfgs = cfgs_of(self.server);
        let doc = format!(
            "What a `{}` is asked, as functions of a `Server` of it: a call waits for its answer. Of \
             `server.timeout(time)` it waits for so long; of `server.later()` not at all, and gives \
             the request's id.",
            self.server.name
        );
        quote! {
            #(#cfgs)*
            #[doc = #doc]
            #[allow(missing_docs, private_bounds, private_interfaces, reason = "they are as the methods")]
            #visibility trait #name #generics: #rt::Ask<#ty> #bounds {
                #(#functions)*
            }
        }
    }

    /// A client's function.
    fn signature(&self, method: &Method) -> Option<TokenStream> {
        let name = &method.name;
        let parameters = method
            .parameters
            .iter()
            .map(|Parameter { name, ty }| quote!(#name: #ty));
        let parameters = quote!(&self, #(#parameters),*);
        match (method.role, method.answer.ty()) {
            (Role::Cast, _) => Some(quote!(fn #name(#parameters))),
            (Role::Call, Some(answer)) => {
                let at = Span::call_site().located_at(method.returns);
                let out = quote_spanned!(at=> Self::Out<#answer>);
                Some(quote!(fn #name(#parameters) -> #out))
            }
            _ => None,
        }
    }

    /// The type of the calls, or of the casts.
    fn requests(&self, role: Role) -> Option<TokenStream> {
        self.server.of(role).next()?;
        let name = self.requests_name(role);
        let generics = self.server.generics();
        let (for_impl, for_type, bounds) = generics.split_for_impl();
        let rt = &self.rt;
        let variants = self.server.of(role).map(|method| {
            let (variant, cfgs) = (method.variant(), &method.cfgs);
            let fields = method
                .parameters
                .iter()
                .map(|Parameter { name, ty }| quote!(#name: #ty));
            quote!(#(#cfgs)* #variant { #(#fields),* },)
        });
        let types = generics.params.iter().filter_map(|param| match param {
            GenericParam::Type(ty) => Some(&ty.ident),
            _ => None,
        });
        // Some request must name them.
        let generic = (!generics.params.is_empty()).then(|| {
            quote!(__Generic(#rt::Never, ::core::marker::PhantomData<fn() -> (
                #(::core::marker::PhantomData<#types>,)*
            )>),)
        });
        let shown = self.server.of(role).map(|method| {
            let (variant, cfgs, attributes) = (method.variant(), &method.cfgs, locals(method));
            let text = variant.to_string();
            let fields = method.parameters.iter().zip(&attributes);
            let pattern = fields.clone().map(|(parameter, local)| {
                let name = &parameter.name;
                quote!(#name: #local)
            });
            let fields = fields.map(|(parameter, local)| {
                let at = Span::mixed_site().located_at(syn::spanned::Spanned::span(&parameter.ty));
                let name = parameter.name.to_string();
                let local = Ident::new(&local.to_string(), at);
                quote_spanned!(at=> .field(#name, #local))
            });
            quote!(#(#cfgs)* Self::#variant { #(#pattern),* } => {
                formatter.debug_struct(#text) #(#fields)* .finish()
            })
        });
        let no_generic = generic
            .as_ref()
            .map(|_| quote!(Self::__Generic(never, _) => match *never {},));
        Some(quote! {
            #[allow(private_bounds, private_interfaces, reason = "nobody can name it")]
            pub enum #name #for_impl #bounds { #(#variants)* #generic }

            impl #for_impl ::core::fmt::Debug for #name #for_type #bounds {
                fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    match self { #(#shown)* #no_generic }
                }
            }
        })
    }

    /// The client's functions ask.
    fn asks(&self) -> TokenStream {
        let (rt, ty) = (&self.rt, &self.server.block.self_ty);
        let name = self.client_name();
        let (_, for_type, bounds) = self.server.generics().split_for_impl();
        let params = &self.server.generics().params;
        let functions = self.server.methods.iter().filter_map(|method| {
            let signature = self.signature(method)?;
            let (cfgs, variant) = (&method.cfgs, method.variant());
            let request = self.requests_name(method.role);
            let fields = method.parameters.iter().map(|parameter| &parameter.name);
            let request = quote!(#request::#variant { #(#fields),* });
            let body = match method.answer.ty() {
                None => quote!(<Self as #rt::Ask<#ty>>::tell(self, #request)),
                Some(answer) => {
                    let is_message = self.is_message(answer);
                    quote!(#is_message <Self as #rt::Ask<#ty>>::ask::<#answer>(self, #request))
                }
            };
            Some(quote! {
                #(#cfgs)*
                #[cfg_attr(debug_assertions, track_caller)]
                #signature { #body }
            })
        });
        let comma = (!params.is_empty() && !params.trailing_punct()).then(|| quote!(,));
        quote! {
            #[allow(deprecated, reason = "a method may be, which is told where it is asked for")]
            impl<#params #comma __Asker: #rt::Ask<#ty>> #name #for_type for __Asker #bounds {
                #(#functions)*
            }
        }
    }

    fn implementation(&self) -> TokenStream {
        let (rt, ty) = (&self.rt, &self.server.block.self_ty);
        let (generics, _, bounds) = self.server.generics().split_for_impl();
        let (call, cast) = (
            self.requests_type(Role::Call),
            self.requests_type(Role::Cast),
        );
        let given = |role: Role, none: TokenStream| {
            let method = self.server.of(role).next();
            method.map_or(none, |method| given(&method.parameters))
        };
        let args = given(Role::Init, quote!(()));
        let continues = given(Role::Continued, quote!(#rt::Never));
        let callbacks = [
            Some(self.init()),
            Some(self.handle_call()),
            self.handle_cast(),
            self.handle_continue(),
            self.handle_info(),
            self.terminate(),
        ];
        let verbatim = &self.server.callbacks;
        quote! {
            #[allow(deprecated, reason = "a method may be, which is told where it is asked for")]
            impl #generics #rt::GenServer for #ty #bounds {
                type Args = #args;
                type Call = #call;
                type Reply = #rt::AnyMessage;
                type Cast = #cast;
                type Continue = #continues;

                #(#callbacks)*
                #(#verbatim)*
            }
        }
    }

    /// The body of a callback; after an error, one that is never run.
    fn body(&self, body: TokenStream) -> TokenStream {
        match &self.server.error {
            None => body,
            Some(_) => quote!(::core::unreachable!()),
        }
    }

    fn init(&self) -> TokenStream {
        let rt = &self.rt;
        let at = Span::mixed_site();
        let call = self.server.of(Role::Init).map(|method| {
            let call = call(method, &locals(method), None);
            let pattern = pattern(&locals(method));
            let (at, cfgs) = (at.located_at(method.returns), &method.cfgs);
            quote_spanned!(at=> #(#cfgs)* { let #pattern = args; #rt::init::<Self, _>(#call) })
        });
        let body = self.body(quote!(#(#call)*));
        quote_spanned! {at=>
            #[allow(unused_variables, reason = "after an error, or without requests, nobody reads them")]
            fn init(args: Self::Args)
                -> ::core::result::Result<#rt::Init<Self, Self::Continue>, #rt::ExitReason> { #body }
        }
    }

    fn handle_call(&self) -> TokenStream {
        let rt = &self.rt;
        let at = Span::mixed_site();
        let arms = self.server.of(Role::Call).map(|method| {
            let later = match &method.answer {
                Answer::Later(place, ty) => {
                    Some((*place, quote_spanned!(at=> from.client().of::<#ty>())))
                }
                _ => None,
            };
            let call = call(method, &locals(method), later);
            let at = at.located_at(method.returns);
            let rt = self.rt_at(at);
            let is_message = method.answer.ty().map(|answer| self.is_message(answer));
            let called = match &method.answer {
                Answer::Returned(ty) => quote_spanned!(at=> #rt::answered::<#ty, _>(#call)),
                Answer::Called(ty) | Answer::Later(_, ty) => {
                    quote_spanned!(at=> #rt::called::<#ty, _, _>(#call))
                }
                Answer::None => TokenStream::new(),
            };
            self.arm(Role::Call, method, quote!(#is_message #called))
        });
        let none = self.no_more(Role::Call);
        let body = self.body(quote_spanned!(at=> match request { #(#arms)* #none }));
        quote_spanned! {at=>
            #[allow(unused_variables, reason = "after an error, and without calls, nothing looks at them")]
            fn handle_call(&mut self, request: Self::Call, from: #rt::From<#rt::AnyMessage>)
                -> ::core::result::Result<#rt::Called<#rt::AnyMessage, Self::Continue>, #rt::ExitReason>
            { #body }
        }
    }

    fn handle_cast(&self) -> Option<TokenStream> {
        let at = Span::mixed_site();
        self.server.of(Role::Cast).next()?;
        let arms = self.server.of(Role::Cast).map(|method| {
            let done = self.done(method, call(method, &locals(method), None));
            self.arm(Role::Cast, method, done)
        });
        let none = self.no_more(Role::Cast);
        let body = self.body(quote_spanned!(at=> match request { #(#arms)* #none }));
        let returned = self.returned();
        Some(quote_spanned! {at=>
            fn handle_cast(&mut self, request: Self::Cast) -> #returned { #body }
        })
    }

    fn handle_continue(&self) -> Option<TokenStream> {
        let at = Span::mixed_site();
        let method = self.server.of(Role::Continued).next()?;
        let pattern = pattern(&locals(method));
        let done = self.done(method, call(method, &locals(method), None));
        let body = self.body(quote_spanned!(at=> let #pattern = with; #done));
        let returned = self.returned();
        Some(quote_spanned! {at=>
            #[allow(unused_variables, reason = "after an error, and without calls, nothing looks at them")]
            fn handle_continue(&mut self, with: Self::Continue) -> #returned { #body }
        })
    }

    fn handle_info(&self) -> Option<TokenStream> {
        let (rt, at) = (&self.rt, Span::mixed_site());
        let infos = || {
            self.server
                .of(Role::Info)
                .chain(self.server.of(Role::Timeout))
        };
        infos().next()?;
        let catches_all = |method: &&Method| {
            method
                .parameters
                .first()
                .is_some_and(|parameter| is_any(&parameter.ty))
        };
        let typed = infos().filter(|method| !catches_all(method)).map(|method| {
            let cfgs = &method.cfgs;
            let local = format_ident!("typed", span = at);
            let (ty, given) = match method.parameters.first() {
                Some(parameter) => (own(&parameter.ty), vec![local.clone()]),
                None => (quote!(#rt::Timeout), Vec::new()),
            };
            let done = self.done(method, call(method, &given, None));
            quote_spanned! {at=>
                #(#cfgs)*
                let message = match message.downcast::<#ty>() {
                    ::core::result::Result::Ok(#local) => { let _ = &#local; return #done; }
                    ::core::result::Result::Err(message) => message,
                };
            }
        });
        let message = format_ident!("message", span = at);
        let rest = match infos().find(catches_all) {
            Some(method) => self.done(method, call(method, &[message], None)),
            None => quote_spanned!(at=> #rt::no_info::<Self>(message)),
        };
        let body = self.body(quote!(#(#typed)* #rest));
        let returned = self.returned();
        Some(quote_spanned! {at=>
            fn handle_info(&mut self, message: #rt::AnyMessage) -> #returned { #body }
        })
    }

    fn terminate(&self) -> Option<TokenStream> {
        let (rt, at) = (&self.rt, Span::mixed_site());
        let method = self.server.of(Role::Terminate).next()?;
        let (cfgs, reason) = (&method.cfgs, format_ident!("reason", span = at));
        let body = self.body(call(method, std::slice::from_ref(&reason), None));
        Some(quote_spanned! {at=>
            #(#cfgs)*
            fn terminate(&mut self, #reason: &#rt::ExitReason) { #body }
        })
    }

    /// Where an answer that is no message is told of.
    fn is_message(&self, answer: &Type) -> TokenStream {
        let at = Span::mixed_site().located_at(syn::spanned::Spanned::span(answer));
        let rt = self.rt_at(at);
        quote_spanned!(at=> #rt::is_message::<#answer>();)
    }

    /// What the trait's callbacks return, `init` and `handle_call` apart.
    fn returned(&self) -> TokenStream {
        let rt = &self.rt;
        quote!(::core::result::Result<#rt::Done<Self::Continue>, #rt::ExitReason>)
    }

    fn done(&self, method: &Method, call: TokenStream) -> TokenStream {
        let at = Span::mixed_site().located_at(method.returns);
        let rt = self.rt_at(at);
        quote_spanned!(at=> #rt::done(#call))
    }

    fn arm(&self, role: Role, method: &Method, body: TokenStream) -> TokenStream {
        let (name, variant, cfgs) = (self.requests_name(role), method.variant(), &method.cfgs);
        let fields = method.parameters.iter().map(|parameter| &parameter.name);
        let locals = locals(method);
        quote!(#(#cfgs)* #name::#variant { #(#fields: #locals),* } => { #body })
    }

    /// The arm for the request that there never is.
    fn no_more(&self, role: Role) -> Option<TokenStream> {
        let name = self.requests_name(role);
        let some = self.server.of(role).next().is_some();
        let generic = some && !self.server.generics().params.is_empty();
        generic.then(
            || quote_spanned!(Span::mixed_site()=> #name::__Generic(never, _) => match never {},),
        )
    }
}

/// The block's `cfg`s.
fn cfgs_of(server: &Server) -> impl Iterator<Item = &Attribute> {
    let attributes = server.block.attrs.iter();
    attributes.filter(|attribute| attribute.path().is_ident("cfg"))
}

/// The type by which all of it is given: the one, or a tuple.
fn given(parameters: &[Parameter]) -> TokenStream {
    let types = parameters.iter().map(|parameter| own(&parameter.ty));
    match parameters.len() {
        1 => quote!(#(#types)*),
        _ => quote!((#(#types),*)),
    }
}

fn own(ty: &Type) -> TokenStream {
    quote!(#ty)
}

/// Locals for a method's parameters, hidden from the user.
fn locals(method: &Method) -> Vec<Ident> {
    let numbers = 0..method.parameters.len();
    let at = Span::mixed_site();
    numbers
        .map(|number| format_ident!("given{number}", span = at))
        .collect()
}

fn pattern(locals: &[Ident]) -> TokenStream {
    match locals {
        [one] => quote!(#one),
        _ => quote!((#(#locals),*)),
    }
}

/// The call of a method; `from` stands before the parameter of its number.
fn call(method: &Method, locals: &[Ident], from: Option<(usize, TokenStream)>) -> TokenStream {
    let at = Span::mixed_site().located_at(method.returns);
    let name = &method.name;
    let mut given: Vec<TokenStream> = locals.iter().map(|local| quote!(#local)).collect();
    if let Some((place, from)) = from {
        given.insert(place, from);
    }
    match method.role {
        Role::Init => quote_spanned!(at=> Self::#name(#(#given),*)),
        _ => quote_spanned!(at=> Self::#name(self, #(#given),*)),
    }
}
