//! TimeStampedData (RFC 5544): a document and its timestamps in one file (R-H09).

use crate::asn1::{self, Lettore, oid, tag};
use crate::cms::{Busta, nomi};
use crate::esame::{Bilancio, Contenuto, Esame, Firma, Formato, Livello};
use crate::impronte::Coperto;
use crate::marca;

/// Timestamps of one file.
const MARCHE_MAX: usize = 100;

pub(crate) fn esamina(der: &[u8], qui: &Livello, bilancio: &mut Bilancio) -> Esame {
    let mut e = match leggi(der, qui, bilancio) {
        Ok(e) => e,
        Err(perche) => Esame::rifiutato(format!("TSD non leggibile: {perche}")),
    };
    e.formato = Some(Formato::Tsd);
    e
}

fn leggi(der: &[u8], qui: &Livello, bilancio: &mut Bilancio) -> Result<Esame, asn1::Errore> {
    let mut fuori = Lettore::nuovo(der).atteso(tag::SEQUENCE)?.dentro();
    if oid(&fuori.leggi()?)? != nomi::TIMESTAMPED_DATA {
        return Err(asn1::Errore::Valore("non è TimeStampedData"));
    }
    let mut l = fuori.atteso(0xa0)?.dentro().atteso(tag::SEQUENCE)?.dentro();
    l.atteso(tag::INTEGER)?;
    // dataUri names a file elsewhere: never followed. MetaData may say name and type: bytes decide.
    l.se(0x16)?;
    l.se(tag::SEQUENCE)?;
    let contenuto = match l.prossimo() {
        Some(tag::OCTET_STRING | 0x24) => Some(l.leggi()?.ottetti()?),
        _ => None,
    };
    let mut e = Esame { staccata: contenuto.is_none(), ..Esame::default() };
    let mut coperto = match &contenuto {
        Some(p) => Some(Coperto::nuovo(p.0.clone())),
        None => qui.originale.map(|o| Coperto::nuovo(vec![o])),
    };
    // temporalEvidence: tstEvidence [0] SEQUENCE OF TimeStampAndCRL.
    let prove = l.leggi()?;
    if prove.tag != 0xa0 {
        e.errore = Some("le prove temporali non sono marche RFC 3161".into());
        return Ok(e);
    }
    let mut prima = None;
    for (i, p) in prove.dentro().tutti(MARCHE_MAX)?.iter().enumerate() {
        if let Err(perche) = bilancio.firma() {
            e.errore = Some(perche);
            break;
        }
        let token = p.dentro().leggi()?;
        let f = match Busta::leggi(token.intero) {
            // From the second on, each is of the one before (RFC 5544 § 2).
            Ok(b) if i == 0 => marca::firma(&b, coperto.as_mut(), qui.contesto),
            Ok(b) => marca::firma(&b, prima.map(|x| Coperto::nuovo(vec![x])).as_mut(), qui.contesto),
            Err(x) => Firma::illeggibile(x.to_string()),
        };
        prima = Some(p.intero);
        e.firme.push(f);
    }
    e.contenuto = coperto.as_mut().map(|c| if contenuto.is_some() { bilancio.contenuto(c) } else { Contenuto::di(c) });
    if let Some(c) = contenuto {
        e.buste = qui.dentro(&c.unito(), &e.firme, bilancio);
    }
    Ok(e)
}
