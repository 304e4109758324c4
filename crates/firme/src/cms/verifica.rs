//! One signer: the value, the digest of the content, the certificate that the signature binds itself to.

use jiff::Timestamp;

use super::{Attributi, Chi, Firmatario, nomi};
use crate::asn1::{Lettore, avvolgi, istante, oid, tag};
use crate::chiave::Schema;
use crate::impronte::Digesto;
use crate::x509::Certificato;

/// What is true of one signature. `None`: could not be judged.
#[derive(Debug, Clone, Default)]
pub struct Riscontro {
    /// The signer's certificate, among those at hand.
    pub certificato: Option<usize>,
    /// The value is the signature of the attributes (or of the content) by that key.
    pub valore: Option<bool>,
    /// The digest in the attributes is the one of the content.
    pub impronta: Option<bool>,
    /// The signature names that very certificate (`signing-certificate`), when it names one.
    pub vincolo: Option<bool>,
    /// Time declared by the signer, proved by nobody.
    pub istante: Option<Timestamp>,
    /// Digest algorithm.
    pub digesto: Option<Digesto>,
    /// Signature algorithm, as people call it.
    pub algoritmo: Option<String>,
    /// Why it is not good, or could not be judged.
    pub errore: Option<String>,
}

impl Riscontro {
    /// The value is right, and so is the digest, and the certificate is the one that was meant.
    pub fn integra(&self) -> bool {
        self.valore == Some(true) && self.impronta == Some(true) && self.vincolo != Some(false) && self.errore.is_none()
    }

    fn fallito(mut self, perche: impl Into<String>) -> Self {
        self.errore.get_or_insert(perche.into());
        self
    }
}

impl Firmatario<'_> {
    /// The certificate of this signer.
    pub fn certificato(&self, tra: &[Certificato]) -> Option<usize> {
        tra.iter().position(|c| match self.chi {
            Chi::Emittente(e, s) => c.emittente_der == e && c.seriale == s,
            Chi::Chiave(k) => c.ski.as_deref() == Some(k),
        })
    }

    /// Judges the signature. `impronta` gives the digest of what is covered (none when it is not at hand); `tipo` is the
    /// content type that the attributes must name (none for countersignatures, which have none: RFC 5652 § 11.4).
    pub fn verifica(
        &self,
        certificati: &[Certificato],
        impronta: &mut dyn FnMut(Digesto) -> Option<Vec<u8>>,
        tipo: Option<&str>,
    ) -> Riscontro {
        let mut r = Riscontro { certificato: self.certificato(certificati), ..Riscontro::default() };
        let firmati = self.firmati.as_ref();
        r.istante = firmati.and_then(|a| a.unico(nomi::SIGNING_TIME)).and_then(|e| istante(&e).ok());
        let Some(d) = Digesto::da_oid(&self.digesto) else {
            return r.fallito(format!("algoritmo di impronta non supportato: {}", self.digesto));
        };
        r.digesto = Some(d);
        let schema = match Schema::da_algoritmo(&self.algoritmo) {
            Ok(s) => s,
            Err(e) => return r.fallito(e.to_string()),
        };
        r.algoritmo = Some(schema.nome(d));
        let Some(c) = r.certificato.and_then(|i| certificati.get(i)) else {
            return r.fallito("il certificato del firmatario non è nella busta");
        };
        let chiave = match &c.chiave {
            Ok(k) => k,
            Err(e) => return r.fallito(e.to_string()),
        };
        let contenuto = impronta(d);
        let da_firmare = match firmati {
            Some(a) => {
                if let Err(perche) = attributi(a, tipo) {
                    return r.fallito(perche);
                }
                r.impronta = contenuto.map(|c| a.unico(nomi::MESSAGE_DIGEST).is_some_and(|m| m.contenuto == c));
                r.vincolo = vincolo(a, c);
                schema.digesto().unwrap_or(d).di(&avvolgi(tag::SET, a.byte))
            }
            // Without attributes the digest is in the value itself, over the algorithm that the signature names.
            None => match impronta(schema.digesto().unwrap_or(d)) {
                Some(i) => {
                    r.impronta = Some(true);
                    i
                }
                None => return r.fallito("manca il contenuto firmato"),
            },
        };
        match schema.verifica(chiave, schema.digesto().unwrap_or(d), &da_firmare, &self.valore, false) {
            Ok(v) => r.valore = Some(v),
            Err(e) => return r.fallito(e.to_string()),
        }
        if r.valore == Some(false) {
            let perche = match (schema, firmati) {
                // Made with the digest of the content, though it declares another: OpenSSL does not look.
                (Schema::Rsa(Some(altro)), Some(a)) if altro != d => {
                    let i = d.di(&avvolgi(tag::SET, a.byte));
                    match Schema::Rsa(None).verifica(chiave, d, &i, &self.valore, false) {
                        Ok(true) => format!("firma anomala: dichiara {}, ma è fatta con {}", altro.nome(), d.nome()),
                        _ => "il valore della firma non corrisponde".to_owned(),
                    }
                }
                _ => "il valore della firma non corrisponde".to_owned(),
            };
            return r.fallito(perche);
        }
        match (r.impronta, r.vincolo) {
            (None, _) => r.fallito("manca il contenuto firmato: l'impronta non è stata confrontata"),
            (Some(false), _) => r.fallito("il contenuto non è quello firmato: l'impronta è diversa"),
            (_, Some(false)) => r.fallito("la firma nomina un altro certificato (signing-certificate)"),
            _ => r,
        }
    }
}

/// What the attributes must hold before their digest means anything (RFC 5652 § 5.3, § 11).
fn attributi(a: &Attributi, tipo: Option<&str>) -> Result<(), &'static str> {
    if a.unico(nomi::MESSAGE_DIGEST).is_none_or(|m| m.tag != tag::OCTET_STRING) {
        return Err("attributi firmati senza l'impronta del contenuto, o con più d'una");
    }
    if let Some(tipo) = tipo
        && a.unico(nomi::CONTENT_TYPE).and_then(|t| oid(&t).ok()).is_none_or(|t| t != tipo)
    {
        return Err("gli attributi firmati dicono un tipo di contenuto diverso da quello della busta");
    }
    Ok(())
}

/// RFC 5035: the first certificate named must be the signer's.
fn vincolo(a: &Attributi, c: &Certificato) -> Option<bool> {
    for (nome, base) in [(nomi::SIGNING_CERTIFICATE_V2, Digesto::Sha256), (nomi::SIGNING_CERTIFICATE, Digesto::Sha1)] {
        let Some(v) = a.unico(nome) else { continue };
        let leggi = || {
            let primo = v.dentro().atteso(tag::SEQUENCE)?.dentro().atteso(tag::SEQUENCE)?;
            let mut l: Lettore = primo.dentro();
            let mut d = Some(base);
            if let Some(alg) = l.se(tag::SEQUENCE)? {
                d = Digesto::da_oid(&oid(&alg.dentro().leggi()?)?);
            }
            Ok::<_, crate::asn1::Errore>((d, l.atteso(tag::OCTET_STRING)?.contenuto))
        };
        return match leggi() {
            Ok((Some(d), impronta)) => Some(d.di(&c.der) == impronta),
            Ok((None, _)) => None,
            Err(_) => Some(false),
        };
    }
    None
}
