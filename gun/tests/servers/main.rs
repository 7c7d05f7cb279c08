//! Gun beside servers as they are in use: nginx, apache2, haproxy, nghttpd; and behind proxies. `.ci/need` installs them.
//!
//! Each test starts the servers it needs, with a configuration of its own, and ends them ([`server`]);
//! what is asked of all of them is in [`exchange`].

mod apache;
mod ca;
mod exchange;
mod haproxy;
mod nghttpd;
mod nginx;
mod proxies;
mod server;
mod websocket;
