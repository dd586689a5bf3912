"""Hosts in network namespaces on one machine: they share its files and have addresses of their own, 10.77.0.N, at the
interface skein0. A partition moves the cables of some to another bridge."""

import os
import subprocess

PREFIX = "skeinchaos"
INTERFACE = "skein0"


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


class Hosts:
    def __init__(self, number, name):
        """name: at most three letters; of the bridges and namespaces, so that several tests can run at once."""
        self.name, self.number = f"{PREFIX[:2]}{name}", number
        self.remove()
        for bridge in "ab":
            _ip("link", "add", self.name + bridge, "type", "bridge")
            _ip("link", "set", self.name + bridge, "up")
        for host in range(number):
            space = self.space(host)
            _ip("netns", "add", space)
            _ip("link", "add", self.cable(host), "type", "veth", "peer", "name", INTERFACE, "netns", space)
            _ip("link", "set", self.cable(host), "master", self.name + "a", "up")
            _ip("-n", space, "addr", "add", f"10.77.0.{host + 1}/24", "dev", INTERFACE)
            _ip("-n", space, "link", "set", INTERFACE, "up")
            _ip("-n", space, "link", "set", "lo", "up")

    @staticmethod
    def refusal():
        """Why there can be none here; empty: there can."""
        if os.geteuid() != 0:
            return "network namespaces need root"
        try:
            Hosts(1, "try").remove()
        except (OSError, subprocess.CalledProcessError) as error:
            return f"network namespaces cannot be made here: {getattr(error, 'stderr', '') or error}".strip()
        return ""

    def space(self, host):
        return f"{self.name}{host}"

    def cable(self, host):
        return f"{self.name}v{host}"

    def prefix(self, host):
        return ["ip", "netns", "exec", self.space(host)]

    def part(self, hosts):
        """These do not reach the others any more."""
        for host in range(self.number):
            _ip("link", "set", self.cable(host), "master", self.name + ("b" if host in hosts else "a"))

    def remove(self):
        for host in range(64):
            subprocess.run(["ip", "netns", "del", self.space(host)], capture_output=True, check=False)
            if not os.path.exists(f"/run/netns/{self.space(host + 1)}"):
                break
        for bridge in "ab":
            subprocess.run(["ip", "link", "del", self.name + bridge], capture_output=True, check=False)
