//! Timestamps (RFC 3161): a token alone, the answer of an authority, a token on a signature.

use jiff::Timestamp;

use crate::asn1::{self, Lettore, intero_piccolo, istante, oid, senza_zeri, tag};
use crate::cms::{Busta, Errore, nomi};
use crate::esame::{Bilancio, Contesto, Esame, EsitoIdentita, Firma, Formato, Livello, Marca};
use crate::fiducia::Materiale;
use crate::impronte::{Coperto, Digesto, esadecimale};
use crate::x509::Certificato;

/// Purpose of a certificate that stamps time.
const SCOPO: &str = "1.3.6.1.5.5.7.3.8";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TstInfo {
    /// Policy, OID.
    pub politica: String,
    /// OID of the digest algorithm of the imprint.
    pub algoritmo: String,
    /// The imprint.
    pub impronta: Vec<u8>,
    /// Serial number, as received.
    pub seriale: Vec<u8>,
    /// When.
    pub istante: Timestamp,
    /// The number that was asked for, as received.
    pub nonce: Option<Vec<u8>>,
}

impl TstInfo {
    /// Of the content of a token.
    ///
    /// # Errors
    /// Another structure.
    pub fn leggi(byte: &[u8]) -> Result<Self, asn1::Errore> {
        let mut l = Lettore::nuovo(byte).atteso(tag::SEQUENCE)?.dentro();
        l.atteso(tag::INTEGER)?;
        let politica = oid(&l.leggi()?)?;
        let mut m = l.atteso(tag::SEQUENCE)?.dentro();
        let algoritmo = oid(&m.atteso(tag::SEQUENCE)?.dentro().leggi()?)?;
        let impronta = m.atteso(tag::OCTET_STRING)?.contenuto.to_vec();
        let seriale = l.atteso(tag::INTEGER)?.contenuto.to_vec();
        let istante = istante(&l.atteso(tag::GENERALIZED_TIME)?)?;
        let mut nonce = None;
        while !l.finito() {
            let e = l.leggi()?;
            if e.tag == tag::INTEGER {
                nonce = Some(e.contenuto.to_vec());
            }
        }
        Ok(Self { politica, algoritmo, impronta, seriale, istante, nonce })
    }
}

/// The token in the answer of an authority (`TimeStampResp`); none when the bytes are not one, the reason when it refused.
pub fn da_risposta(byte: &[u8]) -> Option<Result<Busta<'_>, String>> {
    let mut l = Lettore::nuovo(byte).atteso(tag::SEQUENCE).ok()?.dentro();
    let stato = intero_piccolo(&l.atteso(tag::SEQUENCE).ok()?.dentro().atteso(tag::INTEGER).ok()?).ok()?;
    if stato > 1 {
        return Some(Err(format!("l'autorità non ha dato la marca (stato {stato})")));
    }
    let token = l.atteso(tag::SEQUENCE).ok()?;
    match Busta::leggi(token.intero) {
        Ok(b) if b.tipo == nomi::TST_INFO => Some(Ok(b)),
        Ok(_) => None,
        Err(e) => Some(Err(e.to_string())),
    }
}

/// Checks a token (or an answer) over what it should be of: `coperto` is none when that is not at hand, and then the token is
/// judged alone. `altri` are certificates from elsewhere, for tokens without their own.
pub fn verifica(byte: &[u8], coperto: Option<&mut Coperto>, altri: &[Certificato], contesto: &Contesto) -> Marca {
    let busta = match Busta::leggi(byte) {
        Ok(b) => Ok(b),
        Err(e) => da_risposta(byte).unwrap_or(Err(e.to_string())),
    };
    match busta {
        Ok(b) => giudica(&b, coperto, altri, contesto).0,
        Err(perche) => Marca { errore: Some(perche), ..Marca::default() },
    }
}

/// Whether the token answers the request that was made: same number asked, same imprint. For who asks for timestamps.
///
/// # Errors
/// Why it does not.
pub fn risponde(byte: &[u8], impronta: &[u8], nonce: Option<&[u8]>) -> Result<TstInfo, String> {
    let busta = match Busta::leggi(byte) {
        Ok(b) => b,
        Err(e) => da_risposta(byte).unwrap_or(Err(e.to_string()))?,
    };
    let info = info(&busta)?;
    if info.impronta != impronta {
        return Err("la marca è di un'altra impronta".into());
    }
    if let Some(n) = nonce
        && info.nonce.as_deref().map(senza_zeri) != Some(senza_zeri(n))
    {
        return Err("la marca non porta il numero che era stato chiesto (nonce)".into());
    }
    Ok(info)
}

fn info(b: &Busta) -> Result<TstInfo, String> {
    if b.tipo != nomi::TST_INFO {
        return Err("non è una marca temporale".into());
    }
    let contenuto = b.contenuto.as_ref().ok_or("la marca non ha contenuto")?;
    TstInfo::leggi(&contenuto.unito()).map_err(|e| format!("marca non leggibile: {e}"))
}

/// The timestamp, and the signature of its authority.
fn giudica(b: &Busta, coperto: Option<&mut Coperto>, altri: &[Certificato], contesto: &Contesto) -> (Marca, Firma) {
    let mut m = Marca::default();
    let info = match info(b) {
        Ok(i) => i,
        Err(perche) => {
            m.errore = Some(perche.clone());
            return (m, Firma::illeggibile(perche));
        }
    };
    m.istante = Some(info.istante);
    m.seriale = Some(esadecimale(&info.seriale));
    m.politica = Some(info.politica.clone());
    let mut materiale = Materiale { certificati: b.certificati.clone(), ..Materiale::default() };
    materiale.certificati.extend_from_slice(altri);
    materiale.aggiungi(&b.crl, &b.ocsp);
    let [s] = b.firmatari.as_slice() else {
        m.errore = Some("una marca temporale ha un solo firmatario".into());
        return (m, Firma::illeggibile("una marca temporale ha un solo firmatario"));
    };
    let mut contenuto = b.coperto(None);
    let r = s.verifica(
        &materiale.certificati,
        &mut |d| contenuto.as_mut().map(|c| c.impronta(d).to_vec()),
        Some(nomi::TST_INFO),
    );
    let certificato = r.certificato.and_then(|i| materiale.certificati.get(i));
    let mut f = Firma::da_riscontro(&r, certificato);
    f.istante = Some(info.istante);
    if let Some(c) = certificato {
        m.tsa = c.firmatario();
        let al_momento = Contesto { istante: info.istante, ..*contesto };
        contesto.fiducia.giudica(&mut f, c, &materiale, &al_momento);
        f.dettaglio_identita.fonte_istante = Some("marca");
        // RFC 3161 § 2.3: critical and alone. This and validity are of the timestamp, not of the integrity of its signature.
        if !(c.scopi_critici && c.scopi.len() == 1 && c.scopi[0] == SCOPO) {
            m.errore = Some("il certificato non è di un'autorità di marcatura temporale (extKeyUsage)".into());
        } else if !c.valido_al(info.istante) {
            m.errore = Some("il certificato dell'autorità non era in vigore all'istante della marca".into());
        }
    }
    match Digesto::da_oid(&info.algoritmo) {
        None => f.rifiuta(format!("algoritmo di impronta della marca non supportato: {}", info.algoritmo)),
        Some(d) => {
            m.algoritmo = Some(d.nome());
            if d.debole() {
                f.algoritmi.deboli.push(format!("{} (impronta marcata)", d.nome()));
            }
            m.impronta = coperto.map(|c| c.impronta(d) == info.impronta);
            if m.impronta == Some(false) {
                f.rifiuta("la marca è di altri dati: l'impronta è diversa");
            }
        }
    }
    m.errore = f.errore.clone().or(m.errore);
    m.valida = f.integra && m.errore.is_none();
    m.identita = f.identita;
    m.dettaglio_identita = f.dettaglio_identita.clone();
    m.deboli.clone_from(&f.algoritmi.deboli);
    (m, f)
}

/// A file that is a timestamp: its one signature is the authority's.
pub(crate) fn esamina(b: &Busta, qui: &Livello, bilancio: &mut Bilancio) -> Esame {
    let mut e = Esame { formato: Some(Formato::Tsr), staccata: true, ..Esame::default() };
    if let Err(perche) = bilancio.firma() {
        return Esame::rifiutato(perche);
    }
    let mut coperto = qui.originale.map(|o| Coperto::nuovo(vec![o]));
    e.firme = vec![firma(b, coperto.as_mut(), qui.contesto)];
    e.contenuto = coperto.as_mut().map(crate::esame::Contenuto::di);
    e
}

/// A timestamp as a signature by itself (TSR, TSD, `DocTimeStamp`): intact only when it is of what is here.
pub(crate) fn firma(b: &Busta, coperto: Option<&mut Coperto>, contesto: &Contesto) -> Firma {
    let (m, mut f) = giudica(b, coperto, &[], contesto);
    f.integrita.documento_intero = m.impronta;
    if m.impronta.is_none() {
        f.rifiuta("manca il file marcato: l'impronta non è stata confrontata");
    }
    f.marca = Some(m);
    f
}

/// The instant that a timestamp proves: only when it is valid and its authority is known.
pub(crate) fn istante_provato(m: Option<&Marca>) -> Option<Timestamp> {
    m.filter(|m| m.valida && m.identita == EsitoIdentita::Riconosciuta).and_then(|m| m.istante)
}

impl From<Errore> for String {
    fn from(e: Errore) -> Self {
        e.to_string()
    }
}
