"""Train through probabilities that saturate, in bfloat16, eagerly and compiled.

    python examples/saturation.py [--steps 100] [--plot saturation.png]

Experts who each see a quarter of an image say how probable a digit of 5 or more is, and their
opinions are pooled in log-odds, with weights that are learnt along with the experts:

    p_k = sigmoid(expert_k(image)),    z = sum_k w_k logit(p_k, eps) + b,    loss = log-loss of z.

In bfloat16 a probability above 0.998 is 1. So is 1 - eps, for the usual eps of 1e-3, and what
``torch.logit`` makes of it depends on where the clamp is done: infinity when run eagerly, 6.9 when
compiled. ``arraylogit.logit`` is finite, and has a finite gradient, either way.
"""

import argparse
from importlib import import_module

import torch
from sklearn.datasets import load_digits
from torch.nn.functional import binary_cross_entropy_with_logits

import arraylogit

EPS = 1e-3
LOGITS = {"torch.logit": torch.logit, "arraylogit.logit": arraylogit.logit}
EXPERTS, HIDDEN = 4, 32


class Pool(torch.nn.Module):
    """Experts on a quarter of the features each, pooled in log-odds."""

    def __init__(self, logit, features):
        super().__init__()
        self.logit = logit
        self.hidden = torch.nn.Parameter(torch.randn(EXPERTS, features, HIDDEN) * features**-0.5)
        self.out = torch.nn.Parameter(torch.randn(EXPERTS, HIDDEN, 1) * HIDDEN**-0.5)
        self.weight = torch.nn.Parameter(torch.ones(EXPERTS, 1, 1) / EXPERTS**0.5)
        self.bias = torch.nn.Parameter(torch.zeros(1))

    def probabilities(self, x):
        return torch.sigmoid(torch.relu(x @ self.hidden) @ self.out)

    def forward(self, x):
        z = self.logit(self.probabilities(x), EPS)
        return (self.weight * z).sum(0).squeeze(-1) + self.bias


def data():
    """Return the quarters of the images, experts first, and the labels; in bfloat16."""
    digits = load_digits()
    x = torch.from_numpy(digits.images).reshape(-1, 2, 4, 2, 4).permute(1, 3, 0, 2, 4)
    y = torch.from_numpy(digits.target >= 5)
    return (x.reshape(EXPERTS, -1, 16) / 16).bfloat16(), y.bfloat16()


def train(name, compiled, steps):
    """Return, for each step, the loss, the largest gradient and the share of p in {0, 1}."""
    torch.manual_seed(0)
    x, y = data()
    model = Pool(LOGITS[name], x.shape[-1]).bfloat16()
    call = torch.compile(model, fullgraph=True) if compiled else model
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    rows = []
    for _ in range(steps):
        loss = binary_cross_entropy_with_logits(call(x), y)
        optimiser.zero_grad()
        loss.backward()
        largest = torch.stack([p.grad.abs().max() for p in model.parameters()]).max()
        with torch.no_grad():
            p = model.probabilities(x)
            saturated = ((p == 0) | (p == 1)).float().mean()
        rows.append([loss.item(), largest.item(), saturated.item()])
        optimiser.step()
    return torch.tensor(rows).T


def describe(rows):
    loss, gradient, saturated = rows
    finite = torch.isfinite(loss) & torch.isfinite(gradient)
    if finite.all():
        return f"loss {loss[-1]:.3f} after {len(loss)} steps, {saturated[-1]:.0%} saturated"
    first = int(finite.int().argmin())
    return f"not finite at step {first}, with {saturated[first]:.2%} saturated"


def plot(path, results):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), layout="constrained")
    top, bottom = figure.subplots(2, sharex=True, height_ratios=(2, 1))
    styles = {
        ("torch.logit", False): ("tab:red", "-", 2.5),
        ("torch.logit", True): ("tab:orange", "-", 1.5),
        ("arraylogit.logit", False): ("tab:blue", "-", 3.5),
        ("arraylogit.logit", True): ("tab:cyan", "--", 1.5),
    }
    for (name, compiled), (loss, _, saturated) in results.items():
        colour, line, width = styles[name, compiled]
        label = f"{name}, {'compiled' if compiled else 'eager'}"
        top.plot(loss, line, color=colour, linewidth=width, label=label)
        last = int(torch.isfinite(loss).int().sum()) - 1
        if last < len(loss) - 1:
            top.plot(last, loss[last], "X", color=colour, markersize=12)
            top.text(last + 3, 1.3 * loss[last], "not finite from here on", color=colour)
            saturated = saturated[: last + 1]
        bottom.plot(100 * saturated, line, color=colour, linewidth=width)
    top.set(
        yscale="log", ylabel="log-loss", title="Experts pooled in log-odds, bfloat16, eps=1e-3"
    )
    top.legend()
    bottom.set(xlabel="step", ylabel="% of p exactly 0 or 1")
    for axes in top, bottom:
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description="Train through probabilities that saturate.")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--plot", metavar="PNG", help="write the course of the loss to this file")
    args = parser.parse_args()
    if args.plot:
        import_module("matplotlib")
    results = {}
    for name in LOGITS:
        for compiled in False, True:
            rows = results[name, compiled] = train(name, compiled, args.steps)
            print(f"{name:<17}{'compiled' if compiled else 'eager':<9} {describe(rows)}")
    if args.plot:
        plot(args.plot, results)


if __name__ == "__main__":
    main()
