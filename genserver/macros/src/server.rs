//! A server: the `impl` block, and the methods in it that have a role.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Error, GenericParam, Generics, ImplItem, ItemImpl, Result, Type};

use crate::method::{Method, Role, is_any, take_role};

pub(crate) struct Server {
    /// The block, without the roles' attributes, and without what belongs to the trait.
    pub(crate) block: ItemImpl,
    /// Callbacks that go into the trait's implementation as they stand.
    pub(crate) callbacks: Vec<syn::ImplItemFn>,
    pub(crate) methods: Vec<Method>,
    /// The name of the type.
    pub(crate) name: Ident,
    /// What is wrong with it.
    pub(crate) error: Option<Error>,
}

impl Server {
    pub(crate) fn read(item: syn::Item) -> Result<Server> {
        let syn::Item::Impl(mut block) = item else {
            return Err(Error::new_spanned(
                item,
                "`#[gen_server]` belongs on an `impl` block: `impl TYPE { .. }`",
            ));
        };
        if let Some((_, path, _)) = &block.trait_ {
            return Err(Error::new_spanned(
                path,
                "`#[gen_server]` writes the `impl` of the trait: it belongs on `impl TYPE { .. }`",
            ));
        }
        let name = name_of(&block.self_ty)?;
        let lifetime = block.generics.params.iter().find_map(|param| match param {
            GenericParam::Lifetime(lifetime) => Some(lifetime),
            _ => None,
        });
        if let Some(lifetime) = lifetime {
            return Err(Error::new_spanned(
                lifetime,
                "a server owns its state, which outlives whoever starts it: it has no lifetime",
            ));
        }
        let mut server = Server {
            callbacks: Vec::new(),
            methods: Vec::new(),
            name,
            error: None,
            block: ItemImpl {
                items: Vec::new(),
                ..block.clone()
            },
        };
        for item in block.items.drain(..) {
            server.take(item);
        }
        server.check();
        Ok(server)
    }

    fn take(&mut self, item: ImplItem) {
        let ImplItem::Fn(mut method) = item else {
            self.block.items.push(item);
            return;
        };
        match take_role(&mut method) {
            Ok(Some(Role::Callback)) => {
                self.callbacks.push(method);
                return;
            }
            Ok(Some(role)) => match Method::read(role, &method) {
                // Of two of a name the compiler tells.
                Ok(read) if self.has(&read) => {}
                Ok(mut read) => {
                    self.name_self(&mut read);
                    self.methods.push(read);
                }
                Err(error) => self.wrong(error),
            },
            Ok(None) => {}
            Err(error) => self.wrong(error),
        }
        self.block.items.push(ImplItem::Fn(method));
    }

    /// Whether there is a method of that name, whatever the configuration.
    fn has(&self, method: &Method) -> bool {
        let same = |other: &Method| other.name == method.name && other.cfgs.is_empty();
        method.cfgs.is_empty() && self.methods.iter().any(same)
    }

    fn wrong(&mut self, error: Error) {
        match &mut self.error {
            Some(before) => before.combine(error),
            none => *none = Some(error),
        }
    }

    /// What is sent is declared where `Self` is another.
    fn name_self(&self, method: &mut Method) {
        let mut naming = Naming(&self.block.self_ty);
        for parameter in &mut method.parameters {
            naming.visit_type_mut(&mut parameter.ty);
        }
        match &mut method.answer {
            crate::method::Answer::None => {}
            crate::method::Answer::Returned(ty)
            | crate::method::Answer::Called(ty)
            | crate::method::Answer::Later(_, ty) => naming.visit_type_mut(ty),
        }
    }

    pub(crate) fn of(&self, role: Role) -> impl Iterator<Item = &Method> {
        self.methods
            .iter()
            .filter(move |method| method.role == role)
    }

    fn check(&mut self) {
        let mut wrong = Vec::new();
        for (role, what) in [
            (Role::Init, "a gen_server has one `#[init]`"),
            (
                Role::Continued,
                "a gen_server has one `#[continued]`: tell the cases apart by what it is given",
            ),
            (Role::Timeout, "a gen_server has one `#[timeout]`"),
            (Role::Terminate, "a gen_server has one `#[terminate]`"),
        ] {
            let more = self
                .of(role)
                .filter(|method| method.cfgs.is_empty())
                .skip(1);
            wrong.extend(more.map(|method| Error::new(method.name.span(), what)));
        }
        let infos: Vec<_> = self
            .of(Role::Info)
            .filter(|info| info.cfgs.is_empty())
            .collect();
        for (number, info) in infos.iter().enumerate() {
            let Some(parameter) = info.parameters.first() else {
                continue;
            };
            let same = |other: &&Method| {
                let ty = &other.parameters[0].ty;
                ty.to_token_stream().to_string() == parameter.ty.to_token_stream().to_string()
                    || is_any(ty) && is_any(&parameter.ty)
            };
            if infos[..number].iter().any(same) {
                wrong.push(Error::new_spanned(
                    &parameter.ty,
                    "messages of this type are taken by the `#[info]` above",
                ));
            }
        }
        if self.of(Role::Init).next().is_none() && self.error.is_none() {
            wrong.push(Error::new_spanned(
                &self.block.self_ty,
                "a gen_server needs an `#[init]` function, which makes the state",
            ));
        }
        wrong.into_iter().for_each(|error| self.wrong(error));
    }

    pub(crate) fn generics(&self) -> &Generics {
        &self.block.generics
    }
}

fn name_of(ty: &Type) -> Result<Ident> {
    let last = match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    };
    match last {
        Some(last) => Ok(last.ident.clone()),
        None => Err(Error::new_spanned(ty, "a gen_server is a type with a name")),
    }
}

/// Writes the type for `Self`.
struct Naming<'t>(&'t Type);

impl VisitMut for Naming<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::Path(path) if path.qself.is_none() && path.path.is_ident("Self") => {
                *ty = self.0.clone();
            }
            _ => visit_mut::visit_type_mut(self, ty),
        }
    }
}
