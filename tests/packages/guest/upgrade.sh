# The package's life on a booted system: install, use, upgrade under a kernel that works, remove, purge.
set -eu
trap '[ $? = 0 ] || { systemctl status kmuxd; journalctl -u kmuxd -o cat | tail -30; }' EXIT
export DEBIAN_FRONTEND=noninteractive
# On the guest's own disk everything belongs to root, whoever makes it.
mkdir -p /var/lib/kmux
mount -t tmpfs tmpfs /var/lib/kmux
until_() {
  local deadline=$(($(date +%s) + 180))
  until "$@"; do
    [ "$(date +%s)" -lt $deadline ] || { echo "waited in vain: $*"; exit 1; }
    sleep 0.1
  done
}
main() { systemctl show -P MainPID kmuxd; }
about() { kmux describe "$1" 2>/dev/null | sed -n "s/^$2  *//p"; }
is() { [ "$(about "$1" "$2")" = "$3" ]; }
answers() { kmux status >/dev/null 2>&1; }

dpkg="dpkg --force-unsafe-io" # nothing here outlives the test
$dpkg -i /root/old.deb >/dev/null
echo "installed: $(systemctl is-enabled kmuxd) $(systemctl is-active kmuxd), $(systemctl is-enabled kmuxd.socket)"
until_ answers
echo "user: $(stat -c %U /proc/$(main))"
echo "compiled: $(find /usr/lib/kmux/python -name 'main.*.pyc' | wc -l)"
echo "by default: $(kmux start echo 2>/dev/null || echo no echo kernel)"
sed -i 's/^#echo = false/echo = true/' /etc/kmux/kmuxd.toml
systemctl reload kmuxd
started() { id=$(kmux start echo 2>/dev/null); } # not before it has seen the signal
until_ started
until_ is "$id" execution_state idle
pid=$(about "$id" kmux.pid)
python3 /root/cell.py start "$id"

before=$(main)
$dpkg -i /root/new.deb >/dev/null
until_ answers
lines=$(python3 /root/cell.py count "$id")
echo "upgraded: $(dpkg-query -W -f '${Version}' kmux), $([ "$(main)" != "$before" ] && echo another kmuxd)"
more() { [ "$(python3 /root/cell.py count "$id")" -gt "$lines" ]; }
until_ more
until_ is "$id" execution_state busy # once it is connected again
is "$id" kmux.pid "$pid" && echo "kernel: it works, $(about "$id" kmux.restarts) restarts"
kmux interrupt "$id" >/dev/null
until_ is "$id" execution_state idle
echo "lines: $([ "$(python3 /root/cell.py count "$id")" -gt "$lines" ] && echo all of them)"
echo "configuration: $(grep '^echo' /etc/kmux/kmuxd.toml)"

$dpkg -r kmux >/dev/null
gone() { [ ! -d "/proc/$pid" ]; }
until_ gone
echo "removed: $(systemctl is-active kmuxd || true), $(ls /usr/bin/kmux* 2>/dev/null | wc -l) programs, $(find /usr/lib/kmux 2>/dev/null | wc -l) left of Python"
echo "kept: $(ls /etc/kmux) $(ls /var/lib/kmux | tr '\n' ' ')"
umount /var/lib/kmux
touch /var/lib/kmux/journal
$dpkg -P kmux >/dev/null
echo "purged: $(ls -d /etc/kmux /var/lib/kmux /run/kmux /etc/systemd/system/multi-user.target.wants/kmuxd.service 2>/dev/null | wc -l) left, user $(id -un kmux)"
