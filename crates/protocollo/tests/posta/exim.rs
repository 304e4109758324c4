//! A real mail server for one test: Debian's Exim, without privileges, one process for each connection, with its
//! configuration, spool and mailbox in a folder that goes away. The port is ours from the beginning, and free.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

const PROGRAMMA: &str = "/usr/sbin/exim4";
/// Nobody: root would be asked to be somebody else.
const NESSUNO: u32 = 65_534;

pub const UTENTE: &str = "protocollo";
pub const PASSWORD: &str = "una password, con «segni»";

/// How the first byte of a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Porta {
    Chiara,
    ConTls,
}

pub struct Exim {
    pub cartella: tempfile::TempDir,
    pub porta: u16,
    /// Conversations begun, and those ended.
    stato: Arc<(Mutex<usize>, Condvar)>,
    iniziate: Arc<AtomicUsize>,
    fine: Arc<std::sync::atomic::AtomicBool>,
    filo: Option<std::thread::JoinHandle<()>>,
}

impl Exim {
    /// Nothing where Exim is not installed, unless all the judges were called (`cargo xtask test` does).
    pub fn trova(porta: Porta) -> Option<Self> {
        if !Path::new(PROGRAMMA).exists() {
            assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "no mail server to judge: {PROGRAMMA}");
            println!("skipped: exim4-daemon-light is not on this machine");
            return None;
        }
        Some(Self::avvia(porta))
    }

    fn avvia(porta: Porta) -> Self {
        let cartella = tempfile::tempdir().unwrap();
        let dentro = cartella.path().to_owned();
        let noi = std::fs::metadata("/proc/self").unwrap();
        let (uid, gid) = if noi.uid() == 0 { (NESSUNO, NESSUNO) } else { (noi.uid(), noi.gid()) };
        std::fs::set_permissions(&dentro, PermissionsExt::from_mode(0o755)).unwrap();
        certificato(&dentro);
        for d in ["spool", "log", "posta"] {
            std::fs::create_dir(dentro.join(d)).unwrap();
        }
        std::fs::write(dentro.join("conf"), configurazione(&dentro, uid, gid)).unwrap();
        if uid == NESSUNO {
            for f in ["", "spool", "log", "posta", "cert.pem", "key.pem"] {
                std::os::unix::fs::chown(dentro.join(f), Some(uid), Some(gid)).unwrap();
            }
        }
        let ascolta = TcpListener::bind("127.0.0.1:0").unwrap();
        let numero = ascolta.local_addr().unwrap().port();
        let stato = Arc::new((Mutex::new(0), Condvar::new()));
        let iniziate = Arc::new(AtomicUsize::new(0));
        let fine = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let filo = {
            let (stato, iniziate, fine) = (Arc::clone(&stato), Arc::clone(&iniziate), Arc::clone(&fine));
            std::thread::spawn(move || {
                for c in ascolta.incoming() {
                    if fine.load(Ordering::SeqCst) {
                        return;
                    }
                    let (c, dentro, stato) = (c.unwrap(), dentro.clone(), Arc::clone(&stato));
                    iniziate.fetch_add(1, Ordering::SeqCst);
                    std::thread::spawn(move || {
                        conversa(&c, &dentro, porta, uid, gid);
                        *stato.0.lock().unwrap() += 1;
                        stato.1.notify_all();
                    });
                }
            })
        };
        Self { cartella, porta: numero, stato, iniziate, fine, filo: Some(filo) }
    }

    /// Messages delivered so far, oldest first: all those of conversations that began.
    pub fn messaggi(&self) -> Vec<PathBuf> {
        let mut finite = self.stato.0.lock().unwrap();
        while *finite < self.iniziate.load(Ordering::SeqCst) {
            finite = self.stato.1.wait(finite).unwrap();
        }
        let mut out: Vec<PathBuf> = std::fs::read_dir(self.cartella.path().join("posta/tutte/new"))
            .map(|d| d.map(|f| f.unwrap().path()).collect())
            .unwrap_or_default();
        out.sort();
        out
    }

    /// The certificate that it shows.
    pub fn certificato(&self) -> PathBuf {
        self.cartella.path().join("cert.pem")
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        self.fine.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.porta));
        if let Some(f) = self.filo.take() {
            let _ = f.join();
        }
    }
}

/// One connection: an Exim of its own, which sees a caller from this machine.
fn conversa(c: &TcpStream, dentro: &Path, porta: Porta, uid: u32, gid: u32) {
    let (nostro, suo) = UnixStream::pair().unwrap();
    let mut comando = Command::new(PROGRAMMA);
    comando.arg("-C").arg(dentro.join("conf")).args(["-odi", "-oMa", "127.0.0.1.2525", "-oMs", "prova.example"]);
    if porta == Porta::ConTls {
        comando.arg("-tls-on-connect");
    }
    comando.arg("-bs").env_clear().current_dir(dentro);
    comando.stdin(OwnedFd::from(suo.try_clone().unwrap())).stdout(OwnedFd::from(suo)).stderr(Stdio::null());
    if uid == NESSUNO {
        comando.uid(uid).gid(gid);
    }
    let mut exim = comando.spawn().unwrap();
    drop(comando);
    std::thread::scope(|s| {
        s.spawn(|| {
            let _ = passa(c, &nostro);
            let _ = nostro.shutdown(Shutdown::Write);
        });
        let _ = passa(&nostro, c);
        let _ = c.shutdown(Shutdown::Both);
    });
    exim.wait().unwrap();
}

fn passa(mut da: impl std::io::Read, mut a: impl std::io::Write) -> std::io::Result<()> {
    let mut byte = [0; 16_384];
    loop {
        match da.by_ref().read(&mut byte)? {
            0 => return Ok(()),
            n => a.by_ref().write_all(&byte[..n])?,
        }
    }
}

fn certificato(dentro: &Path) {
    let o = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(dentro)
        .output()
        .unwrap();
    assert!(o.status.success(), "{o:?}");
}

/// `respinta@` does not exist (550), `piena@` is full for now (452) until the file `spazio` is there.
fn configurazione(dentro: &Path, uid: u32, gid: u32) -> String {
    let d = dentro.display();
    format!(
        r#"primary_hostname = posta.example
exim_user = {uid}
exim_group = {gid}
trusted_users = {uid}
spool_directory = {d}/spool
log_file_path = {d}/log/%slog
pid_file_path = {d}/pid
deliver_drop_privilege = true
tls_advertise_hosts = *
tls_certificate = {d}/cert.pem
tls_privatekey = {d}/key.pem
domainlist local_domains = pec.example
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
host_lookup =
rfc1413_hosts =
keep_environment =
begin acl
rcpt:
  deny !authenticated = *
       message = autenticarsi
  deny local_parts = respinta
       message = casella inesistente
  defer local_parts = piena
       condition = ${{if exists{{{d}/spazio}}{{no}}{{yes}}}}
       message = 452 casella piena, riprovare
  accept
begin routers
tutti:
  driver = accept
  transport = caselle
begin transports
caselle:
  driver = appendfile
  maildir_format
  directory = {d}/posta/tutte
  create_directory
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_set_id = $auth2
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{UTENTE}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_advertise_condition = true
"#
    )
}
