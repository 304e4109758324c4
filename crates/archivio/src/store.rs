//! The store as the service sees it: domain commands in, domain values out, never rows.
//!
//! [`Store`] is an installation; [`EnteStore`] one ente, and **nothing of another ente can be reached through it**:
//! each has its own file, writer and keys (R-L25). PostgreSQL joins behind the same traits.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use catena::nota::FirmaNota;
use catena::testimone::{Richiesta, Rifiuto as RifiutoTestimone};
use catena::{ChiavePubblica, Testimone};
use dominio::codici::{CodiceAoo, CodiceIpa, CodiceRegistro, CodiceUfficio, CodiceVoce, Impronta, NomeUtente};
use dominio::comandi::{Comando, ComandoConfigurazione};
use dominio::configurazione::{Configurazione, DatiEnte, DatiRegistro};
use dominio::epoca::{Lacuna, NuovaLacuna};
use dominio::errori::Rigore;
use dominio::nuova::NuovaRegistrazione;
use dominio::operazione::Operazione;
use dominio::permessi::Operatore;
use dominio::piatto::Campi;
use dominio::registrazione::{Chiave, DatiRegistrazione, Documento, Registrazione, RuoloDocumento, StatoAssegnazione};
use dominio::tempo::{Giorno, Istante};

use crate::aperti::Riposo;
use crate::misure::{MisuraPool, MisureEnte};

mod esami;
mod liste;

pub use esami::{DaEsaminare, ESAMI_MAX, ESITO_MAX, Esame, EsameScritto, EsamiDi, Lotto, Segno};
pub use liste::{
    AnnullamentoScritto, Coda, Corrispondente, Fascicolo, Filtro, Pagina, Pratica, RichiestaScritta, Trovata,
};

pub use crate::accessi::{Accesso, AccessoScritto, Azione, FiltroAccessi};
pub use crate::errore::{DISCO_GUASTO, DISCO_PIENO, ESITO_IGNOTO, Errore, Esito, S3_MUTO, S3_RIFIUTA};
use crate::file::cifra;
pub use crate::file::lettura::FileLetto;

/// Which operations log of an ente.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Registro {
    /// The ente's own: AOO, users, roles.
    Ente,
    /// That of an AOO.
    Aoo(CodiceAoo),
}

/// An ente to be created, with its first administrator.
#[derive(Debug, Clone)]
pub struct NuovoEnte {
    /// The ente.
    pub dati: DatiEnte,
    /// Who creates it.
    pub chi: Operatore,
}

/// An AOO to be created.
#[derive(Debug, Clone)]
pub struct NuovaAoo {
    /// IPA code of the AOO.
    pub codice: CodiceAoo,
    /// Its name.
    pub denominazione: String,
    /// Origin of its log, given once for ever (`example.org/c_z999/AOO1`).
    pub origine: String,
    /// Sorting office; with a name it is created at once, without it must be the next thing created.
    pub ufficio_smistamento: (CodiceUfficio, Option<String>),
    /// Whether an entrata may wait for its classificazione.
    pub consente_da_classificare: bool,
    /// Conventional entry "da classificare", created with it.
    pub voce_da_classificare: CodiceVoce,
    /// First day of the titolario and of that entry.
    pub dal: Giorno,
    /// Institutional mailbox.
    pub pec: Option<String>,
    /// Registers, the general one first.
    pub registri: Vec<DatiRegistro>,
}

/// A key that makes a POST repeatable (contract § 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotenza {
    /// Token or user, never shared between AOO (the store adds the AOO).
    pub ambito: String,
    /// As the client gave it.
    pub chiave: String,
    /// SHA-256 of the canonical request (`dati` and role, name, impronta of each file).
    pub richiesta: [u8; 32],
}

/// A file already stored and fsynced, not yet part of a registration. Dropping it without use leaves it to the sweeper.
#[derive(Debug)]
pub struct FileCaricato {
    /// Object in the store.
    pub oggetto: String,
    /// SHA-256 of its bytes.
    pub impronta: Impronta,
    /// Size.
    pub byte: u64,
    /// Its key, when it is encrypted at rest.
    pub(crate) avvolta: Option<crate::file::chiavi::Avvolta>,
    /// Under whose lease it was uploaded, where others sweep too.
    pub(crate) affittuario: Option<String>,
    /// Keeps the sweeper away while the request lives.
    pub(crate) _affitto: crate::file::Affitto,
}

impl FileCaricato {
    /// How its bytes are kept.
    pub(crate) fn codifica(&self) -> &'static str {
        if self.avvolta.is_some() { cifra::CIFRATA } else { cifra::IN_CHIARO }
    }
}

/// A file with its place in a registration.
#[derive(Debug)]
pub struct FileDaRegistrare {
    /// Primary or attached.
    pub ruolo: RuoloDocumento,
    /// Name as given.
    pub nome: String,
    /// MIME type.
    pub mime: String,
    /// The stored bytes.
    pub file: FileCaricato,
}

/// A new registration on its way to the writer.
#[derive(Debug)]
pub struct DaRegistrare {
    /// Who.
    pub chi: Operatore,
    /// In which register.
    pub registro: CodiceRegistro,
    /// How hard the data are checked.
    pub rigore: Rigore,
    /// The data.
    pub dati: NuovaRegistrazione,
    /// The files.
    pub file: Vec<FileDaRegistrare>,
    /// Repeatable?
    pub idempotenza: Option<Idempotenza>,
    /// What else must hold before it gets its number, for who knows more than the register.
    pub controllo: Option<Controllo>,
}

/// Looks at a registration that was judged good, before it is handed to the writer.
#[derive(Clone)]
pub struct Controllo(pub Arc<Esamina>);

/// What it is asked.
pub type Esamina = dyn Fn(&Configurazione, &CodiceAoo, &DatiRegistrazione) -> Esito<()> + Send + Sync;

impl std::fmt::Debug for Controllo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Controllo(…)")
    }
}

/// What the writer answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatto {
    /// Index of the operation in its log.
    pub indice: u64,
    /// Its instant.
    pub istante: Istante,
    /// The registration it made or touched.
    pub chiave: Option<Chiave>,
    /// Its log entry.
    pub voce: [u8; 32],
    /// True when this is the first answer given again for the same Idempotency-Key.
    pub ripetuta: bool,
}

/// A secret that goes in beside an operation, in the same transaction, and never into the log.
#[derive(Clone, PartialEq, Eq)]
pub enum Segreto {
    /// PHC string of a password.
    Password(String),
    /// SHA-256 of a token's secret.
    Token([u8; 32]),
    /// What opens the key of a seal; kept wrapped.
    Sigillo(Vec<u8>),
    /// The key made for a seal that is asked for: kept wrapped by the installation's.
    ChiaveSigillo(Vec<u8>),
}

impl std::fmt::Debug for Segreto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Segreto(…)")
    }
}

/// An operation as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct OperazioneScritta {
    /// Index in its log.
    pub indice: u64,
    /// The flat fields.
    pub campi: Campi,
    /// Seed of the salts.
    pub seme: [u8; 32],
    /// Log entry.
    pub voce: [u8; 32],
}

/// What a witness said of a checkpoint of a log kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cofirma {
    /// How many operations the checkpoint covers.
    pub dimensione: u64,
    /// When the witness says it saw it.
    pub istante: Istante,
    /// Its line of signature.
    pub riga: String,
}

/// The largest checkpoint of a log that somebody outside is known to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposito {
    /// Who has it: an address.
    pub dove: String,
    /// Of which log.
    pub origine: String,
    /// How many operations it covers.
    pub dimensione: u64,
    /// Since when.
    pub istante: Istante,
}

/// A browser session (R-L01).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sessione {
    /// Whose.
    pub utente: NomeUtente,
    /// Token of the forms.
    pub csrf: String,
    /// When it ends.
    pub scadenza: Istante,
}

/// A file being received: bytes go in, an [`FileCaricato`] comes out, fsynced.
#[async_trait]
pub trait Caricamento: Send {
    /// Takes more bytes.
    async fn scrivi(&mut self, byte: &[u8]) -> Esito<()>;
    /// Fsyncs and closes.
    async fn chiudi(self: Box<Self>) -> Esito<FileCaricato>;
}

/// An installation.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Every ente, sorted.
    async fn enti(&self) -> Esito<Vec<CodiceIpa>>;
    /// One ente; `None` when it is not here.
    async fn ente(&self, ipa: &CodiceIpa) -> Esito<Option<Arc<dyn EnteStore>>>;
    /// The enti that are open in this process: whoever only looks opens none.
    fn aperti(&self) -> Vec<Arc<dyn EnteStore>>;
    /// Is this ente one of them, or one that rests?
    fn e_aperto(&self, ipa: &CodiceIpa) -> bool {
        self.aperti().iter().any(|e| e.ipa() == ipa)
    }
    /// As [`Self::ente`], for what goes on by itself: it is not a reason to keep it open.
    async fn guarda(&self, ipa: &CodiceIpa) -> Esito<Option<Arc<dyn EnteStore>>> {
        self.ente(ipa).await
    }
    /// Closes an ente for which nobody asked for so long, of which nothing is under way and everything is signed; the next
    /// request opens it again. Says whether it is closed now.
    async fn riposa(&self, _ipa: &CodiceIpa, _da: Duration) -> bool {
        false
    }
    /// How an ente that [`Self::riposa`] closed was then; `None` when it must be asked.
    fn a_riposo(&self, _ipa: &CodiceIpa) -> Option<Riposo> {
        None
    }
    /// Those at rest in which nobody wrote since, on any node.
    async fn invariati(&self) -> Esito<HashSet<CodiceIpa>> {
        Ok(HashSet::new())
    }
    /// What those at rest had counted.
    fn misure_a_riposo(&self) -> Vec<MisureEnte> {
        Vec::new()
    }
    /// The connections that all enti share, where they do.
    fn pool(&self) -> Vec<MisuraPool> {
        Vec::new()
    }
    /// Is it this process's turn at a job that the nodes of an installation do once between them? Who has it keeps it for
    /// `durata` and renews it by asking again; if he dies, another has it after that. A lone process always has it.
    async fn turno(&self, _lavoro: &str, _durata: Duration) -> Esito<bool> {
        Ok(true)
    }
    /// Leaves a turn to whoever comes first.
    async fn lascia_turno(&self, _lavoro: &str) -> Esito<()> {
        Ok(())
    }
    /// Creates an ente; 409 when it exists.
    async fn crea_ente(&self, nuovo: NuovoEnte) -> Esito<Arc<dyn EnteStore>>;

    /// The key with which this installation cosigns the logs of others: drawn the first time, under this name, which
    /// then stays.
    async fn chiave_testimone(&self, nome: &str) -> Esito<Testimone>;
    /// Cosigns a checkpoint of one of the logs watched, or says why not (C2SP `tlog-witness`). What was cosigned is on
    /// disk before the answer, whatever is asked meanwhile.
    async fn cofirma(
        &self,
        richiesta: &Richiesta,
        osservati: &[ChiavePubblica],
    ) -> Esito<Result<FirmaNota, RifiutoTestimone>>;
    /// The largest checkpoint cosigned of a log: its own signatures, then ours.
    async fn osservato(&self, origine: &str) -> Esito<Option<String>>;
}

/// One ente.
#[async_trait]
pub trait EnteStore: Send + Sync + 'static {
    /// Its IPA code.
    fn ipa(&self) -> &CodiceIpa;
    /// Snapshot of the configuration: cheap, an `Arc`.
    fn configurazione(&self) -> Arc<Configurazione>;
    /// Now, as far as it is believed: a clock that leapt forward ends no session, token or role.
    fn ora(&self) -> Istante;
    /// What the machine's clock says; and whether, when it was last read, it waited for the RGD to confirm it (R-A21).
    fn orologio(&self) -> (Istante, bool);
    /// `Some` says why registrations were refused when somebody last asked.
    fn impedimento(&self) -> Option<String>;
    /// What it counted since it was opened.
    fn misure(&self) -> MisureEnte;
    /// How it is now (readiness): reads the clock, and tries again whatever part of the storage refused a write.
    async fn salute(&self) -> Salute;

    /// Creates an AOO with its sorting office, conventional entry, registers and log key.
    async fn crea_aoo(&self, chi: &Operatore, nuova: NuovaAoo) -> Esito<Fatto>;
    /// Registers a document: number, instant, operation, entry and rows on disk together, then the answer.
    async fn registra(&self, aoo: &CodiceAoo, nuova: DaRegistrare) -> Esito<Fatto>;
    /// The same, with the registration as that operation made it: what [`Self::registrazione`] would read.
    async fn registra_e_mostra(&self, aoo: &CodiceAoo, nuova: DaRegistrare) -> Esito<(Fatto, Registrazione)>;
    /// A command on a registration. `file` are the stored bytes of the documents named in `Comando::Allega`, in order.
    async fn comanda(
        &self,
        aoo: &CodiceAoo,
        chi: &Operatore,
        chiave: &Chiave,
        comando: Comando,
        file: Vec<FileCaricato>,
        idempotenza: Option<Idempotenza>,
    ) -> Esito<Fatto>;
    /// A command on the configuration, with the secret that goes beside it.
    async fn configura(
        &self,
        aoo: &CodiceAoo,
        chi: &Operatore,
        comando: ComandoConfigurazione,
        segreto: Option<Segreto>,
        idempotenza: Option<Idempotenza>,
    ) -> Esito<Fatto>;

    /// Every operation on a registration, oldest first; empty when it does not exist.
    async fn operazioni_di(&self, aoo: &CodiceAoo, chiave: &Chiave) -> Esito<Vec<Operazione>>;
    /// The registration now, or after the operation `fino` (included).
    async fn registrazione(&self, aoo: &CodiceAoo, chiave: &Chiave, fino: Option<u64>) -> Esito<Option<Registrazione>>;
    /// A page of the register for this operator, newest first. Reserved ones he may not see come masked, and never
    /// when a filter looks at contents.
    async fn cerca(
        &self,
        aoo: &CodiceAoo,
        chi: &Operatore,
        registro: &CodiceRegistro,
        f: &Filtro,
    ) -> Esito<Pagina<Trovata>>;
    /// Assignments of these offices in that state, oldest first: those of nobody in particular and those of `chi`.
    async fn scrivania(
        &self,
        aoo: &CodiceAoo,
        uffici: &[CodiceUfficio],
        chi: &NomeUtente,
        stato: StatoAssegnazione,
        conoscenza: bool,
        limite: usize,
    ) -> Esito<Coda>;
    /// The register of annulments with their acts, newest first, of what the operator may see.
    async fn annullamenti(
        &self,
        aoo: &CodiceAoo,
        chi: &Operatore,
        cursore: Option<&str>,
        limite: usize,
    ) -> Esito<Pagina<AnnullamentoScritto>>;
    /// Requests of annulment that wait, oldest first: those on registrations the operator may see.
    async fn richieste_annullamento(
        &self,
        aoo: &CodiceAoo,
        chi: &Operatore,
        cursore: Option<&str>,
        limite: usize,
    ) -> Esito<Pagina<RichiestaScritta>>;
    /// How many entrate wait for their classificazione.
    async fn da_classificare(&self, aoo: &CodiceAoo) -> Esito<u64>;
    /// Registrations whose segnatura waits for its seal, oldest first.
    async fn da_sigillare(&self, aoo: &CodiceAoo, limite: usize) -> Esito<Vec<Chiave>>;
    /// How many there are, and since when the oldest waits.
    async fn quante_da_sigillare(&self, aoo: &CodiceAoo) -> Esito<(u64, Option<Istante>)>;
    /// What opens the key of its seal, with the number of that secret.
    async fn segreto_sigillo(&self, aoo: &CodiceAoo) -> Esito<Option<(i64, Vec<u8>)>>;
    /// The next documents whose signatures nobody has examined, at most so many; none when nothing was registered since.
    async fn da_esaminare(&self, aoo: &CodiceAoo, limite: usize) -> Esito<Option<Lotto>>;
    /// Writes that what comes next is begun; `None` when another node is further already. Who finds it begun too often knows
    /// that it did not end well.
    async fn comincia_esame(&self, aoo: &CodiceAoo, da: Segno) -> Esito<Option<Segno>>;
    /// Goes from one point to another, and keeps what was found on the way; false, and nothing is kept, when another node did.
    async fn concludi_esame(
        &self,
        aoo: &CodiceAoo,
        da: Segno,
        fino: Segno,
        trovati: Vec<(DaEsaminare, Esame)>,
    ) -> Esito<bool>;
    /// A document of a registration, to be examined once more.
    async fn esaminabile(&self, aoo: &CodiceAoo, chiave: &Chiave, n: u32) -> Esito<Option<DaEsaminare>>;
    /// Keeps one more examination of a document, which somebody asked for.
    async fn aggiungi_esame(&self, d: DaEsaminare, chi: &NomeUtente, esame: Esame) -> Esito<()>;
    /// What is known of the files of a registration: the examinations of one document, newest first and at least that one; or the
    /// last of each; as far as they are together no longer than so many characters.
    async fn esami(&self, aoo: &CodiceAoo, chiave: &Chiave, solo: Option<u32>, caratteri: usize) -> Esito<EsamiDi>;
    /// What opens the key of the newest request for a seal.
    async fn chiave_richiesta(&self, aoo: &CodiceAoo) -> Esito<Option<Vec<u8>>>;
    /// Registrations that may be the same document: same impronta, or same sender's code and number (R-A26).
    async fn duplicati(
        &self,
        aoo: &CodiceAoo,
        impronte: &[Impronta],
        mittente: Option<(&str, &str)>,
    ) -> Esito<Vec<Chiave>>;
    /// Of the newest uscite that answer a registration those that the operator may see, newest first (R-C20).
    async fn risposte(&self, aoo: &CodiceAoo, chi: &Operatore, chiave: &Chiave) -> Esito<Vec<Registrazione>>;
    /// Correspondents whose name begins with these words or whose code is this, rubrica first, then history.
    async fn corrispondenti(&self, aoo: &CodiceAoo, q: &str, limite: usize) -> Esito<Vec<Corrispondente>>;
    /// The rubrica, by name.
    async fn rubrica(&self, aoo: &CodiceAoo, cursore: Option<&str>, limite: usize) -> Esito<Pagina<Corrispondente>>;
    /// Fascicoli, newest first.
    async fn fascicoli(&self, aoo: &CodiceAoo, cursore: Option<&str>, limite: usize) -> Esito<Pagina<Fascicolo>>;

    /// Begins to receive a file.
    async fn carica(&self) -> Esito<Box<dyn Caricamento>>;
    /// A stored file's bytes as they came, to be streamed; `None` when the ente has no such file.
    async fn file(&self, impronta: &Impronta) -> Esito<Option<FileLetto>>;
    /// One more key for the files of the ente, in force from now on; then every file's own key is wrapped by it, and no file
    /// is touched. With `nuova` false only the second: what an interruption left.
    async fn ruota_chiave_file(&self, chi: &str, nuova: bool) -> Esito<Rotazione>;
    /// Deletes staged files that belong to nothing and whose lease ended; says how many.
    async fn spazza(&self) -> Esito<u64>;

    /// Operations of a log from `da` on, in order.
    async fn scan_from(&self, registro: &Registro, da: u64, limite: usize) -> Esito<Vec<OperazioneScritta>>;
    /// Latest signed checkpoint of a log, with what witnesses said of it; signs a first one when there is none.
    async fn checkpoint(&self, registro: &Registro) -> Esito<String>;
    /// Signs a checkpoint if something changed since the last one; returns the latest.
    async fn firma_checkpoint(&self, registro: &Registro) -> Esito<String>;
    /// Takes a new key for a log: an operation names it, and for a while the old one signs beside it (contract § 3).
    async fn ruota_chiave(
        &self,
        registro: &Registro,
        chi: &Operatore,
        motivo: &str,
        idempotenza: Option<Idempotenza>,
    ) -> Esito<Fatto>;
    /// Opens an epoch of a log after a restore: numbers that may have been given are jumped (R-N05).
    async fn dichiara_lacuna(&self, registro: &Registro, chi: &Operatore, nuova: NuovaLacuna) -> Esito<Fatto>;
    /// Proof that the first `prima` operations of a log are the beginning of its first `dopo`.
    async fn prova_coerenza(&self, registro: &Registro, prima: u64, dopo: u64) -> Esito<Vec<[u8; 32]>>;
    /// Keeps what a witness said of the checkpoint of that size, once it verifies. Says whether it is new.
    async fn conserva_cofirma(
        &self,
        registro: &Registro,
        dimensione: u64,
        testimone: &Testimone,
        firma: &FirmaNota,
    ) -> Esito<bool>;
    /// The largest checkpoint that a witness cosigned.
    async fn ultima_cofirma(&self, registro: &Registro, testimone: &Testimone) -> Esito<Option<Cofirma>>;
    /// Public keys of a log, as C2SP vkeys, the current one first.
    async fn chiavi(&self, registro: &Registro) -> Esito<Vec<String>>;
    /// Bytes of a tile or entry bundle within the latest checkpoint; `None` past it.
    async fn tessera(&self, registro: &Registro, percorso: &str) -> Esito<Option<Vec<u8>>>;
    /// A receipt for one operation that discloses the fields for which `mostra` says so; waits for no clock: signs a
    /// checkpoint when the operation is past the latest one.
    async fn ricevuta(
        &self,
        registro: &Registro,
        indice: u64,
        mostra: &(dyn for<'a> Fn(&'a str) -> bool + Send + Sync),
    ) -> Esito<Option<catena::Ricevuta>>;

    /// PHC string of a user's password.
    async fn password(&self, utente: &NomeUtente) -> Esito<Option<String>>;
    /// Which token has this secret's SHA-256.
    async fn token(&self, segreto: &[u8; 32]) -> Esito<Option<String>>;
    /// Opens a session under the SHA-256 of its identifier.
    async fn apri_sessione(&self, id: [u8; 32], s: Sessione) -> Esito<()>;
    /// A session that has not ended.
    async fn sessione(&self, id: &[u8; 32]) -> Esito<Option<Sessione>>;
    /// Ends a session; with `utente`, every session of that person.
    async fn chiudi_sessioni(&self, id: Option<[u8; 32]>, utente: Option<&NomeUtente>) -> Esito<()>;

    /// Writes into the access log who looked at what; the answer comes after the commit (R-L08, R-L16).
    async fn annota_accesso(&self, a: Accesso) -> Esito<()>;
    /// Who saw what, newest first.
    async fn accessi(&self, aoo: &CodiceAoo, f: &FiltroAccessi) -> Esito<Pagina<AccessoScritto>>;
    /// Prunes accesses older than an instant; says how many.
    async fn pota_accessi(&self, prima: Istante) -> Esito<u64>;
    /// Signs the head of the access log if it moved; the latest note, `None` before the first access.
    async fn firma_accessi(&self) -> Esito<Option<String>>;

    /// Writes that somebody outside has checkpoints of these logs (origin, size): durable before the answer.
    async fn annota_depositi(&self, dove: &str, cosa: Vec<(String, u64)>) -> Esito<()>;
    /// The last that each has of each log.
    async fn depositi(&self) -> Esito<Vec<Deposito>>;

    /// Recomputes everything; `avanza` is told what is being checked. Contract § 1, `verifica`.
    async fn verifica(&self, avanza: &(dyn for<'a> Fn(&'a str) + Send + Sync)) -> Esito<Verifica>;
}

/// What a rotation of the key of files did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Rotazione {
    /// The key in force; 0 when the ente keeps its files in clear.
    pub chiave: i64,
    /// Files whose key was wrapped anew.
    pub riavvolte: u64,
    /// Files whose key does not open any more: left as they are, for `verifica` to name.
    pub guaste: u64,
    /// Files that stay in clear, as they were stored.
    pub in_chiaro: u64,
}

/// How an ente is, asked now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Salute {
    /// Why registrations, or some of them, are refused.
    pub impedimenti: Vec<String>,
    /// What does not stop the register but wants to be known.
    pub avvisi: Vec<String>,
}

/// What `verifica` found.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Verifica {
    /// Operations recomputed.
    pub operazioni: u64,
    /// Registrations whose number was checked.
    pub registrazioni: u64,
    /// Checkpoints whose signature and root were checked.
    pub checkpoint: u64,
    /// Cosignatures of witnesses that were checked.
    pub cofirme: u64,
    /// Files whose bytes were hashed.
    pub file: u64,
    /// Rows of tables compared with what the log says.
    pub righe: u64,
    /// Rows of the access log whose chain was recomputed.
    pub accessi: u64,
    /// Gaps that operations declare (R-N05): no difference, but to be known.
    pub lacune: Vec<LacunaTrovata>,
    /// Anchors of a history that an epoch left behind.
    pub ancore_coperte: u64,
    /// Everything that does not hold.
    pub differenze: Vec<Discordanza>,
}

impl Verifica {
    /// With what was found elsewhere too.
    pub fn unisci(&mut self, v: Self) {
        self.operazioni += v.operazioni;
        self.registrazioni += v.registrazioni;
        self.checkpoint += v.checkpoint;
        self.cofirme += v.cofirme;
        self.file += v.file;
        self.righe += v.righe;
        self.accessi += v.accessi;
        self.lacune.extend(v.lacune);
        self.ancore_coperte += v.ancore_coperte;
        self.differenze.extend(v.differenze);
    }
}

/// A declared gap.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LacunaTrovata {
    /// Origin of the log.
    pub registro: String,
    /// Index of the operation.
    pub indice: u64,
    /// When.
    pub istante: Istante,
    /// Who.
    pub operatore: String,
    /// What it declares.
    #[serde(flatten)]
    pub lacuna: Lacuna,
}

/// One thing that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Discordanza {
    /// Where: table or log.
    pub tabella: String,
    /// Which row.
    pub chiave: String,
    /// Which field.
    pub campo: String,
    /// What the log, or the rule, wants.
    pub atteso: String,
    /// What is there.
    pub trovato: String,
}

/// The identity of a document as the answer of an upload.
pub fn documento(n: u32, f: &FileDaRegistrare) -> Documento {
    Documento {
        n,
        ruolo: f.ruolo,
        nome: f.nome.clone(),
        mime: f.mime.clone(),
        byte: f.file.byte,
        impronta: f.file.impronta,
    }
}
