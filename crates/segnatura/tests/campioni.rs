//! Samples of every generation, those of the reference folder and ours, judged as their names say and read to the model.

mod comune;

use comune::{dati, riferimenti};
use segnatura::modello::*;
use segnatura::{Codice, GiudiceFirma, Gravita, Lettura, Limiti, Tipo, leggi, leggi_con};

fn errori(l: &Lettura) -> Vec<String> {
    l.rilievi.iter().filter(|r| r.gravita == Gravita::Errore).map(ToString::to_string).collect()
}

fn codici(l: &Lettura) -> Vec<Codice> {
    l.rilievi.iter().map(|r| r.codice).collect()
}

/// R-C05, R-C15, R-D21: `2001-Segnatura.xml` is one of 2001, and only what is called NEG is refused.
#[test]
fn the_samples_are_what_their_names_say() {
    let Some(cartella) = riferimenti("segnatura/sintetici") else { return };
    let mut quanti = 0;
    for file in std::fs::read_dir(cartella).unwrap() {
        let file = file.unwrap().path();
        let nome = file.file_stem().unwrap().to_string_lossy().into_owned();
        if file.extension().is_none_or(|e| e != "xml") {
            continue;
        }
        quanti += 1;
        let letta = leggi(&std::fs::read(&file).unwrap());
        let generazione = match &nome[..4] {
            "2001" => Generazione::V2001,
            "2009" => Generazione::V2009,
            "2013" => Generazione::V2013,
            _ => Generazione::V2021,
        };
        assert_eq!(letta.generazione, Some(generazione), "{nome}");
        assert_eq!(letta.valida(), !nome.contains("NEG"), "{nome}: {:?}", errori(&letta));
        let tipo = TipoMessaggio::TUTTI.into_iter().find(|t| nome.contains(t.radice()));
        assert_eq!(letta.tipo, Some(tipo.map_or(Tipo::Segnatura, Tipo::Ritorno)), "{nome}");
        match letta.ritorno() {
            // What is annulled is the sender's own registration; all the others speak of it as received.
            Some(m) => {
                let sua = m.ricevuto().or(m.identificatore()).unwrap();
                assert_eq!(sua.codice_amministrazione.valore, "c_h501", "{nome}");
            }
            None => {
                let s = letta.segnatura().unwrap();
                assert_eq!(s.intestazione.identificatore.codice_amministrazione.valore, "c_h501", "{nome}");
                assert_eq!(s.descrizione.mittente.as_ref().unwrap().denominazione(), "Comune di Esempio", "{nome}");
                assert_eq!(s.descrizione.destinatari.len(), 2, "{nome}");
                assert!(s.intestazione.classifiche[0].denominazione.starts_with("Attività"), "{nome}");
            }
        }
    }
    assert_eq!(quanti, 23);
}

/// The three that are refused say exactly why.
#[test]
fn the_commonest_mistakes_with_the_3_0_0_are_called_by_name() {
    let buona = String::from_utf8(dati("ricca-3.0.0.xml")).unwrap();
    let letta = leggi(buona.as_bytes());
    assert!(letta.valida() && letta.conforme(), "{:?}", letta.rilievi);
    let senza_prefissi = buona.replace("prot:versione", "versione").replace("prot:lang", "lang");
    let letta = leggi(senza_prefissi.as_bytes());
    assert_eq!(codici(&letta), [Codice::AttributoSenzaPrefisso; 2]);
    assert!(letta.rilievi[0].messaggio.contains("prot:versione") && letta.segnatura().is_some());
    let corto = buona.replace("0000123", "123");
    let letta = leggi(corto.as_bytes());
    assert_eq!(letta.rilievi[0].percorso, "/SegnaturaInformatica/Intestazione/Identificatore/NumeroRegistrazione");
    assert_eq!((codici(&letta)[0], letta.rilievi[0].riga), (Codice::Valore, 8));
    let firma = buona.find("<ds:Signature ").unwrap();
    let senza_firma = format!("{}</prot:SegnaturaInformatica>", &buona[..firma]);
    let letta = leggi(senza_firma.as_bytes());
    assert_eq!(codici(&letta), [Codice::ElementoMancante]);
    assert!(!letta.firma.presente);
    // The trap of the CAP: five digits are never valid.
    let letta = leggi(buona.replace("001000", "00100").as_bytes());
    assert!(letta.rilievi[0].percorso.ends_with("/CAP") && !letta.valida());
}

/// R-C15: with another namespace or none, and with a wrong `xmlns:ds`, it is read; and it is not valid.
#[test]
fn a_3_0_0_in_the_wrong_namespaces_is_read_all_the_same() {
    let buona = String::from_utf8(dati("ricca-3.0.0.xml")).unwrap();
    let attesa = leggi(buona.as_bytes()).segnatura().unwrap().clone();
    let senza = buona.replace("prot:", "").replace(" xmlns:prot=\"http://www.agid.gov.it/protocollo/\"", "");
    let altra = buona.replace("http://www.agid.gov.it/protocollo/", "http://www.agid.gov.it/protocollo");
    let ds = buona.replace("http://www.w3.org/2000/09/xmldsig#\"", "http://www.w3.org/2001/04/xmldsig\"");
    for xml in [senza, altra, ds] {
        let letta = leggi(xml.as_bytes());
        assert!(!letta.valida() && codici(&letta).contains(&Codice::SpazioDeiNomi), "{:?}", letta.rilievi);
        assert_eq!(letta.segnatura(), Some(&attesa));
        assert!(letta.firma.presente && letta.firma.certificato.is_some());
    }
}

/// R-C06, R-C07, R-C08, R-C18, R-C20: all that a 3.0.0 can say.
#[test]
fn all_of_a_3_0_0_is_read() {
    let letta = leggi(&dati("ricca-3.0.0.xml"));
    let s = letta.segnatura().unwrap();
    let testa = &s.intestazione;
    assert_eq!(testa.oggetto, "Pagamento <saldo> & perché");
    assert_eq!(testa.identificatore.codice_amministrazione.descrizione.as_deref(), Some("Comune di Valdoro"));
    assert_eq!(testa.prima_registrazione.as_ref().unwrap().numero_registrazione, "12345678");
    let CodiceClassifica::Livelli(livelli) = &testa.classifiche[0].codice else { panic!("no levels") };
    assert_eq!(livelli.iter().map(|l| l.valore.as_str()).collect::<Vec<_>>(), ["4", "2", "1"]);
    assert!(testa.riservato.as_ref().unwrap().valore);
    assert_eq!(s.riferimenti[0].identificatore.as_ref().unwrap().numero_registrazione, "7654321");
    let corpo = &s.descrizione;
    let Some(Soggetto::Amministrazione(a)) = &corpo.mittente else { panic!("not an administration") };
    let contatti = a.contatti.as_ref().unwrap();
    assert_eq!((contatti.postali[0].toponimo.as_str(), contatti.telematici.len(), a.persone.len()), ("Roma", 2, 1));
    let chiesto: Vec<(bool, bool)> =
        corpo.destinatari.iter().map(|d| (d.conferma_ricezione, d.per_conoscenza)).collect();
    assert_eq!(chiesto, [(true, false), (false, false), (true, false)]);
    let primario = corpo.documento_primario.as_ref().unwrap();
    let Some(Sottoscrizione::Separata(file)) = &primario.firmato else { panic!("not detached") };
    assert_eq!((file.len(), file[1].nome_file.as_str()), (2, "lettera.2.p7s"));
    assert_eq!(primario.impronta.as_ref().unwrap().byte().unwrap().len(), 32);
    // R-C19: the password is read, and shown to nobody.
    let collocazione = primario.collocazione.as_ref().unwrap();
    assert_eq!(collocazione.password, Some(Segreto("p".to_owned())));
    let mostrata = format!("{collocazione:?}{}", serde_json::to_string(collocazione).unwrap());
    assert!(!mostrata.contains("\"p\""), "{mostrata}");
    assert_eq!(letta.firma.certificato.unwrap().sha256.len(), 64);
}

/// R-C15, R-D27: all that an old one can say, the same for the three of them.
#[test]
fn all_of_an_old_one_is_read() {
    for (file, generazione) in
        [("2001.xml", Generazione::V2001), ("2009.xml", Generazione::V2009), ("2013.xml", Generazione::V2013)]
    {
        let letta = leggi(&dati(file));
        assert_eq!(letta.generazione, Some(generazione), "{file}");
        assert!(letta.valida() && letta.conforme(), "{file}: {:?}", letta.rilievi);
        let s = letta.segnatura().unwrap();
        let testa = &s.intestazione;
        assert_eq!(testa.oggetto, "Pagamento <saldo> e perché", "{file}");
        let registro = (generazione != Generazione::V2001).then(|| "PG".to_owned());
        assert_eq!(testa.identificatore.codice_registro, registro);
        assert_eq!(testa.identificatore.ora_registrazione.as_deref(), Some("10:00:00"));
        assert_eq!(testa.prima_registrazione.as_ref().unwrap().numero_registrazione, "0000001");
        assert_eq!(testa.risposta.as_ref().unwrap().valore, "risposte@pec.valdoro.example");
        assert_eq!(testa.riservato, Some(Riservato { valore: true, note: Some("dati personali".to_owned()) }));
        assert_eq!(testa.fascicolo.as_ref().unwrap().codice, "2015/1");
        assert_eq!(s.riferimenti[0].identificatore.as_ref().unwrap().numero_registrazione, "0000002");
        assert_eq!(s.riferimenti[1].procedimento.as_deref(), Some("PROC-1"));
        let Some(Soggetto::Amministrazione(a)) = &s.descrizione.mittente else { panic!("not an administration") };
        let uo = a.uo.as_ref().unwrap();
        assert_eq!((uo.valore.as_str(), uo.descrizione.as_deref()), ("RAG", Some("Servizi / Ragioneria")));
        assert_eq!(a.persone[0].titolo.as_deref(), Some("Responsabile"));
        let contatti = a.contatti_uo.as_ref().unwrap();
        assert_eq!((contatti.postali[0].cap.as_str(), contatti.fax.len()), ("00100", 1));
        let d = &s.descrizione.destinatari;
        assert_eq!(d.len(), 3);
        assert_eq!(d[0].indirizzo.as_ref().unwrap().valore, "protocollo@pec.prova.example");
        assert_eq!(d[1].soggetto.as_ref().unwrap().denominazione(), "Prova S.r.l.");
        assert_eq!(d[1].indirizzo.as_ref().unwrap().tipo, TipoIndirizzo::Url);
        assert!(d[2].soggetto.is_none() && d[2].per_conoscenza && !d[2].conferma_ricezione && d[0].conferma_ricezione);
        let nomi: Vec<_> = s.descrizione.allegati.iter().map(|a| a.nome_file.as_deref().unwrap()).collect();
        assert_eq!(nomi, ["conto.pdf", "ruolo.pdf"]);
        assert_eq!(s.descrizione.documento_primario.as_ref().unwrap().descrizione.as_deref(), Some("Lettera"));
        // R-C09: SHA-1 is read, and said to be too little.
        assert_eq!(codici(&letta).contains(&Codice::Algoritmo), generazione == Generazione::V2001);
    }
}

/// R-C15: dialects of the field are read and taken as valid; what is odd is said.
#[test]
fn dialects_of_the_field_are_tolerated_and_said() {
    let del_2013 = String::from_utf8(dati("2013.xml")).unwrap();
    let del_2009: String = dati("2009.xml").iter().map(|b| char::from(*b)).collect();
    let spazio = " xmlns=\"http://www.digitPa.gov.it/protocollo/\"";
    let varianti = [
        // A true date; xml:lang; no namespace; unqualified children (PITre).
        (del_2013.replace("\"aaaa-mm-gg\"", "\"2013-01-23\""), Codice::ValoreFisso),
        (del_2013.replace("xml-lang", "xml:lang"), Codice::AttributoNonPrevisto),
        (del_2013.replace(spazio, ""), Codice::SpazioDeiNomi),
        (
            del_2013
                .replace(&format!("<Segnatura{spazio}"), "<t:Segnatura xmlns:t=\"http://www.digitPa.gov.it/protocollo/\"")
                .replace("</Segnatura>", "</t:Segnatura>"),
            Codice::SpazioDeiNomi,
        ),
        // No register, no postal address (2009-12-03).
        (
            del_2009.replace("aaaa-mm-gg", "2009-12-03").replace("<CodiceRegistro>PG</CodiceRegistro>", ""),
            Codice::ElementoMancante,
        ),
        (
            del_2009.replace(
                "<IndirizzoPostale><Denominazione>Piazza Grande 1</Denominazione></IndirizzoPostale>",
                "<IndirizzoTelematico>a@b.example</IndirizzoTelematico>",
            ),
            Codice::ElementoMancante,
        ),
        // Citizens (2009-03-31).
        (
            del_2009.replace(
                "<Denominazione>Prova S.r.l.</Denominazione><Persona><Denominazione>Ufficio acquisti</Denominazione></Persona>",
                "<Amministrazione><Denominazione>-</Denominazione><IndirizzoPostale><Denominazione>-</Denominazione>\
                 </IndirizzoPostale></Amministrazione><Privato tipo=\"cittadino\"><Nome>Mario</Nome>\
                 <Cognome>Esempio</Cognome></Privato>",
            ),
            Codice::ElementoNonPrevisto,
        ),
        (del_2009.replace("confermaRicezione=\"si\"", "confermaRicezione=\"SI\""), Codice::Valore),
    ];
    for (i, (xml, codice)) in varianti.iter().enumerate() {
        // Declared as ISO-8859-1 or as UTF-8: written so.
        let byte: Vec<u8> = match xml.contains("ISO-8859-1") {
            true => xml.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect(),
            false => xml.clone().into_bytes(),
        };
        let letta = leggi(&byte);
        assert!(letta.valida(), "{i}: {:?}", errori(&letta));
        assert!(!letta.conforme() && codici(&letta).contains(codice), "{i}: {:?}", letta.rilievi);
        let s = letta.segnatura().unwrap();
        assert_eq!(
            (s.intestazione.oggetto.as_str(), s.descrizione.destinatari.len()),
            ("Pagamento <saldo> e perché", 3)
        );
        assert!(s.descrizione.destinatari[0].conferma_ricezione, "{i}");
    }
    let privato = leggi(varianti[6].0.replace("ISO-8859-1", "UTF-8").as_bytes());
    let soggetto = privato.segnatura().unwrap().descrizione.destinatari[1].soggetto.clone().unwrap();
    assert_eq!(soggetto.denominazione(), "Mario Esempio");
}

/// What keeps one from knowing what it says is an error in every generation.
#[test]
fn what_is_really_missing_is_an_error_also_in_old_ones() {
    let del_2013 = String::from_utf8(dati("2013.xml")).unwrap();
    for (da, a, nome) in [
        ("<NumeroRegistrazione>0000123</NumeroRegistrazione>", "", "NumeroRegistrazione"),
        ("<Oggetto>Pagamento &lt;saldo&gt; e perché</Oggetto>", "", "Oggetto"),
        ("<Documento id=\"d1\"", "<Documenti id=\"d1\"", ""),
    ] {
        let letta = leggi(del_2013.replacen(da, a, 1).as_bytes());
        assert!(!letta.valida(), "{da}");
        if !nome.is_empty() {
            assert!(
                letta.rilievi.iter().any(|r| r.gravita == Gravita::Errore && r.nome == nome),
                "{:?}",
                letta.rilievi
            );
        }
    }
}

/// DOCAREA requests are told apart, and read.
#[test]
fn a_docarea_request_is_no_segnatura() {
    let letta = leggi(&dati("docarea.xml"));
    assert_eq!(letta.generazione, Some(Generazione::Docarea));
    assert!(letta.valida(), "{:?}", errori(&letta));
    let s = letta.segnatura().unwrap();
    let docarea = s.docarea.as_ref().unwrap();
    assert_eq!((docarea.flusso.as_deref(), docarea.applicativo.as_deref()), (Some("E"), Some("Sportello")));
    assert_eq!(docarea.parametri, [("uo".to_owned(), "5".to_owned())]);
    assert_eq!(s.descrizione.mittente.as_ref().unwrap().denominazione(), "Mario Esempio");
    assert_eq!(s.intestazione.classifiche[0].codice, CodiceClassifica::Unico("6.3".to_owned()));
    assert_eq!(s.descrizione.documento_primario.as_ref().unwrap().id.as_deref(), Some("122"));
    assert_eq!(s.intestazione.fascicolo.as_ref().unwrap().codice, "2013/53");
    if let Some(file) = riferimenti("segnatura/docarea-segnatura-archipro-esempio.xml") {
        let letta = leggi(&std::fs::read(file).unwrap());
        assert_eq!(letta.generazione, Some(Generazione::Docarea));
        assert!(letta.valida(), "{:?}", errori(&letta));
        assert_eq!(letta.segnatura().unwrap().descrizione.allegati.len(), 1);
    }
}

/// R-C08: a message between AOO holds its files, and they are the ones the segnatura is bound to.
#[test]
fn the_files_of_a_message_between_aoo_are_held_against_their_impronte() {
    use base64::Engine as _;
    let base64 = |b: &[u8]| base64::engine::general_purpose::STANDARD.encode(b);
    let s = String::from_utf8(dati("ricca-3.0.0.xml")).unwrap();
    let dentro = s[s.find("<prot:Intestazione>").unwrap()..].replace("</prot:SegnaturaInformatica>", "</m:Segnatura>");
    let messaggio = |uno: &str, due: &str| {
        format!(
            "<s:RequestMessageInoltro xmlns:s=\"urn:s\" xmlns:m=\"http://www.agid.gov.it/protocollo/messaggi/\" \
             xmlns:prot=\"http://www.agid.gov.it/protocollo/\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\
             <m:Segnatura prot:versione=\"3.0.0\" prot:lang=\"it\">{dentro}\
             <m:File m:nomeFile=\"lettera.pdf\" m:mimeType=\"application/pdf\">{uno}</m:File>\
             <m:File m:nomeFile=\"conto.pdf\" m:mimeType=\"application/pdf\">{due}</m:File></s:RequestMessageInoltro>"
        )
    };
    use sha2::Digest as _;
    let (uno, due) = (b"lettera".as_slice(), b"conto".as_slice());
    let giusto = messaggio(&base64(uno), &base64(due))
        .replace("nHCc/sBGMG9Aecr8MGQFzJxjwLqdjzrdhjRFssZy7AM=", &base64(&sha2::Sha256::digest(uno)))
        .replace("d2Zcfn20FigYFwcENjxsFsHWJQnenIRnJxJyM58TV+s=", &base64(&sha2::Sha256::digest(due)));
    let letta = leggi(giusto.as_bytes());
    assert!(letta.valida() && letta.conforme(), "{:?}", letta.rilievi);
    assert_eq!((letta.tipo, letta.firma.presente), (Some(Tipo::Messaggio), true));
    let letta = leggi(giusto.replace(&base64(due), &base64(b"altro")).as_bytes());
    assert_eq!((letta.valida(), codici(&letta)), (false, vec![Codice::FileDiverso]));
    let letta = leggi(giusto.replace("m:nomeFile=\"conto.pdf\"", "m:nomeFile=\"altro.pdf\"").as_bytes());
    assert_eq!((letta.valida(), codici(&letta)), (false, vec![Codice::FileMancante]));
}

/// The seam of R-C12: who verifies the seal is asked once, with the bytes received, and only if there is a seal.
#[test]
fn whoever_verifies_the_seal_is_asked_with_the_bytes_received() {
    struct Giudice(std::cell::RefCell<Vec<Vec<u8>>>);
    impl GiudiceFirma for Giudice {
        fn integra(&self, xml: &[u8]) -> Option<bool> {
            self.0.borrow_mut().push(xml.to_vec());
            Some(false)
        }
    }
    let giudice = Giudice(Default::default());
    let byte = dati("ricca-3.0.0.xml");
    assert_eq!(leggi_con(&byte, &Limiti::default(), &giudice).firma.integra, Some(false));
    assert_eq!(leggi_con(&dati("2013.xml"), &Limiti::default(), &giudice).firma.integra, None);
    assert_eq!(giudice.0.borrow().as_slice(), std::slice::from_ref(&byte));
    assert_eq!(leggi(&byte).firma.integra, None);
}

/// R-D27: the answer is in the dialect of who is answered, with the `versione` that its DTD fixes.
#[test]
fn the_answer_repeats_the_version_of_the_dialect() {
    let byte: String = dati("2009.xml").iter().map(|b| char::from(*b)).collect();
    let dialetto = leggi(byte.replace("aaaa-mm-gg", "2009-12-03").replace("ISO-8859-1", "UTF-8").as_bytes());
    let identificatore = comune::esempio().intestazione.identificatore;
    let conferma = MessaggioDiRitorno::ConfermaRicezione(Conferma {
        identificatore: identificatore.clone(),
        messaggio_ricevuto: MessaggioRicevuto::Registrato {
            identificatore: dialetto.segnatura().unwrap().intestazione.identificatore.clone(),
            prima_registrazione: None,
        },
    });
    let risposta = leggi(&conferma.rispondi_a(&dialetto).unwrap().unwrap());
    assert_eq!(
        (risposta.generazione, risposta.versione_dichiarata.as_deref()),
        (Some(Generazione::V2009), Some("2009-12-03"))
    );
    assert!(conferma.rispondi_a(&leggi(&dati("docarea.xml"))).is_none());
    assert!(conferma.rispondi_a(&leggi(b"<x/>")).is_none());
}
