# In a guest whose cgroup v2 has controllers: a kernel that takes more memory than it may.
set -eu
mkdir -p /root/jupyter/kernels/hog
cat > /root/jupyter/kernels/hog/kernel.json <<'SPEC'
{"argv": ["/bin/sh", "-c", "tail /dev/zero"], "display_name": "hog", "language": "none"}
SPEC
cat > /root/kmuxd.toml <<'CONFIG'
runtime_dir = "/run/kmux"
state_dir = "/var/lib/kmux"
[server]
listen = ["127.0.0.1:0"]
[kernels]
echo = true
restart = false
limit_memory = "96MiB"
limit_processes = 40
limit_cpus = "0.5"
path = ["/root/jupyter/kernels"]
CONFIG
cat > /etc/systemd/system/kmuxd.service <<'UNIT'
[Service]
Type=notify
Delegate=yes
KillMode=mixed
ExecStart=/opt/kmux/kmuxd --config /root/kmuxd.toml
UNIT
systemctl daemon-reload
systemctl start kmuxd
kmux=/opt/kmux/kmux
unit=/sys/fs/cgroup/system.slice/kmuxd.service
good=$($kmux start echo)
hog=$($kmux start hog)
deadline=$(($(date +%s) + 60))
until $kmux describe "$hog" | grep -q '^execution_state  *dead$'; do
  [ "$(date +%s)" -lt $deadline ] || { echo "the hog lives"; exit 1; }
  sleep 0.1
done
place=$(find $unit -type d -name "*$good*")
echo "hog: $($kmux describe "$hog" | sed -n 's/^kmux.exit.cause  *//p'), $($kmux describe "$hog" | sed -n 's/^reason  *//p')"
echo "good: $($kmux describe "$good" | sed -n 's/^execution_state  *//p')"
for file in memory.max pids.max cpu.max; do echo "$file: $(cat "$place/$file")"; done
echo "members: $(cat "$place/cgroup.procs")"
echo "pid: $($kmux describe "$good" | sed -n 's/^kmux.pid  *//p')"
$kmux stop "$good" "$hog"
echo "left: $(find $unit -type d -name "*$good*" -o -type d -name "*$hog*" | wc -l)"
# Nothing that lets somebody in is to be in the journal, which others may read.
echo "secrets: $(journalctl -u kmuxd -o cat | grep -c "good until" || true)"
