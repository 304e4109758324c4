//! Receipts: some fields of one operation, and the proof that they stand in the log.
//!
//! A receipt holds the disclosures its holder may see, the bare digests of the other fields, the index, the inclusion
//! proof and the signed checkpoint. With the log's public key it needs nothing else.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::nota::{ChiavePubblica, dividi};
use crate::prova::{PROVA_HASH_MAX, verifica_inclusione};
use crate::rivelazione::{Rivelazione, Seme, impronta_campo, impronta_testo, rivelazione};
use crate::{ErroreCampo, Hash, Operazione, foglia, voce};

/// Longest receipt, in bytes.
pub const RICEVUTA_BYTE_MAX: usize = 16 * 1024 * 1024;
/// What the field `versione` says.
pub const VERSIONE: &str = "protocollo/ricevuta/v1";

/// Why a receipt cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErroreRicevuta {
    /// A field of the operation.
    #[error(transparent)]
    Campo(#[from] ErroreCampo),
    /// Too long.
    #[error("la ricevuta supera {RICEVUTA_BYTE_MAX} byte")]
    Lunga,
    /// Not the JSON of a receipt.
    #[error("la ricevuta non è ben formata: {0}")]
    Forma(String),
}

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ricevuta {
    /// [`VERSIONE`].
    pub versione: String,
    /// Origin of the log.
    pub origine: String,
    /// Index of the operation.
    pub indice: u64,
    /// Disclosures, sorted by field name.
    pub rivelazioni: Vec<String>,
    /// Digests of the fields not disclosed, base64url, sorted bytewise.
    pub impronte: Vec<String>,
    /// Inclusion proof, base64.
    pub prova: Vec<String>,
    /// Signed checkpoint.
    pub checkpoint: String,
    /// Public key of the log, for information: it never counts as trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chiave: Option<String>,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq)]
pub enum EsitoRicevuta {
    /// Signed by a key that the caller trusts.
    Autentica {
        /// The disclosed fields.
        campi: Operazione,
    },
    /// Everything fits together, and nobody that we trust vouches for it.
    CoerenteNonAutenticata {
        /// The disclosed fields.
        campi: Operazione,
    },
    /// It does not hold.
    Falsa {
        /// Why, in Italian.
        motivi: Vec<String>,
    },
}

impl Ricevuta {
    /// Makes the receipt of operation `indice`, disclosing the fields for which `mostra` says so.
    ///
    /// # Errors
    /// A field that may not stand in an operation.
    #[expect(clippy::too_many_arguments, reason = "each is one part of a receipt")]
    pub fn crea(
        origine: &str,
        indice: u64,
        operazione: &Operazione,
        seme: &Seme,
        mut mostra: impl FnMut(&str) -> bool,
        prova: &[Hash],
        checkpoint: &str,
        chiave: Option<&ChiavePubblica>,
    ) -> Result<Self, ErroreRicevuta> {
        let mut rivelazioni = Vec::new();
        let mut nascoste: Vec<Hash> = Vec::new();
        for (nome, valore) in operazione {
            if mostra(nome) {
                rivelazioni.push(rivelazione(seme, nome, valore)?);
            } else {
                nascoste.push(impronta_campo(seme, nome, valore)?);
            }
        }
        nascoste.sort_unstable();
        Ok(Self {
            versione: VERSIONE.to_owned(),
            origine: origine.to_owned(),
            indice,
            rivelazioni,
            impronte: nascoste.iter().map(|h| URL_SAFE_NO_PAD.encode(h)).collect(),
            prova: prova.iter().map(|h| STANDARD.encode(h)).collect(),
            checkpoint: checkpoint.to_owned(),
            chiave: chiave.map(ToString::to_string),
        })
    }

    /// Reads the JSON of a receipt.
    ///
    /// # Errors
    /// Too long, or not a receipt.
    pub fn leggi(json: &[u8]) -> Result<Self, ErroreRicevuta> {
        if json.len() > RICEVUTA_BYTE_MAX {
            return Err(ErroreRicevuta::Lunga);
        }
        serde_json::from_slice(json).map_err(|e| ErroreRicevuta::Forma(e.to_string()))
    }
}

/// Checks a receipt against the keys that the caller trusts.
#[must_use]
pub fn verifica(ricevuta: &Ricevuta, chiavi: &[ChiavePubblica]) -> EsitoRicevuta {
    let mut motivi = Vec::new();
    let campi = controlla(ricevuta, chiavi, &mut motivi);
    match campi {
        Some(campi) if motivi.is_empty() => {
            if chiavi.is_empty() {
                EsitoRicevuta::CoerenteNonAutenticata { campi }
            } else {
                EsitoRicevuta::Autentica { campi }
            }
        }
        _ => EsitoRicevuta::Falsa { motivi },
    }
}

fn controlla(r: &Ricevuta, chiavi: &[ChiavePubblica], motivi: &mut Vec<String>) -> Option<Operazione> {
    if r.versione != VERSIONE {
        motivi.push(format!("versione «{}» sconosciuta", r.versione));
        return None;
    }
    let mut campi = Operazione::new();
    let mut digests: Vec<Hash> = Vec::with_capacity(r.rivelazioni.len() + r.impronte.len());
    for testo in &r.rivelazioni {
        match Rivelazione::leggi(testo) {
            Ok(x) => {
                if campi.insert(x.nome.clone(), x.valore).is_some() {
                    motivi.push(format!("il campo {} è rivelato due volte", x.nome));
                }
                digests.push(impronta_testo(testo));
            }
            Err(e) => motivi.push(e.to_string()),
        }
    }
    for i in &r.impronte {
        match URL_SAFE_NO_PAD.decode(i).ok().and_then(|b| Hash::try_from(b).ok()) {
            Some(h) => digests.push(h),
            None => motivi.push("un'impronta nascosta non è di 32 byte in base64url".to_owned()),
        }
    }
    if digests.iter().collect::<BTreeSet<_>>().len() != digests.len() {
        motivi.push("la stessa impronta compare due volte".to_owned());
    }
    // What the fields say of their place must agree with where the proof puts them.
    if campi.get("indice").is_some_and(|v| v.as_u64() != Some(r.indice)) {
        motivi.push("l'indice rivelato non è quello della ricevuta".to_owned());
    }
    let mut prova = Vec::new();
    if r.prova.len() > PROVA_HASH_MAX {
        motivi.push("la prova di inclusione è troppo lunga".to_owned());
        return None;
    }
    for p in &r.prova {
        match STANDARD.decode(p).ok().and_then(|b| Hash::try_from(b).ok()) {
            Some(h) => prova.push(h),
            None => motivi.push("un hash della prova non è di 32 byte in base64".to_owned()),
        }
    }
    let checkpoint = if chiavi.is_empty() {
        dividi(&r.checkpoint).map_err(Into::into).and_then(|(t, _)| Checkpoint::leggi(t))
    } else {
        Checkpoint::apri(&r.checkpoint, chiavi).map(|(c, _)| c)
    };
    let checkpoint = match checkpoint {
        Ok(c) => c,
        Err(e) => {
            motivi.push(e.to_string());
            return None;
        }
    };
    if checkpoint.origine != r.origine {
        motivi.push(format!("il checkpoint è del registro {}, non di {}", checkpoint.origine, r.origine));
    }
    if !motivi.is_empty() || digests.is_empty() {
        if digests.is_empty() {
            motivi.push("la ricevuta non contiene alcun campo".to_owned());
        }
        return None;
    }
    let h = foglia(&voce(&mut digests));
    if let Err(e) = verifica_inclusione(&h, r.indice, checkpoint.dimensione, &prova, &checkpoint.radice) {
        motivi.push(format!("la prova di inclusione non regge: {e}"));
        return None;
    }
    Some(campi)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modello::Tessere;
    use crate::nota::ChiaveFirma;
    use crate::{prova_inclusione, voce_di};
    use proptest::prelude::*;
    use serde_json::json;

    const ORIGINE: &str = "protocollo.example/c_z999/AOO1";
    const INDICE: u64 = 5;

    fn chiave(n: u8) -> ChiaveFirma {
        ChiaveFirma::da_segreto(ORIGINE, &[n; 32]).unwrap()
    }

    fn operazione(indice: u64) -> Operazione {
        let json = json!({"v": 1, "operazione": "registrazione", "indice": indice, "oggetto": "Istanza di accesso",
            "anno": 2026, "numero": 17, "mittente.cognome": "Rossi", "riservato": false});
        json.as_object().unwrap().clone()
    }

    fn seme(indice: u64) -> Seme {
        Seme([indice as u8; 32])
    }

    /// The receipt of operation 5 of a log of 11, with the fields named.
    fn ricevuta_di(operazioni: impl Fn(u64) -> Operazione, mostra: &[&str], firma: &ChiaveFirma) -> Ricevuta {
        let leaves: Vec<Hash> = (0..11).map(|i| foglia(&voce_di(&seme(i), &operazioni(i)).unwrap())).collect();
        let (albero, tessere) = Tessere::di(&leaves);
        let prova = prova_inclusione(&tessere, INDICE, 11).unwrap();
        let checkpoint = Checkpoint::nuovo(ORIGINE, 11, albero.radice()).firma(&[firma]).unwrap();
        let (op, show) = (operazioni(INDICE), |nome: &str| mostra.contains(&nome));
        Ricevuta::crea(ORIGINE, INDICE, &op, &seme(INDICE), show, &prova, &checkpoint, None).unwrap()
    }

    fn ricevuta() -> Ricevuta {
        ricevuta_di(operazione, &["indice", "oggetto"], &chiave(1))
    }

    fn esito(r: &Ricevuta) -> EsitoRicevuta {
        verifica(r, &[chiave(2).pubblica(), chiave(1).pubblica()])
    }

    fn motivi(r: &Ricevuta) -> String {
        match esito(r) {
            EsitoRicevuta::Falsa { motivi } => motivi.join("; "),
            other => panic!("it should not hold: {other:?}"),
        }
    }

    fn campi() -> Operazione {
        let json = json!({"indice": 5, "oggetto": "Istanza di accesso"});
        json.as_object().unwrap().clone()
    }

    /// R-B13.
    #[test]
    fn a_receipt_proves_the_fields_it_discloses_and_says_nothing_of_the_others() {
        let r = ricevuta();
        assert_eq!((r.rivelazioni.len(), r.impronte.len()), (2, 6));
        assert_eq!(esito(&r), EsitoRicevuta::Autentica { campi: campi() });
        let json = serde_json::to_string(&r).unwrap();
        assert_eq!(Ricevuta::leggi(json.as_bytes()).unwrap(), r);
        for text in r.rivelazioni.iter().chain(&r.impronte) {
            let plain = URL_SAFE_NO_PAD.decode(text).unwrap();
            assert!(!String::from_utf8_lossy(&plain).contains("Rossi"));
        }
        assert!(!json.contains("Rossi") && !json.contains("cognome"));
    }

    #[test]
    fn a_receipt_may_disclose_everything_or_nothing() {
        for (mostra, n) in [(vec![], 0), (operazione(INDICE).keys().map(String::as_str).collect(), 8)] {
            let r = ricevuta_di(operazione, &mostra, &chiave(1));
            assert_eq!(r.rivelazioni.len(), n);
            assert!(matches!(esito(&r), EsitoRicevuta::Autentica { campi } if campi.len() == n));
        }
    }

    #[test]
    fn without_a_key_a_receipt_is_coherent_and_never_authentic() {
        assert_eq!(verifica(&ricevuta(), &[]), EsitoRicevuta::CoerenteNonAutenticata { campi: campi() });
    }

    /// R-B13: who forges a log forges its key too, and encloses it.
    #[test]
    fn a_key_inside_the_receipt_is_never_trust() {
        let mut forged = ricevuta_di(operazione, &["indice", "oggetto"], &chiave(66));
        forged.chiave = Some(chiave(66).pubblica().to_string());
        assert_eq!(motivi(&forged), "nessuna firma di una chiave nota");
        assert!(matches!(verifica(&forged, &[]), EsitoRicevuta::CoerenteNonAutenticata { .. }));
        // Nor does a wrong one take anything away from a receipt that holds.
        let mut good = ricevuta();
        good.chiave = Some("una chiave qualunque".into());
        assert_eq!(esito(&good), EsitoRicevuta::Autentica { campi: campi() });
    }

    /// R-B13.
    #[test]
    fn a_receipt_signed_by_the_key_of_another_log_is_refused() {
        let altra = ChiaveFirma::da_segreto("protocollo.example/c_z999/AOO2", &[66; 32]).unwrap();
        let forged = ricevuta_di(operazione, &["indice", "oggetto"], &altra);
        let EsitoRicevuta::Falsa { motivi } = verifica(&forged, &[chiave(1).pubblica(), altra.pubblica()]) else {
            panic!("the key of AOO2 must not vouch for AOO1");
        };
        assert_eq!(motivi, [format!("il checkpoint è del registro {ORIGINE}, non di protocollo.example/c_z999/AOO2")]);
    }

    #[test]
    fn a_field_disclosed_twice_is_refused() {
        let mut r = ricevuta();
        r.rivelazioni.push(r.rivelazioni[0].clone());
        assert_eq!(motivi(&r), "il campo indice è rivelato due volte; la stessa impronta compare due volte");
        let mut r = ricevuta();
        r.rivelazioni.push(rivelazione(&Seme([99; 32]), "oggetto", &json!("Un altro")).unwrap());
        assert_eq!(motivi(&r), "il campo oggetto è rivelato due volte");
    }

    #[test]
    fn a_digest_that_appears_twice_is_refused() {
        let mut r = ricevuta();
        r.impronte.push(r.impronte[3].clone());
        assert_eq!(motivi(&r), "la stessa impronta compare due volte");
        let mut r = ricevuta();
        r.impronte.push(URL_SAFE_NO_PAD.encode(impronta_testo(&r.rivelazioni[0])));
        assert_eq!(motivi(&r), "la stessa impronta compare due volte");
    }

    #[test]
    fn a_field_added_or_left_out_or_put_elsewhere_is_refused() {
        let mut r = ricevuta();
        r.rivelazioni.push(rivelazione(&seme(INDICE), "visto", &json!(true)).unwrap());
        assert!(motivi(&r).contains("prova di inclusione"));
        let mut r = ricevuta();
        r.impronte.pop();
        assert!(motivi(&r).contains("prova di inclusione"));
        for indice in [4, 6, 11, u64::MAX] {
            let mut r = ricevuta_di(operazione, &["oggetto"], &chiave(1));
            r.indice = indice;
            assert!(motivi(&r).contains("prova di inclusione"), "index {indice}");
        }
        let mut r = ricevuta();
        r.rivelazioni.clear();
        r.impronte.clear();
        assert_eq!(motivi(&r), "la ricevuta non contiene alcun campo");
    }

    #[test]
    fn a_disclosed_index_that_is_not_where_the_proof_puts_it_is_refused() {
        let wrong = |i| operazione(if i == INDICE { 4 } else { i });
        let r = ricevuta_di(wrong, &["indice"], &chiave(1));
        assert_eq!(motivi(&r), "l'indice rivelato non è quello della ricevuta");
    }

    #[test]
    fn another_version_another_log_and_odd_encodings_are_refused() {
        let touched = |touch: fn(&mut Ricevuta)| {
            let mut r = ricevuta();
            touch(&mut r);
            motivi(&r)
        };
        assert_eq!(touched(|r| r.versione = "v2".into()), "versione «v2» sconosciuta");
        assert!(touched(|r| r.origine = "altro".into()).starts_with("il checkpoint è del registro"));
        assert!(touched(|r| r.impronte[0].push('=')).starts_with("un'impronta nascosta"));
        assert!(touched(|r| r.prova[0] = "AAAA".into()).starts_with("un hash della prova"));
        assert!(touched(|r| r.rivelazioni[0].push('=')).starts_with("rivelazione non in base64url"));
        assert!(touched(|r| r.prova = vec![r.prova[0].clone(); 65]).contains("troppo lunga"));
        assert!(touched(|r| r.checkpoint.clear()).contains("la nota firmata non è ben formata"));
    }

    #[test]
    fn a_json_that_is_no_receipt_is_refused() {
        let json = serde_json::to_string(&ricevuta()).unwrap();
        for odd in [
            String::new(),
            "[]".into(),
            "{}".into(),
            json.replacen('{', "{\"altro\":1,", 1),
            json.replacen('{', "{\"indice\":5,", 1),
            json.replace("\"indice\":5", "\"indice\":-5"),
            json.replace("\"indice\":5", "\"indice\":5.0"),
            format!("{json} {{}}"),
        ] {
            assert!(matches!(Ricevuta::leggi(odd.as_bytes()), Err(ErroreRicevuta::Forma(_))), "{odd}");
        }
        assert_eq!(Ricevuta::leggi(&vec![b' '; RICEVUTA_BYTE_MAX + 1]), Err(ErroreRicevuta::Lunga));
    }

    /// Every character, four ways. R-B13.
    #[test]
    fn a_receipt_with_one_character_changed_never_holds() {
        let json = serde_json::to_string(&ricevuta()).unwrap();
        let keys = [chiave(1).pubblica()];
        for (at, c) in json.char_indices() {
            let near = char::from_u32(c as u32 ^ 1).unwrap_or('A');
            for other in [near, 'A', '0', ' '].into_iter().filter(|other| *other != c) {
                let touched = format!("{}{other}{}", &json[..at], &json[at + c.len_utf8()..]);
                if let Ok(r) = Ricevuta::leggi(touched.as_bytes()) {
                    let esito = verifica(&r, &keys);
                    assert!(matches!(esito, EsitoRicevuta::Falsa { .. }), "{c:?} to {other:?} at {at}: {esito:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_receipt_tampered_anyhow_never_says_anything_else(at in any::<prop::sample::Index>(), c in any::<char>()) {
            let json = serde_json::to_string(&ricevuta()).unwrap();
            let chars: Vec<char> = json.chars().collect();
            let at = at.index(chars.len());
            let mut touched = chars.clone();
            touched[at] = c;
            let touched: String = touched.iter().collect();
            prop_assume!(touched != json);
            if let Ok(r) = Ricevuta::leggi(touched.as_bytes()) {
                let esito = verifica(&r, &[chiave(1).pubblica()]);
                prop_assert!(matches!(esito, EsitoRicevuta::Falsa { .. }), "{:?}", esito);
            }
        }

        #[test]
        fn random_receipts_never_panic(
            byte in prop::collection::vec(any::<u8>(), 0..200), indice in any::<u64>(),
            testi in prop::collection::vec(any::<String>(), 0..5), checkpoint in any::<String>()
        ) {
            prop_assert!(Ricevuta::leggi(&byte).is_err());
            let mut r = ricevuta();
            (r.indice, r.rivelazioni, r.checkpoint) = (indice, testi.clone(), checkpoint);
            (r.impronte, r.prova) = (testi.clone(), testi);
            let falsa = matches!(verifica(&r, &[]), EsitoRicevuta::Falsa { .. });
            prop_assert!(falsa);
        }
    }
}
