#!/bin/sh
# Prepara, da una copia di base e dal WAL archiviato, la cartella di un server PostgreSQL nuovo.
#
#   ripristina.sh COPIA WAL DATI [ISTANTE]
#
# COPIA: una di quelle di copia-base.sh. WAL: il deposito di archivia-wal.sh. DATI: una cartella che non c'è ancora.
# ISTANTE: fin dove tornare, per esempio «2026-12-03 10:15:00+01»; senza, fin dove il WAL arriva.
#
# Poi si avvia il server su DATI: rilegge il WAL, e quando accetta scritture ha finito. Si usa come l'utente di PostgreSQL.
# Il vecchio server sta spento. Il nuovo scrive in un ramo suo, e può usare lo stesso deposito.
# PRIMA di avviare il servizio: protocollo epoca (docs/postgres.md), o dei numeri già dati si darebbero di nuovo.
#
# Esce con 0: preparata; 1: la copia non è intera, o non si scrive; 2: chiamato male; 3: qualcosa non c'è.
set -eu
umask 077

if [ $# -ne 3 ] && [ $# -ne 4 ]; then
    echo 'uso: ripristina.sh COPIA WAL DATI [ISTANTE]' >&2
    exit 2
fi
copia=$1 wal=$2 dati=$3 istante=${4:-}
# Finiscono tra apici in una riga di configurazione, e il primo anche in una di comando.
case $wal$istante in
*[\'\"\\%\$\`]*)
    echo 'ripristina: in WAL e ISTANTE non ci possono essere apici, \, %, $, `' >&2
    exit 2
    ;;
esac
case $wal in
/*) ;;
*)
    echo 'ripristina: WAL va scritto per intero, da /' >&2
    exit 2
    ;;
esac
for c in "$copia" "$wal"; do
    if [ ! -d "$c" ]; then
        echo "ripristina: $c non c'è" >&2
        exit 3
    fi
done
if [ -e "$dati" ]; then
    echo "ripristina: $dati c'è già: si ripristina solo in una cartella nuova" >&2
    exit 2
fi
if ! pg_verifybackup --quiet "$copia"; then
    echo 'ripristina: la copia non corrisponde al suo manifesto' >&2
    exit 1
fi
parte=$dati.parte
mkdir -- "$parte"
trap 'rm -rf -- "$parte"' EXIT
trap 'exit 1' HUP INT TERM
cp -Rp -- "$copia/." "$parte/"
{
    echo
    echo '# Ripristino'
    echo "restore_command = 'cp \"$wal/%f\" \"%p\"'"
    echo "recovery_target_timeline = 'latest'"
    if [ -n "$istante" ]; then
        echo "recovery_target_time = '$istante'"
    fi
    echo "recovery_target_action = 'promote'"
} >>"$parte/postgresql.auto.conf"
: >"$parte/recovery.signal"
chmod 700 "$parte"
sync
mv -- "$parte" "$dati"
echo "dati=$dati"
