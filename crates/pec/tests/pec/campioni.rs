//! Every real sample, read right (R-E01, R-E03, R-E04, R-E05), within the traps that its README tells: which signatures hold, which were edited,
//! which were taken out.

use firme::Fiducia;
use firme::esame::EsitoIdentita;
use pec::allegato::Genere;
use pec::firma::Integrita;
use pec::{Codice, ErrorePec, Ricevuta, Tipo, TipoDestinatario};

use super::banco::{quando, riferimento};

struct Atteso {
    file: &'static str,
    tipo: Tipo,
    firma: Integrita,
    ricevuta: Option<Ricevuta>,
    errore: Option<ErrorePec>,
    mittente: &'static str,
    destinatario: (&'static str, Option<TipoDestinatario>),
    gestore: Option<&'static str>,
    data: &'static str,
    identificativo: &'static str,
    msgid: &'static str,
    /// Name, type, bytes, beginning of the digest: those that Python's `email` finds.
    allegati: &'static [(&'static str, &'static str, u64, &'static str)],
}

const CERTIFICATO: Option<TipoDestinatario> = Some(TipoDestinatario::Certificato);

const ATTESI: [Atteso; 8] = [
    Atteso {
        file: "gopec-accettazione.eml",
        tipo: Tipo::Accettazione,
        firma: Integrita::NonVerificabile,
        ricevuta: None,
        errore: Some(ErrorePec::Nessuno),
        mittente: "sender@fakepec.it",
        destinatario: ("rec@fakepec.it", CERTIFICATO),
        gestore: Some("FAKEPEC PEC S.p.A."),
        data: "2024-11-15T18:20:38+01:00",
        identificativo: "opec210312.20241115182038.288127.606.1.53@fakepec.it",
        msgid: "<SN05IE$951DEC16C1CFD3E4FD8FF1B1D24A99AE@fakepec.it>",
        allegati: &[],
    },
    Atteso {
        file: "gopec-avvenuta-consegna.eml",
        tipo: Tipo::AvvenutaConsegna,
        firma: Integrita::NonVerificabile,
        ricevuta: Some(Ricevuta::Completa),
        errore: Some(ErrorePec::Nessuno),
        mittente: "example.example.com",
        destinatario: ("example.example.com", CERTIFICATO),
        gestore: Some("example"),
        data: "2021-05-13T14:35:30+02:00",
        identificativo: "CZPXCJRZKQDRVYXFAZYUIAWNACDAAHEVAEXAKN@example.com",
        msgid: "<CZPXCJRZKQDRVYXFAZYUIAWNACDAAHEVAEXAKN@example.com>",
        // The anonymiser cut their base64 short.
        allegati: &[("=pdf.pdf?=", "application/pdf", 3, "093374"), ("=pdf.pdf?=", "application/pdf", 3, "093374")],
    },
    Atteso {
        file: "gopec-errore-consegna-avviso-mancata-consegna.eml",
        tipo: Tipo::ErroreConsegna,
        firma: Integrita::NonVerificabile,
        ricevuta: None,
        errore: Some(ErrorePec::NoDest),
        mittente: "sender@fakepec.it",
        destinatario: ("rec@pec.it", CERTIFICATO),
        gestore: Some("FAKE PEC S.p.A."),
        data: "2024-11-15T18:21:03+01:00",
        identificativo: "opec210312.20241115182038.288127.606.1.53@fakepec.it",
        msgid: "<SN05IE$951DEC16C1CFD3E4FD8FF1B1D24A99AE@fakepec.it>",
        allegati: &[],
    },
    Atteso {
        file: "oca-aruba-accettazione.eml",
        tipo: Tipo::Accettazione,
        firma: Integrita::Integra,
        ricevuta: None,
        errore: Some(ErrorePec::Nessuno),
        mittente: "l.battistini@pec.it",
        destinatario: ("l.battistini@pec.it", CERTIFICATO),
        gestore: Some("ARUBA PEC S.p.A."),
        data: "2018-11-13T16:39:26+01:00",
        identificativo: "opec288.20181113163926.01838.310.1.63@pec.aruba.it",
        msgid: "<1542123565.921546936035156.464602125997431-openerp-8-fatturapa.attachment.out@elbati-Vostro-3550>",
        allegati: &[],
    },
    Atteso {
        file: "oca-aruba-avvenuta-consegna-completa.eml",
        tipo: Tipo::AvvenutaConsegna,
        firma: Integrita::Integra,
        ricevuta: Some(Ricevuta::Completa),
        errore: Some(ErrorePec::Nessuno),
        mittente: "l.battistini@pec.it",
        destinatario: ("l.battistini@pec.it", CERTIFICATO),
        gestore: Some("ARUBA PEC S.p.A."),
        data: "2018-11-13T16:39:27+01:00",
        identificativo: "opec288.20181113163926.01838.310.1.63@pec.aruba.it",
        msgid: "<1542123565.921546936035156.464602125997431-openerp-8-fatturapa.attachment.out@elbati-Vostro-3550>",
        allegati: &[("IT03339130126_00009.xml", "application/octet-stream", 2126, "e047bc")],
    },
    Atteso {
        file: "oca-busta-trasporto-invio-file-base64.eml",
        tipo: Tipo::PostaCertificata,
        firma: Integrita::Alterata,
        ricevuta: Some(Ricevuta::Breve),
        errore: Some(ErrorePec::Nessuno),
        mittente: "sdi03@pec.fatturapa.it",
        destinatario: ("l.battistini@pec.it", CERTIFICATO),
        gestore: Some("Sogei SpA"),
        data: "2018-12-08T12:26:18+01:00",
        identificativo: "opec288.20181208122618.17535.2665.1.3@pcert.sogei.it",
        msgid: "<4163125586355393.1544268377979@pec.fatturapa.it>",
        allegati: &[
            ("IT02652600210_00007_MT_002.xml", "application/octet-stream", 450, "c7fcda"),
            ("IT01234567890_FPR04.xml.p7m", "application/octet-stream", 12499, "1172a9"),
        ],
    },
    Atteso {
        file: "oca-busta-trasporto-sdi-notifica-mancata-consegna.eml",
        tipo: Tipo::PostaCertificata,
        firma: Integrita::Alterata,
        ricevuta: Some(Ricevuta::Breve),
        errore: None,
        mittente: "sdi48@pec.fatturapa.it",
        destinatario: ("miapec@pec.it", None),
        gestore: None,
        data: "2019-01-04T21:34:01+01:00",
        identificativo: "opec288.20190104213401.26494.1867.1.1@pcert.sogei.it",
        msgid: "<29868973923542086.1546634040973@pec.fatturapa.it>",
        allegati: &[("IT14627831002_02621_MC_001.xml", "application/octet-stream", 4665, "faebf0")],
    },
    Atteso {
        file: "oca-busta-trasporto-sdi-ricevuta-consegna.eml",
        tipo: Tipo::PostaCertificata,
        firma: Integrita::Alterata,
        ricevuta: Some(Ricevuta::Breve),
        errore: Some(ErrorePec::Nessuno),
        mittente: "sdi03@pec.fatturapa.it",
        destinatario: ("l.battistini@pec.it", CERTIFICATO),
        gestore: Some("Sogei SpA"),
        data: "2018-11-13T16:47:32+01:00",
        identificativo: "opec288.20181113164732.05177.8374.1.1@pcert.sogei.it",
        msgid: "<5168561142842364.1542124052746@pec.fatturapa.it>",
        allegati: &[("IT03339130126_00009_RC_003.xml", "application/octet-stream", 4131, "ad58fc")],
    },
];

/// R-E01, R-E03, R-E04, R-E05.
#[test]
fn every_sample_is_read_right() {
    let Some(dove) = riferimento() else { return };
    let mut visti = 0;
    for a in &ATTESI {
        let byte = std::fs::read(dove.join(a.file)).unwrap();
        let l = pec::leggi(&byte, &Fiducia::nessuna(), quando());
        let s = l.sunto();
        let f = a.file;
        assert_eq!((s.tipo, s.ricevuta, s.errore), (a.tipo, a.ricevuta, a.errore), "{f}");
        assert_eq!(l.firma.integrita, a.firma, "{f}: {:?}", l.firma.motivo);
        assert_eq!(s.mittente.as_deref(), Some(a.mittente), "{f}");
        let destinatari: Vec<_> = s.destinatari.iter().map(|d| (d.indirizzo.as_str(), d.tipo)).collect();
        assert_eq!(destinatari, [a.destinatario], "{f}");
        assert_eq!(s.gestore.as_deref(), a.gestore, "{f}");
        assert_eq!(s.data.unwrap().to_string(), a.data, "{f}");
        assert_eq!(s.identificativo.as_deref(), Some(a.identificativo), "{f}");
        assert_eq!(s.riferimento_message_id.as_deref(), Some(a.msgid), "{f}");
        let allegati = s.messaggio.unwrap().allegati;
        assert_eq!(allegati.len(), a.allegati.len(), "{f}: {allegati:?}");
        for (x, (nome, mime, byte, impronta)) in allegati.iter().zip(a.allegati) {
            assert_eq!((x.nome.as_deref(), x.mime.as_str(), x.byte), (Some(*nome), *mime, *byte), "{f}");
            assert!(x.impronta.starts_with(impronta), "{f}: {}", x.impronta);
        }
        visti += 1;
    }
    let eml = std::fs::read_dir(&dove).unwrap().filter(|v| v.as_ref().unwrap().path().extension().unwrap() == "eml");
    assert_eq!(visti, eml.count(), "a sample is not in the table");
}

/// What a sample has that the others do not.
#[test]
fn the_traps_of_the_samples_are_told() {
    let Some(dove) = riferimento() else { return };
    let leggi = |nome: &str| std::fs::read(dove.join(nome)).unwrap();
    let con = |byte: &[u8]| pec::leggi(byte, &Fiducia::nessuna(), quando()).sunto();

    let s = con(&leggi("gopec-errore-consegna-avviso-mancata-consegna.eml"));
    assert_eq!(s.errore_esteso.as_deref(), Some("5.1.1 - FAKE Pec S.p.A. - indirizzo non valido"));
    assert_eq!(s.consegna.as_deref(), Some("rec@fakepec.it"));
    // The anonymiser changed one of the two.
    assert!(s.rilievi.iter().any(|r| r.codice == Codice::Discorde));
    assert!(s.firma.presente && !s.firma.integra && !s.verificata);
    assert!(s.firma.motivo.unwrap().starts_with("firma non verificabile"));

    let s = con(&leggi("oca-busta-trasporto-sdi-notifica-mancata-consegna.eml"));
    assert!(!s.certificati && s.rilievi.iter().any(|r| r.codice == Codice::Daticert));

    let generi = |nome: &str| -> Vec<Genere> {
        con(&leggi(nome)).messaggio.unwrap().allegati.into_iter().map(|a| a.genere).collect()
    };
    assert_eq!(generi("oca-aruba-avvenuta-consegna-completa.eml"), [Genere::FatturaPa { firmata: false }]);
    assert_eq!(
        generi("oca-busta-trasporto-invio-file-base64.eml"),
        [Genere::NotificaSdi { radice: "FileMetadati".into() }, Genere::FatturaPa { firmata: true }]
    );
    assert_eq!(
        generi("oca-busta-trasporto-sdi-notifica-mancata-consegna.eml"),
        [Genere::NotificaSdi { radice: "RicevutaImpossibilitaRecapito".into() }]
    );
    assert_eq!(
        generi("oca-busta-trasporto-sdi-ricevuta-consegna.eml"),
        [Genere::NotificaSdi { radice: "RicevutaConsegna".into() }]
    );
}

/// R-E05: one byte of what was signed, and it shows; the chain is a question of its own.
#[test]
fn a_real_signature_holds_until_a_byte_changes() {
    let Some(dove) = riferimento() else { return };
    for nome in ["oca-aruba-accettazione.eml", "oca-aruba-avvenuta-consegna-completa.eml"] {
        let byte = std::fs::read(dove.join(nome)).unwrap();
        let l = pec::leggi(&byte, &Fiducia::nessuna(), quando());
        assert!(l.firma.integra() && l.firma.identita() == EsitoIdentita::NonVerificata && !l.verificata());
        let firmata = l.busta.parti()[l.firma.firmata.unwrap()].intera();
        let prima = l.firma.firme[0].certificato.clone().unwrap();
        assert!(prima.emittente.contains("AgID"), "{}", prima.emittente);
        for dove in [firmata.start, firmata.start + firmata.len() / 2, firmata.end - 1] {
            let mut altra = byte.clone();
            altra[dove] ^= 1;
            assert!(!pec::leggi(&altra, &Fiducia::nessuna(), quando()).firma.integra(), "{nome}: byte {dove}");
        }
        // With line breaks of two characters it is the same.
        let testo = String::from_utf8(byte).unwrap().replace('\n', "\r\n");
        assert!(pec::leggi(testo.as_bytes(), &Fiducia::nessuna(), quando()).firma.integra());
    }
}
