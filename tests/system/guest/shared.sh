# Kernels of three users: each runs as its own, in a scope, and outlives kmuxd and kmux-spawn.
way=shared
. /root/setup.sh
trap 'code=$?; [ $code = 0 ] || { journalctl -u kmuxd -u kmux-spawn -o cat | tail -40; systemctl --no-pager list-units "kmux*"; }; exit $code' EXIT
for user in ann bob eve; do useradd --create-home --shell /bin/bash $user; done
mount -t tmpfs -o mode=755 tmpfs /home
for user in ann bob eve; do install -d -o $user -g $user /home/$user; done
mkdir -p /etc/systemd/system/kmux-spawn.service.d
cat > /etc/systemd/system/kmux-spawn.service.d/test.conf <<'UNIT'
[Service]
ExecStart=
ExecStart=/opt/kmux/kmux-spawn
UNIT
cp /opt/kmux/systemd/kmux-spawn.toml /etc/kmux/
cat > /etc/kmux/kmuxd.toml <<'CONFIG'
[server]
listen = []
[auth]
tokens_file = "/etc/kmux/tokens"
[kernels]
echo = true
limit_memory = "64MiB"
limit_processes = 50
CONFIG
while read -r name owner token scopes; do
    echo "$name $owner sha256:$(printf %s "$token" | sha256sum | cut -d' ' -f1) $scopes"
done > /etc/kmux/tokens <<'END'
ann ann the-token-of-ann
bob bob the-token-of-bob
eve eve the-token-of-eve
admin root a-token-for-the-tests admin
END
chown kmux /etc/kmux/tokens; chmod 600 /etc/kmux/tokens
cp /root/shutdown.service /etc/systemd/system/
systemctl daemon-reload
systemctl start shutdown
systemctl enable --now --quiet kmuxd.socket kmux-spawn.socket
python3 /root/shared.py
