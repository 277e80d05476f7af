"""Money through the command line: everything at once in one scenario, and every mistake that one can make in it."""

from __future__ import annotations

import json

import pytest

from pwsim import costs
from tests.cli.test_hostile import JOB, folder, pwsim  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("blank_figures")

FULL = """\
name: full
workload: {trace: day.swf, data_gib: 2}
cluster:
  policy: easy
  pools:
    - name: own
      kind: on_premises
      nodes: 1
      node: {cores: 2}
      placement: nodes
      cost:
        capex_usd: 1000
        lifetime_years: 5
        residual_share: 0.1
        site_usd_per_year: 500
        opex_usd_per_year: 100
        licence_usd_per_core_per_year: 10
        idle_power: 50 W
        busy_power: 100 W
        carbon_g_per_kwh: 300
        electricity_usd_per_kwh:
          - {usd_per_kwh: 0.3, hours: [8, 20], weekdays: mon..fri}
          - {usd_per_kwh: 0.1}
    - name: rented
      kind: cloud
      instance: me/here/small
      nodes: 4
      burst_after: 0
      commitments:
        - {term: 1yr, nodes: 1}
        - {term: 3yr, nodes: 1, price_usd_per_hour: 0.3}
      storage_usd_per_gib_month: 0.1
      egress_usd_per_gib: 0.05
      carbon_g_per_hour: 20
economics:
  prices: mine.csv
  carbon_usd_per_tonne: 50
  start: 2026-01-05T07:00
  site:
    - {name: staff, usd_per_year: 2000}
"""
OWN_PRICES = """\
provider,region,instance_type,cores,memory_gib,on_demand_usd_per_hour,reserved_1yr_usd_per_hour
me,here,small,1,4,1,0.5
aws,us-east-1,c7a.xlarge,4,8,0.01,
"""


def line_of(text: str) -> int:
    """Return the line of the scenario on which a text stands first."""
    return FULL[: FULL.index(text)].count("\n") + 1


@pytest.fixture
def full(folder):  # noqa: F811
    """A folder with a scenario that uses everything."""
    jobs = [JOB.format(number=number, submit=900 * number).replace(" 10 2 ", " 2000 2 ") for number in range(1, 40)]
    (folder / "day.swf").write_text("".join(jobs))
    (folder / "full.yaml").write_text(FULL)
    (folder / "mine.csv").write_text(OWN_PRICES)
    return folder


def test_everything_at_once(full, capsys):
    text = FULL.replace("egress_usd_per_gib: 0.05", "egress_usd_per_gib: 0.05\n      savings_1yr_usd_per_hour: 0.4")
    plans = "  savings_plans: [{name: compute, term: 1yr, usd_per_hour: 0.1}]\n  site:"
    (full / "full.yaml").write_text(text.replace("  site:", plans))
    code, out, err = pwsim(capsys, "run", "--no-draws", "full.yaml", "--out", "r", "--workers", "1")
    assert code == 0, err
    assert "commitments for 1 node for 1 year and 1 node for 3 years" in out
    assert "The commitments last 1 year and 3 years, the log 9 h" in out
    summary = json.loads((full / "r" / "summary.json").read_text())
    parts = summary["cost_breakdown_usd_per_year"]
    assert all(parts[part] > 0 for part in costs.PARTS), parts
    assert sum(parts[part] for part in costs.PARTS) == summary["cost_usd_per_year"]
    # One at 0.50 of the table, one at 0.30 USD/h.
    assert parts["commitment_usd_per_year"] == pytest.approx(0.8 * 8766)
    assert parts["site_usd_per_year"] == 2500
    assert summary["tariff_start"] == {"local": "2026-01-05T07:00", "source": "economics.start", "time_zone": None}
    assert summary["carbon_kg_per_year"] > 0
    page = (full / "r" / "report.html").read_text()
    for words in [
        *(part.words for part in costs.PARTS.values()),
        "Commitments used",
        "1 node for 1 year and 1 node for 3 years",
        "Carbon dioxide",
        "2026-01-05 at 07:00",
        "staff $2,000",
    ]:
        assert words in page, words
    assert "GPU-hour used" not in page


def test_lost_work_is_in_the_report(full, capsys):
    text = FULL.replace("burst_after: 0", "burst_after: 0\n      interruptions_per_hour: 5")
    (full / "full.yaml").write_text(text + "targets: [{metric: jobs_failed, at_most: 100}]\n")
    assert pwsim(capsys, "run", "--no-draws", "full.yaml", "--out", "r", "--workers", "1")[0] == 0
    assert json.loads((full / "r" / "summary.json").read_text())["lost_work_usd_per_year"] > 0
    assert "Work lost to interruptions" in (full / "r" / "report.html").read_text()


def test_prices_of_the_user_come_before_the_shipped_ones(full, capsys):
    text = FULL.replace("me/here/small", "aws/us-east-1/c7a.xlarge").replace("- {term: 1yr, nodes: 1}\n        ", "")
    (full / "full.yaml").write_text(text)
    code, _, err = pwsim(capsys, "validate", "full.yaml")
    assert code == 0, err
    from pwsim import load_scenario

    assert load_scenario(full / "full.yaml").cluster.pools[1].price_usd_per_hour == 0.01  # type: ignore[union-attr]
    code, out, _ = pwsim(capsys, "prices", "c7a.xlarge", "--prices", "mine.csv")
    assert out.splitlines()[1].startswith("aws,us-east-1,c7a.xlarge,,4,8.0,0,,0.01,")
    assert len(out.splitlines()) == 2


def test_energy_follows_the_hours_of_the_log(full, capsys):
    (full / "day.swf").write_text(
        "; UnixStartTime: 843480031\n; TimeZoneString: Europe/Stockholm\n" + (full / "day.swf").read_text()
    )
    (full / "full.yaml").write_text(FULL.replace("  start: 2026-01-05T07:00\n", ""))
    assert pwsim(capsys, "run", "--no-draws", "full.yaml", "--out", "r", "--workers", "1")[0] == 0
    summary = json.loads((full / "r" / "summary.json").read_text())
    # The first job is submitted 900 s into the log.
    assert summary["tariff_start"]["local"] == "1996-09-23T14:15"
    assert "Europe/Stockholm" in (full / "r" / "report.html").read_text()


HOSTILE: dict[str, tuple[str, str, str, list[str]]] = {
    # name: (text to replace, replacement, text on the line that the message names, words of the message)
    "no price of the table": (
        "me/here/small", "aws/us-east-1/c7a.4xlarge", "term: 1yr",
        ["pools.1.commitments.0", "'aws/us-east-1/c7a.4xlarge' has no reserved_1yr price", "only on_demand"],
    ),
    "neither price nor instance": (
        "instance: me/here/small", "price_usd_per_hour: 1\n      node: {cores: 1}", "term: 3yr",
        ["commitments.0.price_usd_per_hour", "is missing", "instance"],
    ),
    "no such instance": ("me/here/small", "me/here/smol", "instance:", ["pools.1.instance", "did you mean 'me/here/small'"]),
    "term": ("term: 3yr", "term: 2yr", "term: 3yr", ["commitments.1.term", "1yr", "3yr", "2yr"]),
    "committed nodes": ("3yr, nodes: 1", "3yr, nodes: 0", "term: 3yr", ["commitments.1.nodes", "at least 1", "0"]),
    "free commitment": ("price_usd_per_hour: 0.3", "price_usd_per_hour: 0", "term: 3yr", ["commitments.1", "greater than 0"]),
    "unknown key of a commitment": ("3yr, nodes", "3yr, ndoes: 1, nodes", "term: 3yr", ["ndoes", "did you mean 'nodes'"]),
    "hour beyond the day": ("[8, 20]", "[8, 25]", "hours: [8", ["electricity_usd_per_kwh.0.hours", "[8, 25]", "[22, 6]"]),
    "half an hour": ("[8, 20]", "[8, 20.5]", "hours: [8", ["0.hours", "whole hours"]),
    "hours of no length": ("[8, 20]", "[8, 8]", "hours: [8", ["0.hours", "[8, 8]"]),
    "weekday": ("mon..fri", "monday", "hours: [8", ["0.weekdays", "monday", "mon..fri"]),
    "hours without a price": (
        "          - {usd_per_kwh: 0.1}\n", "", "electricity_usd_per_kwh", ["electricity_usd_per_kwh", "no band holds mon at 0:00", "usd_per_kwh alone"],
    ),
    "band that never holds": (
        "{usd_per_kwh: 0.3, hours: [8, 20], weekdays: mon..fri}", "{usd_per_kwh: 0.3}", "electricity_usd_per_kwh", ["band 1 never holds"],
    ),
    "negative price of electricity": ("usd_per_kwh: 0.1}", "usd_per_kwh: -1}", "usd_per_kwh: 0.1", ["1.usd_per_kwh", "at least 0"]),
    "unknown key of a band": ("hours: [8", "ohurs: [8", "hours: [8", ["ohurs", "did you mean 'hours'"]),
    "price of electricity as a text": (
        FULL[FULL.index("        electricity_usd_per_kwh:") : FULL.index("    - name: rented")],
        "        electricity_usd_per_kwh: cheap\n", "electricity_usd_per_kwh", ["cost.electricity_usd_per_kwh", "number", "cheap"],
    ),
    "start without a date": ("2026-01-05T07:00", "noon", "start:", ["economics.start", "noon", "2026-01-01T00:00"]),
    "start with a zone": ("2026-01-05T07:00", "'2026-01-05T07:00Z'", "start:", ["economics.start", "without a zone"]),
    "no start at all": ("  start: 2026-01-05T07:00\n", "", "economics:", ["economics.start", "does not say when it starts"]),
    "unknown zone": ("  site:\n", "  time_zone: Europe/Pairs\n  site:\n", "  site:", ["economics.time_zone", "Europe/Pairs", "Europe/Paris"]),
    "start that no clock shows": (
        "start: 2026-01-05T07:00", "start: 2026-03-29T02:30\n  time_zone: Europe/Paris", "economics:", ["economics", "never shows 2026-03-29T02:30"],
    ),
    "start before calendars": ("2026-01-05T07:00", "0001-01-01T00:00", "start:", ["economics.start", "from 1900"]),
    "denser arrivals": ("data_gib: 2", "load: 1.1", "workload", ["workload.load", "price of electricity by the hour", "resample: {users: 1.1}"]),
    "thinner arrivals": ("data_gib: 2", "load: 0.9", "workload", ["workload.load", "resample: {users: 0.9}"]),
    "ever denser arrivals": ("data_gib: 2", "grow: {factor: 2}", "workload", ["workload.grow.by", "by: jobs"]),
    "denser arrivals of a mix": (
        "data_gib: 2", "mix: {trace: day.swf, queue: b, load: 2}", "workload", ["workload.mix.load", "users were resampled"],
    ),
    "residual share in percent": ("residual_share: 0.1", "residual_share: 10", "residual", ["residual_share", "at most 1"]),
    "site cost without a name": ("name: staff, ", "", "name: staff", ["site.0.name", "is missing"]),
    "carbon below zero": ("carbon_g_per_kwh: 300", "carbon_g_per_kwh: -3", "carbon_g_per_kwh", ["carbon_g_per_kwh", "at least 0"]),
    "data below zero": ("data_gib: 2", "data_gib: -2", "workload", ["workload.data_gib", "at least 0"]),
    "storage for parsecs": ("egress", "storage_time: 3 parsecs\n      egress", "egress", ["storage_time", "3 parsecs"]),
    "missing price table": ("mine.csv", "yours.csv", "prices:", ["economics.prices", "yours.csv", "No such file"]),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_money(case, full, capsys):
    old, new, at, words = HOSTILE[case]
    assert old in FULL
    (full / "bad.yaml").write_text(FULL.replace(old, new, 1))
    code, _, err = pwsim(capsys, "validate", "bad.yaml")
    assert code == 2, err
    assert len(err.splitlines()) == 1, err
    line = f":{line_of(at)}" if at else ""
    assert err.startswith(f"bad.yaml{line}: "), err
    for word in words:
        assert word in err, err


def test_denser_arrivals_are_refused_by_run_too(full, capsys):
    (full / "full.yaml").write_text(FULL.replace("data_gib: 2", "load: 1.1"))
    code, _, err = pwsim(capsys, "run", "--no-draws", "full.yaml", "--out", "r")
    assert (code, err.startswith("full.yaml:2: workload.load: ")) == (2, True), err
    assert not (full / "r").exists()
    # With one price for all hours, or growth by jobs, nothing is wrong.
    text = FULL[FULL.index("        electricity_usd") : FULL.index("    - name: rented")]
    (full / "full.yaml").write_text(FULL.replace("data_gib: 2", "load: 1.1").replace(text, ""))
    assert pwsim(capsys, "validate", "full.yaml")[0] == 0
    (full / "full.yaml").write_text(FULL.replace("data_gib: 2", "load: 1.0, grow: {factor: 1, by: arrivals}"))
    assert pwsim(capsys, "validate", "full.yaml")[0] == 0


def test_the_report_says_whose_summer_time_tariffs_follow(full, capsys):
    for zone, words in (("", "clock is never changed"), ("  time_zone: Europe/Paris\n", "clock follows summer time")):
        (full / "full.yaml").write_text(FULL + zone)
        assert pwsim(capsys, "run", "--no-draws", "full.yaml", "--out", "r", "--workers", "1", "--overwrite")[0] == 0
        assert words in (full / "r" / "report.html").read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1,0.5", "1,-0.5", ["mine.csv:2: reserved_1yr_usd_per_hour", "at least 0", "-0.5"]),
        ("small,1,", "small,none,", ["mine.csv:2: cores", "none"]),
        ("cores,", "coars,", ["mine.csv:1", "cores", "missing"]),
        ("me,here,small,1,4,1,0.5\n", "\nme,here,,1,4,1,0.5\n", ["mine.csv:3: instance_type"]),
        ("0.5\n", "0.5,7\n", ["mine.csv", "line 2"]),
        ("cores,memory", "cores,cores,memory", ["mine.csv:1", "'cores' occurs twice"]),
    ],
)
def test_hostile_price_table(old, new, words, full, capsys):
    (full / "mine.csv").write_text(OWN_PRICES.replace(old, new, 1))
    for arguments, place in (
        (["validate", "full.yaml"], f"full.yaml:{line_of('prices:')}: economics.prices: mine.csv"),
        (["prices", "--prices", "mine.csv"], "mine.csv"),
    ):
        code, _, err = pwsim(capsys, *arguments)
        assert code == 2, err
        assert err.startswith(place), err
        assert "Traceback" not in err
        for word in words:
            assert word in err, err
