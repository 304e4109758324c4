//! `daticert.xml`, written.

use std::fmt::Write as _;

use super::testi::xml;
use crate::daticert::Daticert;
use crate::scrittura::{Errore, pulito};

/// What is none is left out.
pub(crate) fn scrivi(d: &Daticert) -> Result<String, Errore> {
    let tipo = d.tipo.map_or("", |t| t.nome());
    let errore = d.errore.map_or("nessuno", |e| e.nome());
    let mut v = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<postacert tipo=\"{tipo}\" errore=\"{errore}\">\n    <intestazione>\n"
    );
    let elemento = |v: &mut String, nome: &'static str, attributo: &str, valore: &str| -> Result<(), Errore> {
        // Writing in a string does not fail.
        let _ = writeln!(v, "        <{nome}{attributo}>{}</{nome}>", xml(pulito(nome, valore)?));
        Ok(())
    };
    elemento(&mut v, "mittente", "", d.mittente.as_deref().unwrap_or_default())?;
    for x in &d.destinatari {
        let tipo = x.tipo.map_or(String::new(), |t| format!(" tipo=\"{}\"", t.nome()));
        elemento(&mut v, "destinatari", &tipo, &x.indirizzo)?;
    }
    elemento(&mut v, "risposte", "", d.risposte.as_deref().unwrap_or_default())?;
    if let Some(o) = &d.oggetto {
        elemento(&mut v, "oggetto", "", o)?;
    }
    v.push_str("    </intestazione>\n    <dati>\n");
    elemento(&mut v, "gestore-emittente", "", d.gestore.as_deref().unwrap_or_default())?;
    if let Some(q) = d.data {
        let (giorno, ora) = (q.civile().strftime("%d/%m/%Y"), q.civile().strftime("%H:%M:%S"));
        let _ = writeln!(
            v,
            "        <data zona=\"{}\">\n            <giorno>{giorno}</giorno>\n            <ora>{ora}</ora>\n        </data>",
            q.zona_daticert()
        );
    }
    elemento(&mut v, "identificativo", "", d.identificativo.as_deref().unwrap_or_default())?;
    if let Some(m) = &d.msgid {
        elemento(&mut v, "msgid", "", m)?;
    }
    if let Some(r) = d.ricevuta {
        let _ = writeln!(v, "        <ricevuta tipo=\"{}\" />", r.nome());
    }
    if let Some(c) = &d.consegna {
        elemento(&mut v, "consegna", "", c)?;
    }
    for r in &d.ricezione {
        elemento(&mut v, "ricezione", "", r)?;
    }
    if let Some(e) = &d.errore_esteso {
        elemento(&mut v, "errore-esteso", "", e)?;
    }
    v.push_str("    </dati>\n</postacert>\n");
    Ok(v)
}
