"""Train a small neural network on scikit-learn's handwritten digits, and print a line for each epoch.

Nothing here knows of Trialmill: it is an ordinary script with ordinary options.
"""

import argparse
import warnings

from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning-rate", type=float, default=0.01)
    parser.add_argument("--layers", type=int, default=1, help="hidden layers of 32 units each")
    parser.add_argument("--optimizer", choices=("sgd", "adam"), default="adam")
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()

    images, digits = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(images, digits, test_size=0.3, random_state=0, stratify=digits)
    scaler = StandardScaler().fit(train_x)
    train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)

    model = MLPClassifier(
        hidden_layer_sizes=(32,) * args.layers,
        solver=args.optimizer,
        learning_rate_init=args.learning_rate,
        max_iter=1,
        warm_start=True,
        random_state=0,
    )
    warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch at a time, so that there is something to print
    for epoch in range(1, args.epochs + 1):
        model.fit(train_x, train_y)
        loss = log_loss(test_y, model.predict_proba(test_x))
        accuracy = model.score(test_x, test_y)
        print(f"epoch={epoch} loss={loss:.4f} accuracy={accuracy:.4f}", flush=True)


if __name__ == "__main__":
    main()
