#!/usr/bin/env python3
"""events_check.py SKEIN OUT: trains a small run in two parts, the second after a crash, and reads its event files with
TensorBoard's own EventAccumulator: every scalar against metrics.jsonl, and the hyperparameters, texts, images and
histograms."""
import glob
import json
import os
import struct
import subprocess
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2
from tensorboard.plugins.hparams import plugin_data_pb2

COMMAND = ("train --model resnet8 --data synthetic --synthetic-train 160 --synthetic-test 40 --synthetic-size 8 "
           "--epochs 2 --batch 8 --eval-batch 16 --lr 0.05 --conv onednn --threads 1 --workers 4 --sync local:H=2 "
           "--compress ef-sign --log-every 3").split()
STOP = 6  # of 10 steps


def scalars(run):
    """{tag: [(step, value)]} as docs/metrics.md's keys say."""
    found = {}
    with open(os.path.join(run, "metrics.jsonl")) as lines:
        records = [json.loads(line) for line in lines]
    classes = records[0]["classes"]
    for record in records:
        if record["type"] == "run":
            continue
        flat = {}
        for key, value in record.items():
            name = f"{record['type']}/{key}"
            if key == "layers":
                for layer in value:
                    flat["weight_norm/" + layer["name"]] = layer["weight_norm"]
                    flat["grad_norm/" + layer["name"]] = layer["grad_norm"]
            elif key == "class_top1":
                flat.update({"class_top1/" + c: v for c, v in zip(classes, value)})
            elif isinstance(value, dict):
                flat.update({f"{name}/{inner}": v for inner, v in value.items()})
            elif isinstance(value, list):
                known = [v for v in value if v is not None]
                flat[name] = sum(known) / len(known) if known else None
            elif key not in ("step", "epoch"):
                flat[name] = value
        for tag, value in flat.items():
            if isinstance(value, (int, float)):
                found.setdefault(tag, []).append((record["step"], value))
    return found


def check_scalars(run, events):
    expected = scalars(run)
    tags = set(events.Tags()["scalars"])
    final = {tag for tag in tags if tag.startswith("final/")}
    assert tags - final == set(expected), tags ^ set(expected)
    assert final == {"final/test_top1", "final/best_top1", "final/seconds"}, final
    count = 0
    for tag, points in expected.items():
        read = [(e.step, e.value) for e in events.Scalars(tag)]
        assert [s for s, _ in read] == [s for s, _ in points], (tag, read, points)
        for (_, value), (_, wanted) in zip(read, points):
            assert abs(value - wanted) <= 1e-6 * abs(wanted), (tag, value, wanted)
            count += 1
    return count


def check_hparams(events):
    def plugin(tag):
        content = events.SummaryMetadata(tag).plugin_data.content
        return plugin_data_pb2.HParamsPluginData.FromString(content)

    settings = plugin("_hparams_/session_start_info").session_start_info.hparams
    assert settings["sync"].string_value == "local:H=2", settings["sync"]
    assert settings["lr"].number_value == 0.05, settings["lr"]
    assert settings["nesterov"].bool_value is True, settings["nesterov"]
    assert plugin("_hparams_/session_end_info").session_end_info.status == 1  # success


def check_others(run, events):
    text = events.Tensors("configuration")[-1].tensor_proto.string_val[0].decode()
    assert "    sync = 'local:H=2'" in text, text
    for tag in ("first batch", "worst predictions"):
        image = events.Images(tag)[-1]
        png = image.encoded_image_string
        assert png[:8] == b"\x89PNG\r\n\x1a\n" or not png, tag
        assert struct.unpack(">II", png[16:24]) == (image.width, image.height), tag
    assert (events.Images("first batch")[0].width, events.Images("first batch")[0].height) == (71, 8)  # 8 images of 8 x 8
    buckets = events.Histograms("conv1.weight")
    assert [h.step for h in buckets] == [5, 10]
    for h in buckets:
        value = h.histogram_value
        assert value.num == sum(value.bucket) == 16 * 3 * 3 * 3, value.num
        norm = [l for l in scalars(run)["weight_norm/conv1"] if l[0] == h.step][0][1]
        assert abs(value.sum_squares - norm ** 2) <= 1e-6 * norm ** 2
        assert value.bucket_limit[-1] == value.max and value.min < value.bucket_limit[0]


def records_after(step, path):
    """The records of an event file whose events are after a step."""
    found, at = b"", 0
    with open(path, "rb") as file:
        data = file.read()
    while at < len(data):
        end = at + struct.unpack_from("<Q", data, at)[0] + 16
        if event_pb2.Event.FromString(data[at + 12:end - 4]).step > step:
            found += data[at:end]
        at = end
    return found


def main():
    skein, out = sys.argv[1:]
    run = os.path.join(out, "run")
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([skein, *COMMAND, "--limit-steps", str(STOP), "--out", run], **quiet)
    [first] = glob.glob(run + "/events.out.tfevents.*")
    with open(first, "rb") as file:
        whole = file.read()
    later = os.path.join(out, "later")  # what the run would have written before it died in the middle of a record
    subprocess.run([skein, *COMMAND, "--out", later], **quiet)
    with open(first, "ab") as damaged:
        damaged.write(records_after(STOP, glob.glob(later + "/events.out.tfevents.*")[0])[:-3])
    subprocess.run([skein, "train", "--resume", run], **quiet)
    assert len(glob.glob(run + "/events.out.tfevents.*")) == 2
    with open(first, "rb") as file:
        assert file.read() == whole, "cut where the log is cut"

    events = EventAccumulator(run, size_guidance={"scalars": 0, "images": 0, "histograms": 0, "tensors": 0})
    events.Reload()
    count = check_scalars(run, events)
    check_hparams(events)
    check_others(run, events)
    print(f"{count} scalars of {len(events.Tags()['scalars'])} tags are those of metrics.jsonl")


if __name__ == "__main__":
    main()
