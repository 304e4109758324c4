//! CAdES and bare CMS: parallel signatures, countersignatures, timestamps on them, content inside or outside (R-H09).

use crate::asn1::Elemento;
use crate::cms::{Busta, Firmatario, nomi};
use crate::esame::{Bilancio, Contenuto, Contesto, Esame, Firma, Formato, Livello};
use crate::fiducia::Materiale;
use crate::impronte::{Coperto, Digesto};
use crate::{marca, tsd};

/// Countersignatures of countersignatures.
const CONTROFIRME_MAX: usize = 4;

/// Of the ASN.1 of an envelope: CMS, timestamp or TSD.
pub(crate) fn esamina(der: &[u8], qui: &Livello, bilancio: &mut Bilancio) -> Esame {
    match Busta::leggi(der) {
        Ok(b) if b.tipo == nomi::TST_INFO => marca::esamina(&b, qui, bilancio),
        Ok(b) => busta(&b, qui, bilancio),
        Err(crate::cms::Errore::Tipo(t)) if t == nomi::TIMESTAMPED_DATA => tsd::esamina(der, qui, bilancio),
        Err(e) => match marca::da_risposta(der) {
            Some(Ok(b)) => marca::esamina(&b, qui, bilancio),
            Some(Err(perche)) => Esame { formato: Some(Formato::Tsr), ..Esame::rifiutato(perche) },
            None => Esame { formato: Some(Formato::Cades), ..Esame::rifiutato(e.to_string()) },
        },
    }
}

fn busta(b: &Busta, qui: &Livello, bilancio: &mut Bilancio) -> Esame {
    let mut e = Esame { formato: Some(Formato::Cades), staccata: b.contenuto.is_none(), ..Esame::default() };
    let mut coperto = b.coperto(qui.originale);
    e.firme = firme(b, coperto.as_mut(), qui.contesto, bilancio);
    if e.firme.is_empty() {
        e.errore = Some("la busta non contiene firme".into());
    }
    if !b.coda.trim_ascii().is_empty() {
        e.avvisi.push(format!("{} byte dopo la fine della busta, che nessuna firma copre", b.coda.len()));
    }
    e.contenuto =
        coperto.as_mut().map(|c| if b.contenuto.is_some() { bilancio.contenuto(c) } else { Contenuto::di(c) });
    if let Some(c) = &b.contenuto {
        e.buste = qui.dentro(&c.unito(), &e.firme, bilancio);
    }
    e
}

/// The signatures of an envelope over what it covers.
pub(crate) fn firme(
    b: &Busta,
    mut coperto: Option<&mut Coperto>,
    contesto: &Contesto,
    bilancio: &mut Bilancio,
) -> Vec<Firma> {
    let mut materiale = Materiale { certificati: b.certificati.clone(), ..Materiale::default() };
    materiale.aggiungi(&b.crl, &b.ocsp);
    for s in &b.firmatari {
        materiale.dagli_attributi(s);
    }
    let travestito = coperto.as_deref().is_some_and(sembrano_attributi);
    let mut v = Vec::new();
    for s in &b.firmatari {
        if let Err(perche) = bilancio.firma() {
            v.push(Firma::illeggibile(perche));
            break;
        }
        let mut impronta = |d: Digesto| coperto.as_deref_mut().map(|c| c.impronta(d).to_vec());
        let r = s.verifica(&materiale.certificati, &mut impronta, Some(&b.tipo));
        let mut f = completa(s, &r, &materiale, contesto, bilancio, 0);
        if s.firmati.is_none() && travestito {
            f.rifiuta("il contenuto ha la forma degli attributi di un'altra firma");
        }
        v.push(f);
    }
    v
}

/// Adds to what was found of a signature: timestamp, identity, revocation, countersignatures.
fn completa(
    s: &Firmatario,
    r: &crate::cms::Riscontro,
    materiale: &Materiale,
    contesto: &Contesto,
    bilancio: &mut Bilancio,
    livello: usize,
) -> Firma {
    let certificato = r.certificato.and_then(|i| materiale.certificati.get(i));
    let mut f = Firma::da_riscontro(r, certificato);
    let marche = s.non_firmati.valori(nomi::SIGNATURE_TIMESTAMP);
    let mut sul_valore = Coperto::nuovo(vec![&s.valore]);
    f.marca = prima(&marche, &mut sul_valore, materiale, contesto, bilancio);
    if marche.len() > 1 {
        f.avvisi.push(format!("{} marche temporali sulla firma: è riportata la prima valida", marche.len()));
    }
    if nomi::ARCHIVE_TIMESTAMP.iter().any(|n| s.non_firmati.ha(n)) {
        f.avvisi.push("ci sono marche di archiviazione, che non sono esaminate".into());
    }
    if let Some(c) = certificato {
        contesto.fiducia.giudica(&mut f, c, materiale, contesto);
    }
    for c in s.non_firmati.valori(nomi::COUNTER_SIGNATURE) {
        f.controfirme.push(controfirma(&c, s, materiale, contesto, bilancio, livello + 1));
    }
    f
}

/// The first valid timestamp, or the first.
fn prima(
    marche: &[Elemento],
    coperto: &mut Coperto,
    materiale: &Materiale,
    contesto: &Contesto,
    bilancio: &mut Bilancio,
) -> Option<crate::esame::Marca> {
    let mut tutte = Vec::new();
    for m in marche {
        if bilancio.firma().is_err() {
            break;
        }
        let m = marca::verifica(m.intero, Some(coperto), &materiale.certificati, contesto);
        if m.valida {
            return Some(m);
        }
        tutte.push(m);
    }
    tutte.into_iter().next()
}

fn controfirma(
    e: &Elemento,
    di: &Firmatario,
    materiale: &Materiale,
    contesto: &Contesto,
    bilancio: &mut Bilancio,
    livello: usize,
) -> Firma {
    if livello > CONTROFIRME_MAX {
        return Firma::illeggibile("troppe controfirme una sull'altra");
    }
    if let Err(perche) = bilancio.firma() {
        return Firma::illeggibile(perche);
    }
    match Firmatario::leggi(e) {
        Ok(s) => {
            let r = s.verifica(&materiale.certificati, &mut |d| Some(d.di(&di.valore)), None);
            completa(&s, &r, materiale, contesto, bilancio, livello)
        }
        Err(e) => Firma::illeggibile(format!("controfirma non leggibile: {e}")),
    }
}

/// A content that is a DER set of attributes could be the attributes of a signature made for something else.
fn sembrano_attributi(c: &Coperto) -> bool {
    let testa: Vec<u8> = c.pezzi().iter().copied().flatten().copied().take(4096).collect();
    // OID of messageDigest.
    testa.first() == Some(&0x31)
        && crate::involucro::trova(&testa, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04").is_some()
}
