//! One registration: what it says, who has it, what was done to it (R-B03).

use archivio::store::{Azione, EsamiDi, Trovata};
use axum::extract::Path;
use axum::http::StatusCode;
use dominio::annullamento::StatoRichiesta;
use dominio::errori::ErroreCampo;
use dominio::operazione::{Evento, Operazione};
use dominio::permessi::{Diritto, Porta};
use dominio::registrazione::{
    Assegnazione, Chiave, Registrazione, RuoloDocumento, Stato, StatoAssegnazione, Tipo, TipoAssegnazione,
};
use dominio::sigillo::StatoSigillo;
use dominio::soggetto::Soggetto;
use dominio::storia::{StatoCampo, confronta};
use serde_json::Value;

use super::dettaglio::{Dettaglio, Posto, annota, carica};
use super::documenti::mostrabile;
use super::errore::ErrorePagina;
use super::registro::{nome_ufficio, riga};
use super::viste::registrazione as v;
use super::viste::{self, Modulo};
use super::{Esito, MEZZI, con_stato, pagina, sommario};
use super::{annullamento, confronto, firme, guscio};
use crate::accesso::utente::Campi;
use crate::accesso::{Domanda, Utente, sessione};

/// Fascicoli offered in the form.
const FASCICOLI: usize = 100;

/// `GET …/registrazioni/{registro}/{anno}/{numero}`, with `?nuova=1` when it has just been registered.
pub async fn mostra(u: Utente, Path(p): Path<Posto>, Domanda(q): Domanda) -> Esito {
    let mut d = carica(&u, &p.chiave()?).await?;
    if !d.visibile {
        let r = riga(&u, &Trovata { registrazione: d.registrazione, visibile: false, voce: [0; 32] });
        let g = guscio::guscio(&u, "registro", format!("Registrazione {} {}", r.numero, r.dove))?;
        return pagina(&v::Riservata { g, r });
    }
    annota(&u, &d, Azione::Registrazione).await?;
    let mut allora = None;
    if let Some(t) = q.testo("fino") {
        // As it was after one of its operations (R-B03).
        let fino: u64 = t.parse().map_err(|_| ErrorePagina::non_trovata())?;
        let op = d.operazioni.iter().find(|o| o.indice == fino).ok_or_else(ErrorePagina::non_trovata)?;
        if fino != d.registrazione.ultimo_indice {
            allora = Some(format!("{}, dopo: {}", viste::quando(op.istante), op.evento.in_parole().to_lowercase()));
            d.registrazione = d.com_era(fino).ok_or_else(ErrorePagina::non_trovata)?;
        }
    }
    let nuova = q.testo("nuova").is_some() && allora.is_none();
    vista(&u, &d, nuova, allora, StatusCode::OK, Vec::new(), Modulo::default()).await
}

/// The page again, after a form that was refused: what is wrong, and what was typed.
///
/// # Errors
/// Those of the page.
pub async fn con_errori(
    u: &Utente,
    chiave: &Chiave,
    stato: StatusCode,
    errori: &[ErroreCampo],
    campi: &Campi,
) -> Esito {
    let d = carica(u, chiave).await?;
    d.solo_se_visibile(u)?;
    annota(u, &d, Azione::Registrazione).await?;
    // Errors name the field of the command; the forms of this page have one assignment each.
    let errori: Vec<ErroreCampo> = errori
        .iter()
        .map(|e| ErroreCampo {
            campo: e.campo.strip_prefix("assegnazioni.0.").unwrap_or(&e.campo).to_owned(),
            messaggio: e.messaggio.clone(),
        })
        .collect();
    let m = Modulo { campi: campi.clone(), errori: errori.clone() };
    vista(u, &d, false, None, stato, sommario(&errori), m).await
}

async fn vista(
    u: &Utente,
    d: &Dettaglio,
    nuova: bool,
    allora: Option<String>,
    stato: StatusCode,
    sommario: Vec<(String, String)>,
    m: Modulo,
) -> Esito {
    let r = &d.registrazione;
    let riga = riga(u, &Trovata { registrazione: r.clone(), visibile: true, voce: [0; 32] });
    // What is past can be looked at, not acted upon; what is annulled takes no new assignment (R-B08).
    let ora = allora.is_none();
    let vivo = ora && r.stato != Stato::Annullata;
    let puo = v::Puo {
        risponde: vivo && r.dati.tipo == Tipo::Entrata && u.ha(Diritto::RegistraUscita),
        assegna: vivo && u.ha(Diritto::Assegna),
        classifica: ora && u.ha(Diritto::Classifica),
        integra: ora && u.ha(Diritto::Integra),
        fascicola: ora && u.ha(Diritto::Fascicola),
        chiede: vivo && u.ha(Diritto::ChiedeAnnullamento),
        annulla: vivo && u.ha(Diritto::Annulla),
    };
    let fascicoli = if puo.fascicola {
        let f = u.ente.fascicoli(&u.aoo, None, FASCICOLI).await?.elementi;
        f.into_iter().filter(|f| !r.aggregazioni.contains(&f.codice)).map(|f| (f.codice, f.oggetto)).collect()
    } else {
        Vec::new()
    };
    // Whoever answered after that instant is not of it.
    let risposte = if ora { crate::accessi::risposte(&*u.ente, &u.aoo, &u.chi, r).await? } else { Vec::new() };
    let esami = if ora { Some(firme::della_registrazione(u, r).await?) } else { None };
    let vista = v::Registrazione {
        g: guscio::guscio(u, "registro", format!("{} {}: {}", riga.numero, riga.dove, breve(&riga.oggetto)))?,
        qui: riga.href.clone(),
        nuova,
        sommario,
        m,
        fatti: fatti(u, r),
        soggetti: soggetti(r),
        documenti: documenti(u, r, esami.as_ref()),
        sigillo: sigillo(d),
        assegnazioni: r.assegnazioni.iter().map(|a| assegnazione(u, a, ora)).collect(),
        annullamenti: annullamenti(d, r),
        richieste: r
            .richieste
            .iter()
            .filter(|q| q.stato == StatoRichiesta::InAttesa)
            .map(|q| v::Richiesta {
                id: q.id,
                cosa: annullamento::cosa(q.intero, &q.campi),
                chi: annullamento::chiesta(u, q),
                motivo: q.motivo.clone(),
                nuovi: nuovi(&q.nuovi_valori),
            })
            .collect(),
        allora,
        annotazioni: r
            .annotazioni
            .iter()
            .map(|a| (a.testo.clone(), a.autore.clone(), viste::quando(a.istante)))
            .collect(),
        collegamenti: collegamenti(u, r, &risposte),
        aggregazioni: r.aggregazioni.clone(),
        storia: storia(u, d),
        rivelabili: rivelabili(r),
        uffici: guscio::uffici(u)?,
        titolario: guscio::titolario(u)?,
        fascicoli,
        puo,
        chiave: sessione::casuale()?,
        indice: r.indice,
        r: riga,
    };
    con_stato(stato, &vista)
}

/// Each annulment with what was in force just before and just after it: the old beside the new (R-B03, R-B04).
fn annullamenti(d: &Dettaglio, r: &Registrazione) -> Vec<v::Annullamento> {
    r.annullamenti
        .iter()
        .map(|a| {
            let prima = a.indice.checked_sub(1).and_then(|i| d.com_era(i));
            let cambi = match (prima, d.com_era(a.indice)) {
                (Some(p), Some(q)) if !a.intero => confronta(&p, &q)
                    .iter()
                    .filter(|x| x.stato == StatoCampo::Annullato)
                    .map(confronto::cambio)
                    .collect(),
                _ => Vec::new(),
            };
            let chiesto = a.chiesto_da.as_ref().map_or_else(String::new, |c| format!(", chiesto da {}", c.nome));
            v::Annullamento {
                intero: a.intero,
                cosa: annullamento::cosa(a.intero, &a.campi),
                quando: viste::quando(a.istante),
                chi: format!("{}{chiesto}", a.operatore.nome),
                provvedimento: format!("{} del {}", a.provvedimento.numero, viste::giorno(a.provvedimento.data)),
                motivo: a.motivo.clone(),
                cambi,
            }
        })
        .collect()
}

fn nuovi(valori: &dominio::annullamento::Valori) -> Vec<(String, String)> {
    let mut piatti = dominio::piatto::Campi::new();
    let valore = serde_json::to_value(valori).unwrap_or(Value::Null);
    dominio::piatto::appiattisci(&mut String::new(), valore, &mut piatti);
    piatti.iter().map(|(k, v)| (viste::etichetta(k), in_parole(k, v))).collect()
}

fn breve(t: &str) -> String {
    if t.chars().count() <= 60 { t.to_owned() } else { t.chars().take(59).chain(['…']).collect() }
}

fn fatti(u: &Utente, r: &Registrazione) -> Vec<(String, String)> {
    let d = &r.dati;
    let mut f: Vec<(String, String)> = Vec::new();
    let mut metti = |nome: &str, valore: Option<String>| f.extend(valore.map(|v| (nome.to_owned(), v)));
    metti(
        "Registrata da",
        Some(match &r.operatore_ufficio {
            Some(uff) => format!("{}, {}", r.operatore_nome, nome_ufficio(u, uff)),
            None => r.operatore_nome.clone(),
        }),
    );
    let mezzo = serde_json::to_value(d.mezzo).ok();
    let mezzo = mezzo.as_ref().and_then(Value::as_str).unwrap_or_default();
    metti("Mezzo", MEZZI.iter().find(|(k, _)| *k == mezzo).map(|(_, n)| (*n).to_owned()));
    metti(
        "Tra amministrazioni",
        dominio::validita::criteri(r).map(|c| match &c[..] {
            [] => "provenienza da accertare: non è PEC (CAD art. 47)".to_owned(),
            c => {
                let parole: Vec<_> = c.iter().map(|c| c.in_parole()).collect();
                let come = if d.tipo == Tipo::Uscita { "valida, se inviata così" } else { "valida" };
                format!("{come}: {} (CAD art. 47, c. 2)", parole.join(", "))
            }
        }),
    );
    metti("Arrivo", d.data_arrivo.map(viste::quando));
    metti(
        "Protocollo del mittente",
        d.protocollo_mittente.as_ref().map(|p| match p.data {
            Some(g) => format!("{} del {}", p.numero, viste::giorno(g)),
            None => p.numero.clone(),
        }),
    );
    metti("Ufficio mittente", d.ufficio_mittente.as_ref().map(|c| nome_ufficio(u, c)));
    metti("Firmato da", (!d.firmatari.is_empty()).then(|| d.firmatari.join(", ")));
    metti("Tipologia", d.tipologia.clone());
    metti("Note", d.note.clone());
    metti("Registrazione differita", d.differimento.as_ref().map(|x| format!("{}: {}", x.provvedimento, x.motivo)));
    for a in &d.anomalie {
        metti("Da controllare", Some(format!("{}: {}", viste::etichetta(&a.campo), a.messaggio)));
    }
    f
}

fn soggetti(r: &Registrazione) -> Vec<(String, String, String)> {
    let d = &r.dati;
    let uno = |ruolo: &str, s: &Soggetto| {
        let dettagli = [s.codice().filter(|_| s.ufficio().is_none()), s.indirizzo_digitale()];
        (ruolo.to_owned(), s.nome_completo(), dettagli.into_iter().flatten().collect::<Vec<_>>().join(" · "))
    };
    let mittenti = d.mittente.iter().chain(&d.altri_mittenti).map(|s| uno("Mittente", s));
    let destinatari = d
        .destinatari
        .iter()
        .map(|x| uno(if x.per_conoscenza { "Destinatario per conoscenza" } else { "Destinatario" }, &x.soggetto));
    mittenti.chain(destinatari).collect()
}

fn documenti(u: &Utente, r: &Registrazione, esami: Option<&EsamiDi>) -> Vec<v::Documento> {
    r.documenti
        .iter()
        .map(|d| {
            let impronta = d.impronta.hex();
            v::Documento {
                n: d.n,
                ruolo: if d.ruolo == RuoloDocumento::Primario { "Documento" } else { "Allegato" },
                nome: d.nome.clone(),
                tipo: genere(&d.mime, &d.nome),
                peso: viste::peso(d.byte),
                impronta_breve: format!("{}…", &impronta[..12]),
                impronta,
                href: format!("{}/registrazioni/{}/documenti/{}", u.base(), r.chiave, d.n),
                anteprima: mostrabile(&d.mime),
                firme: esami.map(|e| firme::vista(u, r, d, e)),
            }
        })
        .collect()
}

/// How its seal stands; when it was put, the history says.
fn sigillo(d: &Dettaglio) -> v::Sigillo {
    let r = &d.registrazione;
    match (r.stato_sigillo(), &r.sigillo) {
        (_, Some(s)) => v::Sigillo::Apposto {
            di: s.intestatario.clone(),
            emittente: emesso_da(&s.emittente),
            quando: d
                .operazioni
                .iter()
                .find(|o| matches!(o.evento, Evento::Sigillo(_)))
                .map_or_else(String::new, |o| viste::quando(o.istante)),
            qualificato: s.qualificato,
            peso: viste::peso(s.segnatura.byte),
        },
        (StatoSigillo::InAttesa, _) => v::Sigillo::InAttesa,
        _ => v::Sigillo::NonRichiesto,
    }
}

fn emesso_da(emittente: &str) -> String {
    format!("emesso da {emittente}")
}

fn qualificato(si: bool) -> &'static str {
    if si { "qualificato" } else { "non qualificato" }
}

fn genere(mime: &str, nome: &str) -> String {
    match mime {
        "application/pdf" => "PDF".to_owned(),
        "image/png" | "image/jpeg" | "image/tiff" | "image/gif" => "immagine".to_owned(),
        "application/pkcs7-mime" => "firmato (p7m)".to_owned(),
        "message/rfc822" => "messaggio".to_owned(),
        _ => nome
            .rsplit_once('.')
            .map(|(_, e)| e)
            .filter(|e| e.len() <= 5 && e.bytes().all(|b| b.is_ascii_alphanumeric()))
            .map_or_else(|| mime.to_owned(), str::to_ascii_uppercase),
    }
}

fn assegnazione(u: &Utente, a: &Assegnazione, ora: bool) -> v::Assegnazione {
    let mia = ora && u.chi.uffici.contains(&a.dati.ufficio) && u.ha(Diritto::PrendeInCarico);
    let mut righe = vec![format!("Assegnata da {}, {}", a.assegnata_da, viste::quando(a.dal))];
    if let (Some(chi), Some(il)) = (&a.gestita_da, a.gestita_il) {
        righe.push(format!("{} da {chi}, {}", parole(a.stato), viste::quando(il)));
    }
    let ufficio = nome_ufficio(u, &a.dati.ufficio);
    v::Assegnazione {
        id: a.id,
        a: match &a.dati.utente {
            Some(p) => {
                let nome = u.conf.utenti.get(p).map_or_else(|| p.to_string(), |x| x.nome_completo());
                format!("{ufficio}, {nome}")
            }
            None => ufficio,
        },
        tipo: match a.dati.tipo {
            TipoAssegnazione::Competenza => "competenza",
            TipoAssegnazione::Conoscenza => "conoscenza",
        },
        stato: parole(a.stato),
        codice: a.stato.codice(),
        righe,
        motivo: a.motivo.clone().unwrap_or_default(),
        prendibile: mia && a.stato == StatoAssegnazione::DaPrendere,
        gestibile: mia && matches!(a.stato, StatoAssegnazione::DaPrendere | StatoAssegnazione::InCarico),
    }
}

fn parole(s: StatoAssegnazione) -> &'static str {
    match s {
        StatoAssegnazione::DaPrendere => "Da prendere in carico",
        StatoAssegnazione::InCarico => "Presa in carico",
        StatoAssegnazione::Rifiutata => "Rifiutata",
        StatoAssegnazione::Conclusa => "Conclusa",
    }
}

fn collegamenti(u: &Utente, r: &Registrazione, risposte: &[Chiave]) -> Vec<(String, String, String)> {
    let uno = |x: &dominio::registrazione::RiferimentoEsteso, nota: String| {
        let nostra = x.ente == *u.ente.ipa() && x.aoo == u.aoo;
        let chiave = format!("{}/{}/{}", x.registro, x.anno, x.numero.valore());
        let nome = format!("{} {}/{}", x.numero.esteso(), x.registro, x.anno);
        if nostra {
            (format!("{}/registrazioni/{chiave}", u.base()), nome, nota)
        } else {
            (String::new(), format!("{nome} ({} {})", x.ente, x.aoo), nota)
        }
    };
    let nostra = |k: &Chiave, nota: &str| {
        let nome = format!("{} {}/{}", k.numero.esteso(), k.registro, k.anno);
        (format!("{}/registrazioni/{k}", u.base()), nome, nota.to_owned())
    };
    let a_cui = r.dati.risponde_a.iter().map(|x| nostra(&x.chiave, "a cui questa risponde"));
    a_cui
        .chain(risposte.iter().map(|k| nostra(k, "risposta a questa")))
        .chain(r.collegamenti.iter().map(|c| uno(&c.riferimento, c.nota.clone().unwrap_or_default())))
        .chain(r.dati.riferimenti.iter().map(|x| uno(x, "riferimento alla registrazione".to_owned())))
        .chain(r.dati.prima_registrazione.iter().map(|x| uno(x, "prima registrazione".to_owned())))
        .collect()
}

/// The history, newest first; each operation with what it changed.
fn storia(u: &Utente, d: &Dettaglio) -> Vec<v::Operazione> {
    let mut ops = d.operazioni.iter();
    let Some(prima) = ops.next() else { return Vec::new() };
    let mut stato = Registrazione::da_operazioni([prima]);
    let mut out = vec![operazione(u, prima, Vec::new())];
    for o in ops {
        let mut dopo = stato.clone();
        if let Some(r) = dopo.as_mut() {
            r.applica(o);
        }
        let cambi = match (&stato, &dopo) {
            (Some(a), Some(b)) => confronta(a, b)
                .into_iter()
                .filter(|x| x.prima != x.dopo && confronto::interessa(&x.campo) && !x.campo.starts_with("sigillo."))
                .map(|x| (viste::etichetta(&x.campo), in_parole(&x.campo, &x.prima), in_parole(&x.campo, &x.dopo)))
                .collect(),
            _ => Vec::new(),
        };
        out.push(operazione(u, o, cambi));
        stato = dopo;
    }
    out.reverse();
    out
}

/// A value of the comparison as people read it.
pub fn in_parole(campo: &str, valore: &Value) -> String {
    match valore {
        Value::Null => String::new(),
        Value::Bool(b) => if *b { "sì" } else { "no" }.to_owned(),
        Value::String(s) => {
            let e_istante = s.len() > 19 && s.as_bytes().get(10) == Some(&b'T');
            match dominio::tempo::Istante::leggi(s) {
                Ok(t) if e_istante => viste::quando(t),
                _ if campo.ends_with("stato") => s.replace('-', " "),
                _ => s.clone(),
            }
        }
        Value::Number(n) if campo.ends_with("byte") => viste::peso(n.as_u64().unwrap_or(0)),
        altro => altro.to_string(),
    }
}

fn operazione(u: &Utente, o: &Operazione, cambi: Vec<(String, String, String)>) -> v::Operazione {
    let ufficio = o.operatore.ufficio.as_ref().map_or_else(String::new, |c| format!(", {}", nome_ufficio(u, c)));
    v::Operazione {
        indice: o.indice,
        cosa: o.evento.in_parole().to_owned(),
        dettaglio: match &o.evento {
            Evento::Sigillo(s) => {
                format!("Sigillo {} di {}, {}", qualificato(s.qualificato), s.intestatario, emesso_da(&s.emittente))
            }
            _ => String::new(),
        },
        chi: format!("{}{ufficio}", o.operatore.nome),
        quando: viste::quando(o.istante),
        istante: viste::per_macchine(o.istante),
        porta: match o.porta {
            Porta::Pagina => "dalle pagine",
            Porta::Rest => "da un programma",
            Porta::Soap => "dai servizi web",
            Porta::Pec => "dalla PEC",
            Porta::Cli => "dalla riga di comando",
            Porta::Importazione => "da un'importazione",
            Porta::Sistema => "dal sistema",
        },
        cambi,
    }
}

/// Index and words of each point of the history, oldest first.
pub fn punti(d: &Dettaglio) -> Vec<(u64, String)> {
    d.operazioni
        .iter()
        .map(|o| (o.indice, format!("{} · {} · {}", viste::quando(o.istante), o.evento.in_parole(), o.operatore.nome)))
        .collect()
}

/// What a receipt of the registration may show or keep to itself: fields and their names.
fn rivelabili(r: &Registrazione) -> Vec<(&'static str, &'static str)> {
    let d = &r.dati;
    [
        (true, "oggetto", "Oggetto"),
        (d.mittente.is_some(), "mittente", "Mittente"),
        (!d.altri_mittenti.is_empty(), "altriMittenti", "Altri mittenti"),
        (!d.destinatari.is_empty(), "destinatari", "Destinatari"),
        (!r.documenti.is_empty(), "documenti", "Documenti: nomi e impronte"),
        (true, "classificazione", "Classificazione"),
        (true, "operatore", "Chi ha registrato"),
    ]
    .into_iter()
    .filter_map(|(c_e, codice, nome)| c_e.then_some((codice, nome)))
    .collect()
}
