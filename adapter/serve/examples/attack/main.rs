//! Does to an HTTPS server what a stranger can do to it, to see how its other clients fare:
//! `attack NAME ADDRESS SECONDS`, or `attack list` for the names. From this host it comes from 127.0.0.66; it takes
//! one processor at most, and prints how much it did.

use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::LocalSet;

mod attacks;
mod client;

use attacks::ATTACKS;
use client::Attacker;

const USAGE: &str = "usage: attack NAME ADDRESS SECONDS, or: attack list";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["list"] {
        for (name, _) in ATTACKS {
            println!("{name}");
        }
        return Ok(());
    }
    let [name, address, seconds] = &arguments[..] else {
        return Err(USAGE.into());
    };
    let attack = ATTACKS.iter().find(|(known, _)| known == name);
    let (_, attack) = attack.ok_or("no such attack; `attack list` has the names")?;
    let address: SocketAddr = address.parse()?;
    let time = Duration::from_secs(seconds.parse()?);
    let attacker = Rc::new(Attacker::new(address));
    let tasks = LocalSet::new();
    let attacked = tasks.run_until(attack(attacker.clone()));
    // An attack goes on until its time is over.
    let _ = tokio::time::timeout(time, attacked).await;
    println!("{}", attacker.done());
    Ok(())
}
