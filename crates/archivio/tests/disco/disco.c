/* A disk that fails when told: put before libc with LD_PRELOAD, it makes calls on paths that match a pattern fail, as a
 * control file says, from the n-th on and until it is lifted. Without a control file, or with nothing asked, it is not there.
 *
 * The control file is mapped; disco/mod.rs writes it. Deterministic: nothing is drawn, calls are only counted.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { APRI = 1, SCRIVI = 2, SINCRONIZZA = 4, TRONCA = 8, RINOMINA = 16 };

struct comando {
    _Atomic uint32_t attivo;
    uint32_t operazioni; /* which calls */
    int32_t errore;      /* errno */
    uint32_t a_meta;     /* writes: half goes in, the next call fails */
    _Atomic uint32_t salta; /* matching calls that still succeed */
    _Atomic uint32_t colpi; /* calls that failed */
    uint32_t fermo; /* it does not fail: it does not answer until it is lifted */
    uint32_t vuoto[9];
    char dove[256]; /* fnmatch(3), extended; '/' is a character like another */
};

static struct comando *comando;

__attribute__((constructor)) static void comincia(void) {
    const char *p = getenv("DISCO_COMANDO");
    if (!p) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, p, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return;
    void *m = mmap(NULL, sizeof(struct comando), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (m != MAP_FAILED) comando = m;
}

/* Is this one to fail? */
static int colpita(uint32_t operazione, const char *percorso) {
    if (fnmatch(comando->dove, percorso, FNM_EXTMATCH) != 0 || !(comando->operazioni & operazione)) return 0;
    uint32_t s = comando->salta;
    while (s > 0)
        if (__atomic_compare_exchange_n((uint32_t *)&comando->salta, &s, s - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return 0;
    comando->colpi++;
    if (!comando->fermo) return 1;
    while (comando->attivo) usleep(1000);
    return 0;
}

static int percorso_colpito(uint32_t operazione, const char *percorso) {
    if (!comando || !comando->attivo || !percorso || !colpita(operazione, percorso)) return 0;
    errno = comando->errore;
    return 1;
}

static int fd_colpito(uint32_t operazione, int fd) {
    if (!comando || !comando->attivo) return 0;
    char nome[64], percorso[4096];
    snprintf(nome, sizeof nome, "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, nome, percorso, sizeof percorso - 1);
    if (n <= 0) return 0;
    percorso[n] = 0;
    if (!colpita(operazione, percorso)) return 0;
    errno = comando->errore;
    return 1;
}

#define VERO(nome) \
    static __typeof__(nome) *vero; \
    if (!vero) vero = (__typeof__(nome) *)dlsym(RTLD_NEXT, #nome)

/* Opening to read never fails: what is there can be read. */
#define SCRIVE(flags) ((flags) & (O_WRONLY | O_RDWR | O_CREAT))
#define MODO(flags) \
    mode_t modo = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list a; va_start(a, flags); modo = va_arg(a, mode_t); va_end(a); }

int open(const char *p, int flags, ...) {
    VERO(open); MODO(flags)
    if (SCRIVE(flags) && percorso_colpito(APRI, p)) return -1;
    return vero(p, flags, modo);
}
int open64(const char *p, int flags, ...) {
    VERO(open64); MODO(flags)
    if (SCRIVE(flags) && percorso_colpito(APRI, p)) return -1;
    return vero(p, flags, modo);
}
int openat(int d, const char *p, int flags, ...) {
    VERO(openat); MODO(flags)
    if (SCRIVE(flags) && percorso_colpito(APRI, p)) return -1;
    return vero(d, p, flags, modo);
}
int openat64(int d, const char *p, int flags, ...) {
    VERO(openat64); MODO(flags)
    if (SCRIVE(flags) && percorso_colpito(APRI, p)) return -1;
    return vero(d, p, flags, modo);
}
int mkdir(const char *p, mode_t m) {
    VERO(mkdir);
    return percorso_colpito(APRI, p) ? -1 : vero(p, m);
}

/* Half of the bytes at odd blows, an error at even ones: what a full disk does to who goes on. */
#define SCRITTURA(fd, n, meta, intera) \
    if (!fd_colpito(SCRIVI, fd)) return intera; \
    if (!comando->a_meta || (n) < 2 || comando->colpi % 2 == 0) return -1; \
    return meta

ssize_t write(int fd, const void *b, size_t n) {
    VERO(write);
    SCRITTURA(fd, n, vero(fd, b, n / 2), vero(fd, b, n));
}
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) {
    VERO(pwrite);
    SCRITTURA(fd, n, vero(fd, b, n / 2, o), vero(fd, b, n, o));
}
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) {
    VERO(pwrite64);
    SCRITTURA(fd, n, vero(fd, b, n / 2, o), vero(fd, b, n, o));
}
ssize_t writev(int fd, const struct iovec *v, int n) {
    VERO(writev);
    return fd_colpito(SCRIVI, fd) ? -1 : vero(fd, v, n);
}

int fsync(int fd) {
    VERO(fsync);
    return fd_colpito(SINCRONIZZA, fd) ? -1 : vero(fd);
}
int fdatasync(int fd) {
    VERO(fdatasync);
    return fd_colpito(SINCRONIZZA, fd) ? -1 : vero(fd);
}

int ftruncate(int fd, off_t n) {
    VERO(ftruncate);
    return fd_colpito(TRONCA, fd) ? -1 : vero(fd, n);
}
int ftruncate64(int fd, off64_t n) {
    VERO(ftruncate64);
    return fd_colpito(TRONCA, fd) ? -1 : vero(fd, n);
}

int rename(const char *da, const char *a) {
    VERO(rename);
    return percorso_colpito(RINOMINA, a) ? -1 : vero(da, a);
}
int renameat(int d, const char *da, int e, const char *a) {
    VERO(renameat);
    return percorso_colpito(RINOMINA, a) ? -1 : vero(d, da, e, a);
}
int link(const char *da, const char *a) {
    VERO(link);
    return percorso_colpito(RINOMINA, a) ? -1 : vero(da, a);
}
int linkat(int d, const char *da, int e, const char *a, int f) {
    VERO(linkat);
    return percorso_colpito(RINOMINA, a) ? -1 : vero(d, da, e, a, f);
}
