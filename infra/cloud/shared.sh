# shellcheck shell=bash
# Shared by the cloud scripts: the project, the names of its resources, and helpers. Sourced, not run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# No prompts, because these scripts also run in Cloud Build.
export CLOUDSDK_CORE_DISABLE_PROMPTS=1
command -v gcloud > /dev/null || fail 'Expected gcloud on PATH, got none. Install the Google Cloud SDK: https://cloud.google.com/sdk/docs/install'

PROJECT_ID="${PROJECT_ID:-$(gcloud config get-value project 2> /dev/null)}"
REGION="${REGION:-europe-west1}"
[ -n "$PROJECT_ID" ] || fail 'Expected a project, got none. Run `gcloud config set project PROJECT`, or set PROJECT_ID.'
export CLOUDSDK_CORE_PROJECT="$PROJECT_ID" CLOUDSDK_RUN_REGION="$REGION"
# Cloud Build hands the number in; one in the environment must be that of PROJECT_ID. A service account can look it up only if the API cloudresourcemanager is enabled.
PROJECT_NUMBER="${PROJECT_NUMBER:-$(gcloud projects describe "$PROJECT_ID" --format='value(projectNumber)' || true)}"
[ -n "$PROJECT_NUMBER" ] || fail "Expected to find project $PROJECT_ID, got no project number. Check its id and your access to it."

SETTINGS_FILE="${SETTINGS_FILE:-infra/cloud/cloud.env}"
[ -f "$SETTINGS_FILE" ] || fail "Expected the functions' settings in $SETTINGS_FILE, got no such file. Check SETTINGS_FILE."
SETTINGS="$(grep -E '^[[:space:]]*[^#[:space:]]' "$SETTINGS_FILE" || true)"
# The value in the last line with that name; empty if there is none.
setting() { printf '%s\n' "$SETTINGS" | sed -n "s/^$1=//p" | tail -n 1; }
# instances NAME DEFAULT: the maximum of instances in the setting of that name.
instances() {
  local value
  value="$(setting "$1")"
  case "${value:-$2}" in
    0* | *[!0-9]*) fail "$SETTINGS_FILE: expected $1 to be a whole number from 1, got $value." ;;
  esac
  echo "${value:-$2}"
}
API_INSTANCES="$(instances API_INSTANCES 1)"
PREPARE_INSTANCES="$(instances PREPARE_INSTANCES 6)"
RENDER_INSTANCES="$(instances RENDER_INSTANCES 5)"

# name  entry point  account  memory  cpu  concurrency  timeout (s)  maximum instances
#
# A new project may use 20 processors and 40 GiB in a region. All maxima together stay within that: 1 + 6 x 2 + 5 x 1 + 1 + 3 x
# 1/3 = 20 processors, 0.5 + 6 x 4 + 5 x 2 + 0.5 + 3 x 0.5 = 36.5 GiB. The first three maxima are settings of
# infra/cloud/cloud.env. Less than one processor allows one request at a time, and only the first generation of the execution
# environment.
#
# process-media streams all videos of a task as one archive, which takes as long as the caller's line; an hour is the longest
# that Cloud Run allows. Its other answers take milliseconds.
#
# prepare encodes one clip at a time on both processors. render copies video: one instance mixes two videos while two
# others are saved, or come before their sources. The timeouts of prepare, render, complete and dead-letter equal the ack
# deadline of their subscriptions (infra/cloud/topology.ts); a stage ends its own work a minute earlier.
#
# webhook waits for receivers: 80 at a time, so that those that hang keep nobody waiting.
FUNCTIONS="
process-media  processMedia  api      512Mi  1     80 3600  $API_INSTANCES
prepare        prepare       prepare  4Gi    2      1  600  $PREPARE_INSTANCES
render         render        render   2Gi    1      4  600  $RENDER_INSTANCES
complete       complete      render   512Mi  333m   1  600  1
dead-letter    deadLetter    render   512Mi  333m   1  600  1
sweep          sweep         render   512Mi  333m   1  300  1
webhook        webhook       webhook  512Mi  1     80   60  1
"
STAGES='prepare render complete dead-letter sweep webhook'
TOPICS='prepare render complete dead-letter webhook'

service_of() { echo "every-cut-$1"; }
# The URL of a Cloud Run service is known before the service exists:
# https://cloud.google.com/run/docs/triggering/https-request#deterministic
url_of() { echo "https://$(service_of "$1")-$PROJECT_NUMBER.$REGION.run.app"; }
# All addresses that Cloud Run gives to the HTTP function, one a line; nothing before it is deployed.
api_urls() {
  gcloud run services describe "$(service_of process-media)" --format='value(metadata.annotations."run.googleapis.com/urls")' 2> /dev/null |
    tr -d '[]" ' | tr ',' '\n' || true
}
account_of() { echo "every-cut-$1@$PROJECT_ID.iam.gserviceaccount.com"; }
member() { echo "serviceAccount:$(account_of "$1")"; }
topic_of() { echo "every-cut-$1"; }
# The secret for a setting: ELEVENLABS_API_KEY is stored in every-cut-elevenlabs-api-key.
secret_of() { echo "every-cut-$(echo "$1" | tr '[:upper:]_' '[:lower:]-')"; }
REPOSITORY=every-cut
PUBSUB_AGENT="serviceAccount:service-$PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com"

OUTPUT="$(setting OUTPUT)"
CACHE_BUCKET="$(setting CACHE_BUCKET)"
CACHE_BUCKET="${CACHE_BUCKET:-$PROJECT_ID-every-cut-cache}"
OUTPUT_BUCKET="$(setting OUTPUT_BUCKET)"
if [ "$OUTPUT" = gcs ]; then OUTPUT_BUCKET="${OUTPUT_BUCKET:-$PROJECT_ID-every-cut-output}"; fi
# The buckets must differ: gs:// URLs may not name the cache, and teardown.sh deletes the cache but never videos.
[ "$CACHE_BUCKET" != "$OUTPUT_BUCKET" ] || fail "$SETTINGS_FILE: expected two buckets, got $CACHE_BUCKET as CACHE_BUCKET and as OUTPUT_BUCKET."

# Settings whose values are secrets, each with the accounts whose functions need it.
SECRETS='API_KEY api
ELEVENLABS_API_KEY prepare
ELEVENLABS_VOICES_KEY api
SIGNING_KEY api render webhook
WEBHOOK_SECRET webhook'
if [ "$(setting DRIVE_AUTH)" = oauth ]; then
  owners='api render'
  # With DRIVE_SOURCES=account, prepare downloads files with the user's credentials.
  if [ "$(setting DRIVE_SOURCES)" = account ]; then owners='api render prepare'; fi
  SECRETS="$SECRETS
DRIVE_CLIENT_SECRET $owners
DRIVE_REFRESH_TOKEN $owners"
fi

# Whether traces and metrics go to Google's own endpoint for OpenTelemetry, where the functions sign in with their accounts.
sends_to_google() {
  case "$(setting OTEL_EXPORTER_OTLP_ENDPOINT)" in
    https://telemetry.googleapis.com | https://telemetry.googleapis.com/ | https://telemetry.*.rep.googleapis.com*) return 0 ;;
    *) return 1 ;;
  esac
}
# The roles that each function needs for that, on the project.
# https://cloud.google.com/iam/docs/roles-permissions/telemetry
TELEMETRY_ROLES=()
if sends_to_google; then
  # serviceUsageConsumer: what is sent counts against the quotas of this project.
  for account in api prepare render webhook; do
    for role in telemetry.tracesWriter telemetry.metricsWriter serviceusage.serviceUsageConsumer; do
      TELEMETRY_ROLES+=("roles/$role $(member "$account")")
    done
  done
elif [ -n "$(setting OTEL_EXPORTER_OTLP_ENDPOINT)" ]; then
  # Another receiver may ask for a key.
  SECRETS="$SECRETS
OTEL_EXPORTER_OTLP_HEADERS api prepare render webhook"
fi

# has LINE LIST: whether LIST contains exactly that line. A here-string instead of a pipe: grep -q stops reading at the
# match, and with pipefail the broken pipe of the writer would count as "not found".
has() { grep -Fxq -- "$1" <<< "$2"; }

say() { printf '%s\n' "$*"; }

# insist COMMAND...: up to five times, because what was made or enabled a moment ago is not known everywhere yet.
insist() {
  local tries
  for tries in 1 2 3 4 5; do
    if "$@"; then return; fi
    if [ "$tries" -lt 5 ]; then sleep "$((tries * 3))"; fi
  done
  return 1
}

# policy_of KIND NAME: the lines "ROLE MEMBER [CONDITION]" of "gcloud KIND get-iam-policy NAME".
policy_of() {
  # shellcheck disable=SC2086 # $1 may be several words
  gcloud $1 get-iam-policy "$2" --flatten='bindings[].members' --format='value[separator=" "](bindings.role,bindings.members,bindings.condition.title)' | sed 's/ *$//'
}

# grant KIND NAME 'ROLE MEMBER'...: grants roles on the resource. Sets GRANTED to the roles that were granted before.
grant() {
  local kind="$1" name="$2" wanted condition=()
  shift 2
  GRANTED="$(policy_of "$kind" "$name")"
  case "$kind" in projects | secrets | 'iam service-accounts' | 'storage buckets') condition=(--condition=None) ;; esac
  for wanted in "$@"; do
    if has "$wanted" "$GRANTED"; then continue; fi
    say "$name: ${wanted% *} for ${wanted#* }"
    # shellcheck disable=SC2086
    insist gcloud $kind add-iam-policy-binding "$name" --role="${wanted% *}" --member="${wanted#* }" ${condition[@]+"${condition[@]}"} > /dev/null ||
      fail "Expected to grant ${wanted% *} on $name to ${wanted#* }, got the errors above. Run this again in a minute."
  done
}

# grant_within KIND NAME TITLE EXPRESSION 'ROLE MEMBER'...: the same under a condition, without a comma in it. Call it after
# `grant` on the resource, because it reads GRANTED.
grant_within() {
  local kind="$1" name="$2" title="$3" expression="$4" wanted
  shift 4
  for wanted in "$@"; do
    if has "$wanted $title" "$GRANTED"; then continue; fi
    say "$name: ${wanted% *} on $title for ${wanted#* }"
    # shellcheck disable=SC2086
    insist gcloud $kind add-iam-policy-binding "$name" --role="${wanted% *}" --member="${wanted#* }" \
      --condition="title=$title,expression=$expression" > /dev/null ||
      fail "Expected to grant ${wanted% *} on $title in $name to ${wanted#* }, got the errors above. Run this again in a minute."
  done
}

# remove_public_access SERVICE: call it after `grant` on the service, because it reads GRANTED, which it reads back if it removes
# something.
remove_public_access() {
  local anyone
  for anyone in allUsers allAuthenticatedUsers; do
    if has "roles/run.invoker $anyone" "$GRANTED"; then
      say "$1: removed public access for $anyone"
      gcloud run services remove-iam-policy-binding "$1" --role=roles/run.invoker --member="$anyone" > /dev/null
      GRANTED="$(policy_of 'run services' "$1")"
    fi
  done
}

# look_at SERVICE: sets CHECKED (whether callers are checked by IAM), GENERATION (of its execution environment; empty if the
# platform chooses) and ENFORCED (whether it is set to PUSH_IAM=enforced).
look_at() {
  local found environment
  found="$(gcloud run services describe "$1" --format='value[separator="|"](metadata.annotations."run.googleapis.com/invoker-iam-disabled",spec.template.metadata.annotations."run.googleapis.com/execution-environment",spec.template.spec.containers[0].env.map().format("{0}={1}",name,value).list(separator="
"))')"
  case "$found" in [Tt]rue\|*) CHECKED=false ;; *) CHECKED=true ;; esac
  found="${found#*|}"
  GENERATION="${found%%|*}"
  environment="${found#*|}"
  if has PUSH_IAM=enforced "$environment"; then ENFORCED=true; else ENFORCED=false; fi
}
# update SERVICE FLAG...: changes the service and looks at it again.
update() {
  local service="$1"
  shift
  say "$service: $*"
  gcloud run services update "$service" "$@" --format=none
  look_at "$service"
}
