# jupyterhub_config.py: kmux as a service of the Hub, which all of its users share.
# Each user's kernels are their own; others do not see them.
c = get_config()  # noqa: F821

c.JupyterHub.services = [
    {
        "name": "kmux",
        "url": "http://127.0.0.1:8890",
        # The Hub starts kmuxd, and again when it ends. Where systemd does that, leave `command` out,
        # give the service an `api_token`, and put JUPYTERHUB_* into kmuxd's environment.
        "command": ["kmuxd"],
        # Where kmuxd keeps what must outlive the Hub.
        "environment": {"KMUX_RUNTIME_DIR": "/run/kmux", "KMUX_STATE_DIR": "/var/lib/kmux"},
        "oauth_no_confirm": True,
    },
]

c.JupyterHub.load_roles = [
    # Users of the Hub do not have this by themselves.
    {"name": "user", "scopes": ["self", "access:services!service=kmux"]},
    # A user's JupyterLab comes to kmux with the token of its own server.
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", "access:services!service=kmux"]},
]

# JupyterLab as usual, with its kernels in kmux: closing the browser, stopping the server and upgrading
# kmuxd leave them running.
c.Spawner.environment = {
    "JUPYTER_GATEWAY_URL": "http://127.0.0.1:8000/services/kmux",
    "JUPYTER_GATEWAY_AUTH_TOKEN": lambda spawner: spawner.api_token,
}
