//! Delivery status of ordinary mail (RFC 3464): what comes back where a recipient has no certified mail.

use crate::daticert::{Daticert, Destinatario};
use crate::mime::Messaggio;

/// How much of a status is read.
const STATO_MAX: usize = 64 << 10;

/// It is one, by the type of the whole.
pub(crate) fn e_un_dsn(m: &Messaggio<'_>) -> bool {
    m.parti().first().is_some_and(|p| p.mime == "multipart/report" && p.rapporto.as_deref() == Some("delivery-status"))
}

/// The recipient, the error and the Message-ID of what was sent: of the first recipient in the report.
pub(crate) fn leggi(m: &Messaggio<'_>) -> Daticert {
    let mut d = Daticert::default();
    if let Some(p) = m.foglie().find(|p| p.mime == "message/delivery-status") {
        let stato = m.contenuto(p).inizio(STATO_MAX);
        let stato = String::from_utf8_lossy(&stato);
        let campo = |nome: &str| {
            stato.lines().find_map(|r| {
                let (n, v) = r.split_once(':')?;
                // `rfc822; chi@dove`, `smtp; 550 …`.
                let v = v.split_once(';').map_or(v, |(_, v)| v).trim();
                (n.trim().eq_ignore_ascii_case(nome) && !v.is_empty()).then(|| v.to_owned())
            })
        };
        d.consegna = campo("Final-Recipient").or_else(|| campo("Original-Recipient"));
        d.errore_esteso = campo("Diagnostic-Code").or_else(|| campo("Status"));
        d.destinatari = d.consegna.iter().map(|i| Destinatario { indirizzo: i.clone(), tipo: None }).collect();
    }
    let reso = m.foglie().find(|p| matches!(p.mime.as_str(), "message/rfc822" | "text/rfc822-headers"));
    if let Some(p) = reso {
        let originale = Messaggio::leggi(m.contenuto(p).byte());
        d.msgid = originale.testata().message_id.clone();
        d.oggetto = originale.testata().subject.clone();
        d.mittente = originale.testata().from.as_ref().map(|f| f.indirizzo.clone());
    }
    d
}
