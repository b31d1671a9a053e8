# What somebody finds after the host has shut down: systemd itself would wait for 90 s.
. /run/shutdown.env
now=$(cut -d. -f1 /proc/uptime)
[ $((now - BEGUN)) -lt 85 ] && echo "shutdown: in time" || echo "shutdown: took $((now - BEGUN)) s"
echo "shutdown, kernels: $(pgrep -c kmux-child)"
echo "shutdown, journal: $(/opt/kmux/kmux messages "$BUSY" --type stream | grep -c 'before the end')"
