"""What each setting of Slurm is to a replay: modelled, told by the log anyway, or missing, and then what it does.

References
----------
https://slurm.schedmd.com/slurm.conf.html, https://slurm.schedmd.com/sacctmgr.html
"""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODELLED = _words(
    """
    accountingstorageenforce clustername fairsharedampeningfactor overtimelimit preempttype preemptmode
    prioritycalcperiod prioritydecayhalflife priorityfavorsmall priorityflags prioritymaxage priorityparameters
    prioritytype priorityusageresetperiod priorityweightage priorityweightassoc priorityweightfairshare
    priorityweightjobsize priorityweightpartition priorityweightqos priorityweighttres schedulerparameters
    schedulertype selecttype selecttypeparameters
    """
)
"""General settings that the import reads."""

MISSING: Mapping[str, str] = {
    "batchstarttimeout": "how long a batch job may take to start before it is given up",
    "dependencyparameters": "what becomes of jobs whose dependencies can never be met",
    "disablerootjobs": "refuses jobs of root",
    "enforcepartlimits": "whether jobs that pass a partition's limits are refused at submission, or wait for ever",
    "exclusivetopo": "jobs alone on a block of nodes",
    "fastschedule": "nodes count as they are configured, or as they register",
    "healthcheckprogram": "takes nodes away that fail a check",
    "joblimits": "limits on jobs",
    "jobrequeue": "whether jobs start again after a node failed or they were interrupted",
    "jobsubmitplugins": "the site's own code changes or refuses jobs at submission",
    "licenses": "jobs wait for licences, which pwsim does not know",
    "maxarraysize": "the most tasks of an array",
    "maxjobcount": "the most jobs that wait and run at once; more are refused at submission",
    "powerparameters": "caps on the power that jobs may draw",
    "preemptexempttime": "how long a job runs before it may be interrupted",
    "preemptparameters": "which jobs are interrupted first",
    "prologflags": "when the prolog runs, which delays starts",
    "prolog": "runs before each job, which delays its start; see scheduler.start_delay",
    "prologslurmctld": "runs before each job, which delays its start; see scheduler.start_delay",
    "epilog": "runs after each job, which delays the next on its nodes",
    "epilogslurmctld": "runs after each job, which delays the next on its nodes",
    "completewait": "nothing starts for so long after a job, while it is cleaned up",
    "reboottimeout": "how long nodes may be away for a new start",
    "rebootprogram": "jobs may have nodes started anew before they run",
    "reservationprolog": "runs when a reservation starts",
    "resumeprogram": "nodes are powered up when jobs want them, which delays starts",
    "resumerate": "how many nodes are powered up in a minute",
    "resumetimeout": "how long nodes may take to power up",
    "resvoverrun": "how long jobs may run into the end of a reservation",
    "schedulertimeslice": "time slices of gang scheduling",
    "suspendprogram": "idle nodes are powered down",
    "suspendtime": "nodes idle for so long are powered down, and take time to come back",
    "suspendexcnodes": "nodes that are never powered down",
    "suspendexcparts": "partitions whose nodes are never powered down",
    "suspendrate": "how many nodes are powered down in a minute",
    "suspendtimeout": "how long nodes take to power down",
    "topologyparam": "how jobs are placed near to each other",
    "topologyplugin": "jobs are placed near to each other, and may wait for it",
    "unkillablesteptimeout": "nodes whose processes cannot be ended are taken away",
    "federationparameters": "jobs of several clusters",
    "accountingstoragetres": "which resources are counted for limits and usage",
    "burstbuffertype": "data is staged before jobs start",
    "enablenouserjobs": "jobs of the administrator",
    "firstjobid": "",
}
"""General settings that may matter, and what they do; those with no text do not."""

IRRELEVANT = _words(
    """
    cachegroups cgroupplugin checkpointtype cgroupautomount cli_filter_plugins clifilterplugins cloud
    controladdr controlmachine backupaddr backupcontroller core corespecplugin crypto cryptotype
    defaultstoragehost defaultstorageport defaultstoragetype defaultstorageuser defaultstorageloc
    defaultstoragepass debugflags defmempercpu defmempernode defmempergpu defcpupergpu jobdefaults
    disablerootsjobs eiotimeout epilogmsgtime externalsensors extsensorsfreq extsensorstype getenvtimeout
    grestypes groupupdateforce groupupdatetime gpufreqdef hashplugin healthcheckinterval healthchecknodestate
    inactivelimit include interactivestepoptions jobcontainertype jobcredentialprivatekey
    jobcredentialpubliccertificate jobfileappend killonbadexit killwait launchparameters launchtype
    logtimeformat maildomain mailprog maxbatchrequeue maxdbdmsgs maxmempercpu maxmempernode maxnodecount
    maxstepcount maxtaskspernode mcsplugin mcsparameters messagetimeout minjobage mpidefault mpiparams
    namespacetype noderankplugin parameters plugindir plugstackconfig powerplugin privatedata proctracktype
    prologepilogtimeout prologtimeout epilogtimeout prologepilog propagatepriopprocess propagateprioprocess
    propagateresourcelimits propagateresourcelimitsexcept requeueexit requeueexithold resumefailprogram
    returntoservice routeplugin sallocdefaultcommand scrondefault scronparameters sbcastparameters shareddata
    sitefactorparameters sitefactorplugin srunepilog srunportrange srunprolog statesavelocation switchparameters
    switchtype taskepilog taskplugin taskpluginparam taskprolog tcptimeout tmpfs tlsparameters tlstype
    trackwckey treewidth unkillablestepprogram usepam vsizefactor waittime x11parameters certmgrtype
    certmgrparameters certgentype certgenparameters data_parser datastatusparameters fairshareparameters
    maxloadnodes metricstype httpparsertype urlparsertype prioritysitefactorplugin prioritysitefactorparameters
    dynamicnodetype checkgidmode bcastexclude bcastparameters rpcratelimit acct_gather accountingstoreflags
    accountingstorejobcomment commandtimeout hetjobparameters jobaccountgather slurmuser slurmrestd
    preserveoutput reconfigflags nodefeaturesplugins allowspecresourcesusage stepmgr stepmgrparameters usersconf
    sluid
    """
)
"""General settings that change no start of a job, or only through what the log tells anyway."""
IRRELEVANT_BEGINS = (
    "slurmctld", "slurmd", "slurmsched", "slurmdbd", "jobcomp", "jobacctgather", "acctgather", "accountingstorage",
    "accountingstore", "auth", "cred", "communication", "core", "ext_sensors", "cli", "defaultstorage", "mail", "tls",
    "certm", "certg", "health",
)  # fmt: skip
"""Beginnings of others of that kind."""

SCHEDULER: Mapping[str, str] = {
    "bf_interval": "", "bf_max_job_test": "", "max_job_bf": "",
    "bf_busy_nodes": "backfilling keeps to nodes in use",
    "bf_continue": "backfilling goes on after it let others work; pwsim's passes are never interrupted",
    "bf_hetjob_immediate": "jobs of several parts start as soon as all can",
    "bf_ignore_newly_avail_nodes": "backfilling does not use nodes that come free meanwhile",
    "bf_licenses": "backfilling minds licences",
    "bf_max_job_array_resv": "tasks of an array that get a reservation",
    "bf_max_job_assoc": "jobs of an account that backfilling may start in a pass",
    "bf_max_job_part": "jobs of a partition that backfilling looks at in a pass",
    "bf_max_job_start": "jobs that backfilling starts in a pass",
    "bf_max_job_user": "jobs of a user that backfilling looks at in a pass",
    "bf_max_job_user_part": "jobs of a user in a partition that backfilling looks at in a pass",
    "bf_max_time": "how long a pass of backfilling may take",
    "bf_min_age_reserve": "jobs get a reservation only after this wait",
    "bf_min_prio_reserve": "jobs get a reservation only from this priority on",
    "bf_node_space_size": "how many jobs backfilling plans for",
    "bf_one_resv_per_job": "jobs in several partitions get one reservation",
    "bf_resolution": "times are planned in steps of so many seconds",
    "bf_running_job_reserve": "running jobs get reservations too",
    "bf_topopt_enable": "jobs are planned near to each other",
    "bf_window": "backfilling plans so many minutes ahead; jobs that could start later get no reservation",
    "bf_window_linear": "backfilling plans in growing steps",
    "bf_yield_interval": "backfilling lets others work now and then",
    "bf_yield_sleep": "backfilling lets others work now and then",
    "bf_yield_rpcs": "backfilling lets others work now and then",
    "bf_job_part_count_reserve": "only so many jobs of a partition get a reservation",
    "batch_sched_delay": "jobs wait so many seconds at submission for the next pass",
    "default_queue_depth": "how many jobs the main scheduler looks at in a pass",
    "defer": "jobs do not start at submission, only at the next pass",
    "defer_batch": "batch jobs do not start at submission, only at the next pass",
    "delay_boot": "how long nodes with the wrong features are not started anew",
    "enable_user_top": "users may put their own jobs first",
    "ignore_prefer_validation": "", "preempt_reorder_count": "which jobs are interrupted first",
    "preempt_send_user_signal": "", "preempt_strict_order": "which jobs are interrupted first",
    "preempt_youngest_first": "the youngest jobs are interrupted first, as in pwsim",
    "build_queue_timeout": "", "partition_job_depth": "jobs of a partition that the main scheduler looks at in a pass",
    "max_array_tasks": "the most tasks of an array", "max_depend_depth": "how far dependencies are followed",
    "max_rpc_cnt": "the scheduler waits while it is asked a lot", "max_sched_time": "how long a pass may take",
    "max_script_size": "", "max_submit_line_size": "",
    "max_switch_wait": "how long jobs wait for nodes near to each other",
    "nohold_on_prolog_fail": "", "no_backup_scheduling": "", "no_env_cache": "",
    "pack_serial_at_end": "jobs of one core go to the last nodes", "requeue_setup_env_fail": "",
    "reduce_completing_frag": "nothing starts while a job is cleaned up", "spec_cores_first": "",
    "salloc_wait_nodes": "", "sbatch_wait_nodes": "", "sched_interval": "seconds between full passes",
    "sched_max_job_start": "jobs that a pass starts at most", "sched_min_interval": "least time between passes",
    "step_retry_count": "", "step_retry_time": "", "time_min_as_soft_limit": "jobs may run on after their least time",
    "whole_hetjob": "", "whole_pack": "", "extra_constraints": "jobs ask for what nodes say of themselves",
    "allow_zero_lic": "", "hetjob_immediate": "", "assoc_limit_continue": "", "assoc_limit_stop":
    "a job that is over a limit keeps those of its partition behind it waiting", "unused_ok": "",
    "bf_allow_magnetic_resv": "jobs are put into reservations without asking",
}  # fmt: skip
"""Parts of ``SchedulerParameters``, and what those that are not modelled do."""

NODE_MODELLED = _words(
    """
    boards corespersocket cpus gres memspeclimit corespeccount cpuspeclist procs realmemory sockets
    socketsperboard state threadspercore weight feature features activefeatures coresspec
    """
)
"""Keys of nodes that the import reads."""
NODE_IRRELEVANT = _words(
    """
    nodeaddr nodehostname port bcastaddr cpubind reason tmpdisk parameters cert
    """
)
NODE_MISSING: Mapping[str, str] = {
    "restrictedcorespergpu": "cores that only jobs with GPUs may have",
    "topology": "jobs are placed near to each other",
    "extra": "",
}

PARTITION_MODELLED = _words(
    """
    default maxtime nodes oversubscribe shared priority priorityjobfactor prioritytier qos state
    tresbillingweights
    """
)
"""Keys of partitions that the import reads."""
PARTITION_IRRELEVANT = _words(
    """
    allocnodes defaulttime defcpupergpu defmempercpu defmempergpu defmempernode maxmempercpu maxmempernode
    cpubind hidden disablerootjobs jobdefaults rootonly reason resumetimeout
    """
)
"""Those that change no start of a job, or only through what the log tells anyway."""
PARTITION_MISSING: Mapping[str, str] = {
    "allowaccounts": "which accounts may use it; jobs of the log went where they were let",
    "allowgroups": "which groups may use it; jobs of the log went where they were let",
    "allowqos": "which qualities of service may use it; jobs of the log went where they were let",
    "denyaccounts": "which accounts may not use it; jobs of the log went where they were let",
    "denyqos": "which qualities of service may not use it; jobs of the log went where they were let",
    "alternate": "where jobs go while it does not take any",
    "exclusiveuser": "nodes are those of one user at a time",
    "exclusivetopo": "jobs alone on a block of nodes",
    "gracetime": "how long interrupted jobs may go on",
    "lln": "jobs go to the nodes with the least load",
    "maxcpuspernode": "the most cores of a node that its jobs may hold together",
    "maxcpuspersocket": "the most cores of a socket that its jobs may hold together",
    "maxnodes": "the most nodes of a job",
    "minnodes": "the fewest nodes of a job",
    "overtimelimit": "how long jobs may run past their limit",
    "powerdownonidle": "idle nodes are powered down at once",
    "preemptmode": "what becomes of its interrupted jobs, or that they are none",
    "reqresv": "only jobs with a reservation",
    "resumetimeout": "how long nodes may take to power up",
    "selecttypeparameters": "cores or sockets as the unit of its jobs",
    "suspendtime": "nodes idle for so long are powered down, and take time to come back",
    "suspendtimeout": "how long nodes take to power down",
    "topology": "jobs are placed near to each other",
}

LIMITS_MISSING: Mapping[str, str] = {
    "grpsubmit": "jobs that may be submitted at once; more are refused",
    "maxsubmit": "jobs that a user may have submitted at once; more are refused",
    "maxsubmitpu": "jobs that a user may have submitted at once; more are refused",
    "maxsubmitpa": "jobs that an account may have submitted at once; more are refused",
    "maxtres": "the most that one job may hold; jobs of the log did not pass it",
    "maxtrespernode": "the most that one job may hold of a node; jobs of the log did not pass it",
    "maxtrespn": "the most that one job may hold of a node; jobs of the log did not pass it",
    "maxwall": "the longest that one job may ask for; jobs of the log did not pass it",
    "mintres": "the least that a job must ask for",
    "mintrespj": "the least that a job must ask for",
    "minpriothreshold": "jobs below this priority get no reservation",
    "minpriothres": "jobs below this priority get no reservation",
    "grptresmins": "core-minutes that may be used up in all; nothing starts after them",
    "grptresrunmins": "core-minutes that running jobs may still ask for together",
    "grpwall": "time that jobs may run in all",
    "maxtresmins": "core-minutes that one job may ask for",
    "maxtresminspj": "core-minutes that one job may ask for",
    "maxtresrunmins": "core-minutes that running jobs of a user may still ask for together",
    "maxtresrunminspu": "core-minutes that running jobs of a user may still ask for together",
    "maxtresrunminspa": "core-minutes that running jobs of an account may still ask for together",
    "maxjobsaccrue": "jobs of a user that grow older in the queue; the others' age does not count",
    "maxjobsaccruepu": "jobs of a user that grow older in the queue; the others' age does not count",
    "maxjobsaccruepa": "jobs of an account that grow older in the queue; the others' age does not count",
    "grpjobsaccrue": "jobs that grow older in the queue; the others' age does not count",
    "preempt": "which qualities of service its jobs may interrupt",
    "preemptmode": "what becomes of interrupted jobs",
    "preemptexempttime": "how long a job runs before it may be interrupted",
    "gracetime": "how long interrupted jobs may go on",
    "usagefactor": "what use counts for in fair share",
    "usagethres": "jobs of accounts that used more than their share are refused",
    "usagethreshold": "jobs of accounts that used more than their share are refused",
    "limitfactor": "factor on limits of accounts",
    "flags": "exceptions from limits",
}
"""Limits of accounts, users and qualities of service that are not modelled, and what they do."""
LIMITS_MODELLED = _words(
    """
    fairshare priority grptres grpjobs maxjobs maxtrespu maxtrespa maxjobspu maxjobspa
    """
)
LIMITS_IRRELEVANT = _words(
    """
    defqos qos description descr org organization defaultaccount defaccount defacct adminlevel coordinators
    coord wckey defaultwckey id name cluster partition parent rpcts lft rgt lineage comment rawusage
    maxnodesperjob
    """
)
