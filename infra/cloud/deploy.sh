#!/usr/bin/env bash
# Deploys the seven functions in parallel. A function whose source, settings and secrets are unchanged is skipped.
#
#   infra/cloud/deploy.sh             callers need the role Cloud Run Invoker on every-cut-process-media
#   infra/cloud/deploy.sh --public    callers need only the API key
#   infra/cloud/deploy.sh --public --no-invoker-iam-check
#                                     the same where the organisation forbids access for everyone
source "$(dirname "$0")/shared.sh"

public_api=false
iam_check=true
for argument in "$@"; do
  case "$argument" in
    --public) public_api=true ;;
    --no-invoker-iam-check) iam_check=false ;;
    *) fail "Expected --public, --no-invoker-iam-check or nothing, got $argument." ;;
  esac
done
if [ "$iam_check" = false ] && [ "$public_api" = false ]; then
  fail 'Expected --no-invoker-iam-check only with --public, got it alone: it opens the function to everyone.'
fi

# Check the settings now: the functions would reject them only at start-up, minutes later.
known="$(sed -n 's/^#\([A-Z][A-Z0-9_]*\)=.*/\1/p' .env.example)"
while IFS='=' read -r name value; do
  if [ -z "$name" ]; then continue; fi
  # Of the scripts, not of the functions.
  case "$name" in API_INSTANCES | PREPARE_INSTANCES | RENDER_INSTANCES | ALERT_EMAIL | ALERT_CHARACTERS_PER_DAY) continue ;; esac
  case "$name" in
    PORT | HOST | PUBLIC_API | PUSH_ACCOUNT | PUSH_AUDIENCE | PUSH_IAM)
      fail "$SETTINGS_FILE: expected no $name, because this script or the platform sets it. Remove it." ;;
  esac
  case "$name" in
    API_KEY | ELEVENLABS_API_KEY | ELEVENLABS_VOICES_KEY | SIGNING_KEY | WEBHOOK_SECRET | DRIVE_CLIENT_SECRET | \
      DRIVE_REFRESH_TOKEN | OTEL_EXPORTER_OTLP_HEADERS)
      fail "$SETTINGS_FILE: expected no secrets, got $name. Remove it and add its value to Secret Manager:" \
        "  printf %s \"VALUE\" | gcloud secrets versions add $(secret_of "$name") --data-file=- --project=$PROJECT_ID" ;;
  esac
  has "$name" "$known" || fail "$SETTINGS_FILE: expected a setting of functions/config/README.md, got $name."
  case "$value" in *@@*) fail "$SETTINGS_FILE: expected $name without @@, got a value that contains it." ;; esac
done <<< "$SETTINGS"

# Pins the version number, so that a rollback also restores the secrets that the revision was deployed with.
secret_flags() { # ACCOUNT
  local flags='' name version readers
  while read -r name version readers; do
    if [ "$version" = none ]; then continue; fi
    case " $readers " in *" $1 "*) flags="$flags,$name=$(secret_of "$name"):$version" ;; esac
  done <<< "$with_versions"
  if [ -n "$flags" ]; then echo "--set-secrets=${flags#,}"; else echo --clear-secrets; fi
}
with_versions=''
while read -r name readers; do
  version="$(gcloud secrets versions list "$(secret_of "$name")" --filter='state=ENABLED' --sort-by='~createTime' --limit=1 --format='value(name.basename())' --verbosity=error)" ||
    fail "Expected the secret $(secret_of "$name"), got the error above. Run infra/cloud/setup.sh first."
  with_versions="$with_versions$name ${version:-none} $readers"$'\n'
done <<< "$SECRETS"
for name in SIGNING_KEY WEBHOOK_SECRET; do
  case "$with_versions" in
    *"$name none"*) fail "Expected a key in the secret $(secret_of "$name"), got none. Run infra/cloud/setup.sh, which makes it." ;;
  esac
done
case "$public_api$with_versions" in *'API_KEY none api'*) has_key=false ;; *) has_key=true ;; esac
if [ "$public_api" = true ] && [ "$has_key" = false ]; then
  fail 'Expected an API key because of --public, got none: anyone could spend your money. Create one and deploy again:' \
    "  openssl rand -hex 24 | tr -d '\\n' | gcloud secrets versions add $(secret_of API_KEY) --data-file=- --project=$PROJECT_ID"
fi
speaks_elevenlabs=true
case "$with_versions" in *'ELEVENLABS_API_KEY none'*) speaks_elevenlabs=false ;; esac

# A project that an earlier version set up lacks rights that this one needs.
expect_publisher() { # ACCOUNT TOPIC
  publishers="$(policy_of 'pubsub topics' "$(topic_of "$2")")" ||
    fail "Expected the topic $(topic_of "$2"), got the error above. Run infra/cloud/setup.sh as an owner, then this again."
  has "roles/pubsub.publisher $(member "$1")" "$publishers" ||
    fail "Expected $(member "$1") to publish to $(topic_of "$2"), got no such right." \
      'Next step: run infra/cloud/setup.sh as an owner, which grants what this version needs, then this again.'
}
expect_publisher api webhook
expect_publisher prepare prepare
if sends_to_google && project_policy="$(policy_of projects "$PROJECT_ID")"; then
  for wanted in "${TELEMETRY_ROLES[@]}"; do
    has "$wanted" "$project_policy" || fail "Expected ${wanted#* } to have ${wanted% *}, so that it may send traces and metrics to Google, got no such right." \
      'Next step: run infra/cloud/setup.sh as an owner, which grants it, then this again.'
  done
fi

# If a name appears twice, the last line counts.
env_of() { # FUNCTION
  printf '%s\n' "$SETTINGS" | grep -Ev '^([A-Z]*_INSTANCES|ALERT_[A-Z_]*)=' || true
  printf '%s\n' "GOOGLE_CLOUD_PROJECT=$PROJECT_ID" "CACHE_BUCKET=$CACHE_BUCKET"
  if [ "$OUTPUT" = gcs ]; then echo "OUTPUT_BUCKET=$OUTPUT_BUCKET"; fi
  # Only prepare can read the key; SPEECH tells the other functions which voice is used.
  if [ -z "$(setting SPEECH)" ] && [ "$speaks_elevenlabs" = true ]; then echo SPEECH=elevenlabs; fi
  # By default V8 would use nearly all the memory, which it shares with files and ffmpeg.
  echo NODE_OPTIONS=--max-old-space-size=256
  case "$1" in
    process-media) echo "PUBLIC_API=$public_api" ;;
    *) printf '%s\n' "PUSH_ACCOUNT=$(account_of push)" "PUSH_AUDIENCE=$(url_of "$1")" ;;
  esac
  case "$1" in
    prepare) [ -n "$(setting FFMPEG_THREADS)" ] || echo FFMPEG_THREADS=2 ;;
    render) [ -n "$(setting RENDER_CONCURRENCY)" ] || echo RENDER_CONCURRENCY=2 ;;
  esac
}

line_end=$'\n'
sha() { if command -v sha256sum > /dev/null; then sha256sum; else shasum -a 256; fi | cut -c 1-40; }
source_hash="$(gcloud meta list-files-for-upload . | LC_ALL=C sort | while read -r file; do
  echo "$file"
  cat "$file"
done | sha)"
deployed="$(gcloud functions list --v2 --regions="$REGION" --format='csv[no-heading](name.basename(),labels.every-cut-deployed,state)')"

deploy() { # FUNCTION ENTRY-POINT ACCOUNT MEMORY CPU CONCURRENCY TIMEOUT INSTANCES
  local ingress=internal-only hash environment access=(--no-allow-unauthenticated)
  environment="$(env_of "$1")"
  if [ "$1" = process-media ]; then
    ingress=all
    # Access for everyone is granted below, and stays during a deployment.
    if [ "$public_api" = true ]; then access=(); fi
  fi
  local flags=(
    --gen2 --runtime=nodejs24 --region="$REGION" --source=. --entry-point="$2" --trigger-http ${access[@]+"${access[@]}"}
    # internal-only still admits Pub/Sub and Cloud Scheduler of this project, which call the stages.
    --ingress-settings="$ingress"
    --run-service-account="$(account_of "$3")"
    --build-service-account="projects/$PROJECT_ID/serviceAccounts/$(account_of build)"
    --docker-repository="projects/$PROJECT_ID/locations/$REGION/repositories/$REPOSITORY"
    --memory="$4" --cpu="$5" --concurrency="$6" --timeout="$7s" --min-instances=0 --max-instances="$8"
    --set-env-vars="^@@^${environment//$line_end/@@}"
    "$(secret_flags "$3")"
  )
  hash="$(printf '%s\n' "$source_hash" "${flags[@]}" | sha)"
  if has "$(service_of "$1"),$hash,ACTIVE" "$deployed"; then
    say "$(service_of "$1") is up to date"
    return
  fi
  say "Deploying $(service_of "$1")"
  gcloud functions deploy "$(service_of "$1")" "${flags[@]}" --update-labels="every-cut-deployed=$hash" --format=none
}

# Where traffic is split or bound to a revision, for example after a roll-back, neither a deployment nor a setting reaches what
# serves. Each line: the service, and of each of its targets whether it is the latest revision, and the percentage.
services="$(gcloud run services list --region="$REGION" --format='value[separator=" "](metadata.name,spec.traffic.map().format("{0}={1}",latestRevision,percent))')"
exists() { grep -q "^$1 " <<< "$services"; }
for name in process-media $STAGES; do
  service="$(service_of "$name")"
  if exists "$service" && ! grep -Eq "^$service ((.*;)?True=100(;.*)?)?\$" <<< "$services"; then
    fail "Expected $service to send all its traffic to its latest revision, got other targets: a deployment would not reach what serves." \
      "Next step: gcloud run services update-traffic $service --to-latest --region=$REGION --project=$PROJECT_ID, then this again."
  fi
done

api="$(service_of process-media)"
if exists "$api"; then is_new=false; else is_new=true; fi

# Before the deployment, which may take the API key from a function that is still open to everyone.
if [ "$public_api" = false ] && exists "$api"; then
  look_at "$api"
  if [ "$CHECKED" = false ]; then update "$api" --invoker-iam-check; fi
  grant 'run services' "$api"
  remove_public_access "$api"
fi

logs="$(mktemp -d)"
trap 'rm -rf "$logs"' EXIT
pids=''
# start NAME COMMAND...: in the background, because most of the time is spent waiting. Prints what it says when it has ended.
start() {
  local name="$1"
  shift
  "$@" > "$logs/$name" 2>&1 &
  pids="$pids $name:$!"
}
# finish: waits for all that was started, and sets FAILED to the names of what failed.
finish() {
  local pair
  FAILED=''
  for pair in $pids; do
    wait "${pair#*:}" || FAILED="$FAILED ${pair%:*}"
    cat "$logs/${pair%:*}"
  done
  pids=''
}

while read -r name entry account memory cpu concurrency timeout instances; do
  if [ -z "$name" ]; then continue; fi
  start "$name" deploy "$name" "$entry" "$account" "$memory" "$cpu" "$concurrency" "$timeout" "$instances"
done <<< "$FUNCTIONS"
finish
not_deployed="$FAILED"
if [ -n "$not_deployed" ] && grep -Eq 'Quota violated|Max instances must be|maxScale may not exceed' "$logs"/*; then
  say '"Quota violated": the project may not use as many processors, or as much memory, in this region as the maximum of instances takes.'
  say "Next step: lower PREPARE_INSTANCES, RENDER_INSTANCES or API_INSTANCES in $SETTINGS_FILE, or ask for a higher quota: infra/README.md, Quotas."
fi

# Whoever may call all services of the project may also call the stages.
if project_policy="$(policy_of projects "$PROJECT_ID")"; then
  project_callers="$(grep -E '^roles/run\.(invoker|servicesInvoker) ' <<< "$project_policy" || true)"
else
  project_callers='unknown: the policy of the project cannot be read'
fi
# settle STAGE: checked on every run, because the last attempt may have failed, or someone may have changed the access.
settle() {
  local service callers changes=()
  service="$(service_of "$1")"
  grant 'run services' "$service"
  remove_public_access "$service"
  look_at "$service"
  if [ "$CHECKED" = false ]; then update "$service" --invoker-iam-check; fi
  # Read back: only if nobody else has a role that calls the stage, it may take a token whose signature Google's front end has
  # checked and removed. Owners, editors and Cloud Run admins may always call; they could change the service anyway.
  callers="$(grep -Fxv "roles/run.invoker $(member push)" <<< "$GRANTED" | grep -v '^roles/run\.viewer ' || true)"
  if [ -n "$callers$project_callers" ]; then
    say "$service: takes only signed tokens, because others may call it as well: $callers $project_callers"
  fi
  case "$CHECKED:$callers$project_callers:$ENFORCED" in
    true::false) changes+=(--update-env-vars=PUSH_IAM=enforced) ;;
    true::true | *:false) ;;
    *) changes+=(--remove-env-vars=PUSH_IAM) ;;
  esac
  # Limits on the memory of child processes bind in the second generation only; the first one ignores them.
  case "$1:$GENERATION" in prepare:gen2 | render:gen2) ;; prepare:* | render:*) changes+=(--execution-environment=gen2) ;; esac
  if [ "${#changes[@]}" -gt 0 ]; then update "$service" "${changes[@]}"; fi
}
# Also where a deployment failed: those that succeeded, and what was there before, need it.
for stage in $STAGES; do
  case " $not_deployed " in *" $stage "*) exists "$(service_of "$stage")" || continue ;; esac
  start "$stage" settle "$stage"
done
finish
if [ -n "$FAILED" ]; then say "Expected to set generation, PUSH_IAM and access of all stages, got errors for$FAILED (above). Run this again."; fi
if [ -n "$not_deployed" ]; then
  fail "Expected all functions to be deployed, got errors for$not_deployed (above). Fix them and run this again: deployed functions are skipped."
fi
[ -z "$FAILED" ] || exit 1

if [ "$iam_check" = false ]; then
  look_at "$api"
  if [ "$CHECKED" = true ]; then
    say "$api: --no-invoker-iam-check"
    gcloud run services update "$api" --no-invoker-iam-check --format=none ||
      fail 'Expected to turn the check by IAM off, got the error above. An organisation can forbid it' \
        '(run.managed.requireInvokerIam). Next step: ask its administrator to allow that or access for everyone, or deploy without --public.'
  fi
elif [ "$public_api" = true ]; then
  if ! has 'roles/run.invoker allUsers' "$(policy_of 'run services' "$api")"; then
    say "$api: roles/run.invoker for allUsers"
    refusal="$(gcloud run services add-iam-policy-binding "$api" --role=roles/run.invoker --member=allUsers 2>&1 > /dev/null)" || {
      case "$refusal" in
        *'permitted customer'*)
          fail "$refusal" 'Expected to open the function to everyone, got a refusal: the organisation restricts access to its own members.' \
            'Next step: infra/cloud/deploy.sh --public --no-invoker-iam-check opens this one function without the check by IAM;' \
            'the API key still protects it. An organisation can forbid that, too.' ;;
        *) fail "$refusal" "Expected to grant roles/run.invoker on $api to allUsers, got the error above. Run this again in a minute." ;;
      esac
    }
  fi
  # Only now, so that callers are never locked out.
  look_at "$api"
  if [ "$CHECKED" = false ]; then update "$api" --invoker-iam-check; fi
fi
# The account of Cloud Build may not change the bucket.
if [ "$is_new" = true ]; then
  for other in $(api_urls | grep -Fxv "$(url_of process-media)" || true); do
    say "The HTTP function answers at $other as well. If its page is to upload files from there, run infra/cloud/setup.sh once more."
  done
fi
say "Deployed. Next: infra/cloud/subscribe.sh"
