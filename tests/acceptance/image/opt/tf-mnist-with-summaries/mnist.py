"""Stands in for the TensorFlow script of Katib's examples: the same arguments, no training, its metrics as text."""

import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--learning-rate", type=float, default=0.01)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--log-path", default="")
args = parser.parse_args()

for epoch in range(1, args.epochs + 1):
    print(f"accuracy={max(0.0, 1 - args.learning_rate - args.batch_size / 1000 - 0.1 / epoch):.4f}")
