//! What an arm's guard may contain, and which variables it uses.
//!
//! A guard runs while the message is out of its queue, in a closure: control cannot leave it but
//! by its value or a panic. What would is refused here with a message of its own. Called by
//! `grammar` and `expansion`.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{
    BinOp, Error, Expr, ExprAsync, ExprBreak, ExprClosure, ExprContinue, ExprForLoop, ExprLoop,
    ExprReturn, ExprTry, ExprWhile, Ident, Item, Label, Lifetime, Result,
};

/// Refuses a guard that control would leave, or that binds. A guard that syn cannot parse is
/// rustc's to judge.
pub(crate) fn check(guard: &TokenStream) -> Result<()> {
    let Ok(guard) = syn::parse2::<Expr>(guard.clone()) else {
        return Ok(());
    };
    refuse_let(&guard)?;
    let mut leaves = Leaves::default();
    leaves.visit_expr(&guard);
    leaves.found.map_or(Ok(()), Err)
}

/// Whether a variable occurs among the tokens, also inside a format string.
pub(crate) fn mentions(tokens: &TokenStream, name: &Ident) -> bool {
    tokens.clone().into_iter().any(|tree| match tree {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(&group.stream(), name),
        TokenTree::Literal(literal) => literal.to_string().contains(&format!("{{{name}")),
        TokenTree::Punct(_) => false,
    })
}

fn refuse_let(condition: &Expr) -> Result<()> {
    match condition {
        Expr::Let(condition) => Err(Error::new_spanned(
            condition,
            "a guard cannot bind with `if let`: match in the body",
        )),
        Expr::Binary(both) if matches!(both.op, BinOp::And(_)) => {
            refuse_let(&both.left)?;
            refuse_let(&both.right)
        }
        Expr::Paren(inner) => refuse_let(&inner.expr),
        _ => Ok(()),
    }
}

/// Looks for what would take control out of the guard.
#[derive(Default)]
struct Leaves {
    /// The labels around this place, within the guard; an unlabelled loop has none.
    around: Vec<Option<Lifetime>>,
    loops: usize,
    found: Option<Error>,
}

impl Leaves {
    fn refuse(&mut self, what: impl quote::ToTokens, name: &str) {
        let error = Error::new_spanned(
            what,
            format_args!("`{name}` cannot leave a guard: decide in the body"),
        );
        self.found.get_or_insert(error);
    }

    fn is_inside(&self, label: Option<&Lifetime>) -> bool {
        match label {
            Some(label) => self.around.iter().flatten().any(|l| l == label),
            None => self.loops > 0,
        }
    }

    fn within(&mut self, label: Option<&Label>, is_loop: bool, visit: impl FnOnce(&mut Self)) {
        self.around.push(label.map(|label| label.name.clone()));
        self.loops += usize::from(is_loop);
        visit(self);
        self.loops -= usize::from(is_loop);
        self.around.pop();
    }
}

impl Visit<'_> for Leaves {
    fn visit_expr_try(&mut self, e: &ExprTry) {
        self.refuse(e.question_token, "?");
        visit::visit_expr_try(self, e);
    }

    fn visit_expr_return(&mut self, e: &ExprReturn) {
        self.refuse(e, "return");
    }

    fn visit_expr_break(&mut self, e: &ExprBreak) {
        if !self.is_inside(e.label.as_ref()) {
            self.refuse(e, "break");
        }
        visit::visit_expr_break(self, e);
    }

    fn visit_expr_continue(&mut self, e: &ExprContinue) {
        if !self.is_inside(e.label.as_ref()) {
            self.refuse(e, "continue");
        }
    }

    fn visit_expr_loop(&mut self, e: &ExprLoop) {
        self.within(e.label.as_ref(), true, |this| {
            visit::visit_expr_loop(this, e)
        });
    }

    fn visit_expr_while(&mut self, e: &ExprWhile) {
        self.within(e.label.as_ref(), true, |this| {
            visit::visit_expr_while(this, e)
        });
    }

    fn visit_expr_for_loop(&mut self, e: &ExprForLoop) {
        self.within(e.label.as_ref(), true, |this| {
            visit::visit_expr_for_loop(this, e);
        });
    }

    fn visit_expr_block(&mut self, e: &syn::ExprBlock) {
        self.within(e.label.as_ref(), false, |this| {
            visit::visit_expr_block(this, e);
        });
    }

    // Control that leaves one of these stays in the guard.
    fn visit_expr_closure(&mut self, _: &ExprClosure) {}
    fn visit_expr_async(&mut self, _: &ExprAsync) {}
    fn visit_item(&mut self, _: &Item) {}
}
