"""The peer of goodput.py: torchft's LocalSGD over gloo, six replicas of one process and its lighthouse.

Started as a program it is one replica, which writes a line for every synchronisation that was committed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


class Torchft:
    name = "torchft"

    def __init__(self, python, folder, members, h, batch):
        self.python, self.folder, self.members, self.h, self.batch = python, folder, members, h, batch
        port = 20000 + os.getpid() % 10000
        lighthouse = Path(python).with_name("torchft_lighthouse")
        self.lighthouse = subprocess.Popen(
            [lighthouse, "--bind", f"[::]:{port}", "--min_replicas", "2", "--quorum_tick_ms", "50", "--join_timeout_ms",
             "2000", "--heartbeat_timeout_ms", "2000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.variables = {"TORCHFT_LIGHTHOUSE": f"http://localhost:{port}", "OMP_NUM_THREADS": "1",
                          "CUDA_VISIBLE_DEVICES": ""}

    def commands(self):
        return [([self.python, __file__, i, self.folder / f"rounds-{i}.jsonl", self.h, self.batch], self.variables)
                for i in range(self.members)]

    def rounds(self):
        """Every replica that took part in a commit has a line of it: the members are counted by them."""
        committed = {}
        for path in self.folder.glob("rounds-*.jsonl"):
            for line in path.read_text().splitlines():
                if line.endswith("}"):
                    step = json.loads(line)
                    committed.setdefault(step["step"], []).append(step["samples"])
        return [(sum(samples), len(samples)) for _, samples in sorted(committed.items())]

    def end(self):
        self.lighthouse.kill()
        self.lighthouse.wait()


def replica(number, path, h, batch):
    from datetime import timedelta

    import torch
    import torch.distributed as dist
    from torchft import Manager, ProcessGroupGloo
    from torchft.local_sgd import LocalSGD

    torch.set_num_threads(1)
    torch.manual_seed(0)

    def block(into, out, stride):
        return [torch.nn.Conv2d(into, out, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(out), torch.nn.ReLU(),
                torch.nn.Conv2d(out, out, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(out), torch.nn.ReLU()]

    # The work of a ResNet-8.
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False), *block(16, 16, 1), *block(16, 32, 2),
                                *block(32, 64, 2), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
                                torch.nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    images, labels = torch.randn(4096, 3, 16, 16), torch.randint(0, 10, (4096,))
    store = dist.TCPStore("localhost", 0, is_master=True, wait_for_workers=False)

    def load(state):
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])

    manager = Manager(pg=ProcessGroupGloo(timeout=timedelta(seconds=5)), min_replica_size=2, use_async_quorum=False,
                      load_state_dict=load,
                      state_dict=lambda: {"model": model.state_dict(), "optimizer": optimizer.state_dict()},
                      replica_id=f"replica_{number}", timeout=timedelta(seconds=10), rank=0, world_size=1,
                      store_addr="localhost", store_port=store.port)
    loss_of = torch.nn.CrossEntropyLoss()
    with LocalSGD(manager, model, optimizer, sync_every=h), open(path, "a") as log:
        while True:
            before = manager.current_step()
            for _ in range(h):
                chosen = torch.randint(0, len(images), (batch,))
                optimizer.zero_grad()
                loss_of(model(images[chosen]), labels[chosen]).backward()
                optimizer.step()
            if manager.current_step() > before:
                log.write(json.dumps({"step": manager.current_step(), "samples": h * batch, "at": time.time()}) + "\n")
                log.flush()


if __name__ == "__main__":
    replica(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
