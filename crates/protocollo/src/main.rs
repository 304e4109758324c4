//! The binary: verbs of the command line (contract § 1). Messages to people in Italian on stderr, results on stdout.
//! Exit 0 done; 1 the answer is no; 2 wrong usage or configuration; 3 the service or a file could not be reached.

mod ancore;
mod attiva;
mod campione;
mod carico;
mod chiavi_file;
mod configurazione;
mod copie;
mod demo;
mod eml;
mod firma;
mod lacuna;
mod parole;
mod pec;
mod segnatura;
mod sola_lettura;
mod trasferisci;
mod verifica;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATORE: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Il protocollo informatico aperto della pubblica amministrazione.
#[derive(Debug, Parser)]
#[command(name = "protocollo", version, about)]
struct Comando {
    #[command(subcommand)]
    verbo: Verbo,
}

#[derive(Debug, Subcommand)]
enum Verbo {
    /// Tutto il prodotto in un comando, su un ente di esempio.
    Demo(demo::Demo),
    /// Il servizio.
    Serve(demo::Serve),
    /// Attiva un ente da un file: ente, AOO, uffici, utenti, titolario, rubrica, sigillo. Due volte non cambia nulla.
    Attiva(attiva::Opzioni),
    /// Ricalcola tutto ciò che l'archivio contiene e dice che cosa non torna.
    Verifica(verifica::Opzioni),
    /// Ricevute verificabili.
    #[command(subcommand)]
    Ricevuta(verifica::VerboRicevuta),
    /// Firme, sigilli e marche temporali di altri.
    #[command(subcommand)]
    Firma(firma::Verbo),
    /// Checkpoint depositati altrove.
    #[command(subcommand)]
    Ancore(ancore::Verbo),
    /// Porta un'installazione da un motore all'altro; alla fine verifica.
    Trasferisci(trasferisci::Opzioni),
    /// Copia coerente di un archivio, anche mentre il servizio è in esercizio.
    Backup(copie::Backup),
    /// Ripristina una copia in una cartella nuova, e la verifica.
    Ripristina(copie::Ripristina),
    /// Dichiara saltati i numeri dati e perduti, dopo un ripristino fatto con altri strumenti (PostgreSQL): a servizio fermo.
    Epoca(copie::Epoca),
    /// Che cosa si sa, numero per numero, di ciò che un ripristino ha perduto; con le ricevute, lo prova e lo scrive.
    Lacuna(lacuna::Opzioni),
    /// Prova a ripristinare la copia più recente in una cartella temporanea, e ne fa rapporto.
    ProvaRipristino(copie::ProvaRipristino),
    /// Ferma le registrazioni su tutti i nodi, senza riavviare: si può solo consultare.
    SolaLettura(sola_lettura::Opzioni),
    /// Chiavi con cui i file dei documenti sono cifrati a riposo.
    #[command(subcommand)]
    ChiaviFile(chiavi_file::Verbo),
    /// Segnature di protocollo e messaggi di ritorno.
    #[command(subcommand)]
    Segnatura(segnatura::Verbo),
    /// Posta elettronica certificata.
    #[command(subcommand)]
    Pec(pec::Verbo),
    /// Misura la velocità su un archivio nuovo, a confronto con il motore nudo.
    Carico(carico::Opzioni),
}

fn main() -> ExitCode {
    let c = match Comando::try_parse() {
        Ok(c) => c,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let esito = match &c.verbo {
        Verbo::Demo(o) => demo::demo(o),
        Verbo::Serve(o) => demo::serve(o),
        Verbo::Attiva(o) => attiva::esegui(o),
        Verbo::Verifica(o) => verifica::esegui(o),
        Verbo::Ricevuta(v) => verifica::ricevuta(v),
        Verbo::Firma(v) => firma::esegui(v),
        Verbo::Ancore(v) => ancore::esegui(v),
        Verbo::Trasferisci(o) => trasferisci::esegui(o),
        Verbo::Backup(o) => copie::backup(o),
        Verbo::Ripristina(o) => copie::ripristina(o),
        Verbo::Epoca(o) => copie::epoca(o),
        Verbo::Lacuna(o) => lacuna::esegui(o),
        Verbo::ProvaRipristino(o) => copie::prova_ripristino(o),
        Verbo::SolaLettura(o) => sola_lettura::esegui(o),
        Verbo::ChiaviFile(v) => chiavi_file::esegui(v),
        Verbo::Segnatura(v) => segnatura::esegui(v),
        Verbo::Pec(v) => pec::esegui(v),
        Verbo::Carico(o) => carico::esegui(o),
    };
    match esito {
        Ok(codice) => ExitCode::from(codice),
        Err(e) => {
            eprintln!("Errore: {e:#}");
            ExitCode::from(codice(&e))
        }
    }
}

/// 3 when something could not be reached, 2 when it was asked wrongly.
fn codice(e: &anyhow::Error) -> u8 {
    use archivio::sqlite::copia::Guasto;
    let irraggiungibile = e.chain().any(|c| {
        c.is::<std::io::Error>()
            || matches!(c.downcast_ref::<archivio::Errore>(), Some(archivio::Errore::Archivio(_)))
            || matches!(c.downcast_ref::<Guasto>(), Some(Guasto::Archivio(archivio::Errore::Archivio(_))))
    });
    if irraggiungibile { 3 } else { 2 }
}
