# kmux-spawn beside kmux on a booted system: a kernel of a user's, which an upgrade lets be and a removal ends.
set -eu
trap '[ $? = 0 ] || { systemctl status kmuxd kmux-spawn; journalctl -u kmuxd -u kmux-spawn -o cat | tail -30; }' EXIT
export DEBIAN_FRONTEND=noninteractive
# On the guest's own disk everything belongs to root, whoever makes it.
mkdir -p /var/lib/kmux
mount -t tmpfs tmpfs /var/lib/kmux
useradd --create-home ann
until_() {
  local deadline=$(($(date +%s) + 180))
  until "$@"; do
    [ "$(date +%s)" -lt $deadline ] || { echo "waited in vain: $*"; exit 1; }
    sleep 0.1
  done
}
answers() { kmux status >/dev/null 2>&1; }

dpkg="dpkg --force-unsafe-io" # nothing here outlives the test
$dpkg -i /root/kmux.deb /root/kmux-spawn.deb >/dev/null
mount -t tmpfs tmpfs /etc/kmux # for files that are kmux's own
cat >/etc/kmux/kmuxd.toml <<'CONFIG'
[auth]
tokens_file = "/etc/kmux/tokens"
[kernels]
echo = true
CONFIG
echo "ann ann sha256:$(printf the-token-of-ann | sha256sum | cut -d' ' -f1)" >/etc/kmux/tokens
touch /etc/kmux/kmux-spawn.toml
chown kmux /etc/kmux/tokens
chmod 600 /etc/kmux/tokens
systemctl restart kmuxd
until_ answers
echo "installed: $(systemctl is-active kmuxd kmux-spawn.socket | xargs), $(ls /etc/kmux | xargs)"
cat >/root/start.py <<'CODE'
import requests
answer = requests.post("http://127.0.0.1:8888/api/kernels", json={"name": "echo"}, headers={"Authorization": "token the-token-of-ann"})
print(answer.status_code, answer.json().get("kmux", answer.json()).get("pid", answer.text))
CODE
read -r status pid <<END
$(python3 /root/start.py)
END
[ -d "/proc/$pid" ] || { echo "no kernel: $status $pid"; exit 1; }
echo "kernel: $status of $(stat -c %U "/proc/$pid") in $(grep -o 'kmux-kernels.slice' "/proc/$pid/cgroup" | head -1)"

$dpkg -i /root/kmux-spawn.deb >/dev/null
until_ answers
[ -d "/proc/$pid" ] && echo "upgraded: it goes on"

$dpkg -r kmux-spawn >/dev/null
until_ answers
gone() { [ ! -d "/proc/$pid" ]; } # once somebody has waited for it
until_ gone
echo "removed: $(systemctl is-active kmuxd), $([ -d "/proc/$pid" ] || echo no kernel), $(systemctl show -P Environment kmuxd | grep -q SPAWN || echo alone)"
