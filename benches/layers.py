#!/usr/bin/env python3
"""1,000 ConfigMaps of a layer on a real API server: no change against `kubectl diff`, an apply against a plain loop.

    cargo build --release
    benches/layers.py [--strata PATH] [--objects 1000] [--runs 5]

The control plane is built and started by tests/control_plane. The loop sends the same bodies as server-side applies on
eight connections and does nothing else.
"""

import argparse
import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONNECTIONS = 8


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Plane:
    """A control plane: etcd and an API server."""

    def __init__(self):
        recipe = ROOT / "tests" / "control_plane"
        binaries = subprocess.run([recipe / "build.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self.binaries = pathlib.Path(binaries)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="strata-bench-"))
        self.port = free_port()
        command = [recipe / "run.sh", binaries, self.directory, str(free_port()), str(self.port)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)
        for _ in range(600):
            time.sleep(0.2)
            ready = subprocess.run(self.kubectl("get", "--raw", "/readyz"), env=self.environment(), capture_output=True)
            if ready.returncode == 0:
                return
        sys.exit("the control plane did not become ready")

    def kubectl(self, *arguments):
        return [self.binaries / "kubectl", *arguments]

    def environment(self):
        return {"HOME": str(self.directory), "KUBECONFIG": str(self.directory / "kubeconfig"), "PATH": os.environ["PATH"]}

    def token(self):
        return (self.directory / "token").read_text()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def objects(namespace, count):
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"c{number}", "namespace": namespace},
            "data": {"n": str(number), "text": "x" * 100},
        }
        for number in range(count)
    ]


def timed(command, runs, codes=(0,), **options):
    """The median time of a command, which must end with one of these codes."""
    times = []
    for _ in range(runs):
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, **options)
        times.append(time.monotonic() - began)
        if done.returncode not in codes:
            sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return statistics.median(times)


def loop(plane, bodies):
    """Applies the bodies on some connections at once, and gives the time that it took."""
    context = ssl.create_default_context(cafile=plane.directory / "certs" / "apiserver.crt")
    headers = {"Authorization": f"Bearer {plane.token()}", "Content-Type": "application/apply-patch+yaml"}

    def work(part):
        connection = http.client.HTTPSConnection("127.0.0.1", plane.port, context=context)
        for body in part:
            metadata = body["metadata"]
            path = f"/api/v1/namespaces/{metadata['namespace']}/configmaps/{metadata['name']}?fieldManager=loop"
            connection.request("PATCH", path, json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status not in (200, 201):
                sys.exit(f"{path}: {answer.status}")

    threads = [threading.Thread(target=work, args=(bodies[start::CONNECTIONS],)) for start in range(CONNECTIONS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def project(plane, namespace, bodies):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="strata-bench-"))
    (directory / "app").mkdir()
    (directory / "app" / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies}))
    authority = (plane.directory / "certs" / "apiserver.crt").read_text().replace("\n", "\\n")
    (directory / "main.strata.yaml").write_text(
        f'provider:\n  kubernetes: {{ host: "https://127.0.0.1:{plane.port}", token_env: KUBE_TOKEN, '
        f'cluster_ca_certificate: "{authority}" }}\nlayer:\n  app: {{ path: ./app, wait: false }}\n'
    )
    return directory


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strata", default=ROOT / "target" / "release" / "strata")
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    plane = Plane()
    try:
        environment = {**plane.environment(), "KUBE_TOKEN": plane.token()}
        strata = str(options.strata)
        applies, loops = [], []
        for run in range(options.runs):
            for namespace in (f"strata-{run}", f"loop-{run}"):
                subprocess.run(plane.kubectl("create", "namespace", namespace), env=plane.environment(), check=True, capture_output=True)
            directory = project(plane, f"strata-{run}", objects(f"strata-{run}", options.objects))
            subprocess.run([strata, "plan", "-out=plan.bin"], cwd=directory, env=environment, check=True, capture_output=True)
            applies.append(timed([strata, "apply", "plan.bin"], 1, cwd=directory, env=environment))
            loops.append(loop(plane, objects(f"loop-{run}", options.objects)))
        plan = timed([strata, "plan", "-detailed-exitcode"], options.runs, cwd=directory, env=environment)
        # What kubectl compares with is applied by kubectl, so that it finds no difference either.
        manifests = directory / "app" / "all.json"
        apply = plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", manifests)
        subprocess.run(apply, env=plane.environment(), check=True, capture_output=True)
        diff = plane.kubectl("diff", "--server-side", "--force-conflicts", "--concurrency=16", "-f", manifests)
        kubectl = timed(diff, max(1, options.runs // 2), env=plane.environment())
        applied, looped = statistics.median(applies), statistics.median(loops)
        ratios = statistics.median(a / l for a, l in zip(applies, loops))
        print(f"no change, {options.objects} objects: {plan:.3f} s, kubectl diff {kubectl:.3f} s: {kubectl / plan:.1f} times faster")
        print(f"apply of a saved plan: {applied:.3f} s, plain loop {looped:.3f} s: {ratios:.2f} times its time")
    finally:
        plane.close()


if __name__ == "__main__":
    main()
