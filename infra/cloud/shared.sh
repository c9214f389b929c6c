# shellcheck shell=bash
# What the scripts of the cloud have in common: for whom they work, and what things are called. Sourced, not run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# Nobody is asked anything: these scripts also run in Cloud Build.
export CLOUDSDK_CORE_DISABLE_PROMPTS=1
command -v gcloud > /dev/null || fail 'Expected gcloud on PATH, got none. Install the Google Cloud SDK: https://cloud.google.com/sdk/docs/install'

PROJECT_ID="${PROJECT_ID:-$(gcloud config get-value project 2> /dev/null)}"
REGION="${REGION:-europe-west1}"
[ -n "$PROJECT_ID" ] || fail 'Expected a project, got none. Run `gcloud config set project PROJECT`, or set PROJECT_ID.'
export CLOUDSDK_CORE_PROJECT="$PROJECT_ID" CLOUDSDK_RUN_REGION="$REGION"
PROJECT_NUMBER="$(gcloud projects describe "$PROJECT_ID" --format='value(projectNumber)')"
[ -n "$PROJECT_NUMBER" ] || fail "Expected the project $PROJECT_ID to have a number, got none. Check its id and your access to it."

# name  entry point  account  memory  cpu  concurrency  timeout (s)  instances at most
#
# prepare encodes one clip at a time on both processors. render copies video: most of what an instance does at a time is
# waiting for sources and for uploads. Timeouts of the stages are the ack deadline of their subscriptions
# (infra/cloud/topology.ts): their own work ends a minute before it. A push that finds no free instance counts as a delivery,
# hence more of them than a task of usual size needs.
FUNCTIONS='
process-media  processMedia  api      512Mi  1  80   60  10
prepare        prepare       prepare  4Gi    2   1  600  50
render         render        render   2Gi    1   8  600  50
complete       complete      render   512Mi  1   4  600  10
dead-letter    deadLetter    render   512Mi  1   8  600  10
sweep          sweep         render   512Mi  1   1  300   1
'
STAGES='prepare render complete dead-letter sweep'
TOPICS='prepare render complete dead-letter'

service_of() { echo "every-cut-$1"; }
# Cloud Run gives every service an address that can be told before it is there:
# https://cloud.google.com/run/docs/triggering/https-request#deterministic
url_of() { echo "https://$(service_of "$1")-$PROJECT_NUMBER.$REGION.run.app"; }
account_of() { echo "every-cut-$1@$PROJECT_ID.iam.gserviceaccount.com"; }
member() { echo "serviceAccount:$(account_of "$1")"; }
topic_of() { echo "every-cut-$1"; }
# Of a setting: ELEVENLABS_API_KEY is in every-cut-elevenlabs-api-key.
secret_of() { echo "every-cut-$(echo "$1" | tr '[:upper:]_' '[:lower:]-')"; }
REPOSITORY=every-cut
PUBSUB_AGENT="serviceAccount:service-$PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com"

SETTINGS_FILE="${SETTINGS_FILE:-infra/cloud/cloud.env}"
[ -f "$SETTINGS_FILE" ] || fail "Expected the settings of the functions in $SETTINGS_FILE, got no such file."
SETTINGS="$(grep -E '^[[:space:]]*[^#[:space:]]' "$SETTINGS_FILE" || true)"
# As the last line of that name has it; empty where there is none.
setting() { printf '%s\n' "$SETTINGS" | sed -n "s/^$1=//p" | tail -n 1; }

OUTPUT="$(setting OUTPUT)"
CACHE_BUCKET="$(setting CACHE_BUCKET)"
CACHE_BUCKET="${CACHE_BUCKET:-$PROJECT_ID-every-cut-cache}"
OUTPUT_BUCKET="$(setting OUTPUT_BUCKET)"
if [ "$OUTPUT" = gcs ]; then OUTPUT_BUCKET="${OUTPUT_BUCKET:-$PROJECT_ID-every-cut-output}"; fi
# Callers may not name what the service keeps for itself, and teardown.sh must not find videos among it.
[ "$CACHE_BUCKET" != "$OUTPUT_BUCKET" ] || fail "$SETTINGS_FILE: expected two buckets, got $CACHE_BUCKET as CACHE_BUCKET and as OUTPUT_BUCKET."

# Settings whose values are secrets, each with the accounts whose functions need it.
SECRETS='API_KEY api
ELEVENLABS_API_KEY prepare'
if [ "$(setting DRIVE_AUTH)" = oauth ]; then
  owners='api render'
  # prepare then reads what the user's account can read.
  if [ "$(setting DRIVE_SOURCES)" = account ]; then owners='api render prepare'; fi
  SECRETS="$SECRETS
DRIVE_CLIENT_SECRET $owners
DRIVE_REFRESH_TOKEN $owners"
fi

# has LINE LIST: whether one of the list's lines is that line.
has() { printf '%s\n' "$2" | grep -Fxq -- "$1"; }

say() { printf '%s\n' "$*"; }

# grant KIND NAME 'ROLE MEMBER'...: on a resource, as "gcloud KIND get-iam-policy NAME" knows it. Leaves in GRANTED what was
# granted on it before.
grant() {
  local kind="$1" name="$2" wanted tries condition=()
  shift 2
  # shellcheck disable=SC2086 # kind is words
  GRANTED="$(gcloud $kind get-iam-policy "$name" --flatten='bindings[].members' --format='value[separator=" "](bindings.role,bindings.members,bindings.condition.title)' | sed 's/ *$//')"
  case "$kind" in projects | secrets | 'iam service-accounts') condition=(--condition=None) ;; esac
  for wanted in "$@"; do
    if has "$wanted" "$GRANTED"; then continue; fi
    say "$name: ${wanted% *} for ${wanted#* }"
    # An account that was just made is not known everywhere for some seconds.
    for tries in 1 2 3 4 5; do
      # shellcheck disable=SC2086
      gcloud $kind add-iam-policy-binding "$name" --role="${wanted% *}" --member="${wanted#* }" ${condition[@]+"${condition[@]}"} > /dev/null && break
      [ "$tries" -lt 5 ] || fail "Expected to grant ${wanted% *} on $name to ${wanted#* }, got the errors above. Run this again in a minute."
      sleep "$((tries * 3))"
    done
  done
}

# open_to_nobody SERVICE: takes the right to call it from everybody, after a grant on it.
open_to_nobody() {
  local anyone
  for anyone in allUsers allAuthenticatedUsers; do
    if has "roles/run.invoker $anyone" "$GRANTED"; then
      say "$1: no longer open to $anyone"
      gcloud run services remove-iam-policy-binding "$1" --role=roles/run.invoker --member="$anyone" > /dev/null
    fi
  done
}
