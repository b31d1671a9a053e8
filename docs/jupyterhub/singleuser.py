# jupyterhub_config.py: a kmuxd for each user, which the Hub starts instead of a notebook server.
c = get_config()  # noqa: F821

c.Spawner.cmd = ["kmuxd"]
c.Spawner.args = []
c.Spawner.default_url = "/api/kernels"
c.Spawner.environment = {
    # One for each server of a user's.
    "KMUX_RUNTIME_DIR": lambda spawner: f"/tmp/kmux-{spawner.user.name}-{spawner.name or 'default'}",
    # A server that is stopped, or culled, takes its kernels with it; what they said stays readable.
    "KMUX_SERVER_ON_EXIT": "stop",
}
