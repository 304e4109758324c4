//! An AOO with three offices and its people, folded from operations like any other, and one registration at hand.

use dominio::codici::{CodiceAoo, Impronta};
use dominio::comandi::{self, Comando};
use dominio::configurazione::Configurazione;
use dominio::errori::{Rifiuto, Rigore};
use dominio::nuova;
use dominio::operazione::{Autore, CampiNoti, Evento, Operazione, campi_del_writer};
use dominio::permessi::{Operatore, Porta};
use dominio::registrazione::{Chiave, Documento, Registrazione, RuoloDocumento};
use dominio::tempo::Istante;
use serde_json::{Value, json};

pub const AOO: &str = "AOO1";

pub struct Banco {
    pub conf: Configurazione,
    pub operazioni: Vec<Operazione>,
    prossimo: u64,
    pub ora: Istante,
}

pub fn evento(v: Value) -> Evento {
    serde_json::from_value(v).unwrap()
}

impl Banco {
    /// Offices PROT, TRIB, SEGR; people by role: `proto` and `proto2`, `rgd`, `vice`, `trib` (operatore of TRIB), `audit`.
    pub fn nuovo() -> Self {
        let ora = Istante::leggi("2026-11-23T09:00:00+01:00").unwrap();
        let mut b = Self { conf: Configurazione::default(), operazioni: Vec::new(), prossimo: 0, ora };
        b.applica(None, json!({"operazione": "ente-creato", "ipa": "c_z999", "denominazione": "Comune di Prova"}));
        let utente = |u: &str, ruolo: &str, ufficio: Option<&str>| {
            json!({"operazione": "utente-creato", "utente": u, "nome": u, "cognome": "Prova",
                "incarichi": [{"ruolo": ruolo, "aoo": AOO, "ufficio": ufficio, "dal": "2026-01-01T00:00:00Z"}]})
        };
        for (u, r, o) in [
            ("proto", "protocollista", Some("PROT")),
            ("proto2", "protocollista", Some("PROT")),
            ("rgd", "rgd", None),
            ("vice", "vicario", None),
            ("trib", "operatore", Some("TRIB")),
            ("audit", "auditor", None),
        ] {
            b.applica(None, utente(u, r, o));
        }
        b.applica(
            Some(AOO),
            json!({"operazione": "aoo-creata", "codiceAoo": AOO, "denominazione": "Comune", "origine": "esempio.it/c_z999/AOO1",
                "chiaveLog": "k", "ufficioSmistamento": "PROT", "consenteDaClassificare": true, "voceDaClassificare": "0"}),
        );
        for u in ["PROT", "TRIB", "SEGR"] {
            b.applica(
                Some(AOO),
                json!({"operazione": "ufficio-creato", "codice": u, "denominazione": u, "dal": "2026-01-01T00:00:00Z"}),
            );
        }
        for v in ["0", "1.6", "4.2"] {
            b.applica(
                Some(AOO),
                json!({"operazione": "voce-aperta", "codice": v, "denominazione": format!("Voce {v}"), "dal": "2026-01-01"}),
            );
        }
        b.applica(Some(AOO), json!({"operazione": "registro-creato", "codice": "PG", "denominazione": "Generale"}));
        b
    }

    fn applica(&mut self, aoo: Option<&str>, v: Value) {
        let op = Operazione {
            ente: "c_z999".parse().unwrap(),
            aoo: aoo.map(|a| a.parse().unwrap()),
            indice: self.prossimo,
            istante: self.ora,
            operatore: Autore {
                id: "sistema".parse().unwrap(),
                nome: "Sistema".into(),
                ufficio: None,
                per_conto_di: None,
            },
            porta: Porta::Sistema,
            chiave: None,
            evento: evento(v),
        };
        self.prossimo += 1;
        self.conf.applica(&op);
    }

    pub fn chi(&self, nome: &str) -> Operatore {
        self.conf.operatore(&nome.parse().unwrap(), &aoo(), self.ora, Porta::Rest).unwrap()
    }

    /// Registers as `chi`; the operation goes through its stored, flat form, as the writer's does.
    pub fn registra(&mut self, chi: &str, dati: Value) -> Result<Registrazione, Rifiuto> {
        let chi = self.chi(chi);
        let nuova = dominio::lettura::leggi(dati)?;
        let file = Documento {
            n: 1,
            ruolo: RuoloDocumento::Primario,
            nome: "istanza.pdf".into(),
            mime: "application/pdf".into(),
            byte: 10,
            impronta: Impronta([7; 32]),
        };
        let registro = "PG".parse().unwrap();
        let stato = &self.conf.aoo[&aoo()];
        let d = nuova::registra(stato, &chi, &registro, self.ora, Rigore::Operatore, nuova, vec![file])?;
        self.scrivi(&chi, &Evento::Registrazione(Box::new(d)), None);
        Ok(self.stato())
    }

    /// Gives a command on the registration; on success it is written and the state folded anew.
    pub fn comanda(&mut self, chi: &str, c: Comando) -> Result<Registrazione, Rifiuto> {
        let (chi, r) = (self.chi(chi), self.stato());
        let e = comandi::decidi(&self.conf.aoo[&aoo()], &chi, &r, self.ora, c)?;
        self.scrivi(&chi, &e, Some(r.chiave));
        Ok(self.stato())
    }

    fn scrivi(&mut self, chi: &Operatore, e: &Evento, chiave: Option<Chiave>) {
        let k = chiave.unwrap_or_else(|| "PG/2026/1".parse().unwrap());
        let mut campi = CampiNoti::di(&"c_z999".parse().unwrap(), Some(&aoo()), chi, Some(&k.registro), e).unwrap().0;
        self.ora = self.ora.piu_secondi(60);
        for (n, v) in campi_del_writer(self.prossimo, self.ora, Some((k.anno, k.numero))) {
            campi.insert(n.to_owned(), v);
        }
        self.prossimo += 1;
        let op = Operazione::leggi(&campi).unwrap();
        assert_eq!(&op.evento, e, "the stored form gives the event back");
        self.operazioni.push(op);
    }

    pub fn stato(&self) -> Registrazione {
        Registrazione::da_operazioni(&self.operazioni).unwrap()
    }
}

pub fn aoo() -> CodiceAoo {
    AOO.parse().unwrap()
}

pub fn entrata() -> Value {
    json!({"tipo": "entrata", "oggetto": "Istanza di accesso agli atti", "mezzo": "pec", "classificazione": "1.6",
        "mittente": {"tipo": "persona-fisica", "cognome": "Rossi", "nome": "Maria", "codiceFiscale": "RSSMRA80A01H501U"},
        "dataArrivo": "2026-11-23T08:00:00+01:00", "protocolloMittente": {"numero": "123/A", "data": "2026-11-20"},
        "assegnazioni": [{"ufficio": "TRIB", "tipo": "competenza"}]})
}

pub fn uscita() -> Value {
    json!({"tipo": "uscita", "oggetto": "Risposta", "mezzo": "pec", "classificazione": "1.6", "ufficioMittente": "SEGR",
        "firmatari": ["Anna Verdi"],
        "destinatari": [{"tipo": "persona-giuridica", "denominazione": "Alfa Srl"}, {"tipo": "persona-giuridica", "denominazione": "Beta Srl"}]})
}

pub fn vietato(e: &Rifiuto) -> bool {
    matches!(e, Rifiuto::Vietato(_))
}

pub fn conflitto(e: &Rifiuto) -> bool {
    matches!(e, Rifiuto::Conflitto(_))
}

/// The fields a refusal names.
pub fn campi(e: &Rifiuto) -> Vec<&str> {
    match e {
        Rifiuto::NonValido(v) => v.iter().map(|x| x.campo.as_str()).collect(),
        _ => panic!("not about fields: {e}"),
    }
}
