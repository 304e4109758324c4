//! PAdES and older PDF signatures: every revision, each signature over its own bytes (R-H09).
//!
//! Dictionaries come from the form of the document ([`campi`]), never from a scan. A signature is looked at only when its own
//! `/Contents` sits exactly in the gap of its own `/ByteRange` ([`intervallo`]): those who reuse the range of another, or leave
//! something else in the gap, are refused.

mod campi;
mod intervallo;

use self::campi::Campo;
use crate::asn1::Lettore;
use crate::cms::{Busta, nomi};
use crate::esame::{Bilancio, Contenuto, Esame, Firma, Formato, Livello};
use crate::fiducia::Materiale;
use crate::impronte::{Coperto, Digesto};
use crate::{cades, marca};

/// Of a PDF; none when it has no signature.
pub(crate) fn esamina(byte: &[u8], qui: &Livello, bilancio: &mut Bilancio) -> Option<Esame> {
    // A dictionary whose own bytes hold its signature is never compressed: without these words there is none.
    crate::involucro::trova(byte, b"/ByteRange")?;
    let mut e = Esame { formato: Some(Formato::Pades), contenuto: Some(Contenuto::dei(byte)), ..Esame::default() };
    let letto = match campi::leggi(byte) {
        Ok(l) => l,
        // Not being able to look is not the same as finding nothing.
        Err(perche) => {
            e.errore = Some(perche);
            return Some(e);
        }
    };
    if letto.campi.is_empty() {
        // Left in an earlier revision, or hidden from the form.
        e.errore = Some("il PDF contiene una firma che non è tra i campi del documento".into());
        return Some(e);
    }
    // Ranges of signatures that are intact: whoever declares one again signs nothing of his own.
    let mut usati = Vec::new();
    for c in &letto.campi {
        let mut firme = match bilancio.firma() {
            Ok(()) => una(byte, c, &letto.materiale, qui, bilancio),
            Err(perche) => vec![Firma::illeggibile(perche)],
        };
        if c.intervallo.is_some_and(|i| usati.contains(&i)) {
            firme.iter_mut().for_each(|f| f.rifiuta("ByteRange è già di un'altra firma"));
            e.avvisi.push(format!("il campo «{}» dichiara il ByteRange di un'altra firma", c.nome));
        } else if firme.iter().any(|f| f.integra) {
            usati.extend(c.intervallo);
        }
        e.firme.extend(firme);
    }
    Some(e)
}

fn una(byte: &[u8], c: &Campo, materiale: &Materiale, qui: &Livello, bilancio: &mut Bilancio) -> Vec<Firma> {
    let (coperti, contenuto) = match intervallo::esamina(byte, c) {
        Ok(x) => x,
        Err(perche) => return vec![Firma { istante: c.istante, ..Firma::illeggibile(perche) }],
    };
    let fine = coperti[1].as_ptr_range().end as usize - byte.as_ptr() as usize;
    let dopo = &byte[fine..];
    let modificato = !dopo.trim_ascii().is_empty();
    if let Err(perche) = bilancio.impronta(fine) {
        return vec![Firma::illeggibile(perche)];
    }
    let mut coperto = Coperto::nuovo(coperti.to_vec());
    let mut firme = match c.sotto_filtro.as_str() {
        "adbe.pkcs7.detached" | "ETSI.CAdES.detached" => cms(&contenuto, &mut coperto, materiale, qui, bilancio, None),
        "adbe.pkcs7.sha1" => {
            let sha1 = coperto.impronta(Digesto::Sha1).to_vec();
            cms(&contenuto, &mut coperto, materiale, qui, bilancio, Some(&sha1))
        }
        "ETSI.RFC3161" => match Busta::leggi(&contenuto) {
            Ok(b) if b.tipo == nomi::TST_INFO => vec![marca::firma(&b, Some(&mut coperto), qui.contesto)],
            Ok(_) => vec![Firma::illeggibile("la marca del documento non è una marca temporale")],
            Err(e) => vec![Firma::illeggibile(e.to_string())],
        },
        altro => vec![Firma::illeggibile(format!("formato di firma PDF non supportato: {altro}"))],
    };
    for f in &mut firme {
        f.istante = f.istante.or(c.istante);
        f.integrita.documento_intero = Some(dopo.is_empty());
        f.integrita.modificato_dopo = Some(modificato);
        if modificato {
            f.avvisi.push(format!(
                "modificato dopo la firma: {} byte aggiunti al documento che era stato firmato",
                dopo.len()
            ));
        }
    }
    firme
}

/// A CMS over the bytes of the range. `sha1` is their SHA-1 where the format asks that it be the content (`adbe.pkcs7.sha1`);
/// in any other a CMS that carries a content of its own signs that, and not the document.
fn cms(
    byte: &[u8],
    coperto: &mut Coperto,
    materiale: &Materiale,
    qui: &Livello,
    bilancio: &mut Bilancio,
    sha1: Option<&[u8]>,
) -> Vec<Firma> {
    let b = match Busta::leggi(byte) {
        Ok(b) => b,
        Err(e) => return vec![Firma::illeggibile(e.to_string())],
    };
    let mut b = Busta { coda: &[], ..b };
    b.certificati.extend_from_slice(&materiale.certificati);
    b.crl.extend(materiale.crl.iter().map(Vec::as_slice));
    b.ocsp.extend(materiale.ocsp.iter().map(Vec::as_slice));
    let dentro = b.contenuto.as_ref().map(|p| p.unito());
    let mut firme = match (sha1, &dentro) {
        (Some(atteso), Some(d)) => {
            let mut interno = Coperto::nuovo(vec![d]);
            let mut f = cades::firme(&b, Some(&mut interno), qui.contesto, bilancio);
            if atteso != d.as_ref() {
                f.iter_mut().for_each(|f| {
                    f.integrita.impronta = Some(false);
                    f.rifiuta("il documento non è quello firmato: l'impronta è diversa");
                });
            }
            f.iter_mut().for_each(|f| f.algoritmi.deboli.push("SHA-1 (impronta del documento)".into()));
            f
        }
        (None, Some(_)) => {
            let mut f = cades::firme(&b, Some(coperto), qui.contesto, bilancio);
            f.iter_mut().for_each(|f| {
                f.integra = false;
                f.errore = Some("la firma porta con sé un contenuto proprio: non è del documento".into());
            });
            f
        }
        (Some(_), None) => {
            vec![Firma::illeggibile("la firma non contiene l'impronta del documento, come il suo formato chiede")]
        }
        (None, None) => cades::firme(&b, Some(coperto), qui.contesto, bilancio),
    };
    if firme.is_empty() {
        firme.push(Firma::illeggibile("la busta non contiene firme"));
    }
    firme
}

/// The ASN.1 at the start of a `/Contents`, without the zeros that fill it.
fn senza_riempimento(byte: &[u8]) -> &[u8] {
    match Lettore::nuovo(byte).leggi() {
        Ok(e) => e.intero,
        Err(_) => byte,
    }
}
