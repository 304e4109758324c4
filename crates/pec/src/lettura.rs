//! Reading: bytes to facts (R-E01, R-E03, R-E04, R-E05).
//!
//! A message is what its `X-Ricevuta` or `X-Trasporto` and its `daticert.xml` say, never its subject. Where they do not agree
//! the data win, which are what the provider signs. All of it is believed only as far as the signature goes: [`Firma`].

use firme::Fiducia;
use jiff::Timestamp;

use crate::allegato::{self, Allegato};
use crate::daticert::{self, Daticert, Destinatario};
use crate::dsn;
use crate::firma::{self, Firma};
use crate::mime::{BYTE_MAX, Messaggio, Parte};
use crate::rilievo::{Codice, Rilievi, Rilievo, corto};
use crate::tipo::{ErrorePec, Ricevuta, Tipo};

/// A message, read.
#[derive(Debug, Clone)]
pub struct Lettura<'a> {
    /// What it is.
    pub tipo: Tipo,
    /// The whole, as received.
    pub busta: Messaggio<'a>,
    /// The message that was sent: of an envelope or a receipt the one inside, if it is there; of any other, the whole.
    pub originale: Option<Messaggio<'a>>,
    /// `daticert.xml`, of an envelope or a receipt that has it.
    pub daticert: Option<Daticert>,
    /// The signature of the provider.
    pub firma: Firma,
    /// What is known of the message, from the data where there are, from the header where there are not.
    pub dati: Daticert,
    /// What is wrong or odd.
    pub rilievi: Vec<Rilievo>,
}

impl Lettura<'_> {
    /// A provider that is believed in says what is here: a receipt that is not verified is kept, and proves nothing.
    pub fn verificata(&self) -> bool {
        self.tipo.di_gestore() && self.firma.verificata()
    }

    /// Files of the message that was sent.
    pub fn allegati(&self) -> impl Iterator<Item = Allegato<'_>> {
        self.originale.iter().flat_map(allegato::allegati)
    }
}

/// Reads a message. Certificates are judged at `istante`: when it arrived, or now.
pub fn leggi<'a>(byte: &'a [u8], fiducia: &Fiducia, istante: Timestamp) -> Lettura<'a> {
    let mut rilievi = Rilievi::default();
    let letti = &byte[..byte.len().min(BYTE_MAX)];
    if letti.len() < byte.len() {
        rilievi.aggiungi(Codice::Limite, format!("messaggio oltre {} MiB: letto in parte", BYTE_MAX >> 20));
    }
    let mut busta = Messaggio::leggi(letti);
    rilievi.unisci(busta.prendi_rilievi());
    let firma = firma::leggi(&busta, fiducia, istante);
    // A line of the header, and no more than that, makes it a message of a provider.
    let (dichiarato, c_e) = dichiarato(&busta, &mut rilievi);
    let cercati = c_e || firma.verificata();
    let daticert = if cercati { dati_certificati(&busta, &firma, &mut rilievi) } else { None };
    let tipo = tipo(&busta, dichiarato, c_e, daticert.as_ref(), &mut rilievi);
    let daticert = daticert.filter(|_| tipo.di_gestore());
    let originale = match tipo.di_gestore() {
        true => dentro(letti, &busta, &firma, &mut rilievi),
        false => Some(busta.clone()),
    };
    let dati = raccolti(tipo, &busta, originale.as_ref(), daticert.as_ref(), &mut rilievi);
    if tipo.di_gestore() && !firma.presente() {
        rilievi.aggiungi(Codice::Firma, format!("si dice «{}», ma non è firmato da alcun gestore", tipo.nome()));
    }
    Lettura { tipo, busta, originale, daticert, firma, dati, rilievi: rilievi.tutti() }
}

/// What the header says it is, and whether it says anything.
fn dichiarato(m: &Messaggio<'_>, rilievi: &mut Rilievi) -> (Option<Tipo>, bool) {
    let t = m.testata();
    let trova = |v: &Option<String>, campo: &str, da: fn(&str) -> Option<Tipo>, rilievi: &mut Rilievi| {
        let v = v.as_deref()?;
        let tipo = da(v);
        if tipo.is_none() {
            rilievi.aggiungi(Codice::Mime, format!("{campo}: «{}» non è un valore previsto", corto(v)));
        }
        tipo
    };
    let ricevuta = trova(&t.x_ricevuta, "X-Ricevuta", Tipo::da_ricevuta, rilievi);
    let trasporto = trova(&t.x_trasporto, "X-Trasporto", Tipo::da_trasporto, rilievi);
    if t.x_ricevuta.is_some() && t.x_trasporto.is_some() {
        rilievi.aggiungi(Codice::Discorde, "ci sono sia X-Ricevuta sia X-Trasporto");
    }
    (ricevuta.or(trasporto), t.x_ricevuta.is_some() || t.x_trasporto.is_some())
}

/// Where a provider puts its files: straight in the part it signs, or in the whole when it signs none.
fn cartella(m: &Messaggio<'_>, firma: &Firma) -> usize {
    firma.firmata.filter(|i| m.parti()[*i].aperta()).unwrap_or(0)
}

fn dati_certificati(m: &Messaggio<'_>, firma: &Firma, rilievi: &mut Rilievi) -> Option<Daticert> {
    let di_nome = |p: &Parte| p.nome.as_deref().is_some_and(|n| n.eq_ignore_ascii_case("daticert.xml"));
    let cartella = cartella(m, firma);
    let mut trovati = m.figli(cartella).map(|(_, p)| p).filter(|p| di_nome(p));
    let primo = trovati.next();
    if trovati.next().is_some() {
        rilievi.aggiungi(Codice::Daticert, "più di un daticert.xml: vale il primo");
    }
    let Some(p) = primo else {
        let altrove = m.parti().iter().any(di_nome);
        if altrove {
            rilievi.aggiungi(Codice::Daticert, "daticert.xml non è dove il gestore lo mette, e non è letto");
        }
        return None;
    };
    daticert::leggi(&m.contenuto(p).inizio(daticert::BYTE_MAX + 1), rilievi)
}

fn tipo(m: &Messaggio<'_>, dichiarato: Option<Tipo>, c_e: bool, d: Option<&Daticert>, rilievi: &mut Rilievi) -> Tipo {
    let certificato = d.and_then(|d| d.tipo);
    match (certificato, dichiarato) {
        (Some(c), Some(h)) if c != h => {
            let messaggio = format!("l'intestazione dice «{}», daticert.xml «{}»", h.nome(), c.nome());
            rilievi.aggiungi(Codice::Discorde, messaggio);
            c
        }
        (Some(c), None) => {
            rilievi.aggiungi(Codice::Discorde, "il tipo è solo in daticert.xml");
            c
        }
        (Some(c), Some(_)) => c,
        (None, Some(h)) => h,
        (None, None) => {
            if c_e {
                rilievi.aggiungi(Codice::Discorde, "si dice di un gestore, ma non si sa che cosa sia");
            }
            if dsn::e_un_dsn(m) { Tipo::Dsn } else { Tipo::PostaOrdinaria }
        }
    }
}

/// The message inside of an envelope or of a receipt.
fn dentro<'a>(byte: &'a [u8], m: &Messaggio<'a>, firma: &Firma, rilievi: &mut Rilievi) -> Option<Messaggio<'a>> {
    let cartella = cartella(m, firma);
    let di_nome = |p: &Parte| p.nome.as_deref().is_some_and(|n| n.eq_ignore_ascii_case("postacert.eml"));
    let p = m
        .figli(cartella)
        .map(|(_, p)| p)
        .find(|p| di_nome(p))
        .or_else(|| m.figli(cartella).map(|(_, p)| p).find(|p| p.mime == "message/rfc822"))?;
    let mut originale = Messaggio::leggi(allegato::dentro(byte, m, p));
    rilievi.unisci(originale.prendi_rilievi());
    Some(originale)
}

/// What is known, from the best of the places where it is said.
fn raccolti(
    tipo: Tipo,
    busta: &Messaggio<'_>,
    originale: Option<&Messaggio<'_>>,
    daticert: Option<&Daticert>,
    rilievi: &mut Rilievi,
) -> Daticert {
    let t = busta.testata();
    let riferimento = t.x_riferimento_message_id.as_ref();
    if let Some(d) = daticert {
        let mut d = d.clone();
        if let (Some(m), Some(r)) = (&d.msgid, riferimento)
            && m.trim_matches(['<', '>']) != r.trim_matches(['<', '>'])
        {
            rilievi.aggiungi(Codice::Discorde, "X-Riferimento-Message-ID e msgid di daticert.xml sono diversi");
        }
        d.msgid = d.msgid.or_else(|| riferimento.cloned());
        d.ricevuta = d.ricevuta.or_else(|| ricevuta(busta));
        return d;
    }
    if tipo == Tipo::Dsn {
        let mut d = dsn::leggi(busta);
        d.data = t.date;
        return d;
    }
    let di_gestore = tipo.di_gestore();
    if di_gestore && tipo != Tipo::AnomaliaMessaggio {
        rilievi.aggiungi(
            Codice::Daticert,
            "daticert.xml non c'è o non si legge: ciò che si sa viene dalle intestazioni, che nessuno certifica",
        );
    }
    // Of an envelope or a receipt, what the message inside says of itself comes first.
    let fonte = originale.map_or(t, Messaggio::testata);
    let indirizzi = |t: &crate::mime::Testata| -> Vec<Destinatario> {
        t.to.iter().chain(&t.cc).map(|i| Destinatario { indirizzo: i.indirizzo.clone(), tipo: None }).collect()
    };
    let mut d = Daticert {
        mittente: fonte.from.as_ref().map(|f| f.indirizzo.clone()),
        destinatari: indirizzi(fonte),
        oggetto: fonte.subject.clone(),
        data: t.date,
        ..Daticert::default()
    };
    if di_gestore {
        d.msgid = riferimento.cloned();
        d.ricevuta = ricevuta(busta);
        d.errore = t.x_verifica_sicurezza.as_ref().map(|_| ErrorePec::Virus);
        if tipo == Tipo::PostaCertificata {
            // The provider gives the envelope the identifier of the message.
            d.identificativo = t.message_id.as_ref().map(|m| m.trim_matches(['<', '>']).to_owned());
        } else if originale.is_none() {
            // A receipt goes to who sent.
            d.mittente = t.to.first().map(|i| i.indirizzo.clone());
            d.destinatari = Vec::new();
            d.oggetto = None;
        }
    }
    d
}

fn ricevuta(m: &Messaggio<'_>) -> Option<Ricevuta> {
    m.testata().x_tipo_ricevuta.as_deref().and_then(Ricevuta::da_nome)
}
