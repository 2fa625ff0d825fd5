#!/usr/bin/env bash
# up.sh DIR [accounting] [nodes]: a real Slurm on this machine alone, everything below DIR. As root, with Debian's
# slurm-wlm and munge installed (accounting: slurmdbd and mariadb-server as well). Then: export SLURM_CONF=DIR/slurm.conf
set -euo pipefail
dir=$1; accounting=${2:-no}; nodes=${3:-2}
base=$(( 20000 + RANDOM % 20000 ))
mkdir -p "$dir"/{ctld,d,log,run,munge}; chmod 755 "$dir" "$dir/munge"
dd if=/dev/urandom of="$dir/munge/key" bs=1024 count=1 status=none; chmod 400 "$dir/munge/key"; chown -R munge "$dir/munge"
runuser -u munge -- munged --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/munge/munged.pid" \
    --log-file="$dir/munge/log" --seed-file="$dir/munge/seed"
store=none
if [ "$accounting" = accounting ]; then
    store=slurmdbd; mkdir -p "$dir/sql"; chown mysql "$dir/sql"
    mariadb-install-db --no-defaults --user=mysql --datadir="$dir/sql" --auth-root-authentication-method=normal >/dev/null 2>&1
    mariadbd --no-defaults --user=mysql --datadir="$dir/sql" --socket="$dir/sql/s.sock" --pid-file="$dir/sql/pid" \
        --bind-address=127.0.0.1 --port=$(( base + 3 )) --innodb-buffer-pool-size=64M >"$dir/log/mariadbd.log" 2>&1 &
    for _ in $(seq 120); do mariadb --no-defaults -S "$dir/sql/s.sock" -u root -e 'select 1' >/dev/null 2>&1 && break; sleep 0.5; done
    mariadb --no-defaults -S "$dir/sql/s.sock" -u root -e "create database slurm_acct_db;
        create user 'slurm'@'127.0.0.1' identified by 'local'; create user 'slurm'@'localhost' identified by 'local';
        grant all on slurm_acct_db.* to 'slurm'@'127.0.0.1'; grant all on slurm_acct_db.* to 'slurm'@'localhost';"
    cat > "$dir/slurmdbd.conf" <<CONF
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$(( base + 4 ))
SlurmUser=root
LogFile=$dir/log/slurmdbd.log
PidFile=$dir/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$(( base + 3 ))
StorageUser=slurm
StoragePass=local
StorageLoc=slurm_acct_db
CONF
    chmod 600 "$dir/slurmdbd.conf"
fi
{
cat <<CONF
ClusterName=local
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
StateSaveLocation=$dir/ctld
SlurmdSpoolDir=$dir/d/%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
SlurmctldPort=$base
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/$([ $store = none ] && echo none || echo linux)
AccountingStorageType=accounting_storage/$store
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=1,bf_interval=5
ReturnToService=2
SlurmdTimeout=20
SlurmdParameters=config_overrides
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
MpiDefault=none
KillWait=10
CONF
[ $store = none ] || printf 'AccountingStorageHost=127.0.0.1\nAccountingStoragePort=%s\nAccountingStoragePass=%s\n' $(( base + 4 )) "$dir/munge/socket"
for number in $(seq "$nodes"); do
    echo "NodeName=n$number NodeAddr=127.0.0.1 NodeHostname=$(hostname -s) Port=$(( base + 10 + number )) CPUs=2 RealMemory=2000 State=UNKNOWN"
done
echo "PartitionName=main Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP"
} > "$dir/slurm.conf"
export SLURM_CONF="$dir/slurm.conf"
if [ $store = slurmdbd ]; then
    SLURM_CONF="$dir/slurm.conf" slurmdbd
    for _ in $(seq 120); do sacctmgr -i add cluster local >/dev/null 2>&1 && break; sleep 0.5; done
fi
slurmctld
for number in $(seq "$nodes"); do slurmd -N "n$number"; done
for _ in $(seq 120); do [ "$(sinfo -h -N -o %t 2>/dev/null | sort -u)" = idle ] && break; sleep 0.5; done
sinfo -N
[ "$(sinfo -h -N -o %t | sort -u)" = idle ]
