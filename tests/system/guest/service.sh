# The unit's life: kernels outlive restarts, kill -9, the watchdog, an upgrade, and a stop.
. /root/setup.sh
printf '[server]\nlisten = ["127.0.0.1:0"]\n[kernels]\necho = true\n' > /etc/kmux/kmuxd.toml
systemctl daemon-reload
systemctl enable --now --quiet kmuxd
id=$($kmux start echo)
until_ is "$id" execution_state idle
pid=$(about "$id" kmux.pid)
main() { systemctl show -P MainPID kmuxd; }
lives() { is "$id" kmux.pid "$pid" && is "$id" execution_state idle; }
running() { [ "$(systemctl show -P ActiveState kmuxd)" = active ] && [ "$(main)" != "$before" ]; }
echo "user: $(stat -c %U /proc/$pid)"
# It is told at the loop's next tick.
status() { systemctl show -P StatusText kmuxd; }
counted() { [ "$(status)" = "serving, kernels: 1" ]; }
until_ counted
echo "status: $(status)"

before=$(main)
systemctl restart kmuxd
until_ running
until_ lives
echo "restart: $(about "$id" kmux.restarts) restarts, $(find $unit -type d -name "*$id*" | wc -l) cgroup"

before=$(main)
kill -9 "$before"
until_ running
until_ lives
echo "killed: $(systemctl show -P NRestarts kmuxd) restarts of the service"

before=$(main)
kill -STOP "$before"
until_ running
until_ lives
echo "watchdog: $(systemctl show -P NRestarts kmuxd) restarts of the service"

before=$(main)
$kmux upgrade >/dev/null
until_ lives
[ "$(main)" = "$before" ] && echo "upgrade: the same process"

sed -i 's/echo = true/echo = false/' /etc/kmux/kmuxd.toml
systemctl reload kmuxd
# It may be asked before it has seen the signal.
reloaded() { $kmux start echo >/dev/null 2>&1 && return 1; code=$?; }
until_ reloaded
echo "reload: $code"

systemctl stop kmuxd
[ -d "/proc/$pid" ] && echo "stopped: it lives"
systemctl start kmuxd
until_ lives
$kmux drain 0 >/dev/null
gone() { [ ! -d "/proc/$pid" ] && [ -z "$(ls /run/kmux/kernels)" ]; }
until_ gone
echo "drained: $(ls /run/kmux/kernels | wc -l) left"
systemctl stop kmuxd

# By its socket: the first request starts it and waits.
systemctl start kmuxd.socket
echo "socket: $(exec 3<>/dev/tcp/127.0.0.1/8888; printf 'GET /api HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3; head -1 <&3 | tr -d '\r')"
before=$(main)
$kmux upgrade >/dev/null
echo "socket, upgraded: $(exec 3<>/dev/tcp/127.0.0.1/8888; printf 'GET /api HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3; head -1 <&3 | tr -d '\r')"
systemctl stop kmuxd.socket kmuxd
