/**
 * What the stages need from the world, in our words. Each port has an embedded adapter and a cloud adapter, held to one
 * contract suite (test/contracts). What a comment says about a second call is part of the contract: every message may be
 * delivered twice, late, or to a process that dies half-way.
 */
import type { Attempts } from './model/attempts.ts';
import type { LeaseState } from './model/lease-state.ts';
import type { Message } from './model/messages.ts';
import type { PinName, PinOf } from './model/pins.ts';
import type { Line } from './model/plan.ts';
import type { Report } from './model/report.ts';
import type { Download, Validator } from './model/source.ts';
import type { SourceLocation } from './model/source-location.ts';
import type { Spoken } from './model/speech.ts';
import type { Claim, ClaimHolder, OutputFolder, Progress, Task } from './model/task.ts';

// ---------------------------------------------------------------------------------------------------------------
// Tasks

export interface TaskStore {
  /**
   * process-media, retry: stores the task, unpublished, together with its claim. False, and nothing stored, where another
   * task has the claim (see claimed), or where the id of a task with the same output folder begins with the same six
   * digits, as their file names would clash: draw another id.
   */
  create(task: Task, claim?: Claim): Promise<boolean>;
  /** process-media, retry: the task that has the claim; undefined where none has, or where it has expired. */
  claimed(key: string): Promise<ClaimHolder | undefined>;
  get(taskId: string): Promise<Task | undefined>;
  /** process-media and sweep, after the last message is out. Repeating it changes nothing. */
  markPublished(taskId: string): Promise<void>;
  /** cancel: nothing more begins, and what is under way stops. Repeating it changes nothing. */
  cancel(taskId: string): Promise<void>;
  /** prepare, render: asked several times a second while at work. May see a cancel by another process seconds late. */
  isCancelled(taskId: string): Promise<boolean>;
  /** status, sweep. */
  progress(taskId: string): Promise<Progress | undefined>;
  /** sweep: ids of the tasks that are not finished, oldest first, at most `limit`, created after `afterId`. */
  unfinished(limit: number, afterId?: string): Promise<string[]>;
  /** complete, as its last step. Answers with the time of the first call, milliseconds since the epoch. */
  finish(taskId: string): Promise<number>;
}

// ---------------------------------------------------------------------------------------------------------------
// Reports and completion

export interface ReportStore {
  /** render, dead-letter, sweep. True: counted. False: the combination has reported before; the first report stands. */
  report(taskId: string, report: Report): Promise<boolean>;
  /** Reports of the combinations numbered from..to (inclusive), in order, without those that have not reported. */
  list(taskId: string, from: number, to: number): Promise<Report[]>;
  /**
   * After every report, also a repeated one. `index` is the combination that has just reported; without it, as in the
   * sweep, all are checked. 'open': some have not reported. 'claimed': all have, and `complete` is not known to be
   * published: publish it, then mark it. 'published': nothing is left to do.
   */
  claimCompletion(taskId: string, index?: number): Promise<'open' | 'claimed' | 'published'>;
  markCompletionPublished(taskId: string): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------
// Pins: what is settled once per task, for all its renders

export interface PinStore {
  /** In the order asked for; undefined where there is no pin. */
  read<N extends PinName>(taskId: string, names: readonly N[]): Promise<(PinOf<N> | undefined)[]>;
  /** Create-once: answers with the pin that was written first. */
  write<N extends PinName>(taskId: string, name: N, pin: PinOf<N>): Promise<PinOf<N>>;
  /**
   * render: answers as soon as all are there or one of them has an error, else (with gaps) after `timeoutMs`.
   * Rejects with the signal's reason when aborted.
   */
  wait<N extends PinName>(
    taskId: string,
    names: readonly N[],
    options: { timeoutMs: number; signal: AbortSignal },
  ): Promise<(PinOf<N> | undefined)[]>;
}

// ---------------------------------------------------------------------------------------------------------------
// Leases: who works on what, by the store's clock

export interface Lease {
  readonly key: string;
  /** Drawn anew at each take; renewals and releases of an earlier one have no effect. */
  readonly token: string;
  /**
   * How the holder before it ended. none: there was none, or it released the lease over an hour ago. lapsed: it neither
   * released nor renewed it, however long ago that was.
   */
  readonly previous: Exclude<LeaseState, 'held'>;
}

export interface LeaseStore {
  /** A holder that has not renewed for this long is taken for dead. It renews three times within it. */
  readonly ttlMs: number;
  /** How often those who wait for a holder look whether it is done. */
  readonly pollMs: number;
  /** Undefined while a living holder has it. Of many at once, exactly one gets it. */
  take(key: string, ttlMs: number): Promise<Lease | undefined>;
  /** False: it was taken over or has lapsed; the holder must stop and must not save. */
  renew(lease: Lease, ttlMs: number): Promise<boolean>;
  /** An orderly end, also where it comes late. No effect once another one has taken the lease. */
  release(lease: Lease): Promise<void>;
  /** In the order asked for. */
  read(keys: readonly string[]): Promise<LeaseState[]>;
}

// ---------------------------------------------------------------------------------------------------------------
// Attempts: one small record for each key, which is forgotten an hour after its last change

export interface AttemptStore {
  /** In the order asked for. */
  read(keys: readonly string[]): Promise<Attempts[]>;
  /** Counts one more, and answers with all. A rest under the same key goes on as it is. */
  record(key: string, what: 'crash' | 'failure'): Promise<Attempts>;
  /**
   * fetch, render, sweep: begins a rest of that length, by the store's clock, and answers with its round: 1 for the first.
   * Undefined, and nothing changed, while one still lasts. Of many at once, exactly one begins it.
   */
  rest(key: string, ms: number): Promise<number | undefined>;
  /** Whether a rest still lasts, in the order asked for. */
  resting(keys: readonly string[]): Promise<boolean[]>;
}

// ---------------------------------------------------------------------------------------------------------------
// Messages

/** What a stage is given beside the message. */
export interface Delivery {
  /** Fires when the host stops or the platform's time is over: end children, save nothing, hand the message back. */
  signal: AbortSignal;
}

export interface Queue {
  /** Once it resolves, each message is delivered at least once, whatever happens. In no particular order. */
  publish(messages: readonly Message[]): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------
// Files

/** A finished, checked artifact on this machine's disk; it is not evicted before it is disposed of. */
export interface Artifact<M = unknown> extends Disposable {
  readonly key: string;
  readonly meta: M;
  /** Names of its files. */
  readonly files: readonly string[];
  /** Absolute path of one of its files. */
  path(name: string): string;
}

export interface ArtifactStore {
  /** Undefined where there is none. One whose files do not match their checksums is removed, and counts as none. */
  open<M>(key: string): Promise<Artifact<M> | undefined>;
  /** Takes over the files of `dir`, create-once: of two artifacts with one key the first stays, and is the answer. */
  put<M>(key: string, dir: string, meta: M): Promise<Artifact<M>>;
}

export interface SavedFile {
  url: string;
  bytes: number;
}

export interface OutputStore {
  /**
   * process-media. The folder of that name; makes it where there is none, once for concurrent calls. Throws RequestError
   * 'output_folder', with a hint, where videos could not be saved there, and TransientError where that cannot be found
   * out at the moment: a second call goes on where the first one ended. Rejects with the signal's reason.
   */
  createFolder(name: string, signal?: AbortSignal): Promise<OutputFolder>;
  /** render, complete: moves the file there. The same name replaces it; an unfinished file never carries the name. */
  save(folder: OutputFolder, fileName: string, file: string, signal: AbortSignal): Promise<SavedFile>;
  /**
   * complete, render: removes files that were saved without becoming videos of the task: their process died before it
   * could report, or was too late. Most of the names are not there, which is no error.
   */
  remove(folder: OutputFolder, fileNames: readonly string[]): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------
// Memos: what is worth knowing between tasks and after a restart

/** Texts by key. Keys may be secrets, as signed URLs are: they are stored as hashes. */
export interface Memo {
  /** In the order asked for; undefined where there is none. */
  recall(keys: readonly string[]): Promise<(string | undefined)[]>;
  /**
   * outputs, for ids that a vendor has drawn for things not made yet. Create-once: answers with the value that stands, which
   * is the first one settled. Only where that is `gone`, a value that has become useless, does `value` take its place.
   */
  settle(key: string, value: string, gone?: string): Promise<string>;
  /** fetch, for what a URL last gave. The last value stands. */
  remember(key: string, value: string): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------
// The world outside

export interface Downloads {
  /**
   * prepare: one GET into `file`, conditional where a validator is given. Throws PermanentError where trying again is
   * pointless, and TransientError where it may help.
   */
  get(
    location: SourceLocation,
    file: string,
    options: { validator?: Validator | undefined; signal: AbortSignal },
  ): Promise<Download>;
}

export interface Speech {
  /** A warning for callers about this voice, or null. */
  readonly notice: string | null;
  /**
   * How many lines all processes together may have spoken at the same time, as far as is known; null: no limit. Read
   * before each line.
   */
  readonly atOnce: number | null;
  /**
   * All that makes the sound what it is, except the text: provider, voice, model, settings. May ask the provider which
   * voice has that name. Throws PermanentError where there is none or more than one, and TransientError.
   */
  identity(line: Line, signal: AbortSignal): Promise<readonly string[]>;
  /** May cost money: called once per identity and text, and the result is stored before anything else is done. */
  speak(line: Line, signal: AbortSignal): Promise<Spoken>;
}

/** Records the programs that run for this host, so that the next host can end those that outlive it. */
export interface ChildRecords {
  /** Right after the start of a child that leads its own process group. Never throws: the child then runs unrecorded. */
  started(pid: number): void;
  /** It is gone. */
  ended(pid: number): void;
}

/** The signed claims of a token, which have not been compared with anything yet. */
export interface TokenClaims {
  audience: unknown;
  email: unknown;
  emailVerified: unknown;
}

/**
 * Reads the OIDC token of a push. Checks signature, issuer and times, but neither account nor audience. Certificates are
 * fetched at the first token and kept for as long as Google says. `refused` completes a sentence after "got", and repeats
 * nothing of the token.
 * @throws TransientError where the certificates cannot be fetched
 */
export interface TokenReader {
  read(token: string): Promise<{ claims: TokenClaims } | { refused: string }>;
}
