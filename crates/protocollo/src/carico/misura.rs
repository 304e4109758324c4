//! Turns, latencies, medians.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

/// One turn.
pub struct Turno {
    /// How many were done.
    pub fatti: u64,
    /// Seconds it took.
    pub secondi: f64,
    /// Latency of each, microseconds, sorted.
    pub latenze: Vec<u32>,
    /// CPU seconds of the whole process.
    pub cpu_s: f64,
}

impl Turno {
    /// Done per second.
    pub fn al_secondo(&self) -> f64 {
        self.fatti as f64 / self.secondi
    }

    /// Latency not exceeded by that share, milliseconds.
    pub fn percentile(&self, quota: f64) -> f64 {
        percentile(&self.latenze, quota).map_or(0.0, |us| f64::from(us) / 1_000.0)
    }
}

/// What is not exceeded by that share of a sorted list; nothing when it is empty.
pub fn percentile<T: Copy>(ordinati: &[T], quota: f64) -> Option<T> {
    let i = ((ordinati.len() as f64 * quota) as usize).min(ordinati.len().saturating_sub(1));
    ordinati.get(i).copied()
}

/// Clients that do the same thing again and again for a time.
pub async fn turno<F, Fut>(clienti: usize, durata: Duration, una: F) -> Result<Turno>
where
    F: Fn(usize, u64) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let una = Arc::new(una);
    let cpu = cpu_s();
    let inizio = Instant::now();
    let compiti: Vec<_> = (0..clienti)
        .map(|c| {
            let una = Arc::clone(&una);
            tokio::spawn(async move {
                let mut latenze = Vec::with_capacity(4_096);
                let mut i = 0;
                while inizio.elapsed() < durata {
                    let t = Instant::now();
                    una(c, i).await?;
                    latenze.push(u32::try_from(t.elapsed().as_micros()).unwrap_or(u32::MAX));
                    i += 1;
                }
                Ok::<_, anyhow::Error>(latenze)
            })
        })
        .collect();
    let mut latenze = Vec::new();
    for c in compiti {
        latenze.extend(c.await??);
    }
    let secondi = inizio.elapsed().as_secs_f64();
    latenze.sort_unstable();
    Ok(Turno { fatti: latenze.len() as u64, secondi, latenze, cpu_s: cpu_s() - cpu })
}

/// Median of a list; 0 when empty.
pub fn mediana(mut v: Vec<f64>) -> f64 {
    v.sort_by(f64::total_cmp);
    match v.len() {
        0 => 0.0,
        n if n % 2 == 1 => v[n / 2],
        n => (v[n / 2 - 1] + v[n / 2]) / 2.0,
    }
}

/// CPU time of this process, all threads, in seconds; 0 where it cannot be read.
pub fn cpu_s() -> f64 {
    // Fields 14 and 15 of /proc/self/stat, in ticks of 10 ms; the name in field 2 may hold spaces.
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return 0.0 };
    let dopo = stat.rsplit_once(')').map_or("", |(_, d)| d);
    let tick: f64 = dopo.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
    tick / 100.0
}

/// Peak resident memory of this process, MB; 0 where it cannot be read.
pub fn memoria_mb() -> f64 {
    let Ok(stato) = std::fs::read_to_string("/proc/self/status") else { return 0.0 };
    stato
        .lines()
        .find_map(|r| r.strip_prefix("VmHWM:"))
        .and_then(|r| r.trim().trim_end_matches("kB").trim().parse::<f64>().ok())
        .map_or(0.0, |kb| kb / 1_024.0)
}

/// Two decimals.
pub fn tondo(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}
