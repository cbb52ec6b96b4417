"""Stands in for the training script of Katib's examples: the same arguments, the same lines, no training.

The loss falls and the accuracy rises with each epoch, faster for smaller learning rates.
"""

import argparse
import json
import logging
import os
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--momentum", type=float, default=0.5)
parser.add_argument("--log-path", default="")
parser.add_argument("--logger", choices=["standard", "hypertune"], default="standard")
args = parser.parse_args()

FORMAT = "%(asctime)s %(levelname)-8s %(message)s"
if args.log_path and args.logger == "standard":
    logging.basicConfig(filename=args.log_path, level=logging.DEBUG, format=FORMAT, datefmt="%Y-%m-%dT%H:%M:%SZ")
else:
    logging.basicConfig(stream=sys.stderr, level=logging.DEBUG, format=FORMAT, datefmt="%Y-%m-%dT%H:%M:%SZ")

for epoch in range(1, args.epochs + 1):
    for batch in range(2):
        loss = (1 + 10 * args.lr) / (2 * epoch + batch + args.momentum)
        logging.info("Train Epoch: %d [%d/60000 (%d%%)]\tloss=%.4f", epoch, 30000 * batch, 50 * batch, loss)
    accuracy = max(0.0, 1 - args.lr - 0.1 / epoch)
    if args.logger == "hypertune":
        with Path(args.log_path).open("a") as file:
            for name, value in (("loss", loss), ("accuracy", accuracy)):
                entry = {"timestamp": time.time(), "trial": "0", name: str(value), "global_step": str(epoch)}
                file.write(json.dumps(entry, sort_keys=True) + "\n")
        time.sleep(0.15)
    else:
        logging.info("Validation\tloss=%.4f\taccuracy=%.4f", loss, accuracy)
        logging.info(
            "{metricName: accuracy, metricValue: %.4f};{metricName: loss, metricValue: %.4f}\n", accuracy, loss
        )

names = ("TRIAL_NAME", "TRIAL_NAMESPACE", "TRIAL_KIND", "TRIAL_API_VERSION", "TRIAL_LABEL_CUSTOM")
print(*[f"{name}:{os.environ[name]}" for name in (*names, "TRIAL_ANNOTATION_CUSTOM") if name in os.environ])
