#!/bin/sh
# Mette al sicuro un pezzo del WAL di PostgreSQL. In postgresql.conf:
#
#   archive_mode = on
#   archive_timeout = 60          # quanto si può perdere, in secondi (RPO)
#   archive_command = '/usr/local/lib/protocollo/archivia-wal.sh /mnt/wal %p %f'
#
# Risponde di sì a PostgreSQL solo quando il pezzo è su disco, intero, con il suo nome. Non sovrascrive mai.
# Il deposito va su un disco di un'altra macchina, con collegamenti (ln): ext4, xfs, NFS. Serve sync di GNU coreutils.
#
# Esce con 0: il pezzo c'è; 1: c'è già, diverso, oppure non si scrive; 2: chiamato male; 3: il deposito non c'è.
# Quando non esce con 0, PostgreSQL tiene il pezzo e riprova: lo dicono il suo registro e pg_stat_archiver.
set -eu

if [ $# -ne 3 ]; then
    echo 'uso: archivia-wal.sh DEPOSITO %p %f' >&2
    exit 2
fi
deposito=$1 da=$2 nome=$3
case $nome in
'' | */* | .*)
    echo "archivia-wal: «$nome» non è il nome di un pezzo di WAL" >&2
    exit 2
    ;;
esac
# Un disco non montato non va riempito al suo posto: la cartella deve esserci già.
if [ ! -d "$deposito" ]; then
    echo "archivia-wal: $deposito non c'è" >&2
    exit 3
fi
meta=$deposito/$nome

if [ -e "$meta" ]; then
    # Già fatto, e PostgreSQL non l'ha saputo: va bene solo se è lo stesso.
    if cmp -s -- "$da" "$meta"; then
        sync -- "$meta" "$deposito"
        exit 0
    fi
    echo "archivia-wal: $meta c'è già ed è diverso: due server nello stesso deposito?" >&2
    exit 1
fi

parte=$deposito/.$nome.$$.parte
trap 'rm -f -- "$parte"' EXIT
cp -- "$da" "$parte"
sync -- "$parte"
# Un collegamento non prende il posto di nessuno: di due insieme, uno solo riesce.
ln -- "$parte" "$meta"
sync -- "$deposito"
