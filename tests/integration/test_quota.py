"""How many kernels there may be."""

from concurrent.futures import ThreadPoolExecutor


def with_owners(make_daemon, config):
    daemon = make_daemon("[kernels]\necho = true\n" + config)
    daemon.allow("a alice token-of-alice", "b bob token-of-bob")
    return daemon.start()


def start(daemon, owner, **more):
    return daemon.post("kernels", {"name": "echo", **more}, token=f"token-of-{owner}")


def test_requests_at_the_same_time_do_not_pass_the_limit(make_daemon):
    daemon = with_owners(make_daemon, "max_per_owner = 7\n")

    def one(number):
        if number % 2:
            return start(daemon, "alice")
        return daemon.post("sessions", {"path": f"{number}.ipynb", "kernel": {"name": "echo"}}, token="token-of-alice")

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(50)))
    assert sorted(a.status_code for a in answers) == [201] * 7 + [403] * 43
    assert len(daemon.get("kernels", token="token-of-alice").json()) == 7
    assert len(daemon.get("sessions", token="token-of-alice").json()) <= 7


def test_the_refusal_says_what_to_do_and_is_the_owners_alone(make_daemon):
    daemon = with_owners(make_daemon, "max_per_owner = 1\nmax_kernels = 3\n")
    kernel = start(daemon, "alice").json()["id"]
    refused = start(daemon, "alice")
    assert refused.status_code == 403
    assert all(part in refused.json()["message"] for part in ("alice", "1", "kernels.max_per_owner", "Shut one down"))
    # The one that is there is given, as ever.
    assert start(daemon, "alice", kernel_id=kernel).status_code == 201
    assert start(daemon, "bob").status_code == 201
    assert daemon.post("kernels", {"name": "echo"}).status_code == 201
    full = daemon.post("kernels", {"name": "echo"})
    assert full.status_code == 403 and "kernels.max_kernels" in full.json()["message"]
    assert daemon.delete(f"kernels/{kernel}", token="token-of-alice").status_code == 204
    assert start(daemon, "alice").status_code == 201
