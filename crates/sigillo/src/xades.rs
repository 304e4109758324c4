//! XAdES baseline B (ETSI EN 319 132-1), enveloped: the seal inside the segnatura, last in its root. R-C10 (Allegato 6
//! § 2, § 2.2 E).
//!
//! What is signed is written already in its canonical form (exclusive, without comments), each piece with its own
//! namespaces on its own root, so that no canonicalisation of ours stands between what was signed and what is read; the
//! canonical form of the document itself is `firme`'s, the same that checks it. The signature goes straight before the
//! end tag of the root, without a blank: the `enveloped-signature` transform takes out the element and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use firme::canonica::{self, Metodo, Testo};
use firme::impronte::esadecimale;
use jiff::Timestamp;

use crate::cms::issuer_serial;
use crate::{Algoritmo, Firma, Sealer, sealer};

/// Biggest document that is sealed.
pub const BYTE_MAX: usize = 16 << 20;

const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const XADES: &str = "http://uri.etsi.org/01903/v1.3.2#";
const C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// Why a document was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum Errore {
    /// Bigger than any segnatura.
    #[error("documento XML di {0} byte: troppi per sigillarlo")]
    TroppoGrande(usize),
    /// Not an XML that has a canonical form.
    #[error("il documento XML non si può sigillare: {0}")]
    Canonica(#[from] canonica::Errore),
    /// No place for the signature.
    #[error("il documento XML non si può sigillare: {0}")]
    Forma(&'static str),
    /// The seal was not made.
    #[error(transparent)]
    Sigillo(#[from] sealer::Errore),
}

/// A document with all but the signature: many may be signed in one go.
#[derive(Debug)]
pub struct Preparato<'a> {
    documento: &'a [u8],
    /// Where the signature goes.
    posto: usize,
    id: String,
    da_firmare: String,
    proprieta: String,
    certificati: String,
}

impl<'a> Preparato<'a> {
    /// Prepares an XML document for the seal of `sealer`, at an instant.
    ///
    /// # Errors
    /// See [`Errore`].
    pub fn nuovo(sealer: &dyn Sealer, documento: &'a [u8], quando: Timestamp) -> Result<Self, Errore> {
        if documento.len() > BYTE_MAX {
            return Err(Errore::TroppoGrande(documento.len()));
        }
        sealer::in_vigore(sealer, quando)?;
        let canonico = canonico(documento)?;
        let posto = fine_della_radice(documento)?;
        let algoritmo = sealer.algoritmo();
        let impronta = algoritmo.impronta(&canonico);
        // An identifier that nothing else in the document has, and the same each time.
        let id = format!("sigillo-{}", esadecimale(&impronta[..12]));
        let proprieta = proprieta(sealer, &id, quando);
        let da_firmare = signed_info(algoritmo, &id, &impronta, &proprieta);
        debug_assert_eq!(canonica::canonizza(proprieta.as_bytes(), ESCLUSIVA).as_deref(), Ok(proprieta.as_bytes()));
        debug_assert_eq!(canonica::canonizza(da_firmare.as_bytes(), ESCLUSIVA).as_deref(), Ok(da_firmare.as_bytes()));
        let certificati = std::iter::once(sealer.certificato())
            .chain(sealer.catena())
            .map(|c| format!("<ds:X509Certificate>{}</ds:X509Certificate>", BASE64.encode(c.der())))
            .collect();
        Ok(Self { documento, posto, id, da_firmare, proprieta, certificati })
    }

    /// The bytes to sign.
    pub fn da_firmare(&self) -> &[u8] {
        self.da_firmare.as_bytes()
    }

    /// The sealed document.
    pub fn con(&self, firma: &Firma) -> Vec<u8> {
        let Self { id, da_firmare, proprieta, certificati, .. } = self;
        let valore = BASE64.encode(firma.grezza());
        let firma = format!(
            "<ds:Signature xmlns:ds=\"{DS}\" Id=\"{id}\">{da_firmare}\
             <ds:SignatureValue Id=\"{id}-valore\">{valore}</ds:SignatureValue>\
             <ds:KeyInfo><ds:X509Data>{certificati}</ds:X509Data></ds:KeyInfo>\
             <ds:Object><xades:QualifyingProperties xmlns:xades=\"{XADES}\" Target=\"#{id}\">{proprieta}\
             </xades:QualifyingProperties></ds:Object></ds:Signature>"
        );
        [&self.documento[..self.posto], firma.as_bytes(), &self.documento[self.posto..]].concat()
    }
}

/// Seals an XML document.
///
/// # Errors
/// See [`Errore`].
pub fn sigilla(sealer: &dyn Sealer, documento: &[u8], quando: Timestamp) -> Result<Vec<u8>, Errore> {
    let preparato = Preparato::nuovo(sealer, documento, quando)?;
    let firma = sealer.firma(preparato.da_firmare())?;
    Ok(preparato.con(&firma))
}

const ESCLUSIVA: Metodo = Metodo::Esclusiva { commenti: false };

fn canonico(documento: &[u8]) -> Result<Vec<u8>, Errore> {
    let testo = Testo::leggi(documento)?;
    let albero = testo.albero()?;
    // A second enveloped signature would undo the first, which covers the whole of the document but itself.
    if !albero.0.get_elements_by_tag_name_ns(DS, "Signature").is_empty() {
        return Err(Errore::Forma("contiene già una firma"));
    }
    Ok(albero.canonica(ESCLUSIVA, None, &[])?)
}

/// Where the end tag of the root begins. The document is well-formed: after its root there are only blanks, comments and
/// processing instructions.
fn fine_della_radice(documento: &[u8]) -> Result<usize, Errore> {
    let senza_fine = Errore::Forma("la radice non ha un'etichetta di chiusura");
    let ultimo = |dove: &[u8], ago: &[u8]| dove.windows(ago.len()).rposition(|w| w == ago);
    let mut resto = documento;
    loop {
        resto = resto.trim_ascii_end();
        let apre: &[u8] = if resto.ends_with(b"-->") {
            b"<!--"
        } else if resto.ends_with(b"?>") {
            b"<?"
        } else {
            break;
        };
        resto = &resto[..ultimo(resto, apre).unwrap_or(0)];
    }
    let inizio =
        ultimo(resto, b"<").ok_or(Errore::Forma("la codifica dei caratteri non è gestita (UTF-8 o ISO-8859)"))?;
    if resto[inizio..].starts_with(b"</") && resto.ends_with(b">") { Ok(inizio) } else { Err(senza_fine) }
}

/// SignedProperties, canonical.
fn proprieta(sealer: &dyn Sealer, id: &str, quando: Timestamp) -> String {
    let algoritmo = sealer.algoritmo();
    let certificato = sealer.certificato();
    let impronta = BASE64.encode(algoritmo.impronta(certificato.der()));
    let chi = BASE64.encode(issuer_serial(certificato.emittente(), certificato.seriale()));
    let ora = jiff::tz::TimeZone::UTC.to_datetime(quando).strftime("%Y-%m-%dT%H:%M:%SZ");
    let uri = algoritmo.uri_impronta();
    format!(
        "<xades:SignedProperties xmlns:xades=\"{XADES}\" Id=\"{id}-proprieta\"><xades:SignedSignatureProperties>\
         <xades:SigningTime>{ora}</xades:SigningTime><xades:SigningCertificateV2><xades:Cert><xades:CertDigest>\
         <ds:DigestMethod xmlns:ds=\"{DS}\" Algorithm=\"{uri}\"></ds:DigestMethod>\
         <ds:DigestValue xmlns:ds=\"{DS}\">{impronta}</ds:DigestValue></xades:CertDigest>\
         <xades:IssuerSerialV2>{chi}</xades:IssuerSerialV2></xades:Cert></xades:SigningCertificateV2>\
         </xades:SignedSignatureProperties><xades:SignedDataObjectProperties>\
         <xades:DataObjectFormat ObjectReference=\"#{id}-documento\"><xades:MimeType>application/xml</xades:MimeType>\
         </xades:DataObjectFormat></xades:SignedDataObjectProperties></xades:SignedProperties>"
    )
}

/// SignedInfo, canonical.
fn signed_info(algoritmo: Algoritmo, id: &str, impronta: &[u8], proprieta: &str) -> String {
    let (uri, firma) = (algoritmo.uri_impronta(), algoritmo.uri_firma());
    let documento = BASE64.encode(impronta);
    let proprieta = BASE64.encode(algoritmo.impronta(proprieta.as_bytes()));
    format!(
        "<ds:SignedInfo xmlns:ds=\"{DS}\"><ds:CanonicalizationMethod Algorithm=\"{C14N}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"{firma}\"></ds:SignatureMethod>\
         <ds:Reference Id=\"{id}-documento\" URI=\"\"><ds:Transforms><ds:Transform Algorithm=\"{ENVELOPED}\"></ds:Transform>\
         <ds:Transform Algorithm=\"{C14N}\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{uri}\"></ds:DigestMethod><ds:DigestValue>{documento}</ds:DigestValue></ds:Reference>\
         <ds:Reference Type=\"http://uri.etsi.org/01903#SignedProperties\" URI=\"#{id}-proprieta\"><ds:Transforms>\
         <ds:Transform Algorithm=\"{C14N}\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{uri}\"></ds:DigestMethod><ds:DigestValue>{proprieta}</ds:DigestValue></ds:Reference>\
         </ds:SignedInfo>"
    )
}

#[cfg(test)]
mod tests {
    use super::fine_della_radice;

    #[test]
    fn the_end_of_the_root_is_found_behind_comments_and_instructions() {
        for (xml, atteso) in [
            ("<a>x</a>", "</a>"),
            ("<a><b/></a>\r\n", "</a>\r\n"),
            ("<a></a  ><!-- </a> --><?x </b> ?>\n", "</a  ><!-- </a> --><?x </b> ?>\n"),
        ] {
            let dove = fine_della_radice(xml.as_bytes()).unwrap();
            assert_eq!(&xml[dove..], atteso);
        }
        for xml in ["<a/>", "", "<a/><!-- </a> -->", "testo"] {
            fine_della_radice(xml.as_bytes()).unwrap_err();
        }
    }
}
