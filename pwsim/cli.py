"""The command line.  Each command is thin: heavy imports inside, work elsewhere."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pwsim._version import __version__

if TYPE_CHECKING:
    from pwsim.cluster import Cluster
    from pwsim.scenario.batch import Batch
    from pwsim.search import Progress
    from pwsim.trace import Trace

_PATH = click.Path(path_type=Path)

_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "cores": click.option("--cores", type=click.IntRange(1, 10**9), required=True, help="Processors of the machine."),
    "policy": click.option(
        "--policy", default="easy", show_default=True, help="fcfs, easy, conservative, or e.g. sjf-easy."
    ),
    "overrun": click.option(
        "--overrun",
        type=click.Choice(["allow", "kill"]),
        default="allow",
        show_default=True,
        help="What happens to jobs that outlive their estimate.",
    ),
    "depth": click.option(
        "--depth", type=click.IntRange(1, 10**9), help="Jobs that backfilling looks at; default: all."
    ),
    "seed": click.option(
        "--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Random seed."
    ),
    "out": click.option("--out", type=_PATH, required=True, help="Directory for the results; it must not exist yet."),
    "engine": click.option(
        "--engine",
        type=click.Choice(["auto", "compiled", "simpy"]),
        default="auto",
        show_default=True,
        help="Replay engine.",
    ),
    "workers": click.option("--workers", type=click.IntRange(1, 1024), help="Replays at once; default: one a core."),
    "quiet": click.option("--quiet", is_flag=True, help="No progress, only the answer."),
    "allow_code": click.option(
        "--allow-code", is_flag=True, help="Run the Python code that a policy names (FILE.py:FUNCTION)."
    ),
    "format": click.option("--format", "format_", help="Format of the log; default: its content tells, or its name."),
    "columns": click.option(
        "--columns",
        metavar="FILE|LIST",
        help="For sacct without a header: names of the columns, or a file of them; for a table: submit_s=when,...",
    ),
    "time_zone": click.option(
        "--time-zone", help="Zone of local times in the log, such as Europe/Paris; default: UTC."
    ),
    "cores_per_proc": click.option(
        "--cores-per-proc",
        type=click.IntRange(1, 10**9),
        default=1,
        help="Cores of what the log calls a processor, where that is a node.",
    ),
    "dask": click.option("--dask", metavar="ADDRESS", help="Do the work on the Dask cluster of this scheduler."),
    "log_json": click.option(
        "--log-json", type=_PATH, metavar="FILE", help="Tell what happens in this file, as lines of JSON, too."
    ),
    "profile": click.option("--profile", is_flag=True, help="Show where time went."),
    "overwrite": click.option("--overwrite", is_flag=True, help="Replace what exists."),
}


_LOG = ("format", "columns", "time_zone", "cores_per_proc")
"""Options of every command that reads a log."""


def _options(*names: str) -> Callable[[Any], Any]:
    def add(command: Any) -> Any:
        for name in reversed(names):
            command = _OPTIONS[name](command)
        return command

    return add


class _Commands(click.Group):
    """A group that answers a command it does not know with the whole command that was probably meant."""

    group_class = type  # groups of this group are like it

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and self.get_command(context, args[0]) is None:
            from pwsim.common import nearest

            root = context.find_root()
            assert isinstance(root.command, click.Group)
            known = dict(_command_lines(root.command, "pwsim"))
            near = nearest(args[0], {line.rpartition(" ")[2] for line in known}) if args[0][:1] != "-" else []
            meant = [line for line in known if line.rpartition(" ")[2] in near]
            hint = (
                f"; did you mean `{'` or `'.join(meant)}`?"
                if meant
                else f"; known commands: {', '.join(self.commands)}"
            )
            context.fail(f"there is no command {args[0]!r} in `{context.command_path}`{hint}")
        return super().resolve_command(context, args)


def _command_lines(group: click.Group, line: str) -> Iterator[tuple[str, click.Command]]:
    """Yield all commands of a group, and of the groups in it, by their command lines."""
    for name, command in group.commands.items():
        yield f"{line} {name}", command
        if isinstance(command, click.Group):
            yield from _command_lines(command, f"{line} {name}")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="pwsim")
def commands() -> None:
    """Find the cheapest cluster that serves your workload well enough.

    pwsim replays the accounting log of an HPC or AI cluster, job by job, on candidate setups (own nodes, rented
    nodes, scheduling policies) and picks the cheapest one that meets your targets for waiting time and throughput,
    with a proof that no cheaper one does.

    \b
    Start with a scenario file:
      pwsim validate scenarios/quickstart.yaml
      pwsim run scenarios/quickstart.yaml --out results/quickstart
    or with one log on one machine:
      pwsim simulate mylog.swf.gz --cores 128 --policy easy --out results/mylog

    Exit codes: 0 done; 1 no setup meets the targets; 2 wrong input; 3 interrupted; 4 the machine failed (disk full,
    out of memory, a worker lost).
    """  # noqa: D301 - \b is a sign to click


@commands.command()
@click.argument("scenario", type=_PATH)
@_options("out", "engine", "workers", "allow_code", "quiet", "overwrite")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Random seed; default: the scenario's.")
@click.option(
    "--time-limit",
    help="End the search after this time, such as '10 min', with the best found so far; default: the scenario's.",
)
@click.option(
    "--cache-size",
    default="5 GB",
    show_default=True,
    help="Keep so much of the replays on disk, the oldest go first: what is kept is not replayed again; 0 keeps none.",
)
@click.option(
    "--no-draws", is_flag=True, help="Do not try the answer on draws of what might have been instead of the log."
)
@_options("dask", "log_json", "profile")
def run(
    scenario: Path,
    out: Path,
    engine: Any,
    workers: int | None,
    allow_code: bool,
    quiet: bool,
    overwrite: bool,
    seed: int | None,
    time_limit: str | None,
    cache_size: str,
    no_draws: bool,
    dask: str | None,
    log_json: Path | None,
    profile: bool,
) -> None:
    """Search the setups of SCENARIO for the cheapest that meets its targets.

    Writes summary.json, scenario.yaml, jobs.parquet, setups.parquet, timeline.parquet, figures/ and report.html into
    the directory given with --out, and prints the answer.  A search that is interrupted (Ctrl-C) or at its time limit
    ends with the best setup found so far, and says what is proven of it.  The same command again goes on where a search
    was stopped, and other prices or targets replay nothing that is kept.
    """
    from pwsim import report
    from pwsim.common import INTERRUPTED, NO_SETUP, tell, timed
    from pwsim.results import record
    from pwsim.scenario import load_scenario, optimize
    from pwsim.search import answer

    limit_s = None if time_limit is None else _duration("--time-limit", time_limit)
    cache_bytes = _bytes("--cache-size", cache_size)
    _listen(log_json, profile=profile)
    loaded = load_scenario(scenario)
    _reserve(out, overwrite, report.FILES)
    with _spread(dask), _progress(quiet) as progress:
        plan = optimize(
            loaded,
            workers=workers,
            engine=engine,
            seed=seed,
            progress=progress,
            allow_code=allow_code,
            time_limit_s=limit_s,
            cache_bytes=cache_bytes,
            draws=not no_draws,
        )
    if plan.interrupted:
        click.echo("Interrupted: writing what was found so far.", err=True)
    with timed("judging"):
        check = plan.summary["hindcast"]
        tables = plan.tables()
    checked = f"Present machine: {check['text']}\n" if check else ""
    click.echo(f"{plan.summary['answer']}\n{checked}{_log_of(plan.summary)}")
    with _heeding_the_second("writing what was found; a second interrupt leaves it out"), timed("writing"):
        report.write_results(out, plan.summary, tables, record.scenario_yaml(plan.asked))
    tell("results written", scenario=loaded.name, directory=out, answer=plan.summary["answer"])
    click.echo(f"Report: {out / 'report.html'}")
    if plan.interrupted:
        sys.exit(INTERRUPTED)
    if not answer.is_found(plan.summary):
        sys.exit(NO_SETUP)


@commands.command()
@click.argument("trace", type=_PATH)
@_options("cores", "policy", "overrun", *_LOG, "depth")
@_options("out", "engine", "allow_code", "quiet", "overwrite", "seed")
def simulate(trace: Path, out: Path, overwrite: bool, quiet: bool, engine: Any, seed: int, **options: Any) -> None:
    """Replay TRACE (a log file, or the name of a data set) on one machine of --cores processors."""
    from pwsim import report, results

    machine, workload = _machine_and_log(trace, out, overwrite=overwrite, quiet=quiet, **options)
    result = results.simulate(workload, machine, engine=engine, seed=seed)
    if not quiet:
        click.echo(f"replayed with the {result.replay.engine} engine", err=True)
    report.write_results(out, result.summary, {"jobs": result.jobs, "timeline": result.timeline})
    click.echo(f"{result.summary['answer']}\n{_log_of(result.summary)}\nReport: {out / 'report.html'}")


@commands.command()
@click.argument("log", type=_PATH)
@click.option("--cores", type=click.IntRange(1, 10**9), help="Processors of the machine; or give --site.")
@click.option("--site", type=_PATH, help="A file with the site's pools, policy and rules, instead of --cores.")
@_options("policy", "overrun", *_LOG, "depth")
@click.option("--out", type=_PATH, help="Directory for the results; it must not exist yet.")
@click.option("--calibrate", is_flag=True, help="Look for the site's rules first; they go to the file of -o.")
@click.option("-o", "site_out", type=_PATH, help="YAML file for the rules that --calibrate finds.")
@_options("workers", "engine", "allow_code", "quiet", "overwrite", "seed")
def hindcast(
    log: Path,
    out: Path | None,
    calibrate: bool,
    site_out: Path | None,
    workers: int | None,
    overwrite: bool,
    quiet: bool,
    engine: Any,
    seed: int,
    **options: Any,
) -> None:
    """Replay the machine that wrote LOG, and compare its waits with the recorded ones.

    The machine is --cores processors under --policy, or what the file of --site describes, its rules included.  Prints
    whether that reproduces the site well enough to plan with, and what most likely differs if not.

    With --calibrate, it looks for rules that explain the record: each is fitted to some weeks and kept if it explains
    others.  They are written to the file of -o, each with its evidence; --out is then for the hindcast with them.
    """
    from pwsim import hindcasting, report
    from pwsim.common import InputError, capital

    if calibrate != (site_out is not None):
        raise InputError("--calibrate and -o go together: the rules that it finds are written to the file of -o")
    if out is None and not calibrate:
        raise InputError("--out: name a directory for the results")
    machine, workload = _machine_and_log(log, out, overwrite=overwrite, quiet=quiet, **options)
    if site_out is not None:
        _reserve(site_out, overwrite)
        machine = _calibrated(workload, machine, site_out, engine, workers, quiet=quiet)
        if out is None:
            return
    assert out is not None
    done = hindcasting.hindcast(workload, machine, engine=engine, seed=seed)
    if not quiet:
        click.echo(f"replayed with the {done.result.replay.engine} engine", err=True)
    report.write_results(out, done.summary, {"jobs": done.jobs, "timeline": done.result.timeline, **done.tables()})
    click.echo("\n".join([done.text, *(f"- {capital(one.title)}. {one.text}" for one in done.findings)]))
    click.echo(f"{_log_of(done.summary)}\nReport: {out / 'report.html'}")


@commands.command()
@click.argument("scenarios", type=_PATH, nargs=-1, required=True)
def validate(scenarios: tuple[Path, ...]) -> None:
    """Check scenario files, and the logs that they name, without running them."""
    from pwsim.common import BAD_INPUT, MACHINE_FAILED, MachineError, PwsimError
    from pwsim.scenario import check, load_scenario

    codes = set()
    for path in scenarios:
        try:
            click.echo(f"{path}: {check(load_scenario(path))}")
        except PwsimError as error:
            click.echo(error, err=True)
            codes.add(MACHINE_FAILED if isinstance(error, MachineError) else BAD_INPUT)
    if codes:
        sys.exit(max(codes))


@commands.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors and checks."""
    from pwsim.scenario import Scenario

    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Scenario.model_json_schema()}
    click.echo(json.dumps(document, indent=2))


@commands.command()
@click.argument("directory", type=_PATH)
@click.option(
    "--folder",
    type=_PATH,
    default=".",
    help="Folder of the scenario that was run, where the paths in it start; default: the current one.",
)
@click.option("--thorough", is_flag=True, help="Do all replays with the other engine.")
@_options("workers", "allow_code")
def verify(directory: Path, folder: Path, thorough: bool, workers: int | None, allow_code: bool) -> None:
    """Check the proof in a results DIRECTORY of `pwsim run` again.

    Reads its scenario.yaml and the log again, does every replay that the proof rests on again (with the other engine
    where that is affordable), computes every bound again, and accounts for every setup that the scenario allows.

    Exit codes: 0 verified; 1 not verified, and what differs; 2 wrong input.
    """
    from pwsim.common import NO_SETUP
    from pwsim.scenario import verify as check

    found = check(directory, folder=folder, workers=workers, thorough=thorough, allow_code=allow_code)
    click.echo(found)
    if not found.verified:
        sys.exit(NO_SETUP)


@commands.command()
@click.argument("directory", type=_PATH)
def report(directory: Path) -> None:
    """Write the figures and report.html of a results DIRECTORY again from its Parquet files."""
    from pwsim.report import write_report

    write_report(directory)
    click.echo(f"Report: {directory / 'report.html'}")


@commands.command()
@click.argument("filter_", metavar="[FILTER]", default="")
@click.option(
    "--cheapest-per",
    type=click.Choice(["gpu_hour", "core_hour", "gib_hour", "node_hour"]),
    help="Sort by what an hour of one of these costs, and show it; gib is memory.",
)
@click.option(
    "--market",
    type=click.Choice(["on_demand", "spot", "reserved_1yr", "reserved_3yr", "savings_1yr", "savings_3yr"]),
    help="Market whose price --cheapest-per compares; default: on_demand.",
)
@click.option("--prices", "file", type=_PATH, help="A price table in CSV; its rows come before the shipped ones.")
@click.option("--csv", is_flag=True, help="Print comma-separated values.")
def prices(filter_: str, cheapest_per: str | None, market: str | None, file: Path | None, csv: bool) -> None:
    """List the price table; FILTER is like 'gpus>=8' or 'provider=aws and cores>=32' or 'c7i'."""
    from pwsim import prices as tables
    from pwsim.common import InputError

    if market is not None and cheapest_per is None:
        raise InputError("--market says what --cheapest-per compares: give both")
    table = tables.load_prices() if file is None else tables.with_own(tables.load_prices(file))
    everything, table = table, tables.select(filter_, table)
    if table.empty:
        click.echo(tables.nothing_matches(filter_, everything), err=True)
    if cheapest_per is not None:
        table = tables.cheapest_per(table, cheapest_per, market or "on_demand").round(6)
    if csv or not sys.stdout.isatty():
        click.echo(table.to_csv(index=False), nl=False)
    elif not table.empty:
        click.echo(tables.as_text(table, shutil.get_terminal_size().columns))


@commands.group()
def trace() -> None:
    """Get, look at, make and convert workloads, and statistical twins of them."""


@trace.command("sacct-command")
def sacct_command() -> None:
    """Print the command that makes a log of a Slurm cluster, in UTC; set its dates."""
    from pwsim.trace import COMMAND

    click.echo(COMMAND)


@trace.command()
@click.argument("log", type=_PATH)
@click.option("--cores", type=click.IntRange(1, 10**9), help="Processors of the machine; default: what the log says.")
@_options(*_LOG)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.option("--out", type=_PATH, help="Directory for description.json, report.html and figures/.")
@_options("overwrite")
def describe(
    log: Path,
    cores: int | None,
    as_json: bool,
    out: Path | None,
    overwrite: bool,
    **log_options: Any,
) -> None:
    """Print what is in LOG (a log, or the name of a data set), and what is wrong with it.

    Verdicts are ok, warning or problem, with what to do about it; dropped records are shown by an example.
    """
    from pwsim import description

    if out is not None:
        from pwsim.description import page

        _reserve(out, overwrite, page.FILES)
    described = description.describe(_read(log, **log_options), cores, log_options["time_zone"] or "UTC")
    if out is not None:
        described.write(out, overwrite=overwrite)
    click.echo(described.to_json() if as_json else described)
    if out is not None:
        click.echo(f"Report: {out / 'report.html'}", err=as_json)


@trace.command()
@click.argument("trace", type=_PATH)
@click.argument("out", type=_PATH)
@_options(*_LOG, "overwrite")
def convert(trace: Path, out: Path, overwrite: bool, **log_options: Any) -> None:
    """Write TRACE (a log, or the name of a data set) to OUT: .parquet keeps all, .swf and .swf.gz what SWF can hold."""
    from pwsim.trace import write_trace

    _reserve(out, overwrite)
    workload = _read(trace, **log_options)
    write_trace(workload, out)
    click.echo(
        f"{out}: {len(workload):,} of {workload.jobs_read:,} records of {workload.name} (format {workload.format})"
    )


@trace.command()
@click.argument("model", metavar="MODEL")
@click.argument("out", type=_PATH)
@click.option(
    "--jobs", type=click.IntRange(1, 10**8), help="Number of jobs; for a twin, as many as its log by default."
)
@click.option(
    "--days", type=click.FloatRange(0, 1e5, min_open=True), help="About this length, instead of --jobs; for a twin."
)
@click.option("--cores", type=click.IntRange(1, 10**7), help="Processors that are loaded; for a twin, with --load.")
@click.option("--load", type=click.FloatRange(0.01, 10), help="Offered load; 0.75, or that of the twin's log.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Random seed.")
@_options("overwrite")
def generate(
    model: str,
    out: Path,
    jobs: int | None,
    days: float | None,
    cores: int | None,
    load: float | None,
    seed: int,
    overwrite: bool,
) -> None:
    """Write a made log to OUT (.parquet, .swf or .swf.gz; SWF knows no GPUs).

    MODEL is simple, mmc, lublin, ai-training, ai-training-philly, or a statistical twin of a log: a YAML file that
    `pwsim trace fit` wrote.
    """
    from pwsim.trace import write_trace

    if not out.name.endswith((".parquet", ".swf", ".swf.gz")):
        raise click.ClickException(f"{out}: must end in .parquet, .swf or .swf.gz")
    _reserve(out, overwrite)
    made = _made(model, jobs, days, cores, load, seed)
    write_trace(made, out)
    # The work of the jobs that were drawn, and the load, decide how long it is.
    about = "" if days is None else f" (about the {days:g} asked for: as long as the drawn work lasts at its load)"
    click.echo(f"{out}: {len(made):,} jobs of model {model!r}, {made.span_s / 86400:.1f} days{about}")
    for note in made.notes:
        click.echo(f"Note: {note}")


@trace.command()
@click.argument("log", type=_PATH)
@click.option("-o", "--out", type=_PATH, required=True, help="YAML file for the scenario.")
@click.option("--cores", type=click.IntRange(1, 10**9), help="Processors of the machine; default: what the log says.")
@_options(*_LOG, "overwrite")
def init(log: Path, out: Path, cores: int | None, overwrite: bool, **log_options: Any) -> None:
    """Write a first scenario for LOG (a log, or the name of a data set): own nodes, rented ones, or both.

    It has real prices, pools that fit the load, targets from the waits that the log recorded, and comments; it runs as
    it stands.
    """
    from pwsim.common import new_file
    from pwsim.scenario import drafting
    from pwsim.trace import datasets

    _reserve(out, overwrite)
    workload = _read(log, **log_options)
    dataset = not log.exists() and str(log) in datasets.NAMES
    said = {name.rstrip("_"): value for name, value in log_options.items() if value != 1}
    origin = drafting.Origin.of(log, out.parent, dataset=dataset, **said)
    text = drafting.first_scenario(workload, origin, cores)
    with new_file(out) as beside:
        beside.write_text(text, encoding="utf-8")
    click.echo(f"{out}: a first scenario for {workload.name}; look at its prices and targets, then run")
    click.echo(f"  pwsim run {out} --out results/{out.stem}")


@trace.command()
@click.argument("log", type=_PATH)
@click.option("-o", "--out", type=_PATH, required=True, help="YAML file for the twin.")
@_options(*_LOG, "overwrite")
def fit(log: Path, out: Path, overwrite: bool, **log_options: Any) -> None:
    """Fit a statistical twin to LOG: what is typical of it, without its jobs and users.

    The twin is a text to read, share, and make logs from: `pwsim trace generate twin.yaml OUT`.
    """
    from pwsim.common import numeral
    from pwsim.workload import fit as fit_twin

    _reserve(out, overwrite)
    twin = fit_twin(_read(log, **log_options))
    twin.write(out)
    click.echo(f"{out}: twin of {twin.of}, {twin.jobs:,} jobs in {numeral(twin.days)} days")


@commands.group()
def site() -> None:
    """Describe a Slurm site: its nodes, partitions, limits and priorities."""


@site.command("script")
def site_script() -> None:
    """Print a shell script that collects at a Slurm site what `site import` reads, users and accounts as codes.

    \b
      pwsim site script > site.sh      and there:  sh site.sh site 2024-01-01 2025-01-01
    """  # noqa: D301 - \b is a sign to click
    from pwsim.site import SCRIPT

    click.echo(SCRIPT, nl=False)


@site.command("import")
@click.argument("folder", metavar="DIR", type=_PATH)
@click.option("-o", "--out", type=_PATH, required=True, help="YAML file for the site.")
@_options("overwrite")
def site_import(folder: Path, out: Path, overwrite: bool) -> None:
    """Write pools, partitions, limits, priorities and outages of a Slurm site as a file for `site:` in scenarios.

    DIR holds what the script of `site script` wrote, or slurm.conf with what it includes, and files of `sacctmgr dump`
    or scripts of sacctmgr commands if there are any.  What matters and is not modelled is listed, here and in the file.
    """
    from pwsim.common import new_file
    from pwsim.scenario import load_site
    from pwsim.site import import_site, text_of

    _reserve(out, overwrite)
    found = import_site(folder)
    with new_file(out) as beside:
        beside.write_text(text_of(found, folder.resolve().name), encoding="utf-8")
        load_site(beside)
    for remark in found.notes.remarks:
        click.echo(f"Note: {remark}")
    for line in found.notes.missing_lines():
        click.echo(f"Not modelled: {line}")
    click.echo(f"{out}: {found.summary()}")


@commands.command()
@click.argument("scenarios", nargs=-1, required=True)
@click.option("--out", type=_PATH, required=True, help="Directory of the batch; results in it stay, and are used.")
@click.option("--set", "changes", multiple=True, metavar="KEY.PATH=VALUE", help="What is other in all scenarios.")
@click.option("--report", "with_report", is_flag=True, help="Make figures and a page of each scenario, too.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done, and why.")
@click.option("--keep", type=click.IntRange(1, 10**6), help="Drop all but the newest so many runs of each scenario.")
@click.option("--time-limit", help="For the whole batch, such as '2 h'; shared out evenly among the scenarios.")
@click.option("--shard", help="Do only this part of the scenarios, such as 1/8; the last to finish writes the table.")
@click.option("--collect", is_flag=True, help="Only write the table of all scenarios, once all are done.")
@_options("dask")
@click.option("--cache-size", default="5 GB", show_default=True, help="Keep so much of the replays on disk.")
@click.option("--no-draws", is_flag=True, help="Do not try answers on draws.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Random seed; default: the scenarios'.")
@click.option("--memory", help="What runs at once may take so much memory, such as '8 GiB', by an estimate.")
@_options("engine", "workers", "allow_code", "quiet", "log_json", "profile")
def batch(
    scenarios: tuple[str, ...],
    out: Path,
    changes: tuple[str, ...],
    keep: int | None,
    time_limit: str | None,
    shard: str | None,
    dask: str | None,
    cache_size: str,
    workers: int | None,
    memory: str | None,
    *,
    with_report: bool,
    profile: bool,
    no_draws: bool,
    dry_run: bool,
    collect: bool,
    quiet: bool,
    **asked: Any,
) -> None:
    """Run all SCENARIOS, each once: files, patterns of files, and manifests that list them.

    \b
    Writes into the directory given with --out
      results/SCENARIO/RUN/              a results directory for each scenario, as `pwsim run` makes it
      data/TABLE/scenario=…/run=…/       one data set over all: summary, setups, jobs, timeline and more
      log.jsonl                          a line for each scenario and batch
      batch.parquet                      what became of each scenario

    What was finished before is known by a hash of the scenario, its log, prices and code, and is not done again; where
    a batch was stopped, the same command goes on.  Exit code: that of the worst outcome, in the order 3, 4, 2, 1, 0.
    """  # noqa: D301 - \b is a sign to click
    from pwsim.common import INTERRUPTED, tell
    from pwsim.scenario import parse_change
    from pwsim.scenario.batch import Batch, Options, Shard, worst

    limit_s = None if time_limit is None else _duration("--time-limit", time_limit)
    asked["log_json"] = asked["log_json"] and asked["log_json"].absolute()  # workers may be elsewhere
    options = Options(draws=not no_draws, report=with_report, cache_bytes=_bytes("--cache-size", cache_size), **asked)
    _listen(options.log_json, profile=False)
    todo = Batch(
        scenarios,
        out,
        changes=[parse_change(one) for one in changes],
        options=options,
        shard=None if shard is None else Shard.parse(shard),
        memory_bytes=None if memory is None else _bytes("--memory", memory),
    )
    tell("batch begins", batch=todo.name, directory=out, scenarios=len(todo.mine))
    if dry_run:
        for planned in todo.mine:
            click.echo(f"{planned.name}: {planned.text}" + (f"\n  {planned.fault[0]}" if planned.fault else ""))
        sys.exit(worst([planned.fault[1] for planned in todo.mine if planned.fault]))
    codes = [0] if collect else _work_off(todo, dask, workers, limit_s, profile=profile, quiet=quiet)
    table = todo.collect()
    if table is None and (collect or shard):
        click.echo("Other scenarios are still to be done; the last shard, or --collect, writes the table.", err=True)
        codes += [INTERRUPTED] if collect else []
    elif table is None:
        click.echo("No table is written: the run log lacks a scenario; run the same batch again.", err=True)
    if keep is not None and (dropped := todo.drop_old(keep)):
        click.echo(f"{dropped} old runs dropped.", err=True)
    tell("batch ends", batch=todo.name, code=worst(codes))
    sys.exit(worst(codes))


def _work_off(
    todo: Batch, dask: str | None, workers: int | None, limit_s: float | None, *, profile: bool, quiet: bool
) -> list[int]:
    """Run the scenarios of a batch, and say what became of each; return their exit codes."""
    from pwsim.common import INTERRUPTED
    from pwsim.scenario.batch import profile_text

    try:
        with _executor(dask) as executor:
            found = todo.run(
                at_once=workers,
                executor=executor,
                time_limit_s=limit_s,
                seen=lambda one: None if quiet else click.echo(f"{one.scenario}: {one.event}", err=True),
            )
    except KeyboardInterrupt:
        click.echo("Interrupted: what was finished stays, and the same command goes on.", err=True)
        sys.exit(INTERRUPTED)
    for one in found:
        click.echo(one.message if one.message.startswith(f"{one.scenario}:") else f"{one.scenario}: {one.message}")
    if profile:
        click.echo(profile_text(todo.profile(found)), err=True)
    return [one.code for one in found]


@commands.command()
@click.argument("directories", type=_PATH, nargs=-1, required=True)
@click.option("--out", type=_PATH, help="HTML file for a page of it.")
@click.option("--csv", is_flag=True, help="Print comma-separated values.")
@_options("overwrite")
def compare(directories: tuple[Path, ...], out: Path | None, *, csv: bool, overwrite: bool) -> None:
    """Put the results of several runs side by side: what was chosen, what it costs, and how it serves."""
    from pwsim import report

    found = report.compare(directories)
    if out is not None:
        found.write(out, overwrite=overwrite)
    click.echo(found.table().to_csv(index=False) if csv else found.text(), nl=not csv)


@commands.command()
@click.argument("directory", type=_PATH)
@click.option("--scenario", help="Only this scenario.")
@click.option("--csv", is_flag=True, help="Print comma-separated values, all columns.")
@click.option("--figure", type=_PATH, help="Draw how the cost moved, into this file (png, svg or pdf).")
@click.option("--alert", is_flag=True, help="Exit with 1 if an answer changed in the newest batch, or failed.")
@_options("overwrite")
def history(
    directory: Path, scenario: str | None, figure: Path | None, *, csv: bool, alert: bool, overwrite: bool
) -> None:
    """Show how the answers of a batch in DIRECTORY moved from night to night, and why."""
    from pwsim import figures
    from pwsim.common import NO_SETUP, new_file
    from pwsim.scenario.batch import history as history_of
    from pwsim.scenario.batch import history_text, moved_last

    table = history_of(directory, scenario)
    if figure is not None:
        if figure.suffix not in (".png", ".svg", ".pdf"):
            raise click.UsageError(f"--figure: name a file that ends in .png, .svg or .pdf (got {figure})")
        _reserve(figure, overwrite)
        with new_file(figure) as made:
            figures.draw_nights(table, made)
    if csv:
        click.echo(table.to_csv(index=False), nl=False)
    else:
        click.echo(history_text(table))
    if alert and (moved := moved_last(directory, table)):
        click.echo(f"Changed: {', '.join(moved)}", err=True)
        sys.exit(NO_SETUP)


@commands.command()
@click.argument("directory", type=_PATH)
@click.option("--to", type=click.Choice(["slurm"]), required=True, help="What is to be told of the setup.")
@click.option("--out", type=_PATH, help="Directory for the files; default: print them.")
@_options("overwrite")
def export(directory: Path, to: str, out: Path | None, overwrite: bool) -> None:  # noqa: ARG001 - Slurm is all there is
    """Write the setup that a run chose, from its results DIRECTORY, as settings of Slurm.

    They are a part of slurm.conf, a script for sacctmgr, and commands for reservations; what Slurm has no word for is
    listed.
    """
    from pwsim.common import new_directory
    from pwsim.site import FILES, chosen_of
    from pwsim.site import export as exported

    made = exported(chosen_of(directory))
    files = made.files()
    if out is None:
        click.echo("\n".join(f"# ---- {name}\n{text}" for name, text in files.items()), nl=False)
        return
    _reserve(out, overwrite, FILES)
    with new_directory(out, FILES) as beside:
        for name, text in files.items():
            (beside / name).write_text(text, encoding="utf-8")
    for one in made.missing:
        click.echo(f"Slurm has no word for this: {one}")
    click.echo(f"{out}: {', '.join(files)}")


def entry() -> None:
    """Be the process of a command: nothing disturbs its end once it says that it was interrupted."""
    try:
        main()
    except SystemExit as done:
        if done.code and done.code == sys.modules["pwsim.common"].INTERRUPTED:  # who ends so has imported it
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise


def main() -> None:
    """Run the command line; every error that pwsim raises on purpose becomes one message and an exit code."""
    os.environ.setdefault("MPLBACKEND", "Agg")  # figures go to files; no window is opened
    with _steady_streams(), _ends_as_interrupts():
        sys.exit(_run())


def _written() -> str:
    """Say what a command that was interrupted has written."""
    from pwsim.common import written

    return f"{' and '.join(map(str, written))} had been written" if written else "nothing was written"


def _run() -> int:
    """Run the command that was given; return the exit code, after what went wrong was said."""
    if writing := sys.modules.get("pwsim.common.writing"):
        writing.written.clear()  # what an earlier command of this process has written
    try:
        done = commands.main(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends already, and says so
        from pwsim.common import INTERRUPTED  # here: ``pwsim --help`` does not wait for pandas

        said, code = f"Interrupted; {_written()}.", INTERRUPTED
        # Where an interrupt comes while Python executes text, as libraries do when they are imported, Python remembers
        # it until it next executes some, and would let the process die of it in the end, though it was handled.
        exec("")  # noqa: S102 - nothing is executed
    except click.ClickException as error:
        from pwsim.common import BAD_INPUT

        error.show()
        return BAD_INPUT
    except Exception as error:
        from pwsim.common import told

        said, code = told(error)
        if not said:
            raise
    else:
        return done if isinstance(done, int) else 0
    click.echo(said, err=True)
    return code


@contextmanager
def _ends_as_interrupts() -> Iterator[None]:
    """Let what asks the process to end (a batch system, a closed terminal) unwind it as Ctrl-C does."""
    asked = {name: getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}
    before = {one: signal.getsignal(one) for one in asked.values()}
    main_thread = threading.current_thread() is threading.main_thread()
    ours = [one for one, handler in before.items() if main_thread and handler is signal.SIG_DFL]
    for one in ours:
        signal.signal(one, signal.default_int_handler)
    try:
        yield
    finally:
        for one, handler in before.items():
            if main_thread and handler is not None:
                signal.signal(one, handler)


@contextmanager
def _heeding_the_second(doing: str) -> Iterator[None]:
    """Go on after a first interrupt with what takes seconds and keeps the work of hours; heed a second."""
    asked = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {one: signal.getsignal(one) for one in asked if callable(signal.getsignal(one))}
    if threading.current_thread() is not threading.main_thread():
        before = {}

    def first(number: int, _: object) -> None:
        del number
        for one, handler in before.items():
            signal.signal(one, handler)
        click.echo(f"Interrupted: {doing}.", err=True)

    for one in before:
        signal.signal(one, first)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


class _Steady:
    """A standard stream that goes nowhere once its reader has left, as in ``pwsim prices | head``."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream, self._name = stream, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if text != "":  # click tries this out, and does not look at what comes of it
            with self._guarded():
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._guarded():
            self._stream.flush()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)  # also for what is left in buffers
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            if not isinstance(error, BrokenPipeError) and self._name != "standard error":
                from pwsim.common import MachineError

                left = "what was printed is not all"
                raise MachineError(f"{self._name}: cannot be written: {error.strerror or error}; {left}") from None


@contextmanager
def _steady_streams() -> Iterator[None]:
    """Keep a reader that leaves from ending the command, and say it where standard output cannot be written."""
    kept = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        stream and _Steady(stream, name)
        for stream, name in zip(kept, ("standard output", "standard error"), strict=True)
    )
    try:
        yield
    finally:
        sys.stdout, sys.stderr = kept


def _calibrated(
    workload: Trace, machine: Cluster, path: Path, engine: Any, workers: int | None, *, quiet: bool
) -> Cluster:
    """Write the rules that explain the record of a log into a file, and return the site with them."""
    from pwsim.calibration import calibrate
    from pwsim.common import new_file

    def progress(count: int) -> None:
        if count % 25 == 0:
            click.echo(f"{count} sites replayed", err=True)

    found = calibrate(workload, machine, engine=engine, workers=workers, progress=None if quiet else progress)
    with new_file(path) as beside:
        beside.write_text(found.site_yaml, encoding="utf-8")
    click.echo(f"{found.text}\nSite: {path}")
    return found.cluster


def _machine_and_log(
    log: Path,
    out: Path | None,
    *,
    overwrite: bool,
    quiet: bool,
    allow_code: bool,
    cores: int | None = None,
    site: Path | None = None,
    policy: str,
    overrun: str,
    depth: int | None,
    **log_options: Any,
) -> tuple[Cluster, Trace]:
    """Return the machine that the options describe, and the log; make sure before that results can be written."""
    from pwsim import report
    from pwsim.common import InputError

    machine = _machine(cores, policy, overrun, depth) if site is None else _site(site, cores)
    if (code := machine.code()) and not allow_code:
        where = f"--policy {policy}" if site is None else f"the policy of {site}"
        raise InputError(f"{where} would run {code[0]}; allow it with --allow-code")
    if out is not None:
        _reserve(out, overwrite, report.FILES)
    workload = _read(log, **log_options)
    if not quiet:
        click.echo(f"{workload.name}: format {workload.format}, replaying {len(workload):,} jobs", err=True)
    return machine, workload


def _machine(cores: int | None, policy: str, overrun: str, depth: int | None) -> Cluster:
    """Return one homogeneous machine."""
    from pwsim.cluster import Cluster
    from pwsim.common import InputError
    from pwsim.rules import Policy

    if cores is None:
        raise InputError("--cores or --site: say which machine wrote the log: its processors, or a file of its site")
    try:
        parsed = Policy.parse(policy)
    except ValueError as error:
        raise InputError(f"--policy: {error} (got {policy!r})") from None
    return Cluster.homogeneous(cores, parsed, overrun, depth)


def _site(path: Path, cores: int | None) -> Cluster:
    """Return the machine that the file of a site describes; what it says must not be said again."""
    from pwsim.common import InputError, listed
    from pwsim.scenario import load_site

    context = click.get_current_context()
    given = [] if cores is None else ["--cores"]
    said = click.core.ParameterSource.COMMANDLINE
    given += [f"--{name}" for name in ("policy", "overrun", "depth") if context.get_parameter_source(name) is said]
    if given:
        raise InputError(f"--site: {path} says what the machine is; leave {listed(given)} out, or change it there")
    return load_site(path)


def _duration(option: str, text: str) -> float:
    """Return a time that an option gives [s]."""
    from pwsim.common import InputError, parse_quantity

    try:
        seconds = parse_quantity(float(text) if text.replace(".", "", 1).isdigit() else text, "second", "10 min")
    except ValueError as error:
        raise InputError(f"{option}: {error} (got {text!r})") from None
    if seconds <= 0:
        raise InputError(f"{option}: must be more than 0 s (got {text!r})")
    return seconds


def _bytes(option: str, text: str) -> int:
    """Return a size that an option gives [bytes]."""
    from pwsim.common import InputError, parse_quantity

    try:
        size = parse_quantity(float(text) if text.replace(".", "", 1).isdigit() else text, "byte", "5 GB")
    except ValueError as error:
        raise InputError(f"{option}: {error} (got {text!r})") from None
    if size < 0:
        raise InputError(f"{option}: must be 0 or more (got {text!r})")
    return int(size)


def _read(log: Path, format_: str | None, cores_per_proc: int, **options: str | None) -> Trace:
    """Read a log file or a named data set, sizes in cores; only the reader's options that were given count."""
    from pwsim.trace import datasets, read_trace
    from pwsim.workload import in_cores

    path = datasets.fetch(str(log)) if not log.exists() and str(log) in datasets.NAMES else log
    given = {name: value for name, value in options.items() if value is not None}
    return in_cores(read_trace(path, format_, **given), cores_per_proc)


def _made(model: str, jobs: int | None, days: float | None, cores: int | None, load: float | None, seed: int) -> Trace:
    """Make a log of a named model, or of the twin in a file."""
    from pwsim.workload import MODELS, generate, read_twin

    if model not in MODELS:
        if not model.endswith((".yaml", ".yml")):
            known = f"known models: {', '.join(MODELS)}"
            raise click.ClickException(f"there is no model {model!r}; {known}; a twin is a file that ends in .yaml")
        return read_twin(model).generate(jobs=jobs, days=days, load=load, cores=cores, seed=seed)
    if jobs is None or cores is None:
        raise click.ClickException(f"model {model!r} needs --jobs and --cores")
    if days is not None:
        raise click.ClickException(f"model {model!r} takes --jobs, not --days: its length follows from the load")
    return generate(jobs=jobs, cores=cores, load=0.75 if load is None else load, seed=seed, model=model)  # type: ignore[arg-type]


@contextmanager
def _executor(dask: str | None) -> Iterator[Any]:
    """Give who does the work: the Dask cluster of a scheduler; ``None``, processes of this machine, without one."""
    if dask is None:
        yield None
        return
    try:
        from distributed import Client  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise click.UsageError("--dask needs Dask: pip install 'pwsim[dask]'") from None
    try:
        client = Client(dask, timeout="30s")
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--dask: no scheduler answers at {dask!r} ({error})") from None
    with client:
        yield client.get_executor()


@contextmanager
def _spread(dask: str | None) -> Iterator[None]:
    """Have replays done by a Dask cluster, which must see the folder of kept replays; by this machine without one."""
    from pwsim.common import Kept
    from pwsim.results import spread_over
    from pwsim.scenario import KeptLogs

    with _executor(dask) as executor:
        if executor is None:
            yield
            return
        folder = Kept().folder / "logs"
        KeptLogs(folder).drop_unused()
        with spread_over(executor, folder):
            yield


def _listen(log_json: Path | None, *, profile: bool) -> None:
    """Tell what happens in a file, and show where time went, until the command ends."""
    from pwsim.common import Times, logged_to, tell, timed, timing

    context = click.get_current_context()
    context.with_resource(logged_to(log_json))
    if profile:
        times = Times()

        def shown() -> None:
            from pwsim.scenario.batch import profile_of, profile_text

            spent = {part: one._asdict() for part, one in times.spent().items()}
            tell("profile", spent=spent)
            click.echo(profile_text(profile_of([(context.info_name or "", spent)])), err=True)

        context.call_on_close(shown)
        context.with_resource(timing(times))
        context.with_resource(timed("beside"))


def _reserve(out: Path, overwrite: bool, files: Sequence[str] = ()) -> None:
    """Keep a path for what the command will write there, until it ends; raise ``InputError`` if that cannot be."""
    from pwsim.common import reserved

    click.get_current_context().with_resource(reserved(out, overwrite=overwrite, files=files))


def _log_of(summary: Mapping[str, Any]) -> str:
    """Return in a line what was read."""
    log = summary["workload"]
    counts = f"{log['jobs_read']:,} records, {log['jobs_replayed']:,} jobs replayed"
    return f"Log: {log['name']}, format {log['format']}, {counts}"


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Give what shows the progress of a search: a bar on a terminal, plain lines elsewhere."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("replaying setups", total=None)
            yield lambda at: bar.update(task, completed=at.simulated, total=at.in_space, description=_described(at))
    else:
        yield lambda at: click.echo(f"{at.simulated} of {at.in_space} setups replayed; {_described(at)}", err=True)


def _described(at: Progress) -> str:
    from pwsim.common import duration

    none = math.isnan(at.cost_usd_per_year)
    best = "none meets the targets yet" if none else f"best so far ${at.cost_usd_per_year:,.0f} a year"
    left = f"at most {at.left_at_most:,} left"
    if not math.isnan(at.left_at_most_s):
        left += f", about {duration(at.left_at_most_s)}"
    draw = f"draw {at.draw} of {at.draws}" if at.draw else ""
    of = "; ".join(filter(None, [at.part, draw]))
    bound = at.lower_bound_usd_per_year
    below = "" if math.isinf(bound) else f", nothing left below ${bound:,.0f}"
    found = f"{at.engine} engine: {best}{below}; {left}"
    return f"{of}: {found}" if of else found
