//! Revocation of the signer's certificate, from what is in the file or was configured: CRL (RFC 5280) and OCSP (RFC 6960).
//! Nothing is asked of anybody. Information counts when its issuer's signature is on it, and it is not older than the instant
//! of reference; a revocation counts however old.

use jiff::Timestamp;

use super::Materiale;
use crate::asn1::{self, Elemento, Esito, Lettore, intero_piccolo, istante, oid, tag};
use crate::chiave::Schema;
use crate::esame::{EsitoRevoca, Revoca};
use crate::impronte::Digesto;
use crate::x509::Certificato;

/// Purpose of a delegated responder.
const SCOPO_OCSP: &str = "1.3.6.1.5.5.7.3.9";
/// Answers and lists looked at for one certificate.
const FONTI_MAX: usize = 64;

/// What one source says.
struct Voce {
    revocato: Option<(Timestamp, Option<u64>)>,
    prodotta: Timestamp,
    prossima: Option<Timestamp>,
}

pub(super) fn cerca(
    c: &Certificato,
    emittente: Option<&Certificato>,
    materiale: &Materiale,
    configurate: &[Vec<u8>],
    istante: Timestamp,
) -> (EsitoRevoca, Revoca) {
    let mut r = Revoca::default();
    let Some(e) = emittente else {
        r.motivi.push("manca il certificato dell'emittente".into());
        return (EsitoRevoca::NonVerificata, r);
    };
    let fonti = (configurate.iter().map(|b| (b, "crl", "configurata")))
        .chain(materiale.ocsp.iter().map(|b| (b, "ocsp", "incorporata")))
        .chain(materiale.crl.iter().map(|b| (b, "crl", "incorporata")));
    let mut esito = EsitoRevoca::NonVerificata;
    for (byte, tipo, fonte) in fonti.take(FONTI_MAX) {
        let voce = if tipo == "crl" { crl(byte, c, e) } else { ocsp(byte, c, e) };
        let Ok(Some(v)) = voce else { continue };
        let questa = |istante_revoca| Revoca {
            tipo: Some(tipo),
            fonte: Some(fonte),
            prodotta: Some(v.prodotta),
            istante_revoca,
            motivi: Vec::new(),
        };
        let vecchia = v.prossima.unwrap_or(v.prodotta).max(v.prodotta) < istante;
        match v.revocato {
            Some((quando, motivo)) if quando <= istante => {
                r = questa(Some(quando));
                r.motivi.extend(motivo.map(|m| format!("motivo della revoca: {}", nome_motivo(m))));
                return (EsitoRevoca::Revocata, r);
            }
            Some((quando, _)) => {
                r = questa(Some(quando));
                r.motivi.push("revocato dopo l'istante di riferimento".into());
                esito = EsitoRevoca::Buona;
            }
            None if vecchia && esito == EsitoRevoca::NonVerificata => {
                r = questa(None);
                r.motivi.push("l'informazione è più vecchia dell'istante di riferimento".into());
            }
            None if !vecchia
                && (esito == EsitoRevoca::NonVerificata
                    || r.prodotta < Some(v.prodotta) && r.istante_revoca.is_none()) =>
            {
                r = questa(None);
                esito = EsitoRevoca::Buona;
            }
            None => {}
        }
    }
    if esito == EsitoRevoca::NonVerificata && r.motivi.is_empty() {
        r.motivi.push("nessuna CRL né risposta OCSP utile nel file o configurata".into());
    }
    (esito, r)
}

fn nome_motivo(m: u64) -> &'static str {
    match m {
        1 => "chiave compromessa",
        2 => "autorità compromessa",
        3 => "dati cambiati",
        4 => "sostituito",
        5 => "cessata attività",
        6 => "sospeso",
        9 => "privilegio ritirato",
        _ => "non detto",
    }
}

/// Signed bytes, `AlgorithmIdentifier`, value: the shape of everything signed in X.509.
struct Firmato<'a> {
    corpo: Elemento<'a>,
    algoritmo: Elemento<'a>,
    valore: &'a [u8],
    resto: Lettore<'a>,
}

impl<'a> Firmato<'a> {
    fn leggi(e: &Elemento<'a>) -> Esito<Self> {
        let mut l = e.atteso(tag::SEQUENCE)?.dentro();
        Ok(Self {
            corpo: l.atteso(tag::SEQUENCE)?,
            algoritmo: l.atteso(tag::SEQUENCE)?,
            valore: l.leggi()?.bit()?,
            resto: l,
        })
    }

    fn da(&self, c: &Certificato) -> bool {
        let Ok(schema) = Schema::da_algoritmo(&self.algoritmo) else { return false };
        let (Some(d), Ok(k)) = (schema.digesto(), &c.chiave) else { return false };
        schema.verifica(k, d, &d.di(self.corpo.intero), self.valore, false) == Ok(true)
    }
}

/// Whether it has the shape of a certificate list.
pub(super) fn controlla_crl(byte: &[u8]) -> Esito<()> {
    let f = Firmato::leggi(&Lettore::nuovo(byte).leggi()?)?;
    let mut l = f.corpo.dentro();
    l.se(tag::INTEGER)?;
    l.atteso(tag::SEQUENCE)?;
    l.atteso(tag::SEQUENCE)?;
    istante(&l.leggi()?).map(|_| ())
}

/// What a list says of a certificate; none when it is not its issuer's.
fn crl(byte: &[u8], c: &Certificato, emittente: &Certificato) -> Esito<Option<Voce>> {
    let f = Firmato::leggi(&Lettore::nuovo(byte).leggi()?)?;
    let mut l = f.corpo.dentro();
    l.se(tag::INTEGER)?;
    l.atteso(tag::SEQUENCE)?;
    if l.atteso(tag::SEQUENCE)?.intero != c.emittente_der || !emittente.usa(6) || !f.da(emittente) {
        return Ok(None);
    }
    let prodotta = istante(&l.leggi()?)?;
    let mut prossima = None;
    if matches!(l.prossimo(), Some(tag::UTC_TIME | tag::GENERALIZED_TIME)) {
        prossima = Some(istante(&l.leggi()?)?);
    }
    let mut voce = Voce { revocato: None, prodotta, prossima };
    let voci = l.se(tag::SEQUENCE)?;
    if let Some(x) = l.se(0xa0)?
        && parziale(&x)?
    {
        return Ok(None);
    }
    // Entries are read one after the other, never kept.
    let mut voci = voci.map_or(Lettore::nuovo(&[]), |v| v.dentro());
    while !voci.finito() {
        let mut v = voci.atteso(tag::SEQUENCE)?.dentro();
        if v.atteso(tag::INTEGER)?.contenuto == c.seriale {
            let quando = istante(&v.leggi()?)?;
            voce.revocato = Some((quando, v.se(tag::SEQUENCE)?.and_then(|e| motivo(&e))));
            break;
        }
    }
    Ok(Some(voce))
}

/// Deltas and lists of only some certificates, which say nothing of the others: delta CRL indicator, or a critical extension
/// that is not understood here.
fn parziale(estensioni: &Elemento) -> Esito<bool> {
    for x in estensioni.dentro().atteso(tag::SEQUENCE)?.dentro().tutti(64)? {
        let mut l = x.dentro();
        let nome = oid(&l.leggi()?)?;
        let critica = l.se(tag::BOOLEAN)?.is_some_and(|b| b.contenuto != [0]);
        match nome.as_str() {
            "2.5.29.28" => {
                // Only the name of the point and onlyContainsUserCerts are harmless.
                let v = l.leggi()?.ottetti()?.unito();
                let parti = Lettore::nuovo(&v).atteso(tag::SEQUENCE)?.dentro().tutti(8)?;
                if parti.iter().any(|p| !matches!(p.tag, 0xa0 | 0x81)) {
                    return Ok(true);
                }
            }
            _ if critica => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

fn motivo(estensioni: &Elemento) -> Option<u64> {
    for x in estensioni.dentro().tutti(16).ok()? {
        let mut l = x.dentro();
        if oid(&l.leggi().ok()?).ok()? == "2.5.29.21" {
            l.se(tag::BOOLEAN).ok()?;
            let v = l.leggi().ok()?.contenuto;
            return intero_piccolo(&Lettore::nuovo(v).leggi().ok()?).ok();
        }
    }
    None
}

/// What an answer says of a certificate; none when it is of another, or of nobody who may answer.
fn ocsp(byte: &[u8], c: &Certificato, emittente: &Certificato) -> Esito<Option<Voce>> {
    let e = Lettore::nuovo(byte).leggi()?;
    // An OCSPResponse, or what is inside it.
    let dentro = match e.dentro().prossimo() {
        Some(tag::ENUMERATED) => {
            let mut l = e.dentro();
            if intero_piccolo(&l.leggi()?)? != 0 {
                return Ok(None);
            }
            let mut r = l.atteso(0xa0)?.dentro().atteso(tag::SEQUENCE)?.dentro();
            r.leggi()?;
            r.atteso(tag::OCTET_STRING)?.contenuto
        }
        _ => e.intero,
    };
    let mut f = Firmato::leggi(&Lettore::nuovo(dentro).leggi()?)?;
    let delegati: Vec<Certificato> = match f.resto.se(0xa0)? {
        Some(x) => {
            let certificati = x.dentro().atteso(tag::SEQUENCE)?.dentro().tutti(8)?;
            certificati.iter().filter_map(|c| Certificato::leggi(c.intero).ok()).collect()
        }
        None => Vec::new(),
    };
    let mut l = f.corpo.dentro();
    if l.prossimo() == Some(0xa0) {
        l.leggi()?;
    }
    l.leggi()?;
    let prodotta = istante(&l.atteso(tag::GENERALIZED_TIME)?)?;
    let puo = f.da(emittente)
        || delegati.iter().any(|d| {
            d.scopi.iter().any(|s| s == SCOPO_OCSP)
                && d.emittente_der == emittente.soggetto_der
                && d.valido_al(prodotta)
                && d.firmato_da(emittente) == Ok(true)
                && f.da(d)
        });
    if !puo {
        return Ok(None);
    }
    for r in l.atteso(tag::SEQUENCE)?.dentro().tutti(100)? {
        let mut r = r.dentro();
        if !riguarda(&r.atteso(tag::SEQUENCE)?, c, emittente)? {
            continue;
        }
        let stato = r.leggi()?;
        let dal = istante(&r.atteso(tag::GENERALIZED_TIME)?)?;
        let prossima = r.se(0xa0)?.map(|p| istante(&p.dentro().leggi()?)).transpose()?;
        let revocato = match stato.tag {
            0x80 => None,
            0xa1 => {
                let mut s = stato.dentro();
                let quando = istante(&s.leggi()?)?;
                let motivo = s.se(0xa0)?.map(|m| intero_piccolo(&m.dentro().leggi()?)).transpose()?;
                Some((quando, motivo))
            }
            _ => return Ok(None),
        };
        return Ok(Some(Voce { revocato, prodotta: prodotta.max(dal), prossima }));
    }
    Ok(None)
}

/// Whether a `CertID` is of this certificate.
fn riguarda(id: &Elemento, c: &Certificato, emittente: &Certificato) -> Result<bool, asn1::Errore> {
    let mut l = id.dentro();
    let alg = oid(&l.atteso(tag::SEQUENCE)?.dentro().leggi()?)?;
    let Some(d) = Digesto::da_oid(&alg) else { return Ok(false) };
    let (nome, chiave, seriale) = (l.leggi()?.contenuto, l.leggi()?.contenuto, l.leggi()?.contenuto);
    Ok(seriale == c.seriale && d.di(&c.emittente_der) == nome && d.di(&emittente.chiave_bit) == chiave)
}
