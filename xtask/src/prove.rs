//! `cargo xtask test`: every check there is, each timed; one that fails does not stop the others.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::ambiente::{self, cargo, cartella_di_costruzione, esegui, radice, riesce};
use crate::postgres::Postgres;
use crate::s3::S3;
use crate::servizio::Servizio;
use crate::{aggiornamento, avvio, copie_pg, crash, fuzz, misura, prepara, requisiti, standby};

type Corpo = fn() -> Result<()>;

/// A step: its name and what it does.
struct Passo {
    nome: &'static str,
    corpo: Corpo,
}

const PASSI: [Passo; 12] = [
    Passo { nome: "prepara", corpo: prepara::prepara },
    Passo { nome: "fmt", corpo: fmt },
    Passo { nome: "clippy", corpo: clippy },
    Passo { nome: "deny", corpo: deny },
    Passo { nome: "prove", corpo: prove_del_codice },
    Passo { nome: "documenti", corpo: prove_nei_documenti },
    Passo { nome: "crash", corpo: crash_breve },
    Passo { nome: "postgres", corpo: postgres },
    Passo { nome: "s3", corpo: s3 },
    Passo { nome: "crash-postgres", corpo: || crash_di(20, true) },
    Passo { nome: "browser", corpo: browser },
    Passo { nome: "requisiti", corpo: || requisiti::requisiti(true) },
];

/// Those of `--tutto`.
const LUNGHI: [Passo; 12] = [
    Passo { nome: "proprieta", corpo: proprieta },
    Passo { nome: "crash-lungo", corpo: crash_lungo },
    Passo { nome: "crash-lungo-pg", corpo: || crash_di(300, true) },
    Passo { nome: "aggiornamento", corpo: || aggiornamento::aggiornamento(None) },
    Passo { nome: "postgres-copie", corpo: || copie_pg::copie(&ambiente::binario(false)?) },
    Passo { nome: "standby", corpo: || standby::standby(&ambiente::binario(false)?) },
    Passo { nome: "avvio", corpo: || avvio::avvio(true) },
    Passo { nome: "carico", corpo: carico },
    Passo { nome: "schemathesis", corpo: schemathesis },
    Passo { nome: "verapdf", corpo: verapdf },
    Passo { nome: "misura", corpo: || misura::misura(3) },
    Passo { nome: "fuzz", corpo: || fuzz::fuzz(20, None) },
];

/// How many cases each property test tries, and what they are drawn from: variables that proptest reads.
const CASI: &str = "PROPTEST_CASES";
const SEME: &str = "PROPTEST_RNG_SEED";

/// How a step ended.
struct Fatto {
    nome: &'static str,
    errore: Option<String>,
    tempo: Duration,
}

/// Runs the short steps, with `tutto` the long ones too, or only the one named.
pub fn prove(tutto: bool, solo: Option<&str>) -> Result<()> {
    let passi: Vec<&Passo> = match solo {
        Some(nome) => {
            let uno = PASSI.iter().chain(&LUNGHI).find(|p| p.nome == nome);
            vec![uno.with_context(|| format!("no step \"{nome}\"; there are: {}", nomi()))?]
        }
        None if tutto => PASSI.iter().chain(&LUNGHI).collect(),
        None => PASSI.iter().collect(),
    };
    let spazio_prima = ambiente::spazio_libero();
    let mut fatti = Vec::with_capacity(passi.len());
    for passo in passi {
        println!("\n=== {} ===", passo.nome);
        let inizio = Instant::now();
        let errore = (passo.corpo)().err().map(|e| format!("{e:#}"));
        if let Some(errore) = &errore {
            eprintln!("{} failed: {errore}", passo.nome);
        }
        fatti.push(Fatto { nome: passo.nome, errore, tempo: inizio.elapsed() });
    }
    println!("\n{}", tabella(&fatti));
    if let (Some(prima), Some(dopo)) = (spazio_prima, ambiente::spazio_libero()) {
        println!("disk: {} MB used, {} GB free", prima.saturating_sub(dopo) >> 20, dopo >> 30);
    }
    let (riga, falliti) = chiusura(&fatti);
    println!("{riga}");
    if falliti > 0 {
        bail!("{falliti} of {} steps failed", fatti.len());
    }
    Ok(())
}

fn nomi() -> String {
    PASSI.iter().chain(&LUNGHI).map(|p| p.nome).collect::<Vec<_>>().join(", ")
}

fn tabella(fatti: &[Fatto]) -> String {
    let mut righe: Vec<String> = fatti
        .iter()
        .map(|f| {
            let esito = f.errore.as_ref().map_or("ok".to_owned(), |e| format!("FAILED: {}", prima_riga(e)));
            format!("{:<14} {:>7.1} s  {esito}", f.nome, f.tempo.as_secs_f64())
        })
        .collect();
    let somma: Duration = fatti.iter().map(|f| f.tempo).sum();
    righe.push(format!("{:<14} {:>7.1} s", "all", somma.as_secs_f64()));
    righe.join("\n")
}

fn prima_riga(testo: &str) -> &str {
    testo.lines().next().unwrap_or_default()
}

fn chiusura(fatti: &[Fatto]) -> (String, usize) {
    let falliti = fatti.iter().filter(|f| f.errore.is_some()).count();
    (format!("{} passed, {falliti} failed", fatti.len() - falliti), falliti)
}

fn fmt() -> Result<()> {
    esegui(cargo().args(["fmt", "--all", "--check"]))
}

/// Warnings are denied by an argument, not by RUSTFLAGS, which would build everything anew.
fn clippy() -> Result<()> {
    esegui(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

fn deny() -> Result<()> {
    prepara::cargo_deny()?;
    let mut comando = prepara::deny();
    esegui(comando.args(["--log-level", "error", "check", "licenses", "bans", "sources"]).current_dir(radice()))
}

/// Unit, property and conformance tests.
fn prove_del_codice() -> Result<()> {
    esegui(&mut prove_di_cargo(&["--workspace"]))
}

pub fn prove_di_cargo(quali: &[&str]) -> Command {
    let mut comando = cargo();
    if riesce(cargo().args(["nextest", "--version"])) {
        comando.args(["nextest", "run", "--no-fail-fast", "--status-level", "slow", "--final-status-level", "fail"]);
        comando.args(quali);
    } else {
        comando.args(["test", "--no-fail-fast", "--lib", "--bins", "--tests"]).args(quali);
    }
    // A judge that is not there is a failure here; elsewhere its tests are skipped.
    comando.env("PYTHONPATH", prepara::percorso_python()).env("PROTOCOLLO_GIUDICI", "tutti");
    if let Some(seme) = seme(env::var_os(CASI).is_some(), env::var_os(SEME)) {
        comando.env(SEME, seme);
    }
    comando
}

/// What the property tests draw from: the same each time, so that a failure is of the code and not of the day. Who asks
/// for a number of cases wants new ones, and who names a seed has it.
fn seme(con_casi: bool, chiesto: Option<OsString>) -> Option<OsString> {
    chiesto.or_else(|| (!con_casi).then(|| "371".into()))
}

/// The suite of the store once more, and whatever else asks for a server, on a real one.
fn postgres() -> Result<()> {
    let server = Postgres::avvia(&[])?;
    let quali = [
        "--package",
        "archivio",
        "--package",
        "protocollo",
        "--test",
        "conformita",
        "--test",
        "postgres",
        "--test",
        "nodi",
    ];
    esegui(prove_di_cargo(&quali).env("PROTOCOLLO_POSTGRES", server.url()))
}

/// Files in a bucket, with the register in a file and in a database.
fn s3() -> Result<()> {
    let (server, s3) = (Postgres::avvia(&[])?, S3::avvia()?);
    let prove = || {
        let mut c = prove_di_cargo(&["--package", "archivio", "--test", "s3"]);
        c.env("PROTOCOLLO_S3", s3.url());
        c
    };
    esegui(&mut prove())?;
    esegui(prove().env("PROTOCOLLO_POSTGRES", server.url()))?;
    let mut c = prove_di_cargo(&["--package", "protocollo", "--test", "copie_s3"]);
    esegui(c.env("PROTOCOLLO_S3", s3.url()).env("PROTOCOLLO_POSTGRES", server.url()))
}

fn prove_nei_documenti() -> Result<()> {
    esegui(cargo().args(["test", "--workspace", "--doc", "--no-fail-fast"]))
}

fn crash_breve() -> Result<()> {
    crash_di(20, false)
}

/// A thousand rounds are a command of their own, `cargo xtask crash --giri 1000`: over an hour.
fn crash_lungo() -> Result<()> {
    crash_di(60, false)
}

fn crash_di(giri: u32, postgres: bool) -> Result<()> {
    let impostazioni = crash::Impostazioni { giri, seme: crash::seme_di_adesso(), clienti: 8, postgres };
    crash::crash(&ambiente::binario(false)?, &impostazioni)
}

/// Node's own runner over the folder of the browser tests, with the binary they drive.
fn browser() -> Result<()> {
    let cartella = radice().join("crates/servizio/prove-browser");
    if !cartella.join("package.json").is_file() {
        bail!("no browser tests in {}", cartella.display());
    }
    let binario = ambiente::binario(false)?;
    let schermate = cartella_di_costruzione().join("schermate");
    std::fs::create_dir_all(&schermate)?;
    let mut comando = Command::new("node");
    comando.args(["--test", "--test-reporter=spec"]).current_dir(cartella);
    esegui(comando.env("PROTOCOLLO_BIN", binario).env("PROTOCOLLO_SCHERMATE", schermate))
}

/// Many more cases, and new ones each time.
fn proprieta() -> Result<()> {
    let mut comando = prove_di_cargo(&["--workspace"]);
    comando.env(CASI, "4096").env_remove(SEME);
    if let Some(seme) = seme(true, env::var_os(SEME)) {
        comando.env(SEME, seme);
    }
    esegui(&mut comando)
}

/// The load generator, both profiles: figures to be read, no judgement on time.
fn carico() -> Result<()> {
    let binario = ambiente::binario(true)?;
    for (profilo, clienti) in [("nucleo", "64"), ("nucleo", "1"), ("http", "16")] {
        let cartella = tempfile::tempdir()?;
        println!("carico --profilo {profilo} --clienti {clienti}");
        let mut comando = Command::new(&binario);
        comando.args(["carico", "--json", "--profilo", profilo, "--clienti", clienti]);
        esegui(comando.arg("--archivio").arg(cartella.path().join("archivio")))?;
    }
    Ok(())
}

/// The printed documents before the reference judge of PDF/A and PDF/UA.
fn verapdf() -> Result<()> {
    let classi = prepara::verapdf()?;
    // Printed documents, stamped ones, sealed ones, and daily registers.
    for (crate_di, prove) in
        [("stampa", "giudici"), ("stampa", "timbro"), ("sigillo", "sigilli"), ("conservazione", "giornaliero_giudici")]
    {
        let mut comando = cargo();
        comando.args(["test", "--locked", "--package", crate_di, "--test", prove, "verapdf"]);
        esegui(comando.env("VERAPDF_CLASSPATH", &classi))?;
    }
    Ok(())
}

/// What schemathesis must find to hold: no 5xx, and no answer that the document does not announce as it is.
const CONTROLLI: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// Sends what the OpenAPI document allows and what it forbids, as the operator and, where only he may, as the
/// administrator. About three minutes.
fn schemathesis() -> Result<()> {
    // Installed before the service starts.
    prepara::schemathesis()?;
    let cartella = tempfile::tempdir()?;
    let archivio: PathBuf = cartella.path().join("archivio");
    let servizio = Servizio::avvia(&ambiente::binario(false)?, &archivio, 5)?;
    let base = servizio.fatto("url")?.trim_end_matches('/').to_owned();
    let token = servizio.fatto("token")?.to_owned();
    let elenco = ureq::get(format!("{base}/api/v1/enti/c_z999/aoo/AOO1/registrazioni?limite=1"))
        .header("Authorization", format!("Bearer {token}"))
        .call()?
        .body_mut()
        .read_to_string()?;
    let elenco: serde_json::Value = serde_json::from_str(&elenco)?;
    let anno = elenco["elementi"][0]["anno"].as_i64().context("the demo has no registration")?;
    // Names of what exists: made up, every call would stop at 404.
    let impostazioni = cartella.path().join("schemathesis.toml");
    std::fs::write(
        &impostazioni,
        format!(
            "[parameters]\n\"path.ipa\" = \"c_z999\"\n\"path.aoo\" = \"AOO1\"\n\"path.registro\" = \"PG\"\n\
             \"path.anno\" = {anno}\n\"path.numero\" = 3\n\"path.id\" = 1\n\"path.quale\" = \"1\"\n\
             \"path.percorso\" = \"0/000.p/1\"\n"
        ),
    )?;
    let amministratore = servizio.fatto("token_amministratore")?.to_owned();
    for (token, quali) in [(token, ".*"), (amministratore, ".*/(uffici|titolario|registri|rubrica|fascicoli)$")] {
        let mut comando = prepara::schemathesis()?;
        comando.arg("--config-file").arg(&impostazioni);
        comando.args(["run", "--checks", CONTROLLI, "--phases", "examples,coverage,fuzzing", "--max-examples", "25"]);
        // One worker: with two, the Python compiler that hypothesis calls is not safe.
        comando.args(["--workers", "1", "--warnings", "off", "--no-color", "--include-path-regex", quali]);
        // Where its database of examples goes.
        comando.current_dir(cartella.path());
        let capo = format!("Authorization: Bearer {token}");
        esegui(comando.args(["--header", &capo, &format!("{base}/api/v1/openapi.json")]))?;
    }
    servizio.ferma()
}

#[cfg(test)]
mod tests {
    use super::{Fatto, LUNGHI, PASSI, chiusura, prove, seme, tabella};
    use std::collections::HashSet;
    use std::time::Duration;

    #[test]
    fn the_closing_line_counts_steps_and_the_table_names_the_failed() {
        let fatto = |nome, errore: Option<&str>| Fatto {
            nome,
            errore: errore.map(str::to_owned),
            tempo: Duration::from_secs(1),
        };
        let fatti = [fatto("fmt", None), fatto("deny", Some("a licence\nin detail")), fatto("prove", None)];
        assert_eq!(chiusura(&fatti), ("2 passed, 1 failed".to_owned(), 1));
        let tabella = tabella(&fatti);
        assert!(tabella.contains("FAILED: a licence") && !tabella.contains("in detail") && tabella.contains("3.0 s"));
    }

    #[test]
    fn property_tests_repeat_themselves_unless_more_cases_are_asked_for() {
        let fisso = seme(false, None).unwrap();
        assert!(fisso.to_str().is_some_and(|s| s.parse::<u64>().is_ok()), "proptest wants a number");
        assert_eq!(seme(true, None), None);
        assert_eq!(seme(true, Some("7".into())), Some("7".into()));
        assert_eq!(seme(false, Some("7".into())), Some("7".into()));
    }

    #[test]
    fn every_step_has_a_name_of_its_own_and_an_unknown_one_is_refused() {
        let nomi: HashSet<&str> = PASSI.iter().chain(&LUNGHI).map(|p| p.nome).collect();
        assert_eq!(nomi.len(), PASSI.len() + LUNGHI.len());
        assert!(prove(false, Some("niente")).is_err());
    }
}
