//! A seal for trying things out: an authority made on the spot, which says in its name that it is of nobody, and a seal of
//! it. It has none of the statements of a qualified certificate, and never will. For the `demo` verb.

use jiff::{SignedDuration, Timestamp};

use crate::certificato::Certificato;
use crate::cms::firmato;
use crate::der::{bit, ctx, intero, numero, oid, ottetti, seq, set, tempo, tlv, utf8, vero};
use crate::richiesta::{ChiaveNuova, Errore, Soggetto};
use crate::segreto::Segreto;
use crate::{Algoritmo, pkcs12, sealer};

/// How long authority and seal hold.
const DURATA: SignedDuration = SignedDuration::from_hours(24 * 730);
/// What whoever looks at the certificate reads first.
const MARCHIO: &str = "NON QUALIFICATO - solo dimostrazione";

/// What was made.
#[derive(Debug)]
pub struct Dimostrazione {
    /// The authority.
    pub ca: Certificato,
    /// The certificate of the seal.
    pub sigillo: Certificato,
    /// Key and certificates, in a file.
    pub pkcs12: Vec<u8>,
}

/// Makes an authority and a seal for an ente. The key of the authority is thrown away: it cannot issue anything else.
///
/// # Errors
/// A wrong field of the subject; no randomness from the system.
pub fn crea(soggetto: &Soggetto, da: Timestamp, password: &Segreto) -> Result<Dimostrazione, Errore> {
    let (chiave_ca, chiave) = (ChiaveNuova::genera()?, ChiaveNuova::genera()?);
    let nome_ca = nome(&[("2.5.4.10", "Protocollo"), ("2.5.4.3", &format!("CA dimostrativa {MARCHIO}"))]);
    let ca = certificato(&nome_ca, &nome_ca, &chiave_ca, &chiave_ca, da, true)?;
    // The name of the seal says what it is worth, whatever the ente is called.
    let soggetto = Soggetto { nome: Some(format!("Sigillo {MARCHIO}")), ..soggetto.clone() };
    let sigillo = certificato(&soggetto.in_der()?, &nome_ca, &chiave, &chiave_ca, da, false)?;
    let pkcs12 = pkcs12::scrivi(chiave.pkcs8(), &sigillo, std::slice::from_ref(&ca), MARCHIO, password)
        .map_err(|e| sealer::Errore::Configurazione(e.to_string()))?;
    Ok(Dimostrazione { ca, sigillo, pkcs12 })
}

fn nome(parti: &[(&str, &str)]) -> Vec<u8> {
    let mut tutte = set(vec![seq(&[&oid("2.5.4.6"), &tlv(0x13, b"IT")])]);
    for (quale, valore) in parti {
        tutte.extend(set(vec![seq(&[&oid(quale), &utf8(valore)])]));
    }
    seq(&[&tutte])
}

/// A certificate (RFC 5280) for `chiave`, signed by `da_chi`.
fn certificato(
    soggetto: &[u8],
    emittente: &[u8],
    chiave: &ChiaveNuova,
    da_chi: &ChiaveNuova,
    da: Timestamp,
    ca: bool,
) -> Result<Certificato, Errore> {
    let algoritmo = Algoritmo::EcdsaP256Sha256;
    let rotta = |perche: String| sealer::Errore::Configurazione(perche);
    let mut seriale = [0; 16];
    getrandom::fill(&mut seriale).map_err(|e| rotta(format!("numeri casuali: {e}")))?;
    seriale[0] = seriale[0] & 0x7f | 0x40;
    let (spki, spki_ca) = (chiave.spki(), da_chi.spki());
    let usi: &[u8] = if ca { &[1, 0x06] } else { &[6, 0xc0] };
    let vincoli = if ca { seq(&[&vero()]) } else { seq(&[]) };
    let estensioni = [
        estensione("2.5.29.19", true, &vincoli),
        estensione("2.5.29.15", true, &tlv(0x03, usi)),
        estensione("2.5.29.14", false, &ottetti(&identificativo(&spki))),
        estensione("2.5.29.35", false, &seq(&[&tlv(0x80, &identificativo(&spki_ca))])),
    ]
    .concat();
    let al = da.checked_add(DURATA).map_err(|e| rotta(e.to_string()))?;
    let parte = seq(&[
        &ctx(0, &numero(2)),
        &intero(&seriale),
        &algoritmo.id_firma(),
        emittente,
        &seq(&[&tempo(da), &tempo(al)]),
        soggetto,
        &spki,
        &ctx(3, &seq(&[&estensioni])),
    ]);
    let firma = da_chi.firma(&parte)?;
    Certificato::da_der(&firmato(&parte, algoritmo, &firma)).map_err(|e| rotta(e.to_string()).into())
}

fn estensione(quale: &str, critica: bool, valore: &[u8]) -> Vec<u8> {
    let critica = if critica { vero() } else { Vec::new() };
    seq(&[&oid(quale), &critica, &ottetti(valore)])
}

/// Identifier of a key (RFC 7093 § 2, method 1: no SHA-1).
fn identificativo(spki: &[u8]) -> Vec<u8> {
    let impronta = ring::digest::digest(&ring::digest::SHA256, &bit(spki));
    impronta.as_ref()[..20].to_vec()
}
