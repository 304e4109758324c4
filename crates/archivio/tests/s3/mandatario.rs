//! A proxy before a server of HTTP, which fails when told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guasto {
    /// 500, and the server is not asked.
    Errore500,
    /// The server does it, and its answer is lost.
    RispostaPersa,
    /// Nothing is said, for as long as somebody waits.
    Muto,
}

#[derive(Debug, Default)]
struct Stato {
    /// Which requests: the method, and after a `?` what their address must hold.
    quali: String,
    come: Option<Guasto>,
    quanti: usize,
}

/// The proxy.
pub struct Mandatario {
    porta: u16,
    stato: Arc<Mutex<Stato>>,
}

impl Mandatario {
    /// Before a server.
    pub fn davanti_a(url: &str) -> Self {
        let server = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let ascolto = TcpListener::bind("127.0.0.1:0").unwrap();
        let (porta, stato) = (ascolto.local_addr().unwrap().port(), Arc::<Mutex<Stato>>::default());
        let suo = Arc::clone(&stato);
        std::thread::spawn(move || {
            for c in ascolto.incoming().flatten() {
                let (server, stato) = (server.clone(), Arc::clone(&suo));
                std::thread::spawn(move || servi(c, &server, &stato));
            }
        });
        Self { porta, stato }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.porta)
    }

    /// The next requests like this fail so.
    pub fn guasta(&self, quali: &str, come: Guasto, quanti: usize) {
        *self.stato.lock().unwrap() = Stato { quali: quali.to_owned(), come: Some(come), quanti };
    }

    /// How many have still to fail.
    pub fn rimasti(&self) -> usize {
        self.stato.lock().unwrap().quanti
    }
}

fn servi(client: TcpStream, server: &str, stato: &Mutex<Stato>) -> Option<()> {
    let mut da = BufReader::new(client.try_clone().ok()?);
    let mut a = client;
    // One request a connection: who asks opens another.
    let mut capo = String::new();
    da.read_line(&mut capo).ok()?;
    let (mut righe, mut lungo, mut a_pezzi) = (String::new(), 0u64, false);
    loop {
        let mut riga = String::new();
        if da.read_line(&mut riga).ok()? == 0 {
            return None;
        }
        if riga == "\r\n" {
            break;
        }
        let piccola = riga.to_ascii_lowercase();
        if let Some(n) = piccola.strip_prefix("content-length:") {
            lungo = n.trim().parse().ok()?;
        }
        a_pezzi |= piccola.starts_with("transfer-encoding:");
        if !piccola.starts_with("connection:") && !piccola.starts_with("expect:") {
            righe += &riga;
        }
    }
    assert!(!a_pezzi, "bodies have a length");
    let mut corpo = Vec::new();
    da.by_ref().take(lungo).read_to_end(&mut corpo).ok()?;
    let guasto = {
        let mut s = stato.lock().unwrap();
        let (metodo, cosa) = s.quali.split_once('?').unwrap_or((&s.quali, ""));
        let suo = s.quanti > 0 && capo.starts_with(metodo) && capo.contains(cosa);
        if suo {
            s.quanti -= usize::from(s.quanti != usize::MAX);
        }
        s.come.filter(|_| suo)
    };
    match guasto {
        Some(Guasto::Errore500) => {
            let _ =
                a.write_all(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            return None;
        }
        Some(Guasto::Muto) => {
            // Until who asked goes away.
            let _ = da.read(&mut [0; 1]);
            return None;
        }
        _ => {}
    }
    let mut s = TcpStream::connect(server).ok()?;
    s.write_all(format!("{capo}{righe}connection: close\r\n\r\n").as_bytes()).ok()?;
    s.write_all(&corpo).ok()?;
    let mut risposta = Vec::new();
    s.read_to_end(&mut risposta).ok()?;
    if guasto == Some(Guasto::RispostaPersa) {
        return None;
    }
    // Who asked must not ask again on this connection.
    let fine = risposta.windows(4).position(|w| w == b"\r\n\r\n")?;
    let capi = String::from_utf8_lossy(&risposta[..fine]).replace("keep-alive", "close");
    a.write_all(capi.as_bytes()).ok()?;
    a.write_all(&risposta[fine..]).ok()
}
