//! The code of `receive!` and `match_message!`.
//!
//! ```text
//! { let arm0 = Arm::new();                             one for each type; rustc infers which
//!   let picked = receive(deadline, keys, |cursor| {    the scan: which arm takes the message?
//!       ..tests, in the order of the arms.. 0 });
//!   match picked.arm() {                               the bodies, outside everything hidden
//!       1 => match picked.take(arm0) { PATTERN => BODY, _ => unmatched() },
//!       _ => AFTER } }
//! ```
//!
//! * A test is a match on the pattern without its bindings. Arms of one type that follow each
//!   other without guards share one test.
//! * For a guard the message is lifted out in its box, from which a pattern binds by value
//!   without moving; the guard's arm is never taken there, and the message always goes back.
//!   Behind an or-pattern the guard is asked for one alternative after another, as rustc does; the
//!   body's match counts to the one that it accepted.
//! * Arms of one type that do not share one test stand together once more in a closure that is
//!   never called: there rustc finds those that are never reached.
//!
//! All of it has `mixed_site` hygiene: the user's code cannot see the locals.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use crate::grammar::{Arm, Arms, Takes};
use crate::guard;
use crate::pattern::{self, Bindings};

/// Writes a `receive!`.
pub(crate) fn receive(rt: &TokenStream, input: &Arms) -> TokenStream {
    let at = Span::mixed_site();
    let (deadline, otherwise) = match &input.after {
        Some(after) => {
            let (deadline, body) = (as_argument(&after.deadline), &after.body);
            (
                quote_spanned!(at=> #rt::IntoDeadline::into_deadline(#deadline)),
                around(
                    body,
                    quote_spanned!(at=> picked.timed_out()),
                    quote_spanned!(at=> () => #body),
                ),
            )
        }
        None => (
            quote_spanned!(at=> #rt::Deadline::Never),
            quote_spanned!(at=> #rt::unmatched()),
        ),
    };
    let plan = Plan::new(rt, &input.arms);
    let (locals, keys, scan, bodies) = (plan.locals(), plan.keys(), plan.scan(), plan.bodies());
    quote_spanned!(at=> {
        let deadline = #deadline;
        #locals
        let picked = #rt::receive(deadline, #keys, &mut |cursor: &mut #rt::Cursor| { #scan });
        match picked.arm() { #bodies _ => #otherwise }
    })
}

/// Writes a `match_message!`.
pub(crate) fn match_message(rt: &TokenStream, message: &TokenStream, input: &Arms) -> TokenStream {
    let at = Span::mixed_site();
    let message = as_argument(message);
    let plan = Plan::new(rt, &input.arms);
    let (locals, scan, bodies) = (plan.locals(), plan.scan(), plan.bodies());
    quote_spanned!(at=> {
        #locals
        let picked = #rt::match_message(#message, |cursor: &mut #rt::Cursor| { #scan });
        match picked.arm() { #bodies _ => #rt::unmatched() }
    })
}

/// The arms, and their types.
struct Plan<'a> {
    /// The path `$crate::__rt`.
    rt: &'a TokenStream,
    arms: Vec<Numbered<'a>>,
    families: Vec<Family<'a>>,
}

/// Arms whose messages have the same type.
struct Family<'a> {
    name: &'a str,
    ty: Option<&'a Type>,
    /// The local that stands for the type.
    local: Ident,
    /// They follow each other without guards: one test shows them all.
    one_test: bool,
    size: usize,
}

struct Numbered<'a> {
    written: &'a Arm,
    /// What the scan returns for the arm; 0 is no arm.
    number: u32,
    /// The place of the arm's family; `None`: the arm is a catch-all.
    family: Option<usize>,
}

impl Numbered<'_> {
    /// The local that counts how often the guard was asked, if that may be more than once.
    fn tries(&self) -> Option<Ident> {
        let counts =
            self.written.guard.is_some() && Bindings::of(&self.written.pattern).alternatives;
        counts.then(|| {
            let number = self.number;
            format_ident!("tries{number}", span = Span::mixed_site())
        })
    }
}

impl<'a> Plan<'a> {
    fn new(rt: &'a TokenStream, arms: &'a [Arm]) -> Plan<'a> {
        let mut families: Vec<Family> = Vec::new();
        let mut numbered: Vec<Numbered> = Vec::new();
        for (arm, number) in arms.iter().zip(1..) {
            let family = match &arm.takes {
                Takes::Every(_) => None,
                Takes::Type { family, ty } => {
                    let known = families.iter().position(|f| f.name == family);
                    Some(known.unwrap_or_else(|| {
                        families.push(Family {
                            name: family,
                            ty: ty.as_ref(),
                            local: local(families.len(), arm),
                            one_test: true,
                            size: 0,
                        });
                        families.len() - 1
                    }))
                }
            };
            if let Some(at) = family {
                let of = &mut families[at];
                let follows = numbered.last().is_some_and(|last| last.family == family);
                of.one_test &= arm.guard.is_none() && (of.size == 0 || follows);
                of.size += 1;
            }
            numbered.push(Numbered {
                written: arm,
                number,
                family,
            });
        }
        Plan {
            rt,
            arms: numbered,
            families,
        }
    }

    /// The locals of the types, with the closures for rustc's eyes, and those that count.
    fn locals(&self) -> TokenStream {
        let rt = self.rt;
        let mut tokens = TokenStream::new();
        for (at, family) in self.families.iter().enumerate() {
            let (local, span) = (&family.local, family.local.span());
            let ty = family.ty.map(|ty| quote!(::<#ty>));
            tokens.extend(quote_spanned!(span=> let #local = #rt::Arm #ty::new();));
            if family.size > 1 && !family.one_test {
                let arms = self
                    .arms
                    .iter()
                    .filter(|arm| arm.family == Some(at))
                    .map(|arm| {
                        let pattern = pattern::without_bindings(&arm.written.pattern);
                        let guard = arm
                            .written
                            .guard
                            .as_ref()
                            .map(|_| quote_spanned!(span=> if true));
                        quote_spanned!(span=> #pattern #guard => {})
                    });
                tokens.extend(quote_spanned!(span=>
                    #local.survey(|message| match *message { #(#arms)* _ => {} });));
            }
        }
        let tries = self.arms.iter().filter_map(Numbered::tries);
        let at = Span::mixed_site();
        tokens.extend(quote_spanned!(at=> #(let mut #tries = 0u32;)*));
        tokens
    }

    /// What the queue filters by: the types' keys, or nothing if an arm is a catch-all.
    fn keys(&self) -> TokenStream {
        let at = Span::mixed_site();
        if self.arms.iter().any(|arm| arm.family.is_none()) {
            return quote_spanned!(at=> ::core::option::Option::None);
        }
        let locals = self.families.iter().map(|family| &family.local);
        quote_spanned!(at=> ::core::option::Option::Some(&[#(#locals.key()),*]))
    }

    /// The body of the scan, which returns the number of the arm that takes the message.
    fn scan(&self) -> TokenStream {
        let at = Span::mixed_site();
        let mut tests = TokenStream::new();
        let mut rest = &self.arms[..];
        while let [first, ..] = rest {
            let together = match (first.family, &first.written.guard) {
                (Some(_), None) => rest
                    .iter()
                    .take_while(|arm| arm.family == first.family && arm.written.guard.is_none())
                    .count(),
                _ => 1,
            };
            let (now, later) = rest.split_at(together);
            let number = first.number;
            tests.extend(match (first.family, &first.written.guard) {
                (Some(family), None) => self.test(&self.families[family], now),
                (None, None) => return quote_spanned!(at=> #tests #number),
                (_, Some(guard)) => self.guarded(first, guard),
            });
            rest = later;
        }
        quote_spanned!(at=> #tests 0)
    }

    /// The test of arms without guards.
    fn test(&self, family: &Family, arms: &[Numbered]) -> TokenStream {
        let (local, span) = (&family.local, family.local.span());
        let patterns = arms
            .iter()
            .map(|arm| pattern::without_bindings(&arm.written.pattern));
        let numbers = arms.iter().map(|arm| arm.number);
        quote_spanned!(span=>
        match cursor.test(#local, |message| match *message { #(#patterns => #numbers,)* _ => 0 }) {
            0 => {}
            number => return number,
        })
    }

    /// The test of an arm with a guard.
    fn guarded(&self, arm: &Numbered, guard: &TokenStream) -> TokenStream {
        let (rt, number) = (self.rt, arm.number);
        let bindings = Bindings::of(&arm.written.pattern);
        let names = &bindings.names;
        let by_value = pattern::without_mut(&arm.written.pattern);
        let at = inside(guard);
        // All variables are used here: those that are not are rustc's to report in the body.
        let ask = quote_spanned!(at=> verdict = #rt::guard(|| #guard););
        let at = Span::mixed_site();
        let (ask, begin) = match arm.tries() {
            None => (ask, None),
            Some(tries) => (
                quote_spanned!(at=> if let #rt::Verdict::Ok(false) = verdict { #tries += 1; #ask }),
                Some(quote_spanned!(at=> #tries = 0;)),
            ),
        };
        let ask = quote_spanned!(at=> { let _ = (#(&#names,)*); #ask false });
        let look = |place: TokenStream| {
            quote_spanned!(at=>
                let mut verdict = #rt::Verdict::Ok(false);
                #begin
                match #place { #by_value if #ask => #rt::unmatched(), _ => {} }
                if cursor.lower(lifted, verdict) { return #number; }
            )
        };
        let Some(family) = arm.family else {
            let look = look(quote_spanned!(at=> lifted));
            return quote_spanned!(at=> { let lifted = cursor.lift_any(); #look });
        };
        let (local, span) = (
            &self.families[family].local,
            self.families[family].local.span(),
        );
        let mutable = bindings.ref_mut.then(|| quote_spanned!(at=> mut));
        let pattern = pattern::without_bindings(&arm.written.pattern);
        let look = look(quote_spanned!(at=> lifted.payload));
        quote_spanned!(span=>
            if let ::core::option::Option::Some(#mutable lifted) =
                cursor.lift(#local, |message| match *message { #pattern if true => true, _ => false })
            { #look })
    }

    /// The arms' bodies.
    fn bodies(&self) -> TokenStream {
        let (rt, at) = (self.rt, Span::mixed_site());
        let body = |arm: &Numbered| {
            let (number, pattern, body) = (arm.number, &arm.written.pattern, &arm.written.body);
            let message = match (&arm.written.takes, arm.family) {
                (_, Some(family)) => {
                    let local = &self.families[family].local;
                    quote_spanned!(at=> picked.take(#local))
                }
                (Takes::Every(Some(ty)), None) => {
                    quote_spanned!(at=> { let message: #ty = picked.message(); message })
                }
                _ => quote_spanned!(at=> picked.message()),
            };
            // The guard has been asked. What only it uses is used.
            let guard = arm.written.guard.as_ref().map(|guard| {
                let mut names = Bindings::of(pattern).names;
                names.retain(|name| guard::mentions(guard, name));
                let accepted = match arm.tries() {
                    None => quote_spanned!(at=> true),
                    Some(tries) => quote_spanned!(at=> #tries -= 1; #tries == 0),
                };
                quote_spanned!(at=> if { let _ = (#(&#names,)*); #accepted })
            });
            let arms = quote_spanned!(at=> #pattern #guard => #body, _ => #rt::unmatched());
            let body = around(body, message, arms);
            quote_spanned!(at=> #number => #body,)
        };
        self.arms.iter().map(body).collect()
    }
}

/// `match value { arms }` that lies where the body lies, from its first token to its last: rustc
/// compares the types of these matches, and points at them.
fn around(body: &TokenStream, value: TokenStream, arms: TokenStream) -> TokenStream {
    let mut trees = body.clone().into_iter();
    let place = |tree: Option<TokenTree>| tree.map_or_else(Span::mixed_site, |tree| inside(&tree));
    let first = trees.next();
    let last = place(trees.last().or_else(|| first.clone()));
    let first = place(first);
    let mut arms = Group::new(Delimiter::Brace, arms);
    arms.set_span(last);
    quote_spanned!(first=> match #value #arms)
}

/// The user's expression, for a function's argument. Braces around all of it are not for rustc to
/// call unnecessary: it cannot know what the macro's grammar needs.
fn as_argument(expression: &TokenStream) -> TokenStream {
    let mut trees: Vec<TokenTree> = expression.clone().into_iter().collect();
    if let [TokenTree::Group(group)] = &mut trees[..] {
        let at = inside(group);
        group.set_span(at);
    }
    trees.into_iter().collect()
}

/// The name of a family's local, at the place of its first arm's pattern.
fn local(number: usize, arm: &Arm) -> Ident {
    format_ident!("arm{number}", span = inside(&arm.pattern))
}

/// The hygiene of the macro at the place of the user's tokens, so that errors point there.
fn inside(tokens: &impl Spanned) -> Span {
    Span::mixed_site().located_at(tokens.span())
}
