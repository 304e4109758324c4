//! What `/metriche` says: requests, writers, readers, files, anchors, witnesses, the process. Numbers and codes of
//! enti, nothing of what is registered; as many lines as there are enti open here, and looking opens none.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use archivio::EnteStore;
use archivio::misure::{Istogramma, MisureEnte, SECCHI_GRUPPO, SECCHI_MS};
use dominio::codici::CodiceIpa;

use crate::Servizio;

/// The rounds that went well, ente by ente: the last one says since when everything is signed and put where anchors go.
#[derive(Debug, Default)]
pub struct Giri(Mutex<BTreeMap<CodiceIpa, SystemTime>>);

impl Giri {
    /// A round of this ente went well just now.
    pub fn riuscito(&self, ipa: &CodiceIpa) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(ipa.clone(), SystemTime::now());
    }

    /// Others make the rounds now.
    pub fn dimentica(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn eta_s(&self) -> Vec<(CodiceIpa, f64)> {
        let ora = SystemTime::now();
        let g = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        g.iter().map(|(i, t)| (i.clone(), ora.duration_since(*t).unwrap_or_default().as_secs_f64())).collect()
    }
}

/// Refusals by what they say, of which there are as many as the words of [`crate::problema`].
#[derive(Debug, Default)]
pub struct Rifiuti(Mutex<HashMap<&'static str, u64>>);

impl Rifiuti {
    /// One more.
    pub fn conta(&self, causa: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(causa).or_default() += 1;
    }

    /// So many for this cause.
    pub fn di(&self, causa: &str) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(causa).copied().unwrap_or(0)
    }

    /// So far, sorted.
    fn elenco(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(k, n)| (*k, *n)).collect()
    }
}

/// A page of metrics in the making, in the text format of Prometheus.
#[derive(Default)]
pub(crate) struct Foglio(pub String);

impl Foglio {
    /// What a metric is.
    pub fn capo(&mut self, nome: &str, tipo: &str, che: &str) {
        let _ = write!(self.0, "# HELP {nome} {che}\n# TYPE {nome} {tipo}\n");
    }

    /// One of its values.
    pub fn riga(&mut self, nome: &str, etichette: &str, valore: impl std::fmt::Display) {
        match etichette {
            "" => _ = writeln!(self.0, "{nome} {valore}"),
            e => _ = writeln!(self.0, "{nome}{{{e}}} {valore}"),
        }
    }

    /// One that has one value.
    pub fn uno(&mut self, nome: &str, tipo: &str, che: &str, valore: impl std::fmt::Display) {
        self.capo(nome, tipo, che);
        self.riga(nome, "", valore);
    }

    /// The buckets of a histogram, not cumulated, with their upper bounds but the last one's.
    pub fn secchi(&mut self, nome: &str, etichette: &str, secchi: &[u64], limiti: &[f64], somma: f64) {
        let (virgola, mut cumulo) = (if etichette.is_empty() { "" } else { "," }, 0);
        for (n, quanti) in secchi.iter().enumerate() {
            cumulo += quanti;
            let le = limiti.get(n).map_or("+Inf".to_owned(), f64::to_string);
            self.riga(&format!("{nome}_bucket"), &format!("{etichette}{virgola}le=\"{le}\""), cumulo);
        }
        self.riga(&format!("{nome}_sum"), etichette, somma);
        self.riga(&format!("{nome}_count"), etichette, cumulo);
    }
}

fn somma<const N: usize>(tutti: &[MisureEnte], quale: impl Fn(&MisureEnte) -> &Istogramma<N>) -> Istogramma<N> {
    let mut out = Istogramma::default();
    for i in tutti.iter().map(quale) {
        out.secchi.iter_mut().zip(i.secchi).for_each(|(a, b)| *a += b);
        out.somma += i.somma;
    }
    out
}

/// All of it.
pub async fn testo(s: &Servizio) -> String {
    let mut f = Foglio::default();
    s.metriche.scrivi(&mut f);
    if let Some(p) = s.ancore.posta() {
        p.metriche(&mut f);
    }
    let sola_lettura = s.sola_lettura.motivo().await.is_some();
    f.uno("protocollo_sola_lettura", "gauge", "1 se si può solo consultare", u8::from(sola_lettura));
    f.capo("protocollo_rifiuti_totale", "counter", "Richieste rifiutate, per causa (il type del problema)");
    for (causa, n) in s.metriche.rifiuti.elenco() {
        f.riga("protocollo_rifiuti_totale", &format!("causa=\"{causa}\""), n);
    }
    let (al_lavoro, massimo) = s.code.misure();
    f.uno("protocollo_enti_al_lavoro", "gauge", "Enti con richieste in corso", al_lavoro);
    f.uno(
        "protocollo_ente_richieste_in_corso_massimo",
        "gauge",
        "Richieste in corso dell'ente che ne ha di più",
        massimo,
    );
    f.uno(
        "protocollo_rifiuti_equita_totale",
        "counter",
        "Richieste rifiutate perché il loro ente ne aveva troppe in corso",
        s.code.rifiutate(),
    );
    enti(&mut f, &s.store.aperti(), s.store.misure_a_riposo());
    f.capo(
        "protocollo_ente_ultimo_giro_eta_secondi",
        "gauge",
        "Da quanto i checkpoint dell'ente sono firmati e depositati",
    );
    for (ipa, eta) in s.metriche.giri.eta_s() {
        f.riga("protocollo_ente_ultimo_giro_eta_secondi", &format!("ente=\"{ipa}\""), eta.round());
    }
    s.sigilli.misure(&mut f, &s.store.aperti());
    f.uno(
        "protocollo_ancore_mancate",
        "gauge",
        "Registri il cui checkpoint non si è potuto depositare",
        s.ancore.avvisi().len(),
    );
    let (testimoni, in_errore, altra_storia) = s.testimoni.misure();
    f.uno("protocollo_testimoni", "gauge", "Testimoni configurati", testimoni);
    f.uno("protocollo_testimoni_in_errore", "gauge", "Testimoni che non si raggiungono o rifiutano", in_errore);
    f.uno("protocollo_testimoni_altra_storia", "gauge", "Testimoni che hanno visto un'altra storia", altra_storia);
    let pool = s.store.pool();
    if !pool.is_empty() {
        f.capo("protocollo_connessioni_in_uso", "gauge", "Connessioni con il database al lavoro");
        pool.iter().for_each(|p| f.riga("protocollo_connessioni_in_uso", &format!("per=\"{}\"", p.nome), p.in_uso));
        f.capo("protocollo_connessioni_massimo", "gauge", "Connessioni con il database, al più");
        pool.iter().for_each(|p| f.riga("protocollo_connessioni_massimo", &format!("per=\"{}\"", p.nome), p.massimo));
        f.capo("protocollo_connessioni_in_attesa", "gauge", "Chi aspetta una connessione");
        pool.iter()
            .for_each(|p| f.riga("protocollo_connessioni_in_attesa", &format!("per=\"{}\"", p.nome), p.in_attesa));
    }
    if let Some(sincrono) = archivio::orologio::sincronizzato() {
        f.uno(
            "protocollo_orologio_sincronizzato",
            "gauge",
            "1 se l'orologio ha un riferimento (NTP)",
            u8::from(sincrono),
        );
    }
    processo(&mut f);
    f.0
}

/// A number of one ente.
type DiUno = fn(&dyn EnteStore, &MisureEnte) -> u64;

fn enti(f: &mut Foglio, aperti: &[std::sync::Arc<dyn EnteStore>], a_riposo: Vec<MisureEnte>) {
    let mut misure: Vec<MisureEnte> = aperti.iter().map(|e| e.misure()).collect();
    f.uno("protocollo_enti_aperti", "gauge", "Enti aperti in questo processo", aperti.len());
    f.uno("protocollo_enti_a_riposo", "gauge", "Enti chiusi perché nessuno li chiede", a_riposo.len());
    let per_ente: [(&str, &str, &str, DiUno); 6] = [
        ("protocollo_ente_impedito", "gauge", "1 se l'ente non può registrare", |e, _| {
            u64::from(e.impedimento().is_some())
        }),
        ("protocollo_ente_coda", "gauge", "Comandi che aspettano lo scrittore dell'ente", |_, m| m.in_coda as u64),
        ("protocollo_ente_rifiuti_coda_totale", "counter", "Comandi rifiutati perché la coda era piena", |_, m| {
            m.rifiutati
        }),
        ("protocollo_ente_letture", "gauge", "Letture in corso", |_, m| m.letture.0 as u64),
        ("protocollo_ente_letture_in_attesa", "gauge", "Letture che aspettano il loro posto", |_, m| {
            m.letture.1 as u64
        }),
        ("protocollo_ente_rifiuti_letture_totale", "counter", "Letture rifiutate", |_, m| m.letture.2),
    ];
    for (nome, tipo, che, quanto) in per_ente {
        f.capo(nome, tipo, che);
        for (e, m) in aperti.iter().zip(&misure) {
            f.riga(nome, &format!("ente=\"{}\"", e.ipa()), quanto(&**e, m));
        }
    }
    // What was counted does not go back when an ente is closed.
    misure.extend(a_riposo);
    let durata = somma(&misure, |m| &m.durata_us);
    let limiti = SECCHI_MS.map(|ms| ms as f64 / 1_000.0);
    let nome = "protocollo_gruppo_secondi";
    f.capo(nome, "histogram", "Quanto dura un gruppo di comandi scritto insieme, fino all'ultima risposta");
    f.secchi(nome, "", &durata.secchi, &limiti, durata.somma as f64 / 1e6);
    let gruppo = somma(&misure, |m| &m.gruppo);
    let limiti = SECCHI_GRUPPO.map(|n| n as f64);
    f.capo("protocollo_gruppo_comandi", "histogram", "Comandi di un gruppo");
    f.secchi("protocollo_gruppo_comandi", "", &gruppo.secchi, &limiti, gruppo.somma as f64);
    let (file, byte) = misure.iter().fold((0, 0), |(n, b), m| (n + m.file, b + m.file_byte));
    f.uno("protocollo_file_totale", "counter", "File di documenti registrati", file);
    f.uno("protocollo_file_byte_totale", "counter", "Byte di quei file", byte);
}

/// The process as the kernel tells it, under the names that everybody uses; nothing where the kernel does not tell.
fn processo(f: &mut Foglio) {
    let letto = |nome: &str| std::fs::read_to_string(format!("/proc/self/{nome}")).unwrap_or_default();
    let stato = letto("status");
    let campo = |nome: &str| -> Option<u64> {
        stato.lines().find_map(|r| r.strip_prefix(nome)?.trim().trim_end_matches("kB").trim().parse().ok())
    };
    if let Some(kb) = campo("VmRSS:") {
        f.uno("process_resident_memory_bytes", "gauge", "Memoria residente", kb * 1_024);
    }
    if let Some(n) = campo("Threads:") {
        f.uno("process_threads", "gauge", "Fili di esecuzione", n);
    }
    // Fields 14 and 15, in hundredths of a second; the name in field 2 may hold spaces.
    let stat = letto("stat");
    let dopo = stat.rsplit_once(')').map_or("", |(_, d)| d);
    let cpu: Vec<f64> = dopo.split_whitespace().skip(11).take(2).filter_map(|t| t.parse().ok()).collect();
    if let [utente, sistema] = cpu[..] {
        f.uno("process_cpu_seconds_total", "counter", "Tempo di processore", (utente + sistema) / 100.0);
    }
    if let Ok(fd) = std::fs::read_dir("/proc/self/fd") {
        f.uno("process_open_fds", "gauge", "File aperti", fd.count());
    }
    let limiti = letto("limits");
    let massimo =
        limiti.lines().find_map(|r| r.strip_prefix("Max open files")?.split_whitespace().next()?.parse::<u64>().ok());
    if let Some(n) = massimo {
        f.uno("process_max_fds", "gauge", "File che si possono aprire", n);
    }
    let ora = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    f.uno("protocollo_ora_secondi", "gauge", "L'orologio della macchina", ora);
}
