//! What the register reads: `dati`, stored operations, codes, texts, search queries.

use std::str::from_utf8;
use std::sync::LazyLock;

use dominio::analisi;
use dominio::codici::{self, CodiceAoo, CodiceIpa, CodiceRegistro, CodiceUfficio, CodiceVoce, Impronta, NomeUtente};
use dominio::configurazione::{Configurazione, StatoAoo};
use dominio::errori::{Rifiuto, Rigore, Validatore};
use dominio::nuova::{self, DESTINATARI_MAX, NuovaRegistrazione};
use dominio::operazione::{CampiNoti, Evento, Operazione, campi_del_writer};
use dominio::permessi::{Diritti, Diritto, Operatore, Porta};
use dominio::piatto::{self, Campi};
use dominio::registrazione::{DatiRegistrazione, Documento, Numero, Registrazione};
use dominio::tempo::Istante;
use dominio::testo::{self, OGGETTO_MAX};
use serde_json::{Value, json};

fn chi() -> Operatore {
    Operatore {
        id: "anna".parse().unwrap(),
        nome: "Anna Prova".to_owned(),
        ufficio: Some("PROT".parse().unwrap()),
        per_conto_di: None,
        uffici: vec!["PROT".parse().unwrap(), "SEGR".parse().unwrap()],
        diritti: Diritti::di(&Diritto::TUTTI),
        porta: Porta::Sistema,
    }
}

fn ora() -> Istante {
    Istante::leggi("2026-11-23T10:00:00+01:00").unwrap()
}

/// Stored form of an event, as the writer completes it.
fn campi(indice: u64, evento: &Evento) -> Campi {
    let (ente, aoo) = ("c_z999".parse().unwrap(), "AOO1".parse().unwrap());
    let registro = CodiceRegistro::generale();
    let mut campi = CampiNoti::di(&ente, Some(&aoo), &chi(), Some(&registro), evento).unwrap().0;
    for (nome, valore) in campi_del_writer(indice, ora(), Numero::nuovo(17).map(|n| (2026, n))) {
        campi.insert(nome.to_owned(), valore);
    }
    campi
}

static AOO: LazyLock<StatoAoo> = LazyLock::new(|| {
    let dal = "2020-01-01T00:00:00Z";
    let eventi = json!([
        {"operazione": "aoo-creata", "codiceAoo": "AOO1", "denominazione": "AOO", "origine": "prova.example/c_z999/AOO1",
            "chiaveLog": "-", "ufficioSmistamento": "PROT", "consenteDaClassificare": true, "voceDaClassificare": "0"},
        {"operazione": "registro-creato", "codice": "PG", "denominazione": "Generale"},
        {"operazione": "ufficio-creato", "codice": "PROT", "denominazione": "Protocollo", "dal": dal},
        {"operazione": "ufficio-creato", "codice": "SEGR", "denominazione": "Segreteria", "dal": dal},
        {"operazione": "voce-aperta", "codice": "0", "denominazione": "Da classificare", "dal": "2020-01-01"},
        {"operazione": "voce-aperta", "codice": "1.6", "denominazione": "Archivio", "dal": "2020-01-01"},
    ]);
    let mut tutto = Configurazione::default();
    for evento in eventi.as_array().unwrap() {
        let evento: Evento = serde_json::from_value(evento.clone()).unwrap();
        tutto.applica(&Operazione::leggi(&campi(0, &evento)).unwrap());
    }
    tutto.aoo.into_values().next().unwrap()
});

/// `dati` as a person types them and as a message declares them: what is taken is within bounds and survives the log.
pub fn dati(byte: &[u8]) {
    let Ok(valore) = serde_json::from_slice::<Value>(byte) else { return };
    let Ok(nuova) = dominio::lettura::leggi::<NuovaRegistrazione>(valore) else { return };
    let di_nuovo = serde_json::to_value(&nuova).unwrap();
    assert_eq!(dominio::lettura::leggi::<NuovaRegistrazione>(di_nuovo).unwrap(), nuova);
    let documenti: Vec<Documento> = serde_json::from_value(json!([{"n": 1, "ruolo": "primario", "nome": "a.pdf",
        "mime": "application/pdf", "byte": 9, "impronta": "ab".repeat(32)}]))
    .unwrap();
    let registro = CodiceRegistro::generale();
    for rigore in [Rigore::Operatore, Rigore::Messaggio] {
        let esito = nuova::registra(&AOO, &chi(), &registro, ora(), rigore, nuova.clone(), documenti.clone());
        match esito {
            Ok(dati) => registrata(dati),
            Err(Rifiuto::NonValido(errori)) => assert!(!errori.is_empty()),
            Err(_) => {}
        }
    }
}

fn registrata(dati: DatiRegistrazione) {
    let lunghezza = dati.oggetto.chars().count();
    assert!((1..=OGGETTO_MAX).contains(&lunghezza), "oggetto of {lunghezza} characters");
    assert!(dati.oggetto.chars().all(|c| testo::ammesso_in_xml(c) && !"\t\r\n".contains(c)));
    assert!(dati.destinatari.len() <= DESTINATARI_MAX);
    assert!(!dati.documenti.is_empty());
    let evento = Evento::Registrazione(Box::new(dati));
    let campi = campi(5, &evento);
    let op = Operazione::leggi(&campi).unwrap();
    assert_eq!(op.evento, evento, "what is read from the log is what was written");
    // Every field may stand in the log.
    catena::voce_di(&catena::Seme([0; 32]), &campi).unwrap();
    let r = Registrazione::da_operazioni([&op]).unwrap();
    assert!(dominio::storia::confronta(&r, &r).iter().all(|d| d.prima == d.dopo));
}

/// A stored operation: flat fields to nested values and back, and whatever reads is folded without a panic.
pub fn operazione(byte: &[u8]) {
    let Ok(Value::Object(campi)) = serde_json::from_slice::<Value>(byte) else { return };
    let _ = piatto::espandi(&campi);
    let mut piatti = Campi::new();
    piatto::appiattisci(&mut String::new(), Value::Object(campi.clone()), &mut piatti);
    assert!(piatti.values().all(|v| !v.is_object() && !v.is_array() && !v.is_null()));
    let Ok(op) = Operazione::leggi(&campi) else { return };
    let mut tutto = Configurazione::default();
    tutto.applica(&op);
    // On a registration that was there before, and as the first of its own.
    for prima in [Some(NATA.clone()), Registrazione::da_operazioni([&op])].into_iter().flatten() {
        let mut dopo = prima.clone();
        dopo.applica(&op);
        dopo.applica(&op);
        let _ = dopo.in_json("c_z999", "AOO1");
        let _ = dominio::storia::confronta(&prima, &dopo);
    }
}

/// A registration on which any operation may come.
static NATA: LazyLock<Registrazione> = LazyLock::new(|| {
    let campi = serde_json::from_str(include_str!("../semi/operazione/registra.json")).unwrap();
    Registrazione::da_operazioni([&Operazione::leggi(&campi).unwrap()]).unwrap()
});

/// Codes, times and texts: what is taken is in its one form, which is taken again as it is.
pub fn codici(byte: &[u8]) {
    let Ok(t) = from_utf8(byte) else { return };
    for leggi in [codici::codice_fiscale, codici::partita_iva, codici::indirizzo_posta] {
        if let Ok(c) = leggi(t) {
            assert_eq!(leggi(&c).unwrap(), c);
            assert!(c.is_ascii() && c.len() <= 254 && !c.contains(char::is_whitespace));
        }
    }
    macro_rules! uguale {
        ($($tipo:ty),*) => {$(
            if let Ok(c) = t.parse::<$tipo>() {
                assert_eq!(c.to_string().parse::<$tipo>().unwrap(), c);
                assert!(c.to_string().eq_ignore_ascii_case(t));
            }
        )*};
    }
    uguale!(CodiceAoo, CodiceIpa, CodiceRegistro, CodiceUfficio, CodiceVoce, NomeUtente, Impronta);
    if let Ok(i) = Istante::leggi(t) {
        assert_eq!(Istante::leggi(&i.utc()).unwrap(), i);
        assert_eq!(Istante::leggi(&i.con_offset()).unwrap(), i);
        assert!(Istante::inizio(i.giorno()) <= i);
        let _ = i.anno();
    }
    if let Ok(pulito) = testo::pulisci(t) {
        assert_eq!(testo::pulisci(&pulito).unwrap(), pulito);
        assert!(!pulito.contains(['\t', '\r', '\n']));
    }
    let mut v = Validatore::nuovo(Rigore::Messaggio);
    let nome = testo::nome_file(&mut v, "nome", t);
    assert!((1..=255).contains(&nome.chars().count()) && !nome.chars().any(char::is_control));
    if let Some(f) = testo::facoltativo(&mut v, "campo", Some(t), 20) {
        assert!((1..=20).contains(&f.chars().count()));
    }
}

/// A query: few conditions, and each holds on the text it was written with.
pub fn analisi(byte: &[u8]) {
    let Ok(q) = from_utf8(byte) else { return };
    let riga = analisi::riga([q]);
    for t in analisi::token(q) {
        assert!(riga.contains(&format!(" {t} ")));
        assert!(!t.is_empty() && !t.contains([' ', '"', '*']));
    }
    let Ok(condizioni) = analisi::interroga(q) else { return };
    assert!(condizioni.len() <= analisi::PAROLE_MAX + 1);
    for c in condizioni {
        assert!(c.vale(&riga), "{c:?} does not hold on its own text");
    }
}
