//! The update of a PDF that holds the seal: a signature dictionary, its field, the form and the first page that name it.
//! Whatever else the document has stays where it is.

use std::ops::Range;

use firme::impronte::esadecimale;
use jiff::Timestamp;
use lopdf::{Dictionary, Document, IncrementalDocument, Object, ObjectId, StringFormat, dictionary};

use super::{Errore, Voci};

/// Bits of `SigFlags`: there are signatures; write only by appending.
const SIG_FLAGS: i64 = 3;
/// Bits of `F`: printed, locked (ISO 19005 wants it printed).
const F_STAMPATO_BLOCCATO: i64 = 132;

/// A PDF with room for a signature.
pub struct Segnaposto {
    pub pdf: Vec<u8>,
    /// Where the four numbers go, brackets included.
    pub intervallo: Range<usize>,
    /// Where the signature goes, brackets included.
    pub vuoto: Range<usize>,
}

/// Appends what holds the seal, with room for `spazio` bytes of signature.
pub fn prepara(
    pdf: &[u8],
    quando: Timestamp,
    nome: Option<&str>,
    voci: &Voci,
    spazio: usize,
) -> Result<Segnaposto, Errore> {
    let documento = leggi(pdf)?;
    let radice = documento.trailer.get(b"Root").and_then(Object::as_reference).map_err(illeggibile)?;
    let pagina = documento.page_iter().next().ok_or_else(|| Errore::Illeggibile("non ha pagine".into()))?;
    ammette_firme(&documento)?;

    let mut nuovo = IncrementalDocument::create_from(pdf.to_vec(), documento);
    nuovo.new_document.trailer.remove(b"XRefStm");
    rinnova_id(&mut nuovo, pdf);
    let (firma, campo) = (nuovo.new_document.new_object_id(), nuovo.new_document.new_object_id());

    // The place is found again by numbers that nobody can have foreseen and put elsewhere in the document.
    let segno = numero_unico()?;
    let mut dizionario = dictionary! {
        "Type" => "Sig",
        "Filter" => "Adobe.PPKLite",
        "SubFilter" => "ETSI.CAdES.detached",
        "ByteRange" => vec![0.into(), segno.into(), segno.into(), segno.into()],
        "Contents" => Object::String(vec![0; spazio], StringFormat::Hexadecimal),
        "M" => Object::string_literal(data(quando)),
    };
    for (chiave, valore) in [("Name", nome), ("Reason", voci.motivo.as_deref()), ("Location", voci.luogo.as_deref())] {
        if let Some(valore) = valore {
            dizionario.set(chiave, testo(valore));
        }
    }
    nuovo.new_document.set_object(firma, dizionario);
    // Its name is unique among all seals of this document: another one sees other bytes.
    let impronta = ring::digest::digest(&ring::digest::SHA256, pdf);
    let cifre = esadecimale(&impronta.as_ref()[..8]);
    let campo_firma = dictionary! {
        "Type" => "Annot",
        "Subtype" => "Widget",
        "FT" => "Sig",
        "T" => Object::string_literal(format!("Sigillo-{cifre}")),
        "TU" => testo("Sigillo elettronico"),
        "V" => firma,
        "P" => pagina,
        "F" => F_STAMPATO_BLOCCATO,
        "Rect" => vec![0.into(), 0.into(), 0.into(), 0.into()],
    };
    nuovo.new_document.set_object(campo, campo_firma);
    nuovo.opt_clone_object_to_new_document(pagina).map_err(illeggibile)?;
    aggiungi(&mut nuovo, Dove::Oggetto(pagina), b"Annots", campo)?;
    nel_modulo(&mut nuovo, radice, campo)?;

    let mut uscita = Vec::with_capacity(pdf.len() + spazio * 2 + 8192);
    nuovo.save_to(&mut uscita).map_err(|e| Errore::Illeggibile(e.to_string()))?;
    if !uscita.starts_with(pdf) {
        return Err(Errore::Illeggibile("l'aggiornamento non ne conserva i byte".into()));
    }
    trova(uscita, pdf.len(), segno, spazio)
}

fn leggi(pdf: &[u8]) -> Result<Document, Errore> {
    if !pdf.starts_with(b"%PDF-") {
        return Err(Errore::Illeggibile("non comincia per %PDF-".into()));
    }
    pdf::leggi_integro(pdf).map_err(|e| match e {
        pdf::Errore::Cifrato => Errore::Cifrato,
        e => Errore::Illeggibile(e.to_string()),
    })
}

/// Whoever certified a document may have forbidden any change (ISO 32000-1 § 12.8.2.2, P = 1).
fn ammette_firme(documento: &Document) -> Result<(), Errore> {
    let segui = |d: &Dictionary, chiave: &[u8]| -> Option<Dictionary> {
        documento.dereference(d.get(chiave).ok()?).ok()?.1.as_dict().ok().cloned()
    };
    let certificazione = || {
        let permessi = segui(documento.catalog().ok()?, b"Perms")?;
        let firma = segui(&permessi, b"DocMDP")?;
        let (_, riferimenti) = documento.dereference(firma.get(b"Reference").ok()?).ok()?;
        let primo = riferimenti.as_array().ok()?.first()?;
        let riferimento = documento.dereference(primo).ok()?.1.as_dict().ok()?;
        segui(riferimento, b"TransformParams")?.get(b"P").ok()?.as_i64().ok()
    };
    if certificazione() == Some(1) { Err(Errore::Certificato) } else { Ok(()) }
}

/// Where an array is to be lengthened.
#[derive(Clone, Copy)]
enum Dove {
    /// In this object, a dictionary.
    Oggetto(ObjectId),
    /// In the direct dictionary `AcroForm` of this object.
    Modulo(ObjectId),
}

impl Dove {
    fn dizionario(self, nuovo: &mut IncrementalDocument) -> Result<&mut Dictionary, Errore> {
        let documento = &mut nuovo.new_document;
        match self {
            Self::Oggetto(id) => documento.get_object_mut(id).and_then(Object::as_dict_mut),
            Self::Modulo(id) => documento
                .get_object_mut(id)
                .and_then(Object::as_dict_mut)
                .and_then(|d| d.get_mut(b"AcroForm"))
                .and_then(Object::as_dict_mut),
        }
        .map_err(illeggibile)
    }
}

/// Adds a reference to an array, direct or not, or not there yet.
fn aggiungi(nuovo: &mut IncrementalDocument, dove: Dove, chiave: &[u8], cosa: ObjectId) -> Result<(), Errore> {
    let dizionario = dove.dizionario(nuovo)?;
    match dizionario.get_mut(chiave) {
        Ok(Object::Array(elenco)) => elenco.push(cosa.into()),
        Ok(Object::Reference(id)) => {
            let id = *id;
            nuovo.opt_clone_object_to_new_document(id).map_err(illeggibile)?;
            let elenco = nuovo.new_document.get_object_mut(id).and_then(Object::as_array_mut).map_err(illeggibile)?;
            elenco.push(cosa.into());
        }
        Ok(Object::Null) | Err(_) => dizionario.set(chiave, vec![Object::Reference(cosa)]),
        Ok(_) => return Err(Errore::Illeggibile(format!("{} non è un elenco", String::from_utf8_lossy(chiave)))),
    }
    Ok(())
}

/// Names the field in the form of the document, which may not be there yet.
fn nel_modulo(nuovo: &mut IncrementalDocument, radice: ObjectId, campo: ObjectId) -> Result<(), Errore> {
    nuovo.opt_clone_object_to_new_document(radice).map_err(illeggibile)?;
    let catalogo = Dove::Oggetto(radice).dizionario(nuovo)?;
    let dove = match catalogo.get(b"AcroForm") {
        Ok(Object::Reference(id)) => {
            let id = *id;
            nuovo.opt_clone_object_to_new_document(id).map_err(illeggibile)?;
            Dove::Oggetto(id)
        }
        Ok(Object::Dictionary(_)) => Dove::Modulo(radice),
        _ => {
            catalogo.set("AcroForm", Dictionary::new());
            Dove::Modulo(radice)
        }
    };
    aggiungi(nuovo, dove, b"Fields", campo)?;
    let modulo = dove.dizionario(nuovo)?;
    let bandiere = modulo.get(b"SigFlags").and_then(Object::as_i64).unwrap_or(0);
    modulo.set("SigFlags", bandiere | SIG_FLAGS);
    Ok(())
}

/// The second half of the identifier changes with each update (ISO 32000-1 § 14.4), and says nothing of when.
fn rinnova_id(nuovo: &mut IncrementalDocument, pdf: &[u8]) {
    if let Ok(Object::Array(id)) = nuovo.new_document.trailer.get_mut(b"ID")
        && let [_, secondo] = &mut id[..]
    {
        let impronta = ring::digest::digest(&ring::digest::SHA256, pdf);
        *secondo = Object::String(impronta.as_ref()[..16].to_vec(), StringFormat::Hexadecimal);
    }
}

/// Where the two places are, in what was appended.
fn trova(pdf: Vec<u8>, da: usize, segno: i64, spazio: usize) -> Result<Segnaposto, Errore> {
    let numeri = format!("[0 {segno} {segno} {segno}]");
    let cerca = |ago: &[u8], da: usize| pdf[da..].windows(ago.len()).position(|w| w == ago).map(|i| da + i);
    let smarrito = || Errore::Illeggibile("il posto della firma non si ritrova".into());
    let intervallo = cerca(numeri.as_bytes(), da).ok_or_else(smarrito)?;
    if cerca(numeri.as_bytes(), intervallo + 1).is_some() {
        return Err(smarrito());
    }
    let dopo = intervallo + numeri.len();
    let inizio = cerca(b"<", dopo).ok_or_else(smarrito)?;
    let fine = inizio + spazio * 2 + 2;
    let giusto = pdf[dopo..inizio].trim_ascii() == b"/Contents"
        && pdf
            .get(inizio + 1..fine)
            .is_some_and(|v| v.split_last().is_some_and(|(u, v)| *u == b'>' && v.iter().all(|b| *b == b'0')));
    if !giusto {
        return Err(smarrito());
    }
    Ok(Segnaposto { pdf, intervallo: intervallo..dopo, vuoto: inizio..fine })
}

/// A number of ten digits, as long as any offset can be.
fn numero_unico() -> Result<i64, Errore> {
    let mut byte = [0; 8];
    getrandom::fill(&mut byte).map_err(|e| Errore::Illeggibile(format!("numeri casuali: {e}")))?;
    Ok(1_000_000_000 + (u64::from_le_bytes(byte) % 9_000_000_000) as i64)
}

fn data(quando: Timestamp) -> String {
    jiff::tz::TimeZone::UTC.to_datetime(quando).strftime("D:%Y%m%d%H%M%SZ").to_string()
}

/// Text of a PDF: as it is while it is plain, else in UTF-16.
fn testo(t: &str) -> Object {
    let t: String = t.chars().filter(|c| !c.is_control()).take(500).collect();
    if t.is_ascii() {
        return Object::string_literal(t);
    }
    let byte = [0xfe, 0xff].into_iter().chain(t.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    Object::String(byte, StringFormat::Hexadecimal)
}

fn illeggibile(e: lopdf::Error) -> Errore {
    Errore::Illeggibile(e.to_string())
}
