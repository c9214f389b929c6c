/**
 * Every way in which a request, a source or a render can fail: its code, what happened, and what to do. functions/README.md
 * repeats this table, and a test compares the two.
 */

export interface CodeEntry {
  /**
   * `request`: the answer to a request. `permanent`: what a failed render reports. `transient`: retried by itself, seen in
   * the log and in the status of a running task.
   */
  readonly kind: 'request' | 'permanent' | 'transient';
  /** HTTP status; only codes of kind `request` have one. */
  readonly status?: number;
  readonly title: string;
  readonly hint: string;
}

export const CODES = Object.freeze({
  not_json: {
    kind: 'request',
    status: 400,
    title: 'The body is not JSON',
    hint: 'Send one JSON object encoded as UTF-8.',
  },
  unauthorized: {
    kind: 'request',
    status: 401,
    title: 'The API key is missing or wrong',
    hint: 'Send the key in X-API-Key or in Authorization: Bearer.',
  },
  cross_site: {
    kind: 'request',
    status: 403,
    title: 'The request comes from a page of another site',
    hint: 'Send it from a server, from a page of this service (PUBLIC_URL) or from an origin that CORS_ORIGINS lists.',
  },
  push_unauthenticated: {
    kind: 'request',
    status: 401,
    title: 'The push has no valid token',
    hint: 'Configure Pub/Sub and Cloud Scheduler to push with an OIDC token, as infra/cloud/subscribe.sh does.',
  },
  push_forbidden: {
    kind: 'request',
    status: 403,
    title: 'The caller may not push to this function',
    hint: 'Set PUSH_ACCOUNT and PUSH_AUDIENCE to those of the push; the log says which one differs.',
  },
  not_found: {
    kind: 'request',
    status: 404,
    title: 'Nothing exists at this address',
    hint: 'Check the task id and the path. The answer to POST /process_media has the status_url to use.',
  },
  method_not_allowed: {
    kind: 'request',
    status: 405,
    title: 'This address does not support the method',
    hint: 'Use a method listed in the Allow header.',
  },
  request_timeout: {
    kind: 'request',
    status: 408,
    title: 'The body did not arrive in time',
    hint: 'Send the request again; the whole body must arrive within 20 seconds.',
  },
  body_too_large: {
    kind: 'request',
    status: 413,
    title: 'The body is larger than 256 KB',
    hint: 'Send URLs instead of media, or split the request into several tasks.',
  },
  address_too_long: {
    kind: 'request',
    status: 414,
    title: 'The path and the query are too long',
    hint: 'Use at most 8,192 characters for both together; the fields of a request belong in the body.',
  },
  unsupported_media_type: {
    kind: 'request',
    status: 415,
    title: 'The body is of another kind than this address takes',
    hint: 'Send JSON with Content-Type: application/json, and a file without Content-Encoding.',
  },
  invalid_request: {
    kind: 'request',
    status: 422,
    title: 'The request is invalid',
    hint: 'Fix each entry of errors and send the request again; nothing was started.',
  },
  upload_forbidden: {
    kind: 'request',
    status: 403,
    title: 'The upload URL is wrong or has expired',
    hint: 'Send the file to the upload_url of POST /uploads as it is, within a day. Ask for a new one after that.',
  },
  access_forbidden: {
    kind: 'request',
    status: 403,
    title: 'The access token is wrong or has expired',
    hint: 'Ask for a new one with POST /tasks/{task_id}/access and the API key. It works for that task, for 12 hours.',
  },
  partial_upload: {
    kind: 'request',
    status: 400,
    title: 'Only a part of the file was sent',
    hint: 'Send the whole file in one request, without Content-Range.',
  },
  upload_mismatch: {
    kind: 'request',
    status: 422,
    title: 'The file is not the one that was announced',
    hint: 'Send the whole file with the headers of the answer, or ask for a new upload_url with its real size and type.',
  },
  key_reused: {
    kind: 'request',
    status: 422,
    title: 'The Idempotency-Key was used with a different request',
    hint: 'Use a new key for a new request. For 24 hours a key repeats the request it came with.',
  },
  task_running: {
    kind: 'request',
    status: 409,
    title: 'The task has not ended',
    hint: 'Wait until its completed_at is set, then try again.',
  },
  nothing_to_retry: {
    kind: 'request',
    status: 409,
    title: 'The task has no failed combinations',
    hint: 'A retry covers failed combinations, not cancelled ones. Post a new task for those.',
  },
  not_finished: {
    kind: 'request',
    status: 409,
    title: 'The video is not finished',
    hint: 'Wait until its status is succeeded, then ask again.',
  },
  not_made: {
    kind: 'request',
    status: 404,
    title: 'The video was not made: it failed or was cancelled',
    hint: 'POST /tasks/{task_id}/retry makes failed videos again; post a new task for cancelled ones.',
  },
  video_gone: {
    kind: 'request',
    status: 410,
    title: 'The video is no longer in the output folder',
    hint: 'Put the file back under its name, or take it out of the trash. To make it again, post a new task.',
  },
  range_not_satisfiable: {
    kind: 'request',
    status: 416,
    title: 'The range is beyond the end of the video',
    hint: 'Ask for a range within the size in Content-Range, or for the whole video.',
  },
  output_unreadable: {
    kind: 'request',
    status: 502,
    title: 'The service may not read the output folder',
    hint: 'Follow the detail, which names what the account of the service lacks, then ask again.',
  },
  voices_unavailable: {
    kind: 'request',
    status: 502,
    title: 'The voices cannot be shown or heard',
    hint: 'Follow the detail, which names what the key or the voice lacks, then ask again.',
  },
  no_webhook: {
    kind: 'request',
    status: 409,
    title: 'The task has no callback_url',
    hint: 'Only a task that was posted with a callback_url has an event. Poll the status_url of this one.',
  },
  too_many_requests: {
    kind: 'request',
    status: 429,
    title: 'Too many requests, or wrong keys, from one address',
    hint: 'Wait for the number of seconds in Retry-After. REQUESTS_PER_MINUTE sets the limit.',
  },
  internal: {
    kind: 'request',
    status: 500,
    title: 'The service failed',
    hint: 'Send the request again. If it keeps failing, find the id from the detail in the log.',
  },
  wrong_host: {
    kind: 'request',
    status: 421,
    title: 'The service does not answer to this host name',
    hint: 'Use 127.0.0.1 or localhost. To be called by another name, set PUBLIC_URL and API_KEY.',
  },
  unavailable: {
    kind: 'request',
    status: 503,
    title: 'The service cannot take requests right now',
    hint: 'Wait for the number of seconds in Retry-After and send it again; the detail says what is missing.',
  },
  output_folder: {
    kind: 'request',
    status: 502,
    title: 'The output folder cannot be created',
    hint: 'Follow the detail, which names OUTPUT_DIR, the Drive folder or the bucket, then post again.',
  },

  address_refused: {
    kind: 'permanent',
    title: 'The address is private, and private addresses are refused',
    hint: 'Use a public address, or set ALLOW_PRIVATE_URLS=true if you trust all callers.',
  },
  source_not_found: {
    kind: 'permanent',
    title: 'The source does not exist',
    hint: 'Open the URL in a browser where you are signed out. Once it works, retry the task.',
  },
  source_forbidden: {
    kind: 'permanent',
    title: 'The source may not be read',
    hint: 'Share the file publicly, or use a signed URL that has not expired.',
  },
  source_refused: {
    kind: 'permanent',
    title: "The source's server refused the download",
    hint: 'Open the URL as the message describes, fix what its server reports, then retry the task.',
  },
  source_too_large: {
    kind: 'permanent',
    title: 'The source is larger than MAX_SOURCE_MB',
    hint: 'Send a smaller file, or raise MAX_SOURCE_MB.',
  },
  source_unreachable: {
    kind: 'permanent',
    title: "The source's server cannot be reached",
    hint: 'Check the host name and that the server is up, then retry the task.',
  },
  source_changed: {
    kind: 'permanent',
    title: 'The source changed while the task was running',
    hint: 'Retry the task: it uses the new version.',
  },
  media_unreadable: {
    kind: 'permanent',
    title: 'The file is not readable media',
    hint: 'Export it again as MP4 (H.264, AAC), or link to the file itself and not to a page about it.',
  },
  media_truncated: {
    kind: 'permanent',
    title: 'The file ends earlier than its header says',
    hint: 'Upload the file again: its upload or export was interrupted.',
  },
  no_video: {
    kind: 'permanent',
    title: 'The clip has no picture that can be decoded',
    hint: 'Send a video or photo that can be decoded; the message says what the file is.',
  },
  no_sound: {
    kind: 'permanent',
    title: 'The track has no sound',
    hint: 'Send a file with an audio stream.',
  },
  image_unusable: {
    kind: 'permanent',
    title: 'The image of an overlay is not a still picture that can be decoded',
    hint: 'Send one picture as PNG, JPEG or WebP.',
  },
  trim_empty: {
    kind: 'permanent',
    title: 'Nothing is left of the clip or track: start_seconds is at its end or behind it',
    hint: 'Post the task again with an earlier start_seconds.',
  },
  clip_too_long: {
    kind: 'permanent',
    title: 'The source is longer than MAX_CLIP_SECONDS',
    hint: 'Send a shorter file, or raise MAX_CLIP_SECONDS.',
  },
  clip_too_large: {
    kind: 'permanent',
    title: 'The clip has more pixels, in all its frames together, than MAX_CLIP_SECONDS allows',
    hint: 'Export it with a smaller picture or fewer frames, or raise MAX_CLIP_SECONDS.',
  },
  conform_failed: {
    kind: 'permanent',
    title: "The clip could not be converted to the task's size and frame rate",
    hint: "Export the clip again as MP4 (H.264, AAC); the message contains ffmpeg's error.",
  },
  speech_failed: {
    kind: 'permanent',
    title: 'The line could not be spoken',
    hint: "Shorten or simplify the text; the message contains the voice's error.",
  },
  mix_failed: {
    kind: 'permanent',
    title: 'The combination could not be mixed',
    hint: "Retry the task. If it keeps failing, the message contains ffmpeg's error.",
  },
  voice_not_found: {
    kind: 'permanent',
    title: 'No voice has that name, or more than one does',
    hint: 'Post a new task with the id or the full name of one voice; the message lists them.',
  },
  speech_refused: {
    kind: 'permanent',
    title: 'ElevenLabs rejects the key',
    hint: 'Set an ELEVENLABS_API_KEY that may use text to speech, voices and the model, then retry the task.',
  },
  speech_quota: {
    kind: 'permanent',
    title: 'The ElevenLabs account has no credits left',
    hint: "Raise the plan or the key's credit limit, then retry the task. Lines that were bought are kept.",
  },
  output_login: {
    kind: 'permanent',
    title: 'Google rejects the credentials for the output',
    hint: 'Create new credentials as infra/README.md describes for your DRIVE_AUTH or for Cloud Storage, then retry.',
  },
  output_forbidden: {
    kind: 'permanent',
    title: 'The account may not write to the output',
    hint: 'Make the account Content manager or Editor of the Drive folder, or Storage Object User of the bucket.',
  },
  output_missing: {
    kind: 'permanent',
    title: 'The output folder or bucket does not exist',
    hint: 'Check DRIVE_FOLDER_ID or OUTPUT_BUCKET. Restore the folder from the trash, or post a new task.',
  },
  output_full: {
    kind: 'permanent',
    title: 'The account has no storage left for the videos',
    hint: 'Free space. A service account owns none: use a shared drive, or DRIVE_AUTH=oauth or delegation.',
  },
  cache_failed: {
    kind: 'permanent',
    title: 'Prepared clips cannot be stored, or are removed before they are used',
    hint: 'Check CACHE_BUCKET and let the account view and create objects in it, or raise CACHE_MAX_MB, as the message says.',
  },
  save_failed: {
    kind: 'permanent',
    title: 'The finished video could not be saved',
    hint: 'Check that the output folder exists and is writable, then retry the task.',
  },
  crash_loop: {
    kind: 'permanent',
    title: 'The process died five times during this work',
    hint: 'This usually means that memory ran out. Add memory and retry the task, or post smaller clips.',
  },
  undeliverable: {
    kind: 'permanent',
    title: 'Its message failed too many times',
    hint: "Read the task's last warnings in the log, fix the cause, then retry the task.",
  },
  overdue: {
    kind: 'permanent',
    title: 'Its task made no progress for a day in which the service was up',
    hint: 'Retry the task. If it happens again, the log shows what it waited for.',
  },
  internal_error: {
    kind: 'permanent',
    title: 'The service failed on it five times',
    hint: 'The log has the cause. This is a bug in the service: please report it.',
  },

  source_busy: {
    kind: 'transient',
    title: "The source's server is busy",
    hint: 'No action needed: it is retried with growing pauses.',
  },
  source_slow: {
    kind: 'transient',
    title: "The source's server sends nothing, or next to nothing",
    hint: 'No action needed: after half a minute it is tried again, three times at most.',
  },
  source_cut: {
    kind: 'transient',
    title: "The source's server ended its answer early",
    hint: 'No action needed: it is retried with growing pauses.',
  },
  output_busy: {
    kind: 'transient',
    title: 'Google Drive or Cloud Storage is busy',
    hint: 'No action needed: it is retried with growing pauses.',
  },
  output_limited: {
    kind: 'transient',
    title: 'Google Drive asks for fewer requests',
    hint: 'No action needed: from now on, all processes together upload more slowly.',
  },
  speech_busy: {
    kind: 'transient',
    title: "ElevenLabs is busy, or the plan's limit of concurrent requests is reached",
    hint: 'No action needed: it is retried with growing pauses.',
  },
  network: {
    kind: 'transient',
    title: 'The network failed',
    hint: 'No action needed: it is retried with growing pauses.',
  },
  platform_unavailable: {
    kind: 'transient',
    title: 'Firestore, Pub/Sub or the bucket for prepared clips did not answer',
    hint: 'No action needed: it is retried with growing pauses.',
  },
  out_of_time: {
    kind: 'transient',
    title: 'The time for this delivery ran out',
    hint: 'No action needed: the next delivery continues. If it happens often, give the function more CPU.',
  },
  disk_full: {
    kind: 'transient',
    title: 'The disk is full',
    hint: 'Free space, or lower CACHE_MAX_MB; work then continues by itself.',
  },
  output_gone: {
    kind: 'transient',
    title: 'OUTPUT_DIR was there and is gone, or its disk is not mounted',
    hint: 'Mount its disk; if you removed the folder, make it again with mkdir -p. Work then continues by itself.',
  },
  ffmpeg_killed: {
    kind: 'transient',
    title: 'ffmpeg was killed by the system',
    hint: 'No action needed the first time. If it happens again, memory is short.',
  },
  waiting: {
    kind: 'transient',
    title: 'Another process is working on it or on what it needs',
    hint: 'No action needed: the message is delivered again.',
  },
  cancelled: {
    kind: 'transient',
    title: 'The task was cancelled',
    hint: 'No action needed: finished videos stay. Post a new task for the others.',
  },
  lease_lost: {
    kind: 'transient',
    title: 'The work was stopped: its lease lapsed, or another process took it over',
    hint: 'No action needed: it is done again, unless another process is at it.',
  },
} as const satisfies Record<string, CodeEntry>);

type Codes = typeof CODES;
export type Code = keyof Codes;
type CodeOf<K extends CodeEntry['kind']> = { [C in Code]: Codes[C]['kind'] extends K ? C : never }[Code];
export type RequestCode = CodeOf<'request'>;
export type PermanentCode = CodeOf<'permanent'>;
export type TransientCode = CodeOf<'transient'>;

export const REQUEST_CODES = codesOf('request');
export const PERMANENT_CODES = codesOf('permanent');
export const TRANSIENT_CODES = codesOf('transient');

function codesOf<K extends CodeEntry['kind']>(kind: K): readonly CodeOf<K>[] {
  return Object.entries(CODES).flatMap(([code, entry]) => (entry.kind === kind ? [code as CodeOf<K>] : []));
}
