//! XAdES and XML signatures: enveloped, enveloping, detached; countersignatures and timestamps on them (R-C10, R-C12, R-H09).
//!
//! What is checked and what is used come from one tree, references lead nowhere but into it or into files at hand, and only
//! transforms known by name are followed.

mod firma;
pub(crate) mod nodi;
mod riferimenti;

use std::cell::{Cell, RefCell};

use self::nodi::{DS, XADES};
pub(crate) use self::riferimenti::Esterni;
use self::riferimenti::Oggetto;
use crate::canonica::{Albero, Metodo, NodeId, Testo};
use crate::esame::{Bilancio, Contenuto, Contesto, Esame, Firma, Formato, Livello};
use crate::fiducia::Materiale;
use crate::impronte::Coperto;
use crate::marca;

/// Countersignatures of countersignatures.
const CONTROFIRME_MAX: usize = 4;
/// Bytes of files outside that the references of one file may ask for, all together.
pub(crate) const ESTERNI_MAX: usize = 1 << 30;
/// What looking at a node costs, in bytes hashed.
const NODO_BYTE: usize = 128;

/// Of an XML file; none when it holds no signature.
pub(crate) fn esamina(byte: &[u8], qui: &Livello, bilancio: &mut Bilancio) -> Option<Esame> {
    let con_firma = |b: &[u8]| crate::involucro::trova(b, b"Signature").is_some();
    let letto = Testo::leggi(byte);
    let testo = match &letto {
        Ok(t) if con_firma(t.come_testo().as_bytes()) => t,
        Ok(_) => return None,
        // Something may be signed in there: not being able to look is not the same as finding nothing.
        Err(e) if con_firma(byte) => return Some(rifiutato(byte, e.to_string())),
        Err(_) => return None,
    };
    let albero = match testo.albero() {
        Ok(a) => a,
        Err(e) => return Some(rifiutato(byte, e.to_string())),
    };
    let usati = RefCell::new(Vec::new());
    let resta = Cell::new(ESTERNI_MAX);
    let esterni = |uri: &str| {
        usati.borrow_mut().push(uri.to_owned());
        let o = qui.originale?;
        resta.set(resta.get().checked_sub(o.len())?);
        Some(o.to_vec())
    };
    let firme = firme(&albero, &esterni, qui.contesto, bilancio);
    if firme.is_empty() {
        return None;
    }
    let mut e = Esame { formato: Some(Formato::Xades), firme, ..Esame::default() };
    let mut usati = usati.into_inner();
    usati.dedup();
    e.staccata = !usati.is_empty();
    if usati.len() > 1 && usati.iter().any(|u| *u != usati[0]) {
        // One original cannot be two files.
        e.firme.iter_mut().for_each(|f| f.rifiuta("la firma copre più file esterni, e se ne può dare uno solo"));
    }
    e.contenuto = if e.staccata { qui.originale.map(Contenuto::dei) } else { Some(Contenuto::dei(byte)) };
    if let Some(dentro) = imbustato(&albero) {
        e.contenuto = Some(bilancio.contenuto(&mut Coperto::nuovo(vec![&dentro])));
        e.buste = qui.dentro(&dentro, &e.firme, bilancio);
    }
    Some(e)
}

fn rifiutato(byte: &[u8], perche: String) -> Esame {
    Esame { formato: Some(Formato::Xades), contenuto: Some(Contenuto::dei(byte)), ..Esame::rifiutato(perche) }
}

/// The file that an enveloping signature carries in base64.
fn imbustato(a: &Albero) -> Option<Vec<u8>> {
    let radice = a.0.document_element().filter(|r| nodi::e(a, *r, DS, "Signature"))?;
    let oggetti: Vec<NodeId> = nodi::figli(a, radice, DS, "Object")
        .into_iter()
        .filter(|o| {
            // The signed transform says it even where the attribute, which nothing covers, does not.
            nodi::attributo(a, *o, "Encoding").is_some_and(|e| e.ends_with("#base64"))
                || riferimenti::in_base64(a, radice, *o)
        })
        .collect();
    match oggetti[..] {
        [uno] => nodi::base64(a, uno),
        _ => None,
    }
}

/// The signatures of a document that are not inside other signatures, as far as the budget goes: the last one says that it
/// was spent (R-H09).
pub(crate) fn firme(a: &Albero, esterni: Esterni, contesto: &Contesto, bilancio: &mut Bilancio) -> Vec<Firma> {
    let nodi = nodi::sotto(a, a.0.root());
    // Nodes cost more than bytes: a thousand references over a million empty elements must not hold anybody up.
    let passata = a.0.input_text().len().saturating_add(nodi.len().saturating_mul(NODO_BYTE));
    let d = Documento { a, esterni, contesto, passata };
    let mut v = Vec::new();
    for f in nodi.into_iter().filter(|f| nodi::e(a, *f, DS, "Signature") && !controfirma(a, *f)) {
        if let Err(perche) = d.paga(f, bilancio) {
            v.push(Firma::illeggibile(perche));
            break;
        }
        v.push(d.una(f, None, bilancio, 0));
    }
    v
}

/// What all the signatures of a document are judged with.
struct Documento<'d> {
    a: &'d Albero<'d>,
    esterni: Esterni<'d>,
    contesto: &'d Contesto<'d>,
    /// What looking at the whole of it costs, in bytes hashed.
    passata: usize,
}

/// Judged with the signature it is on.
fn controfirma(a: &Albero, f: NodeId) -> bool {
    let sopra = [
        (XADES, "CounterSignature"),
        (XADES, "UnsignedSignatureProperties"),
        (XADES, "UnsignedProperties"),
        (XADES, "QualifyingProperties"),
        (DS, "Object"),
        (DS, "Signature"),
    ];
    let mut qui = f;
    sopra.iter().all(|(ns, nome)| {
        a.0.parent(qui).is_some_and(|p| {
            qui = p;
            nodi::e(a, p, ns, nome)
        })
    })
}

impl Documento<'_> {
    /// What a signature costs, before anything of it is looked at.
    fn paga(&self, f: NodeId, bilancio: &mut Bilancio) -> Result<(), String> {
        bilancio.firma()?;
        // Each reference looks at the whole document at most a few times.
        let passate =
            1 + nodi::figlio(self.a, f, DS, "SignedInfo").map_or(0, |i| nodi::figli(self.a, i, DS, "Reference").len());
        bilancio.impronta(self.passata.saturating_mul(passate))
    }

    /// One signature, paid for; `di` is the value that a countersignature must cover.
    fn una(&self, f: NodeId, di: Option<NodeId>, bilancio: &mut Bilancio, livello: usize) -> Firma {
        if livello > CONTROFIRME_MAX {
            return Firma::illeggibile("troppe controfirme una sull'altra");
        }
        let Self { a, esterni, contesto, .. } = *self;
        let non_firmate = firma::proprieta_non_firmate(a, f);
        let mut materiale = Materiale { certificati: firma::certificati(a, f), ..Materiale::default() };
        if let Some(p) = non_firmate {
            valori(a, p, &mut materiale);
        }
        let g = firma::giudica(a, f, &materiale.certificati, esterni);
        let certificato = g.riscontro.certificato.and_then(|i| materiale.certificati.get(i));
        let mut v = Firma::da_riscontro(&g.riscontro, certificato);
        v.integrita.documento_intero = Some(g.intero);
        if g.proprieta.is_none() && certificato.is_some() {
            v.avvisi.push("firma XML senza proprietà XAdES".into());
        }
        let coperti: Vec<Oggetto> =
            g.riferimenti.iter().filter(|r| r.giusto == Some(true)).filter_map(|r| r.oggetto.clone()).collect();
        match di {
            Some(valore) => {
                v.integrita.documento_intero = None;
                if !coperti.contains(&Oggetto::Elemento(valore)) {
                    v.rifiuta("la controfirma non copre la firma in cui sta");
                }
            }
            // What is here is not what was signed: a part of it is (signature wrapping lives on this).
            None if !g.intero => v.rifiuta("la firma copre solo una parte del documento"),
            None => {}
        }
        if let Some(p) = non_firmate {
            v.marca = marcata(a, f, p, &materiale, contesto, bilancio);
            if ["ArchiveTimeStamp"].iter().any(|n| nodi::figlio(a, p, XADES, n).is_some()) {
                v.avvisi.push("ci sono marche di archiviazione, che non sono esaminate".into());
            }
        }
        if let Some(c) = certificato {
            contesto.fiducia.giudica(&mut v, c, &materiale, contesto);
        }
        let valore = nodi::figlio(a, f, DS, "SignatureValue");
        for p in non_firmate.into_iter().flat_map(|p| nodi::figli(a, p, XADES, "CounterSignature")) {
            for c in nodi::figli(a, p, DS, "Signature") {
                if let Err(perche) = self.paga(c, bilancio) {
                    v.controfirme.push(Firma::illeggibile(perche));
                    return v;
                }
                v.controfirme.push(self.una(c, valore, bilancio, livello + 1));
            }
        }
        v
    }
}

/// Certificates and revocations in the unsigned properties.
fn valori(a: &Albero, p: NodeId, m: &mut Materiale) {
    let leggi = |nome: (&str, &str)| -> Vec<Vec<u8>> {
        nodi::figli(a, p, XADES, nome.0)
            .into_iter()
            .flat_map(|v| nodi::discendenti(a, v, XADES, nome.1))
            .filter_map(|n| nodi::base64(a, n))
            .collect()
    };
    let certificati = leggi(("CertificateValues", "EncapsulatedX509Certificate"));
    m.aggiungi_certificati(certificati.iter().map(Vec::as_slice));
    let crl = leggi(("RevocationValues", "EncapsulatedCRLValue"));
    let ocsp = leggi(("RevocationValues", "EncapsulatedOCSPValue"));
    m.aggiungi(&crl.iter().map(Vec::as_slice).collect::<Vec<_>>(), &ocsp.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

/// The timestamp on the signature value: the first valid one, or the first.
fn marcata(
    a: &Albero,
    f: NodeId,
    p: NodeId,
    m: &Materiale,
    contesto: &Contesto,
    bilancio: &mut Bilancio,
) -> Option<crate::esame::Marca> {
    let mut prima = None;
    let valore = nodi::figlio(a, f, DS, "SignatureValue")?;
    for t in nodi::figli(a, p, XADES, "SignatureTimeStamp") {
        let metodo = nodi::figlio(a, t, DS, "CanonicalizationMethod").and_then(|m| nodi::attributo(a, m, "Algorithm"));
        let metodo = metodo.map_or(Some(Metodo::Inclusiva { commenti: false }), Metodo::da_uri);
        let canonico = metodo.and_then(|c| a.canonica(c, Some(&a.sottoalbero(valore, c.commenti())), &[]).ok());
        for e in nodi::figli(a, t, XADES, "EncapsulatedTimeStamp") {
            bilancio.firma().ok()?;
            let (Some(c), Some(token)) = (&canonico, nodi::base64(a, e)) else { continue };
            let v = marca::verifica(&token, Some(&mut Coperto::nuovo(vec![c])), &m.certificati, contesto);
            if v.valida {
                return Some(v);
            }
            prima.get_or_insert(v);
        }
    }
    prima
}
