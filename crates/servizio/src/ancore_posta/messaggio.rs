//! The message: what it is and how it is checked, in words, and each signed note as an attachment, byte for byte.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use catena::Checkpoint;
use dominio::codici::{CodiceIpa, Impronta};
use dominio::tempo::Istante;
use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart};
use sha2::{Digest as _, Sha256};

use crate::ancore::prefisso;

/// A signed checkpoint to be sent.
#[derive(Debug, Clone)]
pub struct Allegato {
    /// The note, byte for byte.
    pub nota: String,
    /// What it says.
    pub checkpoint: Checkpoint,
}

impl Allegato {
    /// Name of the file it is saved as.
    pub fn nome(&self) -> String {
        format!("{}{}.txt", prefisso(&self.checkpoint.origine), self.checkpoint.dimensione)
    }
}

/// What a message is made of.
pub struct Dati<'a> {
    pub ente: &'a str,
    pub ipa: &'a CodiceIpa,
    /// Where people reach the service; empty when it is not configured.
    pub url_pubblico: &'a str,
    pub mittente: &'a Mailbox,
    pub destinatario: &'a Mailbox,
    pub ora: Istante,
    pub allegati: &'a [&'a Allegato],
}

/// The whole message.
///
/// # Errors
/// A header that cannot be written.
pub fn componi(d: &Dati<'_>) -> Result<Message, String> {
    let male = |e: &dyn std::fmt::Display| e.to_string();
    let testo = ContentType::parse("text/plain; charset=utf-8").map_err(|e| male(&e))?;
    let mut parti = MultiPart::mixed().singlepart(
        SinglePart::builder()
            .header(testo.clone())
            .body(Body::new_with_encoding(corpo(d), ContentTransferEncoding::QuotedPrintable).map_err(|_| "corpo")?),
    );
    for a in d.allegati {
        // Base64, so that no server on the way touches its line ends: a signature covers bytes.
        let byte = Body::new_with_encoding(a.nota.clone().into_bytes(), ContentTransferEncoding::Base64)
            .map_err(|_| "allegato")?;
        parti = parti.singlepart(Attachment::new(a.nome()).body(byte, testo.clone()));
    }
    let quando = SystemTime::UNIX_EPOCH + Duration::from_micros(d.ora.0.unsigned_abs());
    Message::builder()
        .from(d.mittente.clone())
        .to(d.destinatario.clone())
        .subject(format!(
            "Checkpoint del protocollo informatico di {} ({}), {}",
            una_riga(d.ente),
            d.ipa,
            giorno(d.ora)
        ))
        .date(quando)
        .message_id(Some(identificativo(d)))
        .multipart(parti)
        .map_err(|e| male(&e))
}

/// The same for the same notes to the same address: who gets a message twice can tell.
fn identificativo(d: &Dati<'_>) -> String {
    let mut h = Sha256::new();
    h.update(d.destinatario.email.to_string());
    for a in d.allegati {
        h.update(format!("\n{} {}", a.checkpoint.origine, a.checkpoint.dimensione));
    }
    let impronta: [u8; 32] = h.finalize().into();
    format!("<ancora-{}@{}>", &Impronta(impronta).hex()[..32], d.mittente.email.domain())
}

/// Names come from people: no line of theirs may become a header.
fn una_riga(t: &str) -> String {
    t.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn giorno(t: Istante) -> String {
    t.a_roma().strftime("%d/%m/%Y").to_string()
}

fn corpo(d: &Dati<'_>) -> String {
    let quando = d.ora.a_roma().strftime("%d/%m/%Y, ore %H:%M");
    let mut t = format!(
        "Questo messaggio è un deposito: basta conservarlo, non chiede risposta.\r\n\
         \r\n\
         {ente} ({ipa}) tiene il protocollo informatico in un registro delle operazioni in cui nulla si può\r\n\
         togliere o cambiare senza lasciare traccia. Gli allegati sono \"checkpoint\": poche righe firmate che\r\n\
         impegnano ciascun registro com'era il {quando}. Non contengono dati personali né documenti.\r\n\
         Chi li conserva fuori dall'ente permette a chiunque di scoprire se il registro viene riscritto dopo,\r\n\
         anche da chi ha in mano l'archivio e la sua chiave.\r\n\
         \r\n\
         Allegati\r\n",
        ente = una_riga(d.ente),
        ipa = d.ipa,
    );
    for a in d.allegati {
        let di = if a.checkpoint.origine.ends_with("/accessi") { "accessi" } else { "operazioni" };
        let _ = write!(t, "- {}: {}, {} {di}\r\n", a.nome(), a.checkpoint.origine, a.checkpoint.dimensione);
    }
    let _ = write!(
        t,
        "\r\n\
         Come si controlla\r\n\
         Salvare gli allegati così come sono (o il messaggio intero) e, sull'archivio o su una sua copia:\r\n\
         \r\n    protocollo verifica --archivio CARTELLA --ancora FILE\r\n\r\n\
         Il registro di allora deve estendere ogni checkpoint: altrimenti il programma dice che cosa non torna.\r\n\
         Senza questo programma: sono note firmate C2SP (tlog-checkpoint, Ed25519), che si leggono per esempio\r\n\
         con gli strumenti di Go.\r\n"
    );
    // Without an address that people use, none is better than one that leads nowhere.
    if !d.url_pubblico.is_empty() {
        let _ = write!(
            t,
            "Le chiavi pubbliche e le tessere dell'albero sono in\r\n\
             {}/api/v1/enti/{}/log/chiavi e {}/api/v1/enti/{}/aoo/AOO/log/chiavi.\r\n",
            d.url_pubblico, d.ipa, d.url_pubblico, d.ipa,
        );
    }
    t
}
