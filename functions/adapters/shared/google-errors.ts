/** The gate for errors of Google's gRPC clients: those that a retry may fix become transient, others stay unchanged. */
import { TransientError } from '../../base/errors.ts';

/** https://grpc.io/docs/guides/status-codes/ */
export const GRPC = {
  UNKNOWN: 2,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const;

/**
 * The clients of Firestore and Pub/Sub have retried most of these themselves. Their retries stay on: they know which
 * calls may be repeated, and resume transactions and streams. This service adds no retries around them.
 */
const TRANSIENT: readonly unknown[] = [
  // After an exception of the server itself, as of the Firestore emulator, and where no token can be had.
  GRPC.UNKNOWN,
  GRPC.DEADLINE_EXCEEDED,
  GRPC.RESOURCE_EXHAUSTED,
  GRPC.ABORTED,
  GRPC.INTERNAL,
  GRPC.UNAVAILABLE,
];

export type Product = 'Firestore' | 'Pub/Sub';

/** Whether the call may nevertheless have succeeded. */
export function isInconclusive(error: unknown): boolean {
  return TRANSIENT.includes(grpcCode(error));
}

export function grpcCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Runs calls of a product's client behind the gate. */
export async function throughGate<T>(product: Product, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!isInconclusive(error)) throw error;
    throw new TransientError(
      'platform_unavailable',
      `Expected an answer from ${product}, got gRPC status ${grpcCode(error)}.`,
      { cause: error },
    );
  }
}
