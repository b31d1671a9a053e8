# kmuxd as its unit has it, under the user kmux. Sourced by the tests' scripts. Of the ways to run it
# `way` is alone, where all kernels are kmux's, or shared, where kmux-spawn starts them.
set -eu
trap '[ $? = 0 ] || journalctl -u kmuxd -o cat | tail -30' EXIT
way=${way:-alone}
systemd-sysusers /opt/kmux/systemd/sysusers.conf
# On the guest's own disk everything belongs to root, whoever makes it.
mkdir -p /var/lib/kmux
mount -t tmpfs tmpfs /var/lib/kmux
cp /opt/kmux/systemd/*.{service,socket,slice} /etc/systemd/system/
[ "$way" = shared ] || cp /opt/kmux/systemd/alone/kmuxd.service /etc/systemd/system/
mkdir -p /etc/systemd/system/kmuxd.service.d /etc/kmux
cat > /etc/systemd/system/kmuxd.service.d/test.conf <<'UNIT'
[Service]
Environment=KMUX_SERVER_STUCK_AFTER=2s
ExecStart=
ExecStart=/opt/kmux/kmuxd
WatchdogSec=20
UNIT
kmux=/opt/kmux/kmux
unit=/sys/fs/cgroup/system.slice/kmuxd.service
# until_ COMMAND…: waits for it to succeed.
until_() {
  local deadline=$(($(date +%s) + 180))
  until "$@"; do
    [ "$(date +%s)" -lt $deadline ] || { echo "waited in vain: $*"; $kmux ps; journalctl -u kmuxd -o cat | tail -30; exit 1; }
    sleep 0.1
  done
}
# about ID NAME: one line of kmux describe.
about() { $kmux describe "$1" | sed -n "s/^$2  *//p"; }
is() { [ "$(about "$1" "$2")" = "$3" ]; }
