//! Who it is and whether it was revoked: anchors, trusted list, CRL, OCSP (R-C12).

use firme::esame::{EsitoIdentita, EsitoRevoca};
use firme::{Fiducia, esamina};
use jiff::Timestamp;

use super::banco::{self, TESTO, dati, riferimento};
use super::buone::adesso;
use super::pdf::cambia;

fn con(ancore: &[&str], crl: &[&str]) -> Fiducia {
    let mut f = Fiducia::nessuna();
    ancore.iter().for_each(|a| f.ancora(&dati(a)).unwrap());
    crl.iter().for_each(|c| f.crl(&dati(c)).unwrap());
    f
}

fn prima_firma(nome: &str, f: &Fiducia, istante: Timestamp) -> firme::Firma {
    esamina(&dati(nome), None, f, istante).firme.remove(0)
}

#[test]
fn identity_is_a_path_to_an_anchor_at_an_instant() {
    let f = prima_firma("busta.p7m", &con(&["ca.pem"], &[]), adesso());
    assert_eq!(f.identita, EsitoIdentita::Riconosciuta);
    assert!(f.dettaglio_identita.ancora.unwrap().contains("Autorità di prova"));
    // A certificate chosen by hand says nothing of qualification.
    assert_eq!(f.dettaglio_identita.qualificata.esito, None);
    assert_eq!(prima_firma("busta.p7m", &Fiducia::nessuna(), adesso()).identita, EsitoIdentita::NonVerificata);
    // Somebody else's certificate is an anchor of nothing.
    assert_eq!(prima_firma("busta.p7m", &con(&["tolto.pem"], &[]), adesso()).identita, EsitoIdentita::Sconosciuta);
    for quando in ["2001-01-01T00:00:00Z", "2090-01-01T00:00:00Z"] {
        let f = prima_firma("busta.p7m", &con(&["ca.pem"], &[]), quando.parse().unwrap());
        assert_eq!(f.identita, EsitoIdentita::Scaduta);
        assert!(f.integra, "integrity does not depend on the certificate's dates");
    }
}

#[test]
fn anchors_of_pec_are_kept_apart() {
    let mut f = Fiducia::nessuna();
    f.ancora_pec(&dati("ca.pem")).unwrap();
    let v = firme::cms::verifica_staccata(TESTO.as_bytes(), &dati("staccata.p7s"), &f, adesso()).unwrap();
    assert_eq!(v[0].identita, EsitoIdentita::Riconosciuta);
    assert_eq!(prima_firma("busta.p7m", &f, adesso()).identita, EsitoIdentita::NonVerificata);
}

#[test]
fn a_configured_list_says_who_was_revoked() {
    let f = con(&["ca.pem"], &["crl.pem"]);
    let r = prima_firma("revocata.p7m", &f, adesso());
    assert_eq!(r.revoca, EsitoRevoca::Revocata);
    assert!(r.integra && r.dettaglio_revoca.istante_revoca.is_some());
    assert_eq!(r.dettaglio_revoca.motivi, ["motivo della revoca: chiave compromessa"]);
    assert_eq!(prima_firma("busta.p7m", &f, adesso()).revoca, EsitoRevoca::Buona);
    assert_eq!(prima_firma("busta.p7m", &con(&["ca.pem"], &[]), adesso()).revoca, EsitoRevoca::NonVerificata);
    // Older than the instant of reference: it cannot say that all is well.
    let poi = "2090-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(prima_firma("busta.p7m", &f, poi).revoca, EsitoRevoca::NonVerificata);
    assert_eq!(prima_firma("revocata.p7m", &f, poi).revoca, EsitoRevoca::Revocata);
    // Revoked after: at that instant it was not.
    let ieri = r.dettaglio_revoca.istante_revoca.unwrap() - jiff::Span::new().hours(1);
    assert_eq!(prima_firma("revocata.p7m", &f, ieri).revoca, EsitoRevoca::Buona);
}

#[test]
fn a_tampered_list_says_nothing() {
    use base64::Engine as _;
    let pem = String::from_utf8(dati("crl.pem")).unwrap();
    let b: String = pem.lines().filter(|r| !r.starts_with("---")).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(b).unwrap();
    let tolto = firme::x509::Certificato::da_file(&dati("tolto.pem")).unwrap().remove(0);
    let anna = firme::x509::Certificato::da_file(&dati("anna.pem")).unwrap().remove(0);
    let mut f = con(&["ca.pem"], &[]);
    f.crl(&cambia(&der, &tolto.seriale, &anna.seriale)).unwrap();
    for nome in ["busta.p7m", "revocata.p7m"] {
        assert_eq!(prima_firma(nome, &f, adesso()).revoca, EsitoRevoca::NonVerificata);
    }
    assert!(Fiducia::nessuna().crl(b"non lo e'").is_err());
}

#[test]
fn an_answer_in_the_envelope_says_it_too() {
    // The OCSP answers of our responder, put among the revocations of the envelope ([1], other formats, RFC 5940).
    use firme::asn1::{Lettore, avvolgi, tag};
    let oid = avvolgi(tag::OID, b"\x2b\x06\x01\x05\x05\x07\x10\x02");
    let con_ocsp = |nome: &str, ocsp: &[u8]| {
        let b = dati(nome);
        let mut l = Lettore::nuovo(&b).leggi().unwrap().dentro();
        let tipo = l.leggi().unwrap().intero.to_vec();
        let parti = l.leggi().unwrap().dentro().leggi().unwrap().dentro().tutti(10).unwrap();
        let altra = avvolgi(0xa1, &avvolgi(0xa1, &[&oid, ocsp].concat()));
        let (prime, ultima) = parti.split_at(parti.len() - 1);
        let mut v: Vec<u8> = prime.iter().flat_map(|p| p.intero.iter().copied()).collect();
        v.extend(altra);
        v.extend(ultima[0].intero);
        avvolgi(tag::SEQUENCE, &[tipo, avvolgi(0xa0, &avvolgi(tag::SEQUENCE, &v))].concat())
    };
    let f = con(&["ca.pem"], &[]);
    let ocsp = dati("ocsp.der");
    let esito = |nome, ocsp: &[u8]| {
        let x = esamina(&con_ocsp(nome, ocsp), None, &f, adesso()).firme.remove(0);
        assert!(x.integra);
        (x.revoca, x.dettaglio_revoca)
    };
    let (r, d) = esito("busta.p7m", &ocsp);
    assert_eq!((r, d.tipo, d.fonte), (EsitoRevoca::Buona, Some("ocsp"), Some("incorporata")));
    assert_eq!(esito("revocata.p7m", &ocsp).0, EsitoRevoca::Revocata);
    let mut rotta = ocsp.clone();
    let meta = rotta.len() / 8;
    rotta[meta] ^= 1;
    assert_eq!(esito("revocata.p7m", &rotta).0, EsitoRevoca::NonVerificata);
}

#[test]
fn the_italian_trusted_list_knows_italian_signers() {
    let Some(r) = riferimento() else { return };
    let tsl = std::fs::read(r.join("tsl/IT.xml")).unwrap();
    let mut f = Fiducia::nessuna();
    let e = f.elenco(&tsl).unwrap();
    assert_eq!((e.paese.as_str(), e.servizi), ("IT", 363));
    assert!(e.prossimo.unwrap() < adesso(), "this copy is old, and that is said");
    for (nome, quando) in [
        ("fatturapa/IT01234567890_FPR03.xml.p7m", "2018-12-22T00:00:00Z"),
        ("parer/cades_bes.xml.p7m", "2017-03-22T12:00:00Z"),
        ("parer/cades_bes_controfirma.doc.p7m", "2013-05-04T00:00:00Z"),
        ("parer/p7m_b64.xml.p7m", "2010-01-08T12:00:00Z"),
        ("parer/pades.pdf", "2011-12-22T00:00:00Z"),
    ] {
        let x = esamina(&std::fs::read(r.join(nome)).unwrap(), None, &f, quando.parse().unwrap());
        let s = &x.firme[0];
        assert_eq!(s.identita, EsitoIdentita::Riconosciuta, "{nome}");
        assert_eq!(s.dettaglio_identita.qualificata.esito, Some(true), "{nome}: {:?}", s.dettaglio_identita);
        assert!(s.dettaglio_identita.motivi.iter().all(|m| !m.contains("percorso")));
    }
    // A timestamp of a known authority gives the instant of reference by itself.
    let x = esamina(&std::fs::read(r.join("parer/cades_T_1.pdf.p7m")).unwrap(), None, &f, adesso());
    assert_eq!(x.firme[0].identita, EsitoIdentita::Riconosciuta);
    assert_eq!(x.firme[0].dettaglio_identita.fonte_istante, Some("marca"));
    assert!(x.firme[0].dettaglio_identita.motivi.iter().any(|m| m.contains("elenco di fiducia IT è scaduto")));
    // The test authority is not in it.
    let x = esamina(&std::fs::read(r.join("parer/firma.tsr.p7m.tsr")).unwrap(), None, &f, adesso());
    assert_eq!(x.firme[0].identita, EsitoIdentita::Sconosciuta);
    // One letter more, and it is no longer the list that was signed.
    let rotto = cambia(&tsl, b"<TSLSequenceNumber>141", b"<TSLSequenceNumber>142");
    assert!(matches!(Fiducia::nessuna().elenco(&rotto), Err(firme::fiducia::ErroreElenco::Firma(_))));
}

#[test]
fn what_is_not_a_trusted_list_is_refused() {
    use firme::fiducia::ErroreElenco;
    let mut f = Fiducia::nessuna();
    assert_eq!(f.elenco(&dati("firmato.xml")).unwrap_err(), ErroreElenco::Altro);
    let nudo = br#"<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#"/>"#;
    assert!(matches!(f.elenco(nudo), Err(ErroreElenco::Firma(_))));
    assert_eq!(f.quante(), (0, 0));
}

#[test]
fn our_verdict_on_certificates_is_that_of_openssl() {
    if !banco::c_e("openssl") {
        return;
    }
    let d = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dati");
    let verifica = |p: &str, altro: &[&str]| {
        let args = [&["verify", "-CAfile", "ca.pem", "-partial_chain"][..], altro, &[p]].concat();
        banco::esegui(&d, "openssl", &args).is_ok()
    };
    assert!(verifica("anna.pem", &[]));
    assert!(verifica("anna.pem", &["-crl_check", "-CRLfile", "crl.pem"]));
    assert!(!verifica("tolto.pem", &["-crl_check", "-CRLfile", "crl.pem"]));
}

#[test]
fn what_is_inside_a_timestamped_envelope_was_there_by_then() {
    let Some(r) = riferimento() else { return };
    let mut f = Fiducia::nessuna();
    f.elenco(&std::fs::read(r.join("tsl/IT.xml")).unwrap()).unwrap();
    let x = esamina(&std::fs::read(r.join("parer/cades_T_1.pdf.p7m")).unwrap(), None, &f, adesso());
    for s in &x.buste[0].firme {
        assert_eq!(s.identita, EsitoIdentita::Riconosciuta);
        assert_eq!(s.dettaglio_identita.fonte_istante, Some("marca-esterna"));
    }
}
