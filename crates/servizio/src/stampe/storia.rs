//! The whole history of one registration, for inspection or court (R-B03): what it is now, then every operation with who,
//! on whose behalf, when, by which door, and each value before and after.

use dominio::operazione::Operazione;
use dominio::registrazione::Registrazione;
use dominio::storia::cambiamenti;
use serde_json::Value;
use stampa::{Blocco, Brano, Colonna, Documento, Errore, Righe, Tabella};

use super::{Luogo, segno};

/// The PDF. `ops` are all the operations on the registration, oldest first.
///
/// # Errors
/// What `stampa` cannot lay out: none of what the register accepts.
pub fn storia(l: &Luogo<'_>, r: &Registrazione, ops: &[Operazione]) -> Result<Vec<u8>, Errore> {
    let ente = l.conf.ente.as_ref().map_or_else(String::new, |e| e.denominazione.clone());
    let k = &r.chiave;
    let numero = format!("{}/{}", k.numero.esteso(), k.anno);
    let ultimo = ops.last().map_or(r.istante, |o| o.istante);
    let mut d = Documento::nuovo(format!("Storia della registrazione {numero}"), ente, (&ultimo.a_roma()).into());
    d.intestazione.riga = format!("Registro {}, registrazione {numero}", k.registro);
    d.piede = format!("Storia della registrazione {numero}, fino all'operazione {}", r.ultimo_indice);
    d.blocchi.extend(segno(r, false));
    let mut fatti: Vec<(String, Vec<Brano>)> = vec![
        ("Registrata il".into(), vec![Brano::piano(r.istante.in_parole())]),
        ("Da".into(), vec![Brano::piano(r.operatore_nome.clone())]),
        ("Tipo".into(), vec![Brano::piano(r.dati.tipo.codice())]),
        ("Oggetto".into(), vec![Brano::piano(r.dati.oggetto.clone())]),
    ];
    for (titolo, ruolo) in [("Mittente", "mittente"), ("Destinatario", "destinatario")] {
        for (_, s) in r.dati.soggetti().filter(|(x, _)| *x == ruolo).take(50) {
            fatti.push((titolo.into(), vec![Brano::piano(s.nome_e_codice())]));
        }
    }
    for x in &r.documenti {
        fatti.push((
            format!("Documento {}", x.n),
            vec![Brano::piano(format!("{}, {} byte, SHA-256 ", x.nome, x.byte)), Brano::fisso(x.impronta.hex())],
        ));
    }
    fatti.push(("Entrata nel registro".into(), vec![Brano::fisso(l.entrata.clone())]));
    d.blocchi.push(Blocco::Titolo(2, "Com'è ora".to_owned()));
    d.blocchi.push(Blocco::Fatti(fatti));
    d.blocchi.push(Blocco::Titolo(2, format!("Le operazioni ({})", ops.len())));
    let mut stato: Option<Registrazione> = None;
    for op in ops {
        d.blocchi.push(Blocco::Titolo(3, format!("{}. {}", op.indice, op.evento.in_parole())));
        let mut chi = format!("{}, {} ({})", op.istante.in_parole(), op.operatore.nome, op.operatore.id);
        if let Some(u) = &op.operatore.ufficio {
            chi.push_str(&format!(", ufficio {u}"));
        }
        if let Some(p) = &op.operatore.per_conto_di {
            chi.push_str(&format!(", per conto di {p}"));
        }
        d.blocchi.push(Blocco::Paragrafo(vec![Brano::piano(chi)]));
        match &mut stato {
            None => stato = Registrazione::da_operazioni([op]),
            Some(s) => {
                let prima = s.clone();
                s.applica(op);
                d.blocchi.extend(differenze(&prima, s));
            }
        }
    }
    d.blocchi.push(Blocco::Nota(vec![Brano::piano(
        "Ogni operazione è anche nel registro delle operazioni, firmato e pubblico: chiunque può controllare, senza questo \
         programma, che nulla vi sia stato tolto o cambiato.",
    )]));
    d.pdf()
}

fn differenze<'a>(prima: &Registrazione, dopo: &Registrazione) -> Option<Blocco<'a>> {
    let (p, mut d) = cambiamenti(prima, dopo);
    // How an annulment came about is said by the band on top; here, the values.
    d.retain(|campo, _| !campo.starts_with("annullamenti.") && !campo.starts_with("richiesteAnnullamento."));
    if d.is_empty() {
        return None;
    }
    let testo = |v: Option<&Value>| match v {
        None | Some(Value::Null) => "—".to_owned(),
        Some(Value::String(t)) => t.clone(),
        Some(v) => v.to_string(),
    };
    let righe: Vec<Vec<Vec<Brano>>> = d
        .iter()
        .map(|(campo, v)| {
            vec![
                vec![Brano::piano(campo.clone())],
                vec![Brano::barrato(testo(p.get(campo)))],
                vec![Brano::sottolineato(testo(Some(v)))],
            ]
        })
        .collect();
    Some(Blocco::Tabella(Tabella {
        sommario: "Valori prima e dopo l'operazione".to_owned(),
        colonne: vec![Colonna::testo("Campo", 3), Colonna::testo("Prima", 4), Colonna::testo("Dopo", 4)],
        righe: Righe::from(righe),
    }))
}
