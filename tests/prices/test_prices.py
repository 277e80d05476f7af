"""The price table, and tables of the user's own."""

from __future__ import annotations

import pandas as pd
import pytest

from pwsim import InputError, find_price, load_prices
from pwsim.common.units import numeral
from pwsim.prices.table import as_text, cheapest_per, select
from tests.cli.test_hostile import pwsim

OWN = "provider,region,instance_type,cores,memory_gib,on_demand_usd_per_hour\nus,here,big,64,256,1.5\n"


def test_shipped_table():
    table = load_prices()
    assert len(table) == 224
    assert (table["cores"] <= table["vcpus"]).all()
    for column in ("provider", "region", "instance_type", "price_date", "source"):
        assert table[column].str.len().min() > 0
    assert (table["on_demand_usd_per_hour"] > 0).all()
    assert not (table["spot_usd_per_hour"] > table["on_demand_usd_per_hour"]).any()
    gpus = table[table["gpus"] >= 8].groupby("provider").size()
    assert {"aws", "azure", "gcp", "lambda"} <= set(gpus.index)


# vCPUs are hardware threads, or cores on some families.
@pytest.mark.parametrize(
    ("instance", "vcpus", "cores"),
    [
        ("aws/us-east-1/c7i.8xlarge", 32, 16),
        ("aws/us-east-1/c6a.8xlarge", 32, 16),
        ("aws/us-east-1/c7a.xlarge", 4, 4),
        ("aws/us-east-1/m8gd.48xlarge", 192, 192),
        ("aws/us-east-1/hpc7g.16xlarge", 64, 64),
        ("aws/us-east-1/g4dn.xlarge", 4, 2),
        ("gcp/us-central1/c2-standard-60", 60, 30),
        ("gcp/us-central1/h3-standard-88", 88, 88),
        ("azure/eastus/Standard_HB120rs_v3", 120, 120),
        ("azure/eastus/Standard_D32as_v5", 32, 16),
    ],
)
def test_cores_behind_vcpus(instance, vcpus, cores):
    table = load_prices()
    row = table[table["provider"] + "/" + table["region"] + "/" + table["instance_type"] == instance].iloc[0]
    assert (row["vcpus"], row["cores"]) == (vcpus, cores)


def test_figures_are_those_of_the_source(data_dir):
    source = pd.read_csv(data_dir / "prices" / "cloud_instance_prices.csv")
    table = load_prices()
    for column in ("vcpus", "memory_gib", "on_demand_usd_per_hour", "spot_usd_per_hour", "reserved_3yr_usd_per_hour"):
        pd.testing.assert_series_equal(table[column], source[column], check_dtype=False)


def test_missing_instance_and_missing_price():
    with pytest.raises(InputError, match=r"did you mean 'aws/us-east-1/c7i\.8xlarge'"):
        find_price("aws/us-east-1/c7i.9xlarge")
    with pytest.raises(InputError, match="no spot price in the table, only on_demand"):
        find_price("aws/us-east-1/c7i.8xlarge", "spot")


def test_table_of_the_user(tmp_path):
    (tmp_path / "own.csv").write_text(OWN)
    offer = find_price("us/here/big", prices=load_prices(tmp_path / "own.csv"))
    assert (offer.cores, offer.memory_mib, offer.gpus, offer.price_usd_per_hour) == (64, 262_144, 0, 1.5)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cores,", "coars,", "own.csv:1: column 'cores' is missing"),
        ("64", "0", "own.csv:2: cores must be a whole number of at least 1 (got '0')"),
        ("64", "6.5", "cores must be a whole number"),
        ("64", "many", "(got 'many')"),
        ("1.5", "-1.5", "own.csv:2: on_demand_usd_per_hour must be a number of at least 0 (got '-1.5')"),
        ("256", "inf", "own.csv:2: memory_gib"),
        ("1.5\n", "1.5\nus,here,big,64,256,1.5\n", "own.csv:3: 'us/here/big' occurs twice"),
        (OWN, "", "cannot be read as a price table"),
    ],
)
def test_broken_table_of_the_user(old, new, message, tmp_path):
    (tmp_path / "own.csv").write_text(OWN.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        load_prices(tmp_path / "own.csv")
    assert message in str(error.value)


def test_select():
    assert set(select("gpus>=8")["gpus"]) == {8, 16}
    assert set(select("provider=aws and cores>=96 and gpus=0")["provider"]) == {"aws"}
    assert len(select("c7i")) == 4
    assert len(select("")) == 224
    assert select("cores > 100000").empty
    with pytest.raises(InputError, match="text"):
        select("provider>=aws")


def test_cheapest_per():
    table = cheapest_per(select("gpus>=8"), "gpu_hour")
    assert (table["usd_per_gpu_hour"] == table["on_demand_usd_per_hour"] / table["gpus"]).all()
    assert table["usd_per_gpu_hour"].is_monotonic_increasing
    assert set(table["instance_type"]) == set(select("gpus>=8")["instance_type"])
    # Without GPUs, or without a price in the market, there is no ratio.
    assert len(cheapest_per(load_prices(), "gpu_hour")) == (load_prices()["gpus"] > 0).sum()
    spot = cheapest_per(load_prices(), "node_hour", "spot")
    assert len(spot) == load_prices()["spot_usd_per_hour"].notna().sum()
    assert (spot["usd_per_node_hour"] == spot["spot_usd_per_hour"]).all()
    for arguments in (("gpu", "spot"), ("gpu_hour", "black")):
        with pytest.raises(InputError, match="must be one of"):
            cheapest_per(load_prices(), *arguments)


def test_equal_ratios_come_by_name(tmp_path):
    rows = "us,here,b,2,4,1\nus,here,a,4,4,2\nus,here,c,1,4,0.4\n"
    (tmp_path / "own.csv").write_text(OWN.splitlines()[0] + "\n" + rows)
    table = cheapest_per(load_prices(tmp_path / "own.csv"), "core_hour")
    assert table[["instance_type", "usd_per_core_hour"]].to_numpy().tolist() == [["c", 0.4], ["a", 0.5], ["b", 0.5]]
    assert cheapest_per(load_prices(tmp_path / "own.csv"), "gib_hour")["usd_per_gib_hour"].tolist() == [0.1, 0.25, 0.5]


def test_cheapest_per_through_the_command_line(capsys):
    code, out, _ = pwsim(capsys, "prices", "gpus>=8", "--cheapest-per", "gpu_hour", "--market", "spot", "--csv")
    assert code == 0
    assert out.splitlines()[0].split(",")[3] == "usd_per_gpu_hour"
    ratios = [float(line.split(",")[3]) for line in out.splitlines()[1:]]
    assert ratios == sorted(ratios)
    assert len(ratios) > 3
    code, _, err = pwsim(capsys, "prices", "--market", "spot")
    assert (code, "--cheapest-per" in err) == (2, True)


@pytest.mark.parametrize(
    ("condition", "hint"),
    [
        ("nothinglikeit", "; the nearest names to 'nothinglikeit' are "),
        ("c7j and cores>=2", "; the nearest names to 'c7j' are c7i, c7g, c7a"),
        ("gpus>=8 and provider=awz", "; the nearest names to 'awz' are aws"),
        ("gpus>=999", ""),
    ],
)
def test_that_nothing_matches_is_said_beside_the_table(condition, hint, capsys):
    code, out, err = pwsim(capsys, "prices", condition)
    assert (code, len(out.splitlines())) == (0, 1)
    assert err.startswith(f"no row of the price table matches {condition!r}{hint}")


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("market", [None, "spot"])
def test_a_terminal_shows_every_price_in_full(width, market):
    table = select("gpus>=8") if market is None else cheapest_per(select("gpus>=8"), "gpu_hour", market)
    text = as_text(table, width)
    lines = text.splitlines()
    assert "…" not in text
    assert max(map(len, lines)) <= width
    for row in table.to_dict("records"):
        name = f"{row['provider']}/{row['region']}/{row['instance_type']}"
        at = next(at for at, line in enumerate(lines) if line.split(" ")[0] == name)
        shown = " ".join(lines[at : at + 2]).split()
        known = [value for key, value in row.items() if str(key).endswith("_usd_per_hour") and value > 0]
        assert {numeral(value) for value in (*known, row["cores"], row["memory_gib"])} <= set(shown)


def test_a_terminal_shows_no_empty_columns(capsys):
    assert "gpu" not in as_text(select("c7i"), 80)
    assert as_text(select("nothing-like-this"), 80) == "Nothing in the table is like this."
