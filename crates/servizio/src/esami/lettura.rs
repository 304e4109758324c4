//! A kept verdict, read again for people: each signature with each answer apart, and what the envelopes have inside.

use std::collections::BTreeSet;

use serde::Deserialize;

/// A verdict of `firme`, as far as it is shown.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Letto {
    /// Which envelope.
    pub formato: Option<String>,
    /// Its signatures.
    pub firme: Vec<Firma>,
    /// What is straight inside.
    pub contenuto: Option<Contenuto>,
    /// More of them.
    pub contenuti: Vec<Contenuto>,
    /// Envelopes inside.
    pub buste: Vec<Letto>,
    /// Facts.
    pub avvisi: Vec<String>,
    /// Why it could not be examined, wholly or in part.
    pub errore: Option<String>,
}

/// A signature.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Firma {
    /// Who.
    pub firmatario: Option<String>,
    /// Codice fiscale.
    pub cf: Option<String>,
    /// Who issued the certificate.
    pub emittente: Option<String>,
    /// When, as declared.
    pub istante: Option<jiff::Timestamp>,
    /// What was signed is here.
    pub integra: bool,
    /// Who it is: `riconosciuta`, `scaduta`, `sconosciuta`, `non-verificata`.
    pub identita: String,
    /// `buona`, `revocata`, `non-verificata`.
    pub revoca: String,
    /// Why it is not intact.
    pub errore: Option<String>,
    /// The timestamp on it.
    pub marca: Option<Marca>,
    /// The parts of `integra`.
    pub integrita: Integrita,
    /// The parts of `identita`.
    pub dettaglio_identita: Identita,
    /// The parts of `revoca`.
    pub dettaglio_revoca: Revoca,
    /// Signatures on this one.
    pub controfirme: Vec<Firma>,
}

/// A timestamp.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Marca {
    /// Right, and of these bytes.
    pub valida: bool,
    /// When.
    pub istante: Option<jiff::Timestamp>,
    /// The authority.
    pub tsa: Option<String>,
}

/// Of integrity.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Integrita {
    /// Something was added after signing.
    pub modificato_dopo: Option<bool>,
}

/// Of identity.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Identita {
    /// Reasons.
    pub motivi: Vec<String>,
    /// Is it qualified?
    pub qualificata: Qualifica,
}

/// Qualified or not.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Qualifica {
    /// None: cannot be said.
    pub esito: Option<bool>,
    /// Why.
    pub perche: Option<String>,
}

/// Of revocation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Revoca {
    /// Since when.
    pub istante_revoca: Option<jiff::Timestamp>,
}

/// A content.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Contenuto {
    /// Its name, where the envelope gives one.
    pub nome: Option<String>,
    /// Type, from its first bytes.
    pub mime: String,
    /// Size.
    pub byte: u64,
    /// SHA-256.
    pub impronta: String,
}

impl Letto {
    /// A kept verdict; none when it is not one.
    pub fn di(esito: &str) -> Option<Self> {
        serde_json::from_str(esito).ok()
    }

    /// Every signature with how many envelopes are around it, in order; countersignatures after what they sign.
    pub fn tutte(&self) -> Vec<(usize, bool, &Firma)> {
        fn aggiungi<'a>(f: &'a Firma, livello: usize, contro: bool, out: &mut Vec<(usize, bool, &'a Firma)>) {
            out.push((livello, contro, f));
            f.controfirme.iter().for_each(|c| aggiungi(c, livello, true, out));
        }
        fn in_busta<'a>(l: &'a Letto, livello: usize, out: &mut Vec<(usize, bool, &'a Firma)>) {
            l.firme.iter().for_each(|f| aggiungi(f, livello, false, out));
            l.buste.iter().for_each(|b| in_busta(b, livello + 1, out));
        }
        let mut out = Vec::new();
        in_busta(self, 0, &mut out);
        out
    }

    /// What could not be examined, and facts, in every envelope.
    pub fn detti(&self) -> Vec<String> {
        let mut out: Vec<String> = self.errore.iter().chain(&self.avvisi).cloned().collect();
        out.extend(self.buste.iter().flat_map(Self::detti));
        out
    }

    /// What the envelopes of a document have inside, each with a name: its own, or the document's without what the envelope
    /// added to it. What is the document itself is not among them.
    pub fn contenuti(&self, nome: &str, impronta: &str) -> Vec<Contenuto> {
        let mut visti = BTreeSet::from([impronta.to_owned()]);
        let mut out = Vec::new();
        self.raccogli(nome, &mut visti, &mut out);
        out
    }

    fn raccogli(&self, nome: &str, visti: &mut BTreeSet<String>, out: &mut Vec<Contenuto>) {
        let mut dentro = nome.to_owned();
        for c in self.contenuto.iter().chain(&self.contenuti) {
            if !visti.insert(c.impronta.clone()) {
                continue;
            }
            // A container may write paths: of those the last step.
            let suo = c.nome.as_deref().and_then(|n| n.rsplit(['/', '\\']).next()).filter(|n| !n.is_empty());
            let suo = suo.map_or_else(|| senza_busta(nome, &c.mime), str::to_owned);
            dentro.clone_from(&suo);
            out.push(Contenuto { nome: Some(suo), ..c.clone() });
        }
        self.buste.iter().for_each(|b| b.raccogli(&dentro, visti, out));
    }
}

/// `atto.pdf.p7m` without its envelope; with an ending of its kind where none is left.
fn senza_busta(nome: &str, mime: &str) -> String {
    let minuscolo = nome.to_ascii_lowercase();
    let tolta = [".p7m", ".p7s", ".m7m", ".tsd", ".xml"].iter().find_map(|e| {
        let prima = minuscolo.strip_suffix(e)?;
        nome.get(..prima.len()).filter(|p| !p.is_empty())
    });
    let base = tolta.unwrap_or(nome);
    if tolta.is_some() && base.contains('.') {
        return base.to_owned();
    }
    let estensione = match mime {
        "application/pdf" => ".pdf",
        "application/xml" => ".xml",
        "text/plain" => ".txt",
        "application/pkcs7-mime" => ".p7m",
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/tiff" => ".tif",
        _ => "",
    };
    let estensione = if base.to_ascii_lowercase().ends_with(estensione) { "" } else { estensione };
    format!("{}{base}{estensione}", if tolta.is_none() { "contenuto di " } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_keeps_its_name_or_gets_one() {
        for (nome, mime, atteso) in [
            ("atto.pdf.p7m", "application/pdf", "atto.pdf"),
            ("ATTO.PDF.P7M", "application/pdf", "ATTO.PDF"),
            ("atto.p7m", "application/pdf", "atto.pdf"),
            ("atto", "application/octet-stream", "contenuto di atto"),
            (".p7m", "text/plain", "contenuto di .p7m.txt"),
        ] {
            assert_eq!(senza_busta(nome, mime), atteso);
        }
        let c = |nome: Option<&str>, impronta: &str| Contenuto {
            nome: nome.map(str::to_owned),
            mime: "application/pdf".into(),
            byte: 1,
            impronta: impronta.into(),
        };
        // Two envelopes, the PDF inside signed too: it is its own content, and is offered once.
        let pdf = Letto { contenuto: Some(c(None, "c")), ..Letto::default() };
        let dentro = Letto { contenuto: Some(c(None, "c")), buste: vec![pdf], ..Letto::default() };
        let fuori = Letto { contenuto: Some(c(None, "b")), buste: vec![dentro], ..Letto::default() };
        let nomi = |l: &Letto| -> Vec<(String, String)> {
            l.contenuti("x.pdf.p7m.p7m", "a").into_iter().map(|c| (c.nome.unwrap(), c.impronta)).collect()
        };
        assert_eq!(nomi(&fuori), [("x.pdf.p7m".into(), "b".into()), ("x.pdf".into(), "c".into())]);
        let asic = Letto { contenuti: vec![c(Some("../../etc/x.pdf"), "d"), c(Some("a"), "a")], ..Letto::default() };
        assert_eq!(nomi(&asic), [("x.pdf".into(), "d".into())]);
    }
}
