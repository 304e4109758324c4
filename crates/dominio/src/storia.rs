//! State is the fold of operations: as it is now, as it was then, what changed between (R-B03).

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::annullamento::{Annullamento, Campo, Richiesta, StatoRichiesta, Valori};
use crate::comandi::serie;
use crate::operazione::{Evento, Operazione};
use crate::registrazione::{
    Annotazione, Assegnazione, Collegamento, DatiAssegnazione, Registrazione, Stato, StatoAssegnazione,
};

impl Registrazione {
    /// Folds the operations on one registration, oldest first. `None` when the first is not its creation.
    pub fn da_operazioni<'a>(operazioni: impl IntoIterator<Item = &'a Operazione>) -> Option<Self> {
        let mut ops = operazioni.into_iter();
        let mut r = Self::nasce(ops.next()?)?;
        for op in ops {
            r.applica(op);
        }
        Some(r)
    }

    fn nasce(op: &Operazione) -> Option<Self> {
        let Evento::Registrazione(dati) = &op.evento else {
            return None;
        };
        let chiave = op.chiave.clone()?;
        let aggregazione = dati.fascicolo.clone().unwrap_or_else(|| serie(&chiave.registro, chiave.anno));
        let mut r = Self {
            istante: op.istante,
            indice: op.indice,
            ultimo_indice: op.indice,
            operatore: op.operatore.id.to_string(),
            operatore_nome: op.operatore.nome.clone(),
            operatore_ufficio: op.operatore.ufficio.clone(),
            classificazione: (dati.classificazione.clone(), dati.classificazione_denominazione.clone()),
            assegnazioni: Vec::new(),
            documenti: dati.documenti.clone(),
            annotazioni: Vec::new(),
            collegamenti: Vec::new(),
            aggregazioni: vec![aggregazione],
            stato: Stato::Valida,
            annullamenti: Vec::new(),
            richieste: Vec::new(),
            sigillo: None,
            dati: (**dati).clone(),
            chiave,
        };
        r.assegna(1, &dati.assegnazioni, None, op);
        Some(r)
    }

    /// Applies one more operation on this registration.
    pub fn applica(&mut self, op: &Operazione) {
        self.ultimo_indice = op.indice;
        match &op.evento {
            Evento::Assegnazione { primo, assegnazioni, nota } => self.assegna(*primo, assegnazioni, nota.clone(), op),
            Evento::PresaInCarico { assegnazione } => self.muovi(*assegnazione, StatoAssegnazione::InCarico, None, op),
            Evento::RifiutoAssegnazione { assegnazione, motivo } => {
                self.muovi(*assegnazione, StatoAssegnazione::Rifiutata, Some(motivo.clone()), op);
            }
            Evento::ConclusioneAssegnazione { assegnazione, nota } => {
                self.muovi(*assegnazione, StatoAssegnazione::Conclusa, nota.clone(), op);
            }
            Evento::Classificazione { classificazione, classificazione_denominazione, .. } => {
                self.classificazione = (classificazione.clone(), classificazione_denominazione.clone());
            }
            Evento::Allegati { documenti, .. } => self.documenti.extend(documenti.iter().cloned()),
            Evento::Sigillo(s) => self.sigillo = Some((**s).clone()),
            Evento::Annotazione { testo } => self.annotazioni.push(Annotazione {
                testo: testo.clone(),
                autore: op.operatore.nome.clone(),
                istante: op.istante,
            }),
            Evento::Collegamento { riferimento, nota } => {
                self.collegamenti.push(Collegamento { riferimento: riferimento.clone(), nota: nota.clone() })
            }
            Evento::Fascicolazione { fascicolo } => self.aggregazioni.push(fascicolo.clone()),
            Evento::RichiestaAnnullamento { richiesta, motivo, intero, campi, nuovi_valori } => {
                self.richieste.push(Richiesta {
                    id: *richiesta,
                    stato: StatoRichiesta::InAttesa,
                    chiesta_da: op.operatore.clone(),
                    istante: op.istante,
                    motivo: motivo.clone(),
                    intero: *intero,
                    campi: campi.clone(),
                    nuovi_valori: nuovi_valori.clone(),
                    decisa_da: None,
                    risposta: None,
                });
            }
            Evento::RifiutoAnnullamento { richiesta, motivo } => {
                self.decidi_richiesta(*richiesta, StatoRichiesta::Rifiutata, Some(motivo), op);
            }
            Evento::Annullamento { richiesta, motivo, provvedimento, intero, campi, nuovi_valori } => {
                let colpiti: &[Campo] = if *intero { &Campo::TUTTI } else { campi };
                let valori_annullati = Valori::di(&self.dati, colpiti);
                self.annullamenti.push(Annullamento {
                    indice: op.indice,
                    istante: op.istante,
                    operatore: op.operatore.clone(),
                    richiesta: *richiesta,
                    chiesto_da: richiesta.and_then(|i| self.richiesta(i)).map(|q| q.chiesta_da.clone()),
                    motivo: motivo.clone(),
                    provvedimento: provvedimento.clone(),
                    intero: *intero,
                    campi: campi.clone(),
                    valori_annullati,
                    nuovi_valori: nuovi_valori.clone(),
                });
                if let Some(i) = richiesta {
                    self.decidi_richiesta(*i, StatoRichiesta::Autorizzata, None, op);
                }
                if *intero {
                    // The values stay where they are: annulled, and readable (R-B04).
                    self.stato = Stato::Annullata;
                    for q in self.richieste.iter_mut().filter(|q| q.stato == StatoRichiesta::InAttesa) {
                        q.stato = StatoRichiesta::Superata;
                    }
                } else {
                    nuovi_valori.rinnova(&mut self.dati, campi);
                    self.stato = Stato::AnnullataInParte;
                }
            }
            _ => {}
        }
    }

    fn decidi_richiesta(&mut self, id: u32, stato: StatoRichiesta, risposta: Option<&String>, op: &Operazione) {
        if let Some(q) = self.richieste.iter_mut().find(|q| q.id == id) {
            q.stato = stato;
            q.decisa_da = Some(op.operatore.clone());
            q.risposta = risposta.cloned();
        }
    }

    fn assegna(&mut self, primo: u32, date: &[DatiAssegnazione], nota: Option<String>, op: &Operazione) {
        self.assegnazioni.extend((0..).zip(date).map(|(i, a)| Assegnazione {
            // A log written by others may hold any number: it is read, compared and found wrong, not stumbled on.
            id: primo.saturating_add(i),
            dati: a.clone(),
            stato: StatoAssegnazione::DaPrendere,
            assegnata_da: op.operatore.nome.clone(),
            dal: op.istante,
            gestita_da: None,
            gestita_il: None,
            motivo: nota.clone(),
        }));
    }

    fn muovi(&mut self, id: u32, stato: StatoAssegnazione, motivo: Option<String>, op: &Operazione) {
        if let Some(a) = self.assegnazioni.iter_mut().find(|a| a.id == id) {
            a.stato = stato;
            a.gestita_da = Some(op.operatore.nome.clone());
            a.gestita_il = Some(op.istante);
            if motivo.is_some() {
                a.motivo = motivo;
            }
        }
    }

    /// The registration in answers (contract § 2), without links and log proof, which the service adds.
    pub fn in_json(&self, ente: &str, aoo: &str) -> Map<String, Value> {
        let d = &self.dati;
        let c = &self.chiave;
        let mut o = Map::new();
        let mut metti = |k: &str, v: Value| {
            o.insert(k.to_owned(), v);
        };
        metti("id", format!("{ente}/{aoo}/{c}").into());
        metti("ente", ente.into());
        metti("aoo", aoo.into());
        metti("registro", c.registro.as_str().into());
        metti("anno", c.anno.into());
        metti("numero", c.numero.valore().into());
        metti("numeroEsteso", c.numero.esteso().into());
        metti("istante", self.istante.con_offset().into());
        metti("tipo", d.tipo.codice().into());
        metti("oggetto", d.oggetto.as_str().into());
        metti("mittente", valore(&d.mittente));
        metti("altriMittenti", valore(&d.altri_mittenti));
        metti("destinatari", valore(&d.destinatari));
        metti("mezzo", valore(&d.mezzo));
        metti("dataArrivo", d.data_arrivo.map_or(Value::Null, |t| t.con_offset().into()));
        metti("protocolloMittente", valore(&d.protocollo_mittente));
        metti("documenti", valore(&self.documenti));
        metti("classificazione", self.classificazione.0.as_str().into());
        metti("classificazioneDenominazione", valore(&self.classificazione.1));
        metti("assegnazioni", valore(&self.assegnazioni));
        metti("riservato", d.riservato.into());
        metti("ufficioMittente", valore(&d.ufficio_mittente));
        metti("firmatari", valore(&d.firmatari));
        metti("primaRegistrazione", valore(&d.prima_registrazione));
        metti("riferimenti", valore(&d.riferimenti));
        metti("rispondeA", valore(&d.risponde_a));
        metti("aggregazioni", valore(&self.aggregazioni));
        metti("tipologia", valore(&d.tipologia));
        metti("note", valore(&d.note));
        metti("differimento", valore(&d.differimento));
        metti("annotazioni", valore(&self.annotazioni));
        metti("collegamenti", valore(&self.collegamenti));
        metti("stato", valore(&self.stato));
        metti("annullamenti", valore(&self.annullamenti));
        metti("richiesteAnnullamento", valore(&self.richieste));
        metti(
            "operatore",
            json!({"id": self.operatore, "nome": self.operatore_nome, "ufficio": valore(&self.operatore_ufficio)}),
        );
        let mut sigillo = self.sigillo.as_ref().map_or_else(|| json!({}), valore);
        sigillo["stato"] = valore(&self.stato_sigillo());
        metti("sigillo", sigillo);
        metti("anomalie", valore(&d.anomalie));
        o
    }

    /// What is shown to who lacks the right on a reserved registration: number and instant only (contract § 2, R-L08).
    pub fn mascherata(&self, ente: &str, aoo: &str) -> Map<String, Value> {
        let c = &self.chiave;
        let Value::Object(o) = json!({
            "id": format!("{ente}/{aoo}/{c}"),
            "ente": ente,
            "aoo": aoo,
            "registro": c.registro.as_str(),
            "anno": c.anno,
            "numero": c.numero.valore(),
            "numeroEsteso": c.numero.esteso(),
            "istante": self.istante.con_offset(),
            "riservata": true,
        }) else {
            return Map::new();
        };
        o
    }
}

fn valore(v: &impl Serialize) -> Value {
    serde_json::to_value(v).unwrap_or(Value::Null)
}

/// How a field stands between two points of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatoCampo {
    /// The same.
    Invariato,
    /// Another value.
    Modificato,
    /// Annulled.
    Annullato,
}

/// One line of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Differenza {
    /// Name of the field, dotted.
    pub campo: String,
    /// Value at the first point.
    pub prima: Value,
    /// Value at the second point.
    pub dopo: Value,
    /// How they stand.
    pub stato: StatoCampo,
}

/// Compares two states of one registration field by field (R-B03). Lists are compared element by element.
pub fn confronta(prima: &Registrazione, dopo: &Registrazione) -> Vec<Differenza> {
    // Annulments that are at one point and not at the other.
    let tra = |r: &Registrazione, altro: &Registrazione| {
        r.annullamenti
            .iter()
            .filter(|x| !altro.annullamenti.iter().any(|y| y.indice == x.indice))
            .cloned()
            .collect::<Vec<_>>()
    };
    let (nuovi, tolti) = (tra(dopo, prima), tra(prima, dopo));
    let tutto = nuovi.iter().chain(&tolti).any(|x| x.intero);
    let colpiti: Vec<Campo> = if tutto {
        Campo::TUTTI.to_vec()
    } else {
        nuovi.iter().chain(&tolti).flat_map(|x| x.campi.iter().copied()).collect()
    };
    let intera = |r: &Registrazione| {
        let mut o = r.in_json("", "");
        for costante in ["id", "ente", "aoo"] {
            o.remove(costante);
        }
        Value::Object(o)
    };
    let mut out = Vec::new();
    accosta(&mut String::new(), intera(prima), intera(dopo), &mut |campo, prima, dopo| {
        let stato = match radice_annullata(campo, &colpiti) {
            // A whole annulment leaves the values readable where they are: they are annulled all the same (R-B04).
            true if tutto || prima != dopo => StatoCampo::Annullato,
            _ if prima == dopo => StatoCampo::Invariato,
            _ => StatoCampo::Modificato,
        };
        out.push(Differenza { campo: campo.to_owned(), prima, dopo, stato });
    });
    // By name, as text; they come nearly so.
    out.sort_by(|a, b| a.campo.cmp(&b.campo));
    out
}

/// Walks two values together and hands out each pair of scalars that are not both null, with its dotted name: the
/// names that [`crate::piatto::appiattisci`] gives, without building its two maps of thousands of fields.
fn accosta(nome: &mut String, prima: Value, dopo: Value, prendi: &mut impl FnMut(&str, Value, Value)) {
    let base = nome.len();
    let scendi = |nome: &mut String, chiave: &str| {
        if base > 0 {
            nome.push('.');
        }
        nome.push_str(chiave);
    };
    match (prima, dopo) {
        (Value::Object(p), Value::Object(mut d)) => {
            for (k, v) in p {
                scendi(nome, &k);
                accosta(nome, v, d.remove(&k).unwrap_or(Value::Null), prendi);
                nome.truncate(base);
            }
            for (k, v) in d {
                scendi(nome, &k);
                accosta(nome, Value::Null, v, prendi);
                nome.truncate(base);
            }
        }
        (Value::Array(p), Value::Array(d)) => {
            let quanti = p.len().max(d.len());
            let (mut p, mut d) = (p.into_iter(), d.into_iter());
            for i in 0..quanti {
                scendi(nome, &i.to_string());
                accosta(nome, p.next().unwrap_or_default(), d.next().unwrap_or_default(), prendi);
                nome.truncate(base);
            }
        }
        // Only one side has parts: the other has, or lacks, a value of that very name.
        (p @ (Value::Object(_) | Value::Array(_)), d) if !d.is_null() => {
            accosta(nome, p, Value::Null, prendi);
            accosta(nome, Value::Null, d, prendi);
        }
        (p, d @ (Value::Object(_) | Value::Array(_))) if !p.is_null() => {
            accosta(nome, p, Value::Null, prendi);
            accosta(nome, Value::Null, d, prendi);
        }
        (Value::Object(p), _) => accosta(nome, Value::Object(p), Value::Object(Map::new()), prendi),
        (_, Value::Object(d)) => accosta(nome, Value::Object(Map::new()), Value::Object(d), prendi),
        (Value::Array(p), _) => accosta(nome, Value::Array(p), Value::Array(Vec::new()), prendi),
        (_, Value::Array(d)) => accosta(nome, Value::Array(Vec::new()), Value::Array(d), prendi),
        (Value::Null, Value::Null) => {}
        (p, d) => prendi(nome, p, d),
    }
}

/// Does the dotted name of an answer belong to a piece of information that was annulled?
fn radice_annullata(nome: &str, colpiti: &[Campo]) -> bool {
    let radice = nome.split('.').next().unwrap_or(nome);
    colpiti.iter().any(|c| match c {
        Campo::Numero => matches!(radice, "numero" | "numeroEsteso" | "anno"),
        Campo::Data => radice == "istante",
        Campo::Impronta => radice == "documenti",
        c => radice == c.codice(),
    })
}

/// What one operation changed: only the fields that differ.
pub fn cambiamenti(prima: &Registrazione, dopo: &Registrazione) -> (Map<String, Value>, Map<String, Value>) {
    let mut p = Map::new();
    let mut d = Map::new();
    for x in confronta(prima, dopo) {
        if x.prima != x.dopo {
            p.insert(x.campo.clone(), x.prima);
            d.insert(x.campo, x.dopo);
        }
    }
    (p, d)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::piatto::{Campi, appiattisci};

    fn piatto(v: Value) -> Campi {
        let mut campi = Campi::new();
        appiattisci(&mut String::new(), v, &mut campi);
        campi
    }

    fn oggetto() -> impl Strategy<Value = Value> {
        let scalare = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0..3).prop_map(Value::from)];
        let dentro = scalare.prop_recursive(3, 24, 4, |di| {
            prop_oneof![
                prop::collection::vec(di.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[abc]", di, 0..4).prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        });
        prop::collection::btree_map("[abc]", dentro, 0..4).prop_map(|m| Value::Object(m.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn two_values_walked_together_give_what_flattening_each_gives(prima in oggetto(), dopo in oggetto()) {
            let (a, b) = (piatto(prima.clone()), piatto(dopo.clone()));
            let (mut p, mut d) = (Campi::new(), Campi::new());
            accosta(&mut String::new(), prima, dopo, &mut |campo, prima, dopo| {
                assert!(!(prima.is_null() && dopo.is_null()));
                for (campi, valore) in [(&mut p, prima), (&mut d, dopo)] {
                    if !valore.is_null() {
                        assert!(campi.insert(campo.to_owned(), valore).is_none(), "{campo} twice");
                    }
                }
            });
            prop_assert_eq!((p, d), (a, b));
        }
    }
}
