# Folders of runs as `skein train` leaves them, with made-up numbers: for tests of what reads them.
import base64
import json
import math
import random
import struct
import zlib

CLASSES = ["cat", "dog", "ship"]
LAYERS = ["conv1", "bn1"] + [
    f"layer{stage}.0.{layer}"
    for stage in (1, 2, 3)
    for layer in ["conv1", "bn1", "conv2", "bn2"] + ["downsample.0", "downsample.1"] * (stage > 1)
]
LAYERS.append("fc")


def png(colour, side=8):
    """A picture of one colour as PNG in base64."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes(colour) * side) * side
    return base64.b64encode(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    ).decode()


def line_of_run(seed, epochs, steps, classes, cpu):
    return {
        "type": "run",
        "schema": 1,
        "version": "0.1.0",
        "commit": "0123abc",
        "started": "2026-01-01T10:00:00Z",
        "command": ["skein", "train", "--data", "my data.skein", "--seed", str(seed)],
        "workers": 2,
        "model": "resnet8",
        "machine": {"cpu": cpu, "threads": 2, "hosts": ["host"]},
        "parameters": 77850,
        "epochs": epochs,
        "steps_per_epoch": steps,
        "classes": classes,
        "image": [32, 32, 3],
        "start_step": 0,
    }


def line_of_epoch(epoch, steps, local_steps, last_step, top1, rounds):
    return {
        "type": "epoch",
        "epoch": epoch,
        "step": epoch * steps,
        "lr": last_step["lr"],
        "train_loss": last_step["loss"],
        "train_top1": top1 + 3,
        "test_loss": 2.3 - top1 / 50,
        "test_top1": top1,
        "test_top5": 99.0,
        "img_per_s": 1280.0,
        "seconds": epoch * (steps * 0.05 + 0.5),
        "layers": [
            {"name": name, "weight_norm": 3 + i + epoch, "grad_norm": (1 + i) / epoch} for i, name in enumerate(LAYERS)
        ],
        "class_top1": [top1 - 5, top1, top1 + 5],
        "rounds": {
            "world": rounds,
            "block": 0,
            "bytes": 311400 * rounds,
            "compute_seconds": epoch * steps * 0.05,
            "network_seconds": rounds * 0.02,
        },
        "step_seconds": {
            "data": 0.01 * steps,
            "compute": 0.04 * steps,
            "average": 0.004 * steps / local_steps,
            "evaluate": 0.4,
            "checkpoint": 0.1,
        },
    }


def lines_of_run(seed, local_steps, epochs, steps, classes, cpu, gain):
    """The lines of metrics.jsonl: a run, then steps and rounds, and an epoch after each `steps` steps."""
    draw = random.Random(f"{seed} {local_steps}")
    yield line_of_run(seed, epochs, steps, classes, cpu)
    rounds = 0
    for epoch in range(1, epochs + 1):
        for step in range((epoch - 1) * steps + 1, epoch * steps + 1):
            line = {
                "type": "step",
                "step": step,
                "epoch": epoch,
                "loss": 2.3 * math.exp(-step / (epochs * steps)) + 0.1 * draw.random(),
                "lr": 0.1 if epoch <= epochs / 2 else 0.01,
                "wait_ms": 0.5,
                "images": 64,
                "seconds": 0.05,
                "h": local_steps,
            }
            if step % local_steps == 0:
                rounds += 1
                line["round"] = {"reach": "world", "bytes": 311400}
            yield line
            if step % local_steps == 0:
                yield {
                    "type": "round",
                    "round": rounds,
                    "step": step,
                    "epoch": epoch,
                    "reach": "world",
                    "steps": local_steps,
                    "bytes": 311400,
                    "seconds": 0.004,
                    "distance": [0.1 * local_steps * (1 + draw.random()) for _ in range(2)],
                }
        top1 = 70 + gain - 50 * math.exp(-3 * epoch / epochs) - 2 * draw.random()
        yield line_of_epoch(epoch, steps, local_steps, line, top1, rounds)


def write_run(folder, seed=0, local_steps=1, epochs=6, steps=8, classes=CLASSES, cpu="a processor", settings="", gain=20):
    """Returns the lines. The run is done."""
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(
        f"epochs = {epochs}\nmodel = 'resnet8'\nbatch = 64\nseed = {seed}\nsync = 'local:H={local_steps}'\nworkers = 2\n{settings}"
    )
    lines = list(lines_of_run(seed, local_steps, epochs, steps, classes, cpu, gain))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    worst = [
        {
            "index": i,
            "label": i % 3,
            "predicted": (i + 1) % 3,
            "probability": 0.99 - 0.01 * i,
            "png": png((40 * i, 200 - 40 * i, 120)),
        }
        for i in range(4)
    ]
    (folder / "evaluation.json").write_text(
        json.dumps(
            {
                "schema": 1,
                "epoch": epochs,
                "classes": classes,
                "worst": worst,
                "confusion": [[90, 8, 2], [11, 88, 1], [0, 3, 97]],
            }
        )
    )
    return lines
