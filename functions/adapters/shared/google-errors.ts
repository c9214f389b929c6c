/** The gate for errors of Google's gRPC clients: what may help if it is tried again is transient, all else passes. */
import { TransientError } from '../../base/errors.ts';

/** https://grpc.io/docs/guides/status-codes/ */
export const GRPC = {
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const;

/** The clients have retried most of these by themselves. */
const TRANSIENT: readonly unknown[] = [
  GRPC.DEADLINE_EXCEEDED,
  GRPC.RESOURCE_EXHAUSTED,
  GRPC.ABORTED,
  GRPC.INTERNAL,
  GRPC.UNAVAILABLE,
];

export type Product = 'Firestore' | 'Pub/Sub';

/** What became of the call cannot be told from it: it may have been done all the same. */
export function isUnclear(error: unknown): boolean {
  return TRANSIENT.includes(grpcCode(error));
}

export function grpcCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Runs calls of one product's client behind the gate. */
export async function throughGate<T>(product: Product, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!isUnclear(error)) throw error;
    throw new TransientError(
      'platform_unavailable',
      `Expected an answer of ${product}, got gRPC status ${grpcCode(error)}.`,
      { cause: error },
    );
  }
}
