//! A store to try, with an ente, offices and people in it, and a clock in the hand of the test.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use archivio::file::Custodia;
use archivio::postgres::{Opzioni, PostgresStore};
use archivio::sqlite::SqliteStore;
use archivio::store::*;
use archivio::{EnteStore, Store, sistema};
use dominio::codici::*;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::{DatiEnte, DatiRegistro, UltimoPrecedente};
use dominio::errori::Rigore;
use dominio::nuova::NuovaRegistrazione;
use dominio::permessi::{Incarico, Operatore, Porta, Ruolo};
use dominio::registrazione::RuoloDocumento;
use dominio::tempo::{Istante, Orologio};
use serde_json::json;

/// A clock that moves only when told; the elapsed one moves with it unless it is a lie.
pub struct OrologioDiProva {
    pub muro: AtomicI64,
    pub mono: AtomicI64,
}

impl OrologioDiProva {
    pub fn a(testo: &str) -> Arc<Self> {
        Arc::new(Self { muro: AtomicI64::new(Istante::leggi(testo).unwrap().0), mono: AtomicI64::new(0) })
    }
    pub fn passa(&self, us: i64) {
        self.muro.fetch_add(us, Ordering::SeqCst);
        self.mono.fetch_add(us, Ordering::SeqCst);
    }
    pub fn mente(&self, us: i64) {
        self.muro.fetch_add(us, Ordering::SeqCst);
    }
}

impl Orologio for OrologioDiProva {
    fn adesso(&self) -> Istante {
        Istante(self.muro.load(Ordering::SeqCst))
    }
    fn monotono(&self) -> i64 {
        self.mono.load(Ordering::SeqCst)
    }
    fn avvio(&self) -> Option<String> {
        Some("prova".to_owned())
    }
}

pub struct Banco {
    pub dir: tempfile::TempDir,
    pub orologio: Arc<OrologioDiProva>,
    pub store: Arc<dyn Store>,
    pub ente: Arc<dyn EnteStore>,
}

pub fn ipa() -> CodiceIpa {
    "c_z999".parse().unwrap()
}
pub fn aoo() -> CodiceAoo {
    "AOO1".parse().unwrap()
}
pub fn pg() -> CodiceRegistro {
    CodiceRegistro::generale()
}

/// The server on which the suite runs, if it is not on SQLite.
pub fn server() -> Option<String> {
    std::env::var("PROTOCOLLO_POSTGRES").ok().filter(|u| !u.is_empty())
}

/// Is the ente in a file? What looks into it, or does something to it, is of that engine alone.
pub fn su_file() -> bool {
    let si = server().is_none();
    if !si {
        eprintln!("solo su SQLite");
    }
    si
}

/// The archive of a folder: on PostgreSQL its database has the folder's name.
pub async fn apri(dir: &Path, o: Arc<OrologioDiProva>) -> Arc<dyn Store> {
    apri_con(dir, o, Custodia::default()).await
}

/// With its files kept so.
pub async fn apri_con(dir: &Path, o: Arc<OrologioDiProva>, custodia: Custodia) -> Arc<dyn Store> {
    let Some(url) = server() else { return SqliteStore::apri_con(dir, o, custodia).unwrap() };
    let nome: String = dir.file_name().unwrap().to_str().unwrap().to_lowercase();
    let nome: String = nome.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let (c, filo) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(filo);
    // It is there already when the test opens its archive again.
    if let Err(e) = c.batch_execute(&format!("CREATE DATABASE {nome}")).await {
        assert_eq!(e.code(), Some(&tokio_postgres::error::SqlState::DUPLICATE_DATABASE), "{nome}: {e}");
    }
    let url = format!("{}/{nome}", url.rsplit_once('/').unwrap().0);
    PostgresStore::apri_con(dir, &url, o, Opzioni { tempo_del_database: false }, custodia).await.unwrap()
}

impl Banco {
    pub async fn nuovo() -> Self {
        Self::alle("2026-11-24T09:00:00+01:00").await
    }

    pub async fn alle(ora: &str) -> Self {
        Self::alle_su(ora, |dir, o| Box::pin(async move { apri(&dir, o).await })).await
    }

    /// On an archive opened otherwise.
    pub async fn alle_su(
        ora: &str,
        apri: impl FnOnce(PathBuf, Arc<OrologioDiProva>) -> Pin<Box<dyn Future<Output = Arc<dyn Store>> + Send>>,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let orologio = OrologioDiProva::a(ora);
        let store = apri(dir.path().to_owned(), orologio.clone()).await;
        let ente = store
            .crea_ente(NuovoEnte {
                dati: DatiEnte { ipa: ipa(), denominazione: "Comune di Prova".into(), codice_fiscale: None, pec: None },
                chi: sistema(),
            })
            .await
            .unwrap();
        let b = Self { dir, orologio, store, ente };
        b.prepara().await;
        b
    }

    async fn prepara(&self) {
        let e = &self.ente;
        let registro = |codice: &str, ultimo| DatiRegistro {
            codice: codice.parse().unwrap(),
            denominazione: format!("Registro {codice}"),
            ultimo_precedente: ultimo,
        };
        e.crea_aoo(
            &sistema(),
            NuovaAoo {
                codice: aoo(),
                denominazione: "AOO unica".into(),
                origine: "prova.example/c_z999/AOO1".into(),
                ufficio_smistamento: ("PROT".parse().unwrap(), Some("Protocollo".into())),
                consente_da_classificare: true,
                voce_da_classificare: "0".parse().unwrap(),
                dal: "2026-01-01".parse().unwrap(),
                pec: None,
                registri: vec![
                    registro("PG", None),
                    registro("ALTO", Some(UltimoPrecedente { anno: 2026, numero: 9_999_998 })),
                ],
            },
        )
        .await
        .unwrap();
        for u in ["SEGR", "TRIB"] {
            self.configura(C::CreaUfficio {
                codice: u.parse().unwrap(),
                denominazione: format!("Ufficio {u}"),
                padre: None,
            })
            .await;
        }
        for v in ["1", "1.6", "6.3"] {
            self.configura(C::ApriVoce {
                codice: v.parse().unwrap(),
                denominazione: format!("Voce {v}"),
                dal: Some("2026-01-01".parse().unwrap()),
                al: None,
            })
            .await;
        }
        for (utente, ruolo, ufficio) in [
            ("anna", Ruolo::Protocollista, Some("PROT")),
            ("rita", Ruolo::Rgd, None),
            ("ugo", Ruolo::Operatore, Some("TRIB")),
            ("sara", Ruolo::Operatore, Some("SEGR")),
            ("ada", Ruolo::Amministratore, None),
        ] {
            self.configura(C::CreaUtente {
                utente: utente.parse().unwrap(),
                nome: utente.into(),
                cognome: "Prova".into(),
                incarichi: vec![Incarico {
                    ruolo,
                    aoo: Some(aoo()),
                    ufficio: ufficio.map(|u| u.parse().unwrap()),
                    dal: Istante(0),
                    al: None,
                }],
            })
            .await;
        }
    }

    pub async fn configura(&self, c: C) -> Fatto {
        self.ente.configura(&aoo(), &sistema(), c, None, None).await.unwrap()
    }

    pub fn chi(&self, nome: &str) -> Operatore {
        self.ente.configurazione().operatore(&nome.parse().unwrap(), &aoo(), self.ente.ora(), Porta::Rest).unwrap()
    }

    pub async fn carica(&self, byte: &[u8]) -> FileCaricato {
        let mut c = self.ente.carica().await.unwrap();
        c.scrivi(byte).await.unwrap();
        c.chiudi().await.unwrap()
    }

    pub async fn file(&self, nome: &str, byte: &[u8]) -> FileDaRegistrare {
        FileDaRegistrare {
            ruolo: RuoloDocumento::Primario,
            nome: nome.into(),
            mime: "text/plain".into(),
            file: self.carica(byte).await,
        }
    }

    pub fn dati(&self, oggetto: &str) -> NuovaRegistrazione {
        serde_json::from_value(json!({
            "tipo": "entrata", "oggetto": oggetto, "mezzo": "cartaceo",
            "mittente": {"tipo": "persona-fisica", "cognome": "Rossi", "nome": "Maria"},
            "protocolloMittente": {"numero": "123/A", "data": "2026-10-20"},
            "classificazione": "1.6", "assegnazioni": [{"ufficio": "TRIB", "tipo": "competenza"}],
        }))
        .unwrap()
    }

    pub fn nuova(&self, chi: &str, oggetto: &str) -> DaRegistrare {
        DaRegistrare {
            chi: self.chi(chi),
            registro: pg(),
            rigore: Rigore::Operatore,
            dati: self.dati(oggetto),
            file: Vec::new(),
            idempotenza: None,
            controllo: None,
        }
    }

    pub async fn registra(&self, oggetto: &str) -> Fatto {
        let (fatto, mostrata) = self.ente.registra_e_mostra(&aoo(), self.nuova("anna", oggetto)).await.unwrap();
        // What is shown without reading is what will be read.
        let letta = self.ente.registrazione(&aoo(), &mostrata.chiave, Some(fatto.indice)).await.unwrap();
        assert_eq!(letta.as_ref(), Some(&mostrata));
        fatto
    }

    pub async fn cerca(&self, chi: &str, f: Filtro) -> Pagina<Trovata> {
        let f = Filtro { limite: if f.limite == 0 { 50 } else { f.limite }, ..f };
        self.ente.cerca(&aoo(), &self.chi(chi), &pg(), &f).await.unwrap()
    }

    /// Closes and opens again, as after a restart.
    pub fn riapri(self) -> (tempfile::TempDir, Arc<OrologioDiProva>) {
        let Self { dir, orologio, store, ente } = self;
        drop(ente);
        drop(store);
        (dir, orologio)
    }

    pub async fn di_nuovo(dir: tempfile::TempDir, orologio: Arc<OrologioDiProva>) -> Self {
        let store = apri(dir.path(), orologio.clone()).await;
        let ente = store.ente(&ipa()).await.unwrap().unwrap();
        Self { dir, orologio, store, ente }
    }

    pub async fn verifica(&self) -> Verifica {
        let v = self.ente.verifica(&|_| {}).await.unwrap();
        assert_eq!(v.differenze, [], "verifica");
        v
    }
}

/// With the fences of a database down, then up again: as an administrator of it could.
pub fn senza_argini<T>(c: &rusqlite::Connection, fa: impl FnOnce() -> T) -> T {
    let argini: Vec<(String, String)> = c
        .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (nome, _) in &argini {
        c.execute_batch(&format!("DROP TRIGGER {nome}")).unwrap();
    }
    let fatto = fa();
    for (_, sql) in &argini {
        c.execute_batch(sql).unwrap();
    }
    fatto
}

/// A copy of a database, what stands in its WAL included: who wrote it may still be closing it.
pub fn copia_db(da: &std::path::Path, a: &std::path::Path) {
    rusqlite::Connection::open(da).unwrap().execute("VACUUM INTO ?", [a.to_str().unwrap()]).unwrap();
}

/// What is found in a copy of an ente, beside the same files, that was altered behind the fences.
pub fn alterato(cartella: &std::path::Path, sql: &str) -> Vec<archivio::store::Discordanza> {
    use archivio::sqlite::verifica::{self, Opzioni};
    let altra = tempfile::tempdir().unwrap();
    let copia = altra.path().join(cartella.file_name().unwrap());
    std::fs::create_dir(&copia).unwrap();
    copia_db(&cartella.join("ente.sqlite"), &copia.join("ente.sqlite"));
    std::os::unix::fs::symlink(cartella.join("file"), copia.join("file")).unwrap();
    let x = rusqlite::Connection::open(copia.join("ente.sqlite")).unwrap();
    senza_argini(&x, || x.execute_batch(sql).unwrap());
    drop(x);
    verifica::ente(&copia, Opzioni::default()).unwrap().differenze
}
