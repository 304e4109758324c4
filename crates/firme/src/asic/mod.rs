//! ASiC-S and ASiC-E (ETSI EN 319 162): documents and their signatures in a Zip (R-H09).
//!
//! Which document each signature covers is said by the signature itself (XAdES references) or by the manifest that a CAdES or
//! a timestamp signs. A document that no signature covers is named, and makes the envelope not intact.

mod zip;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use self::zip::Voce;
use crate::canonica::{Albero, NodeId, Testo};
use crate::cms::{Busta, nomi};
use crate::esame::{Bilancio, Esame, Firma, Formato, Livello};
use crate::impronte::{Coperto, Digesto};
use crate::xades::nodi::{self, DS};
use crate::{cades, marca, xades};

/// References of one manifest.
const RIFERIMENTI_MAX: usize = 1000;
const ASIC: &str = "http://uri.etsi.org/02918/v1.2.1#";

/// Of a Zip; none when it holds no signature.
pub(crate) fn esamina(byte: &[u8], qui: &Livello, bilancio: &mut Bilancio) -> Option<Esame> {
    let dichiarato = crate::esame::mime(byte);
    let asic = dichiarato.contains("etsi.asic");
    let formato = if dichiarato.ends_with("asic-s+zip") { Formato::AsicS } else { Formato::AsicE };
    let voci = match zip::leggi(byte) {
        Ok(v) => v,
        Err(e) if asic || crate::involucro::trova(byte, b"META-INF/signature").is_some() => {
            return Some(Esame { formato: Some(formato), ..Esame::rifiutato(e.to_string()) });
        }
        Err(_) => return None,
    };
    let tipo = voci.iter().find(|v| v.nome == "mimetype").map(|v| String::from_utf8_lossy(&v.byte).trim().to_owned());
    let asic = asic || tipo.as_deref().is_some_and(|t| t.contains("etsi.asic"));
    let formato = match tipo.as_deref() {
        Some("application/vnd.etsi.asic-s+zip") => Formato::AsicS,
        Some("application/vnd.etsi.asic-e+zip") => Formato::AsicE,
        _ => formato,
    };
    let c = Contenitore {
        voci: &voci,
        coperti: RefCell::default(),
        avvisi: RefCell::default(),
        manifesti: OnceCell::new(),
    };
    let mut firme_trovate = voci.iter().filter(|v| c.e_firma(&v.nome)).peekable();
    if firme_trovate.peek().is_none() {
        return asic
            .then(|| Esame { formato: Some(formato), ..Esame::rifiutato("contenitore ASiC senza firme".into()) });
    }
    let mut e = Esame { formato: Some(c.formato(asic.then_some(formato))), ..Esame::default() };
    for v in firme_trovate {
        e.firme.extend(c.firma(v, qui, bilancio));
    }
    e.avvisi = c.avvisi.take();
    let mut lasciati = Vec::new();
    for v in c.documenti() {
        let mut d = bilancio.contenuto(&mut Coperto::nuovo(vec![&v.byte]));
        d.nome = Some(v.nome.clone());
        e.contenuti.push(d);
        if !c.coperti.borrow().contains(&v.nome) {
            lasciati.push(v.nome.clone());
        }
        e.buste.extend(qui.dentro(&v.byte, &[], bilancio));
    }
    if let [uno] = e.contenuti.as_slice() {
        e.contenuto = Some(uno.clone());
        e.contenuti.clear();
    }
    if e.contenuto.is_none() && e.contenuti.is_empty() {
        e.errore = Some("contenitore ASiC senza documenti".into());
    }
    if !lasciati.is_empty() {
        e.errore.get_or_insert(format!("nessuna firma copre: {}", lasciati.join(", ")));
    }
    if e.firme.is_empty() {
        e.errore.get_or_insert("contenitore ASiC senza firme".into());
    }
    Some(e)
}

/// The manifest that names a signature.
#[derive(Clone)]
enum Manifesto<'v> {
    /// Its bytes, which are what is signed, and the documents that it names.
    Letto(&'v Vec<u8>, Vec<String>),
    /// Of an archive timestamp: evidence renewed later is not examined.
    Archivio(String),
    /// Why it cannot be followed.
    Rotto(String),
}

struct Contenitore<'v> {
    voci: &'v [Voce],
    /// Documents that at least one intact signature covers.
    coperti: RefCell<BTreeSet<String>>,
    avvisi: RefCell<Vec<String>>,
    /// The manifests and the signature that each of them names; one that cannot be read may name any.
    manifesti: OnceCell<Vec<(Option<String>, Manifesto<'v>)>>,
}

/// Digests of the files, each made once.
type Impronte = BTreeMap<(String, Digesto), Vec<u8>>;

fn minuscolo_in_meta(nome: &str) -> Option<String> {
    nome.strip_prefix("META-INF/").map(str::to_ascii_lowercase)
}

impl<'v> Contenitore<'v> {
    fn e_firma(&self, nome: &str) -> bool {
        minuscolo_in_meta(nome).is_some_and(|n| {
            n.contains("signature") && (n.ends_with(".xml") || n.ends_with(".p7s") || n.ends_with(".p7m"))
                || n.contains("timestamp") && n.ends_with(".tst")
        })
    }

    /// All that is not the container's own.
    fn documenti(&self) -> impl Iterator<Item = &Voce> {
        self.voci.iter().filter(|v| v.nome != "mimetype" && !v.nome.starts_with("META-INF/"))
    }

    /// By what it declares, else by how many documents it has.
    fn formato(&self, dichiarato: Option<Formato>) -> Formato {
        let uno = self.documenti().count() == 1 && !self.voci.iter().any(|v| v.nome.contains("ASiCManifest"));
        dichiarato.unwrap_or(if uno { Formato::AsicS } else { Formato::AsicE })
    }

    fn trova(&self, uri: &str) -> Option<&'v Voce> {
        let nome = percento(uri);
        self.voci.iter().find(|v| v.nome == nome || v.nome == uri)
    }

    fn firma(&self, v: &Voce, qui: &Livello, bilancio: &mut Bilancio) -> Vec<Firma> {
        let n = v.nome.to_ascii_lowercase();
        if n.ends_with(".xml") { self.xml(v, qui, bilancio) } else { self.cms(v, qui, bilancio) }
    }

    fn xml(&self, v: &Voce, qui: &Livello, bilancio: &mut Bilancio) -> Vec<Firma> {
        let testo = match Testo::leggi(&v.byte) {
            Ok(t) => t,
            Err(e) => return vec![Firma::illeggibile(e.to_string())],
        };
        let a = match testo.albero() {
            Ok(a) => a,
            Err(e) => return vec![Firma::illeggibile(e.to_string())],
        };
        let usati = RefCell::new(BTreeSet::new());
        let resta = Cell::new(xades::ESTERNI_MAX);
        let esterni = |uri: &str| {
            let v = self.trova(uri)?;
            resta.set(resta.get().checked_sub(v.byte.len())?);
            usati.borrow_mut().insert(v.nome.clone());
            Some(v.byte.clone())
        };
        let mut firme = xades::firme(&a, &esterni, qui.contesto, bilancio);
        if firme.is_empty() {
            firme.push(Firma::illeggibile(format!("{} non contiene firme", v.nome)));
        }
        if firme.iter().all(|f| f.integra) {
            self.coperti.borrow_mut().extend(usati.into_inner());
        }
        firme
    }

    /// A CAdES or a timestamp: over a manifest that names it, else over the only document.
    fn cms(&self, v: &Voce, qui: &Livello, bilancio: &mut Bilancio) -> Vec<Firma> {
        let der = match crate::involucro::scopri(&v.byte) {
            Some(d) => d,
            None => return vec![Firma::illeggibile(format!("{} non è una busta CMS", v.nome))],
        };
        let busta = match Busta::leggi(&der) {
            Ok(b) => b,
            Err(e) => return vec![Firma::illeggibile(e.to_string())],
        };
        let (coperto, nomi_coperti) = match self.manifesto(&v.nome, bilancio) {
            Some(Manifesto::Archivio(nome)) => {
                self.avvisi
                    .borrow_mut()
                    .push(format!("{}: marca di archiviazione ({nome}), che non è esaminata", v.nome));
                return Vec::new();
            }
            Some(Manifesto::Letto(m, nomi)) => (m, nomi),
            Some(Manifesto::Rotto(perche)) => return vec![Firma::illeggibile(perche)],
            None => {
                let mut d = self.documenti();
                match (d.next(), d.next()) {
                    (Some(uno), None) => (&uno.byte, vec![uno.nome.clone()]),
                    _ => return vec![Firma::illeggibile("nessun manifesto dice che cosa copre questa firma")],
                }
            }
        };
        if let Err(perche) = bilancio.impronta(coperto.len()) {
            return vec![Firma::illeggibile(perche)];
        }
        let mut c = Coperto::nuovo(vec![coperto]);
        let mut firme = if busta.tipo == nomi::TST_INFO {
            vec![marca::firma(&busta, Some(&mut c), qui.contesto)]
        } else {
            cades::firme(&busta, Some(&mut c), qui.contesto, bilancio)
        };
        if busta.contenuto.is_some() && busta.tipo != nomi::TST_INFO {
            firme.iter_mut().for_each(|f| f.rifiuta("la firma porta con sé un contenuto proprio: non è dei documenti"));
        }
        if firme.iter().any(|f| f.integra) {
            self.coperti.borrow_mut().extend(nomi_coperti);
        }
        firme
    }

    /// The manifest of a signature. All of them are read once, within the budget (R-H09).
    fn manifesto(&self, firma: &str, bilancio: &mut Bilancio) -> Option<Manifesto<'v>> {
        let tutti = self.manifesti.get_or_init(|| {
            let mut impronte = Impronte::new();
            let nomi = self.voci.iter().filter(|v| {
                minuscolo_in_meta(&v.nome)
                    .is_some_and(|n| n.contains("manifest") && n.ends_with(".xml") && n.contains("asic"))
            });
            nomi.filter_map(|v| self.leggi_manifesto(v, &mut impronte, bilancio)).collect()
        });
        tutti.iter().find(|(di, _)| di.as_deref().is_none_or(|di| di == firma)).map(|(_, m)| m.clone())
    }

    /// A manifest: the signature it names, its bytes and the documents it names, each with the digest it declares.
    fn leggi_manifesto(
        &self,
        v: &'v Voce,
        impronte: &mut Impronte,
        bilancio: &mut Bilancio,
    ) -> Option<(Option<String>, Manifesto<'v>)> {
        use Manifesto::{Archivio, Letto, Rotto};
        if let Err(perche) = bilancio.impronta(v.byte.len()) {
            return Some((None, Rotto(perche)));
        }
        let testo = match Testo::leggi(&v.byte) {
            Ok(t) => t,
            Err(e) => return Some((None, Rotto(format!("{}: {e}", v.nome)))),
        };
        let Ok(a) = testo.albero() else { return Some((None, Rotto(format!("{}: XML non ben formato", v.nome)))) };
        let radice = a.0.document_element()?;
        let di = nodi::figlio(&a, radice, ASIC, "SigReference").and_then(|s| nodi::attributo(&a, s, "URI"))?;
        let m = if minuscolo_in_meta(&v.nome).is_some_and(|n| n.starts_with("asicarchivemanifest")) {
            Archivio(v.nome.clone())
        } else {
            match self.nominati(&a, radice, impronte, bilancio) {
                Ok(nomi) => Letto(&v.byte, nomi),
                Err(perche) => Rotto(perche),
            }
        };
        Some((Some(percento(di)), m))
    }

    /// The documents that a manifest names, which must be those that were signed.
    fn nominati(
        &self,
        a: &Albero,
        radice: NodeId,
        impronte: &mut Impronte,
        bilancio: &mut Bilancio,
    ) -> Result<Vec<String>, String> {
        let riferimenti = nodi::figli(a, radice, ASIC, "DataObjectReference");
        if riferimenti.len() > RIFERIMENTI_MAX {
            return Err(format!("il manifesto nomina più di {RIFERIMENTI_MAX} file"));
        }
        let mut nomi = Vec::new();
        for r in riferimenti {
            let uri = nodi::attributo(a, r, "URI").unwrap_or_default();
            let f = self.trova(uri).ok_or_else(|| format!("manca «{uri}», che il manifesto nomina"))?;
            let d = nodi::figlio(a, r, DS, "DigestMethod")
                .and_then(|m| nodi::attributo(a, m, "Algorithm"))
                .and_then(Digesto::da_uri);
            let atteso = nodi::figlio(a, r, DS, "DigestValue").and_then(|n| nodi::base64(a, n));
            let (Some(d), Some(atteso)) = (d, atteso) else {
                return Err(format!("il manifesto non dice l'impronta di «{uri}»"));
            };
            let sua = match impronte.entry((f.nome.clone(), d)) {
                Entry::Occupied(gia) => gia.into_mut(),
                Entry::Vacant(posto) => {
                    bilancio.impronta(f.byte.len())?;
                    posto.insert(d.di(&f.byte))
                }
            };
            if *sua != atteso {
                return Err(format!("«{uri}» non è quello firmato: l'impronta è diversa"));
            }
            nomi.push(f.nome.clone());
        }
        Ok(nomi)
    }
}

/// `%20` and the like.
fn percento(uri: &str) -> String {
    let mut v = Vec::with_capacity(uri.len());
    let b = uri.as_bytes();
    let mut i = 0;
    while let Some(&c) = b.get(i) {
        let cifre = uri.get(i + 1..i + 3).filter(|_| c == b'%').and_then(|h| u8::from_str_radix(h, 16).ok());
        v.push(cifre.unwrap_or(c));
        i += if cifre.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&v).into_owned()
}
