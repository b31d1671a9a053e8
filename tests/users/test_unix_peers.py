"""Who comes in by a Unix socket, and as whom: the system says it."""

import json
import os
import socket


def test_unix_peers_are_who_the_system_says(make_daemon, tmp_path):
    daemon = make_daemon('[kernels]\necho = true\n[auth]\nadmin_group = "daemon"\n')
    sock = daemon.directory / "public.sock"
    daemon.flags += ["--listen", f"unix:{sock}"]
    daemon.start()
    os.chmod(sock, 0o666)
    for each in [daemon.directory, *daemon.directory.parents]:
        if each.stat().st_uid == 0 and str(each) != "/":
            os.chmod(each, each.stat().st_mode | 0o711)

    def ask_as(uid, groups, path):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.setgroups(groups)
            os.setresgid(65534, 65534, 65534)
            os.setresuid(uid, uid, uid)
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(str(sock))
                peer.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                answer = b"".join(iter(lambda: peer.recv(65536), b""))
            os.write(write, answer)
            os._exit(0)
        os.close(write)
        with open(read, "rb") as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        return int(answer.split()[1]), json.loads(answer.split(b"\r\n\r\n", 1)[1])

    status, me = ask_as(65534, [], "/api/me")
    assert status == 200 and me["identity"]["username"] == "nobody" and me["kmux"]["scopes"] == "use"
    assert ask_as(65534, [], "/api/drain")[0] == 403
    assert ask_as(65534, [1], "/api/drain")[0] == 200
    assert ask_as(54321, [], "/api/me")[1]["identity"]["username"] == "uid:54321"
