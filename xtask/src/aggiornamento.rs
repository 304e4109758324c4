//! Rolling upgrade: a node of an earlier commit and one of this, on one database, under load. The earlier one is at work when
//! this comes and brings the schema up to date, and is the one that is killed.

use std::fs;

use anyhow::{Context, Result};

use crate::ambiente::{cargo, cartella_di_costruzione, esegui, leggi, radice};
use crate::postgres::Postgres;
use crate::prove::prove_di_cargo;

/// Builds the binary of `commit` (the one before this, if none is named) and runs with it the tests of several nodes.
pub fn aggiornamento(commit: Option<&str>) -> Result<()> {
    let git = || {
        let mut g = std::process::Command::new("git");
        g.current_dir(radice());
        g
    };
    let commit = leggi(git().args(["rev-parse", "--verify", commit.unwrap_or("HEAD~1")])).context("git rev-parse")?;
    let prima = cartella_di_costruzione().join("prima");
    let (albero, costruzione) = (prima.join("albero"), prima.join("costruzione"));
    let togli = || {
        let _ = git().args(["worktree", "remove", "--force"]).arg(&albero).output();
        let _ = fs::remove_dir_all(&albero);
        let _ = git().args(["worktree", "prune"]).output();
    };
    togli();
    fs::create_dir_all(&prima)?;
    esegui(git().args(["worktree", "add", "--quiet", "--detach"]).arg(&albero).arg(commit.trim()))?;
    // A debug binary reads its sample data from the tree: that stays until the end.
    let esito = (|| {
        esegui(
            cargo()
                .args(["build", "--locked", "--package", "protocollo"])
                .current_dir(&albero)
                .env("CARGO_TARGET_DIR", &costruzione),
        )?;
        println!("the earlier node is of {}", commit.trim());
        let server = Postgres::avvia(&[])?;
        esegui(
            prove_di_cargo(&["--package", "protocollo", "--test", "nodi"])
                .env("PROTOCOLLO_POSTGRES", server.url())
                .env("PROTOCOLLO_PRIMA", costruzione.join("debug/protocollo")),
        )
    })();
    togli();
    esito
}
