//! What other administrations send: segnature and return messages of every generation.

use ::segnatura::modello::Generazione;
use ::segnatura::{Contenuto, Gravita, RILIEVI_MAX, leggi};

/// A signature for what is written again.
const FIRMA: &str = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
    <ds:CanonicalizationMethod Algorithm=\"u\"/><ds:SignatureMethod Algorithm=\"u\"/><ds:Reference>\
    <ds:DigestMethod Algorithm=\"u\"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>";

/// Whatever the bytes, an answer that can be shown; a valid return message can be written again, and is read the same; so
/// is a segnatura that we would write.
pub fn segnatura(byte: &[u8]) {
    let letta = leggi(byte);
    assert!(letta.rilievi.len() <= 2 * RILIEVI_MAX + 2);
    serde_json::to_vec(&letta.sunto()).unwrap();
    assert_eq!(letta.valida(), letta.contenuto.is_some() && letta.rilievi.iter().all(|r| r.gravita == Gravita::Avviso));
    match &letta.contenuto {
        Some(Contenuto::Ritorno(m)) => {
            if let Some(Ok(scritto)) = m.rispondi_a(&letta) {
                let riletta = leggi(&scritto);
                assert!(riletta.valida() && riletta.ritorno().is_some(), "{:?}", riletta.rilievi);
                assert_eq!(riletta.generazione, letta.generazione);
                // In the 3.0.0 nothing is lost.
                if letta.generazione == Some(Generazione::V2021) {
                    assert_eq!(riletta.ritorno(), Some(&**m));
                }
            }
        }
        Some(Contenuto::Segnatura(s) | Contenuto::Messaggio(s, _)) => {
            if let Ok(n) = s.non_sigillata() {
                let riletta = leggi(&n.con_firma(FIRMA).unwrap());
                assert!(riletta.valida() && riletta.conforme(), "{:?}", riletta.rilievi);
                assert_eq!(riletta.segnatura().unwrap().non_sigillata().unwrap(), n);
            }
        }
        None => {}
    }
}
