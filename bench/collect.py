"""How fast the text collector reads: MB/s on a log without metrics, and on one with a metric in each line."""

import time

from trialmill.api.experiment import MetricsCollector
from trialmill.metrics.collector import make_collector

NAMES = ("loss", "accuracy", "val/loss")
CHUNK = 256 * 1024
NOISE = b"2024-05-01T00:00:00Z INFO worker 7: fetched shard 1234 of 9876 from the cache in 12.3 ms, queue depth 42\n"
METRIC = b"[epoch 12 batch 345/678] learning rate 0.001, 1234.5 samples/s, memory 12.3 GiB, loss=0.123456 time 0.7 s\n"


def megabytes_per_second(line: bytes, size: int) -> float:
    chunk = line * (CHUNK // len(line))
    collector = make_collector(MetricsCollector(), NAMES, "log", {})
    start = time.perf_counter()
    for _ in range(size // len(chunk)):
        collector.feed(chunk)
    return size / 1e6 / (time.perf_counter() - start)


def main() -> None:
    print(f"no metric in any line:  {megabytes_per_second(NOISE, 500_000_000):7.0f} MB/s")
    print(f"a metric in each line:  {megabytes_per_second(METRIC, 50_000_000):7.0f} MB/s")


if __name__ == "__main__":
    main()
