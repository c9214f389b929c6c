#!/usr/bin/env bash
# Checks that the deployed functions answer authorized callers and reject all others. Creates nothing.
#
#   infra/cloud/smoke.sh              uses the account that gcloud is signed in with, and API_KEY if it is set
source "$(dirname "$0")/shared.sh"

answer="$(mktemp)"
trap 'rm -f "$answer"' EXIT
# ask URL [HEADER...]: prints the status and stores the response body in the file $answer.
ask() {
  local url="$1" headers=()
  shift
  for header in "$@"; do headers+=(--header "$header"); done
  curl --silent --show-error --max-time 60 --output "$answer" --write-out '%{http_code}' ${headers[@]+"${headers[@]}"} \
    --header 'content-type: application/json' \
    --data '{"task_name":"smoke","video_blocks":{"a":["https://example.com/a.mp4"]},"dry_run":true}' "$url"
}
# The URL of a function; a variable such as URL_PROCESS_MEDIA overrides it.
address_of() {
  local name
  name="URL_$(echo "$1" | tr '[:lower:]-' '[:upper:]_')"
  echo "${!name:-$(url_of "$1")}"
}

api="$(address_of process-media)"
status="$(ask "$api/process_media")"
case "$status" in
  401 | 403) say "Without credentials: $status, as expected" ;;
  *) fail "Expected 401 or 403 from $api without credentials, got $status: anyone could post tasks. Run infra/cloud/deploy.sh again, without --public or with an API key." ;;
esac
for stage in $STAGES; do
  status="$(ask "$(address_of "$stage")/")"
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
status="$(ask "$api/process_media" "${credentials[@]}")"
if [ "$status" = 200 ]; then
  say "With credentials: 200 and a task's plan"
elif [ "$status" = 401 ] && [ -z "${API_KEY:-}" ] && grep -q '"code":"unauthorized"' "$answer"; then
  say 'The function answers and requires the API key. Set API_KEY to check a request for a plan as well.'
else
  fail "Expected a task's plan from $api, got $status: $(head -c 500 "$answer")" 'Next step: read the log of every-cut-process-media.'
fi
