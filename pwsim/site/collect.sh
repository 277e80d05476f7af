#!/bin/sh
# Collects what pwsim needs to know of a Slurm cluster: nodes, partitions, limits, priorities, reservations, and the jobs of
# a year.  It only reads: slurm.conf, and what scontrol, sacctmgr and sacct print.
#
#   sh site.sh [DIRECTORY [FIRST-DAY [DAY-AFTER-THE-LAST]]]     e.g.  sh site.sh site 2024-01-01 2025-01-01
#
# Users and accounts become codes: hashes of their names and of a salt that is made here and stays here, in the file
# pwsim-site.salt.  Keep it to have the same codes next time; give it to nobody.  Qualities of service and partitions that
# are called like a user or an account become codes, too.  Names, comments and folders of jobs are never asked for.  Of the
# lines by which jobs were submitted, only a few options are kept, and only if they are numbers, times or job ids:
# --dependency, --array, --nice, --time-min, --exclusive, --hold.  Of slurm.conf only settings of scheduling are copied.
# Names of nodes, partitions and qualities of service stay: look through the directory before it leaves your site.
set -eu
umask 077
LC_ALL=C
export LC_ALL

out=${1:-site}
first=${2:-$(($(date +%Y) - 1))-01-01}
last=${3:-$(date +%Y)-01-01}
salt_file=pwsim-site.salt

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 2; }

for needed in sacct sacctmgr scontrol awk; do
    command -v "$needed" >/dev/null 2>&1 || fail "there is no command $needed here: run this where Slurm's commands are"
done
if [ -e "$out" ]; then fail "$out is there already: name another directory"; fi

if command -v sha256sum >/dev/null 2>&1; then
    sha256() { sha256sum; }
elif command -v shasum >/dev/null 2>&1; then
    sha256() { shasum -a 256; }
elif command -v openssl >/dev/null 2>&1; then
    sha256() { openssl dgst -sha256 -r; }
else
    fail "there is none of sha256sum, shasum and openssl here: names cannot be hidden, so nothing is collected"
fi

if [ ! -s "$salt_file" ]; then
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$salt_file"
fi
salt=$(cat "$salt_file")
[ -n "$salt" ] || fail "$salt_file is empty: remove it, so that a new one is made"

raw=$(mktemp -d)
trap 'rm -rf "$raw"' EXIT
trap 'exit 3' HUP INT TERM

code() { # KIND NAME: a code for a name
    printf '%s:%s' "$salt" "$2" | sha256 | cut -c1-12 | sed "s/^/$1-/"
}

# What is there.
sacctmgr -P show assoc format=Cluster,Account,User,Partition,ParentName,Fairshare,Priority,GrpJobs,GrpSubmit,GrpTRES,GrpTRESMins,GrpTRESRunMins,GrpWall,MaxJobs,MaxSubmit,MaxTRES,MaxTRESMins,MaxWall,QOS,DefaultQOS \
    >"$raw/associations" || say "sacctmgr shows no associations"
sacctmgr -P show qos >"$raw/qos" || say "sacctmgr shows no qualities of service"
scontrol -o show reservation >"$raw/reservations" 2>/dev/null || say "scontrol shows no reservations"
sacctmgr -P show event start="$first" end="$last" format=NodeName,Start,End,State >"$raw/events" || say "sacctmgr shows no events"
scontrol show config >"$raw/config" || say "scontrol shows no configuration"

wanted=''
offered=$(sacct --helpformat | tr '[:upper:]\n\t' '[:lower:]  ')
offers() { # FIELD: whether this version of Slurm has it
    case " $offered " in
    *" $(printf '%s' "$1" | tr '[:upper:]' '[:lower:]') "*) ;;
    *) return 1 ;;
    esac
}
jobs() { # FIELDS: what the jobs of the year have in them
    TZ=UTC sacct --allusers --duplicates --allocations --parsable2 --starttime "$first" --endtime "$last" --format "$1"
}
for field in JobID JobIDRaw User Account QOS Partition Submit Eligible Start End Elapsed Timelimit State Reason Constraints \
    Priority Flags NNodes NCPUS AllocCPUS ReqCPUS ReqMem ReqTRES AllocTRES NodeList; do
    if offers "$field"; then wanted=${wanted:+$wanted,}$field; fi
done
say "reading the jobs from $first to $last; this may take a while"
jobs "$wanted" >"$raw/sacct"

# Of the lines by which jobs were submitted, what is about scheduling; they are asked for alone, for there may be anything
# in them, such as the sign between fields.  Older versions of Slurm do not have them.
cat >"$raw/options.awk" <<'AWK'
function keep(option, value, pattern) {
    if (!(option in kept) && value ~ pattern) { kept[option] = 1; all = all " --" option (value == "" ? "" : "=" value) }
}
function tell() {
    if (all != "") print job "|" command all
    all = ""
    split("", kept)
}
BEGIN {
    task = "[0-9]+(_[0-9]+)?([+][0-9]+)?"
    clause = "((after|after(any|ok|notok|corr|burstbuffer))(:" task ")+|singleton)"
    dependency = "^" clause "([,?]" clause ")*$"
}
NR == 1 { next }
/^[0-9]+[|]/ { # else the line before had more than one
    tell()
    at = index($0, "|"); job = substr($0, 1, at - 1); $0 = substr($0, at + 1)
    command = $1; sub(/.*\//, "", command)
    if (command !~ /^(sbatch|srun|salloc)$/) command = "sbatch"
}
{
    gsub(/["']/, "")
    for (i = 1; i <= NF; i++) {
        key = $i; value = $(i + 1)
        if ($i ~ /^--[a-z-]+=/) { at = index($i, "="); key = substr($i, 1, at - 1); value = substr($i, at + 1) }
        else if ($i ~ /^-[ad]./) { key = substr($i, 1, 2); value = substr($i, 3) }
        if (key == "--dependency" || key == "-d") keep("dependency", value, dependency)
        if (key == "--array" || key == "-a") keep("array", value, "^[0-9][-0-9,:]*(%[0-9]+)?$")
        if (key == "--time-min") keep("time-min", value, "^[0-9][-0-9:]*$")
        if (key == "--nice") keep("nice", $i == key ? "" : value, "^-?[0-9]*$")
        if (key == "--exclusive") keep("exclusive", $i == key ? "" : value, "^(|user|mcs|topo)$")
        if ($i == "--hold") keep("hold", "", "^$")
    }
}
END { tell() }
AWK
if offers JobIDRaw && offers SubmitLine; then
    if jobs JobIDRaw,SubmitLine >"$raw/lines"; then
        awk -f "$raw/options.awk" "$raw/lines" >"$raw/options"
    else
        say "sacct does not show how jobs were submitted"
    fi
fi

# A code for each user and account, and for what is called like one.
column() { # HEAD FILE: the different values of a column
    awk -F'|' -v wanted="$1" 'NR == 1 { for (i = 1; i <= NF; i++) { head = tolower($i); gsub(/[^a-z]/, "", head); if (head == wanted) at = i } next }
        at && $at != "" && $at != "root" { print $at }' "$2" | sort -u
}
{
    for file in associations sacct; do
        column user "$raw/$file" | sed 's/^/u|/'
        column account "$raw/$file" | sed 's/^/a|/'
        column partition "$raw/$file" | sed 's/^/p|/'
        column qos "$raw/$file" | tr ',' '\n' | sort -u | sed 's/^/q|/'
    done
    column parname "$raw/associations" | sed 's/^/a|/'
    column parentname "$raw/associations" | sed 's/^/a|/'
    column name "$raw/qos" | sed 's/^/q|/'
} >"$raw/names"
sort -u "$raw/names" | awk -F'|' '
    $1 == "u" || $1 == "a" { known[tolower($2)] = 1; print; next }
    { other[++n] = $0 }
    END {
        for (i = 1; i <= n; i++) {
            split(other[i], two, "|")
            parts = split(tolower(two[2]), part, /[-_.]/)
            hit = tolower(two[2]) in known
            for (j = 1; j <= parts; j++) if (part[j] in known) hit = 1
            if (hit) print other[i]
        }
    }' >"$raw/hidden"
: >"$raw/codes"
while IFS='|' read -r kind name; do
    printf '%s|%s|%s\n' "$kind" "$name" "$(code "$kind" "$name")" >>"$raw/codes"
done <"$raw/hidden"

# What awk scripts share: codes of names, and of lists of names.
cat >"$raw/coding.awk" <<'AWK'
function coded(kind, name) {
    if (name == "" || name == "root" || name == "(null)") return name
    if ((kind "|" name) in code) return code[kind "|" name]
    return (kind == "u" || kind == "a") ? kind "-unknown" : name
}
function coded_list(kind, names,    parts, n, i, all, sign) {
    n = split(names, parts, ",")
    for (i = 1; i <= n; i++) {
        sign = ""
        if (parts[i] ~ /^[-+]/) { sign = substr(parts[i], 1, 1); parts[i] = substr(parts[i], 2) }
        all = all (i > 1 ? "," : "") sign coded(kind, parts[i])
    }
    return all
}
BEGIN {
    while ((getline line < codes) > 0) { split(line, triple, "|"); code[triple[1] "|" triple[2]] = triple[3] }
    close(codes)
}
AWK

cat >"$raw/table.awk" <<'AWK'
NR == 1 {
    for (i = 1; i <= NF; i++) {
        head = tolower($i); gsub(/[^a-z]/, "", head)
        if (head == "user") kind[i] = "u"
        if (head == "account" || head == "parname" || head == "parentname") kind[i] = "a"
        if (head == "partition") kind[i] = "p"
        if (head == "qos" || head == "defqos" || head == "defaultqos" || head == "preempt") kind[i] = "q"
        if (head == "name" && table == "qos") kind[i] = "q"
        if (head == "state") state = i
        if (head == "jobidraw") job = i
        if (head == "descr" || head == "description") drop[i] = 1
    }
    columns = NF
    if (options != "") {
        while ((getline line < options) > 0) { at = index(line, "|"); option[substr(line, 1, at - 1)] = substr(line, at + 1) }
        close(options)
        $(columns + 1) = "SubmitLine"
    }
    print
    next
}
NF != columns { odd++; next } # which field is a name there is not known
{
    for (i in kind) $i = coded_list(kind[i], $i)
    for (i in drop) $i = ""
    if (state) sub(/ by [0-9]+.*/, "", $state) # who cancelled a job
    if (options != "") $(columns + 1) = option[$job]
    print
}
END { if (odd) print table ": " odd " lines have another number of fields: left out" | "cat 1>&2" }
AWK
table() { # NAME [OPTIONS]: a table with its names as codes, and with options of jobs
    awk -F'|' -v OFS='|' -v codes="$raw/codes" -v table="$1" -v options="${2:-}" -f "$raw/coding.awk" -f "$raw/table.awk" "$raw/$1"
}

mkdir "$out"
for name in associations qos events; do
    if [ -s "$raw/$name" ]; then table "$name" >"$out/$name.psv"; fi
done
options=''
if [ -e "$raw/options" ]; then options=$raw/options; fi
if [ -s "$raw/sacct" ]; then table sacct "$options" >"$out/sacct.psv"; fi

# Settings of scheduling, nodes and partitions; files that are included come in their place.
conf=$(awk '$1 == "SLURM_CONF" { print $3 }' "$raw/config")
conf=${SLURM_CONF:-${conf:-/etc/slurm/slurm.conf}}
[ -r "$conf" ] || say "$conf cannot be read: it is missing in what was collected"
cluster=$(awk 'tolower($1) == "clustername" { print $3 }' "$raw/config")
cat >"$raw/conf.awk" <<'AWK'
function emit(file, depth,    line, folder, name, continued) {
    if (depth > 10) return
    while ((getline line < file) > 0) {
        sub(/(^|[ \t])#.*/, "", line)
        if (line ~ /\\[ \t]*$/) { sub(/\\[ \t]*$/, "", line); continued = continued line; continue }
        line = continued line; continued = ""
        if (tolower(line) ~ /^[ \t]*include[ \t]/) {
            sub(/^[ \t]*[A-Za-z]+[ \t]+/, "", line); sub(/[ \t]+$/, "", line); gsub(/"/, "", line); gsub(/%c/, cluster, line)
            folder = start; sub(/[^\/]*$/, "", folder)
            name = line ~ /^\// ? line : folder line
            emit(name, depth + 1)
            continue
        }
        settings(line)
    }
    close(file)
}
function settings(line,    words, n, i, key, value, at, kind, all, quoted) {
    gsub(/[ \t]*=[ \t]*/, "=", line)
    while (match(line, /[A-Za-z_]+="[^"]*"/)) { # what is quoted stays if it is one word: reasons are sentences
        quoted = substr(line, RSTART, RLENGTH)
        gsub(/"/, "", quoted)
        line = substr(line, 1, RSTART - 1) (quoted ~ /[ \t]/ ? "" : quoted) substr(line, RSTART + RLENGTH)
    }
    n = split(line, words, /[ \t]+/)
    kind = ""
    for (i = 1; i <= n; i++) {
        at = index(words[i], "=")
        if (!at) continue
        key = tolower(substr(words[i], 1, at - 1)); value = substr(words[i], at + 1)
        if (kind == "") kind = (key ~ /^(nodename|partitionname|nodeset|downnodes)$/) ? key : "setting"
        if (kind == "setting") {
            if (key ~ allowed) print words[i]
            continue
        }
        if (key !~ (kind == "partitionname" ? partition_keys : node_keys)) continue
        if (key == "partitionname") value = coded("p", value)
        if (key ~ /accounts$/) value = coded_list("a", value)
        if (key ~ /qos$/) value = coded_list("q", value)
        if (key == "allowgroups") value = "hidden"
        all = all (all == "" ? "" : " ") substr(words[i], 1, at) value
    }
    if (all != "") print all
}
BEGIN {
    allowed = "^(accountingstorageenforce|accountingstoragetres|batchstarttimeout|clustername|completewait|dependencyparameters|enforcepartlimits|fairsharedampeningfactor|fastschedule|federationparameters|grestypes|jobrequeue|jobsubmitplugins|killwait|licenses|max(arraysize|jobcount|mempercpu|mempernode)|defmemper[a-z]+|overtimelimit|preempt[a-z]*|priority[a-z]*|prologflags|resumerate|resumetimeout|resvoverrun|scheduler[a-z]*|selecttype[a-z]*|suspend(time|timeout|rate)|topology(plugin|param))$"
    node_keys = "^(nodename|nodeset|nodes|downnodes|boards|corespeccount|corespersocket|cpus|cpuspeclist|feature|features|gres|memspeclimit|procs|realmemory|sockets|socketsperboard|state|threadspercore|weight)$"
    partition_keys = "^(partitionname|nodes|allowaccounts|allowgroups|allowqos|default|defaulttime|defmemper[a-z]+|denyaccounts|denyqos|exclusiveuser|gracetime|lln|maxcpuspernode|maxcpuspersocket|maxmemper[a-z]+|maxnodes|maxtime|minnodes|oversubscribe|overtimelimit|preemptmode|priority|priorityjobfactor|prioritytier|qos|selecttypeparameters|shared|state|suspendtime|tresbillingweights)$"
    emit(start, 0)
}
AWK
awk -v codes="$raw/codes" -v start="$conf" -v cluster="$cluster" -f "$raw/coding.awk" -f "$raw/conf.awk" </dev/null \
    >"$out/slurm.conf"

gres=$(dirname "$conf")/gres.conf
if [ -r "$gres" ]; then
    sed 's/#.*//' "$gres" | awk '{
        line = ""
        for (i = 1; i <= NF; i++) if (tolower($i) ~ /^(nodename|name|type|count|autodetect)=/) line = line (line == "" ? "" : " ") $i
        if (line != "") print line
    }' >"$out/gres.conf"
fi
awk '$1 == "SLURM_VERSION" || tolower($1) ~ /^(priority|scheduler|preempt|selecttype|fairshare)/' "$raw/config" >"$out/config.txt"

# When and where; names of reservations tell of people, and whom they are for is only told as such.
awk '/ReservationName=/ {
    line = "ReservationName=r" ++n
    for (i = 1; i <= NF; i++) {
        if ($i ~ /^(StartTime|EndTime|Duration|Nodes|NodeCnt|CoreCnt|Flags|State)=/) line = line " " $i
        if ($i ~ /^(Users|Accounts|Groups)=/ && $i !~ /=(\(null\))?$/) { sub(/=.*/, "=some", $i); line = line " " $i }
    }
    print line
}' "$raw/reservations" >"$out/reservations.txt"

{
    echo "What pwsim needs to know of a Slurm cluster, for: pwsim site import $(basename "$out") -o site.yaml"
    echo "Times in sacct.psv are UTC; the others are those of the site's clock."
    echo "Users (u-) and accounts (a-) are codes; what they stand for stays at the site."
} >"$out/README.txt"
say "done: $(grep -c . "$out/sacct.psv" || true) lines of jobs in $out/; look through it, then: tar czf $out.tar.gz $out"
say "$salt_file stays here: who has it can find out whether a name that they guess is among the codes"
