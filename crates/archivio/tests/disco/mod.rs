//! A disk that fails when told: `disco.c` put before libc in a process of ours, and the file that commands it.
#![allow(dead_code, reason = "each suite uses its part")]

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const APRI: u32 = 1;
pub const SCRIVI: u32 = 2;
pub const SINCRONIZZA: u32 = 4;
pub const TRONCA: u32 = 8;
pub const RINOMINA: u32 = 16;
/// Everything that needs room.
pub const TUTTO: u32 = APRI | SCRIVI | SINCRONIZZA | TRONCA | RINOMINA;

pub const EIO: i32 = 5;
pub const ENOSPC: i32 = 28;

/// Where the process under test finds its orders.
const COMANDO: &str = "DISCO_COMANDO";

/// What fails.
#[derive(Debug, Clone, Copy)]
pub struct Guasto<'a> {
    /// Which files: a shell pattern, extended, in which `*` takes `/` too.
    pub dove: &'a str,
    /// Which calls.
    pub cosa: u32,
    /// With which errno.
    pub errore: i32,
    /// Half of the bytes go in before.
    pub a_meta: bool,
    /// So many succeed before.
    pub salta: u32,
    /// No failure, but no answer either, until the disk is well.
    pub fermo: bool,
}

impl<'a> Guasto<'a> {
    pub fn nuovo(dove: &'a str, cosa: u32, errore: i32) -> Self {
        Self { dove, cosa, errore, a_meta: false, salta: 0, fermo: false }
    }
    pub fn a_meta(self) -> Self {
        Self { a_meta: true, ..self }
    }
    pub fn fermo(self) -> Self {
        Self { fermo: true, ..self }
    }
    pub fn dopo(self, salta: u32) -> Self {
        Self { salta, ..self }
    }
}

pub struct Disco {
    libreria: PathBuf,
    percorso: PathBuf,
    comando: std::fs::File,
}

impl Disco {
    /// Builds the library in a folder, with the compiler that the database engine needs anyway.
    pub fn nuovo(cartella: &Path) -> Self {
        let libreria = cartella.join("disco.so");
        let fonte = concat!(env!("CARGO_MANIFEST_DIR"), "/../archivio/tests/disco/disco.c");
        let cc = std::env::var("CC").unwrap_or_else(|_| "cc".into());
        let o = Command::new(cc).args(["-shared", "-fPIC", "-O1", "-Wall", "-o"]).arg(&libreria).arg(fonte).output();
        let o = o.unwrap();
        assert!(o.status.success(), "{}", String::from_utf8_lossy(&o.stderr));
        let percorso = cartella.join("disco.comando");
        std::fs::write(&percorso, [0u8; 320]).unwrap();
        let comando = std::fs::File::options().write(true).read(true).open(&percorso).unwrap();
        Self { libreria, percorso, comando }
    }

    /// For a test of the running binary that asks for such a disk: the disk, or none after the test was lived by another
    /// process of the same binary that has it. `nome` is the test's, with its module.
    pub fn per(nome: &str) -> Option<Self> {
        if let Some(d) = Self::presente() {
            return Some(d);
        }
        let d = tempfile::tempdir().unwrap();
        let mut c = Command::new(std::env::current_exe().unwrap());
        c.args([nome, "--exact", "--nocapture"]);
        // In memory, where there is room: the faults are all of our making.
        if std::env::var_os("TMPDIR").is_none() && Path::new("/dev/shm").is_dir() {
            c.env("TMPDIR", "/dev/shm");
        }
        let o = Self::nuovo(d.path()).sotto(&mut c).output().unwrap();
        let detto = String::from_utf8_lossy(&o.stdout);
        println!("{detto}");
        eprintln!("{}", String::from_utf8_lossy(&o.stderr));
        // A name that is no test's is lived by nobody, and that is no success.
        assert!(o.status.success() && detto.contains("1 passed"), "{nome}");
        None
    }

    /// The one this very process was started with.
    pub fn presente() -> Option<Self> {
        let percorso = PathBuf::from(std::env::var_os(COMANDO)?);
        let comando = std::fs::File::options().write(true).read(true).open(&percorso).unwrap();
        Some(Self { libreria: PathBuf::new(), percorso, comando })
    }

    /// A process that will write on this disk.
    pub fn sotto<'c>(&self, c: &'c mut Command) -> &'c mut Command {
        c.env("LD_PRELOAD", &self.libreria).env(COMANDO, &self.percorso)
    }

    fn scrivi(&self, posto: u64, n: u32) {
        self.comando.write_all_at(&n.to_ne_bytes(), posto).unwrap();
    }

    pub fn rompi(&self, g: Guasto<'_>) {
        self.sana();
        for (posto, n) in [
            (4, g.cosa),
            (8, g.errore.cast_unsigned()),
            (12, g.a_meta.into()),
            (16, g.salta),
            (20, 0),
            (24, g.fermo.into()),
        ] {
            self.scrivi(posto, n);
        }
        let mut dove = [0u8; 256];
        dove[..g.dove.len()].copy_from_slice(g.dove.as_bytes());
        self.comando.write_all_at(&dove, 64).unwrap();
        self.scrivi(0, 1);
    }

    pub fn sana(&self) {
        self.scrivi(0, 0);
    }

    /// As it was before [`Self::sana`].
    pub fn riprendi(&self) {
        self.scrivi(0, 1);
    }

    /// How many calls failed since it was broken.
    pub fn colpi(&self) -> u32 {
        let mut n = [0; 4];
        self.comando.read_exact_at(&mut n, 20).unwrap();
        u32::from_ne_bytes(n)
    }
}
