"""Every number of a dtype: sweeps, resumed and refused."""

import json
from math import inf

import ml_dtypes
import numpy as np
import pytest

from arraylogit.testing import inputs, measure, sweep

HALF = sweep.Sweep("arraylogit", "logit", "numpy", "float16", 0.0, 1.0, chunk=4096)


def swept(directory, *options):
    """Return what the command finds, by default in float16."""
    out = directory / "out.json"
    options = ["--dtype", "float16", *options, "--workers", "1", "--out", str(out)]
    sweep.main([*options, "--state", str(directory / "state")])
    return json.loads(out.read_text())


class TestSweep:
    def test_resumed_and_exhaustive(self, tmp_path):
        whole = sweep.run(HALF, tmp_path / "a", workers=1)
        overall = whole.summary.overall
        assert overall.count == len(inputs.keys(np.float16, 0.0, 1.0))
        assert whole.summary.coverage == measure.EXHAUSTIVE
        assert 0.49 < overall.max <= 0.51
        assert (whole.drops, whole.not_odd) == (0, 0)
        assert whole.compared == 1025  # all halves of [0.5, 1]

        chunks = sorted((tmp_path / "a").glob("0*.json"))
        assert len(chunks) == 4
        kept = json.loads(chunks[0].read_text())
        kept["drops"] = 7  # shows that it is not measured again
        chunks[0].write_text(json.dumps(kept))
        chunks[2].unlink()
        again = sweep.run(HALF, tmp_path / "a", workers=1)
        assert again.drops == 7
        assert again.summary == whole.summary

    def test_the_state_of_another_sweep_is_refused(self, tmp_path):
        (tmp_path / "sweep.json").write_text("{}")
        with pytest.raises(ValueError, match="holds the results of another sweep"):
            sweep.run(HALF, tmp_path)

    def test_command_line_finds_a_wrong_function(self, tmp_path):
        found = swept(tmp_path, "--target", "numpy:sqrt=logit", "--dtype", "bfloat16")
        assert found["sweep"]["first"] == 0
        assert found["environment"]["versions"]["numpy"] == np.__version__
        assert found["not_odd"] > 0
        summary = measure.Summary.from_dict(found["summary"])
        assert summary.overall.max == inf
        assert summary.overall.count == len(inputs.keys(ml_dtypes.bfloat16, 0.0, 1.0))

    def test_of_a_domain_without_an_end(self, tmp_path):
        found = swept(tmp_path, "--target", "arraylogit", "--function", "logit_exp")
        assert found["sweep"]["first"] == "-inf"

    def test_an_error_of_the_target_arrives(self, tmp_path):
        name = "numpy:no_such_function=logit"
        missing = sweep.Sweep(name, "logit", "numpy", "float16", 0.0, 1.0)
        with pytest.raises(AttributeError, match="no_such_function"):
            sweep.run(missing, tmp_path)

    def test_drops_between_pieces_are_seen(self, monkeypatch):
        monkeypatch.setattr(inputs, "CHUNK", 8)
        of = sweep.Sweep("", "expit", "numpy", "float16", 0.0, 1.0, chunk=16)

        def falls_once_between_pieces(x):
            key = inputs._keys_of(x)
            return np.where(key < 16, key, key - 3).astype(np.float16)

        result = sweep.evaluate(of, falls_once_between_pieces, of.keys[:16])
        assert (result.drops, result.deepest) == (1, 2 * 2**10 / 8)
        assert result.summary.overall.count == 16
        assert sweep.evaluate(of, falls_once_between_pieces, of.keys[16:32]).drops == 0

    def test_all_bit_patterns(self):
        def expit(x):
            with np.errstate(all="ignore"):
                return (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float16)

        of = sweep.Sweep("", "expit", "numpy", "float16")
        result = sweep.evaluate(of, expit, of.keys)
        assert result.summary.overall.count == 2**16
        assert result.summary.regions["outside"].count == 2 * (2**10 - 1)
        assert result.summary.overall.max <= 0.5 + 1e-9
        assert result.drops == 0

    @pytest.mark.parametrize(
        ("change", "message"),
        [({"function": "tanh"}, "function must be one of"), ({"dtype": "float64"}, "too many")],
    )
    def test_refused(self, change, message):
        with pytest.raises(ValueError, match=message):
            sweep.Sweep(**{"target": "a:b", "function": "logit"} | change)

    def test_a_result_of_another_shape_is_refused(self):
        with pytest.raises(ValueError, match="returned shape"):
            sweep.evaluate(HALF, lambda x: x[:1], HALF.keys[:9])
