#!/usr/bin/env bash
# Checks that the deployed functions answer authorized callers and reject all others. Creates nothing.
#
#   infra/cloud/smoke.sh              uses the account that gcloud is signed in with, and API_KEY if it is set
source "$(dirname "$0")/shared.sh"

answer="$(mktemp)"
trap 'rm -f "$answer"' EXIT
# ask METHOD URL [HEADER...]: prints the status and stores the response body in the file $answer. A POST asks for a plan.
ask() {
  local url="$2" options=()
  if [ "$1" = POST ]; then
    options+=(--header 'content-type: application/json'
      --data '{"task_name":"smoke","video_blocks":{"a":["https://example.com/a.mp4"]},"dry_run":true}')
  fi
  shift 2
  for header in "$@"; do options+=(--header "$header"); done
  curl --silent --show-error --max-time 60 --output "$answer" --write-out '%{http_code}' ${options[@]+"${options[@]}"} "$url"
}
# The URL of a function; a variable such as URL_PROCESS_MEDIA overrides it.
address_of() {
  local name
  name="URL_$(echo "$1" | tr '[:lower:]-' '[:upper:]_')"
  echo "${!name:-$(url_of "$1")}"
}

api="$(address_of process-media)"
status="$(ask POST "$api/process_media")"
case "$status" in
  401 | 403) say "Without credentials: $status, as expected" ;;
  *) fail "Expected 401 or 403 from $api without credentials, got $status: anyone could post tasks. Run infra/cloud/deploy.sh again, without --public or with an API key." ;;
esac
for stage in $STAGES; do
  status="$(ask POST "$(address_of "$stage")/")"
  case "$status" in
    # 404: Cloud Run rejects the request because of the ingress setting.
    401 | 403 | 404) say "$stage, without credentials: $status, as expected" ;;
    *) fail "Expected 401, 403 or 404 from $stage without credentials, got $status. Run infra/cloud/deploy.sh and infra/cloud/subscribe.sh again." ;;
  esac
done

# A request with Google's token, as Pub/Sub and Cloud Scheduler send it, must be accepted.
job=every-cut-sweep
attempt() { gcloud scheduler jobs describe "$job" --location="$REGION" --format='csv[no-heading](lastAttemptTime,status.code)'; }
before="$(attempt)"
gcloud scheduler jobs run "$job" --location="$REGION" --format=none
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
  last="$(attempt)"
  if [ "${last%,*}" != "${before%,*}" ]; then break; fi
  sleep 5
done
case "$last" in
  "${before%,*},"*) fail "Expected Cloud Scheduler to run $job within a minute, got no attempt. Check Cloud Scheduler in the console." ;;
  *, | *,0) say 'sweep, called by Cloud Scheduler: accepted, as expected' ;;
  *) fail "Expected the function sweep to accept the call from Cloud Scheduler, got status ${last#*,}." \
    'Next step: read why in its log (push.refused). The other stages are called in the same way.' ;;
esac

# The only way of a service account to an identity token, for example in Cloud Build, is to impersonate itself.
identity_token() {
  local account
  account="$(gcloud config get-value account 2> /dev/null)"
  case "$account" in
    *.gserviceaccount.com)
      gcloud auth print-identity-token --impersonate-service-account="$account" --audiences="$(url_of process-media)" --include-email ||
        fail "Expected an identity token for $account, got the error above. It needs roles/iam.serviceAccountTokenCreator on itself: run infra/cloud/setup.sh." ;;
    *) gcloud auth print-identity-token || fail 'Expected an identity token of your account, got the error above. Run `gcloud auth login`.' ;;
  esac
}
token="${IDENTITY_TOKEN:-$(identity_token)}"
credentials=("authorization: Bearer $token")
if [ -n "${API_KEY:-}" ]; then credentials+=("x-api-key: $API_KEY"); fi
needs_key=false
# expect WHAT PATTERN METHOD PATH: an answer with status 200 that contains the pattern, or one that asks for the API key.
expect() {
  local status
  status="$(ask "$3" "$api$4" "${credentials[@]}")"
  if [ "$status" = 200 ] && grep -q "$2" "$answer"; then
    say "With credentials: 200 and $1"
  elif [ "$status" = 401 ] && [ -z "${API_KEY:-}" ] && grep -q '"code":"unauthorized"' "$answer"; then
    needs_key=true
  else
    fail "Expected $1 from $api$4, got $status: $(head -c 500 "$answer")" 'Next step: read the log of every-cut-process-media.'
  fi
}
expect "a task's plan" '"renders"' POST /process_media
# Not /readyz: Google may answer that itself (infra/README.md, Addresses that Google keeps).
expect 'that it is ready' '"ready"' GET /ready
expect 'the description of the API' '"openapi"' GET /openapi.json
if [ "$needs_key" = true ]; then say 'The function answers and requires the API key. Set API_KEY to check what it answers then.'; fi
