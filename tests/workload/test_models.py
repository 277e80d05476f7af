"""Models of workloads, against their own formulas and the figures that they were published with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pwsim import generate, read_trace
from pwsim.workload.models import ai_training, estimates, lublin
from pwsim.workload.models.synthetic import MODELS
from tests.cli.test_hostile import pwsim


def assert_share(holds, share: float) -> None:
    """Check that what holds for some of many independent draws has this probability, within four standard errors."""
    assert np.mean(holds) == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / len(holds)) + 1e-12)


def assert_mean(values, mean: float) -> None:
    assert np.mean(values) == pytest.approx(mean, abs=4 * np.std(values) / np.sqrt(len(values)))


@pytest.mark.parametrize("model", MODELS)
@given(jobs=st.integers(1, 200), cores=st.sampled_from([1, 2, 7, 128]), seed=st.integers(0, 99))
def test_every_model_makes_sound_logs(model, jobs, cores, seed):
    trace = generate(jobs=jobs, cores=cores, load=0.8, seed=seed, model=model)
    assert (len(trace), trace.jobs_read) == (jobs, jobs)
    assert len(set(trace.job_id.tolist())) == jobs
    assert (np.diff(trace.submit_s) >= 0).all()
    assert trace.procs.min() >= 1
    assert trace.procs.max() <= cores
    assert (trace.estimate_s >= np.minimum(trace.run_s, trace.estimate_s)).all()
    assert trace.digest() == generate(jobs=jobs, cores=cores, load=0.8, seed=seed, model=model).digest()


@pytest.mark.parametrize("model", [one for one in MODELS if one != "mmc"])
@pytest.mark.parametrize("load", [0.3, 1.1])
def test_the_load_is_what_was_asked_for(model, load):
    trace = generate(jobs=20_000, cores=256, load=load, seed=4, model=model)
    assert (trace.procs * trace.run_s).sum() / (256 * trace.span_s) == pytest.approx(load, rel=1e-3)


def test_unknown_model():
    with pytest.raises(ValueError, match="model must be one of simple, mmc"):
        generate(jobs=1, cores=1, load=1, model="feitelson")  # type: ignore[arg-type]


def test_mmc_is_exponential():
    trace = generate(jobs=50_000, cores=10, load=0.8, seed=2, model="mmc")
    assert (trace.procs == 1).all()
    assert stats.kstest(trace.run_s, stats.expon(scale=3600).cdf).pvalue > 0.01
    # 10 processors, 0.8 of them busy with jobs of an hour: 8 an hour.
    assert stats.kstest(np.diff(trace.submit_s), stats.expon(scale=450).cdf).pvalue > 0.01


# Lublin and Feitelson on 128 processors: log2 of the size of a parallel job is uniform from 0.8 to 4.5 with probability
# 0.86, else from 4.5 to 7.
def test_lublin_sizes():
    procs = lublin.sizes(np.random.default_rng(1), 200_000, 128)
    assert_share(procs == 1, 0.244)
    # 2 processors: powers of two round from 0.8 to 1.5; the 18 % others round where 2 ** x < 2.5.
    assert_share(procs == 2, 0.86 * (0.576 * 0.7 + 0.18 * (np.log2(2.5) - 0.8)) / 3.7)
    # 128: powers of two from 6.5 on; others where 2 ** x >= 127.5.
    assert_share(procs == 128, 0.14 * (0.576 * 0.5 + 0.18 * (7 - np.log2(127.5))) / 2.5)
    assert_share(procs == 3, 0.86 * 0.18 * (np.log2(3.5) - np.log2(2.5)) / 3.7)


@pytest.mark.parametrize("procs", [1, 64, 128])
def test_lublin_run_times(procs):
    """Two gammas of ln(seconds); the first has weight 0.78 - 0.0054 x processors; values above 12 are drawn again."""
    run_s = lublin.run_times(np.random.default_rng(procs), np.full(100_000, procs))
    weight = 0.78 - 0.0054 * procs

    def below(ln_s):
        return weight * stats.gamma.cdf(ln_s, 4.2, scale=0.94) + (1 - weight) * stats.gamma.cdf(ln_s, 312, scale=0.03)

    for limit_s in (
        2,
        10,
        60,
        600,
        3600,
        10_000,
        36_000,
        100_000,
    ):  # whole seconds: run < limit if and only if exp < it
        assert_share(run_s < limit_s, below(np.log(limit_s)) / below(12.0))
    assert run_s.max() <= np.exp(12)


def test_lublin_wide_jobs_all_run_long():
    assert lublin.short_share(np.array([1, 100, 145, 1000])).round(4).tolist() == [0.7746, 0.24, 0, 0]


def test_lublin_arrivals():
    trace = lublin.generate(jobs=100_000, cores=128, seed=3)
    half_hour = (trace.submit_s % 86_400 // 1800).astype(int)
    # The log begins at some point of the first day, which its clock calls 0: find the shift by the largest overlap.
    weights = lublin.day_weights() / 48
    seen = np.bincount(half_hour, minlength=48) / len(trace)
    assert max(np.corrcoef(np.roll(seen, shift), weights)[0, 1] for shift in range(48)) > 0.995
    # E[exp G] of a gamma cut off at 13: (1 - b) ** -a times the chance that a gamma of scale b / (1 - b) is below 13.
    shape, scale = 10.2303 * 1.0225, 0.4871
    whole = (1 - scale) ** -shape * stats.gamma.cdf(13, shape, scale=scale / (1 - scale))
    mean_s = whole / stats.gamma.cdf(13, shape, scale=scale)
    gaps_s = np.diff(trace.submit_s)
    assert gaps_s.mean() == pytest.approx(mean_s, rel=0.02)


def test_lublin_day_has_its_rush_hours():
    weights = lublin.day_weights()
    assert weights.mean() == pytest.approx(1)
    # Half hour i of the gamma's day is half hour i - 1 of the clock; its mode is (8.1737 - 1) x 3.9631 = 28.4.
    assert weights.argmax() == 27


def test_popular_estimates_by_hand():
    # Up to 4 h: it, the eight common values below it, then multiples of 2 h and 1 h (all there), of 20 min from above
    # (220, 200, 160, 140, 100, 80, 40 are new) and of 10 min (230, 210, 190, 170), until there are 20.
    minutes = (estimates.popular_values(4 * 3600) / 60).astype(int).tolist()
    common = [5, 10, 15, 20, 30, 60, 120, 180]
    assert minutes == [240, *sorted([*common, 220, 200, 160, 140, 100, 80, 40, 230, 210, 190, 170])]


def test_shares_of_popular_estimates():
    shares = estimates.head_shares()
    # The second: 14.0491 exp(-0.355062) + 0.462513 = 10.313 %; the twentieth: 14.0491 exp(-3.55062) + 0.4625 = 0.866 %.
    assert shares[[1, 19]].round(4).tolist() == [0.1031, 0.0087]
    assert shares.sum() == pytest.approx(0.89)


def test_nine_in_ten_estimates_are_popular():
    longest_s = 48 * 3600.0
    drawn = estimates.draw(np.ones(20_000), longest_s, np.random.default_rng(5))
    values, counts = np.unique(drawn, return_counts=True)
    assert_share(np.isin(drawn, estimates.popular_values(longest_s)), 0.89)
    # 20,000 jobs: on the line from 90 values for 10,000 to 340 for 70,000, so 132; some rare ones are not drawn.
    assert 90 <= len(values) <= 132
    assert np.sort(counts)[::-1][0] / len(drawn) == pytest.approx(0.217, abs=0.012), (
        "the longest is the first, or third"
    )
    assert drawn.max() == longest_s


@given(
    run_s=st.lists(st.integers(0, 3600), min_size=1, max_size=60).map(lambda some: np.array(some, dtype=float)),
    seed=st.integers(0, 99),
)
def test_estimates_are_long_enough(run_s, seed):
    drawn = estimates.draw(run_s, 3600.0, np.random.default_rng(seed))
    assert (drawn >= run_s).all()
    assert drawn.max() <= 3600
    assert drawn.tolist() == estimates.draw(run_s, 3600.0, np.random.default_rng(seed)).tolist()


@pytest.mark.parametrize("name", list(ai_training.SITES))
def test_ai_training_has_the_published_figures(name):
    site = ai_training.SITES[name]
    gpus, run_s, ends = ai_training.draw(np.random.default_rng(7), 400_000, 4096, site)
    assert_mean(gpus, site.mean_gpus)
    assert_mean(run_s, site.mean_run_s)
    assert_share(run_s <= site.median_run_s, 0.5)
    assert set(gpus.tolist()) <= set((2 ** np.arange(11)).tolist())
    assert run_s.max() <= site.longest_run_s
    for end in range(3):
        assert_share(ends == end, site.shares[end] / sum(site.shares))
        assert_mean(gpus * run_s * (ends == end), site.gpu_s[end] / site.jobs)


def test_failures_of_seren_are_many_and_short():
    """Published: 42.9 % of the jobs fail, and take 12.4 % of the GPU time."""
    gpus, run_s, ends = ai_training.draw(np.random.default_rng(8), 200_000, 4096, ai_training.SITES["seren"])
    failed = ends == 2
    assert failed.mean() == pytest.approx(0.429, abs=0.005)
    assert (gpus * run_s)[failed].sum() / (gpus * run_s).sum() == pytest.approx(0.124, abs=0.03)
    assert np.median(run_s[failed]) < np.median(run_s[~failed]) < np.mean(run_s)


def test_sizes_of_philly_are_those_that_others_drew_from_it():
    """70 % of one GPU, and 1.9 GPUs on average: Narayanan et al., OSDI 2020 (Gavel), drew sizes of Philly so."""
    assert ai_training.SITES["philly"].size_shares[0] == pytest.approx(0.70, abs=0.05)


def test_a_small_cluster_gets_the_sizes_that_fit():
    gpus, _, _ = ai_training.draw(np.random.default_rng(1), 1000, 12, ai_training.SITES["seren"])
    assert gpus.max() == 8


@pytest.mark.parametrize("model", MODELS)
def test_generate_through_the_command_line(model, tmp_path, capsys):
    out = tmp_path / "made.swf.gz"
    options = ["--jobs", "300", "--cores", "64", "--load", "0.6", "--seed", "9"]
    code, text, _ = pwsim(capsys, "trace", "generate", model, str(out), *options)
    assert (code, f"300 jobs of model '{model}'" in text) == (0, True)
    read, made = read_trace(out), generate(jobs=300, cores=64, load=0.6, seed=9, model=model)
    assert read.run_s.tolist() == made.run_s.tolist()
    assert read.procs.tolist() == made.procs.tolist()
    assert read.submit_s == pytest.approx(made.submit_s)
    assert read.header["MaxProcs"] == "64"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["lublan", "out.swf"], "there is no model 'lublan'; known models: simple, mmc, lublin"),
        (["lublin", "out.swf"], "needs --jobs and --cores"),
        (["lublin", "out.swf", "--jobs", "5", "--cores", "4", "--days", "3"], "takes --jobs, not --days"),
        (["lublin", "out.csv", "--jobs", "5", "--cores", "4"], "must end in .parquet, .swf"),
        (["none.yaml", "out.swf"], "none.yaml: cannot be read"),
    ],
)
def test_wrong_options(arguments, word, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = pwsim(capsys, "trace", "generate", *arguments)
    assert code == 2
    assert word in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
