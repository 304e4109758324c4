//! Mail of strangers. Nobody here has the keys of a provider: nothing is ever verified, and parts are where they say.

use ::firme::Fiducia;
use ::pec::mime::{LIVELLI_MAX, Messaggio, PARTI_MAX};
use ::pec::{ErrorePec, Lettura, RILIEVI_MAX, TipoDestinatario, leggi};

fn letto(byte: &[u8]) -> Lettura<'_> {
    let l = leggi(byte, &Fiducia::nessuna(), jiff::Timestamp::UNIX_EPOCH);
    assert!(!l.verificata() && l.rilievi.len() <= RILIEVI_MAX);
    serde_json::to_vec(&l.sunto()).unwrap();
    l
}

/// Whatever the bytes, parts inside of one another, in order; contents measured are the contents read.
pub fn mime(byte: &[u8]) {
    let l = letto(byte);
    for m in std::iter::once(&l.busta).chain(&l.originale) {
        struttura(m);
    }
}

fn struttura(m: &Messaggio<'_>) {
    let parti = m.parti();
    assert!(!parti.is_empty() && parti.len() <= PARTI_MAX);
    assert_eq!(parti[0].intera(), 0..m.byte().len());
    for p in parti {
        assert!(p.testata.end == p.corpo.start && p.corpo.start <= p.corpo.end && p.corpo.end <= m.byte().len());
        assert!(p.livello <= LIVELLI_MAX);
        if let Some(padre) = p.padre {
            assert!(parti[padre].aperta() && parti[padre].corpo.start <= p.testata.start);
        }
        let contenuto = m.contenuto(p);
        assert_eq!(contenuto.misura().byte, contenuto.byte().len() as u64);
    }
}

/// The data of a receipt, whatever they are: an answer that can be shown; those that are good are written and read the same.
pub fn daticert(byte: &[u8]) {
    // Straight under the whole, as where no provider signs.
    let prima = &b"X-Ricevuta: accettazione\r\nContent-Type: multipart/mixed; boundary=bbb\r\n\r\n--bbb\r\n\
        Content-Type: application/xml; name=daticert.xml\r\n\r\n"[..];
    let dentro = [prima, byte, b"\r\n--bbb--\r\n"].concat();
    let l = letto(&dentro);
    let Some(d) = &l.daticert else { return };
    assert!(l.tipo.di_gestore() && d.tipo.is_none_or(|t| t == l.tipo));
    let Ok(scritto) = d.scrivi() else { return };
    let ancora = [prima, scritto.as_bytes(), b"\r\n--bbb--\r\n"].concat();
    let mut atteso = d.clone();
    // What the DTD gives where nothing is said.
    atteso.errore.get_or_insert(ErrorePec::Nessuno);
    for x in &mut atteso.destinatari {
        x.tipo.get_or_insert(TipoDestinatario::Certificato);
    }
    assert_eq!(letto(&ancora).daticert, Some(atteso));
}
