#!/usr/bin/env bash
# Deploys the six functions in parallel. A function whose source, settings and secrets are unchanged is skipped.
#
#   infra/cloud/deploy.sh             callers need the role Cloud Run Invoker on every-cut-process-media
#   infra/cloud/deploy.sh --public    callers need only the API key
source "$(dirname "$0")/shared.sh"

access=--no-allow-unauthenticated
public_api=false
for argument in "$@"; do
  case "$argument" in
    --public) access=--allow-unauthenticated public_api=true ;;
    *) fail "Expected --public or nothing, got $argument." ;;
  esac
done

# Check the settings now: the functions would reject them only at start-up, minutes later.
known="$(sed -n 's/^#\([A-Z][A-Z0-9_]*\)=.*/\1/p' .env.example)"
while IFS='=' read -r name value; do
  if [ -z "$name" ]; then continue; fi
  has "$name" "$known" || fail "$SETTINGS_FILE: expected a setting of functions/config/README.md, got $name."
  case "$value" in *@@*) fail "$SETTINGS_FILE: expected $name without @@, got a value that contains it." ;; esac
  case "$name" in
    PORT | HOST | PUBLIC_API | PUSH_ACCOUNT | PUSH_AUDIENCE)
      fail "$SETTINGS_FILE: expected no $name, because this script or the platform sets it. Remove it." ;;
  esac
  case "$name" in
    API_KEY | ELEVENLABS_API_KEY | SIGNING_KEY | DRIVE_CLIENT_SECRET | DRIVE_REFRESH_TOKEN)
      fail "$SETTINGS_FILE: expected no secrets, got $name. Remove it and add its value to Secret Manager:" \
        "  printf %s \"VALUE\" | gcloud secrets versions add $(secret_of "$name") --data-file=- --project=$PROJECT_ID" ;;
  esac
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
case "$with_versions" in
  *'SIGNING_KEY none'*) fail "Expected a key in the secret $(secret_of SIGNING_KEY), got none. Run infra/cloud/setup.sh, which makes it." ;;
esac
case "$public_api$with_versions" in *'API_KEY none api'*) has_key=false ;; *) has_key=true ;; esac
if [ "$public_api" = true ] && [ "$has_key" = false ]; then
  fail 'Expected an API key because of --public, got none: anyone could spend your money. Create one and deploy again:' \
    "  openssl rand -hex 24 | tr -d '\\n' | gcloud secrets versions add $(secret_of API_KEY) --data-file=- --project=$PROJECT_ID"
fi
speaks_elevenlabs=true
case "$with_versions" in *'ELEVENLABS_API_KEY none'*) speaks_elevenlabs=false ;; esac

# If a name appears twice, the last line counts.
env_of() { # FUNCTION
  printf '%s\n' "$SETTINGS"
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
  local ingress=internal-only open=--no-allow-unauthenticated hash environment
  environment="$(env_of "$1")"
  if [ "$1" = process-media ]; then ingress=all open="$access"; fi
  local flags=(
    --gen2 --runtime=nodejs24 --region="$REGION" --source=. --entry-point="$2" --trigger-http "$open"
    # internal-only still admits Pub/Sub and Cloud Scheduler of this project, which are the only callers of a stage.
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

# In parallel, because most of the time is spent waiting for builds.
logs="$(mktemp -d)"
trap 'rm -rf "$logs"' EXIT
pids=''
while read -r name entry account memory cpu concurrency timeout instances; do
  if [ -z "$name" ]; then continue; fi
  deploy "$name" "$entry" "$account" "$memory" "$cpu" "$concurrency" "$timeout" "$instances" > "$logs/$name" 2>&1 &
  pids="$pids $name:$!"
done <<< "$FUNCTIONS"
failed=''
for pair in $pids; do
  wait "${pair#*:}" || failed="$failed ${pair%:*}"
  cat "$logs/${pair%:*}"
done
if [ -n "$failed" ]; then
  fail "Expected all functions to be deployed, got errors for$failed (above). Fix them and run this again: deployed functions are skipped."
fi
# Checked on every run: the last attempt may have failed, or someone may have changed the access.
if [ "$public_api" = true ]; then
  grant 'run services' "$(service_of process-media)" 'roles/run.invoker allUsers'
else
  grant 'run services' "$(service_of process-media)"
  remove_public_access "$(service_of process-media)"
fi
say "Deployed. Next: infra/cloud/subscribe.sh"
