//! One `ds:Signature`: value, references, what it covers, the certificate it binds itself to.

use jiff::Timestamp;

use super::nodi::{self, DS, XADES};
use super::riferimenti::{self, Esterni, Oggetto, Riferimento};
use crate::canonica::{Albero, Metodo, NodeId, NodeKind};
use crate::chiave::{Chiave, Schema};
use crate::cms::Riscontro;
use crate::impronte::Digesto;
use crate::x509::Certificato;

/// References of one signature.
const RIFERIMENTI_MAX: usize = 1000;
/// `Type` of the reference to the signed properties, in every version.
const PROPRIETA: &str = "SignedProperties";

/// A signature, judged.
pub(crate) struct Giudizio {
    pub riscontro: Riscontro,
    pub riferimenti: Vec<Riferimento>,
    /// Whether it covers the whole document.
    pub intero: bool,
    /// Its signed properties are there and covered; none when there are none.
    pub proprieta: Option<bool>,
}

/// The certificates in `KeyInfo`.
pub(crate) fn certificati(a: &Albero, firma: NodeId) -> Vec<Certificato> {
    let Some(k) = nodi::figlio(a, firma, DS, "KeyInfo") else { return Vec::new() };
    nodi::discendenti(a, k, DS, "X509Certificate")
        .into_iter()
        .take(crate::cms::CERTIFICATI_MAX)
        .filter_map(|n| Certificato::leggi(&nodi::base64(a, n)?).ok())
        .collect()
}

/// Judges a signature with these certificates at hand.
pub(crate) fn giudica(a: &Albero, firma: NodeId, certificati: &[Certificato], esterni: Esterni) -> Giudizio {
    let mut g = Giudizio { riscontro: Riscontro::default(), riferimenti: Vec::new(), intero: false, proprieta: None };
    if let Err(perche) = compila(a, firma, certificati, esterni, &mut g) {
        g.riscontro.errore.get_or_insert(perche);
    }
    g
}

fn compila(
    a: &Albero,
    firma: NodeId,
    certificati: &[Certificato],
    esterni: Esterni,
    g: &mut Giudizio,
) -> Result<(), String> {
    let r = &mut g.riscontro;
    let [info] = nodi::figli(a, firma, DS, "SignedInfo")[..] else { return Err("firma senza SignedInfo".into()) };
    let [valore] = nodi::figli(a, firma, DS, "SignatureValue")[..] else { return Err("firma senza valore".into()) };
    let valore = nodi::base64(a, valore).ok_or("il valore della firma non è in base64")?;
    let alg = nodi::figlio(a, info, DS, "SignatureMethod")
        .and_then(|m| nodi::attributo(a, m, "Algorithm"))
        .unwrap_or_default();
    let metodo = nodi::figlio(a, info, DS, "CanonicalizationMethod").ok_or("firma senza metodo canonico")?;
    let c14n = nodi::attributo(a, metodo, "Algorithm").unwrap_or_default();
    let proprieta = proprieta_firmate(a, firma);
    r.istante = proprieta.and_then(|p| istante(a, p));

    // What it covers.
    let elenco = nodi::figli(a, info, DS, "Reference");
    if elenco.is_empty() || elenco.len() > RIFERIMENTI_MAX {
        return Err("la firma non copre niente, o copre troppe cose".into());
    }
    for n in elenco {
        g.riferimenti.push(riferimenti::giudica(a, n, firma, esterni));
    }
    r.impronta = g.riferimenti.iter().try_fold(true, |t, x| x.giusto.map(|g| t && g));
    if g.riferimenti.iter().any(|x| x.giusto == Some(false)) {
        r.impronta = Some(false);
    }
    r.digesto = g.riferimenti.iter().find_map(|x| x.digesto);
    r.errore = g.riferimenti.iter().find_map(|x| x.errore.clone());
    g.intero = intero(a, firma, &g.riferimenti);
    g.proprieta = proprieta.map(|p| {
        g.riferimenti.iter().any(|x| x.giusto == Some(true) && x.oggetto.as_ref().is_some_and(|o| copre(a, o, p)))
    });

    // The key, and whether the signature binds itself to its certificate.
    let scelto = scegli(a, proprieta, certificati);
    r.certificato = scelto.map(|(i, _)| i);
    r.vincolo = scelto.and_then(|(_, v)| v);
    let schema = Schema::da_uri(alg).ok_or(format!("algoritmo di firma non supportato: {alg}"))?;
    let d = schema.digesto().ok_or("algoritmo di firma senza impronta")?;
    r.algoritmo = Some(schema.nome(d));
    if d.debole() {
        r.digesto = Some(d);
    }
    let chiave = match r.certificato {
        Some(i) => certificati[i].chiave.clone().map_err(|e| e.to_string())?,
        None => chiave_nuda(a, firma).ok_or("il certificato del firmatario non è nella firma")?,
    };

    // The value.
    let m = Metodo::da_uri(c14n).ok_or(format!("forma canonica non supportata: {c14n}"))?;
    let prefissi = riferimenti::prefissi(a, metodo);
    let prefissi: Vec<&str> = prefissi.iter().map(String::as_str).collect();
    let mut calcolo = d.inizia();
    a.canonica_in(m, Some(&a.sottoalbero(info, m.commenti())), &prefissi, &mut calcolo).map_err(|e| e.to_string())?;
    let giusto = schema.verifica(&chiave, d, &calcolo.fine(), &valore, true).map_err(|e| e.to_string())?;
    r.valore = Some(giusto);
    if !giusto {
        return Err("il valore della firma non corrisponde".into());
    }
    match (r.vincolo, g.proprieta) {
        (Some(false), _) => Err("la firma nomina un altro certificato (SigningCertificate)".into()),
        (_, Some(false)) => Err("le proprietà firmate (SignedProperties) non sono coperte dalla firma".into()),
        _ => Ok(()),
    }
}

/// The signed properties of this signature, not of one inside it.
fn proprieta_firmate(a: &Albero, firma: NodeId) -> Option<NodeId> {
    nodi::figli(a, firma, DS, "Object")
        .into_iter()
        .find_map(|o| nodi::lungo(a, o, XADES, &["QualifyingProperties", PROPRIETA]))
}

/// The unsigned properties of this signature.
pub(crate) fn proprieta_non_firmate(a: &Albero, firma: NodeId) -> Option<NodeId> {
    nodi::figli(a, firma, DS, "Object").into_iter().find_map(|o| {
        nodi::lungo(a, o, XADES, &["QualifyingProperties", "UnsignedProperties", "UnsignedSignatureProperties"])
    })
}

fn istante(a: &Albero, proprieta: NodeId) -> Option<Timestamp> {
    let n = nodi::lungo(a, proprieta, XADES, &["SignedSignatureProperties", "SigningTime"])?;
    let t = nodi::testo(a, n);
    let t = t.trim();
    // Without a zone, the time of Italy's office is not known: taken as UTC.
    t.parse().ok().or_else(|| format!("{t}Z").parse().ok())
}

/// The signer's certificate: the one that `SigningCertificate` names, else the one that issued none of the others.
fn scegli(a: &Albero, proprieta: Option<NodeId>, certificati: &[Certificato]) -> Option<(usize, Option<bool>)> {
    let foglia = || {
        let emette = |c: &Certificato| certificati.iter().any(|x| x.der != c.der && x.emittente_der == c.soggetto_der);
        certificati.iter().position(|c| !emette(c)).or(if certificati.is_empty() { None } else { Some(0) })
    };
    let nominato = proprieta.and_then(|p| {
        let s = nodi::figlio(a, p, XADES, "SignedSignatureProperties")?;
        ["SigningCertificateV2", "SigningCertificate"].iter().find_map(|n| nodi::figlio(a, s, XADES, n))
    });
    let Some(nominato) = nominato else { return foglia().map(|i| (i, None)) };
    let mut impronte = Vec::new();
    for c in nodi::figli(a, nominato, XADES, "Cert") {
        let Some(cd) = nodi::figlio(a, c, XADES, "CertDigest") else { continue };
        let alg = nodi::figlio(a, cd, DS, "DigestMethod").and_then(|m| nodi::attributo(a, m, "Algorithm"));
        let v = nodi::figlio(a, cd, DS, "DigestValue").and_then(|n| nodi::base64(a, n));
        if let (Some(d), Some(v)) = (alg.and_then(Digesto::da_uri), v) {
            impronte.push((d, v));
        }
    }
    // The first one is the signer's; the others, where there are, are its chain.
    let trovato = certificati.iter().position(|c| impronte.first().is_some_and(|(d, v)| d.di(&c.der) == *v));
    match trovato {
        Some(i) => Some((i, Some(true))),
        None => foglia().map(|i| (i, Some(false))),
    }
}

/// A key without a certificate.
fn chiave_nuda(a: &Albero, firma: NodeId) -> Option<Chiave> {
    let k = nodi::lungo(a, firma, DS, &["KeyInfo", "KeyValue", "RSAKeyValue"])?;
    let parte = |n| nodi::figlio(a, k, DS, n).and_then(|n| nodi::base64(a, n));
    Chiave::rsa(&parte("Modulus")?, &parte("Exponent")?).ok()
}

fn copre(a: &Albero, o: &Oggetto, n: NodeId) -> bool {
    match o {
        Oggetto::Elemento(e) => nodi::contiene(a, *e, n),
        Oggetto::Documento | Oggetto::Esterno(_) => false,
    }
}

/// Nothing of the document is left out: the root is covered (but for signatures), or the signature is the root and what it
/// carries is covered, or what it covers is outside.
fn intero(a: &Albero, firma: NodeId, riferimenti: &[Riferimento]) -> bool {
    let radice = a.0.document_element();
    let buoni = || riferimenti.iter().filter(|r| r.giusto == Some(true)).filter_map(|r| r.oggetto.as_ref());
    if buoni().any(|o| *o == Oggetto::Documento || radice.is_some_and(|r| *o == Oggetto::Elemento(r))) {
        return true;
    }
    let Some(radice) = radice else { return false };
    let accanto: Vec<NodeId> =
        a.0.children_iter(radice).filter(|n| radice != firma && !nodi::e(a, *n, DS, "Signature")).collect();
    // Nothing but signatures: what they carry is covered, or they carry nothing and what they cover is outside.
    if !accanto.iter().any(|n| matches!(a.0.node_kind(*n), Some(NodeKind::Element(_)))) {
        let carichi: Vec<NodeId> = nodi::figli(a, firma, DS, "Object")
            .into_iter()
            .filter(|o| nodi::figlio(a, *o, XADES, "QualifyingProperties").is_none())
            .collect();
        if carichi.is_empty() {
            return buoni().any(|o| matches!(o, Oggetto::Esterno(_)));
        }
        return carichi.iter().all(|c| {
            // The object, or all the elements in it.
            let dentro: Vec<NodeId> = a.0.children_iter(*c).filter(|n| a.0.element(*n).is_some()).collect();
            buoni().any(|o| copre(a, o, *c))
                || !dentro.is_empty() && dentro.iter().all(|n| buoni().any(|o| copre(a, o, *n)))
        });
    }
    // Elements beside the signature: each of them is covered. Text beside them is covered by nobody.
    accanto.into_iter().all(|n| match a.0.node_kind(n) {
        Some(NodeKind::Element(_)) => buoni().any(|o| copre(a, o, n)),
        Some(NodeKind::Text(t)) => t.trim().is_empty(),
        Some(NodeKind::CData(_)) => false,
        _ => true,
    })
}
