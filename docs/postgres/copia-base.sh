#!/bin/sh
# Copia di base del database, mentre il servizio registra. Con il WAL archiviato dopo di essa (archivia-wal.sh) si torna
# a qualsiasi momento successivo (ripristina.sh).
#
#   copia-base.sh COPIE [WAL QUANTE]
#
# COPIE: la cartella delle copie, su un'altra macchina. La nuova è COPIE/base-ISTANTE, ed è una copia solo con quel nome.
# WAL e QUANTE: tiene le QUANTE copie più recenti e, nel deposito WAL, ciò che serve alla più vecchia; toglie il resto.
#
# Il server è quello di PGHOST, PGPORT, PGUSER (un utente con REPLICATION); la parola d'ordine sta in ~/.pgpass o nel file di
# PGPASSFILE, mai qui. Si usa come l'utente di PostgreSQL.
# I DOCUMENTI SI COPIANO DOPO: un riferimento di questa copia ha allora sempre il suo file. La chiave dell'installazione, a
# parte: senza di essa la copia non serve.
#
# Esce con 0: fatta e verificata; 1: non riuscita, e non resta niente a metà; 2: chiamato male; 3: la cartella non c'è.
set -eu
umask 077

if [ $# -ne 1 ] && [ $# -ne 3 ]; then
    echo 'uso: copia-base.sh COPIE [WAL QUANTE]' >&2
    exit 2
fi
copie=$1 wal=${2:-} quante=${3:-}
case $quante in
*[!0-9]* | 0*)
    echo 'copia-base: QUANTE è un numero, almeno 1' >&2
    exit 2
    ;;
esac
for c in "$copie" ${wal:+"$wal"}; do
    if [ ! -d "$c" ]; then
        echo "copia-base: $c non c'è" >&2
        exit 3
    fi
done

nome=base-$(date -u +%Y%m%dT%H%M%SZ)
parte=$copie/.$nome.parte
if [ -e "$copie/$nome" ] || ! mkdir -- "$parte"; then
    echo "copia-base: $copie/$nome c'è già, o un'altra copia è in corso" >&2
    exit 1
fi
trap 'rm -rf -- "$parte"' EXIT
trap 'exit 1' HUP INT TERM
# Con il suo WAL: è una copia intera anche senza deposito. Scrive il manifesto e porta tutto su disco.
if ! pg_basebackup --no-password --pgdata="$parte" --wal-method=stream --checkpoint=fast \
    --manifest-checksums=SHA256 --label="$nome"; then
    echo 'copia-base: la copia non è riuscita' >&2
    exit 1
fi
if ! pg_verifybackup --quiet "$parte"; then
    echo 'copia-base: la copia non corrisponde al suo manifesto' >&2
    exit 1
fi
mv -- "$parte" "$copie/$nome"
sync -- "$copie"
echo "copia=$copie/$nome"

[ -n "$wal" ] || exit 0
# I nomi sono istanti: in ordine di nome sono in ordine di tempo.
set -- "$copie"/base-????????T??????Z
while [ $# -gt "$quante" ]; do
    rm -rf -- "$1"
    echo "tolta=$1"
    shift
done
# Il primo pezzo di WAL che serve alla più vecchia di quelle rimaste.
pezzo=$(sed -n 's/^START WAL LOCATION: .* (file \([0-9A-F]\{24\}\))$/\1/p' "$1/backup_label")
if [ -z "$pezzo" ]; then
    echo "copia-base: $1 non dice da quale WAL comincia: nel deposito non si toglie niente" >&2
    exit 1
fi
pg_archivecleanup "$wal" "$pezzo"
