//! Timestamps (RFC 3161) asked of an authority. A TSA needs no secret of ours, but what it answers is looked at: status,
//! digest, nonce, signature.

use std::time::Duration;

use firme::Fiducia;
use firme::asn1::{self, Lettore, intero_piccolo, tag};
use firme::esame::Contesto;
use firme::impronte::{Coperto, Digesto};
use firme::marca;
use ring::digest;
use ureq::Agent;

use crate::der::{intero, nullo, numero, oid, ottetti, seq, vero};
use crate::{Errore, Segreto, rete};

/// Longest answer: tokens with their chain are a few KiB.
const RISPOSTA_BYTE_MAX: u64 = 64 * 1024;

/// Who marks with a time what it is given.
pub trait Marcatore: Send + Sync {
    /// The token (TimeStampToken, DER) over these bytes.
    ///
    /// # Errors
    /// See [`Errore`].
    fn marca(&self, byte: &[u8]) -> Result<Vec<u8>, Errore>;
}

/// Where an authority is and how to ask it.
#[derive(Debug, Clone)]
pub struct Impostazioni {
    /// Its address.
    pub url: String,
    /// Name and password, where it wants them.
    pub accesso: Option<(String, Segreto)>,
    /// Policy to ask for.
    pub politica: Option<String>,
    /// How long it may take.
    pub attesa: Duration,
    /// Authorities of its TLS certificate (DER), instead of the usual ones.
    pub radici: Vec<Vec<u8>>,
}

/// An authority reached over HTTP.
pub struct Tsa {
    come: Impostazioni,
    agente: Agent,
    dove: String,
}

impl Tsa {
    /// Sets it up; asks nothing yet.
    ///
    /// # Errors
    /// [`Errore::Configurazione`]: an address that is none, or a password in clear on the wire.
    pub fn nuova(come: Impostazioni) -> Result<Self, Errore> {
        // Many authorities answer over plain HTTP: what goes there is a digest. A password is another matter.
        if come.accesso.is_some() || !come.url.starts_with("http://") {
            rete::indirizzo(&come.url)?;
        }
        if come.politica.as_ref().is_some_and(|p| !p.split('.').all(|n| n.parse::<u64>().is_ok()) || !p.contains('.')) {
            return Err(Errore::Configurazione("la politica della marca temporale non è un OID".into()));
        }
        let agente = rete::agente(come.attesa, &come.radici);
        let dove = format!("marca temporale {}", come.url);
        Ok(Self { come, agente, dove })
    }

    fn sbagliata(&self, perche: impl Into<String>) -> Errore {
        Errore::RispostaSbagliata { dove: self.dove.clone(), perche: perche.into() }
    }
}

impl Marcatore for Tsa {
    fn marca(&self, byte: &[u8]) -> Result<Vec<u8>, Errore> {
        let impronta = digest::digest(&digest::SHA256, byte);
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce)
            .map_err(|e| Errore::NonDisponibile { dove: self.dove.clone(), perche: format!("numeri casuali: {e}") })?;
        let richiesta = richiesta(impronta.as_ref(), self.come.politica.as_deref(), &nonce);
        let mut invio = self.agente.post(&self.come.url).header("content-type", "application/timestamp-query");
        if let Some((nome, password)) = &self.come.accesso {
            use base64::Engine as _;
            let coppia = zeroize::Zeroizing::new(format!("{nome}:{}", password.svela()));
            let coppia = zeroize::Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(coppia.as_bytes()));
            invio = invio.header("authorization", format!("Basic {}", *coppia));
        }
        let risposta = rete::manda(&self.dove, invio.send(&richiesta[..]), RISPOSTA_BYTE_MAX)?;
        match risposta.stato {
            200 if risposta.tipo.starts_with("application/timestamp-reply") => {}
            200 => return Err(self.sbagliata(format!("tipo «{}»", risposta.tipo.chars().take(60).collect::<String>()))),
            stato => {
                return Err(Errore::Rifiutato { dove: self.dove.clone(), perche: format!("risposta HTTP {stato}") });
            }
        }
        let risposta = leggi(&risposta.corpo).map_err(|e| self.sbagliata(e.to_string()))?;
        let token = match risposta {
            Risposta::Marcata(token) => token,
            Risposta::Negata(stato) => {
                return Err(Errore::Rifiutato { dove: self.dove.clone(), perche: format!("stato {stato} (RFC 3161)") });
            }
        };
        let letta = marca::risponde(token, impronta.as_ref(), Some(&nonce)).map_err(|e| self.sbagliata(e))?;
        // Whose it is, is judged by who reads; that it is somebody's signature, now.
        let contesto = Contesto {
            fiducia: &Fiducia::nessuna(),
            istante: letta.istante,
            fonte: firme::esame::RIFERIMENTO,
            pec: false,
        };
        let giudicata = marca::verifica(token, Some(&mut Coperto::nuovo(vec![byte])), &[], &contesto);
        if !giudicata.valida {
            return Err(self.sbagliata(giudicata.errore.unwrap_or_else(|| "la marca non è valida".into())));
        }
        Ok(token.to_vec())
    }
}

/// A request (RFC 3161 § 2.4.1) over a SHA-256, with the certificate asked for.
pub fn richiesta(impronta: &[u8], politica: Option<&str>, nonce: &[u8]) -> Vec<u8> {
    let impronta = seq(&[&seq(&[&oid(Digesto::Sha256.oid()), &nullo()]), &ottetti(impronta)]);
    seq(&[&numero(1), &impronta, &politica.map(oid).unwrap_or_default(), &intero(nonce), &vero()])
}

enum Risposta<'a> {
    Marcata(&'a [u8]),
    Negata(u64),
}

fn leggi(byte: &[u8]) -> Result<Risposta<'_>, asn1::Errore> {
    let mut l = Lettore::solo(byte, tag::SEQUENCE)?.dentro();
    let stato = intero_piccolo(&l.atteso(tag::SEQUENCE)?.dentro().atteso(tag::INTEGER)?)?;
    // 0 granted, 1 granted with modifications.
    if stato > 1 {
        return Ok(Risposta::Negata(stato));
    }
    let token = l.atteso(tag::SEQUENCE)?.intero;
    if l.finito() { Ok(Risposta::Marcata(token)) } else { Err(asn1::AVANZO) }
}
