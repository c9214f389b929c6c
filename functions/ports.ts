/**
 * The interfaces that the stages depend on, in the service's own terms. Each has an embedded and a cloud adapter, which
 * pass the same contract suite (test/contracts). What the comments say about repeated calls is part of the contract:
 * any message may be delivered twice, late, or to a process that dies half-way.
 */
import type { Attempts } from './model/attempts.ts';
import type { LeaseState } from './model/lease-state.ts';
import type { Message } from './model/messages.ts';
import type { PinName, PinOf } from './model/pins.ts';
import type { Line } from './model/plan.ts';
import type { Problem, Work } from './model/problem.ts';
import type { TokenRead } from './model/push-token.ts';
import type { Report } from './model/report.ts';
import type { Download, Validator } from './model/source.ts';
import type { SourceLocation } from './model/source-location.ts';
import type { Spoken } from './model/speech.ts';
import type { Claim, ClaimHolder, OutputFolder, Progress, Task } from './model/task.ts';
import type { TaskPage, WantedTasks } from './model/task-summary.ts';
import type { WebhookAnswer, WebhookRecord } from './model/webhook.ts';

// ---------------------------------------------------------------------------------------------------------------
// Tasks

export interface TaskStore {
  /**
   * process-media, retry: stores the task, unpublished, together with its claim. Returns false, and stores nothing, if
   * another task has the claim (see claimed), or if the id of a task with the same output folder starts with the same
   * six digits: their file names would clash, so try another id.
   */
  create(task: Task, claim?: Claim): Promise<boolean>;
  /** process-media, retry: the task that has the claim; undefined if none has, or if claim or task are gone. */
  claimed(key: string): Promise<ClaimHolder | undefined>;
  /** Undefined for an unknown id, and for a task whose seal does not fit: its messages have no effect. */
  get(taskId: string): Promise<Task | undefined>;
  /** process-media and sweep, after the last message is published. Repeating it changes nothing. */
  markPublished(taskId: string): Promise<void>;
  /** cancel: no more work starts, and running work stops. Repeating it changes nothing. */
  cancel(taskId: string): Promise<void>;
  /** prepare, render: called several times a second during work. May see another process's cancel seconds late. */
  isCancelled(taskId: string): Promise<boolean>;
  /** status, sweep. */
  progress(taskId: string): Promise<Progress | undefined>;
  /** sweep: ids of the tasks that are not finished, oldest first, at most `limit`, created after `afterId`. */
  unfinished(limit: number, afterId?: string): Promise<string[]>;
  /**
   * complete, as its last step. The time of the first call stands, and is returned, in milliseconds since the epoch.
   * @param at what the manifest says; by default, now by the store's clock
   */
  finish(taskId: string, at?: number): Promise<number>;
  /** list: newest first, for display alone, because no seals are checked. Costs the same wherever the page is. */
  list(wanted: WantedTasks): Promise<TaskPage>;
  /**
   * delete: forgets an ended task, its claims and all its records, so that messages about it have no effect. Its files
   * stay. Repeating it changes nothing. What is left if the process dies is removed later.
   */
  remove(taskId: string): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------
// Seals: whether a stored record is as this service wrote it

/** The stores of tasks and reports seal what they write, because other accounts may write to the same database. */
export interface Seal {
  /** The seal to store beside exactly this content. `name` says which record it is. Throws in `prepare`. */
  of(name: string, content: string | Uint8Array): string;
  /** Whether the record of that name was sealed with exactly this content. Logs a forged one (`record.forged`) once. */
  fits(name: string, content: string | Uint8Array, seal: unknown): boolean;
}

// ---------------------------------------------------------------------------------------------------------------
// Reports and completion

export interface ReportStore {
  /**
   * render, dead-letter, sweep. Returns false if the combination has reported before; the first report stands. One whose
   * seal does not fit is replaced.
   */
  report(taskId: string, report: Report): Promise<boolean>;
  /**
   * cancel: stores cancelled reports in a few writes. Leaves out combinations that have reported, and those whose lease,
   * under the key at the same position, is held or has lapsed, because someone may be making the video. Whoever takes the
   * lease later finds the report. Returns the indexes of the reports that counted.
   */
  reportIdle(taskId: string, reports: readonly Report[], leaseKeys: readonly string[]): Promise<number[]>;
  /** Reports of the combinations from..to (inclusive), in order, without missing ones and those with a wrong seal. */
  list(taskId: string, from: number, to: number): Promise<Report[]>;
  /**
   * Called after every report, even a repeated one. `index` is the combination that has just reported; without it, as
   * in the sweep, all are checked. 'open': some have not reported. 'claimed': all have, and `complete` may not be
   * published yet: publish it, then mark it. 'published': nothing is left to do.
   */
  claimCompletion(taskId: string, index?: number): Promise<'open' | 'claimed' | 'published'>;
  markCompletionPublished(taskId: string): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------
// Problems: what holds up a task, for its status

/** At most one record per piece of work. They may be lost, and forgotten when the task has ended: nothing depends on them. */
export interface ProblemStore {
  /** In place of the earlier record of the same work, whose `since` stands if it is earlier. */
  note(taskId: string, problem: Problem): Promise<void>;
  /** The work goes on. */
  clear(taskId: string, work: Work): Promise<void>;
  /** status: the latest ones, latest first. Those of work that another process has done may still be there. */
  latest(taskId: string, limit: number): Promise<Problem[]>;
}

// ---------------------------------------------------------------------------------------------------------------
// Webhooks: the one event of a task with a callback_url

/** One record for each task. It is gone with its task. */
export interface WebhookStore {
  /** complete, POST /webhook: from now on the event is to be sent, with what earlier deliveries left in the record. */
  ask(taskId: string, at: number): Promise<void>;
  /** Undefined if it was never asked for. */
  read(taskId: string): Promise<WebhookRecord | undefined>;
  /**
   * webhook: after a delivery, or to put one off. Keeps what `recorded` of model/webhook.ts makes of it, and returns that;
   * undefined, and nothing is kept, without a record.
   * @param before as it was read
   */
  record(taskId: string, before: WebhookRecord, after: WebhookRecord): Promise<WebhookRecord | undefined>;
  /**
   * webhook: the text of the event. The first one that is kept counts, for every delivery: receivers rely on the same bytes.
   * @param make called if there is none
   */
  event(taskId: string, make: () => Promise<string>): Promise<string>;
  /** webhook: its task is gone. */
  forget(taskId: string): Promise<void>;
  /** sweep: the tasks whose event is due, the longest first, without the first `skip` of them. */
  due(at: number, limit: number, skip?: number): Promise<string[]>;
}

export interface WebhookSender {
  /**
   * webhook: one POST, signed. The same id and the same body at each delivery of an event. Rejects only with the signal's
   * reason: whatever else goes wrong is in the answer.
   */
  send(event: { url: string; id: string; body: string }, signal: AbortSignal): Promise<WebhookAnswer>;
}

// ---------------------------------------------------------------------------------------------------------------
// Pins: results that are determined once per task, for all its renders

export interface PinStore {
  /** In the order of the names; undefined for a missing pin. */
  read<N extends PinName>(taskId: string, names: readonly N[]): Promise<(PinOf<N> | undefined)[]>;
  /** status: how many pins there are, and how many sources are ready for renders. */
  count(taskId: string): Promise<{ all: number; ready: number }>;
  /** Only the first write of a pin counts. Returns that pin. */
  write<N extends PinName>(taskId: string, name: N, pin: PinOf<N>): Promise<PinOf<N>>;
}

// ---------------------------------------------------------------------------------------------------------------
// Leases: which process works on what, by the store's clock

export interface Lease {
  readonly key: string;
  /** New at each take; renewals and releases with an earlier token have no effect. */
  readonly token: string;
  /**
   * How the previous holder ended. none: there was none, or it released the lease over an hour ago. lapsed: it neither
   * released nor renewed the lease, however long ago that was.
   */
  readonly previous: Exclude<LeaseState, 'held'>;
  /** The token of the lease that lapsed. */
  readonly lapsed?: string;
}

export interface LeaseStore {
  /** A holder that has not renewed for this long counts as dead. Holders renew three times within it. */
  readonly ttlMs: number;
  /** How often waiting callers check whether the holder is done. */
  readonly pollMs: number;
  /**
   * Returns undefined while a living holder has the lease. Of many concurrent calls, exactly one gets it.
   * @param holder who takes it, for `holderOf`
   */
  take(key: string, ttlMs: number, holder?: string): Promise<Lease | undefined>;
  /** Who has the lease now, '' if unnamed; undefined if nobody has. */
  holderOf(key: string): Promise<string | undefined>;
  /** Returns false if the lease was taken over or has lapsed; the holder must stop and must not save. */
  renew(lease: Lease, ttlMs: number): Promise<boolean>;
  /**
   * Ends the lease in order, even after it has lapsed. Returns false, and has no effect, once another holder has taken
   * it.
   */
  release(lease: Lease): Promise<boolean>;
  /** In the order of the keys. */
  read(keys: readonly string[]): Promise<LeaseState[]>;
}

// ---------------------------------------------------------------------------------------------------------------
// Attempts: one small record per key, forgotten an hour after its last change

export interface AttemptStore {
  /** In the order of the keys. */
  read(keys: readonly string[]): Promise<Attempts[]>;
  /**
   * Counts one more and returns the new counts. A rest under the same key is not affected. `lapsed` is the token of the
   * lease whose holder seems to have crashed.
   */
  record(key: string, what: 'crash' | 'failure', lapsed?: string): Promise<Attempts>;
  /**
   * The holder of that lease did not crash, although its lease lapsed: that crash is taken back, or will not be counted.
   */
  forgive(key: string, lapsed: string): Promise<void>;
  /**
   * fetch, render, sweep: starts a rest of that length, by the store's clock, and returns its number, from 1. Returns
   * undefined, and changes nothing, during a rest. Of many concurrent calls, exactly one starts it.
   */
  rest(key: string, ms: number): Promise<number | undefined>;
  /** Whether a rest is under way, in the order of the keys. */
  resting(keys: readonly string[]): Promise<boolean[]>;
}

// ---------------------------------------------------------------------------------------------------------------
// Messages

/** What a stage gets with each message. */
export interface Delivery {
  /** Fires when the host stops or the platform's time is up: end children, save nothing, hand the message back. */
  signal: AbortSignal;
  /** The same at each delivery of a message, and another one for each message; undefined if the queue has none. */
  messageId?: string | undefined;
}

export interface Queue {
  /** Once it resolves, each message is delivered at least once, even after a crash. In no particular order. */
  publish(messages: readonly Message[]): Promise<void>;
  /** sweep: whether the same message waits or is being handled. Missing where the queue does not know. */
  has?(message: Message): Promise<boolean>;
}

// ---------------------------------------------------------------------------------------------------------------
// Files

/** A finished, checked artifact on this machine's disk. It is not evicted until it is disposed of. */
export interface Artifact<M = unknown> extends Disposable {
  readonly key: string;
  readonly meta: M;
  /** Names of its files. */
  readonly files: readonly string[];
  /** Absolute path of one of its files. */
  path(name: string): string;
}

export interface ArtifactStore {
  /** Returns undefined if there is none. An artifact with a wrong checksum is removed and counts as missing. */
  open<M>(key: string): Promise<Artifact<M> | undefined>;
  /** Takes over the files of `dir`. If there is an artifact with this key already, it stays and is returned. */
  put<M>(key: string, dir: string, meta: M): Promise<Artifact<M>>;
}

export interface SavedFile {
  url: string;
  bytes: number;
}

/** Whose file it is: a task and its retries give their files the same names. */
export interface FileOwner {
  taskId: string;
  /** Asked right before the file gets its name, or loses it. False: the step is late and changes nothing. */
  isCurrent: () => Promise<boolean>;
}

/** A saved file as it was found. Reading it, or making a link to it, may come much later or never. */
export interface FoundFile {
  readonly bytes: number;
  /** Another one for other bytes: letters, digits and - alone. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  /**
   * Bytes from..to, inclusive; all by default. Opened at the first piece; closed at the last one, at an early return, and
   * when the signal fires, also while nobody takes pieces. Ends early, or throws PermanentError output_missing, if the file
   * was replaced or removed since it was found. Throws TransientError if the bytes from where it stopped may come later.
   */
  read(range: { signal: AbortSignal; from?: number; to?: number }): AsyncGenerator<Uint8Array>;
  /**
   * An address where a browser gets it; undefined if only the service can read it. Throws TransientError if there is one
   * that cannot be had now.
   */
  link(signal: AbortSignal): Promise<string | undefined>;
}

export interface OutputStore {
  /**
   * process-media: returns the folder of that name. If it is missing, it is created, only once for concurrent calls.
   * Throws RequestError 'output_folder', with a hint, if videos could not be saved there, and TransientError if that
   * cannot be determined now: a second call continues where the first one stopped. Rejects with the signal's reason.
   */
  createFolder(name: string, signal?: AbortSignal): Promise<OutputFolder>;
  /**
   * render, complete: moves the file there and replaces one of the same name. An unfinished file never has the name.
   * Throws TransientError 'waiting' if the owner is no longer current: what another owner has saved then stays.
   */
  save(
    folder: OutputFolder,
    fileName: string,
    file: string,
    signal: AbortSignal,
    owner?: FileOwner,
  ): Promise<SavedFile>;
  /**
   * complete, render: removes files that were saved but are not videos of the task, because their process died before
   * it could report, or reported too late. Names that do not exist, which is the usual case, are no error. What another
   * owner has saved under the name stays.
   */
  remove(folder: OutputFolder, fileNames: readonly string[], owner?: FileOwner): Promise<void>;
  /**
   * video, zip: the file that the task has saved under that name; undefined if it is gone, because someone removed it.
   * Never follows a link out of the folder. Throws PermanentError if the service may not read it.
   */
  find(
    folder: OutputFolder,
    fileName: string,
    owner: Pick<FileOwner, 'taskId'>,
    signal: AbortSignal,
  ): Promise<FoundFile | undefined>;
}

// ---------------------------------------------------------------------------------------------------------------
// Memos: values that are remembered across tasks and restarts

/** Texts by key. Keys may be secret, for example signed URLs, so they are stored as hashes. */
export interface Memo {
  /** In the order of the keys; undefined for a missing value. */
  recall(keys: readonly string[]): Promise<(string | undefined)[]>;
  /**
   * outputs, for ids that a vendor assigns before the file exists. Only the first value counts; it is returned. `value`
   * replaces it only if it equals `gone`, a value that is no longer of use.
   */
  settle(key: string, value: string, gone?: string): Promise<string>;
  /** fetch, for what a URL last returned. The last value counts. */
  remember(key: string, value: string): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------
// External services

export interface Downloads {
  /**
   * prepare: one GET into `file`, conditional if a validator is given. Throws PermanentError if a retry is pointless,
   * and TransientError if it may help.
   */
  get(
    location: SourceLocation,
    file: string,
    options: { validator?: Validator | undefined; signal: AbortSignal },
  ): Promise<Download>;
}

/** A file that a caller wants to send. */
export interface UploadOffer {
  id: string;
  /** The exact length. */
  bytes: number;
  /** Media type. */
  type: string;
  /** Where callers reach the service, without a trailing slash. */
  base: string;
}

/** How the file is sent: PUT to `url` with exactly these headers, until then. The URL is a permission of its own. */
export interface UploadTarget {
  url: string;
  headers: Readonly<Record<string, string>>;
  expiresAt: Date;
}

/** Files that callers sent, to name them as sources. Each is kept for UPLOAD_DAYS from when it was complete. */
export interface UploadStore {
  /** uploads: stores nothing. */
  offer(offer: UploadOffer): Promise<UploadTarget>;
  /** process-media: whether a file was sent whole, and not too long ago, in the order of the ids. Throws TransientError. */
  areThere(ids: readonly string[]): Promise<boolean[]>;
  /** prepare: as Downloads. Throws PermanentError 'source_not_found' if the file is not there any more. */
  read(id: string, file: string, options: Parameters<Downloads['get']>[2]): Promise<Download>;
  /** uploads: takes files that are sent to this service. Missing where they are sent elsewhere. */
  receiver?: UploadReceiver;
}

export interface UploadReceiver {
  /** Whether this service made the URL, for that id, whether it has expired or not. */
  isOurs(id: string, query: URLSearchParams): boolean;
  /**
   * Stores the body under the id in one step, or nothing. A file that has arrived never changes.
   * @param query of the URL of the request
   * @throws RequestError: 403 if the URL is not ours or has expired, 422 for another length, type or file, 408 if it is too slow
   * @throws TransientError disk_full
   */
  receive(id: string, query: URLSearchParams, sent: SentFile): Promise<void>;
}

export interface SentFile {
  /** Content-Type; null: none. */
  type: string | null;
  /** Content-Length; undefined: unknown. */
  bytes: number | undefined;
  body: AsyncIterable<Uint8Array>;
  /** Fires when the caller is gone. */
  signal: AbortSignal;
}

export interface Speech {
  /** A warning for callers about this voice, or null. */
  readonly notice: string | null;
  /**
   * How many lines may be spoken at the same time by all processes together, as far as known; null means no limit. Read
   * before each line.
   */
  readonly atOnce: number | null;
  /** Whether this process speaks one line after the other; its tasks are then served in turn. */
  readonly oneAtATime: boolean;
  /**
   * Everything that determines the sound, except the text: provider, voice, model, settings. May ask the provider which
   * voice has that name. Throws PermanentError if none or more than one has it, and TransientError.
   */
  identity(line: Line, signal: AbortSignal): Promise<readonly string[]>;
  /** May cost money: called once per identity and text, and the result is stored before anything else is done. */
  speak(line: Line, signal: AbortSignal): Promise<Spoken>;
}

/** Records the child processes of this host, so that the next host can end those that outlive it. */
export interface ChildRecords {
  /**
   * Called right after the start of a child that leads its own process group. Never throws; at worst it is not
   * recorded.
   */
  started(pid: number): void;
  /** Called when the child has ended. */
  ended(pid: number): void;
}

/**
 * Reads the OIDC token of a push. Checks signature, issuer and times, but neither account nor audience. Certificates
 * are fetched at the first token and kept for as long as Google says.
 * @throws TransientError if the certificates cannot be fetched
 */
export interface TokenReader {
  read(token: string): Promise<TokenRead>;
}
