# A kernel that takes more memory than it may.
. /root/setup.sh
mkdir -p /opt/jupyter/kernels/hog
cat > /opt/jupyter/kernels/hog/kernel.json <<'SPEC'
{"argv": ["/bin/sh", "-c", "tail /dev/zero"], "display_name": "hog", "language": "none"}
SPEC
cat > /etc/kmux/kmuxd.toml <<'CONFIG'
[server]
listen = ["127.0.0.1:0"]
[kernels]
echo = true
restart = false
limit_memory = "96MiB"
limit_processes = 40
limit_cpus = "0.5"
path = ["/opt/jupyter/kernels"]
CONFIG
# What DelegateSubgroup=kmuxd does in newer systemds.
cat > /opt/kmux/in_leaf <<'SCRIPT'
#!/bin/sh
leaf=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/kmuxd
mkdir "$leaf"
echo $$ > "$leaf/cgroup.procs"
exec "$@"
SCRIPT
chmod 755 /opt/kmux/in_leaf
sed -i 's|^ExecStart=/opt|ExecStart=/opt/kmux/in_leaf /opt|' /etc/systemd/system/kmuxd.service.d/test.conf
systemctl daemon-reload
systemctl start kmuxd
# What is in the journal comes there in its own time.
cgroups() { journalctl -u kmuxd -o cat | grep -o 'event=cgroups_.*' | tail -1; }
is_told() { [ -n "$(cgroups)" ]; }
until_ is_told
echo "cgroups: $(cgroups)"
good=$($kmux start echo)
hog=$($kmux start hog)
until_ is "$hog" execution_state dead
until_ is "$good" execution_state idle
place=$(find $unit -type d -name "*$good*")
echo "hog: $(about "$hog" kmux.exit.cause), $(about "$hog" reason)"
echo "good: $(about "$good" execution_state)"
for file in memory.max pids.max cpu.max; do echo "$file: $(cat "$place/$file")"; done
echo "members: $(cat "$place/cgroup.procs")"
echo "pid: $(about "$good" kmux.pid)"
$kmux stop "$good" "$hog"
echo "left: $(find $unit -type d -name "*$good*" -o -type d -name "*$hog*" | wc -l)"
# Nothing that lets somebody in is to be in the journal, which others may read.
echo "secrets: $(journalctl -u kmuxd -o cat | grep -c "good until" || true)"
