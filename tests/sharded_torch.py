"""DTensors over two processes; a program, which starts them: `test_sharding.py` runs it."""

import sys
import tempfile
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.tensor import (
    Replicate,
    Shard,
    distribute_tensor,
    init_device_mesh,
)
from torch.distributed.tensor.debug import CommDebugMode

from arraylogit import expit, logit

X = torch.linspace(0, 1, 12).reshape(4, 3)
PLACEMENTS = [Shard(0), Shard(1), Replicate()]
FUNCTIONS = [logit, expit, lambda x: logit(x, 0.1), lambda x: logit(x, torch.tensor(0.1))]


def distributed():
    """Yield X, placed in every way, with the functions to try, and checks of their results."""
    mesh = init_device_mesh("cpu", (2,))
    for placement in PLACEMENTS:
        for f in FUNCTIONS:
            yield distribute_tensor(X, mesh, [placement]), f


def assert_same(y, x, expected):
    assert y.placements == x.placements, (y.placements, x.placements)
    torch.testing.assert_close(y.full_tensor(), expected, equal_nan=True)


def silently(f, *arguments):
    """Return the result of a function that must not communicate."""
    with CommDebugMode() as mode:
        y = f(*arguments)
    assert mode.get_total_counts() == 0, mode.get_comm_counts()
    return y


def forward():
    for x, f in distributed():
        assert_same(silently(f, x), x, f(X))
        assert_same(silently(f, x.half()), x, f(X.half()))
        assert silently(f, x > 0.5).dtype == torch.float32


def backward():
    def gradient(x, f):
        x = x.detach().requires_grad_()
        y = f(x)
        return torch.autograd.grad(y, x, torch.ones_like(y))[0]

    for x, f in distributed():
        assert_same(silently(gradient, x, f), x, gradient(X, f))


def out():
    for x, _ in distributed():
        y = torch.empty_like(x)
        assert silently(lambda x, y: logit(x, 0.1, out=y), x, y) is y
        assert_same(y, x, logit(X, 0.1))


def compiled():
    f = torch.compile(lambda x: logit(x, 0.1), fullgraph=True, backend="aot_eager")
    for placement in PLACEMENTS:
        x = distribute_tensor(X, init_device_mesh("cpu", (2,)), [placement])
        assert_same(f(x), x, logit(X, 0.1))  # CommDebugMode would keep it from compiling


def fully_sharded():
    """FSDP: parameters and their gradients stay sharded; a loss through both functions."""
    from torch.distributed.fsdp import fully_shard

    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    reference = [parameter.detach().clone() for parameter in model.parameters()]
    fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    logit(expit(model(X)), 1e-6).sum().backward()
    for parameter, before in zip(model.parameters(), reference, strict=True):
        assert parameter.grad.placements == parameter.placements == (Shard(0),)
        expected = X.sum(0).expand(2, 3) if before.ndim == 2 else torch.full((2,), 4.0)
        torch.testing.assert_close(parameter.grad.full_tensor(), expected, rtol=1e-4, atol=1e-5)
        # On the shards, too: parameters that are probabilities.
        probabilities = silently(lambda p: logit(p.abs() / 10, 1e-3), parameter)
        assert_same(probabilities.detach(), parameter, logit(before.abs() / 10, 1e-3))


def communication_is_found():
    x, _ = next(distributed())
    try:
        silently(lambda x: logit(x).sum().full_tensor(), x)
    except AssertionError as error:
        assert "all_reduce" in str(error)  # noqa: PT017
    else:
        raise AssertionError("no communication was found")


def run(rank, file, names):
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    try:
        for name in names:
            globals()[name]()
        dist.barrier()  # neither leaves while the other still listens
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(run, (Path(folder) / "store", sys.argv[1:]), nprocs=2)
