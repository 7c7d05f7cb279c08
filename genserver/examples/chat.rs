//! A chat: rooms that are made when somebody enters the first time, under a dynamic supervisor, and end when the last
//! has left.
//!
//! ```sh
//! cargo run --release -p genserver --example chat
//! ```

use std::collections::HashMap;

use genserver::gen_server::{Options, done, reply};
use genserver::supervisor::{DynamicSupervisor, Flags, Restart, Template};
use genserver::{Action, Called, Done, From, GenServer, Init, Server, StartError};
use runtime::prelude::*;

/// One room: who is in it, by the monitors of their processes.
#[derive(Default)]
struct Room {
    members: HashMap<Ref, (String, Pid)>,
}

#[derive(Debug)]
struct Enter(String);

#[derive(Debug)]
struct Say {
    who: String,
    what: String,
}

/// What members are sent.
#[derive(Clone, Debug)]
struct Heard {
    who: String,
    what: String,
}

impl GenServer for Room {
    type Args = String;
    type Call = Enter;
    /// How many are in the room.
    type Reply = usize;
    type Cast = Say;
    type Continue = genserver::Never;

    fn init(_name: String) -> Result<Init<Room>, ExitReason> {
        Ok(Room::default().into())
    }

    fn handle_call(
        &mut self,
        Enter(who): Enter,
        from: From<usize>,
    ) -> Result<Called<usize>, ExitReason> {
        self.members.insert(monitor(from.pid()), (who, from.pid()));
        Ok(reply(self.members.len()))
    }

    fn handle_cast(&mut self, Say { who, what }: Say) -> Result<Done, ExitReason> {
        for (_, member) in self.members.values() {
            let (who, what) = (who.clone(), what.clone());
            send(*member, Heard { who, what });
        }
        Ok(done())
    }

    fn handle_info(&mut self, message: AnyMessage) -> Result<Done, ExitReason> {
        if let Ok(Down { monitor, .. }) = message.downcast() {
            self.members.remove(&monitor);
        }
        Ok(match self.members.len() {
            0 => Done::Stop(ExitReason::Normal),
            _ => Done::Go(Action::Wait),
        })
    }
}

type Rooms = DynamicSupervisor<String>;

/// The room of this name, which is made if there is none.
fn room(rooms: &Rooms, name: &str) -> Result<Server<Room>, ExitReason> {
    match whereis(name) {
        Some(_) => {}
        None => _ = rooms.start_child(name.to_owned())?,
    }
    Ok(Server::of(name))
}

/// Enters a room, says hello, hears so many hellos, its own included, and leaves.
fn guest(
    rooms: Rooms,
    who: &'static str,
    name: &'static str,
    hears: usize,
    host: Pid,
) -> Result<(), ExitReason> {
    let room = room(&rooms, name)?;
    room.call(Enter(who.to_owned()))?;
    // All are there before the first says something.
    send(host, Entered);
    receive! { Open => {} }
    room.cast(Say {
        who: who.to_owned(),
        what: format!("hello, {name}"),
    });
    for _ in 0..hears {
        receive! { Heard { who: speaker, what } => println!("{who} hears {speaker}: {what}") }
    }
    Ok(())
}

/// A guest is in its room.
#[derive(Debug)]
struct Entered;

/// Guests may speak.
#[derive(Debug)]
struct Open;

#[runtime::main]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let template = Template::new(|name: &String| {
        let room = Options::<Room>::new()
            .name(name.as_str())
            .start_link(name.clone())?;
        match room.whereis() {
            Some(pid) => Ok(pid.into()),
            None => Err(StartError::Failed(ExitReason::NoProc)),
        }
    });
    let rooms = Rooms::start_link(Flags::default(), template.restart(Restart::Temporary))?;

    let host = self_pid();
    let guests = [
        ("Ada", "kitchen", 3),
        ("Bob", "kitchen", 3),
        ("Cy", "kitchen", 3),
        ("Dora", "garden", 1),
    ];
    let mut watched = Vec::new();
    for (who, name, hears) in guests {
        let rooms = rooms.clone();
        watched.push(spawn_monitor!(move || guest(rooms, who, name, hears, host)));
        receive! { Entered => {} }
    }
    assert_eq!(rooms.count_children()?.active, 2);
    for (guest, _) in &watched {
        send(*guest, Open);
    }
    for (_, watch) in watched {
        receive! { Down { monitor, reason, .. } if monitor == watch => {
            assert_eq!(reason, ExitReason::Normal);
        } }
    }
    // A room ends when its last guest has left.
    while rooms.count_children()?.active > 0 {
        yield_now();
    }
    println!("all have left, and the rooms are gone");
    rooms.stop()?;
    Ok(())
}
