//! What a provider writes to people, and in the fields: the words of the Regole tecniche (DM 2-11-2005, allegato).

use crate::daticert::Daticert;
use crate::tipo::{ErrorePec, Tipo, TipoDestinatario};

/// What goes before the subject of the original message. Nobody classifies by this.
pub(super) fn prefisso(tipo: Tipo, virus: bool) -> &'static str {
    match (tipo, virus) {
        (Tipo::PostaCertificata, _) => "POSTA CERTIFICATA",
        (Tipo::Accettazione, _) => "ACCETTAZIONE",
        (Tipo::NonAccettazione, false) => "AVVISO DI NON ACCETTAZIONE",
        (Tipo::NonAccettazione, true) => "AVVISO DI NON ACCETTAZIONE PER VIRUS",
        (Tipo::PresaInCarico, _) => "PRESA IN CARICO",
        (Tipo::AvvenutaConsegna, _) => "CONSEGNA",
        (Tipo::ErroreConsegna, false) => "AVVISO DI MANCATA CONSEGNA",
        (Tipo::ErroreConsegna, true) => "AVVISO DI MANCATA CONSEGNA PER VIRUS",
        (Tipo::PreavvisoErroreConsegna, _) => "AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO",
        (Tipo::RilevazioneVirus, _) => "PROBLEMA DI SICUREZZA",
        (Tipo::AnomaliaMessaggio, _) => "ANOMALIA MESSAGGIO",
        (Tipo::PostaOrdinaria | Tipo::Dsn, _) => "MESSAGGIO",
    }
}

/// The text of the message.
pub(super) fn testo(d: &Daticert, tipo: Tipo) -> String {
    let di = |v: &Option<String>| v.clone().unwrap_or_default();
    let quando = d.data.map_or(String::new(), |q| {
        format!("Il giorno {} ({})", q.civile().strftime("%d/%m/%Y alle ore %H:%M:%S"), q.zona_daticert())
    });
    let (oggetto, mittente, consegna) = (di(&d.oggetto), di(&d.mittente), di(&d.consegna));
    let messaggio = format!("il messaggio \"{oggetto}\" proveniente da \"{mittente}\"");
    let a_tutti: String = d
        .destinatari
        .iter()
        .map(|x| match x.tipo {
            Some(TipoDestinatario::Esterno) => format!("{} (\"posta ordinaria\")\n", x.indirizzo),
            _ => format!("{} (\"posta certificata\")\n", x.indirizzo),
        })
        .collect();
    let errore = match (&d.errore_esteso, d.errore) {
        (Some(e), _) => e.clone(),
        (None, Some(ErrorePec::NoDest)) => "destinatario errato".into(),
        (None, Some(ErrorePec::NoDominio)) => "dominio errato".into(),
        (None, Some(ErrorePec::Virus)) => "virus informatico".into(),
        (None, _) => "errore generico".into(),
    };
    let detto = match tipo {
        Tipo::PostaCertificata => format!(
            "Messaggio di posta certificata\n\n{quando} il messaggio \"{oggetto}\" è stato inviato da \"{mittente}\"\n\
             indirizzato a:\n{a_tutti}Il messaggio originale è incluso in allegato."
        ),
        Tipo::Accettazione => format!(
            "Ricevuta di accettazione\n\n{quando} {messaggio}\ned indirizzato a:\n{a_tutti}\
             è stato accettato dal sistema ed inoltrato."
        ),
        Tipo::NonAccettazione => format!(
            "Avviso di non accettazione\n\n{quando} nel messaggio \"{oggetto}\" proveniente da \"{mittente}\"\n\
             ed indirizzato a:\n{a_tutti}è stato rilevato un problema che ne impedisce l'accettazione: {errore}.\n\
             Il messaggio non è stato accettato."
        ),
        Tipo::PresaInCarico => format!(
            "Ricevuta di presa in carico\n\n{quando} {messaggio}\ned indirizzato a:\n{}\n\
             è stato accettato dal sistema.",
            d.ricezione.join("\n")
        ),
        Tipo::AvvenutaConsegna => format!(
            "Ricevuta di avvenuta consegna\n\n{quando} {messaggio}\ned indirizzato a \"{consegna}\"\n\
             è stato consegnato nella casella di destinazione."
        ),
        Tipo::ErroreConsegna => format!(
            "Avviso di mancata consegna\n\n{quando} nel messaggio \"{oggetto}\" proveniente da \"{mittente}\"\n\
             e destinato all'utente \"{consegna}\" è stato rilevato un errore: {errore}.\n\
             Il messaggio è stato rifiutato dal sistema."
        ),
        Tipo::PreavvisoErroreConsegna => format!(
            "Avviso di mancata consegna\n\n{quando} {messaggio}\ne destinato all'utente \"{consegna}\"\n\
             non è stato consegnato nelle prime dodici ore dal suo invio. Non escludendo che questo possa avvenire in \
             seguito,\nsi ritiene utile considerare che l'invio potrebbe non andare a buon fine."
        ),
        Tipo::RilevazioneVirus => format!(
            "Avviso di rilevazione di un virus informatico\n\n{quando} nel messaggio \"{oggetto}\" proveniente da \
             \"{mittente}\"\ne destinato all'utente \"{consegna}\" è stato rilevato un problema di sicurezza: {errore}."
        ),
        Tipo::AnomaliaMessaggio | Tipo::PostaOrdinaria | Tipo::Dsn => format!(
            "Anomalia nel messaggio\n\n{quando} è stato ricevuto {messaggio}\ned indirizzato a:\n{a_tutti}\
             Tali dati non sono stati certificati per il seguente errore: {errore}.\n\
             Il messaggio originale è incluso in allegato."
        ),
    };
    format!("{detto}\nIdentificativo messaggio: {}\n", di(&d.identificativo))
}

/// The same as a page.
pub(super) fn pagina(testo: &str) -> String {
    format!("<html><body><pre>{}</pre></body></html>\n", xml(testo))
}

/// Text inside of XML or HTML.
pub(super) fn xml(testo: &str) -> String {
    testo.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
